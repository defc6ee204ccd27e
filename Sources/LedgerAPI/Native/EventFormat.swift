// EventFormat: in which form a reader wants the log, from what it says it accepts.
//
// Called by `LedgerEvents`; its cases are what the description of the API lists. Invariant: a form
// is given only to those who take it.

import HTTPWire

/// A form of the log.
enum EventFormat: String, CaseIterable {
  /// One object with a list.
  case object = "application/json"
  /// One event a line.
  case lines = "application/x-ndjson"
  /// A list of CloudEvents.
  case cloudEvents = "application/cloudevents-batch+json"
  /// A stream that does not end, of an event as soon as it is recorded.
  case live = "text/event-stream"

  /// What the client would rather have; of two it likes alike, the one it names.
  ///
  /// A stream without an end is only for who names it, not for who takes anything.
  init(_ request: HTTPRequest) throws(Failure) {
    let ranges = AcceptRange.all(in: request.fields.values("Accept"))
    guard !ranges.isEmpty else {
      self = .object
      return
    }
    var best: (format: EventFormat, quality: (thousandths: Int, precision: Int))?
    for format in Self.allCases {
      let quality = AcceptRange.quality(of: format.rawValue, in: ranges)
      guard format != .live || quality.precision == AcceptRange.precisionMax else { continue }
      guard quality.thousandths > 0, best.map({ $0.quality < quality }) ?? true else { continue }
      best = (format, quality)
    }
    guard let best else { throw .notAcceptable(offered: Self.allCases.map(\.rawValue)) }
    self = best.format
  }
}

/// One range of an `Accept` field.
///
/// Source: RFC 9110, section 12.5.1.
struct AcceptRange {
  /// The precision of a range that names one type.
  static let precisionMax = 2

  let type: String
  let thousandths: Int

  /// All ranges, with what cannot be read left out.
  static func all(in fields: [String]) -> [AcceptRange] {
    fields.flatMap { $0.split(separator: ",") }.compactMap { item in
      let parts = item.split(separator: ";").map { part in
        part.filter { $0 != " " && $0 != "\t" }.lowercased()
      }
      guard let type = parts.first, type.contains("/") else { return nil }
      let weight = parts.dropFirst().first { $0.hasPrefix("q=") }.map { String($0.dropFirst(2)) }
      return AcceptRange(type: type, thousandths: weight.map(thousandths) ?? 1_000)
    }
  }

  private static func thousandths(_ weight: String) -> Int {
    let parts = weight.split(separator: ".", omittingEmptySubsequences: false)
    guard let whole = parts.first, whole == "0" || whole == "1", parts.count <= 2 else { return 0 }
    guard whole == "0", parts.count == 2, let fraction = Query.number(String(parts[1].prefix(3)))
    else { return whole == "1" ? 1_000 : 0 }
    return Int(fraction) * [1, 100, 10, 1][min(parts[1].utf8.count, 3)]
  }

  /// How much a type is wanted, by the most precise range that covers it.
  static func quality(
    of type: String, in ranges: [AcceptRange]
  ) -> (thousandths: Int, precision: Int) {
    let group = type.prefix { $0 != "/" } + "/*"
    for (precision, pattern) in [(precisionMax, type), (1, String(group)), (0, "*/*")] {
      guard let range = ranges.first(where: { $0.type == pattern }) else { continue }
      return (range.thousandths, precision)
    }
    return (0, 0)
  }
}
