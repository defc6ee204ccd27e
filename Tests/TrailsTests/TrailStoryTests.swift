// What the three trails say, line by line, as a person reads them.

import CanonicalJSON
import Ledger
import Testing
import Trails

@Suite struct TrailStoryTests {
  /// A record in one line.
  private func told(_ format: TrailFormat, _ record: String) -> String {
    switch format.read(Array(record.utf8)) {
    case .passedOver: return "-"
    case .skipped(let why): return "left out: \(why)"
    case .malformed(let why): return "malformed: \(why)"
    case .record(let record):
      let facts = record.facts.map { fact in
        let stages = fact.stages.map { "[\($0.map(\.text).joined(separator: " "))]" }
        let code = fact.data["error_code"]?.stringValue
        let words = [
          fact.type.rawValue, fact.stage?.text, fact.versionID?.text.prefix(8).description, stages,
          code, fact.data["delete_at"]?.stringValue,
        ]
        return words.compactMap { $0 }.joined(separator: " ")
      }
      return "\(record.time.rfc3339.prefix(23)) \(record.secret): "
        + facts.joined(separator: ", ")
    }
  }

  @Test func `CloudTrail`() throws {
    let lines = try TrailFixture.records(.cloudtrail).map { told(.cloudtrail, $0) }
    #expect(
      lines == [
        "2026-01-10T09:00:00.000 app/db: secret.registered, version.registered 00000001",
        "-",
        "-",
        "2026-02-01T10:00:00.000 app/db: version.registered 00000002",
        "2026-02-10T11:00:00.000 app/db: stage.assigned canary 00000002",
        "-",
        "-",
        "2026-03-01T00:00:05.000 app/db: version.registered 00000003 [AWSPENDING]",
        "2026-03-01T00:00:21.000 app/db: stage.removed AWSPENDING",
        "2026-03-01T00:00:20.000 app/db: stage.assigned AWSCURRENT 00000003",
        "-",
        "2026-03-05T12:00:00.000 app/db: change.rejected AWSCURRENT 00000001"
          + " InvalidParameterException",
        "2026-03-10T13:00:00.000 app/db: stage.removed canary",
        "2026-04-01T14:00:00.000 app/db: change.unresolved 00000004",
        "left out: no name of a secret",
        "2026-05-01T08:00:00.000 app/db: secret.deletion_scheduled 2026-05-08T08:00:00.000000Z",
        "2026-05-02T08:00:00.000 app/db: secret.restored",
      ])
  }

  @Test func `CTS`() throws {
    let lines = try TrailFixture.records(.cts).map { told(.cts, $0) }
    #expect(
      lines == [
        "2026-01-10T09:00:00.120 app-db: secret.registered, version.registered v1",
        "-",
        "-",
        "2026-02-01T10:00:00.250 app-db: version.registered v2",
        "2026-02-10T11:00:00.500 app-db: stage.assigned canary v2",
        "2026-03-01T00:00:05.000 app-db: version.registered v3 [pending]",
        "2026-03-01T00:00:20.000 app-db: stage.assigned SYSCURRENT v3",
        "2026-03-01T00:00:21.000 app-db: stage.assigned SYSPREVIOUS v2",
        "2026-03-01T00:00:22.000 app-db: stage.removed pending",
        "2026-03-05T12:00:00.000 app-db: change.rejected SYSCURRENT CSMS.0105",
        "2026-03-10T13:00:00.000 app-db: stage.removed canary",
        "2026-04-01T14:00:00.000 app-db: change.unresolved v4",
        "left out: no name of a secret",
        "2026-05-01T08:00:00.000 app-db: secret.deletion_scheduled 2026-05-08T08:00:00.000000Z",
        "2026-05-02T08:00:00.000 app-db: secret.restored",
      ])
  }

  @Test func `ActionTrail`() throws {
    let lines = try TrailFixture.records(.actiontrail).map { told(.actiontrail, $0) }
    #expect(
      lines == [
        "2026-01-10T09:00:00.000 app/db: secret.registered, version.registered one",
        "-",
        "-",
        "2026-02-01T10:00:00.000 app/db: version.registered two",
        "2026-02-10T11:00:00.000 app/db: stage.assigned canary two",
        "2026-03-01T00:00:05.000 app/db: version.registered three [ACSNext]",
        "2026-03-01T00:00:20.000 app/db: stage.assigned ACSCurrent three",
        "2026-03-01T00:00:21.000 app/db: stage.assigned ACSPrevious two",
        "2026-03-01T00:00:22.000 app/db: stage.removed ACSNext",
        "2026-03-05T12:00:00.000 app/db: change.rejected ACSCurrent InvalidParameter",
        "2026-03-10T13:00:00.000 app/db: stage.removed canary",
        "2026-04-01T14:00:00.000 app/db: change.unresolved four",
        "left out: no name of a secret",
        "2026-05-01T08:00:00.000 app/db: secret.deletion_scheduled 2026-05-08T08:00:00.000000Z",
        "2026-05-02T08:00:00.000 app/db: secret.restored",
      ])
  }

  @Test func `who, where and of what`() throws {
    let expected: [TrailFormat: (Principal, String)] = [
      .cloudtrail: (
        Principal(
          kind: .cloud, id: "arn:aws:sts::123456789012:assumed-role/rotator/rotator",
          name: "rotator", sourceIP: "192.0.2.10"), "123456789012/eu-west-1"
      ),
      .cts: (
        Principal(kind: .cloud, id: "user-1", name: "rotator", sourceIP: "192.0.2.20"),
        "0123456789abcdef0123456789abcdef"
      ),
      .actiontrail: (
        Principal(
          kind: .cloud, id: "200000000000000001", name: "rotator", sourceIP: "192.0.2.30"),
        "1234567890123456/cn-hangzhou"
      ),
    ]
    for (format, (principal, scope)) in expected {
      let first = try #require(try TrailFixture.records(format).first)
      guard case .record(let record) = format.read(Array(first.utf8)) else {
        Issue.record("\(format) has no record")
        continue
      }
      #expect(record.principal == principal)
      #expect(record.scope == scope)
      #expect(record.id?.count == 36)
      #expect(record.requestID?.count == 36)
    }
  }

  @Test(arguments: TrailFormat.allCases)
  func `a record cut anywhere is malformed, and nothing traps`(_ format: TrailFormat) throws {
    for record in try TrailFixture.records(format) {
      let bytes = Array(record.utf8)
      for length in stride(from: 1, to: bytes.count, by: 7) {
        guard case .malformed = format.read(Array(bytes.prefix(length))) else {
          Issue.record("\(record.prefix(length))")
          continue
        }
      }
    }
  }

  @Test(arguments: TrailFormat.allCases)
  func `any member may be missing, null or of another kind`(_ format: TrailFormat) throws {
    let odd: [JSONValue] = [nil, true, -1.5, "", "{", "x", [], [1], [:], ["a": [:]]]
    for record in try TrailFixture.records(format) {
      let value = try JSONValue(parsing: Array(record.utf8))
      for name in try #require(value.objectValue).keys {
        for other in odd {
          let bytes = try TrailFixture.changed(record, [name: other])
          if case .record(let record) = format.read(bytes) {
            #expect(!record.facts.isEmpty)
            let lines = record.lines(of: bytes, format: format, locator: "x:1#1")
            #expect(lines.split(separator: 0x0A).count == record.facts.count)
          }
        }
      }
    }
  }
}
