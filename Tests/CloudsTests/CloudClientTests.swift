// CloudClientTests: what every cloud's client asks, signs and understands alike.

import Foundation
import Ledger
import LedgerServices
import RequestSigning
import TestLiterals
import TestSupport
import Testing

@testable import Clouds

@Suite(.serialized, .inTurn) struct CloudClientTests {
  // MARK: What is asked

  @Test(arguments: TestedCloud.allCases)
  func `only calls that list or show labels are made`(_ cloud: TestedCloud) async throws {
    let fixture = try CloudFixture(cloud) { request in
      if request.path.contains("/stages/") {
        return .json(200, #"{"stage":{"version_id":"v1","update_time":1581507580123}}"#)
      }
      return .json(
        200,
        cloud.listsSecrets(request)
          ? cloud.secrets(["db"]) : cloud.versions([(id: "v1", labels: #"["A"]"#)]))
    }
    #expect(try await fixture.names() == ["db"])
    #expect(
      try await fixture.client.versions(of: "a b/c?d") == [CloudVersion(id: "v1", stages: ["A"])])
    let time = try await fixture.client.changeTime(of: "A", on: "v1", of: "db")
    #expect((time == nil) == (cloud.provider != .huawei))
    let requests = fixture.server.requests
    #expect(requests.count == (cloud.provider == .huawei ? 3 : 2))
    #expect(requests.allSatisfy { cloud.allows($0) })
  }

  @Test func `the list of what may be asked has no call that returns a value`() {
    func request(
      _ method: String, _ path: String, _ fields: [String: String] = [:], body: String = ""
    ) -> SeenRequest {
      SeenRequest(
        method: method, path: path, query: [:], rawQuery: nil, fields: fields,
        body: Array(body.utf8))
    }
    let secret = "/v1/cn-project/secrets/db"
    let ofHuawei = [
      request("GET", "\(secret)/versions/v1"), request("GET", "\(secret)/versions/latest"),
      request("GET", secret), request("PUT", "\(secret)/stages/a"),
      request("DELETE", "\(secret)/stages/a"), request("POST", "\(secret)/versions"),
      request("GET", "/v1/other/secrets"), request("GET", "/v1/cn-project/secrets", body: "{}"),
    ]
    for one in ofHuawei { #expect(!TestedCloud.huaweiByKey.allows(one), "\(one)") }
    for action in ["GetSecretValue", "PutSecretValue", "DescribeSecret", ""] {
      #expect(
        !TestedCloud.alibaba.allows(
          request("GET", "/", ["x-acs-action": action, "x-acs-version": "2016-01-20"])))
      #expect(
        !TestedCloud.aws.allows(
          request("POST", "/", ["x-amz-target": "secretsmanager.\(action)"], body: "{}")))
    }
    #expect(
      !TestedCloud.aws.allows(
        request("POST", "/", ["x-amz-target": "secretsmanager.BatchGetSecretValue"], body: "{}")))
  }

  // MARK: Who asks

  private func verify<Scheme: HeaderScheme>(_ scheme: Scheme.Type, _ seen: SeenRequest) throws {
    let request = SignableRequest(
      method: seen.method, path: seen.path, query: seen.rawQuery,
      fields: seen.fields.map { SignableRequest.Field(name: $0.key, value: $0.value) },
      body: seen.body)
    let header = try #require(seen.fields["authorization"])
    let authorization = try HeaderAuthorization<Scheme>(parsing: header)
    #expect(authorization.accessKey == CloudFixture.accessKey)
    try scheme.verify(
      request, authorization, secretKey: CloudFixture.secretKey,
      now: SigningTime(seconds: CloudFixture.now))
  }

  /// Each request is signed anew: the second is one that was repeated.
  @Test(arguments: [TestedCloud.huaweiByKey, .alibaba, .aws])
  func `every request is signed as the cloud checks it`(_ cloud: TestedCloud) async throws {
    let count = Counter()
    let fixture = try CloudFixture(cloud) { _ in
      count.next() == 1
        ? .json(503, "{}") : .json(200, cloud.versions([(id: "v1", labels: "[]")]))
    }
    _ = try await fixture.client.versions(of: "a b/ü~*'+&=")
    #expect(fixture.server.requests.count == 2)
    for request in fixture.server.requests {
      switch cloud {
      case .huaweiByToken: break
      case .huaweiByKey: try verify(SDKSignature.self, request)
      case .alibaba: try verify(ACS3Signature.self, request)
      case .aws:
        try verify(SigV4Signature.self, request)
        let header = request.fields["authorization"] ?? ""
        #expect(header.contains("/20260102/eu-west-1/secretsmanager/aws4_request"))
      }
    }
    let nonces = fixture.server.requests.compactMap { $0.fields["x-acs-signature-nonce"] }
    #expect(Set(nonces).count == (cloud == .alibaba ? 2 : 0))
  }

  @Test(arguments: TestedCloud.allCases)
  func `the file is read anew at each use`(_ cloud: TestedCloud) async throws {
    let fixture = try CloudFixture(cloud) { _ in .json(200, cloud.secrets([])) }
    _ = try await fixture.names()
    try Data("renewed\r\n".utf8).write(to: URL(fileURLWithPath: fixture.path))
    _ = try await fixture.names()
    let headers = fixture.server.requests.map {
      $0.fields["x-auth-token"] ?? $0.fields["authorization"]
    }
    #expect(headers.count == 2)
    #expect(headers[0] != headers[1])
    #expect(cloud != .huaweiByToken || headers == ["secret-token", "renewed"])
  }

  @Test(arguments: TestedCloud.allCases, ["", "\n", "a\nX-Other: b", "a b", "ключ", "a\u{0}"])
  func `a file that holds nothing to show is refused before anything is sent`(
    _ cloud: TestedCloud, _ text: String
  ) async throws {
    let fixture = try CloudFixture(cloud) { _ in .json(200, cloud.secrets([])) }
    try Data(text.utf8).write(to: URL(fileURLWithPath: fixture.path))
    let error = await #expect(throws: CloudError.self) { try await fixture.client.secrets() }
    guard case .forbidden(let words)? = error else { throw CancellationError() }
    #expect(!words.contains(fixture.path))
    #expect(fixture.server.requests.isEmpty)
  }

  @Test(arguments: TestedCloud.allCases)
  func `a file that is not there is refused`(_ cloud: TestedCloud) async throws {
    let fixture = try CloudFixture(cloud) { _ in .json(200, cloud.secrets([])) }
    try FileManager.default.removeItem(atPath: fixture.path)
    let what = cloud == .huaweiByToken ? "token" : "secret key"
    await #expect(throws: CloudError.forbidden("the \(what) file cannot be read")) {
      try await fixture.client.secrets()
    }
  }

  @Test(arguments: [TestedCloud.huaweiByKey, .alibaba, .aws], [0o640, 0o604, 0o660])
  func `a secret key that others may read is refused before anything is sent`(
    _ cloud: TestedCloud, _ mode: Int
  ) async throws {
    let fixture = try CloudFixture(cloud) { _ in .json(200, cloud.secrets([])) }
    try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: fixture.path)
    await #expect(
      throws: CloudError.forbidden(
        "the secret key file can be read by others; `chmod 600` it")
    ) {
      try await fixture.client.secrets()
    }
    #expect(fixture.server.requests.isEmpty)
  }

  @Test(arguments: [
    "", "db", "ftp://h", "http://", "http://u:p@h", "http://h/path", "http://h?q=1", "http://h#f",
    "https:h",
  ])
  func `an address that is not scheme, host and port is refused`(_ url: String) {
    for cloud in TestedCloud.allCases {
      #expect(throws: UpstreamConfigurationError.badURL) {
        try Upstream(
          mode: .read, url: url, project: "p", region: "r",
          credential: .accessKey("A", secretKeyFile: "/dev/null")
        ).open(as: cloud.provider, settings: UpstreamSettings())
      }
    }
  }

  @Test(arguments: [
    ("https://kms.example.com", "kms.example.com"), ("https://h:443/", "h"),
    ("https://h:8443", "h:8443"), ("http://h:80", "h"), ("http://h:443", "h:443"),
    ("http://[::1]:8087", "[::1]:8087"),
  ])
  func `the host that is signed is the one that is sent`(_ url: String, _ host: String) throws {
    #expect(try UpstreamAddress(url).host == host)
  }

  @Test func `what a cloud needs and does not have is said`() {
    let url = "https://h"
    func open(
      _ provider: Provider, project: String? = "p", region: String? = "r",
      _ credential: Upstream.Credential?
    ) throws(UpstreamConfigurationError) {
      let upstream = Upstream(
        mode: .read, url: url, project: project, region: region, credential: credential)
      try upstream.open(as: provider, settings: UpstreamSettings()).close()
    }
    let key = Upstream.Credential.accessKey("A", secretKeyFile: "/f")
    #expect(throws: UpstreamConfigurationError.noProject) {
      try open(.huawei, project: nil, key)
    }
    #expect(throws: UpstreamConfigurationError.noRegion) { try open(.aws, region: nil, key) }
    #expect(throws: UpstreamConfigurationError.noRegion) { try open(.aws, region: "a/b", key) }
    for provider in Provider.allCases {
      #expect(throws: UpstreamConfigurationError.noCredential) { try open(provider, nil) }
    }
    for provider in [Provider.alibaba, .aws] {
      #expect(throws: UpstreamConfigurationError.noCredential) {
        try open(provider, .token(file: "/f"))
      }
    }
  }

  // MARK: What is understood

  @Test(arguments: TestedCloud.allCases)
  func `versions without labels are versions`(_ cloud: TestedCloud) async throws {
    let fixture = try CloudFixture(cloud) { _ in
      .json(
        200,
        cloud.versions([
          (id: "v1", labels: "[]"), (id: "v2", labels: "null"), (id: "v3", labels: #"["a.b","C"]"#),
        ]))
    }
    #expect(
      try await fixture.client.versions(of: "db") == [
        CloudVersion(id: "v1", stages: []), CloudVersion(id: "v2", stages: []),
        CloudVersion(id: "v3", stages: ["a.b", "C"]),
      ])
  }

  @Test(arguments: TestedCloud.allCases)
  func `a name that cannot be read is reported and hides no other`(
    _ cloud: TestedCloud
  ) async throws {
    let fixture = try CloudFixture(cloud) { _ in
      .json(200, cloud.secrets(["a", "d\\u0000", "", "b"]))
    }
    let listing = try await fixture.client.secrets()
    #expect(listing.secrets.map(\.name.text) == ["a", "b"])
    #expect(listing.unreadable.count == 2)
  }

  @Test(arguments: TestedCloud.allCases, [#""A""#, "[7]", #"["\u0001"]"#, #"[["A"]]"#, "7"])
  func `labels that are no labels are not understood`(
    _ cloud: TestedCloud, _ labels: String
  ) async throws {
    let (error, requestCount) = try await CloudFixture.failure(
      of: .json(200, cloud.versions([(id: "v1", labels: labels)])), from: cloud)
    guard case .unintelligible = error else { throw error }
    #expect(requestCount == 1)
  }

  @Test(
    arguments: TestedCloud.allCases,
    [
      "", "garbage", "[]", "7", "null", "{}", String(repeating: "[", count: 100_000),
      #"{"Versions":[],"Versions":[]}"#, #"{"Versions":{},"VersionIds":[],"version_metadatas":7}"#,
      #"{"Versions":[{}],"VersionIds":{"VersionId":[{}]},"TotalCount":1,"version_metadatas":[{}]}"#,
      #"{"Versions":["v"],"VersionIds":{"VersionId":[7]},"TotalCount":1,"version_metadatas":[7]}"#,
    ])
  func `an answer that makes no sense is said to make none`(
    _ cloud: TestedCloud, _ body: String
  ) async throws {
    let (error, requestCount) = try await CloudFixture.failure(of: .json(200, body), from: cloud)
    guard case .unintelligible = error else { throw error }
    #expect(requestCount == 1)
  }

  @Test(arguments: TestedCloud.allCases)
  func `an answer cut off in the middle is none`(_ cloud: TestedCloud) async throws {
    let whole = cloud.versions([(id: "v1", labels: #"["A"]"#)])
    let half = whole.prefix(whole.utf8.count / 2)
    let (error, _) = try await CloudFixture.failure(of: .json(200, String(half)), from: cloud)
    guard case .unintelligible = error else { throw error }
    let head = "HTTP/1.1 200 OK\r\nContent-Length: \(whole.utf8.count)\r\n\r\n"
    let (other, requestCount) = try await CloudFixture.failure(
      of: .bytes(Array((head + half).utf8)), from: cloud)
    guard case .unreachable = other else { throw other }
    #expect(requestCount == 4)
  }

  @Test(arguments: TestedCloud.allCases)
  func `endless pages are given up`(_ cloud: TestedCloud) async throws {
    let count = Counter()
    let fixture = try CloudFixture(cloud, settings: .adjusted { $0.pagesMax = 10 }) { _ in
      let number = count.next()
      return .json(200, cloud.secrets(["s\(number)"], next: "m\(number)"))
    }
    await #expect(throws: CloudError.unintelligible("more than 10 pages")) {
      try await fixture.client.secrets()
    }
    #expect(fixture.server.requests.count == 10)
  }

  // MARK: Which request it was

  @Test(arguments: TestedCloud.allCases)
  func `the id the cloud gives a request is told with the error`(
    _ cloud: TestedCloud
  ) async throws {
    let field = "\(cloud.requestIDField): 7a3f-Q.1"
    for reply in [
      Reply.json(403, "{}", fields: [field]), .json(500, "{}", fields: [field]),
      .json(cloud.throttling.status, cloud.throttling.body, fields: [field]),
      .json(200, "garbage", fields: [field]), .json(200, "{}", fields: [field]),
    ] {
      let (error, _) = try await CloudFixture.failure(of: reply, from: cloud)
      switch error {
      case .forbidden(let words), .unreachable(let words), .throttled(let words),
        .unintelligible(let words):
        #expect(words.contains("request 7a3f-Q.1"), "\(words)")
      case .notFound: Issue.record("\(error)")
      }
    }
    let long = String(repeating: "x", count: 65)
    for id in ["a b", "<script>", long, "ä"] {
      let (error, _) = try await CloudFixture.failure(
        of: .json(403, "{}", fields: ["\(cloud.requestIDField): \(id)"]), from: cloud)
      #expect(error == .forbidden("status 403"))
    }
  }
}
