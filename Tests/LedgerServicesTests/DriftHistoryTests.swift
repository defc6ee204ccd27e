// DriftHistoryTests: drift as it was, what runs found, and what somebody said about it.
//
// Every report a run gives is held against the one made from the log alone.

import CanonicalJSON
import Ledger
import LedgerServices
import TestLiterals
import TestSupport
import Testing

@Suite struct DriftHistoryTests {
  /// Makes a run, and asks the log for the same report.
  private func run(_ world: DriftWorld, _ number: Int) async throws -> DriftReport {
    let id: RunID = named("00000000-0000-4000-8000-0000000000\(number)")
    let report = try await world.run(as: id)
    let told = try await world.ledger.services.drift.report(
      of: report.position, in: world.project.id)
    #expect(told == report)
    #expect(told?.json == report.json)
    #expect(report.run == id)
    return report
  }

  private func acknowledge(
    _ finding: FindingID, until: Instant? = nil, _ world: DriftWorld
  ) async throws {
    _ = try await world.ledger.services.appender.append(
      Submission(
        intent: .acknowledge(
          AcknowledgementDraft(finding: finding, secret: "db", until: until)),
        provenance: .test, idempotency: nil),
      to: world.project.id, rules: .huawei)
  }

  @Test func `the log tells of each run what the run told`() async throws {
    let world = try await DriftWorld()
    try await world.makeSecret("db")
    try await world.makeSecret("api")
    let clean = try await run(world, 10)
    #expect(clean.verdict == .clean)
    world.ledger.time.advance(seconds: 60)
    world.cloud.move("SYSCURRENT", of: "db", to: "v1")
    world.cloud.move("SYSPREVIOUS", of: "api", to: nil)
    let drift = try await run(world, 11)
    #expect(drift.open.map(\.kind) == [.labelMissing, .labelElsewhere])
    world.ledger.time.advance(seconds: 60)
    // The versions of a finding change: it is the same one, opened again as it is.
    world.cloud.move("SYSCURRENT", of: "db", to: "v2")
    world.cloud.fail(.versions("api"), with: .forbidden("status 403"))
    let moved = try await run(world, 12)
    #expect(moved.open.map(\.cloudVersion) == ["v2"])
    #expect(moved.findings.first?.id == drift.findings.last?.id)
    #expect(moved.findings.first?.firstSeen == drift.findings.last?.firstSeen)
    #expect(moved.notSeen == [drift.findings.first?.id])
    #expect(world.events(.driftOpened).count == 3)
    world.ledger.time.advance(seconds: 60)
    world.mirror("db")
    world.mirror("api")
    let mended = try await run(world, 13)
    #expect(mended.verdict == .clean)
    #expect(mended.resolved.count == 2)
    #expect(mended.findings.allSatisfy { $0.lastSeen == nil })
    // Nothing that came later has changed what the earlier runs are told to have found.
    for report in [clean, drift, moved] {
      #expect(
        try await world.ledger.services.drift.report(of: report.position, in: world.project.id)
          == report)
    }
    #expect(try await world.ledger.services.drift.report(of: 0, in: world.project.id) == nil)
  }

  @Test func `acknowledged drift is shown and is no alarm until it changes`() async throws {
    let world = try await DriftWorld()
    try await world.makeSecret("db")
    world.cloud.move("SYSCURRENT", of: "db", to: "v1")
    let first = try await run(world, 10)
    let id = try #require(first.findings.first?.id)
    world.ledger.time.advance(seconds: 60)
    try await acknowledge(
      id, until: world.ledger.time.now.advanced(byMicroseconds: 90_000_000), world)
    world.ledger.time.advance(seconds: 60)
    let known = try await run(world, 11)
    #expect(known.verdict == .clean)
    #expect(known.exitCode == 0)
    #expect(known.findings.map(\.state) == [.acknowledged])
    #expect(known.counts[.labelElsewhere] == 1)
    #expect(known.json["acknowledged"] == 1)
    world.ledger.time.advance(seconds: 60)
    let over = try await run(world, 12)
    #expect(over.verdict == .drift)
    #expect(over.findings.first?.acknowledgement != nil)
    try await acknowledge(id, world)
    #expect(try await run(world, 13).verdict == .clean)
    world.cloud.move("SYSCURRENT", of: "db", to: "v2")
    let changed = try await run(world, 14)
    #expect(changed.verdict == .drift)
    #expect(changed.findings.map(\.acknowledgement) == [nil])
    #expect(changed.findings.map(\.id) == [id])
  }

  @Test func `what was drift at a past moment stays what it was`() async throws {
    let world = try await DriftWorld()
    try await world.makeSecret("db")
    world.cloud.move("SYSCURRENT", of: "db", to: "v1")
    let first = try await run(world, 10)
    let id = try #require(first.findings.first?.id)
    try await acknowledge(id, world)
    let acknowledgedAt = try #require(world.events.last?.position)
    world.mirror("db")
    let mended = try await run(world, 11)
    let drift = world.ledger.services.drift
    func standing(_ position: Position) async throws -> FindingState.Standing? {
      try await drift.findings(in: world.project.id, knownSize: position.size)[id]?
        .standing(at: world.ledger.time.now)
    }
    #expect(try await standing(first.position) == .open)
    #expect(try await standing(acknowledgedAt) == .acknowledged)
    #expect(try await standing(mended.position) == .resolved)
    #expect(try await standing(0) == nil)
    let state = try await world.ledger.store.finding(id, in: world.project.id).value
    #expect(
      state
        == (try await drift.findings(
          in: world.project.id, knownSize: mended.position.size)[id]))
  }

  @Test func `the likely actor is who changed the ledger, or nobody of the ledger`() async throws {
    let world = try await DriftWorld()
    try await world.makeSecret("db")
    // The ledger moved on and the cloud did not follow.
    try await world.change(.assignStage("SYSCURRENT", to: "v1"), "db")
    let behind = try #require(try await run(world, 10).findings.first)
    let event = try #require(behind.deciding.first)
    #expect(behind.likelyActor == .ledger(event))
    #expect(event.principal == Provenance.test.principal)
    #expect(behind.deciding.map(\.position) == behind.decidedBy)
    #expect(behind.json["likely_actor"]?["id"] == "tester")
    // The cloud shows what the ledger never had.
    world.mirror("db")
    world.cloud.move("SYSCURRENT", of: "db", to: "v2")
    let foreign = try #require(
      try await run(world, 11).findings.first { $0.difference.stage == "SYSCURRENT" })
    #expect(foreign.likelyActor == .notThroughTheLedger)
    #expect(foreign.json["likely_actor"] == .null)
  }
}
