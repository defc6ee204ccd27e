// HuaweiClient: reads secrets, versions and labels from Huawei Cloud CSMS.
//
// Called by the reconciler through `LiveCloud`; calls `UpstreamClient`. Of the cloud's operations
// it uses three, ListSecrets, ListSecretVersions and ShowSecretStage: none returns a secret value.
// Invariant: an answer that is not understood is an error, never a shorter list.

import CanonicalJSON
import Foundation
public import Ledger
public import LedgerServices

/// Why no client can be made for an upstream.
public enum UpstreamConfigurationError: Error, Hashable, Sendable {
  /// The address is not `http://host[:port]` or `https://host[:port]`.
  case badURL
  /// No file is named that holds a token.
  case noTokenFile
}

/// A live CSMS.
public final class HuaweiClient: LiveCloud {
  private let base: String
  private let project: String
  private let token: TokenFile
  private let settings: UpstreamSettings
  private let client: UpstreamClient

  /// A client of the upstream; close it when done.
  public init(
    _ upstream: Upstream, settings: UpstreamSettings
  ) throws(UpstreamConfigurationError) {
    guard let url = URLComponents(string: upstream.url),
      url.scheme == "https" || url.scheme == "http", let host = url.host, !host.isEmpty,
      url.user == nil, url.password == nil, url.query == nil, url.fragment == nil,
      url.path.isEmpty || url.path == "/"
    else { throw .badURL }
    guard let tokenFile = upstream.tokenFile else { throw .noTokenFile }
    base = upstream.url.hasSuffix("/") ? String(upstream.url.dropLast()) : upstream.url
    project = upstream.project
    token = TokenFile(path: tokenFile)
    self.settings = settings
    client = UpstreamClient(settings: settings)
  }

  /// Lets the connections go; later calls fail.
  public func close() { client.close() }

  /// All secrets of the project, those that wait for their deletion too.
  public func secrets() async throws(CloudError) -> CloudListing {
    var listing = CloudListing(secrets: [], unreadable: [])
    for item in try await pages(of: [], items: "secrets", id: "name") {
      guard let text = item["name"]?.stringValue else {
        listing.unreadable.append("a secret without a name")
        continue
      }
      do {
        let name = try SecretName(text)
        let isPending = item["state"]?.stringValue == "PENDING_DELETE"
        listing.secrets.append(
          CloudSecret(name: name, life: isPending ? .pendingDeletion : .present))
      } catch {
        listing.unreadable.append("a secret's name is ill formed: \(error)")
      }
    }
    return listing
  }

  /// All versions of the secret, those without labels too.
  public func versions(of secret: SecretName) async throws(CloudError) -> [CloudVersion] {
    var versions: [CloudVersion] = []
    for item in try await pages(
      of: [secret.text, "versions"], items: "version_metadatas", id: "id")
    {
      guard let text = item["id"]?.stringValue else {
        throw .unintelligible("a version without an id")
      }
      let stages: [JSONValue]
      switch item["version_stages"] {
      case nil, .null?: stages = []
      case .array(let labels)?: stages = labels
      case .bool?, .integer?, .double?, .string?, .object?:
        throw .unintelligible("version_stages is no list")
      }
      do {
        versions.append(
          CloudVersion(id: try VersionID(text), stages: try stages.map { try stage($0) }))
      } catch let error as CloudError {
        throw error
      } catch {
        throw .unintelligible("a version or a label is ill formed: \(error)")
      }
    }
    return versions
  }

  /// When the label came to the version, as `update_time` tells it.
  ///
  /// Its text says seconds, and it is milliseconds. Source: every sample, and clients that were
  /// tried against the cloud.
  public func changeTime(
    of stage: StageName, on version: VersionID, of secret: SecretName
  ) async throws(CloudError) -> Instant? {
    let deadline = ContinuousClock.now.advanced(by: settings.operationTimeout)
    let answer = try await get([secret.text, "stages", stage.text], query: "", deadline)
    guard let shown = answer["stage"], shown["version_id"]?.stringValue != nil else {
      throw .unintelligible("no stage")
    }
    guard shown["version_id"]?.stringValue == version.text else { return nil }
    guard let value = shown["update_time"], !value.isNull else { return nil }
    guard let milliseconds = value.integerValue, milliseconds > 0 else {
      throw .unintelligible("update_time is no time")
    }
    let (microseconds, isPastRange) = milliseconds.multipliedReportingOverflow(by: 1_000)
    guard !isPastRange, let moment = Instant(microseconds: microseconds) else {
      throw .unintelligible("update_time is no time")
    }
    return moment
  }

