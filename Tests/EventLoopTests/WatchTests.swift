// Watches over real descriptors.

import EventLoop
import Glibc
import Synchronization
import Testing

/// Two connected descriptors that do not block.
func socketPair() -> (Int32, Int32) {
  var pair: [Int32] = [0, 0]
  let kind = Int32(SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue)
  precondition(socketpair(AF_UNIX, kind, 0, &pair) == 0)
  return (pair[0], pair[1])
}

@Suite struct WatchTests {
  @Test func `a readable descriptor calls its handler until it is read`() async throws {
    try await withLoop { loop in
      let (near, far) = socketPair()
      let calls = Mutex(0)
      await withCheckedContinuation { continuation in
        loop.execute {
          var watch: Watch?
          watch = loop.watch(near, for: .readable) { readiness in
            #expect(readiness.contains(.readable))
            #expect(loop.isCurrent)
            let count = calls.withLock { calls in
              calls += 1
              return calls
            }
            guard count == 3 else { return }
            watch?.cancel()
            continuation.resume()
          }
          _ = write(far, "x", 1)
        }
      }
      #expect(calls.withLock { $0 } == 3)
      close(near)
      close(far)
    }
  }

  @Test func `withdrawn interest silences a watch and renewed interest wakes it`() async throws {
    try await withLoop { loop in
      let (near, far) = socketPair()
      let calls = Mutex(0)
      await withCheckedContinuation { continuation in
        loop.execute {
          let watch = loop.watch(near, for: []) { _ in calls.withLock { $0 += 1 } }
          _ = write(far, "x", 1)
          loop.schedule(at: loop.now.advanced(by: .milliseconds(5))) {
            #expect(calls.withLock { $0 } == 0)
            watch.update(.writable)
            loop.schedule(at: loop.now.advanced(by: .milliseconds(5))) {
              #expect(calls.withLock { $0 } > 0)
              watch.cancel()
              continuation.resume()
            }
          }
        }
      }
      close(near)
      close(far)
    }
  }

  @Test func `a watch cancelled inside a batch hears nothing of the rest of it`() async throws {
    try await withLoop { loop in
      let pairs = (0..<8).map { _ in socketPair() }
      let called = Mutex<[Int]>([])
      await withCheckedContinuation { continuation in
        loop.execute {
          var watches: [Watch] = []
          for (index, pair) in pairs.enumerated() {
            watches.append(
              loop.watch(pair.0, for: .readable) { _ in
                called.withLock { $0.append(index) }
                for watch in watches { watch.cancel() }
                // The same numbers, watched anew inside the batch, are other watches.
                for (_, far) in pairs { _ = loop.watch(far, for: []) { _ in } }
                continuation.resume()
              })
          }
          for (_, far) in pairs { _ = write(far, "x", 1) }
        }
      }
      await loop.sleep(for: .milliseconds(5))
      #expect(called.withLock { $0 }.count == 1)
      for (near, far) in pairs {
        close(near)
        close(far)
      }
    }
  }

  @Test func `what a handler holds lives until its own call returns`() async throws {
    final class Canary: Sendable {
      let isGone: @Sendable () -> Void
      init(_ isGone: @escaping @Sendable () -> Void) { self.isGone = isGone }
      deinit { isGone() }
    }
    try await withLoop { loop in
      let (near, far) = socketPair()
      let events = Mutex<[String]>([])
      await withCheckedContinuation { continuation in
        loop.execute {
          let canary = Canary {
            events.withLock { $0.append("gone") }
            continuation.resume()
          }
          var watch: Watch?
          watch = loop.watch(near, for: .readable) { _ in
            _ = canary
            watch?.cancel()
            watch = nil
            loop.atEndOfTurn { events.withLock { $0.append("end of turn") } }
          }
          _ = write(far, "x", 1)
        }
      }
      #expect(events.withLock { $0 } == ["end of turn", "gone"])
      close(near)
      close(far)
    }
  }

  @Test func `a peer that closes is told as such`() async throws {
    try await withLoop { loop in
      let (near, far) = socketPair()
      await withCheckedContinuation { continuation in
        loop.execute {
          var watch: Watch?
          watch = loop.watch(near, for: .readable) { readiness in
            #expect(readiness.contains(.peerClosed))
            #expect(readiness.contains(.hangUp))
            watch?.cancel()
            continuation.resume()
          }
          close(far)
        }
      }
      close(near)
    }
  }

  @Test func `a descriptor the system cannot watch reports an error once`() async throws {
    try await withLoop { loop in
      let file = open("/etc/passwd", O_RDONLY)
      await withCheckedContinuation { continuation in
        loop.execute {
          _ = loop.watch(file, for: .readable) { readiness in
            #expect(readiness == .error)
            continuation.resume()
          }
        }
      }
      close(file)
    }
  }
}
