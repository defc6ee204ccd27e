// All labels of a project at once: at a moment, between two, for how long, and learned how late.

import CanonicalJSON
import HTTPWire
import Ledger
import LedgerServices
import TestSupport
import Testing

@Suite struct LedgerSnapshotTests {
  /// Two secrets; `blue` of `a` moved at 01:00 and 02:00, that of `b` put on at 01:30.
  private func world() async throws -> TestAPI {
    let api = try await TestAPI()
    for name in ["a", "b"] { await api.makeSecret(name, versions: 2) }
    for (secret, version, time) in [
      ("a", "v1", "01:00:00"), ("a", "v2", "02:00:00"), ("b", "v1", "01:30:00"),
    ] {
      let made = await api.own(
        "PUT", "/secrets/\(secret)/stages/blue",
        #"{"version_id":"\#(version)","effective_at":"2026-01-01T\#(time)Z"}"#)
      #expect(made.status == 201)
    }
    return api
  }

  /// The lines of an answer that is made while it is sent.
  private func lines(
    _ api: TestAPI, _ path: String, sourceLocation: SourceLocation = #_sourceLocation
  ) async throws -> [JSONValue] {
    let response = await api.api.respond(
      to: HTTPRequest(
        method: "GET", target: "/ledger/v1/p1\(path)",
        fields: HTTPFields([("X-Auth-Token", api.token)])))
    #expect(response.status == 200, sourceLocation: sourceLocation)
    #expect(
      response.fields["Content-Type"] == "application/x-ndjson", sourceLocation: sourceLocation)
    guard case .stream(let stream) = response.body else {
      Issue.record("no stream", sourceLocation: sourceLocation)
      return []
    }
    let content = Content()
    try await stream.write(
      HTTPBodyWriter { bytes async throws(HTTPStreamError) in await content.add(bytes) })
    return try await content.bytes.split(separator: 0x0A).map { try JSONValue(parsing: Array($0)) }
  }

  private actor Content {
    private(set) var bytes: [UInt8] = []
    func add(_ more: [UInt8]) { bytes += more }
  }

  @Test func `what is vouched for between two effective times is said beside the lines`()
    async throws
  {
    let api = try await world()
    func coverage(_ query: String) async -> String? {
      let response = await api.api.respond(
        to: HTTPRequest(
          method: "GET", target: "/ledger/v1/p1/diff?\(query)",
          fields: HTTPFields([("X-Auth-Token", api.token)])))
      #expect(response.status == 200)
      return response.fields["Ledger-Coverage"]
    }
    let window = "from=2026-01-01T01:10:00Z&to=2026-01-01T01:20:00Z"
    #expect(await coverage(window) == "not_watched")
    func note(_ type: EventType, _ time: String, after: String? = nil) -> Note {
      Note(
        type: type, secret: nil, stage: nil, versionID: nil, finding: nil,
        effectiveAt: instant("2026-01-01T\(time)Z"),
        effectiveAfter: after.map { instant("2026-01-01T\($0)Z") }, data: [:])
    }
    _ = try await api.ledger.services.appender.append(
      Submission(
        intent: .notes([
          note(.watchStarted, "01:05:00"),
          note(.reconciliationCompleted, "01:30:10", after: "01:30:00"),
        ]), provenance: .test, idempotency: nil), to: try ProjectID("p1"), rules: .huawei)
    #expect(await coverage(window) == "complete")
    #expect(await coverage("from=2026-01-01T01:00:00Z&to=2026-01-01T01:20:00Z") == "gap")
    #expect(await coverage("from=2026-01-01T00:00:00Z&to=2026-01-01T01:05:00Z") == "not_watched")
    #expect(await coverage("axis=known&from=pos:0&effective_at=2026-01-01T01:05:00Z") == nil)
    let stage = await api.own(
      "GET", "/secrets/a/stages/blue?effective_at=2026-01-01T01:10:00Z")
    #expect(stage["coverage"] == "complete")
  }

  private func told(_ lines: [JSONValue]) -> [String] {
    lines.map { line in
      ["secret", "stage", "version_id"].map { line[$0]?.stringValue ?? "-" }
        .joined(separator: " ")
    }
  }

