// AWSVersions: the calls of AWS Secrets Manager about the versions of a secret and their labels.
//
// Called through the route table; calls `Appender` for what moves a label, `RecordStore` for where
// labels sit. Members of a body that the cloud does not know are passed over, as it does: a newer
// client may send them.

import CanonicalJSON
import Ledger
import LedgerServices

/// The calls about versions.
enum AWSVersions {
  /// `UpdateSecretVersionStage`: moves a label, attaches it or takes it away.
  static func updateStage(_ call: Call) async throws(Failure) -> Answer {
    var fields = Fields(call.body)
    let secret = try fields.awsSecret(call)
    guard let name = try fields.text("VersionStage", characters: 1...256) else {
      throw .input("VersionStage", .missing)
    }
    let stage: StageName
    do { stage = try StageName(name) } catch { throw .input("VersionStage", InputFault(error)) }
    let target = try fields.awsVersion("MoveToVersionId")
    let source = try fields.awsVersion("RemoveFromVersionId")
    try call.authorize(on: secret, stages: [stage])
    let outcome: AppendOutcome
    do {
      outcome = try await call.append(
        .moveStage(stage, to: target, from: source), to: secret, reason: nil, ticket: nil)
    } catch .rejected(.sourceNotFound) {
      // A version that is not there has no labels either.
      throw .rejected(.sourceMismatch(stage, holder: nil))
    }
    var text = ObjectText()
    try text.secret(secret, call)
    return .aws(text.bytes, size: outcome.size)
  }

  /// `ListSecretVersionIds`: a page of the versions, in order of registration.
  static func list(_ call: Call) async throws(Failure) -> Answer {
    var fields = Fields(call.body)
    let secret = try fields.awsSecret(call)
    let limit = try fields.awsLimit()
    let after = try fields.awsCursor { VersionsCursor($0) }?.after
    let includesDeprecated = try fields.bool("IncludeDeprecated") ?? false
    try call.authorize(on: secret)
    _ = try await call.standingSecret(secret)
    let services = call.services
    let project = call.project.id
    let reading = try await call.read { () async throws(StoreError) in
      try await services.records.versions(
        of: secret, in: project, includesDeprecated ? .registered : .labelled, after: after,
        limit: limit + 1)
    }
    let page = reading.value.prefix(limit)
    var text = ObjectText()
    text.list("Versions", page.map { AWSObjects.version($0) })
    if let last = page.last, reading.value.count > limit {
      text.text("NextToken", VersionsCursor(after: last.id).text)
    }
    try text.secret(secret, call)
    return .aws(text.bytes, size: reading.size)
  }
}
