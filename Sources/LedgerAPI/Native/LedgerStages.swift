// LedgerStages: the labels of a secret in the ledger's own API: recording, and asking about time.
//
// Called through the route table; calls `Appender`, `StageHistory` and `RecordStore`. A change
// without `effective_at` is a command the rules may refuse; one with it is a fact, recorded as
// reported. Where a cloud demands to be told where a label sits, the ledger says it, under the lock
// of the append; who names `remove_from_version_id` asks for the label to be there.

import CanonicalJSON
import Ledger
import LedgerServices

/// The calls about labels.
enum LedgerStages {
  /// `PUT .../stages/{stage}`: the label marks a version, from now or from a moment past.
  static func assign(_ call: Call) async throws(Failure) -> Answer {
    var fields = Fields(call.body)
    let version: VersionID = try fields.required("version_id")
    return try await record(version, &fields, call)
  }

  /// `DELETE .../stages/{stage}`: the label marks nothing, from now or from a moment past.
  static func remove(_ call: Call) async throws(Failure) -> Answer {
    var fields = Fields(call.body)
    return try await record(nil, &fields, call)
  }

  private static func record(
    _ version: VersionID?, _ fields: inout Fields, _ call: Call
  ) async throws(Failure) -> Answer {
    let secret = try call.secret()
    let stage = try call.stage()
    let effectiveAt = try fields.instant("effective_at")
    let effectiveAfter = try fields.instant("effective_after")
    guard effectiveAfter == nil || effectiveAt != nil else {
      throw .input("effective_after", .malformed("given beside effective_at alone"))
    }
    let source: VersionID? = try fields.identifier("remove_from_version_id")
    let words = try Words(&fields)
    try fields.finish()
    let change: Change
    if let effectiveAt {
      guard source == nil else {
        throw .input("remove_from_version_id", .malformed("left out where effective_at is given"))
      }
      change = .recordFact(
        StageFact(
          stage: stage, versionID: version, effectiveAt: effectiveAt,
          effectiveAfter: effectiveAfter))
    } else if source != nil {
      change = .moveStage(stage, to: version, from: source)
    } else if let version {
      change = .assignStage(stage, to: version)
    } else {
      change = .removeStage(stage)
    }
    let outcome = try await call.append(
      change, to: secret, reason: words.reason, ticket: words.ticket)
    return await call.recorded(outcome)
  }

  /// `GET .../stages/{stage}`: which version held the label at a moment, as known at a moment.
  static func show(_ call: Call) async throws(Failure) -> Answer {
    let secret = try call.secret()
    let stage = try call.stage()
    let moments = try call.query.moments()
    let moment: ResolvedMoments
    let reply: Reading<StageReply>
    do throws(QuestionError) {
      (moment, reply) = try await call.services.history.answer(
        stage, of: secret, in: call.project.id, at: moments)
    } catch {
      throw Failure(error)
    }
    let answer = reply.value.answer
    var text = ObjectText()
    text.text("secret", secret.text)
    text.text("stage", stage.text)
    text.answer(answer)
    if answer.versionID == nil { text.text("reason", reason(answer)) }
    // Null where the question was about the present: the same answer then has the same bytes, and
    // the same tag, until something changes.
    text.instant("effective_at", moments.effectiveAt)
    text.raw("known_at", moment.known.bytes)
    text.text("coverage", reply.value.coverage.rawValue)
    text.bool("deprecated", reply.value.isDeprecated)
    return .json(text.bytes, size: reply.size)
  }

  private static func reason(_ answer: StageAnswer) -> String {
    guard answer.doubt == nil else { return "uncertain" }
    guard answer.interval == nil else { return "removed" }
    return answer.firstChange == nil ? "never_assigned" : "before_first_change"
  }

  /// `GET .../stages`: every label of the secret at a moment, as known at a moment.
  static func list(_ call: Call) async throws(Failure) -> Answer {
    let secret = try call.secret()
    let limit = try call.query.limit()
    let moments = try call.query.moments()
    let services = call.services
    let project = call.project.id
    var asked = moments.effectiveAt
    let known: KnownAt
    var after: StageName?
    if let text = call.query["cursor"] {
      guard let cursor = StagesCursor(text) else { throw .input("cursor", .badCursor) }
      known = try await call.known(at: cursor.knownAt, besides: moments)
      (asked, after) = (cursor.effectiveAt, cursor.after)
    } else {
      known = try await call.resolve(moments).known
    }
    // No event is true later than it was recorded, so the present of what is known is there.
    let effectiveAt = asked ?? known.recordedAt ?? services.clock.now
    let reading = try await call.read { () async throws(StoreError) in
      try await services.records.stages(
        at: effectiveAt, knownSize: known.size, of: secret, in: project)
    }
    if reading.value.isEmpty { try await call.requireKnown(secret) }
    let held = reading.value.filter { stage in
      (stage.answer.versionID != nil || stage.answer.doubt != nil)
        && after.map { $0 < stage.stage } ?? true
    }
    let page = held.prefix(limit)
    let isLast = held.count <= limit
    let cursor = page.last.flatMap { last in
      isLast
        ? nil
        : known.recordedAt.map {
          StagesCursor(effectiveAt: asked, knownAt: $0, after: last.stage).text
        }
    }
    var text = ObjectText()
    text.text("secret", secret.text)
    text.instant("effective_at", asked)
    text.raw("known_at", known.bytes)
    text.list("stages", page.map { standing($0) })
    text.text("next", cursor)
    return .json(
      text.bytes, size: reading.size,
      next: cursor.map { call.nextTarget(limit: limit, cursor: $0) })
  }

