// AppendUnderFireTests: many writers at once, and a database that dies under them.
//
// Each answer a writer got is held against the log afterwards: what was acknowledged is there,
// once, in order; what was refused is not.

import Foundation
import Ledger
import LedgerServices
import LedgerStore
import PostgresCluster
import Synchronization
import TestSupport
import Testing

@Suite(.inTurn) struct AppendUnderFireTests {
  @Test func `writers that wait together share transactions and none is lost`() async throws {
    try await withStore { fixture in
      let project = try await fixture.makeProject().id
      try await prepare(fixture, project)
      let accepted = await write(fixture, project, writers: 64, each: 20)
      #expect(accepted.count == 64 * 20)
      try await holdAgainstLog(accepted, fixture, project)
      let batches = fixture.services.appender.batchCount
      #expect(batches < 64 * 20, "\(batches) transactions for \(64 * 20) appends")
      let report = try await Auditor(store: fixture.store).verify(project) { _ in }
      #expect(report.isClean)
    }
  }

  @Test func `two commands racing for one label are both in the log, in one order`()
    async throws
  {
    try await withStore { fixture in
      let project = try await fixture.makeProject().id
      try await prepare(fixture, project)
      for round in 0..<20 {
        async let first = fixture.append(.assignStage(named("race"), to: named("v1")), in: project)
        async let second = fixture.append(
          .assignStage(named("race"), to: named("v2")), in: project)
        let events = try await (first.events + second.events).map(\.event).sorted {
          $0.position < $1.position
        }
        let last = try #require(events.last)
        let standing = try await fixture.store.standing(
          of: named("race"), of: named("db"), in: project)
        #expect(standing.value.stage?.versionID == last.versionID, "round \(round)")
        if events.count == 2 { #expect(last.previousVersionID == events[0].versionID) }
      }
    }
  }

  @Test func `backends killed in the middle lose nothing that was acknowledged`() async throws {
    try await withStore { fixture in
      let project = try await fixture.makeProject().id
      try await prepare(fixture, project)
      let isDone = Mutex(false)
      async let accepted = writeUntil(fixture, project, writers: 16) { isDone.withLock { $0 } }
      for _ in 0..<20 {
        // Only a writer that gets on can be hit in the middle.
        let before = fixture.services.appender.eventCount
        let deadline = ContinuousClock.now + .seconds(30)
        while ContinuousClock.now < deadline {
          if fixture.services.appender.eventCount > before { break }
          try await Task.sleep(for: .milliseconds(10))
        }
        _ = try fixture.database.psql(
          """
          SELECT pg_terminate_backend(pid) FROM pg_stat_activity
          WHERE datname = current_database() AND usename = 'stageledger_writer'
          """)
        try await Task.sleep(for: .milliseconds(20))
      }
      isDone.withLock { $0 = true }
      let all = await accepted
      #expect(!all.isEmpty)
      try await onceReachable {
        try await onceReachable {
          try await holdAgainstLog(all, fixture, project)
          let report = try await Auditor(store: fixture.store).verify(project) { _ in }
          #expect(report.isClean, "\(report)")
        }
      }
    }
  }

  @Test func `a server killed in the middle comes back with all that was acknowledged`()
    async throws
  {
    try await withTestCluster { cluster in
      try await withStore(on: cluster) { fixture in
        let project = try await fixture.makeProject().id
        try await prepare(fixture, project)
        var all: [RecordedEvent] = []
        for _ in 0..<3 {
          let isDone = Mutex(false)
          async let accepted = writeUntil(fixture, project, writers: 8) { isDone.withLock { $0 } }
          try await Task.sleep(for: .milliseconds(300))
          kill(try #require(cluster.processID), SIGKILL)
          let deadline = ContinuousClock.now + .seconds(10)
          // Supervision starts the server again; the pool finds it by itself.
          try await Task.sleep(for: .milliseconds(200))
          while !fixture.pool.isAvailable, ContinuousClock.now < deadline {
            try await Task.sleep(for: .milliseconds(50))
          }
          #expect(fixture.pool.isAvailable)
          try await Task.sleep(for: .milliseconds(300))
          isDone.withLock { $0 = true }
          all += await accepted
        }
        #expect(!all.isEmpty)
        try await onceReachable {
          try await holdAgainstLog(all, fixture, project)
          let report = try await Auditor(store: fixture.store).verify(project) { _ in }
          #expect(report.isClean, "\(report)")
        }
      }
    }
  }

  /// Runs `body` again while connections are still found dead, for at most 30 seconds.
  private func onceReachable(_ body: () async throws -> Void) async throws {
    let deadline = ContinuousClock.now + .seconds(30)
    while true {
      do {
        return try await body()
      } catch StoreError.unavailable where ContinuousClock.now < deadline {
        try await Task.sleep(for: .milliseconds(100))
      }
    }
  }

  /// A secret with two versions.
  private func prepare(_ fixture: StoreFixture, _ project: ProjectID) async throws {
    try await fixture.append(.registerSecret(data: [:], firstVersion: .automatic), in: project)
    try await fixture.append(.registerVersion(id: nil, stages: nil, data: [:]), in: project)
  }

  private func submission(_ writer: Int, _ turn: Int) -> Submission {
    Submission(
      intent: .change(
        named("db"),
        .assignStage(
          named("s\(writer % 8)"), to: turn.isMultiple(of: 2) ? named("v1") : named("v2")),
        .any),
      provenance: Provenance(
        principal: Principal(kind: .credential, id: "w\(writer)"), source: .ledgerAPI,
        correlationID: "\(writer)-\(turn)"),
      idempotency: nil)
  }

  private func write(
    _ fixture: StoreFixture, _ project: ProjectID, writers: Int, each: Int
  ) async -> [AppendOutcome] {
    await withTaskGroup(of: [AppendOutcome].self) { group in
      for writer in 0..<writers {
        group.addTask {
          var outcomes: [AppendOutcome] = []
          for turn in 0..<each {
            do {
              outcomes.append(
                try await fixture.services.appender.append(
                  submission(writer, turn), to: project, rules: .huawei))
            } catch { Issue.record("\(error)") }
          }
          return outcomes
        }
      }
      return await group.reduce(into: []) { $0 += $1 }
    }
  }

  /// The events acknowledged while the database was being killed; failures are what it is about.
  private func writeUntil(
    _ fixture: StoreFixture, _ project: ProjectID, writers: Int,
    _ isDone: @escaping @Sendable () -> Bool
  ) async -> [RecordedEvent] {
    await withTaskGroup(of: [RecordedEvent].self) { group in
      for writer in 0..<writers {
        group.addTask {
          var acknowledged: [RecordedEvent] = []
          var turn = 0
          while !isDone() {
            turn += 1
            do {
              acknowledged += try await fixture.services.appender.append(
                submission(writer, turn), to: project, rules: .huawei
              ).events
            } catch AppendError.store(.unavailable), AppendError.store(.outcomeUnknown),
              AppendError.store(.deadlineExceeded)
            {
              try? await Task.sleep(for: .milliseconds(5))
            } catch {
              Issue.record("\(error)")
            }
          }
          return acknowledged
        }
      }
      return await group.reduce(into: []) { $0 += $1 }
    }
  }

  private func holdAgainstLog(
    _ accepted: [AppendOutcome], _ fixture: StoreFixture, _ project: ProjectID
  ) async throws {
    try await holdAgainstLog(accepted.flatMap(\.events), fixture, project)
  }

  /// Every acknowledged event stands in the log at its position, byte for byte.
  private func holdAgainstLog(
    _ events: [RecordedEvent], _ fixture: StoreFixture, _ project: ProjectID
  ) async throws {
    var log: [Position: [UInt8]] = [:]
    var next: Position? = Position(0)
    while let from = next {
      let page = try await fixture.store.events(in: project, from: from, limit: 5_000)
      for stored in page.value { log[stored.position] = stored.bytes }
      next = page.value.last.flatMap { Position($0.position.index + 1) }
    }
    for recorded in events {
      #expect(log[recorded.event.position] == recorded.bytes)
    }
    #expect(Set(events.map(\.event.position)).count == events.count)
  }
}
