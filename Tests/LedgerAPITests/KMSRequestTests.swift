// How a call of KMS stands in a request: its name, its parameters, its signature, its nonce.

import CanonicalJSON
import Crypto
import Foundation
import HTTPWire
import Ledger
import LedgerAPI
import LedgerServices
import RequestSigning
import TestSupport
import Testing

@Suite struct KMSRequestTests {
  private static let move: KMSWorld.Parameters = [
    ("SecretName", "s"), ("VersionStage", "blue"), ("MoveToVersion", "v1"),
  ]

  /// The answer to a call that was changed after it was signed.
  private func changed(
    _ world: KMSWorld, _ scheme: KMSWorld.Scheme, in place: KMSWorld.Place = .query,
    nonce: String? = UUID().uuidString, seconds: Int64 = 0,
    _ change: (inout HTTPRequest) -> Void
  ) async throws -> Reply {
    var request = try world.signed(
      "UpdateSecretVersionStage", Self.move, as: scheme, in: place, nonce: nonce, seconds: seconds)
    change(&request)
    return await world.send(request)
  }

  private static func retargeted(_ request: inout HTTPRequest, _ change: (String) -> String) {
    let target = change("/?\(request.query ?? "")")
    request = HTTPRequest(
      method: request.method, target: target, fields: request.fields, body: request.body)
  }

  // MARK: Places

  @Test(arguments: KMSWorld.Scheme.allCases, KMSWorld.Place.allCases)
  func `parameters may stand in the query, in a form or in both`(
    _ scheme: KMSWorld.Scheme, _ place: KMSWorld.Place
  ) async throws {
    let world = try await KMSWorld()
    await world.makeSecret()
    let reply = try await changed(world, scheme, in: place) { request in
      guard case .read = world.api.api.admit(request) else {
        Issue.record("the call is not admitted")
        return
      }
    }
    #expect(reply.status == 200, "\(reply.text)")
    #expect(try await world.holder(of: "blue") == "v1")
  }

  @Test(arguments: KMSWorld.Scheme.allCases, KMSWorld.Place.allCases)
  func `more parameters than a call can have are not read`(
    _ scheme: KMSWorld.Scheme, _ place: KMSWorld.Place
  ) async throws {
    let world = try await KMSWorld()
    await world.makeSecret()
    for (extra, status) in [(60, 200), (100, 400)] {
      let parameters = Self.move + (0..<extra).map { ("Tag.\($0)", "x") }
      let reply = try await world.call(
        "UpdateSecretVersionStage", parameters, as: scheme, in: place)
      #expect(reply.status == status, "\(reply.text)")
      if status == 400 { expectKMSError(reply, 400, "ParseRequestParameterException") }
    }
  }

  @Test func `an empty body may be of any type, another body must be a form`() async throws {
    let world = try await KMSWorld()
    await world.makeSecret()
    for scheme in KMSWorld.Scheme.allCases {
      let empty = try await changed(world, scheme) {
        $0.fields.append("Content-Type", "application/octet-stream")
      }
      #expect(empty.status == 200, "\(empty.text)")
      let typed = try await changed(world, scheme, in: .form) {
        $0.fields.set("Content-Type", "Application/X-WWW-Form-Urlencoded ; charset=UTF-8")
      }
      #expect(typed.status == (scheme == .rpc ? 200 : 400), "\(typed.text)")
      expectKMSError(
        try await changed(world, scheme) { $0.body = Array("{}".utf8) }, 400,
        "ParseRequestParameterException")
    }
  }

  // MARK: Names

  @Test(arguments: KMSWorld.Scheme.allCases)
  func `a call that is not served is not found`(_ scheme: KMSWorld.Scheme) async throws {
    let world = try await KMSWorld()
    for action in [
      "GetSecretValue", "PutSecretValue", "CreateSecret", "describesecret", "Nonsense",
    ] {
      expectKMSError(
        try await world.call(action, as: scheme), 404, "InvalidAction.NotFound",
        "Specified api is not found, please check your url and method.")
    }
    expectKMSError(try await world.call("", as: scheme), 400, "MissingParameter")
  }

