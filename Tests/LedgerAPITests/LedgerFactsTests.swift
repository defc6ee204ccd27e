// Many facts at once: all or none, each told what became of it.

import CanonicalJSON
import Crypto
import Ledger
import LedgerServices
import TestSupport
import Testing
import TransparencyLog

@Suite struct LedgerFactsTests {
  private let ids = (0..<4).map { "0000000\($0)-0000-4000-8000-00000000000A" }

  /// A fact at second `time` of a day past, of secret `s` unless said.
  private func fact(_ type: String, _ time: Int, _ members: [String: JSONValue] = [:]) -> JSONValue
  {
    var fact: [String: JSONValue] = [
      "type": .string(type), "secret": "s",
      "effective_at": .string("2026-03-01T10:00:\(time < 10 ? "0" : "")\(time)Z"),
    ]
    fact.merge(members) { _, new in new }
    return .object(fact)
  }

  private func post(
    _ api: TestAPI, _ facts: [JSONValue], _ extra: [(name: String, value: String)] = [],
    token: String? = nil
  ) async -> Reply {
    let body = String(decoding: JSONValue.array(facts).canonicalBytes(), as: UTF8.self)
    return await api.send("POST", "/ledger/v1/p1/facts", body, extra, token: token ?? api.token)
  }

  private func outcomes(_ reply: Reply) -> [String] {
    reply["results"].arrayValue?.map { result in
      "\(result["outcome"]?.stringValue ?? "?") \(result["position"]?.integerValue ?? -1)"
    } ?? []
  }

  @Test func `a secret of a cloud that cannot be written to lives and is deleted by facts`()
    async throws
  {
    for (provider, current) in [(Provider.aws, "AWSCURRENT"), (.alibaba, "ACSCurrent")] {
      let api = try await TestAPI(provider: provider)
      let version: JSONValue = .string(String(repeating: "1", count: 32))
      let reply = await post(
        api,
        [
          fact("secret.registered", 1),
          fact("version.registered", 2, ["version_id": version, "apply_rules": true]),
          fact("secret.deleted", 9, ["apply_rules": true]),
        ])
      #expect(reply.status == 201, "\(reply.text)")
      #expect(reply["appended"] == 5)
      #expect(reply["position"] == 4)
      #expect(outcomes(reply) == ["recorded 0", "recorded 1", "recorded 3"])
      #expect(reply.fields["Ledger-Position"] == "4")
      let last = await api.own("GET", "/events/4")
      #expect(reply["receipt", "leaf_hash"] == .string(MerkleTree.leafHash(last.body).hex))
      #expect(last["type"] == "stage.removed")
      #expect(last["caused_by"] == 3)
      #expect(await api.own("GET", "/secrets/s")["state"] == "deleted")
      let path = "/secrets/s/stages/\(current)"
      #expect(await api.own("GET", path)["reason"] == "removed")
      let then = await api.own("GET", "\(path)?effective_at=2026-03-01T10:00:05Z")
      #expect(then["version_id"] == version)
    }
  }

  @Test func `lines say the same as an array, and empty ones nothing`() async throws {
    let api = try await TestAPI()
    let lines = [fact("secret.registered", 1), fact("version.registered", 2, ["version_id": "v1"])]
      .map { String(decoding: $0.canonicalBytes(), as: UTF8.self) }
    let reply = await api.own(
      "POST", "/facts", "\n" + lines.joined(separator: "\r\n\n") + "\n \n",
      [("Content-Type", "application/x-ndjson; charset=utf-8")])
    #expect(outcomes(reply) == ["recorded 0", "recorded 1"])
  }

