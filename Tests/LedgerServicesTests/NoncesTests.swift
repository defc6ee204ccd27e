// Nonces: one use each, who waits for whom, and what a failure means for those who wait.

import Ledger
import LedgerServices
import Synchronization
import TestLiterals
import TestSupport
import Testing

@Suite struct NoncesTests {
  typealias Verdict = Result<Bool, StoreError>

  /// Nonces over a memory store behind a gate.
  private struct Bench {
    let memory = MemoryStore()
    let gate: Gate
    let time = ManualClock()
    let nonces: Nonces

    init() {
      gate = Gate(memory)
      nonces = Nonces(store: gate, clock: time.clock)
    }

    /// The end of a lifetime that begins so many microseconds from now.
    func end(from distance: Int64 = 0) -> Instant {
      time.now.advanced(byMicroseconds: distance + Nonces.lifetimeMicroseconds)
    }

    func claim(
      _ nonce: String, of accessKey: String = "AK", in project: ProjectID = "p1"
    ) async -> Verdict {
      do throws(StoreError) {
        return .success(
          try await nonces.claim(nonce, of: accessKey, in: project, until: end()))
      } catch { return .failure(error) }
    }

    /// Claims a nonce nobody holds up.
    func claimFreely(_ nonce: String) async -> Verdict {
      let task = Task { await claim(nonce) }
      await gate.letGo()
      return await task.value
    }

    /// Starts a claim that finds its line free, and waits until it is at the gate.
    func lead(_ nonce: String, in project: ProjectID = "p1") async -> Task<Verdict, Never> {
      let before = gate.waiting
      let task = Task { await claim(nonce, in: project) }
      while gate.waiting == before { await Task.yield() }
      return task
    }

    /// Starts claims and waits until they stand in line.
    func enqueue(_ nonces: [String]) async -> [Task<Verdict, Never>] {
      var tasks: [Task<Verdict, Never>] = []
      for nonce in nonces {
        let before = await self.nonces.waitingCount
        tasks.append(Task { await claim(nonce) })
        while await self.nonces.waitingCount == before { await Task.yield() }
      }
      return tasks
    }
  }

  /// A nonce store whose every batch waits until the test lets it go.
  private final class Gate: NonceStore {
    private struct State: Sendable {
      var calls: [CheckedContinuation<StoreError?, Never>] = []
      var batches: [NonceBatch] = []
    }
    private let inner: MemoryStore
    private let state = Mutex(State())
    init(_ inner: MemoryStore) { self.inner = inner }
    var waiting: Int { state.withLock { $0.calls.count } }
    var batches: [NonceBatch] { state.withLock { $0.batches } }

    func claim(
      _ batch: NonceBatch, in project: ProjectID
    ) async throws(StoreError) -> Set<NonceKey> {
      let error = await withCheckedContinuation { call in
        state.withLock {
          $0.calls.append(call)
          $0.batches.append(batch)
        }
      }
      if let error { throw error }
      return try await inner.claim(batch, in: project)
    }

    func letGo(failing error: StoreError? = nil) async {
      while waiting == 0 { await Task.yield() }
      state.withLock { $0.calls.removeFirst() }.resume(returning: error)
    }
  }

  @Test func `a nonce is good once within its time`() async {
    let bench = Bench()
    #expect(await bench.claimFreely("n") == .success(true))
    #expect(await bench.claimFreely("n") == .success(false))
    bench.time.advance(microseconds: Nonces.lifetimeMicroseconds)
    #expect(await bench.claimFreely("n") == .success(false))
    bench.time.advance(microseconds: 1)
    #expect(await bench.claimFreely("n") == .success(true))
    #expect(await bench.claimFreely("n") == .success(false))
    #expect(bench.nonces.takenCount == 2)
    #expect(bench.nonces.refusedCount == 3)
  }

  @Test func `of those that come at once exactly one wins`() async {
    let bench = Bench()
    let first = await bench.lead("other")
    let eight = await bench.enqueue(Array(repeating: "n", count: 8))
    await bench.gate.letGo()
    await bench.gate.letGo()
    var verdicts: [Verdict] = []
    for task in eight { verdicts.append(await task.value) }
    #expect(await first.value == .success(true))
    #expect(verdicts == [.success(true)] + Array(repeating: .success(false), count: 7))
    #expect(bench.gate.batches.map(\.claims.count) == [1, 1])
  }

