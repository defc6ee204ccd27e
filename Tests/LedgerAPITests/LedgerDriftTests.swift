// LedgerDriftTests: drift over HTTP: the list, the past, acknowledgements, runs and their reports.
//
// The cloud is a value a test edits; runs are made by the services' own task.

import CanonicalJSON
import Ledger
import LedgerAPI
import LedgerServices
import Synchronization
import TestSupport
import Testing

@Suite struct LedgerDriftTests {
  /// A cloud with one secret, whose labels the test moves.
  final class OneSecret: LiveCloud {
    private let labels = Mutex<[String: [String]]>(["v1": [], "v2": ["SYSCURRENT"]])

    func put(_ stage: String, on version: String) {
      labels.withLock { labels in
        for other in labels.keys { labels[other]?.removeAll { $0 == stage } }
        labels[version, default: []].append(stage)
      }
    }
    func secrets() async throws(CloudError) -> CloudListing {
      CloudListing(secrets: [CloudSecret(name: named("s"), life: .present)], unreadable: [])
    }
    func versions(of secret: SecretName) async throws(CloudError) -> [CloudVersion] {
      labels.withLock { labels in
        labels.map { CloudVersion(id: named($0.key), stages: $0.value.map { named($0) }) }
      }
    }
  }

  let cloud = OneSecret()
  let api: TestAPI
  let project: Project

  init() async throws {
    let (cloud, place) = (cloud, Place())
    let ledger = TestLedger { (order, appender) async throws(ReconcileError) in
      guard let ledger = place.ledger.withLock({ $0 }) else { throw .cancelled }
      return try await Reconciler(
        records: ledger.store, appender: appender, clock: ledger.time.clock,
        settings: order.settings, sleep: { _ in }
      ).run(order.project, as: order.run, against: cloud, requestID: order.requestID)
    }
    place.ledger.withLock { $0 = ledger }
    project = try await ledger.makeProject(
      upstream: Upstream(
        mode: .read, url: "https://cloud", project: "p", region: nil,
        credential: .token(file: "/none")))
    api = TestAPI(over: ledger, token: try await ledger.makeToken())
    await api.makeSecret("s", versions: 2)
    cloud.put("SYSPREVIOUS", on: "v1")
  }

  private final class Place: Sendable {
    let ledger = Mutex<TestLedger?>(nil)
  }

  private func run() async throws -> DriftReport {
    api.ledger.time.advance(seconds: 60)
    return try await api.ledger.services.runs.run(project)
  }

