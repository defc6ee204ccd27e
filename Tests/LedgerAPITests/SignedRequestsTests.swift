// Requests signed with an access key: taken as signed, refused when anything of them is changed.

import Foundation
import HTTPWire
import Ledger
import LedgerAPI
import LedgerServices
import RequestSigning
import TestSupport
import Testing

@Suite struct SignedRequestsTests {
  private static let prefix = "Incorrect IAM authentication information: "
  private static let mismatch = "verify aksk signature fail"

  /// A service with a signer of the project `p1`, and requests signed by it.
  private struct World {
    let api: TestAPI
    var accessKey: String
    var secretKey: String

    init(policy: String = "admin") async throws {
      api = try await TestAPI()
      await api.makeSecret(versions: 2)
      (accessKey, secretKey) = try await api.ledger.makeSigner(policy: policy)
    }

    /// A request signed so many seconds from now, and not sent yet.
    func signed(
      _ method: String, _ target: String, _ body: String? = nil, seconds: Int64 = 0,
      extra: [(name: String, value: String)] = []
    ) throws -> HTTPRequest {
      try api.signed(
        method, target, body, by: (accessKey, secretKey), seconds: seconds, extra: extra)
    }

    func send(_ request: HTTPRequest) async -> Reply {
      Reply(await api.api.respond(to: request))
    }

    /// A move of a label, changed after it was signed.
    func changed(_ change: (inout HTTPRequest) -> Void) async throws -> Reply {
      var request = try signed(
        "PUT", "/v1/p1/secrets/s/stages/canary?a=1", #"{"version_id": "v1"}"#)
      change(&request)
      return await send(request)
    }
  }

  private func expectRefused(
    _ reply: Reply, _ tail: String, sourceLocation: SourceLocation = #_sourceLocation
  ) {
    expectError(reply, 401, "APIGW.0301", sourceLocation: sourceLocation)
    #expect(
      reply["error_msg"].stringValue == Self.prefix + tail, sourceLocation: sourceLocation)
    #expect(reply["request_id"].stringValue == reply.fields["X-Request-Id"])
  }

  @Test func `a signed request is taken on both surfaces`() async throws {
    let world = try await World()
    let moved = try await world.changed { _ in }
    #expect(moved.status == 200, "\(moved.text)")
    #expect(moved["stage", "version_id"].stringValue == "v1")
    for target in [
      "/v1/p1/secrets?limit=10&marker=a%20b", "/v1/p1/secrets/s/stages/canary",
      "/ledger/v1/p1/events?limit=5", "/ledger/v1/p1/secrets/s/stages",
    ] {
      let request = try world.signed("GET", target)
      #expect(await world.send(request).status == 200, "\(target)")
      guard case .read = world.api.api.admit(request) else {
        Issue.record("\(target) is not admitted")
        continue
      }
    }
    let deleted = await world.send(try world.signed("DELETE", "/v1/p1/secrets/s/stages/canary"))
    #expect(deleted.status == 204)
  }

  @Test func `the events of a signer carry its credential`() async throws {
    let world = try await World()
    #expect(try await world.changed { _ in }.status == 200)
    let event = try #require(world.api.ledger.store.allEvents(of: named("p1")).last)
    #expect(event.principal.id == "signer")
    #expect(event.principal.kind == .credential)
  }

