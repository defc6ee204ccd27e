// AccessLog: what was noted is written, once, also when the database was away meanwhile.

import Ledger
import LedgerServices
import Synchronization
import TestLiterals
import TestSupport
import Testing

@Suite struct AccessLogTests {
  /// A log over a store that keeps how it was called.
  private struct Bench {
    let memory = MemoryStore()
    let store: Recorder
    let log: AccessLog

    init() {
      store = Recorder(memory)
      log = AccessLog(store: store)
    }

    func note(_ secret: SecretName, of project: ProjectID = "p1", at time: Int64 = 1) {
      log.note(
        AccessTallyTests.read(secret, of: project), requestID: "\(secret)\(time)",
        at: second(time))
    }

    func rows(of project: ProjectID? = "p1") async throws -> [AccessRow] {
      try await memory.accesses(
        of: project, after: AccessMark(lastAt: second(0), requestID: ""), limit: 100_000)
    }
  }

  /// A store that remembers its batches, and loses the answer to those it is told to.
  private final class Recorder: AccessStore {
    private let inner: MemoryStore
    private let calls = Mutex<(batches: [Int], losses: Int)>(([], 0))
    init(_ inner: MemoryStore) { self.inner = inner }
    var batches: [Int] { calls.withLock { $0.batches } }

    /// Makes the next write happen and be reported as failed.
    func loseNextAnswer() { calls.withLock { $0.losses += 1 } }

    func add(_ rows: [AccessRow], to project: ProjectID?) async throws(StoreError) {
      let isLost = calls.withLock { calls in
        calls.batches.append(rows.count)
        defer { calls.losses = max(0, calls.losses - 1) }
        return calls.losses > 0
      }
      try await inner.add(rows, to: project)
      if isLost { throw .unavailable(reason: "lost") }
    }

    func accesses(
      of project: ProjectID?, after: AccessMark, limit: Int
    ) async throws(StoreError) -> [AccessRow] {
      try await inner.accesses(of: project, after: after, limit: limit)
    }
  }

  @Test func `a flush writes what gathered, in transactions of one project`() async throws {
    let bench = Bench()
    try await bench.log.flush()
    #expect(bench.store.batches == [])
    for _ in 0..<100 { bench.note("a") }
    bench.note("b")
    bench.note("a", of: "p2")
    bench.log.note(AccessTallyTests.stranger(nil), requestID: "s", at: second(1))
    try await bench.log.flush()
    #expect(bench.store.batches.sorted() == [1, 1, 2])
    #expect(try await bench.rows().map(\.count) == [100, 1])
    #expect(try await bench.rows(of: "p2").count == 1)
    #expect(try await bench.rows(of: nil).map(\.requestID) == ["s"])
    try await bench.log.flush()
    #expect(bench.store.batches.count == 3)
  }

  @Test func `a transaction has a bound`() async throws {
    let bench = Bench()
    for index in 0..<2_500 { bench.note(named("s\(index)")) }
    try await bench.log.flush()
    #expect(bench.store.batches == [AccessLog.batchMax, AccessLog.batchMax, 500])
    #expect(try await bench.rows().count == 2_500)
  }

  @Test func `while the database is away rows wait and grow together`() async throws {
    let bench = Bench()
    bench.note("a", at: 1)
    for _ in 0..<3 {
      bench.memory.failNext(with: .unavailable(reason: "away"))
      await #expect(throws: StoreError.unavailable(reason: "away")) {
        try await bench.log.flush()
      }
      bench.note("a", at: 2)
      bench.note("b", at: 3)
    }
    try await bench.log.flush()
    #expect(try await bench.rows().map(\.count) == [1, 3, 3])
    #expect(bench.log.droppedCount == 0)
  }

  @Test func `a write of which nothing is known is made again and is there once`() async throws {
    let bench = Bench()
    bench.note("a")
    bench.store.loseNextAnswer()
    await #expect(throws: StoreError.unavailable(reason: "lost")) { try await bench.log.flush() }
    bench.note("a", at: 2)
    try await bench.log.flush()
    #expect(try await bench.rows().map(\.count) == [1, 1])
  }

  @Test func `rows the database will not have do not hold up the others`() async throws {
    let bench = Bench()
    for _ in 0..<5 { bench.note("a") }
    bench.note("a", of: "p2")
    bench.memory.failNext(with: .corrupt("x"))
    try await bench.log.flush()
    #expect(bench.log.droppedCount == 5)
    #expect(try await bench.rows() == [])
    #expect(try await bench.rows(of: "p2").count == 1)
  }

  @Test func `memory is bounded while the database is away`() async throws {
    let bench = Bench()
    for round in 0..<3 {
      for index in 0..<(AccessLog.rowsMax + 10) { bench.note(named("s\(round).\(index)")) }
      bench.memory.failNext(with: .deadlineExceeded)
      await #expect(throws: StoreError.deadlineExceeded) { try await bench.log.flush() }
    }
    // One load waits to be written, one has gathered behind it.
    #expect(bench.log.droppedCount == Int64(AccessLog.rowsMax + 30))
    try await bench.log.flush()
    #expect(try await bench.rows().count == 2 * AccessLog.rowsMax)
  }

  @Test func `notes from many at once are all counted`() async throws {
    let bench = Bench()
    let log = bench.log
    await withTaskGroup(of: Void.self) { group in
      for task in 0..<8 {
        group.addTask {
          for index in 0..<500 {
            log.note(
              AccessTallyTests.read(named("s\(index % 10)")), requestID: "\(task).\(index)",
              at: second(1))
          }
        }
      }
      for _ in 0..<20 { group.addTask { try? await log.flush() } }
    }
    try await log.flush()
    #expect(try await bench.rows().map(\.count).reduce(0, +) == 4_000)
  }
}
