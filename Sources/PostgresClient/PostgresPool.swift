// The connections of one loop: a few shared by all reads, a few lent to one writer at a time.
//
// Used by the store; decisions are `PoolState`'s, connections `ConnectionOpening`'s. Invariant:
// a call ends by its deadline, and while the database is away it ends at once.

public import EventLoop
import Synchronization

/// Connections to one database that heal by themselves; its methods may be called anywhere.
///
/// `@unchecked Sendable`: every stored variable is touched on the loop only (methods called
/// elsewhere queue themselves there and wait); what others read is an `Atomic`.
public final class PostgresPool: @unchecked Sendable {
  /// How many connections of each kind there are, and how many calls may wait for one.
  public struct Size: Hashable, Sendable {
    /// Connections shared by all reads.
    public var shared: Int
    /// Connections lent to one user at a time.
    public var exclusive: Int
    /// Calls that may wait for a connection.
    public var waitersMax: Int

    /// Makes a size.
    public init(shared: Int = 2, exclusive: Int = 1, waitersMax: Int = 1_000) {
      self.shared = shared
      self.exclusive = exclusive
      self.waitersMax = waitersMax
    }
  }

  /// What happened to a connection, for a log line or a metric.
  public enum Event: Hashable, Sendable {
    /// A connection is open.
    case connected
    /// A try to connect failed.
    case failed(PostgresError)
    /// An open connection has ended.
    case lost(reason: String)
  }

  private struct Waiter {
    let timer: LoopTimer
    let resume: (Result<Int, PostgresError>) -> Void
  }

  /// The loop the connections live on.
  public let loop: EventLoop

  private let configuration: PostgresConfiguration
  private let exclusiveConfiguration: PostgresConfiguration
  private let jitter: @Sendable () -> Double
  private let report: @Sendable (Event) -> Void
  private let availability = Atomic<Bool>(false)

  // On the loop.
  private var state: PoolState
  private var connections: [PostgresConnection?]
  private var openings: [ConnectionOpening?]
  private var waiters: [Int: Waiter] = [:]
  private var lastWaiter = 0

  /// Makes a pool; nothing happens until `start`.
  ///
  /// - Parameters:
  ///   - configuration: of the shared connections.
  ///   - exclusiveConfiguration: of the exclusive ones, where it differs.
  ///   - loop: where the connections live.
  ///   - size: how many there are.
  ///   - jitter: spreads the rests between tries: numbers from 0 to 1.
  ///   - report: told of each change, on the loop.
  public init(
    configuration: PostgresConfiguration, exclusiveConfiguration: PostgresConfiguration? = nil,
    loop: EventLoop, size: Size = Size(),
    jitter: @escaping @Sendable () -> Double = { Double.random(in: 0...1) },
    report: @escaping @Sendable (Event) -> Void = { _ in }
  ) {
    self.configuration = configuration
    self.exclusiveConfiguration = exclusiveConfiguration ?? configuration
    self.loop = loop
    self.jitter = jitter
    self.report = report
    state = PoolState(
      sharedCount: size.shared, exclusiveCount: size.exclusive, waitersMax: size.waitersMax)
    connections = Array(repeating: nil, count: size.shared + size.exclusive)
    openings = Array(repeating: nil, count: size.shared + size.exclusive)
  }

  // MARK: Anywhere

  /// Begins to connect; calls made before the first try has ended wait for it.
  public func start() {
    loop.perform { self.carryOut(self.state.start()) }
  }

  /// Whether there is an open connection of each kind.
  public var isAvailable: Bool { availability.load(ordering: .acquiring) }

  /// Runs one statement that only reads, on a shared connection.
  ///
  /// It travels with the other reads of the turn. When its connection is lost it is run once
  /// more, which is why it must only read.
  public func query<Input, Output>(
    _ statement: Statement<Input, Output>, _ input: Input, deadline: ContinuousClock.Instant
  ) async throws(PostgresError) -> [Output] {
    let request = statement.request(input)
    let results = try await read([request], deadline: deadline, travel: .shared)
    guard let set = results.sets.first else { return [] }
    return try statement.rows(set)
  }

  /// Runs one statement without input that only reads.
  public func query<Output>(
    _ statement: Statement<Void, Output>, deadline: ContinuousClock.Instant
  ) async throws(PostgresError) -> [Output] {
    try await query(statement, (), deadline: deadline)
  }

  /// Runs a batch that only reads, on a shared connection; all answers are of one segment.
  public func run(
    _ batch: PostgresBatch, deadline: ContinuousClock.Instant
  ) async throws(PostgresError) -> PostgresResults {
    try await read(batch.operations, deadline: deadline, travel: .alone)
  }

  /// Lends a connection of its own to `body`.
  ///
  /// The deadline is for getting it. A connection given back within a transaction is closed and
  /// replaced, which rolls the transaction back.
  public func withExclusive<Value>(
    deadline: ContinuousClock.Instant,
    _ body: (PostgresConnection) async throws(PostgresError) -> Value
  ) async throws(PostgresError) -> Value {
    let (connection, slot) = try await lease(.exclusive, deadline: deadline)
    let result: Result<Value, PostgresError>
    do throws(PostgresError) {
      result = .success(try await body(connection))
    } catch {
      result = .failure(error)
    }
    loop.perform { self.giveBack(connection, slot: slot) }
    return try result.get()
  }

