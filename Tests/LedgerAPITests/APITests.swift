// The way of a request: routes, methods, who asks, what every answer carries, refused messages.

import CanonicalJSON
import HTTPWire
import Ledger
import LedgerAPI
import LedgerServices
import TestSupport
import Testing

@Suite struct APITests {
  @Test(arguments: [
    "/v1", "/v1/p1", "/v1/p1/secret", "/v1/p1/secrets/s/stages/a/b", "/v1/p1/secrets/s/rotate",
    "/v1.0/p1/secrets", "/V1/p1/secrets", "/ledger/v1", "/ledger/v2/p1/secrets",
    "/ledger/v1/p1/secrets/s/stages/g/", "/ledger/v1/p1/drifts", "/nothing",
  ])
  func `a path nobody serves is not found in the shape of its surface`(
    _ path: String
  ) async throws {
    let api = try await TestAPI()
    for token in [api.token, nil] {
      let reply = await api.send("GET", path, token: token)
      if path == "/v1" || path.hasPrefix("/v1/") {
        expectError(reply, 404, "APIGW.0101")
        #expect(reply["request_id"].stringValue == reply.fields["X-Request-Id"])
      } else if path.hasSuffix("/g/") {
        expectProblem(reply, 400, "bad_request")
      } else {
        expectProblem(reply, 404, "no_route")
      }
    }
  }

  @Test(arguments: ["//v1/p1/secrets", "/v1//secrets", "/v1/p1/secrets/../secrets", "/v1/p1/%2e"])
  func `a path with empty or dot segments is refused`(_ path: String) async throws {
    let api = try await TestAPI()
    let reply = await api.send("GET", path)
    #expect(reply.status == 400)
  }

  @Test func `another method is told which there are`() async throws {
    let api = try await TestAPI()
    let stage = await api.csms("PATCH", "/s/stages/GREEN")
    expectError(stage, 405, "CSMS.0003")
    #expect(stage.fields["Allow"] == "DELETE, GET, HEAD, PUT")
    let stages = await api.csms("GET", "/s/stages")
    expectError(stages, 405, "CSMS.0003")
    #expect(stages.fields["Allow"] == "POST")
    let events = await api.own("POST", "/events", "{}")
    expectProblem(events, 405, "method_not_allowed")
    #expect(events.fields["Allow"] == "GET, HEAD")
    #expect(await api.send("OPTIONS", "/healthz").status == 405)
  }

  @Test func `HEAD is answered as GET is`() async throws {
    let api = try await TestAPI()
    await api.makeSecret()
    #expect(await api.csms("HEAD", "/s/stages/SYSCURRENT").status == 200)
    let get = await api.own("GET", "/secrets/s/stages/SYSCURRENT")
    let head = await api.own("HEAD", "/secrets/s/stages/SYSCURRENT")
    #expect(head.status == 200)
    #expect(head.fields["ETag"] == get.fields["ETag"])
  }

  @Test func `every answer has a request id of its own making`() async throws {
    let api = try await TestAPI()
    var seen: Set<String> = []
    for target in ["/v1/p1/secrets", "/ledger/v1/p1/secrets", "/healthz", "/none", "/v1/none"] {
      let reply = await api.send("GET", target, nil, [("X-Request-Id", "mine")])
      let id = try #require(reply.fields["X-Request-Id"])
      #expect(reply.fields.values("X-Request-Id").count == 1)
      #expect(id.utf8.count == 36)
      #expect(Array(id)[14] == "7", "a UUID of version 7")
      #expect(seen.insert(id).inserted)
    }
  }

