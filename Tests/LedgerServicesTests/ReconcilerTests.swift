// ReconcilerTests: each kind of drift found, told and resolved over a world that stands still.

import CanonicalJSON
import Ledger
import LedgerServices
import Synchronization
import TestLiterals
import TestSupport
import Testing

@Suite struct ReconcilerTests {
  /// One way a cloud can drift, and the one difference it must give.
  struct Drift: Sendable, CustomTestStringConvertible {
    let kind: DriftKind
    let stage: StageName?
    let ledgerVersion: VersionID?
    let cloudVersion: VersionID?
    let secret: SecretName
    let make: @Sendable (inout ScriptedCloud.Contents) -> Void
    var testDescription: String { kind.rawValue }
  }

  static let drifts = [
    Drift(
      kind: .labelElsewhere, stage: "SYSCURRENT", ledgerVersion: "v3", cloudVersion: "v1",
      secret: "db"
    ) {
      $0.versions["db"]?["v3"] = []
      $0.versions["db"]?["v1"] = ["SYSCURRENT"]
    },
    Drift(
      kind: .labelMissing, stage: "SYSPREVIOUS", ledgerVersion: "v2", cloudVersion: nil,
      secret: "db"
    ) { $0.versions["db"]?["v2"] = [] },
    Drift(
      kind: .labelExtra, stage: "canary", ledgerVersion: nil, cloudVersion: "v1", secret: "db"
    ) { $0.versions["db"]?["v1"] = ["canary"] },
    Drift(
      kind: .versionGone, stage: nil, ledgerVersion: "v1", cloudVersion: nil, secret: "db"
    ) { $0.versions["db"]?["v1"] = nil },
    Drift(kind: .secretGone, stage: nil, ledgerVersion: nil, cloudVersion: nil, secret: "db") {
      $0.lives["db"] = nil
      $0.versions["db"] = nil
    },
    Drift(
      kind: .secretUnrecorded, stage: nil, ledgerVersion: nil, cloudVersion: nil, secret: "new"
    ) {
      $0.lives["new"] = .present
      $0.versions["new"] = ["v1": ["SYSCURRENT"]]
    },
  ]

