// TestedCloud: the clouds the clients are tested against, each in its own words, and the list of
// what may be asked of them.
//
// Used by every suite of cloud clients. Invariant: a client that sends anything that is not on the
// list fails whatever test it does that in.

import CanonicalJSON
import Foundation
import Ledger
import LedgerServices
import Synchronization
import Testing

@testable import Clouds

/// A cloud with a way to show it who asks.
enum TestedCloud: String, CaseIterable, Sendable {
  case huaweiByToken, huaweiByKey, alibaba, aws

  var provider: Provider {
    switch self {
    case .huaweiByToken, .huaweiByKey: .huawei
    case .alibaba: .alibaba
    case .aws: .aws
    }
  }

  /// Whether a request is one of the few that list or show labels, and so return no value.
  ///
  /// The whole list: method and path, or method, path, action and the parameters it may have.
  func allows(_ request: SeenRequest) -> Bool {
    switch provider {
    case .huawei:
      let shape = #/^/v1/cn-project/secrets(/[^/]+/(versions|stages/[^/]+))?$/#
      return request.method == "GET" && request.path.wholeMatch(of: shape) != nil
        && Set(request.query.keys).isSubset(of: ["limit", "marker"]) && request.body.isEmpty
    case .alibaba:
      let parameters: [String: Set<String>] = [
        "ListSecrets": ["PageNumber", "PageSize"],
        "ListSecretVersionIds": ["PageNumber", "PageSize", "SecretName", "IncludeDeprecated"],
      ]
      return request.method == "GET" && request.path == "/" && request.body.isEmpty
        && request.fields["x-acs-version"] == "2016-01-20"
        && parameters[request.fields["x-acs-action"] ?? ""] == Set(request.query.keys)
    case .aws:
      let members: [String: Set<String>] = [
        "secretsmanager.ListSecrets": ["IncludePlannedDeletion", "MaxResults", "NextToken"],
        "secretsmanager.ListSecretVersionIds": [
          "SecretId", "IncludeDeprecated", "MaxResults", "NextToken",
        ],
      ]
      guard let allowed = members[request.fields["x-amz-target"] ?? ""],
        let body = try? JSONValue(parsing: request.body, limits: .standard).objectValue
      else { return false }
      return request.method == "POST" && request.path == "/" && request.query.isEmpty
        && allowed.isSuperset(of: body.keys)
    }
  }

  /// Whether a request lists secrets, rather than versions.
  func listsSecrets(_ request: SeenRequest) -> Bool {
    switch provider {
    case .huawei: request.path.hasSuffix("/secrets")
    case .alibaba: request.fields["x-acs-action"] == "ListSecrets"
    case .aws: request.fields["x-amz-target"] == "secretsmanager.ListSecrets"
    }
  }

