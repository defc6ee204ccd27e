// The listening side of a loop.
//
// Called by: `LoopServer`. Calls: `Sockets.accept`, `EventLoop.watch`.
// Invariant: used on its loop only; connections the kernel holds when the listener closes are
// still handed out, so none that was made is lost.

import EventLoop

/// A listening socket that hands out connections one at a time.
final class Acceptor {
  private static let acceptedPerEventMax = 64
  /// How long accepting rests when the process has no descriptor left.
  private static let restTime: Duration = .milliseconds(50)

  private let listener: Int32
  private let loop: EventLoop
  private var watch: Watch?
  private var timer: LoopTimer?
  private var accepted: [Int32] = []
  private var waiter: CheckedContinuation<Void, Never>?
  private var isClosed = false

  init(_ listener: Int32, loop: EventLoop) {
    self.listener = listener
    self.loop = loop
    watch = loop.watch(listener, for: .readable) { [unowned self] _ in
      self.accept(countMax: Self.acceptedPerEventMax)
    }
  }

  /// The next connection, or nil once the listener is closed and none is left.
  func next() async -> Int32? {
    while accepted.isEmpty {
      guard !isClosed else { return nil }
      await withCheckedContinuation { waiter = $0 }
    }
    return accepted.removeFirst()
  }

  /// Takes what the kernel still holds and listens no more.
  func close() {
    guard !isClosed else { return }
    accept(countMax: .max)
    isClosed = true
    watch?.cancel()
    timer?.cancel()
    Sockets.close(listener)
    resume()
  }

  private func accept(countMax: Int) {
    do throws(SystemError) {
      var count = 0
      while count < countMax, let descriptor = try Sockets.accept(listener) {
        accepted.append(descriptor)
        count += 1
      }
    } catch {
      rest()
    }
    if !accepted.isEmpty { resume() }
  }

  /// Looks away for a while: a full descriptor table would otherwise be told in each turn.
  private func rest() {
    watch?.update([])
    timer?.cancel()
    timer = loop.schedule(at: loop.now.advanced(by: Self.restTime)) { [unowned self] in
      self.watch?.update(.readable)
    }
  }

  private func resume() {
    waiter?.resume()
    waiter = nil
  }
}