  @Test func `what comes meanwhile shares the next transaction`() async {
    let bench = Bench()
    let first = await bench.lead("a")
    let rest = await bench.enqueue(["b", "c", "d"])
    await bench.gate.letGo()
    await bench.gate.letGo()
    for task in [first] + rest { #expect(await task.value == .success(true)) }
    #expect(bench.gate.batches.map(\.claims.count) == [1, 3])
    #expect(await bench.nonces.waitingCount == 0)
  }

  @Test func `projects do not wait for each other`() async {
    let bench = Bench()
    let one = await bench.lead("n")
    let two = await bench.lead("n", in: "p2")
    await bench.gate.letGo()
    await bench.gate.letGo()
    #expect(await one.value == .success(true))
    #expect(await two.value == .success(true))
  }

  @Test func `a full line refuses and the line moves on`() async {
    let bench = Bench()
    let first = await bench.lead("first")
    let tasks = (0..<Nonces.waitingMax).map { index in Task { await bench.claim("n\(index)") } }
    while await bench.nonces.waitingCount < Nonces.waitingMax { await Task.yield() }
    guard case .failure(.unavailable) = await bench.claim("late") else {
      Issue.record("a full line took one more")
      return
    }
    for _ in 0..<(1 + Nonces.waitingMax / Nonces.batchMax) { await bench.gate.letGo() }
    for task in [first] + tasks { #expect(await task.value == .success(true)) }
    #expect(bench.gate.batches.map(\.claims.count).max() == Nonces.batchMax)
  }

  @Test func `who waited too long is not written`() async {
    let bench = Bench()
    let first = await bench.lead("a")
    let old = await bench.enqueue(["b"])
    bench.time.advance(microseconds: Nonces.waitMicroseconds)
    let young = await bench.enqueue(["b"])
    bench.time.advance(microseconds: 1)
    await bench.gate.letGo()
    await bench.gate.letGo()
    #expect(await first.value == .success(true))
    #expect(await old[0].value == .failure(.deadlineExceeded))
    #expect(await young[0].value == .success(true))
  }

  @Test func `waiting makes no nonce free`() async {
    let bench = Bench()
    #expect(await bench.claimFreely("n") == .success(true))
    bench.time.advance(microseconds: Nonces.lifetimeMicroseconds)
    let first = await bench.lead("other")
    let replay = await bench.enqueue(["n"])
    bench.time.advance(seconds: 2)
    await bench.gate.letGo()
    await bench.gate.letGo()
    #expect(await first.value == .success(true))
    #expect(await replay[0].value == .success(false))
  }

  @Test func `taking long between signature and claim makes no nonce free`() async throws {
    let bench = Bench()
    #expect(await bench.claimFreely("n") == .success(true))
    // Looked at in the last moment of the first, asked for two seconds later.
    bench.time.advance(microseconds: Nonces.lifetimeMicroseconds + 2_000_000)
    let until = bench.end(from: -2_000_000)
    let late = Task { try await bench.nonces.claim("n", of: "AK", in: "p1", until: until) }
    await bench.gate.letGo()
    #expect(try await !late.value)
    #expect(await bench.claimFreely("n") == .success(true))
  }

  @Test func `a request signed ahead of time makes no nonce free early`() async throws {
    let bench = Bench()
    #expect(await bench.claimFreely("n") == .success(true))
    bench.time.advance(seconds: 60)
    let until = bench.end(from: Nonces.lifetimeMicroseconds)
    let ahead = Task { try await bench.nonces.claim("n", of: "AK", in: "p1", until: until) }
    await bench.gate.letGo()
    #expect(try await !ahead.value)
  }

  @Test func `a dead database fails those who wait and takes nothing`() async {
    let bench = Bench()
    let first = await bench.lead("a")
    let rest = await bench.enqueue(["a", "b"])
    await bench.gate.letGo(failing: .deadlineExceeded)
    for task in [first] + rest { #expect(await task.value == .failure(.deadlineExceeded)) }
    #expect(await bench.claimFreely("a") == .success(true))
    #expect(bench.nonces.takenCount == 1)
  }

  @Test func `another failure is that of its batch alone`() async {
    let bench = Bench()
    let first = await bench.lead("a")
    let rest = await bench.enqueue(["b"])
    await bench.gate.letGo(failing: .corrupt("x"))
    await bench.gate.letGo()
    #expect(await first.value == .failure(.corrupt("x")))
    #expect(await rest[0].value == .success(true))
  }

  @Test func `what is long over is forgotten as more comes`() async {
    let bench = Bench()
    for index in 0..<10 { _ = await bench.claimFreely("n\(index)") }
    bench.time.advance(microseconds: Nonces.lifetimeMicroseconds + Nonces.memoryMicroseconds)
    _ = await bench.claimFreely("x")
    // The moment belongs to them still.
    #expect(bench.memory.nonceCount(of: "p1") == 11)
    bench.time.advance(microseconds: 1)
    for (index, left) in [10, 9, 8, 7, 6].enumerated() {
      _ = await bench.claimFreely("y\(index)")
      #expect(bench.memory.nonceCount(of: "p1") == left)
    }
  }
}
