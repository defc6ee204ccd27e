// CloudTrailEvent: what a record of AWS CloudTrail says about labels, operation by operation.
//
// Called by `TrailFormat`. The records of Secrets Manager name the call and its parameters, without
// the value; what a call implies (a version that comes takes AWSCURRENT, AWSPREVIOUS follows) is in
// none of them. Source: the user guides of Secrets Manager and CloudTrail. Times are whole seconds.

import CanonicalJSON
import Ledger

struct CloudTrailEvent {
  /// The record, without what it was wrapped in.
  private let record: JSONValue
  private let request: JSONValue
  private let response: JSONValue
  private let name: String

  /// Takes a record as a file has it, or in an answer of LookupEvents, or in an EventBridge event.
  init(_ value: JSONValue) throws(TrailGap) {
    let record: JSONValue
    if let text = value.text("CloudTrailEvent") {
      guard let inner = JSONValue.object(in: text) else {
        throw .malformed("its CloudTrailEvent is no JSON object")
      }
      record = inner
    } else {
      record = value.object("detail") ?? value
    }
    guard let name = record.text("eventName") else { throw .malformed("no eventName") }
    self.record = record
    self.name = name
    request = record.object("requestParameters") ?? .null
    response = record.object("responseElements") ?? .null
  }

  var reading: TrailReading {
    get throws(TrailGap) {
      if let source = record.text("eventSource"), source != "secretsmanager.amazonaws.com" {
        return .passedOver
      }
      guard let operation = Operation(rawValue: name) else {
        if Self.others.contains(name) || record["readOnly"]?.boolValue == true {
          return .passedOver
        }
        throw .missing("an operation \(name.debugDescription), which is not known")
      }
      guard let text = record.text("eventTime"), let time = Instant(rfc3339: text) else {
        throw .missing("no eventTime that is one")
      }
      let facts: [TrailFact]
      if let code = record.text("errorCode") {
        facts = [
          trailRejection(
            of: try? self.facts(operation, at: time).last, code: code,
            message: record.text("errorMessage"))
        ]
      } else {
        facts = try self.facts(operation, at: time)
      }
      guard !facts.isEmpty else { return .passedOver }
      return .record(
        TrailRecord(
          id: clipped(record.text("eventID")), time: time,
          secret: try trailName(secretName, "name of a secret"), principal: principal,
          requestID: clipped(record.text("requestID")), operation: name, scope: scope,
          facts: facts))
    }
  }

  // MARK: The table

  /// The operations that change secrets, versions or labels.
  private enum Operation: String {
    case createSecret = "CreateSecret"
    case putSecretValue = "PutSecretValue"
    case updateSecret = "UpdateSecret"
    case updateSecretVersionStage = "UpdateSecretVersionStage"
    case deleteSecret = "DeleteSecret"
    case restoreSecret = "RestoreSecret"
    case rotationAbandoned = "RotationAbandoned"
    case endSecretVersionDelete = "EndSecretVersionDelete"
  }

  /// The operations that change neither: a rotation's own moves come as records of their own.
  private static let others: Set = [
    "BatchGetSecretValue", "CancelRotateSecret", "CancelSecretVersionDelete",
    "DeleteResourcePolicy", "DescribeSecret", "GetRandomPassword", "GetResourcePolicy",
    "GetSecretValue", "ListSecretVersionIds", "ListSecrets", "PutResourcePolicy",
    "RemoveRegionsFromReplication", "ReplicateSecretToRegions", "RotateSecret", "RotationFailed",
    "RotationStarted", "RotationSucceeded", "StartSecretVersionDelete", "StopReplicationToReplica",
    "TagResource", "TestRotationFailed", "TestRotationStarted", "TestRotationSucceeded",
    "UntagResource", "ValidateResourcePolicy",
  ]

  private func facts(
    _ operation: Operation, at time: Instant
  ) throws(TrailGap) -> [TrailFact] {
    switch operation {
    case .createSecret:
      [TrailFact(.secretRegistered), try newVersion()]
    case .putSecretValue:
      [try putVersion()]
    case .updateSecret:
      hasOnlySettings ? [] : [try newVersion()]
    case .updateSecretVersionStage:
      [try move()]
    case .deleteSecret:
      [deletion(at: time)]
    case .restoreSecret:
      [TrailFact(.secretRestored)]
    case .rotationAbandoned:
      [
        TrailFact(
          .changeUnresolved, stage: try trailName("AWSPENDING", "label"),
          reason: "the record does not say which version lost AWSPENDING")
      ]
    case .endSecretVersionDelete:
      [
        TrailFact(
          .changeUnresolved, reason: "the record does not say which version was deleted")
      ]
    }
  }