  @Test(arguments: KMSWorld.Scheme.allCases)
  func `another version of the interface is not served`(_ scheme: KMSWorld.Scheme) async throws {
    let world = try await KMSWorld()
    for version in ["2016-01-21", "2014-11-11", "1"] {
      expectKMSError(
        await world.send(try world.signed("ListSecrets", as: scheme, version: version)), 400,
        "InvalidVersion", "Specified parameter Version is not valid.")
    }
    expectKMSError(
      await world.send(try world.signed("ListSecrets", as: scheme, version: "")), 400,
      "MissingParameter", "The parameter \"Version\" is needed but not provided.")
  }

  @Test func `the name of a call is where its signature covers it`() async throws {
    let world = try await KMSWorld()
    await world.makeSecret()
    // Neither header is signed beside a signature among the parameters, so neither is read.
    let rpc = try await changed(world, .rpc) {
      $0.fields.append("x-acs-action", "ListSecrets")
      $0.fields.append("x-acs-version", "1999-01-01")
    }
    #expect(rpc["SecretName"].stringValue == "s", "\(rpc.text)")
    let acs3 = await world.send(
      try world.signed("ListSecrets", [("Action", "DescribeSecret"), ("Version", "x")]))
    #expect(acs3["TotalCount"].integerValue == 1, "\(acs3.text)")
    // A parameter of that name is no signature beside a header that is one.
    let both = await world.send(try world.signed("ListSecrets", [("Signature", "x")]))
    #expect(both.status == 200, "\(both.text)")
  }

  @Test func `only GET and POST are taken`() async throws {
    let world = try await KMSWorld()
    for method in ["PUT", "DELETE", "PATCH", "HEAD"] {
      let reply = try await changed(world, .rpc) { $0.method = method }
      expectKMSError(
        reply, 403, "UnsupportedHTTPMethod", "This http method is not supported.")
      #expect(reply.fields["Allow"] == "GET, POST")
    }
  }

  @Test(arguments: KMSWorld.Scheme.allCases)
  func `a parameter given twice is refused, wherever it stands`(
    _ scheme: KMSWorld.Scheme
  ) async throws {
    let world = try await KMSWorld()
    await world.makeSecret()
    for place in KMSWorld.Place.allCases {
      for name in ["SecretName", "VersionStage", "Stray"] {
        let twice: KMSWorld.Parameters = [(name, "s")] + Self.move + [(name, "s")]
        expectKMSError(
          try await world.call("UpdateSecretVersionStage", twice, as: scheme, in: place), 400,
          "InvalidParameter", "The specified parameter \"\(name)\" is not valid.")
      }
    }
    let reply = try await changed(world, .rpc) { request in
      Self.retargeted(&request) { "\($0)&Signature=x" }
    }
    expectKMSError(reply, 400, "InvalidParameter")
    #expect(try await world.holder(of: "blue") == nil)
  }

  @Test func `parameters nobody asked for and empty ones are passed over`() async throws {
    let world = try await KMSWorld()
    await world.makeSecret()
    for scheme in KMSWorld.Scheme.allCases {
      let reply = try await world.call(
        "UpdateSecretVersionStage",
        Self.move + [
          ("At", "1"), ("RemoveFromVersion", ""), ("RegionId", "cn-hangzhou"),
          ("SignatureType", ""), ("SecurityToken", "x"),
        ], as: scheme)
      #expect(reply.status == 200, "\(reply.text)")
    }
  }

  @Test(arguments: ["a=%zz", "a=%2", "a=%ff"])
  func `a query that is not well encoded is refused`(_ query: String) async throws {
    let world = try await KMSWorld()
    for scheme in KMSWorld.Scheme.allCases {
      let reply = try await changed(world, scheme) { request in
        Self.retargeted(&request) { "\($0)&\(query)" }
      }
      expectKMSError(reply, 400, "ParseRequestParameterException")
    }
  }

  // MARK: Signatures

