// Keys of one turn become one call, each with its own answer.

import EventLoop
import PostgresClient
import Synchronization
import TestSupport
import Testing

@Suite(.inTurn) struct GathererTests {
  private final class Calls: Sendable {
    let sizes = Mutex<[Int]>([])
  }

  @Test(arguments: [1, 7, 100, 1_000])
  func `keys asked for in one turn are one call of up to the limit`(_ limit: Int) async throws {
    try await withLoop { loop async throws in
      let calls = Calls()
      let gatherer = Gatherer<Int, Int>(loop: loop, limit: limit) { keys in
        calls.sizes.withLock { $0.append(keys.count) }
        return keys.map { .success($0 * 2) }
      }
      try await withThrowingTaskGroup(of: (Int, Int).self) { group in
        // Asked for from tasks of the loop that are all queued before it runs the first.
        await onLoop(loop) {
          for key in 0..<300 {
            group.addTask(executorPreference: loop) { (key, try await gatherer.get(key)) }
          }
        }
        for try await (key, value) in group { #expect(value == key * 2) }
      }
      let sizes = calls.sizes.withLock { $0 }
      #expect(sizes.reduce(0, +) == 300)
      #expect(sizes.allSatisfy { $0 <= limit })
      #expect(sizes.count <= 300 / min(limit, 300) + 2, "\(sizes)")
    }
  }

  @Test func `what is asked for while calls are under way goes with the next one`() async throws {
    try await withLoop { loop async throws in
      let calls = Calls()
      let gate = Mutex<[CheckedContinuation<Void, Never>]>([])
      let gatherer = Gatherer<Int, Int>(loop: loop, limit: 100, callsMax: 2) { keys in
        calls.sizes.withLock { $0.append(keys.count) }
        if keys[0] < 2 {
          await withCheckedContinuation { held in gate.withLock { $0.append(held) } }
        }
        return keys.map { .success($0 * 2) }
      }
      try await withThrowingTaskGroup(of: (Int, Int).self) { group in
        for key in 0..<2 {
          group.addTask(executorPreference: loop) { (key, try await gatherer.get(key)) }
          while gate.withLock({ $0.count }) <= key { await Task.yield() }
        }
        // Two calls are under way, so all of these wait, whatever the turns they ask in.
        for key in 2..<50 {
          group.addTask(executorPreference: loop) { (key, try await gatherer.get(key)) }
          await onLoop(loop) {}
        }
        await onLoop(loop) {}
        #expect(calls.sizes.withLock { $0 } == [1, 1])
        for held in gate.withLock({ $0 }) { held.resume() }
        for try await (key, value) in group { #expect(value == key * 2) }
      }
      #expect(calls.sizes.withLock { $0 } == [1, 1, 48])
    }
  }

  @Test func `one key's error is its own, and answers that are missing are an error`() async throws
  {
    try await withLoop { loop async throws in
      let gatherer = Gatherer<Int, Int>(loop: loop, limit: 100) { keys in
        keys.prefix(3).map {
          $0 == 1 ? .failure(.unavailable(reason: "one")) : .success($0)
        }
      }
      let results = await withTaskGroup(of: (Int, Result<Int, PostgresError>).self) { group in
        await onLoop(loop) {
          for key in 0..<4 {
            group.addTask(executorPreference: loop) {
              (key, await outcome { () async throws(PostgresError) in try await gatherer.get(key) })
            }
          }
        }
        return await group.reduce(into: [:]) { $0[$1.0] = $1.1 }
      }
      #expect(results[0] == .success(0))
      #expect(results[1] == .failure(.unavailable(reason: "one")))
      #expect(results[2] == .success(2))
      #expect(results[3] == .failure(.protocolViolation("3 answers to 4 keys")))
    }
  }

  @Test func `gathered reads go through a pool`() async throws {
    let database = try await TestDatabase.fresh(label: "gather")
    let many = Statement<[Int64?], Int64>(
      name: "many",
      sql: "SELECT k * 10 FROM unnest($1::bigint[]) WITH ORDINALITY u(k, n) ORDER BY n",
      types: [.int8Array], bind: { keys, writer in writer.int8Array(keys) },
      decode: { row throws(PostgresError) in try row.int8() })
    try await withLoop { loop async throws in
      let pool = PostgresPool(
        configuration: PostgresConfiguration(url: database.url, statements: [many.erased]),
        loop: loop)
      pool.start()
      let gatherer = Gatherer<Int64, Int64>(loop: loop, limit: 256) { keys in
        do throws(PostgresError) {
          return try await pool.query(many, keys, deadline: soon).map { .success($0) }
        } catch {
          return keys.map { _ in .failure(error) }
        }
      }
      try await withThrowingTaskGroup(of: (Int64, Int64).self) { group in
        for key in 0..<2_000 as Range<Int64> {
          group.addTask(executorPreference: loop) { (key, try await gatherer.get(key)) }
        }
        for try await (key, value) in group { #expect(value == key * 10) }
      }
      await pool.close()
    }
  }

  /// Runs `body` on the loop, within one of its turns.
  private func onLoop(_ loop: EventLoop, _ body: () -> Void) async {
    await withTaskExecutorPreference(loop) { body() }
  }
}
