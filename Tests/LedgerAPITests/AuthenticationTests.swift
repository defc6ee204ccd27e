// Who asks: tokens, other tenants, readers.

import CanonicalJSON
import HTTPWire
import Ledger
import LedgerServices
import TestSupport
import Testing

@Suite struct AuthenticationTests {
  private static let targets = [
    ("GET", "/v1/p1/secrets"), ("GET", "/v1/p1/secrets/s/stages/SYSCURRENT"),
    ("DELETE", "/v1/p1/secrets/s"), ("GET", "/v1/nowhere/secrets"),
    ("GET", "/ledger/v1/p1/events"), ("GET", "/ledger/v1/p1/secrets/s/stages"),
    ("DELETE", "/ledger/v1/p1/secrets/s/stages/SYSCURRENT"), ("GET", "/ledger/v1/nowhere/events"),
  ]

  private func expectRefused(_ reply: Reply, _ target: String, _ status: Int) {
    if target.hasPrefix("/v1/") {
      expectError(reply, status, status == 401 ? "APIGW.0301" : "CSMS.0302")
    } else {
      expectProblem(reply, status, status == 401 ? "unauthenticated" : "forbidden")
    }
    #expect((reply.fields["WWW-Authenticate"] == "Bearer") == (status == 401))
    #expect(reply.fields["Ledger-Position"] == nil)
  }

  @Test(arguments: targets)
  func `nobody gets in without a token of ours`(_ method: String, _ target: String) async throws {
    let api = try await TestAPI()
    await api.makeSecret()
    var last = Array(api.token)
    last[20] = last[20] == "a" ? "b" : "a"
    let unknown = Token(randomBytes: Array(repeating: 7, count: 20)).text
    for token in [nil, "", "nonsense", String(last), unknown, "Bearer \(api.token)"] {
      expectRefused(await api.send(method, target, token: token), target, 401)
    }
    #expect(api.eventCount == 3)
  }

  @Test func `a token comes in either field`() async throws {
    let api = try await TestAPI()
    for value in ["Bearer \(api.token)", "bearer \(api.token)"] {
      let reply = await api.send(
        "GET", "/v1/p1/secrets", nil, [("Authorization", value)], token: nil)
      #expect(reply.status == 200)
    }
    let both = await api.send(
      "GET", "/v1/p1/secrets", nil, [("Authorization", "SDK-HMAC-SHA256 Access=x")])
    #expect(both.status == 200)
    for value in ["Basic \(api.token)", api.token, "Bearer", "Bearer  ", ""] {
      let reply = await api.send(
        "GET", "/v1/p1/secrets", nil, [("Authorization", value)], token: nil)
      #expect(reply.status == 401)
    }
    let twice = await api.send(
      "GET", "/v1/p1/secrets", nil, [("X-Auth-Token", api.token)], token: api.token)
    #expect(twice.status == 401)
  }

  @Test(arguments: targets)
  func `a token of another project meets the same as a project that is not`(
    _ method: String, _ target: String
  ) async throws {
    let api = try await TestAPI()
    await api.makeSecret()
    try await api.ledger.makeProject("p2")
    let other = try await api.ledger.makeToken("other", project: "p2")
    let reply = await api.send(method, target, token: other)
    expectRefused(reply, target, 403)
    let nowhere = await api.send(
      method, target.replacing("/p1/", with: "/absent/"), token: other)
    expectRefused(nowhere, target, 403)
    #expect(reply["error_msg"] == nowhere["error_msg"])
    #expect(reply["detail"] == nowhere["detail"])
  }

  @Test func `two tenants never see each other`() async throws {
    let api = try await TestAPI()
    try await api.ledger.makeProject("p2")
    let other = try await api.ledger.makeToken("other", project: "p2")
    await api.makeSecret("mine", versions: 2)
    let secrets = await api.send("GET", "/v1/p2/secrets", token: other)
    #expect(secrets["secrets"] == .array([]))
    expectError(await api.send("GET", "/v1/p2/secrets/mine", token: other), 400, "CSMS.0106")
    let events = await api.send("GET", "/ledger/v1/p2/events", token: other)
    #expect(events["events"] == .array([]))
    #expect(events.fields["Ledger-Position"] == nil)
    let key = [(name: "Idempotency-Key", value: "k")]
    _ = await api.send("POST", "/ledger/v1/p1/secrets", #"{"name": "x"}"#, key)
    let own = await api.send(
      "POST", "/ledger/v1/p2/secrets", #"{"name": "y"}"#, key, token: other)
    #expect(own.status == 201)
    #expect(own["position"] == .integer(0))
  }

  @Test func `a revoked token stops working within seconds`() async throws {
    let api = try await TestAPI()
    #expect(await api.csms("GET", "").status == 200)
    let ended = try await api.ledger.store.revokeCredential(
      named: "tester", of: named("p1"), at: api.ledger.time.now)
    #expect(ended)
    api.ledger.time.advance(seconds: 2)
    expectError(await api.csms("GET", ""), 401, "APIGW.0301")
  }

  @Test func `a reader reads everything and changes nothing`() async throws {
    let api = try await TestAPI()
    await api.makeSecret(versions: 2)
    for policy in ["reader", "auditor"] {
      let token = try await api.ledger.makeToken(policy, policy: policy)
      for target in [
        "/v1/p1/secrets", "/v1/p1/secrets/s", "/v1/p1/secrets/s/versions",
        "/v1/p1/secrets/s/versions/latest", "/v1/p1/secrets/s/stages/SYSCURRENT",
        "/ledger/v1/p1/secrets", "/ledger/v1/p1/secrets/s", "/ledger/v1/p1/secrets/s/stages",
        "/ledger/v1/p1/secrets/s/stages/SYSCURRENT", "/ledger/v1/p1/secrets/s/history",
        "/ledger/v1/p1/secrets/s/stages/SYSCURRENT/history", "/ledger/v1/p1/events",
        "/ledger/v1/p1/events/0",
      ] {
        #expect(await api.send("GET", target, token: token).status == 200, "\(target)")
      }
      for (method, target, body) in [
        ("POST", "/v1/p1/secrets", #"{"name": "t"}"#), ("DELETE", "/v1/p1/secrets/s", nil),
        ("POST", "/v1/p1/secrets/s/versions", "{}"),
        ("POST", "/v1/p1/secrets/s/stages", #"{"name": "G", "version_id": "v1"}"#),
        ("PUT", "/v1/p1/secrets/s/stages/G", #"{"version_id": "v1"}"#),
        ("DELETE", "/v1/p1/secrets/s/stages/G", nil),
        ("POST", "/v1/p1/secrets/s/scheduled-deleted-tasks/create", nil),
        ("POST", "/v1/p1/secrets/s/scheduled-deleted-tasks/cancel", nil),
        ("POST", "/ledger/v1/p1/secrets", #"{"name": "t"}"#),
        ("POST", "/ledger/v1/p1/secrets/s/versions", #"{"version_id": "v9"}"#),
        ("PUT", "/ledger/v1/p1/secrets/s/stages/G", #"{"version_id": "v1"}"#),
        ("DELETE", "/ledger/v1/p1/secrets/s/stages/G", nil),
      ] {
        expectRefused(await api.send(method, target, body, token: token), target, 403)
      }
    }
    #expect(api.eventCount == 6)
  }
}