  @Test(arguments: KMSWorld.Scheme.allCases)
  func `a call changed after signing is refused and changes nothing`(
    _ scheme: KMSWorld.Scheme
  ) async throws {
    let world = try await KMSWorld()
    await world.makeSecret()
    let count = world.api.eventCount
    var changes: [(inout HTTPRequest) -> Void] = [
      { Self.retargeted(&$0) { $0.replacing("blue", with: "green") } },
      { Self.retargeted(&$0) { $0.replacing("MoveToVersion", with: "RemoveFromVersion") } },
      { Self.retargeted(&$0) { $0.replacing("&VersionStage=blue", with: "") } },
      { Self.retargeted(&$0) { "\($0)&RemoveFromVersion=v2" } },
      { Self.retargeted(&$0) { "\($0)&x=" } }, { $0.method = "GET" },
    ]
    if scheme == .acs3 {
      changes += [
        { $0.fields.set("Host", "elsewhere") },
        { $0.fields.set("x-acs-signature-nonce", "another") },
        {
          $0.body = Array("RemoveFromVersion=v2".utf8)
          $0.fields.append("Content-Type", "application/x-www-form-urlencoded")
        },
      ]
    }
    for (index, change) in changes.enumerated() {
      let reply = try await changed(world, scheme, change)
      #expect(reply["Code"].stringValue == "SignatureDoesNotMatch", "\(index): \(reply.text)")
      #expect(reply.status == 400)
    }
    #expect(world.api.eventCount == count)
  }

  @Test func `a form changed after signing is refused`() async throws {
    let world = try await KMSWorld()
    await world.makeSecret()
    for place in [KMSWorld.Place.form, .mixed] {
      for scheme in KMSWorld.Scheme.allCases {
        let reply = try await changed(world, scheme, in: place) {
          $0.body = Array(
            String(decoding: $0.body, as: UTF8.self)
              .replacing("SecretName=s", with: "SecretName=t").utf8)
        }
        expectKMSError(reply, 400, "SignatureDoesNotMatch")
      }
    }
  }

  @Test func `another path is not this surface`() async throws {
    let world = try await KMSWorld()
    for scheme in KMSWorld.Scheme.allCases {
      let reply = try await changed(world, scheme) { request in
        Self.retargeted(&request) { "/x\($0.dropFirst())" }
      }
      expectProblem(reply, 404, "no_route")
    }
  }