  @Test func `a fact carries all that is said of it`() async throws {
    let api = try await TestAPI()
    let digest = String(repeating: "Ab", count: 32)
    let reply = await post(
      api,
      [
        fact(
          "stage.assigned", 9,
          [
            "stage": "canary", "version_id": "v1",
            "effective_after": "2026-03-01T10:00:01Z", "event_id": .string(ids[0]),
            "principal": ["type": "cloud", "id": "i", "name": "n", "source_ip": "192.0.2.7"],
            "source": "import:cts", "reason": "r", "ticket": "t", "request_id": "q",
            "correlation_id": "c", "evidence": ["sha256": .string(digest), "locator": "f:1"],
            "data": ["operation": "x"],
          ])
      ])
    #expect(reply.status == 201, "\(reply.text)")
    let event = await api.own("GET", "/events/0")
    #expect(event["event_id"] == .string(ids[0].lowercased()))
    #expect(event["principal", "id"] == "i")
    #expect(event["principal", "source_ip"] == "192.0.2.7")
    #expect(event["source"] == "import:cts")
    #expect(event["request_id"] == "q")
    #expect(event["correlation_id"] == "c")
    #expect(event["evidence", "sha256"] == .string(digest.lowercased()))
    #expect(event["data", "operation"] == "x")
    #expect(event["effective_after"] == "2026-03-01T10:00:01.000000Z")
    #expect(
      event["data", "contradicts"] == ["secret_not_found", "version_not_found"])
    let plain = await post(api, [fact("secret.restored", 10)])
    #expect(plain.status == 201)
    let told = await api.own("GET", "/events/1")
    #expect(told["principal", "id"] == "tester")
    #expect(told["request_id"].stringValue == plain.fields["X-Request-Id"])
  }

  @Test func `what the log says already appends nothing`() async throws {
    let api = try await TestAPI()
    let facts = [
      fact(
        "stage.assigned", 5, ["stage": "a", "version_id": "v1", "event_id": .string(ids[0])]),
      fact("stage.assigned", 6, ["stage": "a", "version_id": "v1"]),
      fact(
        "stage.assigned", 5,
        ["stage": "a", "version_id": "v1", "event_id": .string(ids[0].lowercased())]),
    ]
    #expect(outcomes(await post(api, facts)) == ["recorded 0", "unchanged -1", "duplicate 0"])
    let again = await post(api, facts)
    #expect(again.status == 200)
    #expect(again["appended"] == 0)
    #expect(again["position"].isNull && again["receipt"].isNull)
    #expect(outcomes(again) == ["duplicate 0", "unchanged -1", "duplicate 0"])
    #expect(again.fields["Ledger-Position"] == "0")
    let other = await post(
      api,
      [
        fact("secret.registered", 1),
        fact(
          "stage.assigned", 7, ["stage": "a", "version_id": "v1", "event_id": .string(ids[0])]),
      ])
    expectProblem(other, 409, "event_id_reused", field: "event_id")
    #expect(other["index"] == 1)
    #expect(api.eventCount == 1)
  }

  @Test func `a repeated key gets the original answer`() async throws {
    let api = try await TestAPI()
    let facts = [fact("secret.registered", 1), fact("stage.removed", 2, ["stage": "a"])]
    let first = await post(api, facts, [("Idempotency-Key", "k")])
    #expect(outcomes(first) == ["recorded 0", "unchanged -1"])
    _ = await post(api, [fact("secret.deleted", 5)])
    let again = await post(api, facts, [("Idempotency-Key", "k")])
    #expect(again.body == first.body)
    #expect(again.status == 201)
    expectProblem(
      await post(api, [facts[0]], [("Idempotency-Key", "k")]), 409, "idempotency_key_reused",
      field: "Idempotency-Key")
  }

  @Test func `a change seen by the reconciler is refined by the trail`() async throws {
    let api = try await TestAPI()
    await api.makeSecret(versions: 2)
    var seen = Fact(
      secret: named("s"), .stageAssigned(named("a"), to: named("v2")),
      effectiveAt: instant("2026-03-01T10:00:30Z"),
      effectiveAfter: instant("2026-03-01T10:00:10Z"))
    seen.provenance = Provenance(
      principal: Principal(kind: .service, id: "reconciler"), source: .reconciler)
    _ = try await api.ledger.services.appender.append(
      Submission(intent: .facts([seen]), provenance: .test, idempotency: nil), to: named("p1"),
      rules: .huawei)
    let trail = fact(
      "stage.assigned", 20,
      ["stage": "a", "version_id": "v2", "event_id": .string(ids[1]), "source": "import:cts"])
    #expect(outcomes(await post(api, [trail, trail])) == ["refined 7", "duplicate 7"])
    #expect(outcomes(await post(api, [trail])) == ["duplicate 7"])
    let event = await api.own("GET", "/events/7")
    #expect(event["type"] == "change.refined")
    #expect(event["data", "refines"] == 6)
    let shown = await api.own("GET", "/secrets/s/stages/a?effective_at=2026-03-01T10:00:25Z")
    #expect(shown["version_id"] == "v2")
    #expect(shown["since"] == "2026-03-01T10:00:20.000000Z")
    #expect(shown["certainty"] == "exact")
    let explicit = fact("change.refined", 15, ["stage": "a", "refines": 6])
    #expect(outcomes(await post(api, [explicit, explicit])) == ["recorded 8", "unchanged -1"])
  }

  private static let wrong: [(String, JSONValue, String, String?)] = [
    ("a type nobody knows", ["type": "stage.moved"], "malformed", "type"),
    ("a type of the ledger's own", ["type": "drift.opened"], "malformed", "type"),
    ("no type", ["type": .null], "missing", "type"),
    ("no secret", ["secret": .null], "missing", "secret"),
    ("no label", ["stage": .null], "missing", "stage"),
    ("no version", ["version_id": .null], "missing", "version_id"),
    ("no time", ["effective_at": .null], "missing", "effective_at"),
    ("labels of no version", ["stages": ["a"]], "malformed", "stages"),
    ("a change where there is none", ["refines": 1], "malformed", "refines"),
    (
      "a time ahead", ["effective_at": "2030-01-01T00:00:00Z"], "effective_in_future",
      "effective_at"
    ),
    (
      "bounds without a moment", ["effective_after": "2026-03-01T10:00:09Z"],
      "effective_after_too_late", "effective_after"
    ),
    ("an id that is none", ["event_id": "x"], "malformed", "event_id"),
    ("a door of the ledger", ["source": "reconciler"], "malformed", "source"),
    ("another credential", ["principal": ["type": "credential"]], "malformed", "principal.type"),
    ("an actor of no kind", ["principal": ["id": "x"]], "missing", "principal.type"),
    ("evidence without a digest", ["evidence": ["locator": "x"]], "missing", "evidence.sha256"),
    (
      "what the ledger works out", ["data": ["contradicts": []]], "server_owned",
      "data.contradicts"
    ),
    ("a member nobody knows", ["colour": "red"], "unknown", "colour"),
    ("a position of its own", ["position": 3], "server_owned", "position"),
    ("a truth that is none", ["apply_rules": "yes"], "wrong_type", "apply_rules"),
    ("the value of a secret", ["data": ["secret_string": "x"]], "secret_value", nil),
  ]

  @Test(arguments: wrong.indices)
  func `one wrong fact is named, and none is recorded`(_ row: Int) async throws {
    let (name, members, code, field) = Self.wrong[row]
    let api = try await TestAPI()
    var fault: [String: JSONValue] = ["stage": "a", "version_id": "v1"]
    if case .object(let more) = members { fault.merge(more) { _, new in new } }
    let reply = await post(
      api, [fact("secret.registered", 1), fact("stage.assigned", 9, fault)])
    expectProblem(reply, 400, code, field: field)
    #expect(reply["index"] == 1, "\(name)")
    #expect(api.eventCount == 0)
  }

  @Test func `a change that is not there cannot be refined`() async throws {
    let api = try await TestAPI()
    let reply = await post(
      api,
      [fact("secret.registered", 1), fact("change.refined", 2, ["stage": "a", "refines": 0])])
    expectProblem(reply, 409, "change_not_found", field: "refines")
    #expect(reply["index"] == 1)
    #expect(api.eventCount == 0)
  }

  @Test func `a body that is no list of facts is refused whole`() async throws {
    let api = try await TestAPI()
    let one = String(decoding: fact("secret.registered", 1).canonicalBytes(), as: UTF8.self)
    expectProblem(await api.own("POST", "/facts", one), 400, "bad_body")
    expectProblem(await api.own("POST", "/facts", "[]"), 400, "bad_body")
    expectProblem(await api.own("POST", "/facts", ""), 400, "bad_body")
    expectProblem(await api.own("POST", "/facts", "[\(one)"), 400, "bad_body")
    expectProblem(
      await api.own(
        "POST", "/facts",
        "[" + Array(repeating: one, count: 1_001).joined(separator: ",")
          + "]"), 400, "bad_body")
    expectProblem(
      await api.own("POST", "/facts", one, [("Content-Type", "text/csv")]), 415,
      "unsupported_media_type")
    expectProblem(
      await api.own("POST", "/facts", "[\(one)]", [("If-Match", "1")]), 400, "malformed",
      field: "If-Match")
    let line = await api.own(
      "POST", "/facts", "\(one)\n{", [("Content-Type", "application/x-ndjson")])
    expectProblem(line, 400, "bad_body")
    #expect(line["index"] == 1)
    #expect(api.eventCount == 0)
  }

  @Test func `the policy is asked about every fact`() async throws {
    let api = try await TestAPI()
    let token = try await api.ledger.makeToken(
      "narrow",
      policy: #"""
        {"Statement": [{"Effect": "Allow", "Action": "ledger:fact:record", "Resource": "s"},
          {"Effect": "Deny", "Action": "ledger:fact:record", "Resource": "*",
            "Condition": {"StringEquals": {"ledger:VersionStage": "SYSCURRENT"}}}]}
        """#)
    let allowed = fact("stage.assigned", 1, ["stage": "a", "version_id": "v1"])
    #expect(await post(api, [allowed], token: token).status == 201)
    for refused in [
      fact("stage.assigned", 1, ["stage": "a", "version_id": "v1", "secret": "t"]),
      fact("stage.removed", 1, ["stage": "SYSCURRENT"]),
      fact("version.registered", 1, ["version_id": "v2", "apply_rules": true]),
      fact("version.registered", 1, ["version_id": "v2", "stages": ["SYSCURRENT"]]),
    ] {
      let reply = await post(api, [allowed, refused], token: token)
      expectProblem(reply, 403, "forbidden")
      #expect(reply["index"] == 1)
    }
    let reader = try await api.ledger.makeToken("reader", policy: "reader")
    expectProblem(await post(api, [allowed], token: reader), 403, "forbidden")
    #expect(api.eventCount == 1)
  }
}
