// libpq's connection: every call of the library that a connection makes.
//
// Used by `PostgresConnection` and `ConnectionOpening`; calls libpq, never its blocking functions.
// Invariant: what C hands out is copied or owned before it leaves this file.

import CPostgres

/// A libpq connection; not closed by itself, `finish` is called once.
///
/// `@unchecked Sendable`: libpq allows one thread at a time, and the owner keeps to that: the
/// thread that starts a connect hands it to the loop and forgets it, then the loop alone has it.
@safe struct ServerHandle: @unchecked Sendable {
  /// What a result is to the reader of a pipeline.
  enum Answer {
    /// A statement succeeded.
    case rows(RowSet)
    /// A statement failed.
    case refused(PostgresError.ServerError)
    /// A statement was passed over after a failure before it.
    case skipped
    /// The segment has ended.
    case synced
    /// Something a statement of ours never answers, such as COPY.
    case unexpected(String)
  }

  /// What to wait for while connecting.
  enum Progress {
    case readable
    case writable
    case connected
    case failed
  }

  private let connection: OpaquePointer

  /// Begins a connect; may block in name resolution, so it runs on a thread of its own.
  init?(connecting configuration: PostgresConfiguration) {
    let keywords = configuration.keywords
    let names = keywords.map { Array($0.name.utf8CString) }
    let values = keywords.map { Array($0.value.utf8CString) }
    let connection = unsafe withCStrings(names) { names in
      unsafe withCStrings(values) { values in
        unsafe PQconnectStartParams(names, values, 1)
      }
    }
    guard let connection = unsafe connection else { return nil }
    unsafe self.connection = connection
    _ = unsafe PQsetNoticeProcessor(connection, { _, _ in }, nil)
  }

  /// Closes the connection: a goodbye if it fits the socket's buffer, never a wait.
  func finish() { unsafe PQfinish(connection) }

  /// Whether libpq has given the connection up.
  var isBroken: Bool { unsafe PQstatus(connection) == CONNECTION_BAD }

  /// The descriptor to watch; nil while there is none.
  var descriptor: Int32? {
    let descriptor = unsafe PQsocket(connection)
    return descriptor >= 0 ? descriptor : nil
  }

  /// Whether a transaction is open or unknown.
  var isInTransaction: Bool { unsafe PQtransactionStatus(connection) != PQTRANS_IDLE }

  /// What went wrong last, on one line.
  var errorMessage: String {
    unsafe oneLine(PQerrorMessage(connection).map { unsafe String(cString: $0) } ?? "")
  }

  /// Carries a connect on.
  func poll() -> Progress {
    switch unsafe PQconnectPoll(connection) {
    case PGRES_POLLING_READING: .readable
    case PGRES_POLLING_WRITING: .writable
    case PGRES_POLLING_OK: .connected
    default: .failed
    }
  }

  /// Makes calls return instead of block.
  func becomeNonblocking() -> Bool { unsafe PQsetnonblocking(connection, 1) == 0 }

  /// Enters pipeline mode, where several statements are under way at once.
  func enterPipeline() -> Bool { unsafe PQenterPipelineMode(connection) == 1 }

  /// Leaves pipeline mode; nothing may be under way.
  func leavePipeline() -> Bool { unsafe PQexitPipelineMode(connection) == 1 }

  /// Reads what the socket has; false when the connection has ended.
  func consumeInput() -> Bool {
    guard unsafe PQconsumeInput(connection) == 1 else { return false }
    while let notification = unsafe PQnotifies(connection) { unsafe PQfreemem(notification) }
    return true
  }

  /// Whether `nextAnswer` would block.
  var isBusy: Bool { unsafe PQisBusy(connection) != 0 }

  /// Writes what is buffered: true when all is written, false when some is left, nil on failure.
  func flush() -> Bool? {
    switch unsafe PQflush(connection) {
    case 0: true
    case 1: false
    default: nil
    }
  }

  /// Ends a segment.
  func sendSync() -> Bool { unsafe PQpipelineSync(connection) == 1 }

  /// Sends many statements of SQL text; outside pipeline mode.
  func sendScript(_ sql: String) -> Bool { unsafe PQsendQuery(connection, sql) == 1 }

