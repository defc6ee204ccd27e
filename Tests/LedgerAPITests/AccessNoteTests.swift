// AccessNote: which requests the access log keeps, and what it keeps of them.

import HTTPWire
import Ledger
import LedgerAPI
import LedgerServices
import RequestSigning
import TestSupport
import Testing

@Suite struct AccessNoteTests {
  /// A service with the secret `s` of two versions; what came before is not in its log.
  private struct World {
    let api: TestAPI

    init() async throws {
      api = try await TestAPI()
      await api.makeSecret(versions: 2)
    }

    /// Sends a request from an address, as the server does: its head first.
    @discardableResult
    func send(
      _ method: String, _ target: String, _ body: String? = nil,
      _ fields: [(name: String, value: String)] = [], token: String? = nil
    ) async -> Reply {
      api.ledger.time.advance(seconds: 1)
      var all = HTTPFields(fields)
      if let token { all.append("X-Auth-Token", token) }
      if body != nil { all.append("Content-Type", "application/json") }
      var request = HTTPRequest(method: method, target: target, fields: all)
      request.peer = "192.0.2.7"
      switch api.api.admit(request) {
      case .answer(let response): return Reply(response)
      case .read:
        request.body = Array((body ?? "").utf8)
        return Reply(await api.api.respond(to: request))
      }
    }

    /// The rows of the project `p1` and those of nobody.
    func rows() async throws -> (project: [AccessRow], nobody: [AccessRow]) {
      try await api.ledger.services.accesses.flush()
      let start = AccessMark(lastAt: second(0), requestID: "")
      let store = api.ledger.store
      return (
        try await store.accesses(of: named("p1"), after: start, limit: 100),
        try await store.accesses(of: nil, after: start, limit: 100)
      )
    }
  }

  @Test func `a read is kept with who, what, when and what came of it`() async throws {
    let world = try await World()
    let reply = await world.send(
      "GET", "/v1/p1/secrets/s/stages/SYSCURRENT", token: world.api.token)
    #expect(reply.status == 200)
    let (rows, nobody) = try await world.rows()
    #expect(nobody == [])
    let now = world.api.ledger.time.now
    #expect(
      rows == [
        AccessRow(
          access: Access(
            project: named("p1"), credential: "tester", sourceIP: "192.0.2.7", surface: "csms",
            action: "csms:secret:getStage", secret: named("s"), stage: named("SYSCURRENT"),
            status: 200, verdict: .answered),
          firstAt: now, lastAt: now, count: 1,
          requestID: try #require(reply.fields["X-Request-Id"]))
      ])
  }

  @Test(
    arguments: [
      ("HEAD", "/v1/p1/secrets/s", "csms:secret:get", "s", nil, 200, nil),
      ("GET", "/v1/p1/secrets?limit=1", "csms:secret:list", nil, nil, 200, nil),
      (
        "GET", "/v1/p1/secrets/s/stages/none", "csms:secret:getStage", "s", "none", 400,
        "stage_not_found"
      ),
      (
        "GET", "/v1/p1/secrets/none/versions", "csms:secret:listVersion", "none", nil, 400,
        "secret_not_found"
      ),
      ("GET", "/ledger/v1/p1/events", "ledger:event:list", nil, nil, 200, nil),
      (
        "GET", "/ledger/v1/p1/secrets/s/stages?effective_at=x", "ledger:stage:list", "s", nil, 400,
        "malformed"
      ),
    ] as [(String, String, String, String?, String?, Int64, String?)])
  func `every read is kept, also one that could not be answered`(
    _ method: String, _ target: String, _ action: String, _ secret: String?, _ stage: String?,
    _ status: Int64, _ reason: String?
  ) async throws {
    let world = try await World()
    await world.send(method, target, token: world.api.token)
    let row = try #require(try await world.rows().project.first).access
    #expect(row.action == action)
    #expect(row.secret?.text == secret)
    #expect(row.stage?.text == stage)
    #expect(row.status == status)
    #expect(row.verdict == reason.map { .failed($0) } ?? .answered)
  }

