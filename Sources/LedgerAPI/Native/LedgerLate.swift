// LedgerLate: the facts the ledger learned long after they were true.
//
// Called through the route table; calls `RecordStore`. An auditor asks for them first: what was
// answered before they came was answered without them.

import CanonicalJSON
import HTTPWire
import Ledger
import LedgerServices

/// The call about late facts.
enum LedgerLate {
  /// `GET /late`: a page of the events recorded at least `min_delay` after they were true.
  static func list(_ call: Call) async throws(Failure) -> Answer {
    let limit = try call.query.limit()
    let delay = max(try call.query.duration("min_delay") ?? 86_400_000_000, 1_000_000)
    let from = try call.query.number("after").map { (number) throws(Failure) in
      try LedgerEvents.position(after: number, named: "after")
    }
    let services = call.services
    let project = call.project.id
    let reading = try await call.read { () async throws(StoreError) in
      try await services.records.lateEvents(
        in: project, delay: delay, from: from ?? TreeSize.zero.next, limit: limit + 1)
    }
    let page = reading.value.prefix(limit)
    var lines: [[UInt8]] = []
    for stored in page {
      do { lines.append(line(try Event(canonicalBytes: stored.bytes))) } catch {
        throw .store(.corrupt("event \(stored.position.index): \(error)"))
      }
    }
    let next = reading.value.count > limit ? page.last?.position.index : nil
    var text = ObjectText()
    text.list("late", lines)
    text.integer("next", next)
    return .json(
      text.bytes, size: reading.size,
      next: next.map { next in
        "\(call.request.path)?after=\(next)&limit=\(limit)&min_delay=\(delay / 1_000_000)s"
      })
  }

  private static func line(_ event: Event) -> [UInt8] {
    let delay = event.recordedAt.microseconds - event.effectiveAt.microseconds
    var text = ObjectText()
    text.integer("position", event.position.index)
    text.text("type", event.type.rawValue)
    text.text("secret", event.secret?.text)
    text.text("stage", event.stage?.text)
    text.text("version_id", event.versionID?.text)
    text.instant("effective_at", event.effectiveAt)
    text.instant("effective_after", event.effectiveAfter)
    text.instant("recorded_at", event.recordedAt)
    text.integer("delay_seconds", delay / 1_000_000)
    return text.bytes
  }
}
