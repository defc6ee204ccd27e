// Thresholds: what the measurements must reach, from a file kept beside this one.
//
// Called by `Main` for `--check`. Pure. Ratios alone are meant to be written there: they hold on
// other machines too. Invariant: a line that is not understood is an error, and so is a check that
// names a number nobody measured, unless its scenario was left out.

/// One demand: a scenario's number must be at least, or at most, so much.
struct Threshold: Equatable {
  /// Which way a number may be off.
  enum Bound: String {
    /// It must not be less.
    case atLeast = ">="
    /// It must not be more.
    case atMost = "<="
  }
  /// The scenario's name.
  var scenario: String
  /// The number's name.
  var number: String
  /// Which way it may be off.
  var bound: Bound
  /// How much.
  var limit: Double

  /// Those of the file beside this one.
  static func kept() throws(BenchError) -> [Threshold] {
    try parse(String(decoding: PackageResources.thresholds_txt, as: UTF8.self))
  }

  /// Reads lines such as `append-64 ratio >= 0.5`; `#` begins a comment.
  static func parse(_ text: String) throws(BenchError) -> [Threshold] {
    var thresholds: [Threshold] = []
    for line in text.split(separator: "\n") {
      let words = line.prefix { $0 != "#" }.split(separator: " ")
      if words.isEmpty { continue }
      guard words.count == 4, let bound = Bound(rawValue: String(words[2])),
        let limit = Double(words[3])
      else { throw .usage("not a threshold: \(line)") }
      thresholds.append(
        Threshold(
          scenario: String(words[0]), number: String(words[1]), bound: bound, limit: limit))
    }
    return thresholds
  }

  /// What is wrong with the measurements; empty when nothing is.
  static func misses(_ thresholds: [Threshold], in measurements: [Measurement]) -> [String] {
    thresholds.compactMap { threshold in
      guard let measurement = measurements.first(where: { $0.name == threshold.scenario }) else {
        return nil
      }
      let name = "\(threshold.scenario) \(threshold.number)"
      guard let number = measurement.numbers[threshold.number] else {
        return "\(name) was not measured"
      }
      let isMet =
        switch threshold.bound {
        case .atLeast: number >= threshold.limit
        case .atMost: number <= threshold.limit
        }
      guard !isMet else { return nil }
      let found = "\(threshold.bound.rawValue) \(Report.text(threshold.limit))"
      return "\(name) is \(Report.text(number)), not \(found)"
    }
  }
}
