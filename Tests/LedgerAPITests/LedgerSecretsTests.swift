// Secrets and versions in the ledger's own API.

import CanonicalJSON
import Ledger
import LedgerServices
import TestSupport
import Testing

@Suite struct LedgerSecretsTests {
  @Test func `a secret is registered without a version`() async throws {
    let api = try await TestAPI()
    let made = await api.own("POST", "/secrets", #"{"name": "s", "reason": "new service"}"#)
    #expect(made.status == 201, "\(made.text)")
    #expect(made["events"].arrayValue?.count == 1)
    #expect(made["event", "type"] == .string("secret.registered"))
    #expect(made["event", "reason"] == .string("new service"))
    #expect(made["position"] == .integer(0))
    let shown = await api.own("GET", "/secrets/s")
    #expect(shown["name"] == .string("s"))
    #expect(shown["state"] == .string("enabled"))
    #expect(shown["stream_version"] == .integer(1))
    #expect(shown["registered_at"] == made["event", "effective_at"])
    #expect(shown["changed_at"] == made["event", "effective_at"])
    #expect(shown["delete_at"].isNull)
    #expect(
      await api.csms("GET", "/s")["secret", "id"] == shown["data", "id"])
  }

  @Test func `a version takes its labels by the rule or as named or none`() async throws {
    let api = try await TestAPI()
    _ = await api.own("POST", "/secrets", #"{"name": "s"}"#)
    let ruled = await api.own("POST", "/secrets/s/versions", #"{"version_id": "v5"}"#)
    #expect(ruled.status == 201, "\(ruled.text)")
    #expect(ruled.column("events", "type") == ["version.registered", "stage.assigned"])
    #expect(ruled["event"] == ruled["events", "0"])
    #expect(ruled["position"] == .integer(1))
    #expect(ruled.fields["Ledger-Position"] == "2")
    let none = await api.own(
      "POST", "/secrets/s/versions", #"{"version_id": "v6", "stages": []}"#)
    #expect(none.column("events", "type") == ["version.registered"])
    let named = await api.own(
      "POST", "/secrets/s/versions", #"{"version_id": "v7", "stages": ["A", "B"]}"#)
    #expect(named["events"].arrayValue?.count == 3)
    let versions = await api.csms("GET", "/s/versions")
    #expect(versions.column("version_metadatas", "id") == ["v5", "v6", "v7"])
  }

  @Test(arguments: [
    ("{}", "missing", "name"), (#"{"name": 7}"#, "wrong_type", "name"),
    (#"{"name": "\u0001"}"#, "malformed", "name"),
    (#"{"name": "a b"}"#, "name_not_allowed", "name"),
    (#"{"name": "s", "data": {}}"#, "unknown", "data"),
    (#"{"name": "s", "stream_version": 1}"#, "server_owned", "stream_version"),
  ])
  func `an ill described secret is refused by name`(
    _ body: String, _ code: String, _ field: String
  ) async throws {
    let api = try await TestAPI()
    expectProblem(await api.own("POST", "/secrets", body), 400, code, field: field)
  }

  @Test func `a name past its limit is refused with the limit`() async throws {
    let api = try await TestAPI()
    let long = String(repeating: "a", count: 513)
    let reply = await api.own("POST", "/secrets", #"{"name": "\#(long)"}"#)
    expectProblem(reply, 400, "too_long", field: "name")
    #expect(reply["detail"].stringValue?.contains("512") == true)
    let path = await api.own("GET", "/secrets/\(String(repeating: "a", count: 257))")
    expectProblem(path, 414, "bad_request")
  }

  @Test func `what exists conflicts`() async throws {
    let api = try await TestAPI()
    await api.makeSecret()
    expectProblem(
      await api.own("POST", "/secrets", #"{"name": "s"}"#), 409, "secret_exists", field: "name")
    expectProblem(
      await api.own("POST", "/secrets/s/versions", #"{"version_id": "v1"}"#), 409,
      "version_exists", field: "version_id")
    expectProblem(
      await api.own("POST", "/secrets/none/versions", #"{"version_id": "v1"}"#), 404,
      "secret_not_found")
    expectProblem(
      await api.own("POST", "/secrets/s/versions", #"{"version_id": "x"}"#), 400,
      "name_not_allowed", field: "version_id")
    expectProblem(
      await api.own("POST", "/secrets/s/versions", #"{"version_id": "v9", "stages": "A"}"#), 400,
      "wrong_type", field: "stages")
    expectProblem(
      await api.own(
        "POST", "/secrets/s/versions",
        #"{"version_id": "v9", "stages": ["A","B","C","D","E","F","G","H","I","J","K","L","M"]}"#),
      409, "too_many_stages_requested")
  }

  @Test func `secrets are paged by name`() async throws {
    let api = try await TestAPI()
    for name in ["c", "a", "b", "e", "d"] { await api.makeSecret(name) }
    var names: [String] = []
    var target: String? = "/ledger/v1/p1/secrets?limit=2"
    while let asked = target {
      let page = await api.send("GET", asked)
      names += page.column("secrets", "name")
      target = page.fields["Link"].map { String($0.dropFirst().prefix { $0 != ">" }) }
      #expect((target == nil) == page["next"].isNull)
    }
    #expect(names == ["a", "b", "c", "d", "e"])
    let stages = await api.own("GET", "/secrets/a/stages?limit=1")
    let foreign = try #require(
      await api.own("GET", "/secrets?limit=2")["next"].stringValue)
    #expect(stages["next"].isNull)
    expectProblem(
      await api.own("GET", "/secrets/a/stages?cursor=\(foreign)"), 400, "malformed",
      field: "cursor")
  }

  @Test func `a secret can be asked for in every state`() async throws {
    let api = try await TestAPI()
    expectProblem(await api.own("GET", "/secrets/s"), 404, "secret_not_found")
    await api.makeSecret()
    _ = await api.csms("POST", "/s/scheduled-deleted-tasks/create")
    let waiting = await api.own("GET", "/secrets/s")
    #expect(waiting["state"] == .string("pending_deletion"))
    #expect(waiting["delete_at"].stringValue != nil)
    _ = await api.csms("DELETE", "/s")
    #expect(await api.own("GET", "/secrets/s")["state"] == .string("deleted"))
    try await api.ledger.append(
      .recordFact(StageFact(stage: named("A"), versionID: named("v1"), effectiveAt: second(1))),
      to: "t")
    let unregistered = await api.own("GET", "/secrets/t")
    #expect(unregistered["state"] == .string("unregistered"))
    #expect(unregistered["registered_at"].isNull)
    let listed = await api.own("GET", "/secrets")
    #expect(listed.column("secrets", "name") == [])
  }
}
