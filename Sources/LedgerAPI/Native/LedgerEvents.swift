// LedgerEvents: the log itself, event by event, byte by byte.
//
// Called through the route table; calls `RecordStore`. Invariant: what is sent for an event are its
// stored bytes, the ones that were hashed, whatever stands around them.

import HTTPWire
import Ledger
import LedgerServices

/// The calls about the log.
enum LedgerEvents {
  /// `GET .../events`: a page of the log, in the format the client would rather have.
  static func list(_ call: Call) async throws(Failure) -> Answer {
    let format = try EventFormat(call.request)
    let after = try call.query.number("after").map { (number) throws(Failure) in
      try position(after: number, named: "after")
    }
    guard format != .live else {
      return try await live(call, from: try lastEventID(of: call) ?? after)
    }
    let limit = try call.query.limit()
    let services = call.services
    let project = call.project.id
    let reading = try await call.read { () async throws(StoreError) in
      try await services.records.events(
        in: project, from: after ?? TreeSize.zero.next, limit: limit)
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
    case .cloudEvents:
      var texts: [[UInt8]] = []
      for event in reading.value {
        guard let text = CloudEvent.text(of: event.bytes) else {
          throw .store(.corrupt("event \(event.position.index) cannot be read"))
        }
        texts.append(text)
      }
      answer.content = [0x5B] + texts.joined(separator: [0x2C]) + [0x5D]
    case .live: break
    }
    return answer
  }

  /// `GET .../events` as a live tail.
  private static func live(_ call: Call, from begin: Position?) async throws(Failure) -> Answer {
    guard call.query["limit"] == nil else {
      throw .input("limit", .malformed("left out of a live tail"))
    }
    let project = call.project.id
    let sizes: [ProjectID: TreeSize]
    do {
      sizes = try await call.services.records.sizes(of: [project])
    } catch {
      throw .store(error)
    }
    guard let tail = call.services.tails.open(project) else { throw .overloaded }
    var answer = Answer(
      status: 200, contentType: EventFormat.live.rawValue, content: [], size: sizes[project])
    answer.stream =
      LiveTail(
        call: call, begin: begin ?? TreeSize.zero.next, tail: tail,
        openedAt: call.services.clock.now
      ).body
    answer.fields = [
      ("Vary", "Accept"), ("Cache-Control", "no-store"), ("X-Accel-Buffering", "no"),
    ]
    return answer
  }

  /// The position after `Last-Event-ID`; nil without one.
  private static func lastEventID(of call: Call) throws(Failure) -> Position? {
    let texts = call.request.fields.values("Last-Event-ID")
    guard texts.count <= 1 else { throw .input("Last-Event-ID", .repeated) }
    guard let text = texts.first else { return nil }
    guard let number = Query.number(text) else {
      throw .input("Last-Event-ID", .malformed("the position of an event"))
    }
    return try position(after: number, named: "Last-Event-ID")
  }

  /// The position after the one a client names.
  static func position(after number: Int64, named name: String) throws(Failure) -> Position {
    // Nothing follows the last position there can be.
    guard let after = Position(number), let next = Position(after.index + 1) else {
      throw .input(name, .malformed("a position before the last there can be"))
    }
    return next
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
}