  @Test func `a snapshot tells of every label that marked a version`() async throws {
    let api = try await world()
    #expect(
      told(try await lines(api, "/snapshot?effective_at=2026-01-01T01:45:00Z"))
        == ["a blue v1", "b blue v1"])
    #expect(
      told(try await lines(api, "/snapshot")) == [
        "a SYSCURRENT v2", "a SYSPREVIOUS v1", "a blue v2", "b SYSCURRENT v2", "b SYSPREVIOUS v1",
        "b blue v1",
      ])
    #expect(try await lines(api, "/snapshot?known_at=pos:0").isEmpty)
  }

  @Test func `a timeline tells what was so, and what was said to be so`() async throws {
    let api = try await world()
    let late = await api.own(
      "PUT", "/secrets/a/stages/blue",
      #"{"version_id":"v2","effective_at":"2026-01-01T00:30:00Z"}"#)
    #expect(late.status == 201)
    func blue(_ path: String) async throws -> [String] {
      try await lines(api, path).filter { $0["stage"] == "blue" }.map { line in
        let hours = ["since", "until"].map { name in
          line[name]?.stringValue.map { String($0.dropFirst(11).prefix(5)) } ?? ""
        }
        let end = line["known_until"] == .null ? "still" : "no more"
        return "\(line["version_id"]?.stringValue ?? "-") \(hours[0])-\(hours[1]) \(end)"
      }
    }
    let before = ["v1 01:00- no more", "v1 01:00-02:00 still", "v2 02:00- still"]
    let after = before[..<1] + ["v2 00:30-01:00 still"] + before[1...]
    #expect(try await blue("/secrets/a/timeline") == Array(after))
    let position = try #require(late.json["position"]?.integerValue)
    #expect(try await blue("/secrets/a/timeline?known_at=pos:\(position - 1)") == before)
    #expect(await api.own("GET", "/secrets/none/timeline").status == 404)
    #expect(await api.own("GET", "/secrets/a/timeline?limit=3").status == 400)
  }

  @Test func `a snapshot goes on through many pages`() async throws {
    let api = try await TestAPI()
    for number in 100..<400 { await api.makeSecret("s\(number)") }
    let lines = try await lines(api, "/snapshot")
    #expect(lines.compactMap { $0["secret"]?.stringValue } == (100..<400).map { "s\($0)" })
  }

  @Test func `a difference on the axis of effect tells who moved between`() async throws {
    let api = try await world()
    let lines = try await lines(
      api, "/diff?from=2026-01-01T01:15:00Z&to=2026-01-01T01:45:00Z")
    #expect(lines.count == 1)
    #expect(lines.first?["secret"] == "b")
    #expect(lines.first?["from"]?["version_id"] == .null)
    #expect(lines.first?["to"]?["version_id"] == "v1")
    #expect(
      try await self.lines(api, "/diff?from=2026-01-01T02:00:00Z&to=2026-01-01T02:00:00Z").isEmpty)
  }

  @Test func `a difference on the axis of knowledge tells what was learned`() async throws {
    let api = try await world()
    let before = api.eventCount - 1
    let late = await api.own(
      "PUT", "/secrets/a/stages/blue",
      #"{"version_id":"v2","effective_at":"2026-01-01T01:20:00Z"}"#)
    #expect(late.status == 201)
    let at = "effective_at=2026-01-01T01:45:00Z"
    let lines = try await lines(api, "/diff?axis=known&from=pos:\(before)&\(at)")
    #expect(lines.map { $0["secret"] } == ["a"])
    #expect(lines.first?["from"]?["version_id"] == "v1")
    #expect(lines.first?["to"]?["version_id"] == "v2")
    #expect(
      try await self.lines(api, "/diff?from=2026-01-01T01:45:00Z&to=2026-01-01T01:45:00Z").isEmpty)
  }

  @Test func `age tells which version holds a label for how long`() async throws {
    let api = try await world()
    api.ledger.time.set(instant("2026-03-04T06:00:00Z"))
    let lines = try await lines(api, "/age?stage=blue&older_than=62d")
    #expect(told(lines) == ["a blue v2", "b blue v1"])
    #expect(lines.first?["since"] == "2026-01-01T02:00:00.000000Z")
    // 62 days and 4 hours.
    #expect(lines.first?["age_seconds"] == 5_371_200)
    #expect(try await self.lines(api, "/age?stage=blue&older_than=63d").isEmpty)
    #expect(try await self.lines(api, "/age?older_than=0s").count == 6)
  }

  @Test func `late facts are listed page by page`() async throws {
    let api = try await world()
    let first = await api.own("GET", "/late?limit=2")
    #expect(first.status == 200)
    #expect(first.column("late", "type") == ["stage.assigned", "stage.assigned"])
    #expect(first.column("late", "effective_at").first == "2026-01-01T01:00:00.000000Z")
    let target = try #require(first.fields["Link"]?.split(separator: ">").first?.dropFirst())
    let second = await api.send("GET", String(target))
    #expect(second.column("late", "secret") == ["b"])
    #expect(second["next"].isNull)
    for span in ["52w", "1653439w", "1000000000000s"] {
      let late = await api.own("GET", "/late?min_delay=\(span)")
      #expect(late["late"].arrayValue?.isEmpty == true)
    }
  }

  @Test(arguments: [
    ("/diff", "from", "missing"), ("/diff?axis=known", "from", "missing"),
    ("/diff?axis=both&from=pos:1", "axis", "malformed"),
    ("/diff?from=pos:1", "from", "malformed"), ("/age?older_than=90", "older_than", "malformed"),
    ("/age?older_than=-1d", "older_than", "malformed"), ("/age?stage=", "stage", "malformed"),
    ("/late?min_delay=h", "min_delay", "malformed"),
    ("/late?min_delay=99999999999999999999d", "min_delay", "malformed"),
    ("/late?min_delay=1000000000d", "min_delay", "malformed"),
    ("/age?older_than=1000000000w", "older_than", "malformed"),
    ("/age?older_than=1000000000001s", "older_than", "malformed"),
    ("/snapshot?known_at=pos:999", "known_at", "beyond_log"),
    ("/snapshot?limit=3", "limit", "unknown"),
    ("/diff?axis=known&from=pos:999", "known_at", "beyond_log"),
  ])
  func `a question that makes no sense is refused by name`(
    _ path: String, _ field: String, _ code: String
  ) async throws {
    let api = try await world()
    expectProblem(await api.own("GET", path), 400, code, field: field)
  }
}
