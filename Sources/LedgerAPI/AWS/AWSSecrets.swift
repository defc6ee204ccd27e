// AWSSecrets: the calls of AWS Secrets Manager that show secrets with the labels of their versions.
//
// Called through the route table; calls `RecordStore`. Invariant: no call here returns, or asks
// for, the value of a secret.

import CanonicalJSON
import Ledger
import LedgerServices

/// The calls about secrets.
enum AWSSecrets {
  /// `DescribeSecret`: one secret, also while it waits for its deletion.
  static func describe(_ call: Call) async throws(Failure) -> Answer {
    var fields = Fields(call.body)
    let secret = try fields.awsSecret(call)
    try call.authorize(on: secret)
    let standing = try await call.standingSecret(secret)
    let labels = try await labels(of: [secret], call)
    var text = ObjectText()
    try text.secret(secret, call)
    text.dates(standing.value.state)
    text.value("VersionIdsToStages", AWSObjects.labels(labels.value[secret] ?? [:]))
    return .aws(text.bytes, size: labels.size)
  }

  /// `ListSecrets`: a page of the secrets that the filters let through.
  static func list(_ call: Call) async throws(Failure) -> Answer {
    var fields = Fields(call.body)
    let limit = try fields.awsLimit()
    guard let search = try AWSFilters.search(&fields) else {
      return .aws(Array(#"{"SecretList":[]}"#.utf8), size: nil)
    }
    let services = call.services
    let project = call.project.id
    let reading = try await call.read { () async throws(StoreError) in
      try await services.records.secrets(in: project, finding: search, limit: limit + 1)
    }
    let page = reading.value.prefix(limit)
    let labels = try await labels(of: page.map(\.name), call)
    var entries: [[UInt8]] = []
    for secret in page {
      var text = ObjectText()
      try text.secret(secret.name, call)
      text.dates(secret.state)
      text.value("SecretVersionsToStages", AWSObjects.labels(labels.value[secret.name] ?? [:]))
      entries.append(text.bytes)
    }
    var text = ObjectText()
    text.list("SecretList", entries)
    if let last = page.last, reading.value.count > limit {
      let cursor = SearchCursor(
        order: search.order, direction: search.direction, after: search.place(of: last))
      text.text("NextToken", cursor.text)
    }
    return .aws(text.bytes, size: reading.size)
  }

  private static func labels(
    of secrets: [SecretName], _ call: Call
  ) async throws(Failure) -> Reading<[SecretName: [VersionID: [StageName]]]> {
    let services = call.services
    let project = call.project.id
    return try await call.read { () async throws(StoreError) in
      try await services.records.labels(of: secrets, in: project)
    }
  }
}
