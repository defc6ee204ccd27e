// The two byte streams of one connection, with deadlines: the only thing TLS would replace.
//
// Called by: `Connection`. Calls: `Sockets`, `EventLoop.watch`, `EventLoop.schedule`.
// Invariant: used on its loop only; at most one task waits at a time, and it is resumed exactly
// once, by readiness, by its deadline or by `close`.

import EventLoop

/// What a read brought.
enum StreamRead {
  /// This many bytes at the front of the loop's input.
  case bytes(Int)
  /// The client has ended its side, or is gone.
  case ended
  /// The deadline passed.
  case timedOut
}

/// How a write went.
enum StreamWrite {
  case done
  /// The client is gone or took too little in time.
  case failed
}

/// The place all connections of a loop read into, and the date they write.
///
/// One place is enough: bytes are copied out of it before anything else runs.
final class LoopScratch {
  var input = [UInt8](repeating: 0, count: 32_768)
  var date = CachedDate()
}

/// A connected socket on a loop.
final class ByteStream {
  private enum Outcome: Sendable {
    case ready
    case timedOut
    case closed
  }

  /// How many bytes must go out within one write time-out.
  private static let progressBytes = 65_536

  private let descriptor: Int32
  private let loop: EventLoop
  private let scratch: LoopScratch
  private var watch: Watch?
  private var timer: LoopTimer?
  private var deadline: ContinuousClock.Instant
  private var waiter: CheckedContinuation<Outcome, Never>?
  private var isOpen = true
  private var hasHungUp = false

  /// The address of the other end, without its port; nil when it is gone already.
  let peer: String?

  /// Takes over an accepted descriptor.
  init(_ descriptor: Int32, loop: EventLoop, scratch: LoopScratch) {
    self.descriptor = descriptor
    self.loop = loop
    self.scratch = scratch
    deadline = loop.now
    // A peer that is gone already has no address; its first read ends the connection.
    peer = (try? Sockets.peerAddress(descriptor))?.host
    watch = loop.watch(descriptor, for: .readable) { [unowned self] readiness in
      self.handle(readiness)
    }
  }

  /// Waits until bytes are there and reads them into the loop's input.
  func read(until deadline: ContinuousClock.Instant) async -> StreamRead {
    while isOpen {
      switch await wait(for: .readable, until: deadline) {
      case .timedOut: return .timedOut
      case .closed: return .ended
      case .ready: break
      }
      do throws(SystemError) {
        switch try Sockets.receive(descriptor, into: &scratch.input) {
        case .bytes(let count): return .bytes(count)
        case .ended: return .ended
        case .wouldBlock: continue
        }
      } catch {
        return .ended
      }
    }
    return .ended
  }

  /// Writes what goes out without waiting and returns how many bytes that were; nil on failure.
  func writeNow(_ bytes: [UInt8]) -> Int? {
    guard isOpen else { return nil }
    do throws(SystemError) {
      return try Sockets.send(descriptor, bytes, from: 0)
    } catch {
      return nil
    }
  }

  /// Writes all bytes from `start` on; each 64 KiB have `timeout` to go out.
  func write(
    _ bytes: [UInt8], from start: Int = 0, within timeout: Duration
  ) async -> StreamWrite {
    var sent = start
    var mark = start + Self.progressBytes
    var deadline: ContinuousClock.Instant?
    while isOpen {
      do throws(SystemError) {
        sent += try Sockets.send(descriptor, bytes, from: sent)
      } catch {
        return .failed
      }
      guard sent < bytes.count else { return .done }
      if sent >= mark {
        mark = sent + Self.progressBytes
        deadline = nil
      }
      let limit = deadline ?? loop.now.advanced(by: timeout)
      deadline = limit
      switch await wait(for: .writable, until: limit) {
      case .ready: break
      case .timedOut, .closed: return .failed
      }
    }
    return .failed
  }

  /// Ends the writing side, drops what still comes for up to `timeout`, and closes.
  ///
  /// Without it, bytes that lie unread when the socket closes make the kernel send a reset, which
  /// can take the answer away from the client.
  func closeLingering(for timeout: Duration) async {
    guard isOpen else { return }
    Sockets.shutdownWriting(descriptor)
    let deadline = loop.now.advanced(by: timeout)
    while case .bytes = await read(until: deadline), loop.now < deadline {}
    close()
  }

  /// Closes at once and lets whoever waits go on.
  func close() {
    guard release() else { return }
    Sockets.close(descriptor)
  }

  /// Closes at once so that the client sees a failure and not an end.
  func reset() {
    guard release() else { return }
    Sockets.reset(descriptor)
  }

  /// Gives up everything but the descriptor; false where that was done before.
  private func release() -> Bool {
    guard isOpen else { return false }
    isOpen = false
    watch?.cancel()
    timer?.cancel()
    timer = nil
    resume(.closed)
    return true
  }

  // MARK: Waiting

  private func wait(
    for interest: Interest, until deadline: ContinuousClock.Instant
  ) async -> Outcome {
    guard isOpen else { return .closed }
    // After a hang-up there is no watch: the next call on the socket tells what happened.
    guard !hasHungUp else { return .ready }
    precondition(waiter == nil, "two tasks wait for descriptor \(descriptor)")
    watch?.update(interest)
    arm(deadline)
    return await withCheckedContinuation { waiter = $0 }
  }

  /// Moves the deadline of whoever waits forward.
  func hasten(to deadline: ContinuousClock.Instant) {
    guard waiter != nil, deadline < self.deadline else { return }
    arm(deadline)
  }

  /// Makes sure a timer goes off at or before the deadline; an earlier one arms itself again.
  private func arm(_ deadline: ContinuousClock.Instant) {
    self.deadline = deadline
    if let timer {
      guard timer.deadline > deadline else { return }
      timer.cancel()
    }
    timer = loop.schedule(at: deadline) { [unowned self] in self.timerFired() }
  }

  private func timerFired() {
    timer = nil
    guard waiter != nil else { return }
    guard loop.now >= deadline else {
      arm(deadline)
      return
    }
    resume(.timedOut)
  }

  private func handle(_ readiness: Readiness) {
    if readiness.contains(.hangUp) || readiness.contains(.error) {
      // These cannot be withdrawn and would be told again in each turn.
      hasHungUp = true
      watch?.cancel()
    } else if waiter == nil {
      watch?.update([])
    }
    resume(.ready)
  }

  private func resume(_ outcome: Outcome) {
    guard let waiter else { return }
    self.waiter = nil
    waiter.resume(returning: outcome)
  }
}
