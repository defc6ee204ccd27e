// One attempt to connect: name resolution off the loop, the rest on it, then the session's set-up.
//
// Started by `PostgresConnection.connect` and `PostgresPool`; calls `ServerHandle`. Invariant: the
// completion is called exactly once, at the deadline at the latest, and a handle that arrives
// after that is closed.

import EventLoop
import Glibc

/// One attempt to connect.
///
/// `@unchecked Sendable`: its variables are touched on the loop only; the thread it starts holds a
/// reference to hand back the handle through the loop, and does nothing else with it.
final class ConnectionOpening: @unchecked Sendable {
  private let configuration: PostgresConfiguration
  private let loop: EventLoop
  private var completion: ((Result<PostgresConnection, PostgresError>) -> Void)?
  private var handle: ServerHandle?
  private var connection: PostgresConnection?
  private var watch: Watch?
  private var timer: LoopTimer?

  init(
    configuration: PostgresConfiguration, loop: EventLoop,
    completion: @escaping (Result<PostgresConnection, PostgresError>) -> Void
  ) {
    self.configuration = configuration
    self.loop = loop
    self.completion = completion
  }

  /// Begins; on the loop.
  func start(deadline: ContinuousClock.Instant) {
    let limit = min(deadline, loop.now + configuration.connectTimeout)
    timer = loop.schedule(at: limit) { [self] in
      fail(.deadlineExceeded(sent: false))
    }
    let configuration = configuration
    let isStarted = startThread { [self] in
      let handle = ServerHandle(connecting: configuration)
      loop.execute { [self] in arrived(handle, limit: limit) }
    }
    if !isStarted { fail(.unavailable(reason: "no thread to connect with")) }
  }

  /// Gives up; on the loop.
  func cancel() { fail(.unavailable(reason: "closed by this program")) }

  private func arrived(_ handle: ServerHandle?, limit: ContinuousClock.Instant) {
    guard let handle else { return fail(.unavailable(reason: "out of memory")) }
    guard completion != nil else { return handle.finish() }
    self.handle = handle
    guard !handle.isBroken else { return fail(.unavailable(reason: handle.errorMessage)) }
    wait(for: .writable, limit: limit)
  }

  /// Waits for the descriptor, which may be another one at each step.
  private func wait(for interest: Interest, limit: ContinuousClock.Instant) {
    guard let handle, let descriptor = handle.descriptor else {
      return fail(.unavailable(reason: "no connection"))
    }
    watch = loop.watch(descriptor, for: interest) { [self] _ in
      watch?.cancel()
      watch = nil
      step(limit: limit)
    }
  }

  private func step(limit: ContinuousClock.Instant) {
    guard let handle else { return }
    switch handle.poll() {
    case .readable: wait(for: .readable, limit: limit)
    case .writable: wait(for: .writable, limit: limit)
    case .failed: fail(.unavailable(reason: handle.errorMessage))
    case .connected: setUp(handle, limit: limit)
    }
  }

  private func setUp(_ handle: ServerHandle, limit: ContinuousClock.Instant) {
    let connection = PostgresConnection(
      handle: handle, loop: loop, requestsMax: configuration.requestsMax)
    guard let connection else { return fail(.unavailable(reason: handle.errorMessage)) }
    self.handle = nil
    self.connection = connection
    // The settings end in a segment of their own: they hold while the statements are prepared.
    connection.enqueue(
      Request(
        operations: configuration.setup.map { .text($0) }, deadline: limit, travel: .alone
      ) { [self] in
        if case .failure(let error) = $0 { fail(error) }
      })
    connection.enqueue(
      Request(
        operations: configuration.statements.map { .prepare($0) }, deadline: limit, travel: .alone
      ) { [self] in
        switch $0 {
        case .failure(let error): fail(error)
        case .success: succeed()
        }
      })
  }

  private func succeed() {
    guard let completion, let connection else { return }
    release()
    completion(.success(connection))
  }

  private func fail(_ error: PostgresError) {
    guard let completion else { return }
    let handle = handle
    let connection = connection
    release()
    handle?.finish()
    connection?.shut("set-up failed")
    completion(.failure(error))
  }

  private func release() {
    completion = nil
    handle = nil
    connection = nil
    watch?.cancel()
    watch = nil
    timer?.cancel()
    timer = nil
  }
}

/// What a thread runs, held until it begins.
private final class ThreadBody {
  let run: @Sendable () -> Void

  init(_ run: @escaping @Sendable () -> Void) { self.run = run }
}

/// Runs `body` on a thread of its own that nobody waits for; false when there can be none.
private func startThread(_ body: @escaping @Sendable () -> Void) -> Bool {
  let context = unsafe Unmanaged.passRetained(ThreadBody(body)).toOpaque()
  var thread = pthread_t()
  let code = unsafe pthread_create(
    &thread, nil,
    { context in
      guard let context = unsafe context else { return nil }
      unsafe Unmanaged<ThreadBody>.fromOpaque(context).takeRetainedValue().run()
      return nil
    }, context)
  guard code == 0 else {
    unsafe Unmanaged<ThreadBody>.fromOpaque(context).release()
    return false
  }
  pthread_detach(thread)
  return true
}
