// AlibabaClient: reads secrets, versions and labels from Alibaba Cloud KMS.
//
// Called by the reconciler through `LiveCloud`; calls `UpstreamClient`. To read, of the cloud's
// operations it uses two, ListSecrets and ListSecretVersionIds: neither returns a secret value.
// Invariant: an answer that is not understood is an error, never a shorter list.

import CanonicalJSON
public import Ledger
public import LedgerServices
import RequestSigning

/// A live KMS.
public final class AlibabaClient: ConnectedCloud {
  /// The operations that may be called.
  enum Action: String {
    case listSecrets = "ListSecrets"
    case listSecretVersionIds = "ListSecretVersionIds"
    case updateSecretVersionStage = "UpdateSecretVersionStage"
  }

  /// How often a list is read before its pages are given up.
  private static let readingsMax = 5

  let dialect: AlibabaDialect
  private let settings: UpstreamSettings
  let client: UpstreamClient

  /// A client of the upstream; close it when done.
  public init(
    _ upstream: Upstream, settings: UpstreamSettings
  ) throws(UpstreamConfigurationError) {
    let address = try UpstreamAddress(upstream.url)
    guard case .accessKey(let accessKey, let file) = upstream.credential else {
      throw .noCredential
    }
    dialect = AlibabaDialect(accessKey: accessKey, secretKeyFile: file)
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
      of: .listSecrets, [], list: ("SecretList", "Secret"), id: "SecretName")
    for item in items {
      let isPending = item["PlannedDeleteTime"]?.stringValue?.isEmpty == false
      listing.add(name: item["SecretName"], life: isPending ? .pendingDeletion : .present)
    }
    return listing
  }

  /// All versions of the secret, those without labels too.
  public func versions(of secret: SecretName) async throws(CloudError) -> [CloudVersion] {
    try await items(
      of: .listSecretVersionIds,
      [(name: "IncludeDeprecated", value: "true"), (name: "SecretName", value: secret.text)],
      list: ("VersionIds", "VersionId"), id: "VersionId"
    ).map { item throws(CloudError) in
      let stages: JSONValue?
      switch item["VersionStages"] {
      case .object(let members)?: stages = members["VersionStage"]
      case let other: stages = other
      }
      return try CloudVersion(id: item["VersionId"], stages: stages)
    }
  }

  /// The items of all pages, each `id` once.
  ///
  /// Pages have numbers, so an item that goes away while they are read pulls a later one onto a
  /// page that was read before, and nobody sees it. A reading counts where there are as many items
  /// as all its pages say; else where the next one names the same items.
  private func items(
    of action: Action, _ parameters: [(name: String, value: String)],
    list: (outer: String, inner: String), id: String
  ) async throws(CloudError) -> [JSONValue] {
    let deadline = client.deadline
    var before: Set<String>?
    for _ in 0..<Self.readingsMax {
      var collected = ListedItems(id: id)
      let totals = try await read(action, parameters, list, into: &collected, deadline)
      if totals == [Int64(collected.all.count)] || collected.names == before {
        return collected.all
      }
      before = collected.names
    }
    throw .unintelligible("the pages of \(action.rawValue) do not agree")
  }

  /// Reads all pages once; returns how many items they say there are, which is one number unless
  /// something came or went meanwhile.
  private func read(
    _ action: Action, _ parameters: [(name: String, value: String)],
    _ list: (outer: String, inner: String), into collected: inout ListedItems,
    _ deadline: ContinuousClock.Instant
  ) async throws(CloudError) -> Set<Int64> {
    var totals: Set<Int64> = []
    var seen: Int64 = 0
    for number in 1...max(1, settings.pagesMax) {
      let page = try await call(
        action,
        parameters + [
          (name: "PageNumber", value: String(number)),
          (name: "PageSize", value: String(settings.pageItemsMax)),
        ], deadline)
      guard let total = page["TotalCount"]?.integerValue, total >= 0 else {
        throw page.nonsense("no TotalCount")
      }
      let found = page[list.outer]?[list.inner]?.arrayValue
      guard let found = found ?? (total == 0 ? [] : nil) else {
        throw page.nonsense("no \(list.outer)")
      }
      _ = collected.add(found)
      totals.insert(total)
      seen += Int64(found.count)
      if found.isEmpty || seen >= total { return totals }
    }
    throw .unintelligible("more than \(settings.pagesMax) pages")
  }

  private func call(
    _ action: Action, _ parameters: [(name: String, value: String)],
    _ deadline: ContinuousClock.Instant
  ) async throws(CloudError) -> CloudAnswer {
    try await client.ask(Self.request(action, parameters), as: dialect, deadline: deadline)
  }

  /// A call of the action, not signed yet.
  static func request(
    _ action: Action, _ parameters: [(name: String, value: String)]
  ) -> SignableRequest {
    var request = SignableRequest(
      method: action == .updateSecretVersionStage ? "POST" : "GET", path: "/",
      query: SignableRequest.query(parameters), fields: [], body: [])
    request.set("Accept", "application/json")
    request.set("x-acs-action", action.rawValue)
    request.set("x-acs-version", "2016-01-20")
    return request
  }
}
