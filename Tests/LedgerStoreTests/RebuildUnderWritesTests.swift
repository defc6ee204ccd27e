// RebuildUnderWritesTests: a rebuild while writers and readers go on, and what it leaves behind.

import Ledger
import LedgerServices
import LedgerStore
import Synchronization
import TestSupport
import Testing

@Suite(.inTurn) struct RebuildUnderWritesTests {
  @Test func `writers and readers go on while a projection is rebuilt`() async throws {
    try await withStore { fixture in
      let project = try await fixture.makeProject()
      for secret in 0..<20 {
        try await fixture.append(
          .registerSecret(data: [:], firstVersion: .automatic), to: "s\(secret)", in: project.id)
      }
      let isDone = Mutex(false)
      async let written = keepWriting(fixture, project.id) { isDone.withLock { $0 } }
      var generations: [Int64] = []
      for round in 0..<5 {
        // Damage that a rebuild must mend while its neighbours are being written to.
        _ = try fixture.database.psql(
          "UPDATE ledger.stage SET version_id = 'v99' WHERE secret = 's0' AND stage = 'SYSCURRENT'")
        let report = try await Projector(
          store: fixture.store, clock: fixture.clock.clock, identities: .seeded(UInt64(round))
        ).rebuild(project, rules: .huawei) { _ in }
        generations.append(report.generation)
        #expect(
          report.differing == [ProjectionKey(table: "stage", name: "s0", part: "SYSCURRENT")])
        let standing = try await fixture.store.standing(
          of: named("SYSCURRENT"), of: named("s0"), in: project.id)
        #expect(standing.value.stage?.versionID == named("v1"))
      }
      isDone.withLock { $0 = true }
      #expect(await written > 0)
      #expect(generations == [1, 2, 3, 4, 5])
      let report = try await Auditor(store: fixture.store).verify(project.id) { _ in }
      #expect(report.isClean, "\(report)")
      #expect(
        try fixture.database.psql(
          "SELECT DISTINCT generation FROM ledger.stage ORDER BY generation") == "5")
    }
  }

  /// Registers versions of every secret but the damaged one, and reads each back; how many.
  private func keepWriting(
    _ fixture: StoreFixture, _ project: ProjectID, _ isDone: @escaping @Sendable () -> Bool
  ) async -> Int {
    await withTaskGroup(of: Int.self) { group in
      for writer in 1..<5 {
        group.addTask {
          var count = 0
          while !isDone() {
            do {
              let secret: SecretName = named("s\(writer * 4)")
              let outcome = try await fixture.append(
                .registerVersion(id: nil, stages: nil, data: [:]), to: secret.text, in: project)
              let standing = try await fixture.store.standing(
                of: named("SYSCURRENT"), of: secret, in: project)
              #expect(standing.value.stage?.versionID == outcome.events.first?.event.versionID)
              count += 1
            } catch { Issue.record("\(error)") }
          }
          return count
        }
      }
      return await group.reduce(0, +)
    }
  }
}
