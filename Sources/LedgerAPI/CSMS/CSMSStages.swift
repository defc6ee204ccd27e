// CSMSStages: the label calls of Huawei Cloud CSMS, which are what the ledger is about.
//
// Called through the route table; calls `Appender` for what moves a label, `RecordStore` for where
// it sits, `StageHistory` for where it sat. The cloud has no question about the past:
// `effective_at` and `known_at` in the query are ours, and answer with the cloud's own object as it
// was.

import CanonicalJSON
import Ledger
import LedgerServices

/// The calls about one label of one secret.
enum CSMSStages {
  /// `PUT .../stages/{stage}`: puts the label on a version; makes the label if there is none.
  static func update(_ call: Call) async throws(Failure) -> Answer {
    let stage = try call.stage()
    var fields = Fields(call.body)
    let version: VersionID = try fields.required("version_id")
    try fields.finish()
    return try await assign(stage, to: version, call)
  }

  /// `POST .../stages`: the same, with the label in the body.
  static func create(_ call: Call) async throws(Failure) -> Answer {
    var fields = Fields(call.body)
    let stage: StageName = try fields.required("name")
    try call.authorize(on: try call.secret(), stages: [stage])
    let version: VersionID = try fields.required("version_id")
    try fields.finish()
    return try await assign(stage, to: version, call)
  }

  private static func assign(
    _ stage: StageName, to version: VersionID, _ call: Call
  ) async throws(Failure) -> Answer {
    let secret = try call.secret()
    let rules = call.project.provider.rules
    guard rules.acceptsStage(stage) else { throw .rejected(.nameNotAllowed(.stage)) }
    guard rules.acceptsVersion(version) else { throw .rejected(.nameNotAllowed(.version)) }
    let outcome = try await call.append(
      .assignStage(stage, to: version), to: secret, reason: nil, ticket: nil)
    // Where the label sat there already it keeps its time.
    guard
      let since = outcome.events.first?.event.effectiveAt ?? outcome.standing?.effectiveAt
    else { throw .store(.corrupt("assigning \(stage) appended nothing and nothing stood")) }
    let object = CSMSObjects.stage(stage, of: secret, on: version, since: since)
    return .json(CSMSObjects.wrapped("stage", object), size: outcome.size)
  }

  /// `DELETE .../stages/{stage}`: takes the label away.
  static func delete(_ call: Call) async throws(Failure) -> Answer {
    let secret = try call.secret()
    let stage = try call.stage()
    let outcome = try await call.append(
      .removeStage(stage), to: secret, reason: nil, ticket: nil)
    return .noContent(size: outcome.size)
  }

  /// `GET .../stages/{stage}`: which version carries the label, or carried it.
  static func show(_ call: Call) async throws(Failure) -> Answer {
    let secret = try call.secret()
    let stage = try call.stage()
    let moments = try call.query.moments()
    if moments.effectiveAt != nil || moments.known != nil {
      return try await showPast(stage, of: secret, moments, call)
    }
    let services = call.services
    let project = call.project.id
    let reading = try await call.read { () async throws(StoreError) in
      try await services.records.standing(of: stage, of: secret, in: project)
    }
    switch reading.value.life {
    case nil, .unregistered, .deleted: throw .missing(.secret, size: reading.size)
    case .pendingDeletion: throw .pendingDeletion
    case .enabled: break
    }
    guard let standing = reading.value.stage, let version = standing.versionID else {
      throw .missing(.stage, size: reading.size)
    }
    let object = CSMSObjects.stage(
      stage, of: secret, on: version, since: standing.since.effectiveAt)
    return .json(CSMSObjects.wrapped("stage", object), size: reading.size)
  }

  private static func showPast(
    _ stage: StageName, of secret: SecretName, _ moments: MomentPair, _ call: Call
  ) async throws(Failure) -> Answer {
    let reply: Reading<StageReply>
    do throws(QuestionError) {
      reply = try await call.services.history.answer(
        stage, of: secret, in: call.project.id, at: moments
      ).reply
    } catch .secretNotFound {
      throw .missingThen(.secret, size: nil)
    } catch {
      throw Failure(error)
    }
    guard reply.value.answer.doubt == nil else { throw .inDoubt }
    guard let interval = reply.value.answer.interval, let version = interval.versionID else {
      throw .missingThen(.stage, size: reply.size)
    }
    let object = CSMSObjects.stage(stage, of: secret, on: version, since: interval.since)
    return .json(CSMSObjects.wrapped("stage", object), size: reply.size)
  }
}
