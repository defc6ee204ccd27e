// Measurement: what one scenario came to, over all its rounds.
//
// Made by the scenarios a round at a time, brought together here, printed by `Report`, held
// against `Thresholds`. Pure. Invariant: a ratio is between numbers of one round, taken one after
// the other.

/// What one round of a scenario came to.
struct Round {
  /// Things done a second; nil where only other numbers matter.
  var perSecond: Double?
  /// What the reference did a second, just before; nil where there is none.
  var reference: Double?
  /// How long the answers took; nil where nobody waited for single ones.
  var latencies: Latencies?
  /// The seconds of processor time the service used for each thing done.
  var processorSecondsEach: Double?
  /// Other numbers, by name.
  var others: [String: Double] = [:]
}

/// What a scenario came to.
struct Measurement: Equatable {
  /// The scenario's name.
  var name: String
  /// The name of what it is compared with.
  var reference: String?
  /// Numbers by name: `per_second`, `ratio`, `p99_ms` and so on.
  var numbers: [String: Double]

  /// The order in which numbers are told; those not named here come after, by name.
  static let order = [
    "per_second", "reference_per_second", "ratio", "p50_ms", "p99_ms", "p999_ms", "cpu_us",
  ]

  /// The medians of some rounds; quantiles are of all answers together.
  init(name: String, reference: String?, rounds: [Round]) {
    self.name = name
    self.reference = reference
    var numbers: [String: Double] = [:]
    numbers["per_second"] = median(rounds.compactMap(\.perSecond))
    numbers["reference_per_second"] = median(rounds.compactMap(\.reference))
    numbers["ratio"] = median(
      rounds.compactMap { round in
        round.perSecond.flatMap { mine in round.reference.map { mine / $0 } }
      })
    numbers["cpu_us"] = median(rounds.compactMap { $0.processorSecondsEach.map { $0 * 1e6 } })
    var latencies = Latencies()
    for round in rounds { if let more = round.latencies { latencies.add(more) } }
    for (key, quantile) in [("p50_ms", 0.5), ("p99_ms", 0.99), ("p999_ms", 0.999)] {
      numbers[key] = latencies.quantile(quantile).map { Double($0) / 1e6 }
    }
    for key in Set(rounds.flatMap(\.others.keys)) {
      numbers[key] = median(rounds.compactMap { $0.others[key] })
    }
    self.numbers = numbers
  }
}