  /// A version of a call that makes one only when a value came with it.
  ///
  /// The value is withheld, and the token is there also without one: a version is sure only when
  /// the answer names it, or when the record says that there was a value.
  private func newVersion() throws(TrailGap) -> TrailFact {
    let token: VersionID? = try trailName(
      ifThere: request.text("clientRequestToken"), "id of a version")
    if let version: VersionID = try trailName(
      ifThere: response.text("versionId", "VersionId"), "id of a version")
    {
      return TrailFact(.versionRegistered, versionID: version)
    }
    if let token, request["secretString"] != nil || request["secretBinary"] != nil {
      return TrailFact(.versionRegistered, versionID: token)
    }
    return TrailFact(
      .changeUnresolved, versionID: token,
      reason: "the record does not say whether a value, and so a version, came with the call")
  }

  private func putVersion() throws(TrailGap) -> TrailFact {
    let stages = try trailStages(request.texts("versionStages"))
    guard
      let version: VersionID = try trailName(
        ifThere: response.text("versionId", "VersionId") ?? request.text("clientRequestToken"),
        "id of a version")
    else {
      return TrailFact(
        .changeUnresolved, stage: stages?.count == 1 ? stages?.first : nil,
        reason: "the record does not name the version that was put")
    }
    return TrailFact(.versionRegistered, versionID: version, stages: stages)
  }

  private func move() throws(TrailGap) -> TrailFact {
    let target: VersionID? = try trailName(
      ifThere: request.text("moveToVersionId"), "id of a version")
    let source: VersionID? = try trailName(
      ifThere: request.text("removeFromVersionId"), "id of a version")
    guard let stage: StageName = try trailName(ifThere: request.text("versionStage"), "label")
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

  private func deletion(at time: Instant) -> TrailFact {
    guard !request.says("forceDeleteWithoutRecovery") else { return TrailFact(.secretDeleted) }
    let days =
      request["recoveryWindowInDays"]?.integerValue ?? Int64(LabelRules.aws.recoveryDaysDefault)
    return TrailFact(.secretDeletionScheduled, data: deletionData(at: time, days: days))
  }

  /// Whether a change of a secret names settings of it, and nothing that comes with a value.
  private var hasOnlySettings: Bool {
    guard let names = request.objectValue?.keys else { return false }
    return names.allSatisfy { ["secretId", "description", "kmsKeyId", "type"].contains($0) }
  }

  // MARK: Who, where, of what

  /// The name, from the answer if it has one: a call may give the name, the ARN or most of it.
  private var secretName: String? {
    let arn = response.text("arn", "aRN", "ARN")
    let given =
      request.text("secretId", "name")
      ?? record.object("additionalEventData")?.text("SecretId", "secretId")
    return response.text("name") ?? arn.map(Self.name(ofARN:))
      ?? given.map { $0.hasPrefix("arn:") ? Self.name(ofARN: $0) : $0 }
  }

  /// The name in an ARN: what stands after `:secret:`, without a hyphen and six characters.
  ///
  /// An ARN without them, which calls may give, cannot be told from one with them when the name
  /// itself ends in such a way; then the shorter name is taken.
  static func name(ofARN arn: String) -> String {
    let parts = arn.split(separator: ":", maxSplits: 6, omittingEmptySubsequences: false)
    guard parts.count == 7, parts[5] == "secret" else { return arn }
    let name = parts[6]
    let end = name.utf8.suffix(7)
    let hasSuffix =
      name.utf8.count > 7 && end.first == UInt8(ascii: "-")
      && end.dropFirst().allSatisfy { byte in
        switch byte {
        case 0x30...0x39, 0x41...0x5A, 0x61...0x7A: true
        default: false
        }
      }
    return String(hasSuffix ? name.dropLast(7) : name)
  }

  private var principal: Principal {
    let user = record.object("userIdentity") ?? .null
    let issuer = user.object("sessionContext")?.object("sessionIssuer") ?? .null
    let id = user.text("arn", "principalId", "accountId")
    let name = user.text("userName") ?? issuer.text("userName") ?? user.text("invokedBy")
    return trailPrincipal(id: id, name: name, sourceIP: record.text("sourceIPAddress"))
  }

  private var scope: String? {
    let account =
      record.text("recipientAccountId") ?? record.object("userIdentity")?.text("accountId")
    guard let account, let region = record.text("awsRegion") else { return nil }
    return "\(account)/\(region)"
  }
}
