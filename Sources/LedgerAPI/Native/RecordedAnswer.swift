// RecordedAnswer: what the ledger's own API says of a change it recorded.
//
// Called by every writing endpoint of that API. Invariant: the events are the stored bytes,
// verbatim, so that whoever keeps the answer can hash them again.

import Crypto
import HTTPWire
import Ledger
import LedgerServices

extension Call {
  /// What the outcome of an append is answered with: 201 with the events, or 200 and none.
  ///
  /// The receipt is `{"leaf_hash"}`: the RFC 9162 leaf hash of the first event, in hex, which is
  /// what a later proof of inclusion is about. Where nothing changed the log is asked for its size.
  func recorded(_ outcome: AppendOutcome) async -> Answer {
    var text = ObjectText()
    text.raw("event", outcome.events.first?.bytes)
    text.list("events", outcome.events.map(\.bytes))
    text.integer("position", outcome.events.first?.event.position.index)
    guard let first = outcome.events.first else {
      text.raw("receipt", nil)
      let size = try? await services.records.known(at: nil, in: project.id).size
      return .json(text.bytes, size: size)
    }
    text.raw("receipt", receipt(of: first))
    return .json(text.bytes, status: 201, size: outcome.size)
  }

  /// What a later proof of inclusion of the event is about.
  func receipt(of event: RecordedEvent) -> [UInt8] {
    var receipt = ObjectText()
    receipt.text("leaf_hash", event.leafHash.hex)
    return receipt.bytes
  }

  /// The target of the next page: this path, with the cursor.
  func nextTarget(limit: Int, cursor: String) -> String {
    "\(request.path)?limit=\(limit)&cursor=\(cursor)"
  }
}

/// Who says why: the words a change may come with.
struct Words {
  let reason: String?
  let ticket: String?

  /// Takes `reason` and `ticket`.
  init(_ fields: inout Fields) throws(Failure) {
    reason = try fields.text("reason", charactersMax: 1_024)
    ticket = try fields.text("ticket", charactersMax: 256)
  }
}

extension KnownAt {
  /// What was known, as an object.
  var bytes: [UInt8] {
    var text = ObjectText()
    text.integer("position", size.last?.index)
    text.instant("recorded_at", recordedAt)
    text.bool("final", isFinal)
    return text.bytes
  }
}
