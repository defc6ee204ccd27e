// Labels in the ledger's own API: recording commands and facts, and questions on both axes.

import CanonicalJSON
import Crypto
import Ledger
import LedgerServices
import TestSupport
import Testing
import TransparencyLog

@Suite struct LedgerStagesTests {
  @Test func `what was known is also asked by position`() async throws {
    let api = try await TestAPI()
    await api.makeSecret(versions: 2)
    let path = "/secrets/s/stages/SYSCURRENT"
    let first = await api.own("GET", "\(path)?known_at=pos:2")
    #expect(first["version_id"] == "v1")
    #expect(first["known_at", "position"] == 2)
    #expect(first["known_at", "final"] == true)
    let last = await api.own("GET", "\(path)?known_at=pos:\(api.eventCount - 1)")
    #expect(last["version_id"] == "v2")
    #expect(await api.own("GET", "\(path)/history?known_at=pos:2")["intervals", "1"].isNull)
    #expect(
      await api.csms("GET", "/s/stages/SYSCURRENT?known_at=pos:2")["stage", "version_id"] == "v1")
    expectProblem(
      await api.own("GET", "\(path)?known_at=pos:\(api.eventCount)"), 400, "beyond_log",
      field: "known_at")
    for wrong in ["pos:", "pos:-1", "pos:1x", "pos:99999999999999999", "Pos:1", "pos:%201"] {
      expectProblem(
        await api.own("GET", "\(path)?known_at=\(wrong)"), 400, "malformed", field: "known_at")
    }
  }

  @Test func `a change is answered with its event and a receipt`() async throws {
    let api = try await TestAPI()
    await api.makeSecret(versions: 2)
    let put = await api.own(
      "PUT", "/secrets/s/stages/GREEN",
      #"{"version_id": "v2", "reason": "roll out", "ticket": "OPS-7"}"#)
    #expect(put.status == 201, "\(put.text)")
    #expect(put["position"] == .integer(6))
    #expect(put["event", "type"] == .string("stage.assigned"))
    #expect(put["event", "reason"] == .string("roll out"))
    #expect(put["event", "ticket"] == .string("OPS-7"))
    #expect(put["event", "effective_at"] == put["event", "recorded_at"])
    #expect(put["events"] == .array([put["event"]]))
    #expect(put.fields["Ledger-Position"] == "6")
    let stored = await api.own("GET", "/events/6")
    #expect(stored.body == put["event"].canonicalBytes())
    #expect(
      put["receipt", "leaf_hash"] == .string(MerkleTree.leafHash(stored.body).hex))
  }

  @Test func `a change that alters nothing appends nothing and succeeds`() async throws {
    let api = try await TestAPI()
    await api.makeSecret()
    let put = await api.own("PUT", "/secrets/s/stages/SYSCURRENT", #"{"version_id": "v1"}"#)
    #expect(put.status == 200)
    #expect(put.text == #"{"event":null,"events":[],"position":null,"receipt":null}"#)
    #expect(put.fields["Ledger-Position"] == "2")
    #expect(api.eventCount == 3)
  }

  @Test func `a label is removed by a command`() async throws {
    let api = try await TestAPI()
    await api.makeSecret()
    _ = await api.own("PUT", "/secrets/s/stages/GREEN", #"{"version_id": "v1"}"#)
    let removed = await api.own("DELETE", "/secrets/s/stages/GREEN", #"{"ticket": "OPS-8"}"#)
    #expect(removed.status == 201)
    #expect(removed["event", "type"] == .string("stage.removed"))
    #expect(removed["event", "ticket"] == .string("OPS-8"))
    expectProblem(await api.own("DELETE", "/secrets/s/stages/GREEN"), 404, "stage_not_found")
    expectProblem(
      await api.own("DELETE", "/secrets/s/stages/SYSCURRENT"), 409, "stage_permanent")
  }

  @Test func `a fact is recorded as reported and leaves the present alone`() async throws {
    let api = try await TestAPI()
    await api.makeSecret(versions: 2)
    let past = "2026-03-01T10:00:00+02:00"
    let put = await api.own(
      "PUT", "/secrets/s/stages/SYSCURRENT", #"{"version_id": "v1", "effective_at": "\#(past)"}"#)
    #expect(put.status == 201, "\(put.text)")
    #expect(put["event", "effective_at"] == .string("2026-03-01T08:00:00.000000Z"))
    let now = await api.own("GET", "/secrets/s/stages/SYSCURRENT")
    #expect(now["version_id"] == .string("v2"))
    let then = await api.own(
      "GET", "/secrets/s/stages/SYSCURRENT?effective_at=2026-03-02T00:00:00Z")
    #expect(then["version_id"] == .string("v1"))
    #expect(then["since"] == .string("2026-03-01T08:00:00.000000Z"))
    #expect(then["decided_by"] == .array([.integer(6)]))
    let removed = await api.own(
      "DELETE", "/secrets/s/stages/SYSCURRENT", #"{"effective_at": "2026-03-01T09:00:00Z"}"#)
    #expect(removed.status == 201)
    #expect(removed["event", "data", "contradicts"] == .array([.string("stage_permanent")]))
    expectProblem(
      await api.own(
        "PUT", "/secrets/s/stages/G",
        #"{"version_id": "v1", "effective_at": "2030-01-01T00:00:00Z"}"#),
      400, "effective_in_future", field: "effective_at")
  }

  @Test func `the answer names everything an auditor asks`() async throws {
    let api = try await TestAPI()
    await api.makeSecret(versions: 2)
    let reply = await api.own("GET", "/secrets/s/stages/SYSCURRENT")
    #expect(reply.status == 200)
    #expect(
      Set(reply.json.objectValue?.keys ?? [:].keys) == [
        "secret", "stage", "version_id", "since", "until", "certainty", "candidates",
        "changed_between", "decided_by", "effective_at", "known_at", "coverage", "deprecated",
      ])
    #expect(reply["version_id"] == .string("v2"))
    #expect(reply["until"].isNull)
    #expect(reply["certainty"] == .string("exact"))
    #expect(reply["candidates"] == .array([]))
    #expect(reply["changed_between"].isNull)
    #expect(reply["coverage"] == .string("not_watched"))
    #expect(reply["deprecated"] == .bool(false))
    #expect(reply["effective_at"].isNull)
    #expect(reply["known_at", "position"] == .integer(5))
    #expect(reply["known_at", "final"] == .bool(false))
    #expect(reply["known_at", "recorded_at"].stringValue?.hasSuffix("Z") == true)
  }

  @Test func `a past knowledge answers the same for ever and says it is final`() async throws {
    let api = try await TestAPI()
    await api.makeSecret(versions: 2)
    // The events of one request are recorded a microsecond apart.
    api.ledger.time.advance(seconds: 1)
    let known = api.ledger.time.now.rfc3339
    api.ledger.time.advance(seconds: 5)
    let target = "/secrets/s/stages/SYSCURRENT?known_at=\(known)&effective_at=\(known)"
    let before = await api.own("GET", target)
    #expect(before["version_id"] == .string("v2"))
    _ = await api.own(
      "PUT", "/secrets/s/stages/SYSCURRENT",
      #"{"version_id": "v1", "effective_at": "\#(known)"}"#)
    let after = await api.own("GET", target)
    #expect(after["version_id"] == .string("v2"))
    #expect(after["known_at", "final"] == .bool(true))
    #expect(after["effective_at"] == .string(known))
    let today = await api.own("GET", "/secrets/s/stages/SYSCURRENT?effective_at=\(known)")
    #expect(today["version_id"] == .string("v1"))
  }

  @Test func `no version has a reason`() async throws {
    let api = try await TestAPI()
    await api.makeSecret()
    let never = await api.own("GET", "/secrets/s/stages/GREEN")
    #expect(never["version_id"].isNull)
    #expect(never["reason"] == .string("never_assigned"))
    #expect(never["since"].isNull)
    #expect(never["decided_by"] == .array([]))
    _ = await api.own("PUT", "/secrets/s/stages/GREEN", #"{"version_id": "v1"}"#)
    let first = api.ledger.time.now.rfc3339
    _ = await api.own("DELETE", "/secrets/s/stages/GREEN")
    let removed = await api.own("GET", "/secrets/s/stages/GREEN")
    #expect(removed["reason"] == .string("removed"))
    #expect(removed["decided_by"] == .array([.integer(4)]))
    let early = await api.own(
      "GET", "/secrets/s/stages/GREEN?effective_at=2026-03-01T00:00:00Z")
    #expect(early["reason"] == .string("before_first_change"))
    #expect(early["until"] == .string(first))
    expectProblem(await api.own("GET", "/secrets/none/stages/GREEN"), 404, "secret_not_found")
  }

  @Test func `a version whose labels are gone is deprecated`() async throws {
    let api = try await TestAPI()
    await api.makeSecret(versions: 3)
    let then = await api.own(
      "GET", "/secrets/s/stages/SYSCURRENT?effective_at=2026-03-04T05:06:08Z")
    #expect(then["version_id"] == .string("v1"))
    #expect(then["deprecated"] == .bool(true))
  }

  @Test func `all labels of a secret at one moment`() async throws {
    let api = try await TestAPI()
    await api.makeSecret(versions: 2)
    for name in ["C", "A", "B"] {
      _ = await api.own("PUT", "/secrets/s/stages/\(name)", #"{"version_id": "v1"}"#)
    }
    _ = await api.own("DELETE", "/secrets/s/stages/B")
    let all = await api.own("GET", "/secrets/s/stages")
    #expect(all.column("stages", "stage") == ["A", "C", "SYSCURRENT", "SYSPREVIOUS"])
    #expect(all["next"].isNull)
    #expect(all.fields["Link"] == nil)
    let early = await api.own("GET", "/secrets/s/stages?effective_at=2026-03-04T05:06:08Z")
    #expect(early.column("stages", "stage") == ["SYSCURRENT"])
    #expect(early["effective_at"] == .string("2026-03-04T05:06:08.000000Z"))
    expectProblem(await api.own("GET", "/secrets/none/stages"), 404, "secret_not_found")
  }

  @Test func `a paged list goes on with the record it began with`() async throws {
    let api = try await TestAPI()
    await api.makeSecret(versions: 2)
    _ = await api.own("PUT", "/secrets/s/stages/A", #"{"version_id": "v1"}"#)
    let first = await api.own("GET", "/secrets/s/stages?limit=2")
    #expect(first.column("stages", "stage") == ["A", "SYSCURRENT"])
    _ = await api.own("PUT", "/secrets/s/stages/Z", #"{"version_id": "v1"}"#)
    let second = await api.send("GET", try next(of: first))
    #expect(second.column("stages", "stage") == ["SYSPREVIOUS"])
    #expect(second["known_at", "position"] == first["known_at", "position"])
    #expect(second["known_at", "recorded_at"] == first["known_at", "recorded_at"])
    #expect(second["next"].isNull)
    let moment = "2026-03-04T05:06:09.500000Z"
    let past = await api.own("GET", "/secrets/s/stages?limit=1&effective_at=\(moment)")
    #expect(past.column("stages", "version_id") == ["v2"])
    let rest = await api.send("GET", try next(of: past))
    #expect(rest.column("stages", "version_id") == ["v1"])
    #expect(rest["effective_at"] == .string(moment))
  }

  /// The target a page names as the next.
  private func next(of reply: Reply) throws -> String {
    let link = try #require(reply.fields["Link"])
    #expect(link.hasPrefix("<") && link.hasSuffix(#">; rel="next""#))
    let target = String(link.dropFirst().prefix { $0 != ">" })
    let cursor = try #require(reply["next"].stringValue)
    #expect(target.hasSuffix("cursor=\(cursor)"))
    return target
  }

  @Test func `a history is paged in effective order`() async throws {
    let api = try await TestAPI()
    await api.makeSecret(versions: 3)
    _ = await api.own(
      "PUT", "/secrets/s/stages/SYSCURRENT",
      #"{"version_id": "v9", "effective_at": "2026-03-01T00:00:00Z"}"#)
    let all = await api.own("GET", "/secrets/s/stages/SYSCURRENT/history")
    #expect(all.column("intervals", "version_id") == ["v9", "v1", "v2", "v3"])
    #expect(all["intervals", "0", "position"] == .integer(9))
    #expect(all["intervals", "0", "until"] == all["intervals", "1", "since"])
    #expect(all["intervals", "3", "until"].isNull)
    #expect(all["intervals", "0", "recorded_at"].stringValue != nil)
    var seen: [String] = []
    var target: String? = "/ledger/v1/p1/secrets/s/history?limit=2"
    while let asked = target {
      let page = await api.send("GET", asked)
      #expect(page.status == 200, "\(page.text)")
      seen += page.column("intervals", "stage")
      _ = await api.own(
        "PUT", "/secrets/s/stages/NEW", #"{"version_id": "v\#(1 + seen.count % 2)"}"#)
      target = page["next"].isNull ? nil : try next(of: page)
      if let target {
        let both = await api.send("GET", target + "&known_at=2026-03-04T05:06:08.5Z")
        expectProblem(both, 400, "malformed", field: "cursor")
      }
    }
    #expect(seen.filter { $0 == "SYSCURRENT" }.count == 4)
    #expect(seen.filter { $0 == "SYSPREVIOUS" }.count == 2)
    #expect(!seen.contains("NEW"))
    let known = await api.own(
      "GET", "/secrets/s/history?known_at=2026-03-04T05:06:08.5Z")
    #expect(known.column("intervals", "version_id") == ["v1"])
    expectProblem(await api.own("GET", "/secrets/none/history"), 404, "secret_not_found")
    let never = await api.own("GET", "/secrets/s/stages/NEVER/history")
    #expect(never["intervals"] == .array([]))
  }

  @Test(arguments: [
    ("{}", "missing", "version_id"), (#"{"version_id": 7}"#, "wrong_type", "version_id"),
    (#"{"version_id": ""}"#, "malformed", "version_id"),
    (#"{"version_id": "v1", "position": 7}"#, "server_owned", "position"),
    (#"{"version_id": "v1", "recorded_at": "x"}"#, "server_owned", "recorded_at"),
    (#"{"version_id": "v1", "principal": {}}"#, "server_owned", "principal"),
    (#"{"version_id": "v1", "event_id": "x"}"#, "server_owned", "event_id"),
    (#"{"version_id": "v1", "colour": "red"}"#, "unknown", "colour"),
    (#"{"version_id": "v1", "effective_at": "today"}"#, "malformed", "effective_at"),
    (#"{"version_id": "v1", "effective_at": 7}"#, "wrong_type", "effective_at"),
    (#"{"version_id": "v1", "reason": 7}"#, "wrong_type", "reason"),
    (#"{"version_id": "v1", "reason": "\u0000"}"#, "malformed", "reason"),
    (#"{"version_id": "v1", "ticket": []}"#, "wrong_type", "ticket"),
  ])
  func `a body is refused by the name of what is wrong`(
    _ body: String, _ code: String, _ field: String
  ) async throws {
    let api = try await TestAPI()
    await api.makeSecret()
    expectProblem(await api.own("PUT", "/secrets/s/stages/G", body), 400, code, field: field)
    #expect(api.eventCount == 3)
  }

  @Test func `words have their limits in characters`() async throws {
    let api = try await TestAPI()
    await api.makeSecret()
    for (name, limit) in [("reason", 1_024), ("ticket", 256)] {
      let fits = String(repeating: "中", count: limit)
      let body = #"{"version_id": "v1", "\#(name)": "\#(fits)"}"#
      #expect(await api.own("PUT", "/secrets/s/stages/G\(limit)", body).status == 201)
      let over = #"{"version_id": "v1", "\#(name)": "\#(fits)x"}"#
      let reply = await api.own("PUT", "/secrets/s/stages/H", over)
      expectProblem(reply, 400, "too_long", field: name)
      #expect(reply["detail"].stringValue?.contains("\(limit)") == true)
    }
  }

  @Test(arguments: ["", "[]", "7", "{\"version_id\": \"v1\"", "\u{FEFF}{}"])
  func `a body that is no object is refused`(_ body: String) async throws {
    let api = try await TestAPI()
    expectProblem(await api.own("PUT", "/secrets/s/stages/G", body), 400, "bad_body")
  }

  @Test(arguments: [
    (String(repeating: "[", count: 33) + String(repeating: "]", count: 33), "more than 32 deep"),
    (#"{"version_id": "v1", "version_id": "v1"}"#, "a name twice"),
    (#"{"version_id": "\ud800"}"#, "half a surrogate pair"),
    (#"{"version_id": 1e400}"#, "a number that is too large"),
    ("\u{FEFF}{}", "byte order mark"), ("{]", "not valid JSON (RFC 8259) at byte 1"),
  ])
  func `JSON that is not taken is told why`(_ body: String, _ words: String) async throws {
    let api = try await TestAPI()
    let own = await api.own("PUT", "/secrets/s/stages/G", body)
    expectProblem(own, 400, "bad_body")
    #expect(own["detail"].stringValue?.contains(words) == true, "\(own.text)")
    let cloud = await api.csms("PUT", "/s/stages/G", body)
    expectError(cloud, 400, "CSMS.0004")
    #expect(cloud["error_msg"].stringValue?.contains(words) == true, "\(cloud.text)")
  }

  @Test func `a body of another type is not taken`() async throws {
    let api = try await TestAPI()
    await api.makeSecret()
    let body = #"{"version_id": "v1"}"#
    for type in ["text/plain", "application/x-www-form-urlencoded", "application/xml"] {
      expectProblem(
        await api.own("PUT", "/secrets/s/stages/G", body, [("Content-Type", type)]), 415,
        "unsupported_media_type")
    }
    for type in ["application/json", "Application/JSON; charset=utf-8"] {
      let reply = await api.own("PUT", "/secrets/s/stages/G", body, [("Content-Type", type)])
      #expect(reply.status < 300)
    }
  }

  @Test(arguments: [
    ("limit=0", "malformed", "limit"), ("limit=1001", "malformed", "limit"),
    ("limit=x", "malformed", "limit"), ("limit=1&limit=2", "repeated", "limit"),
    ("cursor=", "malformed", "cursor"), ("cursor=AAAA", "malformed", "cursor"),
    ("colour=red", "unknown", "colour"), ("known_at=x", "malformed", "known_at"),
    ("known_at=2030-01-01T00:00:00Z", "in_future", "known_at"),
  ])
  func `a parameter is refused by name`(
    _ query: String, _ code: String, _ field: String
  ) async throws {
    let api = try await TestAPI()
    await api.makeSecret()
    for path in ["/secrets/s/stages", "/secrets/s/history", "/secrets/s/stages/G/history"] {
      expectProblem(await api.own("GET", "\(path)?\(query)"), 400, code, field: field)
    }
  }

  @Test func `a rule that refuses is a conflict and what is missing is not found`() async throws {
    let api = try await TestAPI()
    await api.makeSecret(versions: 2)
    expectProblem(
      await api.own("PUT", "/secrets/s/stages/G", #"{"version_id": "v7"}"#), 404,
      "version_not_found", field: "version_id")
    expectProblem(
      await api.own("PUT", "/secrets/none/stages/G", #"{"version_id": "v1"}"#), 404,
      "secret_not_found")
    expectProblem(
      await api.own("PUT", "/secrets/s/stages/a%2Fb", #"{"version_id": "v1"}"#), 400,
      "name_not_allowed", field: "stage")
    for number in 1...10 {
      _ = await api.own("PUT", "/secrets/s/stages/L\(number)", #"{"version_id": "v1"}"#)
    }
    expectProblem(
      await api.own("PUT", "/secrets/s/stages/L11", #"{"version_id": "v1"}"#), 409,
      "too_many_stages")
    _ = await api.csms("POST", "/s/scheduled-deleted-tasks/create")
    expectProblem(
      await api.own("PUT", "/secrets/s/stages/L1", #"{"version_id": "v2"}"#), 409,
      "secret_pending_deletion")
  }

  @Test func `a slash in a name is a character of it`() async throws {
    let api = try await TestAPI(provider: .aws)
    let put = await api.own(
      "PUT", "/secrets/app%2Fdb%2Fstages%2FG/stages/AWSCURRENT",
      #"{"version_id": "v1", "effective_at": "2026-03-01T00:00:00Z"}"#)
    #expect(put.status == 201, "\(put.text)")
    let secret = "app%2Fdb%2Fstages%2FG"
    let get = await api.own("GET", "/secrets/\(secret)/stages/AWSCURRENT")
    #expect(get["version_id"] == .string("v1"))
    #expect(get["secret"] == .string("app/db/stages/G"))
    expectProblem(await api.own("GET", "/secrets/app/db/stages/AWSCURRENT"), 404, "no_route")
    let cloud = await api.csms(
      "GET", "/\(secret)/stages/AWSCURRENT?effective_at=2026-03-01T00:00:00Z")
    #expect(cloud["stage", "version_id"] == .string("v1"))
  }
}
