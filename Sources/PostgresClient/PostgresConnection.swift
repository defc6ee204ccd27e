// One connection in pipeline mode: many statements under way, answers matched in order.
//
// Made by `ConnectionOpening`, used by `PostgresPool` and the store; calls `ServerHandle`.
// Invariant: answers come in the order of the segments sent, and a request is told of success only
// when the sync of its segment has arrived. After any doubt about that order the connection is
// closed, never used again.

public import EventLoop

/// A connection to PostgreSQL that lives on one event loop; its methods may be called anywhere.
///
/// `@unchecked Sendable`: every stored variable is touched on the loop only (methods called
/// elsewhere queue themselves there and wait), and the handle is used by nobody else.
public final class PostgresConnection: @unchecked Sendable {
  /// The loop it lives on.
  public let loop: EventLoop

  /// How many requests of one turn travel under one sync.
  private static let sharedMax = 64
  /// How long an answer nobody waits for may hold up those behind it.
  private static let abandonedGrace: Duration = .seconds(1)

  private let handle: ServerHandle
  private let requestsMax: Int
  private var watch: Watch?
  private var waiting = Fifo<Request>()
  private var flying = Fifo<Segment>()
  private var isScripting = false
  private var isFlushQueued = false
  private var timer: LoopTimer?
  private var closeReason: String?

  /// Called once on the loop when the connection has ended, with the reason.
  var onClose: ((String) -> Void)?

  /// Takes over a connected handle; on the loop.
  init?(handle: ServerHandle, loop: EventLoop, requestsMax: Int) {
    self.handle = handle
    self.loop = loop
    self.requestsMax = requestsMax
    guard handle.becomeNonblocking(), handle.enterPipeline(), let descriptor = handle.descriptor
    else { return nil }
    watch = loop.watch(descriptor, for: .readable) { [self] readiness in
      if readiness.contains(.writable) { flush() }
      receive()
    }
  }

  // MARK: Anywhere

  /// Connects, sets the session up and prepares the statements.
  ///
  /// Who connects also closes: a connection stays open until `close` or its loss.
  public static func connect(
    _ configuration: PostgresConfiguration, on loop: EventLoop,
    deadline: ContinuousClock.Instant
  ) async throws(PostgresError) -> PostgresConnection {
    let result: Result<PostgresConnection, PostgresError> =
      await withCheckedContinuation { continuation in
        loop.perform {
          ConnectionOpening(configuration: configuration, loop: loop) {
            continuation.resume(returning: $0)
          }
          .start(deadline: deadline)
        }
      }
    return try result.get()
  }

  /// Runs one statement in a segment of its own.
  public func query<Input, Output>(
    _ statement: Statement<Input, Output>, _ input: Input, deadline: ContinuousClock.Instant
  ) async throws(PostgresError) -> [Output] {
    try await query(statement, input, deadline: deadline, travel: .alone)
  }

  /// Runs one statement without input in a segment of its own.
  public func query<Output>(
    _ statement: Statement<Void, Output>, deadline: ContinuousClock.Instant
  ) async throws(PostgresError) -> [Output] {
    try await query(statement, (), deadline: deadline, travel: .alone)
  }

  /// Runs a batch: all of it or, with the first error, none.
  public func run(
    _ batch: PostgresBatch, deadline: ContinuousClock.Instant
  ) async throws(PostgresError) -> PostgresResults {
    try await perform(batch.operations, deadline: deadline, travel: .alone)
  }

  /// Runs SQL text of any number of statements, as migrations have it, and drops what it answers.
  ///
  /// It waits for what is under way and holds up what comes after it.
  public func script(
    _ sql: String, deadline: ContinuousClock.Instant
  ) async throws(PostgresError) {
    _ = try await perform([.text(sql)], deadline: deadline, travel: .script)
  }

  /// Closes the connection; what is under way fails with `connectionLost`.
  public func close() {
    loop.perform { self.shut("closed by this program") }
  }