  /// A page of secrets; `next` is what leads to another, or nil on the last.
  func secrets(_ names: [String], next: String? = nil) -> String {
    let list = { (member: String) in
      names.map { #"{"\#(member)":"\#($0)"}"# }.joined(separator: ",")
    }
    switch provider {
    case .huawei:
      let marker = next.map { "\"\($0)\"" } ?? "null"
      return #"{"secrets":[\#(list("name"))],"page_info":{"next_marker":\#(marker)}}"#
    case .alibaba:
      let total = next == nil ? names.count : 1_000_000
      return #"{"SecretList":{"Secret":[\#(list("SecretName"))]},"TotalCount":\#(total)}"#
    case .aws:
      let token = next.map { #","NextToken":"\#($0)""# } ?? ""
      return #"{"SecretList":[\#(list("Name"))]\#(token)}"#
    }
  }

  /// The only page of versions: their ids, each with its labels as JSON.
  func versions(_ versions: [(id: String, labels: String)]) -> String {
    switch provider {
    case .huawei:
      let items = versions.map { #"{"id":"\#($0.id)","version_stages":\#($0.labels)}"# }
      return #"{"version_metadatas":[\#(items.joined(separator: ","))]}"#
    case .alibaba:
      let items = versions.map {
        #"{"VersionId":"\#($0.id)","VersionStages":{"VersionStage":\#($0.labels)}}"#
      }
      return #"{"VersionIds":{"VersionId":[\#(items.joined(separator: ","))]},"#
        + #""TotalCount":\#(versions.count)}"#
    case .aws:
      let items = versions.map { #"{"VersionId":"\#($0.id)","VersionStages":\#($0.labels)}"# }
      return #"{"Versions":[\#(items.joined(separator: ","))]}"#
    }
  }

  /// The answer of a cloud that is asked too often: status and body.
  var throttling: (status: Int, body: String) {
    switch provider {
    case .huawei: (429, #"{"error_code":"APIGW.0308","error_msg":"slow down"}"#)
    case .alibaba: (429, #"{"Code":"Rejected.Throttling","Message":"QPS Limit Exceeded"}"#)
    case .aws: (400, #"{"__type":"ThrottlingException","Message":"Rate exceeded"}"#)
    }
  }

  /// The answer of a cloud whose clock is another: status and body.
  var expiry: (status: Int, body: String) {
    switch provider {
    case .huawei:
      (401, #"{"error_code":"APIGW.0301","error_msg":"Incorrect IAM: signature expired"}"#)
    case .alibaba: (400, #"{"Code":"InvalidTimeStamp.Expired","Message":"date is expired."}"#)
    case .aws: (400, #"{"__type":"InvalidSignatureException","message":"Signature expired"}"#)
    }
  }

  /// The header with the id of a request.
  var requestIDField: String {
    switch provider {
    case .huawei: "X-Request-Id"
    case .alibaba: "x-acs-request-id"
    case .aws: "x-amzn-RequestId"
    }
  }
}

/// A client before a scripted server, with files of its own and without waits between tries.
final class CloudFixture: Sendable {
  /// The moment the client's clock shows: 2026-01-02T03:04:05Z.
  static let now: Int64 = 1_767_323_045
  static let accessKey = "AKIAEXAMPLE"
  static let secretKey = "secret/key+EXAMPLE"

  let cloud: TestedCloud
  let server: ScriptedServer
  let client: any ConnectedCloud
  let path: String
  private let allWaits: Waits

  private final class Waits: Sendable { let all = Mutex<[Duration]>([]) }

  init(
    _ cloud: TestedCloud, settings: UpstreamSettings = UpstreamSettings(),
    _ script: @escaping @Sendable (SeenRequest) -> Reply
  ) throws {
    self.cloud = cloud
    server = try ScriptedServer { request in
      if !cloud.allows(request) { Issue.record("\(cloud) is asked \(request)") }
      return script(request)
    }
    path = NSTemporaryDirectory() + "credential-\(UUID().uuidString)"
    let isToken = cloud == .huaweiByToken
    _ = FileManager.default.createFile(
      atPath: path, contents: Data("\(isToken ? "secret-token" : Self.secretKey)\n".utf8),
      attributes: [.posixPermissions: 0o600])
    let waits = Waits()
    allWaits = waits
    var settings = settings
    settings.requestsPerSecondMax = 10_000
    settings.sleep = { wait in waits.all.withLock { $0.append(wait) } }
    settings.jitter = { 1 }
    settings.now = { Self.now }
    client = try Upstream(
      mode: .read, url: server.url, project: "cn-project", region: "eu-west-1",
      credential: isToken
        ? .token(file: path) : .accessKey(Self.accessKey, secretKeyFile: path)
    ).open(as: cloud.provider, settings: settings)
  }

  deinit {
    client.close()
    server.close()
    try? FileManager.default.removeItem(atPath: path)
  }

  /// The waits between tries.
  var waits: [Duration] { allWaits.all.withLock { $0 } }

  /// The names of the secrets the cloud lists.
  func names() async throws -> [String] { try await client.secrets().secrets.map(\.name.text) }

  /// What comes of asking for versions when every answer is this one.
  static func failure(
    of reply: Reply, from cloud: TestedCloud, settings: UpstreamSettings = UpstreamSettings()
  ) async throws -> (error: CloudError, requestCount: Int) {
    let fixture = try CloudFixture(cloud, settings: settings) { _ in reply }
    do {
      _ = try await fixture.client.versions(of: "db")
    } catch {
      return (error, fixture.server.requests.count)
    }
    throw CancellationError()
  }
}

extension UpstreamSettings {
  /// The settings of production, but for what the test changes.
  static func adjusted(_ adjust: (inout UpstreamSettings) -> Void) -> UpstreamSettings {
    var settings = UpstreamSettings()
    adjust(&settings)
    return settings
  }
}

/// Numbers from 1 on.
final class Counter: Sendable {
  private let last = Mutex(0)
  /// The next number.
  func next() -> Int {
    last.withLock { last in
      last += 1
      return last
    }
  }
}
