// The thread of a loop.
//
// Called by: `EventLoop`. Calls: pthread_create.
// Invariant: the body is released when it has run.

import CLinux
import Glibc

/// What a new thread runs, held by the thread until it begins.
private final class ThreadBody {
  let name: String
  let run: @Sendable () -> Void

  init(name: String, run: @escaping @Sendable () -> Void) {
    self.name = name
    self.run = run
  }
}

/// Starts a thread that runs `body` once; a process that cannot have it ends, with the reason.
func startThread(named name: String, _ body: @escaping @Sendable () -> Void) -> pthread_t {
  let context = unsafe Unmanaged.passRetained(ThreadBody(name: name, run: body)).toOpaque()
  var thread = pthread_t()
  let code = unsafe pthread_create(
    &thread, nil,
    { context in
      guard let context = unsafe context else { return nil }
      let body = unsafe Unmanaged<ThreadBody>.fromOpaque(context).takeRetainedValue()
      let name = String(decoding: body.name.utf8.prefix(15), as: UTF8.self)
      unsafe pthread_setname_np(pthread_self(), name)
      body.run()
      return nil
    }, context)
  precondition(code == 0, "pthread_create: error \(code)")
  return thread
}

/// A number that no two living threads share.
func currentThreadIdentity() -> UInt { UInt(pthread_self()) }