  func query<Input, Output>(
    _ statement: Statement<Input, Output>, _ input: Input, deadline: ContinuousClock.Instant,
    travel: Request.Travel
  ) async throws(PostgresError) -> [Output] {
    let results = try await perform(
      [statement.request(input)], deadline: deadline, travel: travel)
    guard let set = results.sets.first else { return [] }
    return try statement.rows(set)
  }

  func perform(
    _ operations: [Operation], deadline: ContinuousClock.Instant, travel: Request.Travel
  ) async throws(PostgresError) -> PostgresResults {
    let result: Result<PostgresResults, PostgresError> =
      await withCheckedContinuation { continuation in
        loop.perform {
          self.enqueue(
            Request(operations: operations, deadline: deadline, travel: travel) {
              continuation.resume(returning: $0)
            })
        }
      }
    return try result.get()
  }

  // MARK: On the loop

  /// Whether it can be used by the next one: open, nothing under way, no transaction left open.
  var isClean: Bool {
    closeReason == nil && waiting.isEmpty && flying.isEmpty && !handle.isInTransaction
  }

  /// How many segments are under way or waiting.
  var load: Int { waiting.count + flying.count }

  /// Queues a request; it is sent at the end of this turn.
  func enqueue(_ request: Request) {
    if let closeReason {
      return request.complete(.failure(.connectionLost(sent: false, reason: closeReason)))
    }
    guard load < requestsMax else {
      return request.complete(.failure(.unavailable(reason: "too many requests on a connection")))
    }
    guard !request.operations.isEmpty else {
      return request.complete(.success(PostgresResults(sets: [])))
    }
    guard request.deadline > loop.now else {
      return request.complete(.failure(.deadlineExceeded(sent: false)))
    }
    waiting.append(request)
    arm(request.deadline)
    queueFlush()
  }

  private func queueFlush() {
    guard !isFlushQueued else { return }
    isFlushQueued = true
    loop.atEndOfTurn { [self] in
      isFlushQueued = false
      sendWaiting()
    }
  }

  private func sendWaiting() {
    while closeReason == nil, !isScripting, let next = waiting.first {
      if next.travel == .script {
        guard flying.isEmpty else { break }
        _ = waiting.popFirst()
        sendScript(next)
        break
      }
      var requests: [Request] = []
      while let request = waiting.first, requests.isEmpty || request.travel == .shared {
        guard requests.count < Self.sharedMax else { break }
        _ = waiting.popFirst()
        requests.append(request)
        if request.travel != .shared { break }
      }
      send(Segment(requests))
    }
    flush()
  }

  private func send(_ segment: Segment) {
    flying.append(segment)
    for request in segment.requests {
      for operation in request.operations where !handle.send(operation) {
        return shut(handle.errorMessage)
      }
    }
    guard handle.sendSync() else { return shut(handle.errorMessage) }
  }

  private func sendScript(_ request: Request) {
    guard case .text(let sql)? = request.operations.first else { return }
    isScripting = true
    flying.append(Segment([request]))
    guard handle.leavePipeline(), handle.sendScript(sql) else {
      return shut(handle.errorMessage)
    }
  }

  private func flush() {
    guard closeReason == nil else { return }
    guard let isDone = handle.flush() else { return lose() }
    watch?.update(isDone ? .readable : [.readable, .writable])
    // A write that had to wait may have read answers already; the descriptor does not tell.
    process()
  }

  private func receive() {
    guard closeReason == nil else { return }
    let isOpen = handle.consumeInput()
    process()
    guard isOpen else { return lose() }
  }

  /// The connection has ended by itself: hands out what arrived before, then closes.
  private func lose() {
    process()
    guard closeReason == nil else { return }
    shut(handle.errorMessage)
  }

  private func process() {
    var emptyEnds = 0
    while closeReason == nil, let segment = flying.first, !handle.isBusy {
      guard let answer = handle.nextAnswer() else {
        if isScripting {
          finishScript(segment)
        } else if !segment.endStatement() {
          emptyEnds += 1
          if emptyEnds > 2 { break }
        }
        continue
      }
      emptyEnds = 0
      switch answer {
      case .rows(let set): segment.take(set)
      case .skipped: segment.takeSkip()
      case .refused(let error) where handle.isBroken || !error.isOfStatement:
        shut(error.message)
      case .refused(let error): segment.take(error)
      case .synced:
        _ = flying.popFirst()
        finish(segment)
      case .unexpected(let what): shut("an answer of kind \(what)")
      }
    }
    guard closeReason == nil else { return }
    // libpq closes the descriptor by itself when it loses its place: the watch must go with it.
    guard !handle.isBroken else { return shut(handle.errorMessage) }
    if flying.isEmpty, !waiting.isEmpty { queueFlush() }
  }

