// What a credential of one project learns of another: nothing, on any route.

import CanonicalJSON
import HTTPWire
import Ledger
import LedgerServices
import TestSupport
import Testing

@testable import LedgerAPI

@Suite struct OtherTenantsTests {
  private static let bodies = [
    "CreateSecret": #"{"name":"n"}"#, "RegisterSecret": #"{"name":"n"}"#,
    "RegisterVersion": #"{"version_id":"v9"}"#,
    "CreateSecretStage": #"{"name":"L","version_id":"v1"}"#,
    "CreateSecretVersion": "{}", "CreateSecretDeletionTask": "{}", "CancelSecretDeletionTask": "{}",
  ]

  /// Every route with a project in its path, and a body it takes.
  private static let routes = RouteTable.standard.routes.compactMap { route in
    guard case .path(let method, let template) = route.target, route.names(.project) else {
      return nil as (method: String, template: String, body: String?)?
    }
    let body = route.body.schema.map { _ in bodies[route.name] ?? #"{"version_id":"v1"}"# }
    return (method, template, body)
  }

  /// The path of a route for a secret and a label that are there in the project `p1`.
  private static func target(_ template: String, in project: String) -> String {
    template.replacing("{project}", with: project).replacing("{secret}", with: "s")
      .replacing("{stage}", with: "SYSCURRENT").replacing("{version}", with: "v1")
      .replacing("{position}", with: "0")
  }

  /// Everything an answer says but for the id it was given.
  private static func told(_ response: HTTPResponse) -> String {
    let reply = Reply(response)
    let id = reply.fields["X-Request-Id"] ?? ""
    let fields = reply.fields.pairs.map { "\($0.name): \($0.value)" }.joined(separator: "\n")
    return "\(reply.status)\n\(fields)\n\(reply.text)".replacing(id, with: "ID")
  }

  @Test func `a project that is another's is answered as one that is not there`() async throws {
    let api = try await TestAPI()
    await api.makeSecret()
    try await api.ledger.makeProject("p2")
    let token = try await api.ledger.makeToken("other", project: "p2")
    let keys = try await api.ledger.makeSigner("signer", project: "p2")
    let count = api.eventCount
    #expect(Self.routes.count > 20)
    for (method, template, body) in Self.routes {
      let target = Self.target(template, in: "p1")
      let nowhere = Self.target(template, in: "absent")
      func byToken(_ target: String) async -> String {
        let request = HTTPRequest(
          method: method, target: target,
          fields: HTTPFields([("X-Auth-Token", token), ("Content-Type", "application/json")]),
          body: Array((body ?? "").utf8))
        return Self.told(await api.api.respond(to: request))
      }
      func bySignature(_ target: String) async throws -> String {
        Self.told(await api.api.respond(to: try api.signed(method, target, body, by: keys)))
      }
      let answer = await byToken(target)
      #expect(answer.hasPrefix("403\n"), "\(method) \(template): \(answer)")
      #expect(!answer.contains("p1"))
      #expect(await byToken(nowhere) == answer, "\(method) \(template)")
      #expect(try await bySignature(target) == answer, "\(method) \(template)")
      #expect(try await bySignature(nowhere) == answer, "\(method) \(template)")
      // Nor does a body tell more that could not be taken, or names what is not there.
      for other in ["{", #"{"secret_string":"x"}"#, #"{"name":"s","version_id":"v8"}"#] {
        var request = HTTPRequest(
          method: method, target: target,
          fields: HTTPFields([("X-Auth-Token", token), ("Content-Type", "application/json")]),
          body: Array(other.utf8))
        #expect(Self.told(await api.api.respond(to: request)) == answer, "\(method) \(template)")
        request.fields.append("X-Project-Id", "p2")
        #expect(Self.told(await api.api.respond(to: request)) == answer, "\(method) \(template)")
      }
    }
    #expect(api.eventCount == count)
    #expect(api.ledger.store.allEvents(of: named("p2")).isEmpty)
  }

  @Test func `a credential that is gone is answered as one that never was`() async throws {
    let api = try await TestAPI()
    await api.makeSecret()
    let token = try await api.ledger.makeToken("gone")
    let ended = try await api.ledger.store.revokeCredential(
      named: "gone", of: named("p1"), at: api.ledger.time.now)
    #expect(ended)
    let unknown = Token(randomBytes: Array(repeating: 7, count: 20)).text
    for (method, template, body) in Self.routes {
      func answer(_ token: String) async -> String {
        let request = HTTPRequest(
          method: method, target: Self.target(template, in: "p1"),
          fields: HTTPFields([("X-Auth-Token", token), ("Content-Type", "application/json")]),
          body: Array((body ?? "").utf8))
        return Self.told(await api.api.respond(to: request))
      }
      let gone = await answer(token)
      #expect(gone.hasPrefix("401\n"))
      #expect(await answer(unknown) == gone, "\(method) \(template)")
    }
  }
}
