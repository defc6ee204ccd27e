// The log as other tools get it: whole, in each form, and in a file that is whole or not there.

import CanonicalJSON
import Foundation
import Ledger
import LedgerServices
import TestSupport
import Testing

@testable import stageledger

@Suite struct ExportTextTests {
  /// The events of a small ledger, as they come over HTTP.
  private func events(reason: String? = nil) async throws -> [ExportedEvent] {
    let ledger = TestLedger()
    try await ledger.makeProject()
    try await ledger.append(.registerSecret(data: [:], firstVersion: .automatic), to: "s")
    var provenance = Provenance.test
    provenance.principal.sourceIP = "192.0.2.7"
    provenance.reason = reason
    _ = try await ledger.services.appender.append(
      Submission(
        intent: .change(
          named("s"), .assignStage(named("canary"), to: named("v1")), .any),
        provenance: provenance, idempotency: nil),
      to: named("p1"), rules: .huawei)
    return try ledger.store.allEvents(of: named("p1")).map { event in
      try #require(ExportedEvent(line: event.canonicalBytes[...]))
    }
  }

  private func lines(_ format: ExportFormat, _ events: [ExportedEvent]) -> [String] {
    var text = ExportText(format)
    let pages =
      text.bytes(of: []) + text.bytes(of: [events[0]]) + text.bytes(of: Array(events[1...]))
    return String(decoding: pages, as: UTF8.self).split(separator: "\n").map(String.init)
  }

  @Test func `JSON lines are the stored bytes`() async throws {
    let events = try await events()
    #expect(lines(.jsonl, events).map { Array($0.utf8) } == events.map(\.bytes))
  }

  @Test func `CloudEvents hold the stored bytes`() async throws {
    let events = try await events()
    for (line, event) in zip(lines(.cloudevents, events), events) {
      let stored = String(decoding: event.bytes, as: UTF8.self)
      #expect(line.hasPrefix(#"{"specversion":"1.0","id":"\#(event.outline.id)","#))
      #expect(line.hasSuffix(#","data":\#(stored)}"#))
    }
  }

  @Test func `CSV has one line of names and no formula`() async throws {
    let events = try await events(reason: "=HYPERLINK(\"http://x\"),\u{301}")
    var text = ExportText(.csv)
    let head = String(decoding: text.bytes(of: []), as: UTF8.self)
    #expect(head.hasPrefix("position,recorded_at,effective_at,effective_after,type,secret,stage,"))
    let rows = String(decoding: text.bytes(of: events), as: UTF8.self)
      .split(separator: "\r\n")
    #expect(rows.count == events.count)
    #expect(rows.allSatisfy { !$0.hasPrefix("position") })
    let last = try #require(rows.last)
    #expect(last.contains(",stage.assigned,s,canary,v1,,credential,tester,tester,192.0.2.7,"))
    #expect(last.contains(",\"'=HYPERLINK(\"\"http://x\"\"),\u{301}\","))
  }

  @Test func `OCSF says what its class can say and keeps the rest`() async throws {
    let events = try await events(reason: "why")
    let values = try lines(.ocsf, events).map { try JSONValue(parsing: Array($0.utf8)) }
    #expect(values.map { $0["type_uid"]?.integerValue } == [300_401, 300_403, 300_403, 300_403])
    let event = events[3]
    let recordedAt = try #require(Instant(rfc3339: event.outline.recordedAt))
    let expected: JSONValue = [
      "activity_id": 3, "activity_name": "Update", "category_uid": 3,
      "category_name": "Identity & Access Management", "class_uid": 3004,
      "class_name": "Entity Management", "type_uid": 300_403,
      "type_name": "Entity Management: Update", "severity_id": 1, "severity": "Informational",
      "status_id": 1, "comment": "why", "time": .integer(recordedAt.milliseconds),
      "actor": [
        "user": ["name": "tester", "uid": "tester", "type": "credential", "type_id": 99]
      ],
      "src_endpoint": ["ip": "192.0.2.7"],
      "entity": [
        "name": "s", "type": "secret", "type_id": 99, "version": "v1",
        "data": ["stage": "canary", "version_id": "v1"],
      ],
      "metadata": [
        "version": "1.4.0", "uid": .string(event.outline.id), "event_code": "stage.assigned",
        "tenant_uid": "p1", "sequence": 3, "log_name": "ledger",
        "original_time": .string(event.outline.effectiveAt),
        "logged_time": .integer(recordedAt.milliseconds),
        "product": [
          "name": "stageledger", "vendor_name": "stageledger",
          "version": .string(stageledger.Program.version),
        ],
      ],
      "unmapped": ["schema": 1, "source": "ledger-api", "stream_version": 4],
      "raw_data": .string(String(decoding: event.bytes, as: UTF8.self)),
    ]
    #expect(values[3] == expected)
  }