  @Test func `a cloud that agrees is clean and the run is an event`() async throws {
    let world = try await DriftWorld()
    try await world.makeSecret("db")
    try await world.makeSecret("api", versionCount: 1)
    let report = try await world.run()
    #expect(report.verdict == .clean)
    #expect(report.exitCode == 0)
    #expect(report.findings.isEmpty && report.unobservable.isEmpty)
    #expect(report.scope == DriftReport.Scope(secrets: 2, versions: 4, labels: 3))
    let event = try #require(world.events.last)
    #expect(event.type == .reconciliationCompleted)
    #expect(event.position == report.position)
    #expect(event.secret == nil)
    #expect(event.principal == Principal(kind: .service, id: "reconciler"))
    #expect(event.source == .reconciler)
    #expect(event.requestID == "r1")
    #expect(event.data["observed_sha256"]?.stringValue?.count == 64)
    #expect(event.data["started_at"]?.stringValue == report.startedAt.rfc3339)
    #expect(
      Set(event.data.keys) == [
        "scope", "counts", "unobservable", "observed_sha256", "started_at", "finished_at",
        "not_seen",
      ])
  }

  @Test(arguments: drifts)
  func `each kind of drift is found once and resolves when mended`(_ drift: Drift) async throws {
    let world = try await DriftWorld()
    try await world.makeSecret("db")
    let intact = world.cloud.edit { $0 }
    world.cloud.edit { drift.make(&$0) }
    let expected = Difference(
      kind: drift.kind, secret: drift.secret, stage: drift.stage,
      ledgerVersion: drift.ledgerVersion, cloudVersion: drift.cloudVersion)

    world.ledger.time.advance(seconds: 60)
    let first = try await world.run()
    #expect(first.open == [expected])
    #expect(first.verdict == .drift)
    #expect(first.exitCode == 2)
    #expect(first.counts[drift.kind] == 1)
    #expect(first.counts.values.reduce(0, +) == 1)
    let opened = try #require(world.events(.driftOpened).first)
    #expect(opened.secret == drift.secret)
    #expect(opened.stage == drift.stage)
    #expect(opened.versionID == drift.ledgerVersion ?? drift.cloudVersion)
    #expect(opened.finding == first.findings.first?.id)
    #expect(opened.data["kind"]?.stringValue == drift.kind.rawValue)
    #expect(opened.data["ledger_version"]?.stringValue == drift.ledgerVersion?.text)
    #expect(opened.data["cloud_version"]?.stringValue == drift.cloudVersion?.text)

    world.ledger.time.advance(seconds: 60)
    let second = try await world.run()
    #expect(second.open == [expected])
    #expect(second.findings.first?.id == first.findings.first?.id)
    #expect(second.findings.first?.firstSeen == first.findings.first?.firstSeen)
    #expect(second.findings.first?.lastSeen == world.ledger.time.now)
    #expect(world.events(.driftOpened).count == 1)

    world.cloud.edit { $0 = intact }
    let mended = try await world.run()
    #expect(mended.open.isEmpty)
    #expect(mended.resolved == [expected])
    #expect(mended.verdict == .clean)
    #expect(world.events(.driftResolved).map(\.finding) == [opened.finding])

    let after = try await world.run()
    #expect(after.findings.isEmpty)
    #expect(world.events(.driftResolved).count == 1)
  }

  @Test func `a finding tells since when and by which event the record says so`() async throws {
    let world = try await DriftWorld()
    try await world.makeSecret("db")
    world.ledger.time.advance(seconds: 60)
    let moved = try await world.change(.assignStage("SYSCURRENT", to: "v1"), "db")
    let event = try #require(moved.events.first?.event)
    world.ledger.time.advance(seconds: 60)
    let finding = try #require(try await world.run().findings.first)
    #expect(finding.difference.kind == .labelElsewhere)
    #expect(finding.difference.ledgerVersion == "v1")
    #expect(finding.difference.cloudVersion == "v3")
    #expect(finding.since == event.effectiveAt)
    #expect(finding.decidedBy == [event.position])
    #expect(finding.firstSeen == world.ledger.time.now)
  }

  @Test func `a reopened finding keeps its id and begins anew`() async throws {
    let world = try await DriftWorld()
    try await world.makeSecret("db")
    world.cloud.move("SYSCURRENT", of: "db", to: "v1")
    let first = try #require(try await world.run().findings.first)
    world.mirror("db")
    _ = try await world.run()
    world.ledger.time.advance(seconds: 60)
    world.cloud.move("SYSCURRENT", of: "db", to: "v2")
    let again = try #require(try await world.run().findings.first)
    #expect(again.id == first.id)
    #expect(again.difference.cloudVersion == "v2")
    #expect(again.firstSeen == world.ledger.time.now)
    #expect(world.events(.driftOpened).count == 2)
  }

  @Test func `a finding whose versions change stays the same finding`() async throws {
    let world = try await DriftWorld()
    try await world.makeSecret("db")
    world.cloud.move("SYSCURRENT", of: "db", to: "v1")
    let first = try #require(try await world.run().findings.first)
    world.cloud.move("SYSCURRENT", of: "db", to: "v2")
    let second = try await world.run()
    #expect(second.findings.map(\.id) == [first.id])
    #expect(second.findings.first?.difference.cloudVersion == "v2")
    #expect(second.findings.first?.firstSeen == first.firstSeen)
    // It is opened again as it is, and only once.
    _ = try await world.run()
    #expect(
      world.events(.driftOpened).map { $0.data["cloud_version"]?.stringValue } == ["v1", "v2"])
    #expect(Set(world.events(.driftOpened).map(\.finding)) == [first.id])
    #expect(world.events(.driftResolved).isEmpty)
  }

  @Test func `a secret that is gone takes the place of findings about its labels`() async throws {
    let world = try await DriftWorld()
    try await world.makeSecret("db")
    world.cloud.move("SYSCURRENT", of: "db", to: "v1")
    _ = try await world.run()
    world.cloud.edit { $0.lives["db"] = nil }
    let report = try await world.run()
    #expect(report.open.map(\.kind) == [.secretGone])
    #expect(report.resolved.map(\.kind) == [.labelElsewhere])
  }

  @Test func `a finding about a secret deleted on both sides resolves`() async throws {
    let world = try await DriftWorld()
    try await world.makeSecret("db")
    try await world.makeSecret("api")
    world.cloud.move("SYSCURRENT", of: "db", to: "v1")
    _ = try await world.run()
    try await world.change(.deleteSecret, "db")
    world.mirror("db")
    let report = try await world.run()
    #expect(report.open.isEmpty)
    #expect(report.resolved.map(\.kind) == [.labelElsewhere])
    #expect(report.scope.secrets == 1)
  }

  @Test func `the report has exactly the promised members`() async throws {
    let world = try await DriftWorld()
    try await world.makeSecret("db")
    try await world.makeSecret("api")
    world.cloud.move("SYSCURRENT", of: "db", to: "v1")
    world.cloud.fail(.versions("api"), with: .forbidden("status 403"))
    let json = try await world.run().json
    #expect(
      Set(try #require(json.objectValue).keys) == [
        "project", "run", "verdict", "started_at", "finished_at", "position", "scope", "counts",
        "acknowledged", "findings", "not_seen", "unobservable",
      ])
    #expect(
      json["counts"]
        == .object([
          "label_elsewhere": 1, "label_missing": 0, "label_extra": 0, "version_gone": 0,
          "secret_gone": 0, "secret_unrecorded": 0, "unobservable": 1,
        ]))
    let finding = try #require(json["findings"]?.arrayValue?.first?.objectValue)
    #expect(
      Set(finding.keys) == [
        "id", "kind", "secret", "stage", "ledger_version", "cloud_version", "since", "first_seen",
        "last_seen", "decided_by", "deciding_events", "likely_actor", "acknowledgement",
        "next_step", "state",
      ])
    #expect(finding["state"]?.stringValue == "open")
    #expect(
      json["unobservable"]?.arrayValue == [
        .object([
          "secret": "api", "reason": "forbidden", "detail": "status 403",
          "next_step": .string(Unobservable.Reason.forbidden.nextStep),
        ])
      ])
  }

  @Test func `many findings are recorded in several submissions and the run last`() async throws {
    let world = try await DriftWorld()
    try await world.makeSecret("db")
    world.cloud.edit { contents in
      for number in 0..<210 {
        guard let name = try? SecretName("s\(number)") else { continue }
        contents.lives[name] = .present
      }
    }
    let report = try await world.run(concurrencyMax: 8, pageSize: 100)
    #expect(report.counts[.secretUnrecorded] == 210)
    #expect(world.events(.driftOpened).count == 210)
    #expect(world.events.last?.position == report.position)
    #expect(world.cloud.edit { $0.runningMax } <= 8)
    let again = try await world.run(concurrencyMax: 8, pageSize: 100)
    #expect(again.findings.map(\.id) == report.findings.map(\.id))
    #expect(world.events(.driftOpened).count == 210)
  }
}
