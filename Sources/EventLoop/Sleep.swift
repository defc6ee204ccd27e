// Waiting for a time without a thread: the loop's timers as an async call.
//
// Called by: tasks, in place of `Task.sleep`, which would start threads of its own.
// Calls: `EventLoop.schedule` and `execute`.
// Invariant: the continuation is resumed exactly once, by the timer or by cancellation.

extension EventLoop {
  /// Returns at `deadline`, or as soon as the calling task is cancelled; from any task.
  ///
  /// A task that prefers this loop is on the loop's thread again afterwards.
  public func sleep(until deadline: ContinuousClock.Instant) async {
    let sleeper = Sleeper()
    await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        if isCurrent {
          sleeper.begin(on: self, until: deadline, continuation)
        } else {
          execute { sleeper.begin(on: self, until: deadline, continuation) }
        }
      }
    } onCancel: {
      execute { sleeper.end() }
    }
  }

  /// Returns after `duration`, or as soon as the calling task is cancelled; from any task.
  public func sleep(for duration: Duration) async {
    await sleep(until: now.advanced(by: duration))
  }
}

/// The state of one sleep.
///
/// `@unchecked Sendable`: made by the sleeping task and from then on touched only on the loop.
private final class Sleeper: @unchecked Sendable {
  private var continuation: CheckedContinuation<Void, Never>?
  private var timer: LoopTimer?
  private var hasEnded = false

  func begin(
    on loop: EventLoop, until deadline: ContinuousClock.Instant,
    _ continuation: CheckedContinuation<Void, Never>
  ) {
    guard !hasEnded else {
      continuation.resume()
      return
    }
    self.continuation = continuation
    timer = loop.schedule(at: deadline) { self.end() }
  }

  func end() {
    hasEnded = true
    timer?.cancel()
    timer = nil
    continuation?.resume()
    continuation = nil
  }
}