  @Test func `an event OCSF has no word for keeps its own`() throws {
    let event = """
      {"caused_by":null,"correlation_id":"c-1","data":{"kind":"label_extra"},\
      "effective_after":null,"effective_at":"2026-03-04T05:06:07.000001Z","event_id":"e",\
      "evidence":null,"idempotency_key":null,"position":7,"previous_version_id":null,\
      "principal":{"id":"reconciler","name":"reconciler","source_ip":null,"type":"service"},\
      "project":"p1","reason":null,"recorded_at":"2026-03-04T05:06:08.000000Z",\
      "request_id":null,"schema":1,"secret":null,"source":"reconciler","stage":null,\
      "stream_version":null,"ticket":null,"type":"drift.opened","version_id":null}
      """
    let exported = try #require(ExportedEvent(line: Array(event.utf8)[...]))
    let json = OCSFEvent(exported).json
    #expect(json["activity_id"] == 99)
    #expect(json["activity_name"] == "drift.opened")
    #expect(json["type_name"] == "Entity Management: Other")
    #expect(json["entity"] == ["name": "p1", "type": "project", "type_id": 99])
    #expect(json["actor"] == ["app_name": "reconciler"])
    #expect(json["status_id"] == nil)
    #expect(json["src_endpoint"] == nil)
    #expect(json["metadata"]?["correlation_uid"] == "c-1")
    #expect(json["unmapped"]?["data"] == ["kind": "label_extra"])
  }

  @Test func `an export under way shows a bar`() {
    let progress = ExportProgress(after: 9)
    #expect(progress.text == "asking for the log")
    progress.setEnd(29)
    progress.wrote(10)
    #expect(progress.text == "[###############...............] 50 %, 10 of 20 events")
    #expect(progress.count == 10)
    #expect(progress.last == 19)
  }
}

@Suite struct OutputFileTests {
  @Test func `a file is what it was until all of it is there`() throws {
    let folder = try TemporaryFolder(label: "output")
    defer { folder.remove() }
    let path = folder.path + "/log"
    let link = folder.path + "/link"
    try "before".write(toFile: path, atomically: false, encoding: .utf8)
    chmod(path, 0o600)
    try FileManager.default.createSymbolicLink(atPath: link, withDestinationPath: path)
    func content() throws -> String { try String(contentsOfFile: path, encoding: .utf8) }
    do {
      let file = try OutputFile(link)
      try file.write(Array("half".utf8))
      #expect(try content() == "before")
    }
    #expect(try content() == "before")
    do {
      let file = try OutputFile(link)
      try file.write(Array("whole".utf8))
      try file.finish()
    }
    #expect(try content() == "whole")
    let attributes = try FileManager.default.attributesOfItem(atPath: path)
    #expect(attributes[.posixPermissions] as? Int == 0o600)
    let left = try FileManager.default.contentsOfDirectory(atPath: folder.path)
    #expect(left.sorted() == ["link", "log"])
    #expect(throws: CommandError.self) { try OutputFile(folder.path) }
    #expect(throws: CommandError.self) { try OutputFile(folder.path + "/none/log") }
  }

  @Test func `a device is written to and stays`() throws {
    do {
      let file = try OutputFile("/dev/null")
      try file.write([1, 2, 3])
      try file.finish()
    }
    var status = stat()
    #expect(stat("/dev/null", &status) == 0)
    #expect(status.st_mode & S_IFMT == S_IFCHR)
  }
}

extension EndToEndTests {
  @Suite struct ExportTests {
    @Test func `an export holds the log or fails`() async throws {
      let database = try TestDatabase.create(label: "export")
      defer { database.drop() }
      let folder = try TemporaryFolder(label: "export")
      defer { folder.remove() }
      let options = ["--database-url", database.url]
      #expect(try await Program.run(["migrate"] + options).status == 0)
      let token = try await RunningService.makeProject(options)
      let service = try await RunningService(options)
      for number in 0..<3 { try await service.makeSecret("s\(number)", token: token) }
      let log = try await service.text(
        "/events?limit=1000", accept: "application/x-ndjson", token: token)
      let lines = log.split(separator: "\n").map { "\($0)\n" }
      var environment = ["STAGELEDGER_URL": service.url, "STAGELEDGER_TOKEN": token]
      environment["STAGELEDGER_PROJECT"] = RunningService.project
      func export(_ words: String...) async throws -> Ending {
        try await Program.run(["export"] + words, environment: environment)
      }

      let whole = try await export()
      #expect(whole.status == 0)
      #expect(whole.output == log)
      #expect(whole.complaints == "exported \(lines.count) events\n")
      #expect(try await export("--after", "pos:3").output == lines[4...].joined())
      #expect(try await export("--after", "\(lines.count)").output.isEmpty)
      let fifth = try JSONValue(parsing: Array(lines[5].utf8))["recorded_at"]?.stringValue
      let part = try await export("--until", try #require(fifth), "--after", "1")
      #expect(part.output == lines[2...5].joined())
      #expect(try await export("--until", "2001-02-03").output.isEmpty)
      #expect(try await export("--until", "pos:2").output == lines[...2].joined())
      #expect(try await export("--until", "pos:999").output == log)
      #expect(
        try await export("--format", "ocsf").output.split(separator: "\n").count == lines.count)

      let path = folder.path + "/log.csv"
      #expect(try await export("--format", "csv", path).status == 0)
      let csv = try String(contentsOfFile: path, encoding: .utf8)
      #expect(csv.split(separator: "\r\n").count == lines.count + 1)

      #expect(try await export("--format", "xml").status == 64)
      #expect(try await export("--after", "-1").status == 64)
      environment["STAGELEDGER_TOKEN"] = "wrong"
      let refused = try await export(path)
      #expect(refused.status == 1)
      #expect(refused.output.isEmpty)
      #expect(try String(contentsOfFile: path, encoding: .utf8) == csv)
      #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == ["log.csv"])
      #expect(await service.stop() == 0)
    }
  }
}
