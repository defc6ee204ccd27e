// The loop as an executor, a clock and a watcher of descriptors.

import EventLoop
import Glibc
import Synchronization
import Testing

/// Runs `body` with a started loop, which is stopped and joined afterwards.
func withLoop<R: Sendable>(_ body: @Sendable (EventLoop) async throws -> R) async throws -> R {
  let loop = try EventLoop(name: "test-loop")
  loop.start()
  let result: Result<R, any Error>
  do {
    result = .success(try await body(loop))
  } catch {
    result = .failure(error)
  }
  loop.stop()
  loop.join()
  return try result.get()
}

/// Runs `body` on the loop in a task that prefers it.
func onLoop<R: Sendable>(
  _ loop: EventLoop, _ body: @escaping @Sendable () async throws -> R
) async throws -> R {
  try await Task(executorPreference: loop) { try await body() }.value
}

private actor Counter {
  private(set) var value = 0
  func increment(on loop: EventLoop) -> Bool {
    value += 1
    return loop.isCurrent
  }
}

private actor Bound {
  let loop: EventLoop
  init(_ loop: EventLoop) { self.loop = loop }
  nonisolated var unownedExecutor: UnownedSerialExecutor { loop.asUnownedSerialExecutor() }
  func isOnLoop() -> Bool { loop.isCurrent }
}

private func plainAsync(_ loop: EventLoop) async -> Bool { loop.isCurrent }

@concurrent private func concurrent(_ loop: EventLoop) async -> Bool { loop.isCurrent }

@Suite struct EventLoopTests {
  @Test func `the caller is not on the loop`() async throws {
    try await withLoop { loop in #expect(!loop.isCurrent) }
  }

  @Test func `async code with the preference stays on the loop's thread`() async throws {
    try await withLoop { loop in
      let seen = try await onLoop(loop) {
        var seen = [loop.isCurrent]
        seen.append(await plainAsync(loop))
        seen.append(await concurrent(loop))
        seen.append(loop.isCurrent)
        return seen
      }
      #expect(seen == [true, true, true, true])
    }
  }

  @Test func `default actors run on the loop of their caller`() async throws {
    try await withLoop { loop in
      let counter = Counter()
      let seen = try await onLoop(loop) {
        var seen: [Bool] = []
        for _ in 0..<10 {
          seen.append(await counter.increment(on: loop))
          seen.append(loop.isCurrent)
        }
        return seen
      }
      #expect(seen.allSatisfy { $0 })
      #expect(await counter.value == 10)
    }
  }

  @Test func `an actor can have the loop as its executor`() async throws {
    try await withLoop { loop in #expect(await Bound(loop).isOnLoop()) }
  }

  @Test func `child tasks stay on the loop's thread`() async throws {
    try await withLoop { loop in
      let seen = try await onLoop(loop) {
        async let first = plainAsync(loop)
        async let second = concurrent(loop)
        var seen = await [first, second]
        await withTaskGroup(of: Bool.self) { group in
          for _ in 0..<5 { group.addTask { await concurrent(loop) } }
          for await isCurrent in group { seen.append(isCurrent) }
        }
        return seen
      }
      #expect(seen == Array(repeating: true, count: 7))
    }
  }

  @Test func `a continuation resumed elsewhere comes back to the loop`() async throws {
    try await withLoop { loop in
      let other = try EventLoop(name: "other")
      other.start()
      let seen = try await onLoop(loop) {
        await withCheckedContinuation { continuation in
          other.execute { continuation.resume() }
        }
        return loop.isCurrent
      }
      other.stop()
      other.join()
      #expect(seen)
    }
  }

  @Test func `code after a sleep is on the loop's thread and not early`() async throws {
    try await withLoop { loop in
      let (isCurrent, slept) = try await onLoop(loop) {
        let start = ContinuousClock.now
        await loop.sleep(for: .milliseconds(20))
        return (loop.isCurrent, ContinuousClock.now - start)
      }
      #expect(isCurrent)
      #expect(slept >= .milliseconds(19))
    }
  }

  @Test func `a sleep from outside the loop ends`() async throws {
    try await withLoop { loop in await loop.sleep(for: .milliseconds(5)) }
  }

  @Test func `a cancelled sleep ends at once`() async throws {
    try await withLoop { loop in
      let task = Task(executorPreference: loop) { await loop.sleep(for: .seconds(3600)) }
      task.cancel()
      await task.value
      let outside = Task { await loop.sleep(for: .seconds(3600)) }
      outside.cancel()
      await outside.value
    }
  }

  @Test func `actions from many threads all run on the loop`() async throws {
    try await withLoop { loop in
      let onLoopCount = await withTaskGroup(of: Int.self) { group in
        for _ in 0..<8 {
          group.addTask {
            var count = 0
            for _ in 0..<500 {
              let isCurrent = await withCheckedContinuation { continuation in
                loop.execute { continuation.resume(returning: loop.isCurrent) }
              }
              count += isCurrent ? 1 : 0
            }
            return count
          }
        }
        return await group.reduce(0, +)
      }
      #expect(onLoopCount == 4000)
    }
  }

  @Test func `the end of the turn comes after the jobs it was queued among`() async throws {
    try await withLoop { loop in
      let order = Mutex<[String]>([])
      await withCheckedContinuation { continuation in
        loop.execute {
          loop.atEndOfTurn {
            order.withLock { $0.append("end") }
            loop.execute { order.withLock { $0.append("late job") } }
            loop.atEndOfTurn {
              order.withLock { $0.append("late end") }
              continuation.resume()
            }
          }
          loop.execute {
            order.withLock { $0.append("job") }
            loop.execute { order.withLock { $0.append("nested job") } }
          }
        }
      }
      #expect(
        order.withLock { $0 } == ["job", "nested job", "end", "late job", "late end"]
          || order.withLock { $0 } == ["job", "nested job", "end", "late end", "late job"])
    }
  }

  @Test func `work that never ends does not keep timers from firing`() async throws {
    try await withLoop { loop in
      let isDone = Mutex(false)
      await withCheckedContinuation { continuation in
        loop.execute {
          @Sendable func again() {
            loop.execute { if !isDone.withLock({ $0 }) { again() } }
          }
          again()
          loop.schedule(at: loop.now.advanced(by: .milliseconds(2))) {
            isDone.withLock { $0 = true }
            continuation.resume()
          }
        }
      }
    }
  }

  @Test func `work queued before the start runs after it`() async throws {
    let loop = try EventLoop(name: "late")
    await withCheckedContinuation { continuation in
      loop.execute { continuation.resume() }
      loop.start()
    }
    loop.stop()
    loop.join()
  }

  @Test func `a stopped loop joins and runs nothing more`() throws {
    let loop = try EventLoop(name: "short")
    loop.start()
    loop.start()
    loop.stop()
    loop.join()
    loop.join()
    loop.execute { Issue.record("ran after the end") }
    #expect(!loop.isCurrent)
  }
}