  private func finish(_ segment: Segment) {
    switch segment.outcome {
    case .succeeded:
      for request in segment.requests {
        guard request.sets.count == request.operations.count else {
          let found = "\(request.sets.count) answers to \(request.operations.count) statements"
          request.complete(.failure(.protocolViolation(found)))
          continue
        }
        request.complete(.success(PostgresResults(sets: request.sets)))
      }
    case .failed(let failedIndex, let error):
      for (index, request) in segment.requests.enumerated() {
        guard index != failedIndex, segment.requests.count > 1 else {
          request.complete(.failure(error))
          continue
        }
        // All of the segment is rolled back, so the neighbours have not run.
        guard !request.isCompleted else { continue }
        request.travel = .alone
        request.sets = []
        enqueue(request)
      }
    }
    // Who was given up while waiting in the line is being worked on only now.
    if let next = flying.first, next.requests.allSatisfy(\.isCompleted) {
      next.deadline = max(next.deadline, loop.now + Self.abandonedGrace)
      arm(next.deadline)
    }
  }

  private func finishScript(_ segment: Segment) {
    isScripting = false
    _ = flying.popFirst()
    guard handle.enterPipeline() else { return shut(handle.errorMessage) }
    for request in segment.requests {
      switch segment.outcome {
      case .succeeded: request.complete(.success(PostgresResults(sets: [])))
      case .failed(_, let error): request.complete(.failure(error))
      }
    }
    queueFlush()
  }

  // MARK: Ends

  private func arm(_ deadline: ContinuousClock.Instant) {
    if let timer, timer.deadline <= deadline { return }
    timer?.cancel()
    timer = loop.schedule(at: deadline) { [self] in
      timer = nil
      expire()
    }
  }

  /// Fails what is past its deadline; a server stuck on such a request loses the connection.
  private func expire() {
    let now = loop.now
    for request in waiting.extract(where: { $0.deadline <= now }) {
      request.complete(.failure(.deadlineExceeded(sent: false)))
    }
    var next: ContinuousClock.Instant?
    for request in waiting.elements { next = min(next ?? request.deadline, request.deadline) }
    for segment in flying.elements {
      for request in segment.requests where !request.isCompleted {
        if request.deadline <= now {
          request.complete(.failure(.deadlineExceeded(sent: true)))
        } else {
          next = min(next ?? request.deadline, request.deadline)
        }
      }
    }
    if let head = flying.first {
      guard head.deadline > now else { return shut("no answer within the deadline") }
      next = min(next ?? head.deadline, head.deadline)
    }
    if let next { arm(next) }
  }

  /// Ends the connection and fails all that is queued or under way.
  func shut(_ reason: String) {
    guard closeReason == nil else { return }
    closeReason = reason
    timer?.cancel()
    timer = nil
    watch?.cancel()
    watch = nil
    handle.finish()
    for segment in flying.removeAll() {
      for request in segment.requests {
        request.complete(.failure(.connectionLost(sent: true, reason: reason)))
      }
    }
    for request in waiting.removeAll() {
      request.complete(.failure(.connectionLost(sent: false, reason: reason)))
    }
    let onClose = onClose
    self.onClose = nil
    onClose?(reason)
  }
}

extension PostgresError.ServerError {
  /// Whether only the statement failed; FATAL, PANIC and libpq's own words end the connection.
  fileprivate var isOfStatement: Bool { severity == "ERROR" && !sqlState.isEmpty }
}

extension EventLoop {
  /// Runs an action on the loop: at once when already there.
  func perform(_ action: @escaping @Sendable () -> Void) {
    if isCurrent { action() } else { execute(action) }
  }
}
