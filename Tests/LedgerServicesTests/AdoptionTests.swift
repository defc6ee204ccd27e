// AdoptionTests: what a run that adopts writes, with which times, and that the next one is clean.

import CanonicalJSON
import Ledger
import LedgerServices
import TestLiterals
import TestSupport
import Testing

@Suite struct AdoptionTests {
  private let world: DriftWorld

  init() async throws {
    world = try await DriftWorld()
    world.ledger.time.advance(seconds: 100)
  }

  @discardableResult
  private func adopt(_ reason: String? = nil) async throws(ReconcileError) -> DriftReport {
    world.ledger.time.advance(seconds: 100)
    return try await world.run(
      silenceMax: .seconds(3_600), purpose: .adopt(reason: reason, ticket: "T-1"))
  }

  @discardableResult
  private func compare() async throws(ReconcileError) -> DriftReport {
    world.ledger.time.advance(seconds: 100)
    return try await world.run(silenceMax: .seconds(3_600))
  }

  @Test func `the first contact with an account is its baseline`() async throws {
    world.cloud.edit { contents in
      for number in 0..<100 {
        let secret: SecretName = named("app-\(number)")
        contents.lives[secret] = .present
        contents.versions[secret] = [
          "v1": [], "v2": ["SYSPREVIOUS"], "v3": ["SYSCURRENT", "blue"],
        ]
      }
    }
    let report = try await adopt("baseline")
    #expect(report.exitCode == 0)
    #expect(report.findings.count == 100)
    #expect(report.open.isEmpty)
    #expect(report.scope == DriftReport.Scope(secrets: 100, versions: 300, labels: 300))
    #expect(world.events(.secretRegistered).count == 100)
    #expect(world.events(.versionRegistered).count == 300)
    #expect(world.events(.stageAssigned).count == 300)
    #expect(world.events(.driftOpened).isEmpty)
    let facts = world.events.filter { $0.type.changesSecret }
    #expect(facts.allSatisfy { $0.source == .reconciler && $0.reason == "baseline" })
    #expect(facts.allSatisfy { $0.ticket == "T-1" && $0.data["contradicts"] == nil })
    // Nobody knows since when, and the record does not say it does.
    #expect(facts.allSatisfy { $0.effectiveAfter == .earliest })
    #expect(try await compare().verdict == .clean)
  }

