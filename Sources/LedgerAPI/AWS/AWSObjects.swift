// AWSObjects: the JSON objects of AWS Secrets Manager, and the parameters its calls share.
//
// Called by the AWS endpoints. Times are seconds since 1970 with a fraction down to milliseconds.
// Invariant: no object has a member that holds, or could hold, the value of a secret.

import CanonicalJSON
import Ledger
import LedgerServices

/// Writes the cloud's objects.
enum AWSObjects {
  /// A moment as the cloud writes it.
  static func time(_ moment: Instant) -> JSONValue { .double(Double(moment.milliseconds) / 1_000) }

  /// The labels of each version that has some, in the order of their names.
  static func labels(_ labels: [VersionID: [StageName]]) -> JSONValue {
    var members: [String: JSONValue] = [:]
    for (version, stages) in labels {
      members[version.text] = .array(stages.map { .string($0.text) })
    }
    return .object(members)
  }

  /// A version in a list; one without labels does not say so.
  static func version(_ version: VersionSummary) -> [UInt8] {
    var text = ObjectText()
    text.text("VersionId", version.id.text)
    if !version.stages.isEmpty {
      text.value("VersionStages", .array(version.stages.map { .string($0.text) }))
    }
    text.value("CreatedDate", time(version.state.registeredAt.effectiveAt))
    text.value("KmsKeyIds", .array([.string("DefaultEncryptionKey")]))
    return text.bytes
  }
}

extension ObjectText {
  /// Adds the names of a secret.
  mutating func secret(_ secret: SecretName, _ call: Call) throws(Failure) {
    let region = try AWSRequest.region(of: call.request)
    text("ARN", AWSARN.text(of: secret, in: call.project, region: region))
    text("Name", secret.text)
  }

  /// Adds when a secret was made, when it last changed and when it is to be deleted.
  mutating func dates(_ state: SecretState) {
    if let moment = state.changedAt { value("LastChangedDate", AWSObjects.time(moment)) }
    if case .pendingDeletion(let moment) = state.life {
      value("DeletedDate", AWSObjects.time(moment))
    }
    if let moment = state.registeredAt?.effectiveAt {
      value("CreatedDate", AWSObjects.time(moment))
    }
  }
}

extension Fields {
  /// Takes `SecretId`, a name or an ARN.
  mutating func awsSecret(_ call: Call) throws(Failure) -> SecretName {
    guard let text = try text("SecretId", characters: 1...2_048) else {
      throw .input("SecretId", .missing)
    }
    return try AWSARN.secret(text, in: call.project)
  }

  /// Takes a version's id.
  mutating func awsVersion(_ name: String) throws(Failure) -> VersionID? {
    guard let text = try text(name, characters: 32...64) else { return nil }
    do { return try VersionID(text) } catch { throw .input(name, InputFault(error)) }
  }

  /// Takes `MaxResults`, 100 unless said.
  mutating func awsLimit() throws(Failure) -> Int {
    try integer("MaxResults", in: 1...100).map { Int($0) } ?? 100
  }

  /// Takes `NextToken`, the cursor of a list.
  mutating func awsCursor<Cursor>(
    _ parse: (String) -> Cursor?
  ) throws(Failure) -> Cursor? {
    guard let text = try text("NextToken", characters: 1...4_096) else { return nil }
    guard let cursor = parse(text) else { throw .input("NextToken", .badCursor) }
    return cursor
  }
}

extension Answer {
  /// An answer with the cloud's JSON.
  static func aws(_ content: [UInt8], status: Int = 200, size: TreeSize?) -> Answer {
    Answer(
      status: status, contentType: "application/x-amz-json-1.1", content: content, size: size)
  }
}
