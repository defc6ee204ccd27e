// ActionTrailEvent: what an event of Alibaba Cloud ActionTrail says about labels, operation by
// operation.
//
// Called by `TrailFormat`. The events of KMS name the call and its parameters beside those of the
// transport, without the value; that a version which comes takes ACSCurrent is in none of them.
// Source: ActionTrail's management event structure; no event of a label is published. Times are
// whole seconds.

import CanonicalJSON
import Ledger

struct ActionTrailEvent {
  /// The event, without what it was wrapped in.
  private let event: JSONValue
  private let request: JSONValue
  private let response: JSONValue
  private let name: String

  /// Takes an event as a file has it, or in a line of Log Service.
  init(_ value: JSONValue) throws(TrailGap) {
    let event = value.object("event") ?? value
    guard let name = event.text("eventName") else { throw .malformed("no eventName") }
    self.event = event
    self.name = name
    request =
      event.object("requestParameters") ?? event.object("requestParameterJson") ?? .null
    response = event.object("responseElements") ?? .null
  }

  var reading: TrailReading {
    get throws(TrailGap) {
      guard isOfKMS else { return .passedOver }
      guard let operation = Operation(rawValue: name) else {
        // KMS keeps keys as well.
        if Self.others.contains(name) || !name.contains("Secret") || event.text("eventRW") == "Read"
        {
          return .passedOver
        }
        throw .missing("an operation \(name.debugDescription), which is not known")
      }
      guard let text = event.text("eventTime"), let time = Instant(rfc3339: text) else {
        throw .missing("no eventTime that is one")
      }
      let facts =
        if let code = event.text("errorCode") {
          [
            trailRejection(
              of: try? self.facts(operation, at: time).last, code: code,
              message: event.text("errorMessage"))
          ]
        } else {
          try self.facts(operation, at: time)
        }
      return .record(
        TrailRecord(
          id: clipped(event.text("eventId")), time: time,
          secret: try trailName(secretName, "name of a secret"), principal: principal,
          requestID: clipped(event.text("requestId")), operation: name, scope: scope,
          facts: facts))
    }
  }

  private var isOfKMS: Bool {
    if let service = event.text("serviceName") { return service.lowercased() == "kms" }
    guard let source = event.text("eventSource") else { return true }
    return source.hasPrefix("kms")
  }

  // MARK: The table

  /// The operations that change secrets, versions or labels.
  private enum Operation: String {
    case createSecret = "CreateSecret"
    case putSecretValue = "PutSecretValue"
    case updateSecretVersionStage = "UpdateSecretVersionStage"
    case rotateSecret = "RotateSecret"
    case deleteSecret = "DeleteSecret"
    case restoreSecret = "RestoreSecret"
  }

  /// The operations that change neither.
  private static let others: Set = [
    "DescribeSecret", "GetSecretPolicy", "GetSecretValue", "ListSecretVersionIds", "ListSecrets",
    "SetSecretPolicy", "UpdateSecret", "UpdateSecretRotationPolicy",
  ]

  private func facts(
    _ operation: Operation, at time: Instant
  ) throws(TrailGap) -> [TrailFact] {
    switch operation {
    case .createSecret: [TrailFact(.secretRegistered), try newVersion(.byRule)]
    case .putSecretValue: [try newVersion(.byRequest)]
    case .updateSecretVersionStage: [try move()]
    case .rotateSecret: [try rotation()]
    case .deleteSecret: [deletion(at: time)]
    case .restoreSecret: [TrailFact(.secretRestored)]
    }
  }

  /// Which labels a version gets.
  private enum Labelling {
    /// Those of the cloud's rule.
    case byRule
    /// Those the call names, if it names any.
    case byRequest
  }

  private var version: VersionID? {
    get throws(TrailGap) {
      try trailName(
        ifThere: response.text("VersionId") ?? request.text("VersionId"), "id of a version")
    }
  }

  private func newVersion(_ labelling: Labelling) throws(TrailGap) -> TrailFact {
    guard let version = try version else {
      return TrailFact(
        .changeUnresolved, reason: "the record does not name the version that was put")
    }
    switch labelling {
    case .byRule:
      return TrailFact(.versionRegistered, versionID: version)
    case .byRequest:
      let stages = try trailStages(request.texts("VersionStages"))
      guard stages != nil || request.text("VersionStages") == nil else {
        return TrailFact(
          .changeUnresolved, versionID: version,
          reason: "the record names labels that cannot be read")
      }
      return TrailFact(.versionRegistered, versionID: version, stages: stages)
    }
  }

  private func move() throws(TrailGap) -> TrailFact {
    let target: VersionID? = try trailName(
      ifThere: request.text("MoveToVersion"), "id of a version")
    let source: VersionID? = try trailName(
      ifThere: request.text("RemoveFromVersion"), "id of a version")
    guard let stage: StageName = try trailName(ifThere: request.text("VersionStage"), "label")
    else {
      return TrailFact(
        .changeUnresolved, versionID: target, reason: "the record does not name the label")
    }
    let data: [String: JSONValue] = source.map { ["removed_from": .string($0.text)] } ?? [:]
    if let target {
      return TrailFact(.stageAssigned, stage: stage, versionID: target, data: data)
    }
    guard source != nil else {
      return TrailFact(
        .changeUnresolved, stage: stage, reason: "the record does not name the version")
    }
    return TrailFact(.stageRemoved, stage: stage, data: data)
  }

  /// A rotation the cloud carries out itself; which labels it moves is not documented.
  private func rotation() throws(TrailGap) -> TrailFact {
    TrailFact(
      .changeUnresolved, versionID: try version,
      reason: "the record does not say which labels the rotation moved")
  }

  private func deletion(at time: Instant) -> TrailFact {
    guard !request.says("ForceDeleteWithoutRecovery") else { return TrailFact(.secretDeleted) }
    if let text = response.text("PlannedDeleteTime"), let moment = Instant(rfc3339: text) {
      return TrailFact(
        .secretDeletionScheduled, data: ["delete_at": .string(moment.rfc3339)])
    }
    let days =
      request.scalar("RecoveryWindowInDays").flatMap { Int64($0) }
      ?? Int64(LabelRules.alibaba.recoveryDaysDefault)
    return TrailFact(.secretDeletionScheduled, data: deletionData(at: time, days: days))
  }

  // MARK: Who, where, of what

  /// The name, from the answer if it has one; a call may give the ARN.
  private var secretName: String? {
    (response.text("SecretName") ?? request.text("SecretName")).map(Self.name)
  }

  /// The name in `acs:kms:REGION:ACCOUNT:secret/NAME`; any other text is a name.
  private static func name(_ text: String) -> String {
    let parts = text.split(separator: ":", maxSplits: 4, omittingEmptySubsequences: false)
    guard parts.count == 5, parts[0] == "acs", parts[1] == "kms", parts[4].hasPrefix("secret/")
    else { return text }
    return String(parts[4].dropFirst("secret/".count))
  }

  private var principal: Principal {
    let user = event.object("userIdentity") ?? .null
    return trailPrincipal(
      id: user.text("principalId", "accountId"),
      name: user.text("userName"), sourceIP: event.text("sourceIpAddress"))
  }

  private var scope: String? {
    let account =
      event.text("recipientAccountId") ?? event.object("userIdentity")?.text("accountId")
    guard let account, let region = event.text("acsRegion") else { return nil }
    return "\(account)/\(region)"
  }
}