  @Test func `what differs is as the cloud has it, and the next run is clean`() async throws {
    for secret in ["moved", "missing", "extra", "pruned", "gone", "leaving"] as [SecretName] {
      try await world.makeSecret(secret)
    }
    try await world.change(.assignStage("blue", to: "v1"), "missing")
    try await world.change(.assignStage("blue", to: "v1"), "pruned")
    world.mirror("missing")
    world.mirror("pruned")
    #expect(try await compare().verdict == .clean)
    let lastRight = try #require(world.events.last?.effectiveAt)
    world.cloud.move("SYSCURRENT", of: "moved", to: "v1")
    world.cloud.move("blue", of: "missing", to: nil)
    world.cloud.move("green", of: "extra", to: "v9")
    world.cloud.edit { contents in
      contents.versions["pruned"]?["v1"] = nil
      contents.lives["gone"] = nil
      contents.lives["leaving"] = .pendingDeletion
      contents.lives["new"] = .pendingDeletion
      contents.versions["moved"]?["v7"] = []
    }
    let before = world.events.count
    let report = try await adopt()
    let seenAt = report.finishedAt
    #expect(report.exitCode == 0)
    #expect(report.resolved.count == 7)
    let facts = world.events.dropFirst(before).filter { $0.type.changesSecret }
    #expect(facts.allSatisfy { $0.effectiveAfter == lastRight && $0.effectiveAt == seenAt })
    let told = facts.map { event in
      [event.secret?.text, event.type.rawValue, event.stage?.text, event.versionID?.text]
        .map { $0 ?? "-" }.joined(separator: " ")
    }
    #expect(
      told.sorted() == [
        "extra stage.assigned green v9", "extra version.registered - v9",
        "gone secret.deleted - -", "gone stage.removed SYSCURRENT -",
        "gone stage.removed SYSPREVIOUS -", "leaving secret.deletion_scheduled - -",
        "missing stage.removed blue -", "moved stage.assigned SYSCURRENT v1",
        "moved version.registered - v7",
        "new secret.deletion_scheduled - -", "new secret.registered - -",
        "pruned stage.removed blue -", "pruned version.removed - v1",
      ])
    let next = try await compare()
    #expect(next.findings.isEmpty)
    #expect(next.unobservable.isEmpty)
  }

  @Test func `the time is the cloud's own where it tells`() async throws {
    try await world.makeSecret("db")
    try await world.makeSecret("late")
    let made = try #require(world.events.last?.effectiveAt)
    world.cloud.move("SYSCURRENT", of: "db", to: "v1")
    world.cloud.move("SYSCURRENT", of: "late", to: "v1")
    world.cloud.edit { contents in
      contents.lives["new"] = .present
      contents.versions["new"] = ["v1": ["SYSCURRENT"]]
      contents.times["db"] = ["SYSCURRENT": made.advanced(byMicroseconds: 30_000_000)]
      // Before what the record itself says: the record would go on to hold the other version.
      contents.times["late"] = ["SYSCURRENT": made.advanced(byMicroseconds: -9_000_000)]
      contents.times["new"] = ["SYSCURRENT": made.advanced(byMicroseconds: -50_000_000)]
    }
    let before = world.events.count
    try await adopt()
    let facts = world.events.dropFirst(before).filter { $0.type.changesSecret }
    func fact(_ secret: SecretName, _ type: EventType) throws -> Event {
      try #require(facts.first { $0.secret == secret && $0.type == type })
    }
    let exact = try fact("db", .stageAssigned)
    #expect(exact.effectiveAt == made.advanced(byMicroseconds: 30_000_000))
    #expect(exact.effectiveAfter == nil)
    let bounded = try fact("late", .stageAssigned)
    #expect(bounded.effectiveAfter != nil && bounded.effectiveAt > made)
    #expect(try fact("new", .stageAssigned).effectiveAfter == nil)
    // What carried a label then was there then.
    for type in [.secretRegistered, .versionRegistered] as [EventType] {
      #expect(try fact("new", type).effectiveAt == made.advanced(byMicroseconds: -50_000_000))
      #expect(try fact("new", type).effectiveAfter == .earliest)
    }
    #expect(try await compare().verdict == .clean)
  }

  @Test func `findings that were open are resolved by the run that adopts`() async throws {
    try await world.makeSecret("db")
    world.cloud.move("SYSCURRENT", of: "db", to: "v1")
    #expect(try await compare().open.count == 1)
    let since = world.events.last { $0.stage == "SYSCURRENT" && $0.type == .stageAssigned }
    let report = try await adopt()
    #expect(report.open.isEmpty)
    #expect(world.events(.driftResolved).count == 1)
    // The last look saw the drift already: since when is only known from the record's own change.
    let fact = try #require(world.events.last { $0.type == .stageAssigned })
    #expect(fact.effectiveAfter == since?.effectiveAt)
  }

  @Test func `what was not seen twice alike is not adopted`() async throws {
    try await world.makeSecret("moving")
    try await world.makeSecret("hidden")
    world.cloud.move("SYSCURRENT", of: "moving", to: "v1")
    world.cloud.move("SYSCURRENT", of: "hidden", to: "v1")
    world.cloud.fail(
      .versions("hidden"), with: .forbidden("status 403"), .forbidden("status 403"))
    let world = world
    world.duringGrace { world.cloud.move("SYSCURRENT", of: "moving", to: "v2") }
    let before = world.events.filter { $0.type.changesSecret }.count
    let report = try await adopt()
    #expect(report.exitCode == 3)
    #expect(world.events.filter { $0.type.changesSecret }.count == before)
  }

  @Test func `a run that does not adopt writes no fact`() async throws {
    world.cloud.edit { contents in
      contents.lives["new"] = .present
      contents.versions["new"] = ["v1": ["SYSCURRENT"]]
    }
    #expect(try await compare().exitCode == 2)
    #expect(world.events.allSatisfy { !$0.type.changesSecret })
  }
}
