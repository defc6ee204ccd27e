// Calls of AWS Secrets Manager as they arrive: signed, changed after signing, allowed or not, and
// with bodies that are none.

import CanonicalJSON
import Foundation
import HTTPWire
import Ledger
import LedgerAPI
import LedgerServices
import RequestSigning
import TestSupport
import Testing

@Suite struct AWSRequestsTests {
  private static let describe = #"{"SecretId": "s"}"#
  private static let mismatch =
    "The request signature we calculated does not match the signature you provided. Check your AWS "
    + "Secret Access Key and signing method. Consult the service documentation for details."

  private func world(policy: String = "admin") async throws -> AWSWorld {
    let world = try await AWSWorld(policy: policy)
    await world.make("s", [nil, nil, []])
    return world
  }

  /// A change of the `Authorization` of a request.
  private static func replacing(
    _ old: String, with new: String
  ) -> (inout HTTPRequest) -> Void {
    {
      let text = $0.fields["Authorization"] ?? ""
      #expect(text.contains(old))
      $0.fields.set("Authorization", text.replacing(old, with: new))
    }
  }

  /// The answer to a move of a label, changed after it was signed; also that nothing was moved.
  private func outcome(
    _ world: AWSWorld, _ change: (inout HTTPRequest) -> Void
  ) async throws -> Reply {
    var request = try world.signed(
      "UpdateSecretVersionStage",
      #"{"SecretId": "s", "VersionStage": "c", "MoveToVersionId": "\#(AWSWorld.id(1))"}"#)
    change(&request)
    let count = world.api.eventCount
    let reply = await world.send(request)
    #expect((world.api.eventCount == count) == (reply.status != 200))
    return reply
  }

  // MARK: Signatures

  @Test func `the same signed call may come twice`() async throws {
    let world = try await world()
    let request = try world.signed("DescribeSecret", Self.describe)
    guard case .read = world.api.api.admit(request) else {
      Issue.record("the call is not admitted")
      return
    }
    #expect(await world.send(request).status == 200)
    #expect(await world.send(request).status == 200)
  }

  @Test func `a call changed after it was signed is refused`() async throws {
    let world = try await world()
    let changes: [(inout HTTPRequest) -> Void] = [
      { $0.body.append(0x20) }, { $0.body = [] }, { $0.body = Array("{}".utf8) },
      { $0.fields.set("X-Amz-Target", "secretsmanager.DescribeSecret") },
      { $0.fields.set("Host", "localhost") },
      { $0.fields.set("Content-Type", "application/json") },
      {
        $0 = HTTPRequest(method: "POST", target: "/?x=1", fields: $0.fields, body: $0.body)
      },
      Self.replacing("SignedHeaders=", with: "SignedHeaders=user-agent;"),
      Self.replacing("content-type;host", with: "host;content-type"),
      Self.replacing("eu-west-1", with: "eu-west-2"),
    ]
    for change in changes {
      expectAWSError(
        try await outcome(world, change), "InvalidSignatureException", Self.mismatch)
    }
  }

  @Test func `a header that is missing, doubled or not signed is named`() async throws {
    let world = try await world()
    for name in ["host", "x-amz-date", "x-amz-target", "content-type"] {
      let list = ["content-type", "host", "x-amz-date", "x-amz-target"]
      let rest = list.filter { $0 != name }.joined(separator: ";")
      expectAWSError(
        try await outcome(world, Self.replacing(list.joined(separator: ";"), with: rest)),
        "InvalidSignatureException",
        "'\(name)' must be a 'SignedHeader' in the AWS Authorization.")
    }
    expectAWSError(
      try await outcome(world) { $0.fields.append("X-Amz-Security-Token", "t") },
      "InvalidSignatureException",
      "'x-amz-security-token' must be a 'SignedHeader' in the AWS Authorization.")
    expectAWSError(
      try await outcome(world) { $0.fields.remove("X-Amz-Date") }, "IncompleteSignatureException",
      "Authorization header requires existence of a 'X-Amz-Date' header.")
    expectAWSError(
      try await outcome(world) { $0.fields.set("X-Amz-Date", "yesterday") },
      "IncompleteSignatureException")
    expectAWSError(
      try await outcome(world) { $0.fields.append("Host", "x") }, "InvalidSignatureException",
      Self.mismatch)
    expectAWSError(
      try await outcome(world) { $0.fields.append("X-Amz-Target", "secretsmanager.ListSecrets") },
      "UnknownOperationException")
  }

  @Test func `parts of the signature that are missing, cut, doubled or reordered are refused`()
    async throws
  {
    let world = try await world()
    let changes: [([Substring]) -> String] = [
      { "\($0[0]), \($0[1])" }, { "\($0[0]), \($0[2])" }, { "\($0[1]), \($0[2])" }, { _ in "" },
      { "\($0[1]), \($0[0]), \($0[2])" }, { "\($0[2]), \($0[1]), \($0[0])" },
      { "\($0[0]), \($0[0]), \($0[1]), \($0[2])" }, { "\($0[0]), \($0[1]), \($0[2]), \($0[2])" },
      { "\($0[0]), \($0[1]), \($0[2].dropLast())" }, { "\($0[0]), \($0[1]), \($0[2])0" },
      { "\($0[0].replacing("/aws4_request", with: "")), \($0[1]), \($0[2])" },
    ]
    for (index, change) in changes.enumerated() {
      let reply = try await outcome(world) {
        let text = ($0.fields["Authorization"] ?? "").dropFirst("AWS4-HMAC-SHA256 ".count)
        $0.fields.set("Authorization", "AWS4-HMAC-SHA256 " + change(text.split(separator: ", ")))
      }
      #expect(reply["__type"] == "IncompleteSignatureException", "change \(index)")
    }
    expectAWSError(
      try await outcome(world) {
        $0.fields.append("Authorization", $0.fields["Authorization"] ?? "")
      }, "IncompleteSignatureException")
  }

  @Test func `a scope of another day or service is refused`() async throws {
    let world = try await world()
    let day = SigningTime(seconds: world.api.ledger.time.now.microseconds / 1_000_000).text
      .prefix(8)
    let reply = try await outcome(world, Self.replacing("/\(day)/", with: "/20200101/"))
    expectAWSError(reply, "InvalidSignatureException")
    #expect(reply["Message"].stringValue?.contains("'20200101' != '\(day)'") == true)
    expectAWSError(
      try await outcome(world, Self.replacing("/secretsmanager/", with: "/kms/")),
      "InvalidSignatureException",
      "Credential should be scoped to correct service: 'secretsmanager'.")
  }

  @Test func `a call without a signature is refused, also with a token`() async throws {
    let world = try await world()
    let token = world.api.token
    for change in [
      { $0.fields.remove("Authorization") },
      {
        $0.fields.remove("Authorization")
        $0.fields.append("X-Auth-Token", token)
      },
      { $0.fields.set("Authorization", "Bearer \(token)") },
      { $0.fields.set("Authorization", "SDK-HMAC-SHA256 Access=x") },
    ] as [(inout HTTPRequest) -> Void] {
      expectAWSError(
        try await outcome(world, change), "MissingAuthenticationTokenException",
        "Missing Authentication Token")
    }
  }

  @Test func `an unknown, a revoked and another's key are refused`() async throws {
    var world = try await world()
    let (accessKey, secretKey) = (world.accessKey, world.secretKey)
    world.secretKey += "x"
    expectAWSError(
      try await outcome(world) { _ in }, "InvalidSignatureException", Self.mismatch)
    world.secretKey = secretKey
    let unknown = "The security token included in the request is invalid."
    world.accessKey = "SLAKAAAAAAAAAAAAAAAA"
    expectAWSError(try await outcome(world) { _ in }, "UnrecognizedClientException", unknown)
    world.accessKey = accessKey
    _ = try await world.api.ledger.store.revokeCredential(
      named: "signer", of: named("p1"), at: world.api.ledger.time.now)
    world.api.ledger.time.advance(seconds: 3)
    expectAWSError(try await outcome(world) { _ in }, "UnrecognizedClientException", unknown)
  }

  @Test(arguments: [-14 * 60, 14 * 60, -15 * 60, 15 * 60] as [Int64])
  func `a clock up to 15 minutes off is taken`(_ seconds: Int64) async throws {
    let world = try await world()
    let request = try world.signed("DescribeSecret", Self.describe, seconds: seconds)
    let reply = Reply(await world.api.api.respond(to: request))
    #expect(reply.status == 200, "\(reply.text)")
  }

  @Test(arguments: [-16 * 60, 16 * 60, -15 * 60 - 1, 15 * 60 + 1] as [Int64])
  func `a clock more than 15 minutes off is refused before the body`(_ seconds: Int64) async throws
  {
    let world = try await world()
    let request = try world.signed("DescribeSecret", Self.describe, seconds: seconds)
    let now = world.api.ledger.time.now.microseconds / 1_000_000
    let date = request.fields["X-Amz-Date"] ?? ""
    let nowText = SigningTime(seconds: now).text
    let bound = SigningTime(seconds: now + (seconds < 0 ? -900 : 900)).text
    let text =
      seconds < 0
      ? "Signature expired: \(date) is now earlier than \(bound) (\(nowText) - 15 min.)"
      : "Signature not yet current: \(date) is still later than \(bound) (\(nowText) + 15 min.)"
    expectAWSError(
      Reply(await world.api.api.respond(to: request)), "InvalidSignatureException", text)
    guard case .answer(let early) = world.api.api.admit(request) else {
      Issue.record("the call is admitted")
      return
    }
    expectAWSError(Reply(early), "InvalidSignatureException", text)
  }

  // MARK: Who may

  @Test(arguments: [Provider.huawei, .alibaba])
  func `a key of a project of another cloud is refused`(_ provider: Provider) async throws {
    let world = try await AWSWorld(provider)
    for operation in ["DescribeSecret", "ListSecretVersionIds", "ListSecrets"] {
      expectAWSError(
        try await world.call(operation, Self.describe), "AccessDeniedException",
        "This access key is for a project of \(provider.rawValue).")
    }
  }

  @Test func `a key sees the secrets of its own project alone`() async throws {
    let world = try await world()
    try await world.api.ledger.makeProject("p2", provider: .aws)
    let other = AWSWorld(
      api: world.api, try await world.api.ledger.makeSigner("other", project: "p2"))
    #expect(try await other.call("ListSecrets", "{}")["SecretList"] == [])
    for operation in ["DescribeSecret", "ListSecretVersionIds"] {
      expectAWSError(
        try await other.call(operation, Self.describe), "ResourceNotFoundException",
        "Secrets Manager can't find the specified secret.")
    }
    let arn = try await world.call("DescribeSecret", Self.describe)["ARN"].stringValue ?? ""
    expectAWSError(
      try await other.call("DescribeSecret", #"{"SecretId": "\#(arn)"}"#),
      "ResourceNotFoundException")
  }

  @Test func `the policy is asked for each call, secret and label`() async throws {
    let policy = #"""
      {"Statement": [
        {"Effect": "Allow", "Action": "secretsmanager:*", "Resource": "s"},
        {"Effect": "Deny", "Action": "secretsmanager:UpdateSecretVersionStage", "Resource": "*",
         "Condition": {"StringLike": {"secretsmanager:VersionStage": "AWS*"}}}
      ]}
      """#
    let world = try await world(policy: policy)
    await world.make("t", [nil])
    #expect(try await world.move("canary", to: 1).status == 200)
    expectAWSError(try await world.move("AWSCURRENT", to: 1, from: 2), "AccessDeniedException")
    #expect(try await world.call("DescribeSecret", Self.describe).status == 200)
    for operation in ["DescribeSecret", "ListSecretVersionIds"] {
      expectAWSError(
        try await world.call(operation, #"{"SecretId": "t"}"#), "AccessDeniedException")
      // A secret that is not there is refused alike.
      expectAWSError(
        try await world.call(operation, #"{"SecretId": "u"}"#), "AccessDeniedException")
    }
    let reader = AWSWorld(
      api: world.api, try await world.api.ledger.makeSigner("reader", policy: "reader"))
    #expect(try await reader.call("ListSecrets", "{}").status == 200)
    #expect(try await reader.call("DescribeSecret", Self.describe).status == 200)
    expectAWSError(try await reader.move("canary", to: 2, from: 1), "AccessDeniedException")
  }

  // MARK: Bodies

  @Test(
    arguments: [
      "", "{", "[]", "null", "\"s\"", "{}x", #"{"SecretId": "s", "SecretId": "s"}"#,
      #"{"SecretId": "\ud800"}"#, "{\"SecretId\": \"s\u{1}\"}", #"{"SecretId": 5}"#,
      #"{"SecretId": ["s"]}"#, #"{"SecretId": {"a": 1}}"#, #"{"SecretId": true}"#,
      String(repeating: "[", count: 40),
    ])
  func `a body that is none is refused`(_ body: String) async throws {
    let world = try await world()
    expectAWSError(try await world.call("DescribeSecret", body), "SerializationException")
  }

  @Test(
    arguments: [
      ([:], "secretId", "not be null"), (["SecretId": nil], "secretId", "not be null"),
      (["SecretId": ""], "secretId", "have length greater than or equal to 1"),
      (["SecretId": .string(long(2_049))], "secretId", "have length less than or equal to 2048"),
      (["SecretId": "s"], "versionStage", "not be null"),
      (
        ["SecretId": "s", "VersionStage": ""], "versionStage",
        "have length greater than or equal to 1"
      ),
      (
        ["SecretId": "s", "VersionStage": .string(long(257))], "versionStage",
        "have length less than or equal to 256"
      ),
      (
        ["SecretId": "s", "VersionStage": "x", "MoveToVersionId": "v2"], "moveToVersionId",
        "have length greater than or equal to 32"
      ),
      (
        ["SecretId": "s", "VersionStage": "x", "MoveToVersionId": .string(long(65))],
        "moveToVersionId", "have length less than or equal to 64"
      ),
      (
        ["SecretId": "s", "VersionStage": "x", "RemoveFromVersionId": ""], "removeFromVersionId",
        "have length greater than or equal to 32"
      ),
    ] as [([String: JSONValue], String, String)])
  func `a broken constraint is told as the cloud tells it`(
    _ members: [String: JSONValue], _ member: String, _ constraint: String
  ) async throws {
    let world = try await world()
    let body = String(decoding: JSONValue.object(members).canonicalBytes(), as: UTF8.self)
    let value = constraint == "not be null" ? "Value null" : "Value"
    expectAWSError(
      try await world.call("UpdateSecretVersionStage", body), "ValidationException",
      "1 validation error detected: \(value) at '\(member)' failed to satisfy constraint: Member "
        + "must \(constraint)")
  }

  private static func long(_ count: Int) -> String { String(repeating: "a", count: count) }

  @Test(
    arguments: [
      (0, "greater than or equal to 1"), (-1, "greater than or equal to 1"),
      (101, "less than or equal to 100"), (9_007_199_254_740_991, "less than or equal to 100"),
    ] as [(Int64, String)])
  func `a size outside its range is refused`(_ size: Int64, _ text: String) async throws {
    let world = try await world()
    let body = #"{"SecretId": "s", "MaxResults": \#(size)}"#
    expectAWSError(
      try await world.call("ListSecretVersionIds", body), "ValidationException",
      "1 validation error detected: Value at 'maxResults' failed to satisfy constraint: Member "
        + "must have value \(text)")
  }

  @Test func `a label with a control character is refused`() async throws {
    let world = try await world()
    let body =
      #"{"SecretId": "s", "VersionStage": "a\u0000b", "MoveToVersionId": "\#(AWSWorld.id(1))"}"#
    expectAWSError(
      try await world.call("UpdateSecretVersionStage", body), "InvalidParameterException")
  }

  @Test func `a cursor of nobody is refused`() async throws {
    let world = try await world()
    for token in ["x", "WzEsInNlYXJjaCJd", "====", String(repeating: "A", count: 4_096)] {
      expectAWSError(
        try await world.call(
          "ListSecretVersionIds", #"{"SecretId": "s", "NextToken": "\#(token)"}"#),
        "InvalidNextTokenException")
    }
    expectAWSError(
      try await world.call(
        "ListSecretVersionIds",
        #"{"SecretId": "s", "NextToken": "\#(String(repeating: "A", count: 4_097))"}"#),
      "ValidationException")
  }

  @Test func `members the cloud does not know are passed over`() async throws {
    let world = try await world()
    let reply = try await world.call(
      "DescribeSecret", #"{"SecretId": "s", "Newer": {"a": [1]}, "project": "p2"}"#)
    #expect(reply.status == 200)
  }

  @Test(arguments: [
    "UpdateSecretVersionStage", "DescribeSecret", "ListSecrets", "PutSecretValue", "CreateSecret",
    "Nonsense",
  ])
  func `a secret value is refused on any target, and nothing of it is kept`(
    _ operation: String
  ) async throws {
    let world = try await world()
    let count = world.api.eventCount
    for member in [
      #""SecretString": "p4ssw0rd-in-the-clear""#, #""SecretBinary": "cDRzc3cwcmQ=""#,
      #""Filters": [{"SecretString": "p4ssw0rd-in-the-clear"}]"#,
    ] {
      let target = #""MoveToVersionId": "\#(AWSWorld.id(1))""#
      let body = #"{"SecretId": "s", "VersionStage": "c", \#(target), \#(member)}"#
      let reply = try await world.call(operation, body)
      expectAWSError(
        reply, "InvalidRequestException",
        "This service never takes a secret value; send metadata only. Nothing of the request was "
          + "kept.")
      #expect(!reply.text.contains("p4ssw0rd"))
    }
    #expect(world.api.eventCount == count)
  }

  @Test(arguments: ["GetSecretValue", "PutSecretValue", "", "describesecret", "DescribeSecret "])
  func `another operation is unknown`(_ operation: String) async throws {
    let world = try await world()
    expectAWSError(
      try await world.call(operation, Self.describe), "UnknownOperationException")
    expectAWSError(
      try await outcome(world) { $0.fields.set("X-Amz-Target", "kms.Encrypt") },
      "UnknownOperationException")
    expectAWSError(try await outcome(world) { $0.method = "GET" }, "UnknownOperationException")
  }

  @Test(arguments: testSeeds)
  func `whatever is sent has one answer`(_ seed: UInt64) async throws {
    var generator = SeededGenerator(seed: seed)
    let world = try await world()
    let token = try await world.call("ListSecrets", #"{"MaxResults": 1}"#)["NextToken"]
    let operations = [
      "UpdateSecretVersionStage", "ListSecretVersionIds", "DescribeSecret", "ListSecrets",
    ]
    let names = [
      "SecretId", "VersionStage", "MoveToVersionId", "RemoveFromVersionId", "MaxResults",
      "NextToken", "IncludeDeprecated", "IncludePlannedDeletion", "Filters", "SortBy", "SortOrder",
    ]
    let values: [JSONValue] = [
      "s", "", "a b", "arn:aws:secretsmanager:::secret:s", "AWSCURRENT", "x",
      .string(AWSWorld.id(1)),
      .string(AWSWorld.id(2)), .string(AWSWorld.id(9)), 1, 100, -1, 1.5, .double(1e300),
      .integer(wholeNumberMax), true, false, nil, [], ["a"], [["Key": "name", "Values": ["s"]]],
      [["Key": "all", "Values": ["", "!", "s  s"]]], ["Key": "name"], "name", "asc", "desc", token,
      .string(String(repeating: "🧪", count: 300)), "\u{0}",
    ]
    for _ in 0..<1_000 {
      var members: [String: JSONValue] = ["SecretId": "s"]
      for _ in 0..<Int.random(in: 0...4, using: &generator) {
        let name = names[Int.random(in: 0..<names.count, using: &generator)]
        members[name] = values[Int.random(in: 0..<values.count, using: &generator)]
      }
      let operation = operations[Int.random(in: 0..<operations.count, using: &generator)]
      let body = String(decoding: JSONValue.object(members).canonicalBytes(), as: UTF8.self)
      let reply = try await world.call(operation, body)
      let context: Comment = "seed \(seed): \(operation) \(body) \(reply.text)"
      #expect([200, 400].contains(reply.status), context)
      #expect((reply["__type"].stringValue == nil) == (reply.status == 200), context)
      #expect(reply.json.objectValue != nil, context)
    }
    let labels = try await world.labels()
    #expect(labels["AWSCURRENT"] != nil)
  }

  @Test func `a failing record is told as the cloud tells it`() async throws {
    let world = try await world()
    for (error, type, status) in [
      (StoreError.unavailable(reason: "x"), "ServiceUnavailableException", 503),
      (.corrupt("x"), "InternalServiceError", 500),
    ] {
      let request = try world.signed("DescribeSecret", Self.describe)
      _ = await world.send(request)
      world.api.ledger.store.failNext(with: error)
      let reply = await world.send(request)
      expectAWSError(reply, type, status: status)
      #expect(reply.fields["Retry-After"] == (status == 503 ? "1" : nil))
    }
  }

  // MARK: The official clients

  @Test func `the official clients' recorded calls are answered in the order of a story`()
    async throws
  {
    let ledger = TestLedger()
    try await ledger.makeProject("123456789012", provider: .aws)
    let token = try await ledger.makeToken(project: "123456789012")
    _ = try await ledger.makeSigner(
      project: "123456789012", accessKey: "FAKEAK0RECORDING0001",
      secretKey: "fakesecretkeyforrecordingsonly0000000001")
    ledger.time.set(instant("2026-11-21T01:48:30Z"))
    let api = TestAPI(over: ledger, token: token)
    let path = "/ledger/v1/123456789012/secrets"
    #expect(await api.send("POST", path, #"{"name": "MyTestDatabaseSecret"}"#).status == 201)
    let ids = ["1", "2"].map { digit in
      "11111111-1111-4111-8111-111111111111".replacing("1", with: digit)
    }
    for id in [ids[0], "22222222-2222-4222-8222-222222222222"] {
      let version = await api.send(
        "POST", path + "/MyTestDatabaseSecret/versions", #"{"version_id": "\#(id)", "stages": []}"#)
      #expect(version.status == 201, "\(version.text)")
    }
    // As it stands before the second recording: the first version is current.
    _ = await api.send(
      "PUT", path + "/MyTestDatabaseSecret/stages/AWSCURRENT", #"{"version_id": "\#(ids[0])"}"#)
    func reply(_ name: String) async throws -> Reply {
      let request = try request(name)
      return Reply(await api.api.respond(to: request))
    }
    var answered: [String: Reply] = [:]
    for name in try names() { answered[String(name.prefix(2))] = try await reply(name) }
    #expect(answered.count == 27)
    let arn = try #require(answered["01"]?["ARN"].stringValue)
    #expect(arn.hasPrefix("arn:aws:secretsmanager:us-east-1:123456789012:secret:MyTestDatabase"))
    for (number, type) in [
      // The label sits on the second version since the first recording.
      ("03", "InvalidParameterException"), ("06", "InvalidRequestException"),
      ("07", "InvalidRequestException"), ("09", "ValidationException"),
      ("29", "InvalidParameterException"),
    ] {
      let reply = answered.removeValue(forKey: number)
      expectAWSError(try #require(reply), type)
    }
    for (number, reply) in answered {
      #expect(reply.status == 200, "\(number): \(reply.text)")
      #expect(reply["Name"] == "MyTestDatabaseSecret", "\(number)")
      #expect(reply["ARN"].stringValue == arn)
    }
    #expect(answered["04"]?["Versions"].arrayValue?.count == 2)
    #expect(
      answered["05"]?["VersionIdsToStages", "22222222-2222-4222-8222-222222222222"]
        == ["AWSCURRENT", "STAGINGLABEL1"])
    let last = try await reply("30-awscli_error.http")
    #expect(
      last["VersionIdsToStages", "22222222-2222-4222-8222-222222222222"]
        == ["AWSCURRENT", "STAGINGLABEL1", "etiqueta-é中"])
  }

  private static let folder = URL(filePath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent().appending(path: "RequestSigningTests/Fixtures/aws")

  private func names() throws -> [String] {
    try FileManager.default.contentsOfDirectory(atPath: Self.folder.path).sorted()
      .filter { $0.hasSuffix(".http") }
  }

  private func request(_ name: String) throws -> HTTPRequest {
    var parser = HTTPRequestParser(limits: HTTPLimits())
    parser.receive(Array(try Data(contentsOf: Self.folder.appending(path: name)))[...])
    guard case .head(let head) = parser.next() else { throw CocoaError(.fileReadCorruptFile) }
    var request = head.request
    parser.readBody(bytesMax: 1 << 20)
    if case .body(let body) = parser.next() { request.body = body }
    return request
  }
}
