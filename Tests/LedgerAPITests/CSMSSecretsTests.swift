// The secret calls of the cloud's surface: metadata, lists by marker, scheduled deletion.

import CanonicalJSON
import Ledger
import LedgerServices
import TestSupport
import Testing

@Suite struct CSMSSecretsTests {
  @Test func `a secret is made with its first version and shown alike`() async throws {
    let api = try await TestAPI()
    let body = """
      {"name": "db", "description": "the main one", "kms_key_id": "k-1", "auto_rotation": false,
       "secret_type": "COMMON", "event_subscriptions": ["e1"], "enterprise_project_id": "7",
       "rotation_period": null, "rotation_config": "{}"}
      """
    let made = await api.csms("POST", "", body)
    #expect(made.status == 200, "\(made.text)")
    let milliseconds = JSONValue.integer(api.ledger.time.now.milliseconds)
    #expect(made["secret", "name"] == .string("db"))
    #expect(made["secret", "id"].stringValue?.utf8.count == 36)
    #expect(made["secret", "state"] == .string("ENABLED"))
    #expect(made["secret", "kms_key_id"] == .string("k-1"))
    #expect(made["secret", "description"] == .string("the main one"))
    #expect(made["secret", "create_time"] == milliseconds)
    #expect(made["secret", "update_time"] == milliseconds)
    #expect(made["secret", "scheduled_delete_time"].isNull)
    #expect(made["secret", "secret_type"] == .string("COMMON"))
    #expect(made["secret", "event_subscriptions"] == .array([.string("e1")]))
    #expect(made["secret", "enterprise_project_id"] == .string("7"))
    #expect(made["secret", "auto_rotation"] == .bool(false))
    #expect(await api.csms("GET", "/db").body == made.body)
    let stage = await api.csms("GET", "/db/stages/SYSCURRENT")
    #expect(stage["stage", "version_id"] == .string("v1"))
  }

