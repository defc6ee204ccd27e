// Signals: how the program ends when it is asked to.
//
// Installed by `Main`; `Serve` and `Demo` say what the first signal does. Invariant: a second
// signal ends the program at once, and so does the first where nobody has something to finish.

import Foundation
import Glibc
import Synchronization

/// What happens on SIGTERM and SIGINT.
enum Signals {
  /// Called once, with the signal's number, by the first signal.
  typealias Handler = @Sendable (Int32) -> Void

  private static let handler = Mutex<Handler?>(nil)
  /// Where the system's handler writes the number of a signal: all it may safely do.
  private static let pipeEnd = Atomic<Int32>(-1)

  /// Takes both signals from here on and ignores SIGPIPE.
  static func install() {
    signal(SIGPIPE, SIG_IGN)
    var ends: [Int32] = [-1, -1]
    guard unsafe pipe(&ends) == 0 else { return }
    for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
    let readEnd = ends[0]
    pipeEnd.store(ends[1], ordering: .relaxed)
    var action = sigaction()
    unsafe action.__sigaction_handler.sa_handler = { number in
      let code = errno
      var byte = UInt8(truncatingIfNeeded: number)
      _ = unsafe write(Signals.pipeEnd.load(ordering: .relaxed), &byte, 1)
      errno = code
    }
    action.sa_flags = SA_RESTART
    unsafe sigaction(SIGTERM, &action, nil)
    unsafe sigaction(SIGINT, &action, nil)
    Thread.detachNewThread {
      while true {
        var byte: UInt8 = 0
        guard unsafe read(readEnd, &byte, 1) == 1 else { continue }
        receive(Int32(byte))
      }
    }
  }

  /// Sets what the first signal from here on does.
  static func onFirst(_ action: @escaping Handler) {
    handler.withLock { $0 = action }
  }

  /// Waits for the first signal and answers its number.
  static func first() async -> Int32 {
    await withCheckedContinuation { continuation in
      onFirst { continuation.resume(returning: $0) }
    }
  }

  private static func receive(_ number: Int32) {
    let action = handler.withLock { handler in
      defer { handler = nil }
      return handler
    }
    guard let action else { _exit(128 + number) }
    action(number)
  }
}

/// Ends the program the way a reader that has gone away ends every program.
func endByBrokenPipe() -> Never {
  signal(SIGPIPE, SIG_DFL)
  raise(SIGPIPE)
  _exit(128 + SIGPIPE)
}