  /// `GET .../history` of a secret or of one label: every stretch, in effective order.
  static func history(_ call: Call) async throws(Failure) -> Answer {
    let secret = try call.secret()
    let stage = call.match.route.parameters.contains(.stage) ? try call.stage() : nil
    let limit = try call.query.limit()
    let moments = try call.query.moments()
    let services = call.services
    let project = call.project.id
    let known: KnownAt
    var after: SecretState.Moment?
    if let text = call.query["cursor"] {
      guard let cursor = HistoryCursor(text) else { throw .input("cursor", .badCursor) }
      known = try await call.known(at: cursor.knownAt, besides: moments)
      after = cursor.after
    } else {
      known = try await call.resolve(moments).known
    }
    let begin = after
    let reading = try await call.read { () async throws(StoreError) in
      try await services.records.history(
        of: stage, of: secret, in: project, knownSize: known.size, after: begin, limit: limit + 1)
    }
    if reading.value.isEmpty, after == nil { try await call.requireKnown(secret) }
    let page = reading.value.prefix(limit)
    let isLast = reading.value.count <= limit
    let cursor = page.last.flatMap { last in
      isLast
        ? nil : known.recordedAt.map { HistoryCursor(after: last.moment, knownAt: $0).text }
    }
    var text = ObjectText()
    text.text("secret", secret.text)
    if let stage { text.text("stage", stage.text) }
    text.raw("known_at", known.bytes)
    text.list("intervals", page.map { interval($0) })
    text.text("next", cursor)
    return .json(
      text.bytes, size: reading.size,
      next: cursor.map { call.nextTarget(limit: limit, cursor: $0) })
  }

  /// A label and what is said of it at a moment.
  private static func standing(_ stage: StageAt) -> [UInt8] {
    var text = ObjectText()
    text.text("stage", stage.stage.text)
    text.answer(stage.answer)
    text.instant("recorded_at", stage.answer.interval?.recordedAt)
    return text.bytes
  }

  /// One stretch of a history; its end is the beginning of the next.
  private static func interval(_ change: StageChange) -> [UInt8] {
    var text = ObjectText()
    text.text("stage", change.stage.text)
    text.text("version_id", change.interval.versionID?.text)
    text.instant("since", change.interval.since)
    text.instant("since_after", change.interval.sinceAfter)
    text.instant("until", change.interval.until)
    text.integer("position", change.interval.decidedBy.index)
    text.instant("recorded_at", change.interval.recordedAt)
    return text.bytes
  }
}

extension StageChange {
  /// Where the change stands in effective order.
  fileprivate var moment: SecretState.Moment {
    SecretState.Moment(effectiveAt: interval.since, position: interval.decidedBy)
  }
}

extension InputFault {
  /// The fault of a text that is no cursor of ours.
  static let badCursor = InputFault.malformed("a cursor this list has given")
}

extension Call {
  /// What was known at the moment of a cursor, which leaves no moments to ask for beside it.
  fileprivate func known(
    at moment: Instant, besides asked: MomentPair
  ) async throws(Failure) -> KnownAt {
    if asked.effectiveAt != nil || asked.known != nil {
      throw .input("cursor", .malformed("alone: it holds the moments of the first page"))
    }
    return try await read { () async throws(StoreError) in
      try await services.records.known(at: moment, in: project.id)
    }.value
  }
}

extension Call {
  /// The moments of a question as they are understood.
  func resolve(_ moments: MomentPair) async throws(Failure) -> ResolvedMoments {
    do throws(QuestionError) {
      return try await services.history.resolve(moments, in: project.id)
    } catch {
      throw Failure(error)
    }
  }

  /// Goes on only if any event speaks of the secret.
  func requireKnown(_ secret: SecretName) async throws(Failure) {
    let services = services
    let project = project.id
    let reading = try await read { () async throws(StoreError) in
      try await services.records.secret(secret, in: project)
    }
    guard reading.value != nil else { throw .missing(.secret, size: reading.size) }
  }
}
