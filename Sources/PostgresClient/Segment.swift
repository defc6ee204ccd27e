// What is asked of a connection, and the stretch of the pipeline it travels in.
//
// Used by `PostgresConnection` on its loop. Invariant: a request is completed exactly once, and a
// segment's requests succeed only when the server has confirmed its end (the sync).

/// Work for a connection: statements that succeed or fail together.
final class Request {
  /// How it travels.
  enum Travel: Hashable, Sendable {
    /// In a segment of its own.
    case alone
    /// With others of the same turn: it only reads, so running it again alone does no harm.
    case shared
    /// As SQL text outside the pipeline.
    case script
  }

  /// Its statements, in order.
  let operations: [Operation]
  /// When its caller stops waiting.
  let deadline: ContinuousClock.Instant
  /// How it travels; a request whose neighbour failed travels alone.
  var travel: Travel
  /// The answers so far.
  var sets: [RowSet] = []
  private var completion: ((Result<PostgresResults, PostgresError>) -> Void)?

  init(
    operations: [Operation], deadline: ContinuousClock.Instant, travel: Travel,
    completion: @escaping (Result<PostgresResults, PostgresError>) -> Void
  ) {
    self.operations = operations
    self.deadline = deadline
    self.travel = travel
    self.completion = completion
  }

  /// Whether its caller has an answer already.
  var isCompleted: Bool { completion == nil }

  /// Answers the caller, the first time.
  func complete(_ result: Result<PostgresResults, PostgresError>) {
    guard let completion else { return }
    self.completion = nil
    sets = []
    completion(result)
  }
}

/// Requests under way that share one sync.
final class Segment {
  /// What came of it.
  enum Outcome {
    /// All requests succeeded.
    case succeeded
    /// This request failed; nil when the segment failed as a whole, as at a deferred constraint.
    case failed(requestIndex: Int?, PostgresError)
  }

  /// The requests, in the order sent.
  let requests: [Request]
  /// When the connection is given up if this segment is still the one the server works on.
  var deadline: ContinuousClock.Instant
  private(set) var outcome = Outcome.succeeded
  private var requestIndex = 0
  private var operationIndex = 0
  private var hasAnswer = false

  init(_ requests: [Request]) {
    self.requests = requests
    deadline = requests.map(\.deadline).min() ?? .now
  }

  /// Takes a statement's success.
  func take(_ set: RowSet) {
    hasAnswer = true
    guard requests.indices.contains(requestIndex) else { return }
    requests[requestIndex].sets.append(set)
  }

  /// Takes a statement's failure; the first one counts.
  func take(_ error: PostgresError.ServerError) {
    hasAnswer = true
    guard case .succeeded = outcome else { return }
    guard requests.indices.contains(requestIndex) else {
      outcome = .failed(requestIndex: nil, .server(error))
      return
    }
    let operations = requests[requestIndex].operations
    let name =
      operations.indices.contains(operationIndex)
      ? operations[operationIndex].statementName : nil
    outcome = .failed(requestIndex: requestIndex, .server(error.inStatement(name)))
  }

  /// Takes a statement passed over.
  func takeSkip() { hasAnswer = true }

  /// Takes the end of a statement's answers; false when no answer came before it.
  func endStatement() -> Bool {
    guard hasAnswer else { return false }
    hasAnswer = false
    operationIndex += 1
    if requests.indices.contains(requestIndex),
      operationIndex >= requests[requestIndex].operations.count
    {
      requestIndex += 1
      operationIndex = 0
    }
    return true
  }
}

extension PostgresError.ServerError {
  /// The same error with the statement's name.
  fileprivate func inStatement(_ name: String?) -> Self {
    Self(
      sqlState: sqlState, severity: severity, message: message, detail: detail,
      constraint: constraint, table: table, statement: name)
  }
}