  @Test func `the older client can tell where the difference lies`() async throws {
    let world = try await KMSWorld()
    var other = world
    other.secretKey += "x"
    let nonce = UUID().uuidString
    let expected = try world.signed("ListSecrets", [("x", ":")], as: .rpc, nonce: nonce)
    let reply = await world.send(
      try other.signed("ListSecrets", [("x", ":")], as: .rpc, nonce: nonce))
    let message = try #require(reply["Message"].stringValue)
    let text = RPCSignature.stringToSign(method: "POST", parameters: try expected.queryItems())
    #expect(
      message
        == "Specified signature is not matched with our calculation. server string to sign is:"
        + text)
    #expect(message.split(separator: ":").count == 2)
    expectKMSError(reply, 400, "SignatureDoesNotMatch")
  }

  @Test func `the newer client is told the text of its own scheme`() async throws {
    var world = try await KMSWorld()
    world.secretKey += "x"
    let request = try world.signed("ListSecrets")
    let authorization = try ACS3Authorization(
      parsing: try #require(request.fields["Authorization"]))
    let canonical = try ACS3Signature.canonicalRequest(
      of: SignableRequest(
        method: "POST", path: "/", query: request.query,
        fields: request.fields.pairs.map { .init(name: $0.name, value: $0.value) }, body: []),
      signing: authorization.signedHeaders)
    let hash = SHA256.hash(Array(canonical.utf8)).hex
    expectKMSError(
      await world.send(request), 400, "SignatureDoesNotMatch",
      "Specified signature does not match our calculation. "
        + "server StringToSign is [ACS3-HMAC-SHA256\n\(hash)]")
  }

  @Test func `parts of a header that are wrong, missing, doubled or in another order are refused`()
    async throws
  {
    let world = try await KMSWorld()
    await world.makeSecret()
    func code(_ change: (String) -> String) async throws -> String? {
      let reply = try await changed(world, .acs3) {
        $0.fields.set("Authorization", change($0.fields["Authorization"] ?? ""))
      }
      #expect(reply.status == 400)
      return reply["Code"].stringValue
    }
    let malformed: [(String) -> String] = [
      { "\($0.dropLast())" }, { "\($0.dropLast(64))" }, { "\($0.dropLast(75))" }, { $0 + "0" },
      { "\($0),Signature=\($0.suffix(64))" }, { _ in "ACS3-HMAC-SHA256" },
      { $0.replacing("Credential=", with: "Credential=A,Credential=") },
      { $0.replacing("host;", with: "host;host;") }, { $0.replacing("ACS3", with: "ACS4") },
      { $0.replacing("HMAC-SHA256", with: "HMAC-SM3") },
      { $0.replacing("Credential", with: "Access") },
      { "ACS3-HMAC-SHA256 \($0.suffix(74)),Credential=A,SignedHeaders=host" },
      { $0.replacing("host;", with: "") }, { $0.replacing(";x-acs-version", with: "") },
      { $0.replacing("x-acs-content-sha256;", with: "") },
      { $0.replacing("x-acs-signature-nonce;", with: "") },
      { $0.replacing("SignedHeaders=", with: "SignedHeaders=x-more;") },
    ]
    for (index, change) in malformed.enumerated() {
      #expect(try await code(change) == "IncompleteSignature", "change \(index)")
    }
    #expect(try await code { $0.replacing("x-acs-date;", with: "") } == "IllegalTimestamp")
    let wrong: [(String) -> String] = [
      { "\($0.dropLast(64))\(String($0.suffix(64).reversed()))" },
      { $0.replacing("host;x-acs-action", with: "x-acs-action;host") },
    ]
    for (index, change) in wrong.enumerated() {
      #expect(try await code(change) == "SignatureDoesNotMatch", "change \(index)")
    }
    for name in [
      "Authorization", "Host", "x-acs-date", "x-acs-signature-nonce", "x-acs-content-sha256",
    ] {
      let twice = try await changed(world, .acs3) { $0.fields.append(name, $0.fields[name] ?? "") }
      expectKMSError(twice, 400, "IncompleteSignature")
    }
    expectKMSError(
      try await changed(world, .acs3) { $0.fields.append("x-acs-action", "ListSecrets") }, 400,
      "InvalidParameter", "The specified parameter \"Action\" is not valid.")
    expectKMSError(
      try await changed(world, .acs3) { $0.fields.remove("x-acs-content-sha256") }, 400,
      "IncompleteSignature")
    expectKMSError(
      try await changed(world, .acs3) { $0.fields.remove("x-acs-date") }, 400, "IllegalTimestamp")
    #expect(try await world.holder(of: "blue") == nil)
  }

  @Test func `parameters of a signature that are wrong or missing are refused`() async throws {
    let world = try await KMSWorld()
    await world.makeSecret()
    func code(_ name: String, _ value: String?) async throws -> String? {
      let reply = try await changed(world, .rpc) { request in
        let parameters = ((try? request.queryItems()) ?? []).compactMap { item in
          item.name != name ? item : value.map { (name, $0) }
        }
        Self.retargeted(&request) { _ in "/?\(KMSWorld.encoded(parameters))" }
      }
      #expect(reply.status == 400, "\(reply.text)")
      return reply["Code"].stringValue
    }
    for value in [nil, ""] {
      #expect(try await code("AccessKeyId", value) == "MissingAccessKeyId")
      #expect(try await code("Timestamp", value) == "IllegalTimestamp")
      #expect(try await code("Signature", value) == "IncompleteSignature")
      #expect(try await code("SignatureMethod", value) == "IncompleteSignature")
      #expect(try await code("SignatureVersion", value) == "IncompleteSignature")
    }
    #expect(try await code("SignatureMethod", "HMAC-SHA256") == "IncompleteSignature")
    #expect(try await code("SignatureVersion", "2.0") == "IncompleteSignature")
    #expect(try await code("Timestamp", "20240315T083045Z") == "InvalidTimeStamp.Format")
    for value in ["x", "AAAAAAAAAAAAAAAAAAAAAAAAAAA=", String(repeating: "A", count: 56)] {
      #expect(try await code("Signature", value) == "SignatureDoesNotMatch")
    }
    #expect(try await world.holder(of: "blue") == nil)
  }

  @Test func `who signs nothing has no access key`() async throws {
    let world = try await KMSWorld()
    let text = "AccessKeyId is mandatory for this action."
    let requests = [
      HTTPRequest(
        method: "GET", target: "/?Action=ListSecrets&Version=2016-01-20",
        fields: HTTPFields([("Host", "kms.example.com")])),
      HTTPRequest(
        method: "GET", target: "/?Action=ListSecrets&Version=2016-01-20",
        fields: HTTPFields([
          ("Host", "kms.example.com"), ("X-Auth-Token", world.api.token),
          ("Authorization", "Bearer \(world.api.token)"),
        ])),
    ]
    for request in requests {
      expectKMSError(await world.send(request), 400, "MissingAccessKeyId", text)
    }
  }

  @Test(arguments: KMSWorld.Scheme.allCases)
  func `an unknown, a revoked and another's key are refused`(
    _ scheme: KMSWorld.Scheme
  ) async throws {
    let world = try await KMSWorld()
    let text = "The Access Key ID provided does not exist in our records."
    var unknown = world
    unknown.accessKey = "SLAKAAAAAAAAAAAAAAAA"
    expectKMSError(
      try await unknown.call("ListSecrets", as: scheme), 404, "InvalidAccessKeyId.NotFound", text)
    var wrong = world
    wrong.secretKey = ""
    expectKMSError(
      try await wrong.call("ListSecrets", as: scheme), 400, "SignatureDoesNotMatch")
    _ = try await world.api.ledger.store.revokeCredential(
      named: "signer", of: named("p1"), at: world.api.ledger.time.now)
    world.api.ledger.time.advance(seconds: 3)
    expectKMSError(
      try await world.call("ListSecrets", as: scheme), 404, "InvalidAccessKeyId.NotFound", text)
  }

  // MARK: Clocks

  @Test(arguments: KMSWorld.Scheme.allCases, [-15 * 60, -14 * 60, 14 * 60, 15 * 60] as [Int64])
  func `a clock up to 15 minutes off is taken`(
    _ scheme: KMSWorld.Scheme, _ seconds: Int64
  ) async throws {
    let world = try await KMSWorld()
    await world.makeSecret()
    let reply = try await changed(world, scheme, seconds: seconds) { _ in }
    #expect(reply.status == 200, "\(reply.text)")
  }

  @Test(arguments: KMSWorld.Scheme.allCases, [-16 * 60, -901, 901, 16 * 60] as [Int64])
  func `a clock more than 15 minutes off is refused before the key is looked up`(
    _ scheme: KMSWorld.Scheme, _ seconds: Int64
  ) async throws {
    var world = try await KMSWorld()
    world.accessKey = "SLAKAAAAAAAAAAAAAAAA"
    let reply = try await changed(world, scheme, seconds: seconds) { request in
      guard scheme == .acs3, case .read = world.api.api.admit(request) else { return }
      Issue.record("the call is admitted")
    }
    expectKMSError(
      reply, 400, "InvalidTimeStamp.Expired", "Specified time stamp or date value is expired.")
  }

  // MARK: Nonces

  @Test(arguments: KMSWorld.Scheme.allCases, KMSWorld.Scheme.allCases)
  func `a nonce is good for one call, however the next one is signed`(
    _ first: KMSWorld.Scheme, _ second: KMSWorld.Scheme
  ) async throws {
    let world = try await KMSWorld()
    await world.makeSecret()
    let request = try world.signed("ListSecrets", as: first, nonce: "n")
    #expect(await world.send(request).status == 200)
    let text = "Specified signature nonce was used already."
    expectKMSError(await world.send(request), 400, "SignatureNonceUsed", text)
    world.api.ledger.time.advance(seconds: 899)
    let other = try world.signed("DescribeSecret", [("SecretName", "s")], as: second, nonce: "n")
    expectKMSError(await world.send(other), 400, "SignatureNonceUsed", text)
    world.api.ledger.time.advance(seconds: 3)
    let later = try world.signed("ListSecrets", as: second, nonce: "n")
    #expect(await world.send(later).status == 200)
  }

  @Test func `a call signed ahead of time is remembered for as long as it could be taken`()
    async throws
  {
    let world = try await KMSWorld()
    let request = try world.signed("ListSecrets", nonce: "n", seconds: 14 * 60)
    #expect(await world.send(request).status == 200)
    for seconds in [14 * 60, 15 * 60 - 1, 1, 0] as [Int64] {
      world.api.ledger.time.advance(seconds: seconds)
      expectKMSError(await world.send(request), 400, "SignatureNonceUsed")
    }
    world.api.ledger.time.advance(seconds: 1)
    expectKMSError(await world.send(request), 400, "InvalidTimeStamp.Expired")
  }

  @Test func `a nonce is spent by a call that is then refused, and not by a forged one`()
    async throws
  {
    let world = try await KMSWorld(policy: "reader")
    var forger = world
    forger.secretKey += "x"
    expectKMSError(
      await world.send(try forger.signed("ListSecrets", nonce: "n")), 400, "SignatureDoesNotMatch")
    let refused = try world.signed("UpdateSecretVersionStage", Self.move, nonce: "n")
    expectKMSError(await world.send(refused), 403, "Forbidden.NoPermission")
    expectKMSError(await world.send(refused), 400, "SignatureNonceUsed")
  }

  @Test func `the signature among the parameters needs no nonce, the other does`() async throws {
    let world = try await KMSWorld()
    for nonce in [nil, ""] {
      let rpc = try world.signed("ListSecrets", as: .rpc, nonce: nonce)
      for _ in 0..<2 { #expect(await world.send(rpc).status == 200) }
    }
    expectKMSError(
      await world.send(try world.signed("ListSecrets", nonce: "")), 400, "IncompleteSignature")
    let without = try await changed(world, .acs3) { $0.fields.remove("x-acs-signature-nonce") }
    expectKMSError(without, 400, "IncompleteSignature")
  }

  @Test func `of eight calls with one nonce exactly one is taken`() async throws {
    let world = try await KMSWorld()
    await world.makeSecret()
    for scheme in KMSWorld.Scheme.allCases {
      let request = try world.signed("UpdateSecretVersionStage", Self.move, as: scheme)
      let statuses = await withTaskGroup(of: Int.self, returning: [Int].self) { group in
        for _ in 0..<8 { group.addTask { await world.send(request).status } }
        return await group.reduce(into: []) { $0.append($1) }
      }
      #expect(statuses.sorted() == [200] + Array(repeating: 400, count: 7))
    }
  }

  @Test func `the nonces of two keys have nothing to do with each other`() async throws {
    let world = try await KMSWorld()
    var other = world
    (other.accessKey, other.secretKey) = try await world.api.ledger.makeSigner("second")
    #expect(await world.send(try world.signed("ListSecrets", nonce: "n")).status == 200)
    #expect(await world.send(try other.signed("ListSecrets", nonce: "n")).status == 200)
  }

  // MARK: Secret values

  @Test(arguments: KMSWorld.Scheme.allCases, KMSWorld.Place.allCases)
  func `a secret value is refused before anything else, and nothing of it is kept`(
    _ scheme: KMSWorld.Scheme, _ place: KMSWorld.Place
  ) async throws {
    let canary = "hunter2-canary"
    var world = try await KMSWorld()
    await world.makeSecret()
    let count = world.api.eventCount
    world.accessKey = "SLAKAAAAAAAAAAAAAAAA"
    for action in ["PutSecretValue", "UpdateSecretVersionStage"] {
      for name in ["SecretData", "secretdata", "Secret-Data"] {
        for position in [0, 4] {
          var parameters = Self.move + [("SecretName", "twice")]
          parameters.insert((name, canary), at: position)
          let request = try world.signed(action, parameters, as: scheme, in: place, seconds: 5_000)
          let reply = await world.send(request)
          expectKMSError(
            reply, 400, "InvalidParameter",
            "The specified parameter is not valid. This service never takes a secret value; send "
              + "metadata only. Nothing of the request was kept.")
          #expect(!reply.text.contains(canary))
          guard case .answer(let early) = world.api.api.admit(request) else { continue }
          #expect(!Reply(early).text.contains(canary))
        }
      }
    }
    for body in [#"{"SecretData": "\#(canary)"}"#, #"{"a": [{"secret_string": "\#(canary)"}]}"#] {
      var request = try world.signed("PutSecretValue", as: scheme)
      request.body = Array(body.utf8)
      expectKMSError(await world.send(request), 400, "InvalidParameter")
    }
    #expect(world.api.eventCount == count)
    let log = world.api.ledger.store.allEvents(of: named("p1"))
    #expect(!log.contains { "\($0)".contains(canary) })
  }
}