  @Test func `what changes something, and what is open to all, is not kept`() async throws {
    let world = try await World()
    let token = world.api.token
    await world.send("PUT", "/v1/p1/secrets/s/stages/a", #"{"version_id": "v1"}"#, token: token)
    await world.send("PUT", "/v1/p1/secrets/s/stages/a", #"{"version_id": "v9"}"#, token: token)
    await world.send("DELETE", "/ledger/v1/p1/secrets/s/stages/a", token: token)
    await world.send("POST", "/v1/p1/secrets", "no JSON", token: token)
    for path in ["/", "/healthz", "/readyz", "/metrics", "/openapi.json", "/nowhere"] {
      await world.send("GET", path)
    }
    let (rows, nobody) = try await world.rows()
    #expect(rows == [])
    #expect(nobody == [])
  }

  @Test func `what a policy refuses is kept under the credential, writes too`() async throws {
    let world = try await World()
    let token = try await world.api.ledger.makeToken("reader", policy: "reader")
    await world.send("PUT", "/v1/p1/secrets/s/stages/a", #"{"version_id": "v1"}"#, token: token)
    await world.send("POST", "/v1/p1/secrets", #"{"name": "new"}"#, token: token)
    await world.send("POST", "/v1/p1/secrets/s/stages", #"{"name": "b"}"#, token: token)
    let (rows, nobody) = try await world.rows()
    #expect(nobody == [])
    #expect(rows.map(\.access.credential) == ["reader", "reader", "reader"])
    #expect(rows.map(\.access.verdict) == Array(repeating: .refused("forbidden"), count: 3))
    #expect(rows.map(\.access.status) == [403, 403, 403])
    #expect(
      rows.map(\.access.action) == [
        "csms:secret:updateStage", "csms:secret:create", "csms:secret:createStage",
      ])
    #expect(rows.map(\.access.secret?.text) == ["s", "new", "s"])
    #expect(rows.map(\.access.stage?.text) == ["a", "SYSCURRENT", "b"])
  }

  @Test func `who asks for another project is kept in his own, without the names he used`()
    async throws
  {
    let world = try await World()
    try await world.api.ledger.makeProject("p2")
    await world.send("GET", "/v1/p2/secrets/theirs/stages/a", token: world.api.token)
    await world.send("GET", "/v1/none/secrets/theirs", token: world.api.token)
    await world.send(
      "GET", "/v1/p1/secrets/s", nil, [("X-Project-Id", "p2")], token: world.api.token)
    let (rows, nobody) = try await world.rows()
    #expect(nobody == [])
    #expect(rows.map(\.access.verdict) == [.refused("forbidden"), .refused("forbidden")])
    #expect(rows.map(\.access.action) == ["csms:secret:getStage", "csms:secret:get"])
    #expect(rows.map(\.count) == [1, 2])
    #expect(rows.allSatisfy { $0.access.secret == nil && $0.access.stage == nil })
    #expect(
      try await world.api.ledger.store.accesses(
        of: named("p2"), after: AccessMark(lastAt: second(0), requestID: ""), limit: 9
      ) == [])
  }

  @Test func `of who is not known nothing is kept but where he came from`() async throws {
    let world = try await World()
    let unknown = Token(randomBytes: [UInt8](repeating: 9, count: 20)).text
    await world.send("GET", "/v1/p1/secrets/s/stages/a")
    await world.send("GET", "/v1/p1/secrets/s/stages/b", token: "hunter2")
    await world.send("GET", "/v1/p2/secrets/t", token: unknown)
    await world.send("PUT", "/v1/p1/secrets/s/stages/a", #"{"version_id": "v1"}"#)
    await world.send("GET", "/ledger/v1/p1/events", token: unknown)
    let (rows, nobody) = try await world.rows()
    #expect(rows == [])
    #expect(nobody.map(\.count) == [4, 1])
    #expect(
      nobody.map(\.access)
        == ["csms", "ledger"].map {
          Access(
            project: nil, credential: nil, sourceIP: "192.0.2.7", surface: $0, action: nil,
            secret: nil, stage: nil, status: 401, verdict: .refused("unauthenticated"))
        })
  }

  @Test func `a signature that does not hold is kept with the reason alone`() async throws {
    let world = try await World()
    let (accessKey, secretKey) = try await world.api.ledger.makeSigner()
    func signed(_ key: String, _ secret: String, seconds: Int64) throws -> [(String, String)] {
      // The clock goes on by a second as the request is sent.
      let now = world.api.ledger.time.now.microseconds / 1_000_000 + 1
      let fields = [
        ("Host", "127.0.0.1"), ("X-Sdk-Date", SigningTime(seconds: now + seconds).text),
      ]
      let authorization = try SDKSignature.sign(
        SignableRequest(
          method: "GET", path: "/v1/p1/secrets/s", query: nil,
          fields: fields.map { .init(name: $0.0, value: $0.1) }, body: []),
        accessKey: key, secretKey: secret)
      return fields + [("Authorization", authorization.text)]
    }
    let cases =
      [
        (accessKey, secretKey, 0, 200), (accessKey, "another", 0, 401),
        ("SLAKAAAAAAAAAAAAAAAA", secretKey, 0, 401), (accessKey, secretKey, -1_000, 401),
      ] as [(String, String, Int64, Int)]
    for (key, secret, seconds, status) in cases {
      let reply = await world.send(
        "GET", "/v1/p1/secrets/s", nil, try signed(key, secret, seconds: seconds))
      #expect(reply.status == status, "\(reply.text)")
    }
    await world.send(
      "GET", "/v1/p1/secrets/s", nil, [("Authorization", "SDK-HMAC-SHA256 Access=x")])
    let (rows, nobody) = try await world.rows()
    #expect(rows.map(\.access.credential) == ["signer"])
    #expect(
      nobody.map(\.access.verdict.reason) == [
        "signature_mismatch", "unknown_access_key", "signature_expired", "malformed_signature",
      ])
    #expect(nobody.allSatisfy { $0.access.verdict.isRefused && $0.access.credential == nil })
  }

  @Test func `a cloud that names the secret in the body is kept alike`() async throws {
    let world = try await AWSWorld(policy: "reader")
    await world.make("s", [["AWSCURRENT"]])
    #expect(try await world.call("DescribeSecret", #"{"SecretId": "s"}"#).status == 200)
    #expect(try await world.call("ListSecrets", "{}").status == 200)
    expectAWSError(try await world.move("canary", to: 1), "AccessDeniedException")
    var forger = world
    forger.secretKey += "x"
    #expect(try await forger.call("DescribeSecret", #"{"SecretId": "s"}"#).status == 400)
    let ledger = world.api.ledger
    try await ledger.services.accesses.flush()
    let start = AccessMark(lastAt: second(0), requestID: "")
    let rows = try await ledger.store.accesses(of: named("p1"), after: start, limit: 9)
    #expect(rows.map(\.access.surface) == Array(repeating: "secretsmanager", count: 3))
    #expect(
      rows.map(\.access.action) == [
        "secretsmanager:DescribeSecret", "secretsmanager:ListSecrets",
        "secretsmanager:UpdateSecretVersionStage",
      ])
    #expect(rows.map(\.access.secret?.text) == ["s", nil, "s"])
    #expect(rows.map(\.access.stage?.text) == [nil, nil, "canary"])
    #expect(rows.map(\.access.verdict) == [.answered, .answered, .refused("forbidden")])
    let nobody = try await ledger.store.accesses(of: nil, after: start, limit: 9)
    #expect(nobody.map(\.access.verdict) == [.refused("signature_mismatch")])
  }

  @Test func `a request that comes again is kept under the credential that signed it`()
    async throws
  {
    let world = try await KMSWorld()
    await world.makeSecret()
    let request = try world.signed("DescribeSecret", [("SecretName", "s")], nonce: "n")
    #expect(await world.send(request).status == 200)
    for _ in 0..<2 { expectKMSError(await world.send(request), 400, "SignatureNonceUsed") }
    let ledger = world.api.ledger
    try await ledger.services.accesses.flush()
    let start = AccessMark(lastAt: second(0), requestID: "")
    let rows = try await ledger.store.accesses(of: named("p1"), after: start, limit: 9)
    #expect(rows.map(\.access.credential) == ["signer", "signer"])
    #expect(rows.map(\.access.action) == Array(repeating: "kms:DescribeSecret", count: 2))
    #expect(rows.map(\.access.verdict) == [.answered, .refused("nonce_used")])
    #expect(rows.map(\.access.secret?.text) == ["s", nil])
    #expect(rows.map(\.count) == [1, 2])
    #expect(try await ledger.store.accesses(of: nil, after: start, limit: 9) == [])
  }

  @Test func `an answer waits for no log, and the log outlives a database that is away`()
    async throws
  {
    let world = try await World()
    world.api.ledger.store.failNext(with: .unavailable(reason: "away"))
    await #expect(throws: StoreError.self) {
      await world.send("GET", "/v1/p1/secrets/s", token: "wrong")
      try await world.api.ledger.services.accesses.flush()
    }
    #expect(try await world.rows().nobody.count == 1)
  }
}