  @Test func `the request id stands in the events`() async throws {
    let api = try await TestAPI()
    let made = await api.own("POST", "/secrets", #"{"name": "s"}"#)
    #expect(made["event", "request_id"].stringValue == made.fields["X-Request-Id"])
    #expect(made["event", "principal", "name"] == .string("tester"))
    #expect(made["event", "source"] == .string("ledger-api"))
    await api.makeSecret("t")
    #expect(api.ledger.store.allEvents(of: named("p1")).last?.source == .csmsAPI)
  }

  @Test func `a head that cannot be answered is refused before its body`() async throws {
    let api = try await TestAPI()
    func admit(
      _ method: String, _ target: String, _ fields: [(name: String, value: String)] = []
    )
      -> Int?
    {
      let head = HTTPRequest(method: method, target: target, fields: HTTPFields(fields))
      switch api.api.admit(head) {
      case .read(let bytesMax):
        #expect(bytesMax == API.bodyBytesMax)
        return nil
      case .answer(let response):
        #expect(response.fields["X-Request-Id"]?.utf8.count == 36)
        return response.status
      }
    }
    #expect(admit("PUT", "/v1/p1/none") == 404)
    #expect(admit("PATCH", "/v1/p1/secrets") == 405)
    #expect(admit("POST", "/v1/p1/secrets") == 401)
    #expect(admit("POST", "/v1/p1/secrets", [("X-Auth-Token", "nonsense")]) == 401)
    #expect(admit("POST", "/v1/p1/secrets", [("X-Auth-Token", api.token)]) == nil)
    #expect(admit("POST", "/ledger/v1/p1/secrets", [("Authorization", "Bearer x")]) == 401)
    #expect(admit("GET", "/healthz") == nil)
  }

  @Test func `a refused message is answered in the shape of its surface`() async throws {
    let api = try await TestAPI()
    func refuse(_ reason: HTTPRefusal.Reason, _ target: String?) -> Reply {
      Reply(api.api.refusal(HTTPRefusal(reason), target: target))
    }
    let tooLarge = refuse(.bodyTooLarge(limitBytes: 7), "/v1/p1/secrets")
    expectError(tooLarge, 413, "CSMS.0004")
    #expect(tooLarge["error_msg"].stringValue?.contains("7 bytes") == true)
    expectError(refuse(.foldedField, "/v1/p1/secrets"), 400, "CSMS.0003")
    expectError(refuse(.tooManyConnections(limit: 1), "/v1/x"), 503, "APIGW.0201")
    #expect(refuse(.tooManyConnections(limit: 1), "/v1/x").fields["Retry-After"] == "1")
    expectProblem(refuse(.headTooLarge(limitBytes: 16_384), "/ledger/v1/p1"), 431, "bad_request")
    expectProblem(refuse(.malformedRequestLine, nil), 400, "bad_request")
  }

  @Test(arguments: [
    (StoreError.unavailable(reason: "SELECT 1 at /var/lib"), "unavailable"),
    (.deadlineExceeded, "deadline_exceeded"), (.outcomeUnknown, "outcome_unknown"),
  ])
  func `a record that cannot be reached is not available for a moment`(
    _ error: StoreError, _ code: String
  ) async throws {
    let api = try await TestAPI()
    await api.makeSecret()
    func failing(_ send: () async -> Reply) async -> Reply {
      // Both lookups before it are remembered, so the failure meets the question itself.
      api.ledger.time.advance(seconds: -1)
      api.ledger.store.failNext(with: error)
      let reply = await send()
      #expect(reply.fields["Retry-After"] == "1")
      #expect(!reply.text.contains("SELECT"))
      return reply
    }
    let cloud = await failing { await api.csms("GET", "/s/stages/SYSCURRENT") }
    expectError(cloud, 503, "APIGW.0201")
    let put = await failing { await api.csms("PUT", "/s/stages/G", #"{"version_id": "v1"}"#) }
    expectError(put, 503, "APIGW.0201")
    expectProblem(await failing { await api.own("GET", "/secrets/s") }, 503, code)
    expectProblem(
      await failing {
        await api.own("PUT", "/secrets/s/stages/G", #"{"version_id": "v1"}"#)
      }, 503, code)
  }

  @Test func `a record that contradicts itself is an internal error without details`() async throws
  {
    let api = try await TestAPI()
    await api.makeSecret()
    for (target, status) in [("/v1/p1/secrets/s", 500), ("/ledger/v1/p1/secrets/s", 500)] {
      api.ledger.time.advance(seconds: -1)
      api.ledger.store.failNext(with: .corrupt("row 7 of event"))
      let reply = await api.send("GET", target)
      #expect(reply.status == status)
      #expect(!reply.text.contains("row 7"))
    }
  }

  @Test func `a token can be looked up again once the record is back`() async throws {
    let api = try await TestAPI()
    api.ledger.store.failNext(with: .unavailable(reason: "down"))
    expectError(await api.csms("GET", ""), 503, "APIGW.0201")
    #expect(await api.csms("GET", "").status == 200)
  }
}