  @Test func `what differs is listed, acknowledged and resolved`() async throws {
    cloud.put("SYSCURRENT", on: "v1")
    let first = try await run()
    let open = await api.own("GET", "/drift")
    #expect(open.status == 200, "\(open.text)")
    #expect(open["findings", "0"] == first.findings.first?.json)
    #expect(open["findings"].arrayValue?.count == 1)
    #expect(open["next"] == .null)
    let id = try #require(open["findings", "0", "id"].stringValue)

    let said = await api.own(
      "POST", "/drift/\(id)/acknowledge",
      #"{"reason": "until Friday", "expires_at": "2026-03-06T00:00:00Z", "ticket": "T-1"}"#)
    #expect(said.status == 201, "\(said.text)")
    #expect(said["event", "type"] == "drift.acknowledged")
    #expect(said["event", "secret"] == "s")
    #expect(said["event", "stage"] == "SYSCURRENT")
    let again = await api.own(
      "POST", "/drift/\(id)/acknowledge",
      #"{"reason": "until Friday", "expires_at": "2026-03-06T00:00:00Z"}"#)
    #expect(again.status == 200)
    #expect(again["event"] == .null)
    #expect(await api.own("GET", "/drift")["findings"].arrayValue == [])
    let known = await api.own("GET", "/drift?state=acknowledged")
    #expect(known["findings", "0", "acknowledgement", "reason"] == "until Friday")
    #expect(known["findings", "0", "acknowledgement", "by", "id"] == "tester")
    #expect(try await run().verdict == .clean)

    cloud.put("SYSCURRENT", on: "v2")
    _ = try await run()
    #expect(await api.own("GET", "/drift?state=acknowledged")["findings"].arrayValue == [])
    let resolved = await api.own("GET", "/drift?state=resolved")
    #expect(resolved.column("findings", "id") == [id])
    let late = await api.own("POST", "/drift/\(id)/acknowledge", #"{"reason": "x"}"#)
    expectProblem(late, 409, "finding_not_open")

    // The past is what it was: open after the first run, acknowledged after that.
    let before = await api.own("GET", "/drift?known_at=pos:\(first.position.index)")
    #expect(before.column("findings", "id") == [id])
    #expect(before["findings", "0", "state"] == "open")
    let position = try #require(said["position"].integerValue)
    let then = await api.own("GET", "/drift?state=all&known_at=pos:\(position)")
    #expect(then.column("findings", "state") == ["acknowledged"])
    let nothing = await api.own("GET", "/drift?state=all&known_at=pos:0")
    #expect(nothing["findings"].arrayValue == [])
  }

  @Test func `findings come in pages, now and then`() async throws {
    cloud.put("SYSCURRENT", on: "v1")
    cloud.put("SYSPREVIOUS", on: "v2")
    cloud.put("extra", on: "v1")
    let report = try await run()
    let ids = report.findings.map(\.id.text).sorted()
    #expect(ids.count == 3)
    for known in ["", "&known_at=pos:\(report.position.index)"] {
      var seen: [String] = []
      var target: String? = "/ledger/v1/p1/drift?limit=1&state=all\(known)"
      while let next = target {
        let page = await api.send("GET", next)
        #expect(page.status == 200, "\(page.text)")
        seen += page.column("findings", "id")
        let link = page.fields["Link"]
        target = link.map { String($0.dropFirst().prefix { $0 != ">" }) }
        #expect((page["next"] == .null) == (target == nil))
      }
      #expect(seen == ids)
    }
  }

  @Test func `what makes no sense is refused`() async throws {
    cloud.put("SYSCURRENT", on: "v1")
    let id = try #require(try await run().findings.first?.id.text)
    let path = "/drift/\(id)/acknowledge"
    let none = String(repeating: "0", count: 32)
    for (target, body, status, code, field) in [
      (path, "{}", 400, "missing", "reason"),
      (path, #"{"reason": ""}"#, 400, "too_short", "reason"),
      (path, #"{"reason": "x", "until": "2027-01-01T00:00:00Z"}"#, 400, "unknown", "until"),
      (
        path, #"{"reason": "x", "expires_at": "2020-01-01T00:00:00Z"}"#, 400,
        "acknowledgement_over", "expires_at"
      ),
      ("/drift/\(none)/acknowledge", #"{"reason": "x"}"#, 404, "finding_not_found", nil),
      ("/drift/abc/acknowledge", #"{"reason": "x"}"#, 400, "malformed", "finding"),
    ] as [(String, String, Int, String, String?)] {
      expectProblem(await api.own("POST", target, body), status, code, field: field)
    }
    expectProblem(await api.own("GET", "/drift?state=odd"), 400, "malformed", field: "state")
    expectProblem(await api.own("GET", "/drift?cursor=x"), 400, "malformed", field: "cursor")
    expectProblem(
      await api.own("GET", "/drift?known_at=2030-01-01T00:00:00Z"), 400, "in_future",
      field: "known_at")
    let match = await api.own("POST", path, #"{"reason": "x"}"#, [("If-Match", "\"1\"")])
    expectProblem(match, 400, "malformed", field: "If-Match")
    let reader = try await api.ledger.makeToken("reader", policy: "reader")
    let refused = await api.send(
      "POST", "/ledger/v1/p1\(path)", #"{"reason": "x"}"#, token: reader)
    expectProblem(refused, 403, "forbidden")
    let listed = await api.send("GET", "/ledger/v1/p1/drift", token: reader)
    #expect(listed.status == 200)
    // Who may acknowledge one secret's findings may not ask about others.
    let policy = #"""
      {"Statement": [{"Effect": "Allow", "Action": "ledger:drift:acknowledge", "Resource": "t"}]}
      """#
    let other = try await api.ledger.makeToken("other", policy: policy)
    for finding in [id, none] {
      let answer = await api.send(
        "POST", "/ledger/v1/p1/drift/\(finding)/acknowledge", #"{"reason": "x"}"#, token: other)
      expectProblem(answer, 403, "forbidden")
    }
  }

  @Test func `a run is started, watched and read in every form`() async throws {
    cloud.put("SYSCURRENT", on: "v1")
    let runs = api.ledger.services.runs
    let serving = Task { await runs.serve() }
    let started = await api.own("POST", "/drift/runs", nil, [("Idempotency-Key", "k")])
    #expect(started.status == 202, "\(started.text)")
    let location = try #require(started.fields["Location"])
    var shown = await api.send("GET", location)
    while shown["state"] == "running" {
      await Task.yield()
      shown = await api.send("GET", location)
    }
    #expect(shown["state"] == "completed", "\(shown.text)")
    #expect(shown["report", "verdict"] == "drift")
    #expect(shown["report", "run"] == shown["run"])
    #expect(shown["report", "position"] == shown["position"])
    let again = await api.own("POST", "/drift/runs", nil, [("Idempotency-Key", "k")])
    #expect(again["run"] == started["run"])
    #expect(again["state"] == "completed")
    let list = await api.own("GET", "/drift/runs")
    #expect(list.column("runs", "run") == [started["run"].stringValue])
    for format in ReportFormat.allCases where format != .json {
      let type = String(format.mediaType.prefix { $0 != ";" })
      let named = await api.send("GET", "\(location)?format=\(format.rawValue)")
      let accepted = await api.send("GET", location, nil, [("Accept", type)])
      #expect(named.status == 200 && accepted.status == 200)
      #expect(named.fields["Content-Type"] == format.mediaType)
      #expect(named.text == accepted.text)
      #expect(named.text.contains("SYSCURRENT"))
    }
    let browser = await api.send(
      "GET", location, nil,
      [("Accept", "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8")])
    #expect(browser.fields["Content-Type"] == "text/html; charset=utf-8")
    #expect(
      browser.fields["Content-Security-Policy"]
        == "default-src 'none'; style-src 'unsafe-inline'")
    expectProblem(
      await api.send("GET", location, nil, [("Accept", "image/png")]), 406, "not_acceptable")
    expectProblem(
      await api.send("GET", "\(location)?format=pdf"), 400, "malformed", field: "format")
    serving.cancel()
    await serving.value
  }

  @Test func `a run that is not there, not over or not possible says so`() async throws {
    let none = "00000000-0000-4000-8000-000000000009"
    expectProblem(await api.own("GET", "/drift/runs/\(none)"), 404, "run_not_found")
    expectProblem(await api.own("GET", "/drift/runs/x"), 400, "malformed", field: "run")
    let started = await api.own("POST", "/drift/runs")
    let location = try #require(started.fields["Location"])
    let shown = await api.send("GET", location)
    #expect(shown["state"] == "running")
    #expect(shown["report"] == .null)
    expectProblem(await api.send("GET", "\(location)?format=html"), 404, "report_not_found")
    api.ledger.time.advance(seconds: 3_600)
    #expect(await api.send("GET", location)["state"] == "lost")
    let other = try await TestAPI()
    expectProblem(await other.own("POST", "/drift/runs"), 409, "no_cloud")
  }
}
