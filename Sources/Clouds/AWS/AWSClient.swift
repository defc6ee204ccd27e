// AWSClient: reads secrets, versions and labels from AWS Secrets Manager.
//
// Called by the reconciler through `LiveCloud`; calls `UpstreamClient`. To read, of the service's
// operations it uses two, ListSecrets and ListSecretVersionIds: neither returns a secret value.
// Invariant: an answer that is not understood is an error, never a shorter list.

import CanonicalJSON
public import Ledger
public import LedgerServices
import RequestSigning

/// A live Secrets Manager.
public final class AWSClient: ConnectedCloud {
  /// The operations that may be called.
  enum Operation: String {
    case listSecrets = "ListSecrets"
    case listSecretVersionIds = "ListSecretVersionIds"
    case updateSecretVersionStage = "UpdateSecretVersionStage"
  }

  let dialect: AWSDialect
  private let settings: UpstreamSettings
  let client: UpstreamClient

  /// A client of the upstream; close it when done.
  public init(
    _ upstream: Upstream, settings: UpstreamSettings
  ) throws(UpstreamConfigurationError) {
    let address = try UpstreamAddress(upstream.url)
    guard let region = upstream.region,
      SigV4Scope(SigningTime(seconds: 0), region: region, service: SigV4Signature.service) != nil
    else { throw .noRegion }
    guard case .accessKey(let accessKey, let file) = upstream.credential else {
      throw .noCredential
    }
    dialect = AWSDialect(region: region, accessKey: accessKey, secretKeyFile: file)
    self.settings = settings
    client = UpstreamClient(address, settings: settings)
  }

  /// What is to be said about this machine's clock, by the last answer.
  public var clockRemark: String? { client.clockRemark }

  /// Lets the connections go; later calls fail.
  public func close() { client.close() }

  /// All secrets of the account in the region, those that wait for their deletion too.
  public func secrets() async throws(CloudError) -> CloudListing {
    var listing = CloudListing(secrets: [], unreadable: [])
    let items = try await items(
      of: .listSecrets, ["IncludePlannedDeletion": .bool(true)], list: "SecretList", id: "Name")
    for item in items {
      let isPending = item["DeletedDate"].map { !$0.isNull } ?? false
      listing.add(name: item["Name"], life: isPending ? .pendingDeletion : .present)
    }
    return listing
  }

  /// All versions of the secret, those without labels too: these have no list of labels at all.
  public func versions(of secret: SecretName) async throws(CloudError) -> [CloudVersion] {
    try await items(
      of: .listSecretVersionIds,
      ["SecretId": .string(secret.text), "IncludeDeprecated": .bool(true)], list: "Versions",
      id: "VersionId"
    ).map { item throws(CloudError) in
      try CloudVersion(id: item["VersionId"], stages: item["VersionStages"])
    }
  }

  /// The items of all pages, each `id` once, as the latest page has it.
  ///
  /// A page may be empty and still have another behind it; a token that was there before leads
  /// nowhere.
  private func items(
    of operation: Operation, _ members: [String: JSONValue], list: String, id: String
  ) async throws(CloudError) -> [JSONValue] {
    let deadline = client.deadline
    var collected = ListedItems(id: id)
    var tokens: Set<String> = []
    var members = members
    members["MaxResults"] = .integer(Int64(settings.pageItemsMax))
    for _ in 0..<settings.pagesMax {
      let page = try await call(operation, members, deadline)
      guard let found = page[list]?.arrayValue else { throw page.nonsense("no \(list)") }
      _ = collected.add(found)
      guard let next = page["NextToken"], !next.isNull, next.stringValue != "" else {
        return collected.all
      }
      guard let token = next.stringValue, token.utf8.count <= 4_096 else {
        throw page.nonsense("NextToken is no token")
      }
      guard tokens.insert(token).inserted else { throw page.nonsense("paging does not advance") }
      members["NextToken"] = .string(token)
    }
    throw .unintelligible("more than \(settings.pagesMax) pages")
  }

  private func call(
    _ operation: Operation, _ members: [String: JSONValue], _ deadline: ContinuousClock.Instant
  ) async throws(CloudError) -> CloudAnswer {
    try await client.ask(Self.request(operation, members), as: dialect, deadline: deadline)
  }

  /// A call of the operation, not signed yet.
  static func request(
    _ operation: Operation, _ members: [String: JSONValue]
  ) -> SignableRequest {
    var request = SignableRequest(
      method: "POST", path: "/", query: nil, fields: [],
      body: JSONValue.object(members).canonicalBytes())
    request.set("Content-Type", "application/x-amz-json-1.1")
    request.set("X-Amz-Target", "secretsmanager.\(operation.rawValue)")
    return request
  }
}
