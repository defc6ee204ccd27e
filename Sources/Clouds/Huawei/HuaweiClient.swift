// HuaweiClient: reads secrets, versions and labels from Huawei Cloud CSMS.
//
// Called by the reconciler through `LiveCloud`; calls `UpstreamClient`. To read, of the cloud's
// operations it uses three, ListSecrets, ListSecretVersions and ShowSecretStage: none returns a
// secret value. Invariant: an answer that is not understood is an error, never a shorter list.

import CanonicalJSON
import Foundation
public import Ledger
public import LedgerServices
import RequestSigning

/// A live CSMS.
public final class HuaweiClient: ConnectedCloud {
  let dialect: HuaweiDialect
  private let settings: UpstreamSettings
  let client: UpstreamClient

  /// A client of the upstream; close it when done.
  public init(
    _ upstream: Upstream, settings: UpstreamSettings
  ) throws(UpstreamConfigurationError) {
    let address = try UpstreamAddress(upstream.url)
    guard let project = upstream.project else { throw .noProject }
    guard let credential = upstream.credential else { throw .noCredential }
    dialect = HuaweiDialect(project: project, credential: credential)
    self.settings = settings
    client = UpstreamClient(address, settings: settings)
  }

  /// What is to be said about this machine's clock, by the last answer.
  public var clockRemark: String? { client.clockRemark }

  /// Lets the connections go; later calls fail.
  public func close() { client.close() }

  /// All secrets of the project, those that wait for their deletion too.
  public func secrets() async throws(CloudError) -> CloudListing {
    var listing = CloudListing(secrets: [], unreadable: [])
    for item in try await pages(of: [], items: "secrets", id: "name") {
      let isPending = item["state"]?.stringValue == "PENDING_DELETE"
      listing.add(name: item["name"], life: isPending ? .pendingDeletion : .present)
    }
    return listing
  }

  /// All versions of the secret, those without labels too.
  public func versions(of secret: SecretName) async throws(CloudError) -> [CloudVersion] {
    try await pages(of: [secret.text, "versions"], items: "version_metadatas", id: "id")
      .map { item throws(CloudError) in
        try CloudVersion(id: item["id"], stages: item["version_stages"])
      }
  }

  /// When the label came to the version, as `update_time` tells it.
  ///
  /// Its text says seconds, and it is milliseconds. Source: every sample, and clients that were
  /// tried against the cloud.
  public func changeTime(
    of stage: StageName, on version: VersionID, of secret: SecretName
  ) async throws(CloudError) -> Instant? {
    let answer = try await get([secret.text, "stages", stage.text], [], client.deadline)
    guard let shown = answer["stage"], shown["version_id"]?.stringValue != nil else {
      throw answer.nonsense("no stage")
    }
    guard shown["version_id"]?.stringValue == version.text else { return nil }
    guard let value = shown["update_time"], !value.isNull else { return nil }
    guard let moment = Self.moment(value) else { throw answer.nonsense("update_time is no time") }
    return moment
  }

  /// The items of all pages below `/secrets`, each `id` once, as the latest page has it.
  ///
  /// A marker at the end of a page does not prove that there is another: the last page of this
  /// cloud has one too. The list ends where there is no marker, or a page is empty, or neither the
  /// marker nor the items are any that were not there before. Only when such a page is a full one
  /// does the cloud not page at all, and what follows would be missing without a word.
  private func pages(
    of path: [String], items: String, id: String
  ) async throws(CloudError) -> [JSONValue] {
    let deadline = client.deadline
    var collected = ListedItems(id: id)
    var markers: Set<String> = []
    var marker: String?
    for _ in 0..<settings.pagesMax {
      var parameters = [(name: "limit", value: String(settings.pageItemsMax))]
      if let marker { parameters.append((name: "marker", value: marker)) }
      let page = try await get(path, parameters, deadline)
      guard let found = page[items]?.arrayValue else { throw page.nonsense("no \(items)") }
      let news = collected.add(found)
      guard !found.isEmpty, let next = try Self.nextMarker(page) else { return collected.all }
      guard news == .some, markers.insert(next).inserted else {
        guard found.count < settings.pageItemsMax else {
          throw page.nonsense("paging does not advance")
        }
        return collected.all
      }
      marker = next
    }
    throw .unintelligible("more than \(settings.pagesMax) pages")
  }

  /// The marker of the next page, also out of an address; nil when there is none.
  private static func nextMarker(_ page: CloudAnswer) throws(CloudError) -> String? {
    guard let value = page["page_info"]?["next_marker"], !value.isNull else { return nil }
    guard var marker = value.stringValue else { throw page.nonsense("next_marker is no text") }
    if marker.utf8.contains(0x3F) {
      let items = URLComponents(string: marker)?.queryItems ?? []
      guard let inside = items.first(where: { $0.name == "marker" })?.value else {
        throw page.nonsense("next_marker is an address without a marker")
      }
      marker = inside
    }
    guard marker.utf8.count <= 1_024 else { throw page.nonsense("next_marker is too long") }
    return marker.isEmpty ? nil : marker
  }

  /// The path below `/secrets`, encoded.
  func path(_ segments: [String]) throws(CloudError) -> String {
    var text = "/v1"
    for segment in [dialect.project, "secrets"] + segments {
      // Dots alone would be taken out of the path on the way and another operation called.
      guard segment != ".", segment != ".." else { throw .unintelligible("a name made of dots") }
      text += "/" + SignableRequest.encoded(segment.utf8)
    }
    return text
  }

  private func get(
    _ path: [String], _ parameters: [(name: String, value: String)],
    _ deadline: ContinuousClock.Instant
  ) async throws(CloudError) -> CloudAnswer {
    var request = SignableRequest(
      method: "GET", path: try self.path(path),
      query: parameters.isEmpty ? nil : SignableRequest.query(parameters), fields: [], body: [])
    request.set("Accept", "application/json")
    request.set("Content-Type", "application/json")
    return try await client.ask(request, as: dialect, deadline: deadline)
  }
}
