// Repeatable and conditional requests: Idempotency-Key, If-Match, ETag with If-None-Match.

import CanonicalJSON
import HTTPWire
import Ledger
import LedgerServices
import TestSupport
import Testing

@Suite struct ConditionsTests {
  @Test(arguments: ["\"key 1\"", "key 1"])
  func `a repeated request gets the first answer and another under its key is refused`(
    _ key: String
  ) async throws {
    let api = try await TestAPI()
    await api.makeSecret(versions: 2)
    let fields = [(name: "Idempotency-Key", value: key)]
    let target = "/secrets/s/stages/G"
    let first = await api.own("PUT", target, #"{"version_id": "v1"}"#, fields)
    #expect(first.status == 201)
    _ = await api.own("PUT", target, #"{"version_id": "v2"}"#)
    let count = api.eventCount
    let again = await api.own("PUT", target, #"{"version_id": "v1"}"#, fields)
    #expect(again.status == 201)
    #expect(again.body == first.body)
    #expect(again["event", "idempotency_key"] == .string("key 1"))
    expectProblem(
      await api.own("PUT", target, #"{"version_id": "v2"}"#, fields), 409,
      "idempotency_key_reused", field: "Idempotency-Key")
    expectProblem(
      await api.own("PUT", "/secrets/s/stages/H", #"{"version_id": "v1"}"#, fields), 409,
      "idempotency_key_reused", field: "Idempotency-Key")
    #expect(api.eventCount == count)
  }

  @Test func `the cloud's surface repeats its answers too`() async throws {
    let api = try await TestAPI()
    let fields = [(name: "Idempotency-Key", value: "k1")]
    let made = await api.csms("POST", "", #"{"name": "s"}"#, fields)
    let again = await api.csms("POST", "", #"{"name": "s"}"#, fields)
    #expect(again.status == 200)
    #expect(again.body == made.body)
    expectError(await api.csms("POST", "", #"{"name": "t"}"#, fields), 409, "LEDGER.0409")
    let keyed = [(name: "Idempotency-Key", value: "k2")]
    let version = await api.csms("POST", "/s/versions", "{}", keyed)
    #expect(await api.csms("POST", "/s/versions", "{}", keyed).body == version.body)
    let scheduling = [(name: "Idempotency-Key", value: "k3")]
    let scheduled = await api.csms("POST", "/s/scheduled-deleted-tasks/create", nil, scheduling)
    let repeated = await api.csms("POST", "/s/scheduled-deleted-tasks/create", nil, scheduling)
    #expect(repeated.status == 200)
    #expect(
      repeated["secret", "scheduled_delete_time"]
        == scheduled["secret", "scheduled_delete_time"])
  }

  @Test func `a change that altered nothing is repeated as such`() async throws {
    let api = try await TestAPI()
    await api.makeSecret()
    let fields = [(name: "Idempotency-Key", value: "k1")]
    let body = #"{"version_id": "v1"}"#
    #expect(await api.own("PUT", "/secrets/s/stages/SYSCURRENT", body, fields).status == 200)
    #expect(await api.own("PUT", "/secrets/s/stages/SYSCURRENT", body, fields).status == 200)
  }

  @Test func `a change goes ahead only at the stream version it expects`() async throws {
    let api = try await TestAPI()
    await api.makeSecret(versions: 2)
    let version = await api.own("GET", "/secrets/s")["stream_version"].integerValue ?? -1
    #expect(version == 6)
    let body = #"{"version_id": "v1"}"#
    for tag in ["\"5\"", "\"7\"", "\"0\""] {
      let reply = await api.own("PUT", "/secrets/s/stages/G", body, [("If-Match", tag)])
      expectProblem(reply, 412, "stream_version_mismatch", field: "If-Match")
      #expect(reply["detail"].stringValue?.contains("6") == true)
      expectError(
        await api.csms("PUT", "/s/stages/G", body, [("If-Match", tag)]), 412, "LEDGER.0412")
    }
    let reply = await api.own("PUT", "/secrets/s/stages/G", body, [("If-Match", "\"6\"")])
    #expect(reply.status == 201)
    #expect(reply["event", "stream_version"] == .integer(7))
    #expect(
      await api.csms("DELETE", "/s/stages/G", nil, [("If-Match", "\"7\"")]).status == 204)
    #expect(await api.own("PUT", "/secrets/s/stages/G", body, [("If-Match", "*")]).status == 201)
  }

  @Test(arguments: [
    ("If-Match", "\"x\""), ("If-Match", "\"6\", \"7\""), ("If-Match", ""), ("If-Match", "W/\"6\""),
    ("Idempotency-Key", ""), ("Idempotency-Key", "\"\""), ("Idempotency-Key", "é"),
  ])
  func `a condition that cannot be understood is refused by name`(
    _ name: String, _ value: String
  ) async throws {
    let api = try await TestAPI()
    await api.makeSecret()
    let body = #"{"version_id": "v1"}"#
    let reply = await api.own("PUT", "/secrets/s/stages/G", body, [(name, value)])
    #expect(reply.status == 400)
    #expect(reply["field"].stringValue == name)
    let twice = [(name, "\"6\""), (name, "\"6\"")]
    expectProblem(
      await api.own("PUT", "/secrets/s/stages/G", body, twice), 400, "repeated", field: name)
    expectError(await api.csms("PUT", "/s/stages/G", body, [(name, value)]), 400, "CSMS.0002")
    #expect(api.eventCount == 3)
  }

  @Test(arguments: [
    "/secrets", "/secrets/s", "/secrets/s/stages", "/secrets/s/stages/SYSCURRENT",
    "/secrets/s/stages/NEVER", "/secrets/s/history", "/secrets/s/stages/SYSCURRENT/history",
    "/events", "/events/0",
  ])
  func `a read that would be the same again is not sent again`(_ path: String) async throws {
    let api = try await TestAPI()
    await api.makeSecret()
    let first = await api.own("GET", path)
    let tag = try #require(first.fields["ETag"])
    #expect(tag.hasPrefix("\"") && tag.hasSuffix("\""))
    for value in [tag, "\"other\", \(tag)", "W/\(tag)", "*"] {
      let again = await api.own("GET", path, nil, [("If-None-Match", value)])
      #expect(again.status == 304)
      #expect(again.body.isEmpty)
      #expect(again.fields["ETag"] == tag)
      #expect(again.fields["Ledger-Position"] == "2")
      #expect(again.fields["Content-Type"] == nil)
    }
    #expect(await api.own("GET", path, nil, [("If-None-Match", "\"other\"")]).status == 200)
  }

  @Test func `a tag changes with what it stands for`() async throws {
    let api = try await TestAPI()
    await api.makeSecret(versions: 2)
    let first = await api.own("GET", "/secrets/s/stages/SYSCURRENT")
    let tag = try #require(first.fields["ETag"])
    _ = await api.own("PUT", "/secrets/s/stages/SYSCURRENT", #"{"version_id": "v1"}"#)
    let again = await api.own(
      "GET", "/secrets/s/stages/SYSCURRENT", nil, [("If-None-Match", tag)])
    #expect(again.status == 200)
    #expect(again.fields["ETag"] != tag)
    let problem = await api.own("GET", "/secrets/none")
    #expect(problem.fields["ETag"] == nil)
  }
}