  /// Closes all connections; what is under way or waits fails.
  public func close() async {
    await withCheckedContinuation { continuation in
      loop.perform {
        self.shut()
        continuation.resume()
      }
    }
  }

  private func read(
    _ operations: [Operation], deadline: ContinuousClock.Instant, travel: Request.Travel
  ) async throws(PostgresError) -> PostgresResults {
    do throws(PostgresError) {
      let (connection, _) = try await lease(.shared, deadline: deadline)
      return try await connection.perform(operations, deadline: deadline, travel: travel)
    } catch .connectionLost where loop.now < deadline {
      let (connection, _) = try await lease(.shared, deadline: deadline)
      return try await connection.perform(operations, deadline: deadline, travel: travel)
    }
  }

  private func lease(
    _ role: PoolState.Role, deadline: ContinuousClock.Instant
  ) async throws(PostgresError) -> (connection: PostgresConnection, slot: Int) {
    let result: Result<(PostgresConnection, Int), PostgresError> =
      await withCheckedContinuation { continuation in
        loop.perform {
          self.ask(role, deadline: deadline) { [self] in
            continuation.resume(
              returning: $0.flatMap { slot in
                guard let connection = connections[slot] else {
                  return .failure(.unavailable(reason: "the connection has just ended"))
                }
                return .success((connection, slot))
              })
          }
        }
      }
    return try result.get()
  }

  // MARK: On the loop

  private func ask(
    _ role: PoolState.Role, deadline: ContinuousClock.Instant,
    _ resume: @escaping (Result<Int, PostgresError>) -> Void
  ) {
    guard deadline > loop.now else { return resume(.failure(.deadlineExceeded(sent: false))) }
    lastWaiter += 1
    let waiter = lastWaiter
    switch state.request(role, waiter: waiter) {
    case .granted(let slot): resume(.success(slot))
    case .refused(let reason): resume(.failure(.unavailable(reason: reason)))
    case .waiting:
      let timer = loop.schedule(at: deadline) { [self] in
        guard state.leave(waiter: waiter) else { return }
        waiters.removeValue(forKey: waiter)?.resume(.failure(.deadlineExceeded(sent: false)))
      }
      waiters[waiter] = Waiter(timer: timer, resume: resume)
    }
  }

  private func giveBack(_ connection: PostgresConnection, slot: Int) {
    // A connection that ended while lent has been replaced already.
    guard connections[slot] === connection else { return }
    guard connection.isClean else { return connection.shut("given back within a transaction") }
    carryOut(state.release(slot))
  }

  private func carryOut(_ actions: [PoolState.Action]) {
    for action in actions {
      switch action {
      case .connect(let slot): connect(slot)
      case .retry(let slot, let rest):
        loop.schedule(at: loop.now + rest) { [self] in carryOut(state.rested(slot)) }
      case .grant(let waiter, let slot): answer(waiter, .success(slot))
      case .refuse(let waiter, let reason):
        answer(waiter, .failure(.unavailable(reason: reason)))
      }
    }
    availability.store(state.isAvailable, ordering: .releasing)
  }

  private func answer(_ waiter: Int, _ result: Result<Int, PostgresError>) {
    guard let waiter = waiters.removeValue(forKey: waiter) else { return }
    waiter.timer.cancel()
    waiter.resume(result)
  }

  private func connect(_ slot: Int) {
    let configuration =
      state.role(of: slot) == .shared ? configuration : exclusiveConfiguration
    let opening = ConnectionOpening(configuration: configuration, loop: loop) { [self] result in
      openings[slot] = nil
      switch result {
      case .success(let connection):
        connections[slot] = connection
        connection.onClose = { [self] reason in lost(slot, reason: reason) }
        report(.connected)
        carryOut(state.connected(slot, now: loop.now))
      case .failure(let error):
        report(.failed(error))
        carryOut(state.failed(slot, reason: Self.reason(of: error), jitter: jitter()))
      }
    }
    openings[slot] = opening
    opening.start(deadline: loop.now + configuration.connectTimeout)
  }

  private func lost(_ slot: Int, reason: String) {
    connections[slot] = nil
    report(.lost(reason: reason))
    carryOut(state.lost(slot, reason: reason, now: loop.now, jitter: jitter()))
  }

  private func shut() {
    let actions = state.close()
    carryOut(actions)
    for opening in openings { opening?.cancel() }
    for connection in connections { connection?.shut("the pool is closed") }
  }

  private static func reason(of error: PostgresError) -> String {
    switch error {
    case .unavailable(let reason), .connectionLost(_, let reason): reason
    case .deadlineExceeded: "no answer to a connect"
    case .server(let error): "\(error.sqlState) \(error.message)"
    case .protocolViolation(let what): what
    case .decoding: "an answer could not be read"
    }
  }
}