  @Test func `a request changed after signing is refused and changes nothing`() async throws {
    let world = try await World()
    let count = world.api.eventCount
    let changes: [(inout HTTPRequest) -> Void] = [
      { $0.body = Array(#"{"version_id": "v2"}"#.utf8) }, { $0.body.append(0x20) },
      { $0 = Self.retargeted($0, "/v1/p1/secrets/s/stages/canarz?a=1") },
      { $0 = Self.retargeted($0, "/v1/p1/secrets/s/stages/canary?a=2") },
      { $0 = Self.retargeted($0, "/v1/p1/secrets/s/stages/canary") },
      { $0 = Self.retargeted($0, "/v1/p1/secrets/s/stages/canary?a=1&b=") },
      { $0.method = "DELETE" }, { $0.fields.set("Host", "elsewhere") },
      { $0.fields.remove("Host") }, { $0.fields.remove("Content-Type") },
      { $0.fields.append("Content-Type", "application/json") },
      { $0.fields.set("Content-Type", "text/plain") },
      {
        $0.fields.append("X-Sdk-Content-Sha256", "UNSIGNED-PAYLOAD")
        $0.body = Array(#"{"version_id": "v2"}"#.utf8)
      },
    ]
    for (index, change) in changes.enumerated() {
      let reply = try await world.changed(change)
      #expect(reply.status == 401, "change \(index)")
      expectRefused(reply, Self.mismatch)
    }
    #expect(world.api.eventCount == count)
  }

  private static func retargeted(_ request: HTTPRequest, _ target: String) -> HTTPRequest {
    HTTPRequest(method: request.method, target: target, fields: request.fields, body: request.body)
  }

  @Test func `parts of the signature that are wrong, missing or doubled are refused`()
    async throws
  {
    let world = try await World()
    func outcome(_ change: (String) -> String) async throws -> Reply {
      try await world.changed {
        $0.fields.set("Authorization", change($0.fields["Authorization"] ?? ""))
      }
    }
    let changes: [(String) -> String] = [
      { "\($0.dropLast())" }, { "\($0.dropLast(64))" }, { "\($0.dropLast(76))" }, { $0 + "0" },
      { "\($0), Signature=\($0.suffix(64))" },
      { $0.replacing("Access=", with: "Access=A, Access=") },
      { $0.replacing("host;", with: "") + " " }, { $0.replacing("host;", with: "host;host;") },
      { "\($0.dropLast(64))\(String($0.suffix(64).reversed()))" },
      { $0.replacing("content-type;host", with: "host;content-type") },
      { $0.replacing("content-type;", with: "") },
      { $0.replacing("SignedHeaders=", with: "SignedHeaders=accept;") },
      { "SDK-HMAC-SHA256 \($0.suffix(74)), Access=SLAKAAAAAAAAAAAAAAAA, SignedHeaders=host" },
    ]
    for (index, change) in changes.enumerated() {
      let reply = try await outcome(change)
      #expect(reply["error_msg"].stringValue == Self.prefix + Self.mismatch, "change \(index)")
      #expect(reply.status == 401)
    }
    expectRefused(
      try await outcome { $0.replacing("host;", with: "") },
      "calc aksk signature fail:host is not among the signed headers")
    expectRefused(
      try await outcome { $0.replacing(";x-sdk-date", with: "") },
      "calc aksk signature fail:x-sdk-date is not among the signed headers")
    let twice = try await world.changed {
      $0.fields.append("Authorization", $0.fields["Authorization"] ?? "")
    }
    #expect(twice.status == 401)
  }

  @Test func `an unknown, a revoked and another's key are refused`() async throws {
    var world = try await World()
    let own = world.secretKey
    world.secretKey = own + "x"
    expectRefused(try await world.changed { _ in }, Self.mismatch)
    world.secretKey = own
    let accessKey = world.accessKey
    world.accessKey = "SLAKAAAAAAAAAAAAAAAA"
    expectRefused(try await world.changed { _ in }, "ak SLAKAAAAAAAAAAAAAAAA not exist")
    world.accessKey = accessKey
    _ = try await world.api.ledger.store.revokeCredential(
      named: "signer", of: named("p1"), at: world.api.ledger.time.now)
    world.api.ledger.time.advance(seconds: 3)
    expectRefused(try await world.changed { _ in }, "ak \(accessKey) not exist")
  }

  @Test(arguments: [-14 * 60, 14 * 60, -15 * 60, 15 * 60] as [Int64])
  func `a clock up to 15 minutes off is taken`(_ seconds: Int64) async throws {
    let world = try await World()
    let reply = await world.send(try world.signed("GET", "/v1/p1/secrets", seconds: seconds))
    #expect(reply.status == 200, "\(reply.text)")
  }

  @Test(arguments: [-16 * 60, 16 * 60, -15 * 60 - 1, 15 * 60 + 1] as [Int64])
  func `a clock more than 15 minutes off is refused before the body`(_ seconds: Int64) async throws
  {
    let world = try await World()
    let request = try world.signed("GET", "/v1/p1/secrets", seconds: seconds)
    let date = request.fields["X-Sdk-Date"] ?? ""
    let now = SigningTime(seconds: world.api.ledger.time.now.microseconds / 1_000_000).text
    let tail =
      "calc aksk signature fail:signature expired, signature time:\(date),server time:\(now)"
    expectRefused(await world.send(request), tail)
    guard case .answer(let early) = world.api.api.admit(request) else {
      Issue.record("the request is admitted")
      return
    }
    expectRefused(Reply(early), tail)
  }

  @Test func `a key of another project meets the same as a project that is not`() async throws {
    let world = try await World()
    try await world.api.ledger.makeProject("p2")
    for target in ["/v1/p2/secrets", "/v1/absent/secrets"] {
      expectError(await world.send(try world.signed("GET", target)), 403, "CSMS.0302")
    }
  }

  @Test func `a project named in the header must be that of the path`() async throws {
    let world = try await World()
    let same = try world.signed("GET", "/v1/p1/secrets", extra: [("X-Project-Id", "p1")])
    #expect(await world.send(same).status == 200)
    let other = try world.signed("GET", "/v1/p1/secrets", extra: [("X-Project-Id", "p2")])
    expectError(await world.send(other), 403, "CSMS.0302")
    let token = await world.api.csms("GET", "", nil, [("X-Project-Id", "p2")])
    expectError(token, 403, "CSMS.0302")
  }

  @Test func `a token decides alone where both are given`() async throws {
    let world = try await World()
    let token = world.api.token
    let good = try await world.changed { $0.fields.append("X-Auth-Token", token) }
    #expect(good.status == 200)
    let unsigned = try await world.changed {
      $0.fields.append("X-Auth-Token", token)
      $0.fields.set("Authorization", "SDK-HMAC-SHA256 Access=x")
    }
    #expect(unsigned.status == 200)
    let bad = try await world.changed { $0.fields.append("X-Auth-Token", "nonsense") }
    expectRefused(bad, "decrypt token fail")
  }

  @Test func `the policy of a signer is asked`() async throws {
    let world = try await World(policy: "reader")
    #expect(await world.send(try world.signed("GET", "/v1/p1/secrets")).status == 200)
    expectError(try await world.changed { _ in }, 403, "CSMS.0302")
  }

  @Test func `a refusal on the ledger's own surface is a problem`() async throws {
    let world = try await World()
    var request = try world.signed("GET", "/ledger/v1/p1/events")
    request.body = [0x20]
    let reply = await world.send(request)
    expectProblem(reply, 401, "unauthenticated")
    #expect(reply["detail"].stringValue == "The signature is not taken: \(Self.mismatch).")
  }

  @Test func `recorded requests of the official client are taken at their time`() async throws {
    let project = "0123456789abcdef0123456789abcdef"
    let ledger = TestLedger()
    try await ledger.makeProject(project)
    _ = try await ledger.makeSigner(
      project: project, accessKey: "FAKEAK0RECORDING0001",
      secretKey: "fakesecretkeyforrecordingsonly0000000001")
    ledger.time.set(instant("2026-11-21T01:48:32Z"))
    let api = API(services: ledger.services)
    let folder = URL(filePath: #filePath).deletingLastPathComponent()
      .deletingLastPathComponent().appending(path: "RequestSigningTests/Fixtures")
    var statuses: [String: Int] = [:]
    for name in try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted()
    where name.hasSuffix(".http") {
      let request = try HTTPRequest(
        recorded: Array(try Data(contentsOf: folder.appending(path: name))))
      let reply = Reply(await api.respond(to: request))
      statuses[String(name.prefix(2))] = reply.status
    }
    #expect(statuses.count == 18)
    // The ninth has a token beside its signature, which decides alone.
    #expect(statuses.removeValue(forKey: "09") == 401)
    #expect(statuses.values.allSatisfy { $0 != 401 && $0 != 403 }, "\(statuses)")
    #expect(statuses["01"] == 200)
    #expect(statuses["03"] == 200)
    #expect(statuses["11"] == 204)
  }
}
