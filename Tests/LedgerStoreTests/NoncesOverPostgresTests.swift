// NoncesOverPostgresTests: one use of a nonce over two instances, crowds and crashes.
//
// Two stores with connections of their own stand for two instances of the service.

import EventLoop
import Foundation
import Ledger
import LedgerServices
import LedgerStore
import PostgresClient
import PostgresCluster
import TestSupport
import Testing

@Suite(.inTurn) struct NoncesOverPostgresTests {
  /// Runs `body` with the nonces of two instances over one database.
  private func withTwoInstances(
    _ body: (StoreFixture, [Nonces]) async throws -> Void
  ) async throws {
    try await withStore { fixture in
      let loop = try EventLoop(name: "second")
      loop.start()
      let pool = PostgresPool(
        configuration: PostgresConfiguration(
          url: fixture.database.url(user: "stageledger_writer"),
          statements: PostgresStore.statements, sessionSettings: PostgresStore.sessionSettings),
        loop: loop)
      pool.start()
      let store = PostgresStore(
        pools: [pool], deadlines: StoreDeadlines(read: .seconds(60), write: .seconds(60)))
      let nonces = Nonces(store: store, clock: fixture.clock.clock)
      let result: Result<Void, any Error>
      do {
        result = .success(try await body(fixture, [fixture.services.nonces, nonces]))
      } catch { result = .failure(error) }
      await pool.close()
      loop.stop()
      loop.join()
      try result.get()
    }
  }

  /// How many of the claims were answered true; `each` of every nonce at every instance at once.
  private func wins(
    _ names: [String], each: Int, at instances: [Nonces], until: Instant
  ) async throws -> [String: Int] {
    let verdicts = await withTaskGroup(
      of: (String, Result<Bool, StoreError>).self,
      returning: [(String, Result<Bool, StoreError>)].self
    ) { group in
      for nonces in instances {
        for name in (0..<each).flatMap({ _ in names }).shuffled() {
          group.addTask {
            do throws(StoreError) {
              return (
                name,
                .success(
                  try await nonces.claim(name, of: "AK", in: named("demo"), until: until))
              )
            } catch { return (name, .failure(error)) }
          }
        }
      }
      return await group.reduce(into: []) { $0.append($1) }
    }
    var wins: [String: Int] = [:]
    for (name, verdict) in verdicts where try verdict.get() { wins[name, default: 0] += 1 }
    return wins
  }

  @Test func `of eight at once over two instances exactly one wins`() async throws {
    try await withTwoInstances { fixture, instances in
      let until = fixture.clock.now.advanced(byMicroseconds: 900_000_000)
      for round in 0..<20 {
        let wins = try await wins(["n\(round)"], each: 4, at: instances, until: until)
        #expect(wins == ["n\(round)": 1])
      }
    }
  }

  @Test func `a crowd of claims has one winner a nonce, new or over`() async throws {
    try await withTwoInstances { fixture, instances in
      let names = (0..<100).map { "n\($0)" }
      let expected = Dictionary(uniqueKeysWithValues: names.map { ($0, 1) })
      for _ in 0..<4 {
        let until = fixture.clock.now.advanced(byMicroseconds: 900_000_000)
        #expect(try await wins(names, each: 4, at: instances, until: until) == expected)
        // Long enough that the next round's claims forget rows that others claim.
        fixture.clock.advance(microseconds: 901_000_000 + Nonces.memoryMicroseconds)
      }
      let left = try fixture.database.psql("SELECT count(*) FROM ledger.nonce")
      #expect(left == "100")
    }
  }

  @Test func `a nonce taken before the server was killed stays taken`() async throws {
    try await withTestCluster { cluster in
      try await withStore(on: cluster) { fixture in
        let nonces = fixture.services.nonces
        let until = fixture.clock.now.advanced(byMicroseconds: 900_000_000)
        var taken: [String] = []
        for round in 0..<20 {
          #expect(try await nonces.claim("n\(round)", of: "AK", in: named("demo"), until: until))
          taken.append("n\(round)")
        }
        kill(try #require(cluster.processID), SIGKILL)
        let deadline = ContinuousClock.now + .seconds(30)
        for name in taken {
          while true {
            do {
              #expect(
                try await !nonces.claim(name, of: "AK", in: named("demo"), until: until))
              break
            } catch StoreError.unavailable where ContinuousClock.now < deadline {
              try await Task.sleep(for: .milliseconds(50))
            }
          }
        }
      }
    }
  }

  @Test func `a row holds a digest, and who only looks sees none`() async throws {
    try await withStore { fixture in
      let until = fixture.clock.now.advanced(byMicroseconds: 900_000_000)
      _ = try await fixture.services.nonces.claim(
        "a nonce in the clear", of: "AK", in: named("demo"), until: until)
      let row = try fixture.database.psql("SELECT nonce::text FROM ledger.nonce")
      #expect(row.contains("demo,AK,"))
      #expect(!row.contains("clear"))
      for (role, right, isThere) in [
        ("stageledger_writer", "SELECT, INSERT, UPDATE, DELETE", "t"),
        ("stageledger_writer", "TRUNCATE", "f"), ("stageledger_auditor", "SELECT", "f"),
      ] {
        let answer = try fixture.database.psql(
          "SELECT has_table_privilege('\(role)', 'ledger.nonce', '\(right)')")
        #expect(answer == isThere, "\(right) of \(role)")
      }
    }
  }
}