  @Test func `what is left out has the cloud's defaults`() async throws {
    let api = try await TestAPI()
    let made = await api.csms("POST", "", #"{"name": "db"}"#)
    #expect(made["secret", "kms_key_id"].isNull)
    #expect(made["secret", "secret_type"] == .string("COMMON"))
    #expect(made["secret", "event_subscriptions"] == .array([]))
    #expect(made["secret", "enterprise_project_id"] == .string("0"))
  }

  @Test(arguments: [
    ("{}", "name"), (#"{"name": 1}"#, "name"), (#"{"name": "a b"}"#, "name"),
    (#"{"name": "a", "colour": "red"}"#, "colour"),
    (#"{"name": "a", "description": 1}"#, "description"),
    (#"{"name": "a", "description": "x\u0000y"}"#, "description"),
    (#"{"name": "a", "secret_type": "ODD"}"#, "secret_type"),
    (#"{"name": "a", "event_subscriptions": "e"}"#, "event_subscriptions"),
    (#"{"name": "a", "event_subscriptions": [1]}"#, "event_subscriptions"),
    (#"{"name": "a", "position": 1}"#, "position"),
  ])
  func `a secret that is ill described is refused by name`(
    _ body: String, _ name: String
  ) async throws {
    let api = try await TestAPI()
    let reply = await api.csms("POST", "", body)
    expectError(reply, 400, "CSMS.0002")
    #expect(reply["error_msg"].stringValue?.contains(name) == true)
    #expect(api.eventCount == 0)
  }

  @Test func `a description has at most 2048 bytes`() async throws {
    let api = try await TestAPI()
    let fits = String(repeating: "é", count: 1_024)
    #expect(
      await api.csms("POST", "", #"{"name": "a", "description": "\#(fits)"}"#).status == 200)
    expectError(
      await api.csms("POST", "", #"{"name": "b", "description": "\#(fits)x"}"#), 400, "CSMS.0002")
  }

  @Test func `a secret that exists is not made again`() async throws {
    let api = try await TestAPI()
    await api.makeSecret()
    expectError(await api.csms("POST", "", #"{"name": "s"}"#), 400, "CSMS.0002")
  }

  @Test func `secrets are listed by marker until there are no more`() async throws {
    let api = try await TestAPI()
    for name in ["c", "a", "b", "e", "d"] { await api.makeSecret(name) }
    let all = await api.csms("GET", "")
    #expect(all.column("secrets", "name") == ["a", "b", "c", "d", "e"])
    #expect(all["page_info", "next_marker"].isNull)
    #expect(all["page_info", "previous_marker"] == .string("a"))
    #expect(all["page_info", "current_count"] == .integer(5))
    var names: [String] = []
    var marker = ""
    for _ in 0..<3 {
      let page = await api.csms("GET", "?limit=2&marker=\(marker)")
      names += page.column("secrets", "name")
      guard let next = page["page_info", "next_marker"].stringValue else { break }
      marker = next
    }
    #expect(names == ["a", "b", "c", "d", "e"])
    let exact = await api.csms("GET", "?limit=5")
    #expect(exact["page_info", "next_marker"].isNull)
    let empty = await api.csms("GET", "?marker=z")
    #expect(empty["page_info", "current_count"] == .integer(0))
    #expect(empty["page_info", "next_marker"].isNull)
    #expect(empty["secrets"] == .array([]))
  }

  @Test(arguments: [
    ("limit=0", "limit"), ("limit=-1", "limit"), ("limit=x", "limit"), ("limit=", "limit"),
    ("limit=1&limit=2", "limit"), ("marker=a&marker=b", "marker"), ("marker=%01", "marker"),
  ])
  func `a page that cannot be is refused by name`(_ query: String, _ name: String) async throws {
    let api = try await TestAPI()
    await api.makeSecret()
    for path in ["?\(query)", "/s/versions?\(query)"] {
      let reply = await api.csms("GET", path)
      expectError(reply, 400, "CSMS.0002")
      #expect(reply["error_msg"].stringValue?.contains(name) == true)
    }
  }

  @Test func `a limit past any page is as good as the largest`() async throws {
    let api = try await TestAPI()
    await api.makeSecret()
    let reply = await api.csms("GET", "?limit=99999999999999999999&event_name=e")
    #expect(reply.column("secrets", "name") == ["s"])
  }

  @Test func `a deletion is scheduled and called off`() async throws {
    let api = try await TestAPI()
    await api.makeSecret()
    expectError(
      await api.csms("POST", "/s/scheduled-deleted-tasks/cancel"), 400, "CSMS.0108")
    let scheduled = await api.csms(
      "POST", "/s/scheduled-deleted-tasks/create", #"{"recovery_window_in_days": 7}"#)
    #expect(scheduled.status == 200)
    #expect(scheduled["secret", "state"] == .string("PENDING_DELETE"))
    let expected = api.ledger.time.now.milliseconds + 7 * 86_400_000
    #expect(scheduled["secret", "scheduled_delete_time"] == .integer(expected))
    #expect(await api.csms("GET", "/s").body == scheduled.body)
    expectError(await api.csms("POST", "/s/scheduled-deleted-tasks/create"), 400, "CSMS.0107")
    expectError(await api.csms("POST", "/s/versions", "{}"), 400, "CSMS.0103")
    expectError(await api.csms("POST", "", #"{"name": "s"}"#), 400, "CSMS.0103")
    let restored = await api.csms("POST", "/s/scheduled-deleted-tasks/cancel", "{}")
    #expect(restored.status == 200)
    #expect(restored["secret", "state"] == .string("ENABLED"))
    #expect(restored["secret", "scheduled_delete_time"].isNull)
    #expect(await api.csms("GET", "/s").body == restored.body)
  }

  @Test func `a deletion waits 30 days unless said and never other than 7 to 30`() async throws {
    let api = try await TestAPI()
    await api.makeSecret()
    for days in ["6", "31", "-1", "\"7\"", "7.5"] {
      expectError(
        await api.csms(
          "POST", "/s/scheduled-deleted-tasks/create", #"{"recovery_window_in_days": \#(days)}"#),
        400, "CSMS.0002")
    }
    let scheduled = await api.csms("POST", "/s/scheduled-deleted-tasks/create")
    let expected = api.ledger.time.now.milliseconds + 30 * 86_400_000
    #expect(scheduled["secret", "scheduled_delete_time"] == .integer(expected))
  }

  @Test func `a secret that is deleted is gone but its past is not`() async throws {
    let api = try await TestAPI()
    await api.makeSecret()
    let before = api.ledger.time.now.rfc3339
    let deleted = await api.csms("DELETE", "/s")
    #expect(deleted.status == 204)
    #expect(deleted.body.isEmpty)
    expectError(await api.csms("GET", "/s"), 400, "CSMS.0106")
    expectError(await api.csms("DELETE", "/s"), 400, "CSMS.0106")
    expectError(await api.csms("GET", "/s/stages/SYSCURRENT"), 400, "CSMS.0106")
    expectError(await api.csms("GET", "/s/versions"), 400, "CSMS.0106")
    expectError(await api.csms("GET", "/s/versions/latest"), 400, "CSMS.0106")
    expectError(
      await api.csms("POST", "/s/scheduled-deleted-tasks/create"), 400, "CSMS.0106")
    #expect(await api.csms("GET", "").column("secrets", "name") == [])
    let past = await api.csms("GET", "/s/stages/SYSCURRENT?effective_at=\(before)")
    #expect(past["stage", "version_id"] == .string("v1"))
  }

  @Test func `a secret that came without an id always shows the same one`() async throws {
    let api = try await TestAPI()
    try await api.ledger.append(.registerSecret(data: [:], firstVersion: .none), to: "s")
    let first = await api.csms("GET", "/s")["secret", "id"]
    #expect(first.stringValue?.utf8.count == 36)
    #expect(await api.csms("GET", "/s")["secret", "id"] == first)
  }
}
