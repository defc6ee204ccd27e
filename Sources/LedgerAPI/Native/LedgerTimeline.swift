// LedgerTimeline: every stretch of every label of a secret on both axes: when it was so, and when
// the ledger said so.
//
// Called through the route table; calls `RecordStore` page by page while the answer is sent, and
// `StageKnowledge`, which folds the pages. Invariant: what is known is fixed before the first line;
// memory holds a page and what is told still.

import HTTPWire
import Ledger
import LedgerServices

/// The call about both axes of time.
enum LedgerTimeline {
  private static let pageSize = 1_000

  /// `GET /secrets/{secret}/timeline`: a line for each stretch that was ever told.
  static func show(_ call: Call) async throws(Failure) -> Answer {
    let secret = try call.secret()
    let known = try call.query.knowledge("known_at")
    let view = try await call.resolve(MomentPair(effectiveAt: nil, known: known)).known
    try await call.requireKnown(secret)
    let records = call.services.records
    let project = call.project.id
    let body = HTTPBodyStream { writer async throws(HTTPStreamError) in
      var knowledge = StageKnowledge()
      var after: Int64 = 0
      while true {
        var lines: [UInt8] = []
        let page: [StoredEvent]
        do {
          page = try await records.stageEvents(
            of: secret, in: project, after: after, knownSize: view.size, limit: pageSize)
          for stored in page {
            let event = try Event(canonicalBytes: stored.bytes)
            after = event.streamVersion?.number ?? after
            for interval in knowledge.add(event) { lines += line(interval) }
          }
        } catch {
          // The reader sees the stream cut, and takes no part for the whole.
          throw .abandoned
        }
        let isLast = page.count < pageSize
        if isLast { for interval in knowledge.standing { lines += line(interval) } }
        try await writer.write(lines)
        guard !isLast else { return }
      }
    }
    var answer = Answer(
      status: 200, contentType: LedgerSnapshot.lines, content: [], stream: body, size: view.size)
    answer.fields.append(("Cache-Control", "no-store"))
    return answer
  }

  private static func line(_ known: KnownInterval) -> [UInt8] {
    var text = ObjectText()
    text.text("stage", known.stage.text)
    text.text("version_id", known.interval.versionID?.text)
    text.instant("since", known.interval.since)
    text.instant("since_after", known.interval.sinceAfter)
    text.instant("until", known.interval.until)
    text.instant("known_since", known.knownSince)
    text.instant("known_until", known.knownUntil)
    text.integer("position", known.interval.decidedBy.index)
    return text.bytes + [0x0A]
  }
}
