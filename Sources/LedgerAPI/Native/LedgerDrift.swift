// LedgerDrift: what differs between the record and the cloud, now or at a past moment, and
// somebody's word that it may.
//
// Called through the route table; calls `RecordStore`, `DriftHistory` and `Appender`. What is asked
// about the present comes from the projection, what is asked about the past from the events.

import CanonicalJSON
import HTTPWire
import Ledger
import LedgerServices

/// The calls about findings.
enum LedgerDrift {
  /// `GET .../drift`: a page of the findings that stand so, by id.
  static func list(_ call: Call) async throws(Failure) -> Answer {
    let limit = try call.query.limit()
    let standing = try standing(call.query["state"])
    var after: FindingID?
    if let text = call.query["cursor"] {
      guard let cursor = FindingsCursor(text) else { throw .input("cursor", .badCursor) }
      after = cursor.after
    }
    let asked = try call.query.knowledge("known_at")
    let known = try await call.resolve(MomentPair(effectiveAt: nil, known: asked)).known
    let moment = moment(asked, known, now: call.services.clock.now)
    let reading: Reading<[KnownFinding]>
    let told: [DriftFinding]
    do throws(StoreError) {
      reading = try await findings(
        standing, at: moment, asked == nil ? nil : known.size, after: after, limit: limit + 1, call)
      told = try await call.services.drift.told(
        Array(reading.value.prefix(limit)), at: moment, knownSize: known.size, in: call.project.id)
    } catch {
      throw .store(error)
    }
    let last = reading.value.count > limit ? reading.value[limit - 1].id : nil
    let cursor = last.map { FindingsCursor(after: $0).text }
    var text = ObjectText()
    text.list("findings", told.map { $0.json.canonicalBytes() })
    text.raw("known_at", known.bytes)
    text.text("next", cursor)
    return .json(
      text.bytes, size: reading.size, next: cursor.map { next($0, limit: limit, call) })
  }

  /// The page that follows, about the same findings.
  private static func next(_ cursor: String, limit: Int, _ call: Call) -> String {
    var target = call.nextTarget(limit: limit, cursor: cursor)
    if let state = call.query["state"] { target += "&state=\(state)" }
    switch try? call.query.knowledge("known_at") {
    case .at(let moment): target += "&known_at=\(moment.rfc3339)"
    case .through(let position): target += "&known_at=pos:\(position.index)"
    case nil: break
    }
    return target
  }

  private static func standing(
    _ text: String?
  ) throws(Failure) -> FindingState.Standing? {
    guard let text else { return .open }
    guard text != "all" else { return nil }
    guard let standing = FindingState.Standing(rawValue: text) else {
      throw .input("state", .notAmong(FindingState.Standing.allCases.map(\.rawValue) + ["all"]))
    }
    return standing
  }

  /// At which moment acknowledgements must hold.
  private static func moment(_ asked: Knowledge?, _ known: KnownAt, now: Instant) -> Instant {
    switch asked {
    case .at(let moment): moment
    case .through: known.recordedAt ?? now
    case nil: max(now, known.recordedAt ?? now)
    }
  }

  /// The findings as they are; with a size, as that much of the log tells of them.
  private static func findings(
    _ standing: FindingState.Standing?, at moment: Instant, _ size: TreeSize?, after: FindingID?,
    limit: Int, _ call: Call
  ) async throws(StoreError) -> Reading<[KnownFinding]> {
    let services = call.services
    guard let size else {
      return try await services.records.findings(
        in: call.project.id, standing, at: moment, after: after, limit: limit)
    }
    let folded = try await services.drift.findings(in: call.project.id, knownSize: size)
    let wanted = folded.sorted { $0.key < $1.key }.filter { id, state in
      (after.map { $0 < id } ?? true)
        && (standing.map { $0 == state.standing(at: moment) } ?? true)
    }
    return Reading(
      value: wanted.prefix(limit).map { KnownFinding(id: $0.key, state: $0.value) }, size: size)
  }

  /// `POST .../drift/{finding}/acknowledge`: the finding is known and may stand, for a while.
  static func acknowledge(_ call: Call) async throws(Failure) -> Answer {
    let id: FindingID = try call.identifier(.finding)
    var fields = Fields(call.body)
    guard let reason = try fields.text("reason", characters: 1...1_024) else {
      throw .input("reason", .missing)
    }
    let until = try fields.instant("expires_at")
    let ticket = try fields.text("ticket", charactersMax: 256)
    try fields.finish()
    try Conditions.refuseExpectation(of: call.request)
    let services = call.services
    let project = call.project.id
    let reading = try await call.read { () async throws(StoreError) in
      try await services.records.finding(id, in: project)
    }
    let text = reading.value?.data["secret"]?.stringValue
    let secret = text.flatMap { text in
      do { return try SecretName(text) } catch { return nil }
    }
    try call.authorize(on: secret)
    guard reading.value != nil else { throw .missing(.finding, size: reading.size) }
    let outcome = try await call.append(
      .acknowledge(AcknowledgementDraft(finding: id, secret: secret, until: until)),
      reason: reason, ticket: ticket)
    return await call.recorded(outcome)
  }
}
