// The part of a server that lives on one loop.
//
// Called by: `HTTPServer`. Calls: `Acceptor`, `Connection`.
// Invariant: the actor's executor is the loop, so its connections, which are not `Sendable`, are
// touched by one thread without a lock and without a hop.

import EventLoop
import HTTPWire

/// Accepts and serves connections on one loop.
actor LoopServer {
  /// Connections past the limit that are answered at the same time; beyond, they are just closed.
  private static let refusedAtOnceMax = 64

  nonisolated let loop: EventLoop
  private let handler: any HTTPHandler
  private let configuration: HTTPServerConfiguration
  private let counters: HTTPServerCounters
  private let scratch = LoopScratch()
  private var acceptor: Acceptor?
  private var connections: [ObjectIdentifier: Connection] = [:]
  private var isDraining = false
  private var hasEnded = false
  private var refusedAtOnce = 0
  private var drainWaiters: [CheckedContinuation<Void, Never>] = []

  /// The loop.
  nonisolated var unownedExecutor: UnownedSerialExecutor {
    unsafe loop.asUnownedSerialExecutor()
  }

  init(
    loop: EventLoop, handler: any HTTPHandler, configuration: HTTPServerConfiguration,
    counters: HTTPServerCounters
  ) {
    self.loop = loop
    self.handler = handler
    self.configuration = configuration
    self.counters = counters
  }

  /// Serves until `drain`, and then until the last connection has ended.
  func run(listener: Int32) async {
    let acceptor = Acceptor(listener, loop: loop)
    self.acceptor = acceptor
    if isDraining { acceptor.close() }
    await withDiscardingTaskGroup { group in
      while let descriptor = await acceptor.next() {
        group.addTask { await self.serve(descriptor) }
      }
    }
    hasEnded = true
    endDrain()
  }

  /// Listens no more, lets requests in progress end, and closes what is left at `deadline`.
  ///
  /// Returns when `run` has ended, or at the deadline.
  func drain(deadline: ContinuousClock.Instant) async {
    isDraining = true
    acceptor?.close()
    for connection in connections.values { connection.drain() }
    guard !hasEnded else { return }
    let timer = loop.schedule(at: deadline) { self.assumeIsolated { $0.endDrain() } }
    await withCheckedContinuation { drainWaiters.append($0) }
    timer.cancel()
    for connection in connections.values { connection.close() }
  }

  private func endDrain() {
    for waiter in drainWaiters { waiter.resume() }
    drainWaiters = []
  }

  private func serve(_ descriptor: Int32) async {
    let open = counters.enter()
    defer { counters.leave() }
    let connection = Connection(
      stream: ByteStream(descriptor, loop: loop, scratch: scratch), loop: loop, scratch: scratch,
      handler: handler, configuration: configuration, counters: counters)
    let key = ObjectIdentifier(connection)
    connections[key] = connection
    defer { connections[key] = nil }
    if isDraining { connection.drain() }
    guard open > configuration.connectionsMax else {
      await connection.run()
      return
    }
    guard refusedAtOnce < Self.refusedAtOnceMax else {
      connection.close()
      return
    }
    refusedAtOnce += 1
    defer { refusedAtOnce -= 1 }
    let limit = configuration.connectionsMax
    await connection.refuseAll(HTTPRefusal(.tooManyConnections(limit: limit)))
  }
}
