// Timers: order, cancellation, many at once.

import EventLoop
import Synchronization
import Testing

@Suite struct LoopTimerTests {
  @Test func `timers fire by deadline and then by the order of making`() async throws {
    try await withLoop { loop in
      let fired = Mutex<[Int]>([])
      await withCheckedContinuation { continuation in
        loop.execute {
          let base = loop.now.advanced(by: .milliseconds(5))
          for (label, delay) in [(3, 2), (1, 0), (4, 2), (2, 1), (5, 2)] {
            loop.schedule(at: base.advanced(by: .milliseconds(delay))) {
              fired.withLock { $0.append(label) }
              if label == 5 { continuation.resume() }
            }
          }
        }
      }
      #expect(fired.withLock { $0 } == [1, 2, 3, 4, 5])
    }
  }

  @Test func `a cancelled timer never fires and the others do`() async throws {
    let seed = UInt64.random(in: .min ... .max)
    print("seed \(seed)")
    try await withLoop { loop in
      let fired = Mutex<[Int]>([])
      let kept = await withCheckedContinuation { continuation in
        loop.execute {
          var generator = SplitMix(state: seed)
          var timers: [(label: Int, delay: Int, timer: LoopTimer)] = []
          for label in 0..<300 {
            let delay = Int.random(in: 0...2000, using: &generator)
            let deadline = loop.now.advanced(by: .microseconds(5000 + delay))
            let timer = loop.schedule(at: deadline) { fired.withLock { $0.append(label) } }
            timers.append((label, delay, timer))
          }
          var kept: [(label: Int, delay: Int)] = []
          for entry in timers.shuffled(using: &generator) {
            if Bool.random(using: &generator) {
              entry.timer.cancel()
              entry.timer.cancel()
            } else {
              kept.append((entry.label, entry.delay))
            }
          }
          let order = kept.sorted { ($0.delay, $0.label) < ($1.delay, $1.label) }.map(\.label)
          loop.schedule(at: loop.now.advanced(by: .milliseconds(20))) {
            continuation.resume(returning: order)
          }
        }
      }
      #expect(fired.withLock { $0 } == kept)
    }
  }

  @Test func `a timer cancelled by one due in the same turn does not fire`() async throws {
    try await withLoop { loop in
      await withCheckedContinuation { continuation in
        loop.execute {
          let deadline = loop.now.advanced(by: .milliseconds(1))
          var second: LoopTimer?
          loop.schedule(at: deadline) { second?.cancel() }
          second = loop.schedule(at: deadline) { Issue.record("fired after cancel") }
          loop.schedule(at: deadline.advanced(by: .milliseconds(2))) { continuation.resume() }
        }
      }
    }
  }
}

/// A small generator with a seed, for tests that can be replayed.
struct SplitMix: RandomNumberGenerator {
  var state: UInt64
  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var mixed = state
    mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
    return mixed ^ (mixed >> 31)
  }
}
