// Policies at the endpoints: which action, which secret and which labels each request asks for.
//
// What a policy means is in the tests of LedgerServices; here is what it is asked.

import CanonicalJSON
import HTTPWire
import Ledger
import LedgerServices
import TestSupport
import Testing

@testable import LedgerAPI

@Suite struct PolicyEndpointTests {
  /// A service with the secret `s` of two versions, and a token of a policy of these statements.
  private struct World {
    let api: TestAPI
    let token: String

    init(_ statements: String, provider: Provider = .huawei) async throws {
      api = try await TestAPI(provider: provider)
      if provider == .huawei { await api.makeSecret(versions: 2) }
      token = try await api.ledger.makeToken("limited", policy: #"{"Statement":[\#(statements)]}"#)
    }

    func status(
      _ method: String, _ target: String, _ body: String? = nil, from peer: String? = nil
    ) async -> Int {
      var fields = HTTPFields([("X-Auth-Token", token)])
      if body != nil { fields.append("Content-Type", "application/json") }
      var request = HTTPRequest(
        method: method, target: target, fields: fields, body: Array((body ?? "").utf8))
      request.peer = peer
      api.ledger.time.advance(seconds: 1)
      return await api.api.respond(to: request).status
    }
  }

  @Test func `a writer does both`() async throws {
    let api = try await TestAPI()
    let token = try await api.ledger.makeToken("writer", policy: "writer")
    let made = await api.send("POST", "/v1/p1/secrets", #"{"name": "s"}"#, token: token)
    #expect(made.status == 200)
    let put = await api.send(
      "PUT", "/ledger/v1/p1/secrets/s/stages/G", #"{"version_id": "v1"}"#, token: token)
    #expect(put.status == 201)
    let read = await api.send("GET", "/ledger/v1/p1/events", token: token)
    #expect(read.status == 200)
  }

  @Test func `a policy holds for the secret in the path and for the one in the body`()
    async throws
  {
    let api = try await TestAPI()
    await api.makeSecret("app-1")
    await api.makeSecret("db-1")
    let policy = """
      {"Statement": [
        {"Effect": "Allow", "Action": ["csms:*", "ledger:*"], "Resource": "app-*"},
        {"Effect": "Deny", "Action": "csms:secretStage:delete", "Resource": "*"}]}
      """
    let token = try await api.ledger.makeToken("app", policy: policy)
    func send(_ method: String, _ target: String, _ body: String? = nil) async -> Reply {
      await api.send(method, target, body, token: token)
    }
    #expect(await send("GET", "/v1/p1/secrets/app-1").status == 200)
    expectError(await send("GET", "/v1/p1/secrets/db-1"), 403, "CSMS.0302")
    expectError(await send("GET", "/v1/p1/secrets/db-absent"), 403, "CSMS.0302")
    #expect(await send("POST", "/v1/p1/secrets", #"{"name": "app-2"}"#).status == 200)
    expectError(await send("POST", "/v1/p1/secrets", #"{"name": "db-2"}"#), 403, "CSMS.0302")
    #expect(await send("POST", "/ledger/v1/p1/secrets", #"{"name": "app-3"}"#).status == 201)
    expectProblem(
      await send("POST", "/ledger/v1/p1/secrets", #"{"name": "db-3"}"#), 403, "forbidden")
    expectError(await send("GET", "/v1/p1/secrets"), 403, "CSMS.0302")
    expectProblem(await send("GET", "/ledger/v1/p1/events"), 403, "forbidden")
    let deletion = await send("DELETE", "/v1/p1/secrets/app-1/stages/G")
    expectError(deletion, 403, "CSMS.0302")
  }

  /// What each operation of the cloud is called in policies.
  ///
  /// Source: the pages of the operations.
  private static let operations: [(names: [String], method: String, path: String, body: String?)] =
    [
      (["csms:secret:list"], "GET", "", nil),
      (["csms:secret:create"], "POST", "", #"{"name":"n"}"#),
      (["csms:secret:get"], "GET", "/s", nil),
      (["csms:secret:listVersion", "csms:secretVersion:list"], "GET", "/s/versions", nil),
      (["csms:secret:getVersion", "csms:secretVersion:get"], "GET", "/s/versions/v1", nil),
      (["csms:secret:createVersion", "csms:secretVersion:create"], "POST", "/s/versions", "{}"),
      (["csms:secret:getStage", "csms:secretStage:get"], "GET", "/s/stages/SYSCURRENT", nil),
      (
        ["csms:secret:createStage", "csms:secretStage:create"], "POST", "/s/stages",
        #"{"name":"L","version_id":"v1"}"#
      ),
      (
        ["csms:secret:updateStage", "csms:secretStage:update"], "PUT", "/s/stages/M",
        #"{"version_id":"v1"}"#
      ),
      (["csms:secret:deleteStage", "csms:secretStage:delete"], "DELETE", "/s/stages/M", nil),
      (
        ["csms:secret:scheduleDeletion", "csms:secret:deleteScheduled"], "POST",
        "/s/scheduled-deleted-tasks/create", nil
      ),
      (
        ["csms:secret:restoreSecret", "csms:secret:deleteCancelled"], "POST",
        "/s/scheduled-deleted-tasks/cancel", nil
      ),
      (["csms:secret:delete"], "DELETE", "/s", nil),
    ]

  @Test func `each operation of CSMS has the cloud's own names in policies`() async throws {
    let api = try await TestAPI()
    await api.makeSecret(versions: 2)
    for (names, method, path, body) in Self.operations {
      func outcome(_ name: String, _ statements: String) async throws -> Reply {
        let token = try await api.ledger.makeToken(name, policy: #"{"Statement":[\#(statements)]}"#)
        return await api.send(method, "/v1/p1/secrets\(path)", body, token: token)
      }
      for name in names {
        let denied = try await outcome(
          "deny \(name)",
          #"{"Effect":"Allow","Action":"*"},{"Effect":"Deny","Action":"\#(name)"}"#)
        expectError(denied, 403, "CSMS.0302")
      }
      let others = Self.operations.flatMap(\.names).filter { !names.contains($0) }
      let list = others.map { "\"\($0)\"" }.joined(separator: ",")
      expectError(
        try await outcome("others \(method) \(path)", #"{"Effect":"Allow","Action":[\#(list)]}"#),
        403,
        "CSMS.0302")
      for name in names {
        let allowed = try await outcome(
          "allow \(name)", #"{"Effect":"Allow","Action":"\#(name.uppercased())"}"#)
        #expect(allowed.status != 403, "\(name)")
      }
    }
  }

  @Test func `who may do nothing is refused everywhere`() async throws {
    let world = try await World(#"{"Effect":"Allow","Action":"nothing"}"#)
    let count = world.api.eventCount
    let bodies = [
      "CreateSecret": #"{"name":"n"}"#, "RegisterSecret": #"{"name":"n"}"#,
      "RegisterVersion": #"{"version_id":"v9"}"#,
      "CreateSecretStage": #"{"name":"L","version_id":"v1"}"#,
      "AcknowledgeDrift": #"{"reason":"r","expires_at":"2100-01-01T00:00:00Z"}"#,
      "RecordFacts": """
      [{"type":"stage.removed","secret":"s","stage":"L","effective_at":"2020-01-01T00:00:00Z"}]
      """,
    ]
    for route in RouteTable.standard.routes where !route.isOpen {
      guard case .path(let method, let template) = route.target else { continue }
      let target = template.replacing("{project}", with: "p1").replacing("{secret}", with: "s")
        .replacing("{stage}", with: "L").replacing("{version}", with: "v1")
        .replacing("{position}", with: "0")
        .replacing("{finding}", with: String(repeating: "0", count: 32))
        .replacing("{run}", with: "00000000-0000-8000-8000-000000000000")
      let body = route.body.schema == nil ? nil : bodies[route.name] ?? #"{"version_id":"v1"}"#
      let empty = route.body.isRequired ? body : bodies[route.name]
      #expect(await world.status(method, target, empty) == 403, "\(method) \(template)")
    }
    #expect(world.api.eventCount == count)
  }

  @Test func `a pipeline can be limited to one label`() async throws {
    let world = try await World(
      #"{"Effect":"Allow","Action":["csms:*","ledger:*"],"#
        + #""Condition":{"StringEquals":{"csms:VersionStage":["canary","next"]}}}"#)
    let move = #"{"version_id":"v1"}"#
    #expect(await world.status("PUT", "/v1/p1/secrets/s/stages/canary", move) == 200)
    #expect(await world.status("GET", "/v1/p1/secrets/s/stages/canary") == 200)
    #expect(await world.status("PUT", "/ledger/v1/p1/secrets/s/stages/next", move) == 201)
    #expect(await world.status("GET", "/ledger/v1/p1/secrets/s/stages/next/history") == 200)
    func post(_ name: String) async -> Int {
      await world.status(
        "POST", "/v1/p1/secrets/s/stages", #"{"name":"\#(name)","version_id":"v2"}"#)
    }
    #expect(await post("canary") == 200)
    #expect(await post("SYSCURRENT") == 403)
    #expect(await world.status("PUT", "/v1/p1/secrets/s/stages/SYSCURRENT", move) == 403)
    #expect(await world.status("GET", "/v1/p1/secrets/s/stages/SYSCURRENT") == 403)
    #expect(await world.status("PUT", "/ledger/v1/p1/secrets/s/stages/CANARY", move) == 403)
    #expect(await world.status("DELETE", "/v1/p1/secrets/s/stages/other") == 403)
    // What names no label is not meant.
    #expect(await world.status("GET", "/v1/p1/secrets/s/versions") == 403)
    #expect(await world.status("GET", "/v1/p1/secrets") == 403)
    #expect(await world.status("GET", "/ledger/v1/p1/secrets/s/stages") == 403)
    #expect(await world.status("DELETE", "/v1/p1/secrets/s/stages/canary") == 204)
  }

  @Test func `a new version asks for each label it takes`() async throws {
    let world = try await World(
      #"{"Effect":"Allow","Action":"*"},"#
        + #"{"Effect":"Deny","Action":["csms:secret:create*","ledger:version:record"],"#
        + #""Condition":{"StringEqualsIgnoreCase":{"ledger:VersionStage":"syscurrent"}}}"#)
    func make(_ body: String) async -> Int {
      await world.status("POST", "/v1/p1/secrets/s/versions", body)
    }
    let count = world.api.eventCount
    #expect(await make("{}") == 403)
    #expect(await make(#"{"version_stages":["a","SYSCURRENT"]}"#) == 403)
    func register(_ members: String) async -> Int {
      await world.status(
        "POST", "/ledger/v1/p1/secrets/s/versions", #"{"version_id":"v3"\#(members)}"#)
    }
    #expect(await register("") == 403)
    #expect(await register(#","stages":["SYSCURRENT"]"#) == 403)
    #expect(await world.status("POST", "/v1/p1/secrets", #"{"name":"t"}"#) == 403)
    #expect(world.api.eventCount == count)
    #expect(await make(#"{"version_stages":["a","b"]}"#) == 200)
    #expect(await register(#","stages":[]"#) == 409)
  }

  @Test func `the current label of another cloud counts as well`() async throws {
    let world = try await World(
      #"{"Effect":"Allow","Action":"ledger:*"},"#
        + #"{"Effect":"Deny","Action":"*","#
        + #""Condition":{"StringLike":{"secretsmanager:VersionStage":"AWS*"}}}"#,
      provider: .aws)
    #expect(await world.status("POST", "/ledger/v1/p1/secrets", #"{"name":"a/b"}"#) == 201)
    let version = #""version_id":"0123456789abcdef0123456789abcdef""#
    let target = "/ledger/v1/p1/secrets/a%2Fb/versions"
    #expect(await world.status("POST", target, "{\(version)}") == 403)
    #expect(await world.status("POST", target, "{\(version),\"stages\":[]}") == 201)
  }

  @Test func `the address a request comes from counts`() async throws {
    let world = try await World(
      #"{"Effect":"Allow","Action":"*","Condition":{"IpAddress":{"g:SourceIp":"#
        + #"["10.1.0.0/16","2001:db8::/32"]}}}"#)
    let target = "/v1/p1/secrets"
    #expect(await world.status("GET", target, from: "10.1.2.3") == 200)
    #expect(await world.status("GET", target, from: "2001:db8::9") == 200)
    #expect(await world.status("GET", target, from: "::ffff:10.1.2.3") == 200)
    #expect(await world.status("GET", target, from: "10.2.2.3") == 403)
    #expect(await world.status("GET", target) == 403)
  }

  @Test func `the time a request comes at counts`() async throws {
    let world = try await World(
      #"{"Effect":"Allow","Action":"*","#
        + #""Condition":{"DateLessThan":{"g:CurrentTime":"2026-05-01T00:00:00Z"}}}"#)
    #expect(await world.status("GET", "/v1/p1/secrets") == 200)
    world.api.ledger.time.set(instant("2026-05-01T00:00:00Z"))
    #expect(await world.status("GET", "/v1/p1/secrets") == 403)
  }
}
