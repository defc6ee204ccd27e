// Health, readiness and metrics.

import CanonicalJSON
import Ledger
import LedgerAPI
import LedgerServices
import Synchronization
import TestSupport
import Testing

@Suite struct OperationsTests {
  private func api(
    readiness: [ComponentStatus] = [], metrics: [MetricSample] = []
  ) async throws -> TestAPI {
    var api = try await TestAPI()
    var services = api.ledger.services
    services.readiness = { readiness }
    services.metrics = { metrics }
    api.api = API(services: services)
    return api
  }

  @Test func `health looks at nothing and asks for no token`() async throws {
    let api = try await api(readiness: [ComponentStatus(name: "database", trouble: "down")])
    api.ledger.store.failNext(with: .unavailable(reason: "down"))
    let reply = await api.send("GET", "/healthz", token: nil)
    #expect(reply.status == 200)
    #expect(reply.text == #"{"status":"ok"}"#)
  }

  @Test func `the operator hears why a request failed and its sender does not`() async throws {
    var api = try await TestAPI()
    let heard = Mutex<[String]>([])
    api.api = API(services: api.ledger.services) { requestID, trouble in
      heard.withLock { $0.append("\(requestID) \(trouble)") }
    }
    await api.makeSecret()
    _ = await api.own("GET", "/secrets/none")
    _ = await api.send("GET", "/ledger/v1/p1/secrets/s", token: "none")
    api.ledger.time.advance(seconds: -1)
    api.ledger.store.failNext(with: .unavailable(reason: "the database is down"))
    let last = await api.own("GET", "/secrets/s")
    #expect(last.status == 503)
    #expect(!last.text.contains("down"))
    let lines = heard.withLock { $0 }
    #expect(lines.count == 1)
    #expect(lines.first?.hasPrefix(last.fields["X-Request-Id"] ?? "?") == true)
    #expect(lines.first?.contains("the database is down") == true)
  }

  @Test func `readiness names what is down`() async throws {
    let up = try await api(readiness: [ComponentStatus(name: "database", trouble: nil)])
    let ready = await up.send("GET", "/readyz", token: nil)
    #expect(ready.status == 200)
    #expect(
      ready.text
        == #"{"status":"ready","components":[{"name":"database","trouble":null}]}"#)
    let down = try await api(readiness: [
      ComponentStatus(name: "database", trouble: "no answer"),
      ComponentStatus(name: "schema", trouble: nil),
    ])
    let unready = await down.send("GET", "/readyz", token: nil)
    #expect(unready.status == 503)
    #expect(unready["components", "0", "trouble"] == .string("no answer"))
    #expect(unready.fields["X-Request-Id"] != nil)
  }

  @Test func `metrics count by route and status and never by name`() async throws {
    let api = try await api(metrics: [
      MetricSample(
        name: "database_connections", help: "Open\nconnections.", kind: .gauge,
        labels: [["role", "a\"b\\c"]], value: 3),
      MetricSample(
        name: "stageledger_appended_events_total", help: "Events.", kind: .counter, labels: [],
        value: 2.5),
      MetricSample(
        name: "database_connections", help: "Open connections.", kind: .gauge,
        labels: [["role", "d"]], value: 4),
    ])
    await api.makeSecret("very-private-name")
    _ = await api.csms("GET", "/very-private-name/stages/ALSO-PRIVATE")
    _ = await api.csms("GET", "/very-private-name/stages/SYSCURRENT")
    _ = await api.send("GET", "/very-private-name")
    let reply = await api.send("GET", "/metrics", token: nil)
    #expect(reply.status == 200)
    #expect(reply.fields["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8")
    let lines = reply.text.split(separator: "\n").map(String.init)
    let stage = #"method="GET",route="/v1/{project}/secrets/{secret}/stages/{stage}""#
    for line in [
      #"stageledger_http_requests_total{\#(stage),status="200"} 1"#,
      #"stageledger_http_requests_total{\#(stage),status="400"} 1"#,
      #"stageledger_http_requests_total{method="",route="none",status="404"} 1"#,
      "stageledger_http_request_duration_seconds_count{\(stage)} 2",
      #"stageledger_database_connections{role="a\"b\\c"} 3"#,
      #"stageledger_database_connections{role="d"} 4"#,
      "stageledger_appended_events_total 2.5",
      #"# HELP stageledger_database_connections Open\nconnections."#,
      "# TYPE stageledger_database_connections gauge",
      "# TYPE stageledger_http_requests_total counter",
      "# TYPE stageledger_http_request_duration_seconds summary",
    ] {
      #expect(lines.contains(line), "\(line) is not in\n\(reply.text)")
    }
    #expect(!reply.text.contains("private"))
    #expect(lines.filter { $0.hasPrefix("# TYPE stageledger_database_connections") }.count == 1)
    #expect(lines.allSatisfy { $0.hasPrefix("#") || $0.hasPrefix("stageledger_") })
    for line in lines where !line.hasPrefix("#") {
      let family = line.prefix { $0 != "{" && $0 != " " }
        .replacing("_seconds_sum", with: "_seconds").replacing("_seconds_count", with: "_seconds")
      #expect(lines.contains { $0.hasPrefix("# HELP \(family) ") })
      #expect(lines.contains { $0.hasPrefix("# TYPE \(family) ") })
    }
  }
}