  /// Buffers one step of a segment.
  func send(_ operation: Operation) -> Bool {
    switch operation {
    case .text(let sql):
      unsafe PQsendQueryParams(connection, sql, 0, nil, nil, nil, nil, 1) == 1
    case .prepare(let statement):
      unsafe statement.types.map(\.identifier).withUnsafeBufferPointer { types in
        unsafe PQsendPrepare(
          connection, statement.name, statement.sql, Int32(types.count), types.baseAddress) == 1
      }
    case .execute(let name, let parameters):
      sendExecute(name, parameters)
    }
  }

  private func sendExecute(_ name: String, _ parameters: ParameterWriter) -> Bool {
    let count = parameters.fields.count
    guard count > 0 else {
      return unsafe PQsendQueryPrepared(connection, name, 0, nil, nil, nil, 1) == 1
    }
    return unsafe parameters.bytes.withUnsafeBufferPointer { bytes in
      unsafe withUnsafeTemporaryAllocation(of: UnsafePointer<CChar>?.self, capacity: count) {
        values in
        unsafe withUnsafeTemporaryAllocation(of: Int32.self, capacity: 2 * count) { numbers in
          for (index, field) in parameters.fields.enumerated() {
            let value = unsafe bytes.baseAddress.flatMap { base -> UnsafePointer<CChar>? in
              guard field.length >= 0 else { return nil }
              return unsafe UnsafeRawPointer(base + field.start).assumingMemoryBound(
                to: CChar.self)
            }
            unsafe values.initializeElement(at: index, to: value)
            unsafe numbers.initializeElement(at: index, to: max(field.length, 0))
            unsafe numbers.initializeElement(at: count + index, to: 1)
          }
          guard let lengths = numbers.baseAddress else { return false }
          return unsafe PQsendQueryPrepared(
            connection, name, Int32(count), values.baseAddress, lengths, lengths + count, 1) == 1
        }
      }
    }
  }

  /// The next answer; nil at the end of one statement's answers.
  func nextAnswer() -> Answer? {
    guard let result = unsafe PQgetResult(connection) else { return nil }
    let status = unsafe PQresultStatus(result)
    switch status {
    case PGRES_TUPLES_OK, PGRES_COMMAND_OK, PGRES_EMPTY_QUERY:
      return unsafe .rows(RowSet(owning: result))
    default:
      break
    }
    defer { unsafe PQclear(result) }
    switch status {
    case PGRES_PIPELINE_SYNC: return .synced
    case PGRES_PIPELINE_ABORTED: return .skipped
    case PGRES_FATAL_ERROR, PGRES_BAD_RESPONSE:
      return unsafe .refused(Self.serverError(result))
    default:
      return .unexpected(unsafe String(cString: PQresStatus(status)))
    }
  }

  private static func serverError(_ result: OpaquePointer) -> PostgresError.ServerError {
    func field(_ code: Character) -> String? {
      guard let ascii = code.asciiValue,
        let text = unsafe PQresultErrorField(result, Int32(ascii))
      else { return nil }
      return unsafe String(cString: text)
    }
    let fallback = unsafe PQresultErrorMessage(result).map { unsafe String(cString: $0) } ?? ""
    return PostgresError.ServerError(
      sqlState: field("C") ?? "", severity: field("V") ?? "ERROR",
      message: oneLine(field("M") ?? fallback), detail: field("D"), constraint: field("n"),
      table: field("t"))
  }
}

/// A message of libpq or the server without its line breaks.
private func oneLine(_ text: String) -> String {
  let lines = text.split(whereSeparator: \.isNewline)
  return lines.isEmpty ? "no reason given" : lines.joined(separator: "; ")
}

/// Lends NUL-ended strings as a NULL-ended C array.
private func withCStrings<Value>(
  _ strings: [[CChar]], _ body: (UnsafePointer<UnsafePointer<CChar>?>?) -> Value
) -> Value {
  let joined = strings.flatMap { $0 }
  return unsafe joined.withUnsafeBufferPointer { buffer in
    var pointers: [UnsafePointer<CChar>?] = unsafe []
    var offset = 0
    for string in strings {
      unsafe pointers.append(buffer.baseAddress.map { unsafe $0 + offset })
      offset += string.count
    }
    unsafe pointers.append(nil)
    return unsafe pointers.withUnsafeBufferPointer { unsafe body($0.baseAddress) }
  }
}
