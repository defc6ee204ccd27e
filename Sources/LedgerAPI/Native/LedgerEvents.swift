// LedgerEvents: the log itself, event by event, byte by byte.
//
// Called through the route table; calls `RecordStore`. Invariant: what is sent for an event are its
// stored bytes, the ones that were hashed.

import HTTPWire
import Ledger
import LedgerServices

/// The calls about the log.
enum LedgerEvents {
  /// `GET .../events`: a page of the log, as one object or as a line an event.
  static func list(_ call: Call) async throws(Failure) -> Answer {
    let limit = try call.query.limit()
    let format = try Format(call.request)
    var from: Position?
    if let number = try call.query.number("after") {
      // Nothing follows the last position there can be.
      guard let after = Position(number), let next = Position(after.index + 1) else {
        throw .input("after", .malformed("a position before the last there can be"))
      }
      from = next
    }
    guard let begin = from ?? Position(0) else { throw .noRoute }
    let services = call.services
    let project = call.project.id
    let reading = try await call.read { () async throws(StoreError) in
      try await services.records.events(in: project, from: begin, limit: limit)
    }
    // More follow exactly if the last one sent is not the last one of the log.
    let last = reading.value.last?.position
    let next = last != reading.size.last ? last : nil
    var answer = Answer(
      status: 200, contentType: format.rawValue, content: [], size: reading.size,
      next: next.map { "\(call.request.path)?after=\($0.index)&limit=\(limit)" })
    answer.fields.append(("Vary", "Accept"))
    switch format {
    case .lines:
      for event in reading.value {
        answer.content.append(contentsOf: event.bytes)
        answer.content.append(0x0A)
      }
    case .object:
      var text = ObjectText()
      text.list("events", reading.value.map(\.bytes))
      text.integer("next", next?.index)
      answer.content = text.bytes
    }
    return answer
  }

  /// `GET .../events/{position}`: one event.
  static func show(_ call: Call) async throws(Failure) -> Answer {
    let text = try call.parameter(.position)
    guard let position = Query.number(text).flatMap({ Position($0) }) else {
      throw .input("position", .malformed("a whole number from 0 to \(wholeNumberMax)"))
    }
    let services = call.services
    let project = call.project.id
    let reading = try await call.read { () async throws(StoreError) in
      try await services.records.events(in: project, from: position, limit: 1)
    }
    guard let event = reading.value.first, event.position == position else {
      throw .missing(.event, size: reading.size)
    }
    return .json(event.bytes, size: reading.size)
  }

  /// How a page of the log is written.
  enum Format: String, CaseIterable {
    /// One object with a list.
    case object = "application/json"
    /// One event a line.
    case lines = "application/x-ndjson"

    /// What the client would rather have; of two it likes alike, the one it names.
    init(_ request: HTTPRequest) throws(Failure) {
      let fields = request.fields.values("Accept")
      let ranges = AcceptRange.all(in: fields)
      guard !ranges.isEmpty else {
        self = .object
        return
      }
      let object = AcceptRange.quality(of: Self.object.rawValue, in: ranges)
      let lines = AcceptRange.quality(of: Self.lines.rawValue, in: ranges)
      guard object.thousandths > 0 || lines.thousandths > 0 else {
        throw .notAcceptable(offered: Self.allCases.map(\.rawValue))
      }
      let prefersLines =
        (lines.thousandths, lines.precision) > (object.thousandths, object.precision)
      self = prefersLines ? .lines : .object
    }
  }
}

/// One range of an `Accept` field.
///
/// Source: RFC 9110, section 12.5.1.
struct AcceptRange {
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
    for (precision, pattern) in [(2, type), (1, String(group)), (0, "*/*")] {
      guard let range = ranges.first(where: { $0.type == pattern }) else { continue }
      return (range.thousandths, precision)
    }
    return (0, 0)
  }
}
