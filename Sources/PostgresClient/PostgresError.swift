// What can go wrong between this program and PostgreSQL.
//
// Thrown by everything in this target; adapters map it and never let it through. Invariant: when
// `isOutcomeUnknown` is false, the work either is in the database or never will be.

/// A failure of a connection, a statement or the reading of its answer.
public enum PostgresError: Error, Hashable, Sendable {
  /// There is no connection, or too much waits for one: nothing was sent.
  case unavailable(reason: String)
  /// The deadline passed; `sent` says whether the server may have got the work.
  case deadlineExceeded(sent: Bool)
  /// The connection ended; `sent` says whether the server may have got the work.
  case connectionLost(sent: Bool, reason: String)
  /// The server refused a statement; all of its segment is rolled back.
  case server(ServerError)
  /// The server answered what the protocol does not allow at this place.
  case protocolViolation(String)
  /// A column holds something else than the statement's decoder reads; columns count from 0.
  case decoding(statement: String, column: Int, problem: DecodingProblem)

  /// What is wrong with a column.
  public enum DecodingProblem: Hashable, Sendable {
    /// The answer has fewer columns.
    case missing
    /// NULL where a value is read.
    case null
    /// A type of another number (OID) than the one read.
    case type(expected: UInt32, found: UInt32)
    /// Bytes that are no value of the type.
    case malformed
  }

  /// Whether the same work may be sent again: it did not happen, and may succeed next time.
  public var isSafeToRetry: Bool {
    switch self {
    case .unavailable: true
    case .deadlineExceeded(let sent), .connectionLost(let sent, _): !sent
    case .server(let error): error.isTransient
    case .protocolViolation, .decoding: false
    }
  }

  /// Whether the work may or may not have been committed.
  public var isOutcomeUnknown: Bool {
    switch self {
    case .deadlineExceeded(let sent), .connectionLost(let sent, _): sent
    case .server(let error): error.sqlState == "40003" || error.sqlState.hasPrefix("08")
    case .protocolViolation: true
    case .unavailable, .decoding: false
    }
  }

  /// The server's words on a refused statement.
  public struct ServerError: Hashable, Sendable {
    /// The five characters that name the condition, such as `23505`.
    public let sqlState: String
    /// `ERROR`, `FATAL` or `PANIC`.
    public let severity: String
    /// One line for people; may hold values, so it is for logs of the operator only.
    public let message: String
    /// More lines for people; nil when the server gave none.
    public let detail: String?
    /// The constraint concerned, if any.
    public let constraint: String?
    /// The table concerned, if any.
    public let table: String?
    /// The prepared statement that failed; nil where it is not known.
    public let statement: String?

    /// Makes an error of its parts.
    public init(
      sqlState: String, severity: String, message: String, detail: String? = nil,
      constraint: String? = nil, table: String? = nil, statement: String? = nil
    ) {
      self.sqlState = sqlState
      self.severity = severity
      self.message = message
      self.detail = detail
      self.constraint = constraint
      self.table = table
      self.statement = statement
    }

    /// Whether the condition passes by itself and the work was certainly rolled back.
    ///
    /// Serialization failure, deadlock, lock timeout, too few resources, a server that starts.
    public var isTransient: Bool {
      sqlState == "40001" || sqlState == "40P01" || sqlState == "55P03" || sqlState == "57P03"
        || sqlState.hasPrefix("53")
    }
  }
}