  private func stage(_ value: JSONValue) throws -> StageName {
    guard let text = value.stringValue else {
      throw CloudError.unintelligible("a label is no text")
    }
    return try StageName(text)
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
    let deadline = ContinuousClock.now.advanced(by: settings.operationTimeout)
    var collected: [JSONValue] = []
    var places: [String: Int] = [:]
    var markers: Set<String> = []
    var marker: String?
    for _ in 0..<settings.pagesMax {
      var query = "?limit=\(settings.pageItemsMax)"
      if let marker { query += "&marker=" + Self.percentEncoded(marker) }
      let page = try await get(path, query: query, deadline)
      guard let found = page[items]?.arrayValue else { throw .unintelligible("no \(items)") }
      var isNews = false
      for item in found {
        let name = item[id]?.stringValue
        if let name, let place = places[name] {
          collected[place] = item
        } else {
          if let name { places[name] = collected.count }
          collected.append(item)
          isNews = isNews || name != nil
        }
      }
      guard !found.isEmpty, let next = try Self.nextMarker(page) else { return collected }
      guard isNews, markers.insert(next).inserted else {
        guard found.count < settings.pageItemsMax else {
          throw .unintelligible("paging does not advance")
        }
        return collected
      }
      marker = next
    }
    throw .unintelligible("more than \(settings.pagesMax) pages")
  }

  /// The marker of the next page, also out of an address; nil when there is none.
  private static func nextMarker(_ page: JSONValue) throws(CloudError) -> String? {
    guard let value = page["page_info"]?["next_marker"], !value.isNull else { return nil }
    guard var marker = value.stringValue else { throw .unintelligible("next_marker is no text") }
    if marker.utf8.contains(0x3F) {
      let items = URLComponents(string: marker)?.queryItems ?? []
      guard let inside = items.first(where: { $0.name == "marker" })?.value else {
        throw .unintelligible("next_marker is an address without a marker")
      }
      marker = inside
    }
    guard marker.utf8.count <= 1_024 else { throw .unintelligible("next_marker is too long") }
    return marker.isEmpty ? nil : marker
  }

  private func get(
    _ path: [String], query: String, _ deadline: ContinuousClock.Instant
  ) async throws(CloudError) -> JSONValue {
    var text = base + "/v1"
    for segment in [project, "secrets"] + path {
      // Dots alone would be taken out of the path on the way and another operation called.
      guard segment != ".", segment != ".." else { throw .unintelligible("a name made of dots") }
      text += "/" + Self.percentEncoded(segment)
    }
    guard let url = URL(string: text + query) else { throw .unintelligible("no address") }
    let headers = [
      "X-Auth-Token": try token.read(), "X-Project-Id": project, "Accept": "application/json",
      "Content-Type": "application/json",
    ]
    let answer: UpstreamAnswer
    do {
      answer = try await client.get(url, headers: headers, deadline: deadline)
    } catch {
      throw CloudError(error)
    }
    return try body(of: answer)
  }

  private func body(of answer: UpstreamAnswer) throws(CloudError) -> JSONValue {
    let limits = JSONLimits(depthMax: 32, bytesMax: settings.bodyBytesMax)
    let json: Result<JSONValue, JSONError>
    do { json = .success(try JSONValue(parsing: answer.body, limits: limits)) } catch {
      json = .failure(error)
    }
    guard answer.status == 200 else {
      throw HuaweiError(status: answer.status, body: try? json.get()).meaning
    }
    do { return try json.get() } catch { throw .unintelligible("no JSON: \(error.kind)") }
  }

  /// Everything but RFC 3986's unreserved characters as `%XX`.
  private static func percentEncoded(_ text: String) -> String {
    let digits = Array("0123456789ABCDEF".utf8)
    var encoded: [UInt8] = []
    for byte in text.utf8 {
      switch byte {
      case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x2D, 0x2E, 0x5F, 0x7E: encoded.append(byte)
      default: encoded += [0x25, digits[Int(byte >> 4)], digits[Int(byte & 15)]]
      }
    }
    return String(decoding: encoded, as: UTF8.self)
  }
}
