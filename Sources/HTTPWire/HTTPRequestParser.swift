// Bytes in, requests out: the state of one connection's reading side, with no input or output.
//
// Called by: the server's connections and tests. Calls: `HTTPHeadBuilder`, `HTTPBodyReader`.
// Invariant: what comes out depends on the bytes alone, never on how they were split; after a
// refusal nothing more comes out.

/// What the parser has found.
public enum HTTPEvent: Sendable, Equatable {
  /// A head; `readBody` or `dropBody` must be called before `next` goes on.
  case head(HTTPHead)
  /// The whole body of the head before; empty where it has none.
  case body([UInt8])
  /// The body of the head before has gone by.
  case dropped
  /// A broken rule; it is the last event.
  case refused(HTTPRefusal)
}

/// An incremental parser of requests.
public struct HTTPRequestParser: Sendable {
  private enum State: Sendable {
    case requestLine
    case fields(HTTPHeadBuilder)
    case undecided(HTTPFraming)
    case body(HTTPBodyReader)
    case refused(HTTPRefusal)
  }

  private let limits: HTTPLimits
  private var buffer = HTTPInputBuffer()
  private var state = State.requestLine
  private var headBytes = 0
  private var hasSkippedLine = false

  /// The target of the message in progress or just refused; nil before it is known.
  public private(set) var target: String?
  /// The method of the message in progress or just refused; nil before it is known.
  public private(set) var method: String?

  /// Makes a parser at the beginning of a connection.
  public init(limits: HTTPLimits) { self.limits = limits }

  /// Whether the parser is between two messages and holds no byte of the next request line.
  public var isIdle: Bool {
    if case .requestLine = state { buffer.isEmpty } else { false }
  }

  /// Whether bytes have arrived that no event has used.
  public var hasUnreadBytes: Bool { !buffer.isEmpty }

  /// Takes bytes from the connection; `next` then tells what they mean.
  public mutating func receive(_ bytes: ArraySlice<UInt8>) {
    if case .refused = state { return }
    buffer.append(bytes)
  }

  /// Asks for the body of the head just found, of at most `bytesMax` bytes.
  public mutating func readBody(bytesMax: Int) {
    begin(keeping: .all, bytesMax: bytesMax)
  }

  /// Lets the body of the head just found go by, if it has at most `bytesMax` bytes.
  public mutating func dropBody(bytesMax: Int) {
    begin(keeping: .nothing, bytesMax: bytesMax)
  }

  private mutating func begin(keeping: HTTPBodyKeeping, bytesMax: Int) {
    guard case .undecided(let framing) = state else { return }
    state = .body(HTTPBodyReader(framing, keeping: keeping, bytesMax: bytesMax, limits))
  }

  /// The next thing the bytes say, or nil where more are needed.
  public mutating func next() -> HTTPEvent? {
    if case .refused(let refusal) = state { return .refused(refusal) }
    do throws(HTTPRefusal) {
      return try advance()
    } catch {
      state = .refused(error)
      buffer.removeAll()
      return .refused(error)
    }
  }

  private mutating func advance() throws(HTTPRefusal) -> HTTPEvent? {
    while true {
      switch state {
      case .requestLine:
        guard try advanceRequestLine() else { return nil }
      case .fields(let builder):
        // The builder is moved out, so that adding a field does not copy it.
        state = .requestLine
        return try advanceFields(builder)
      case .undecided, .refused:
        return nil
      case .body(var reader):
        state = .requestLine
        guard let event = try reader.advance(&buffer) else {
          state = .body(reader)
          return nil
        }
        endMessage()
        return event
      }
    }
  }

  private mutating func endMessage() {
    headBytes = 0
    hasSkippedLine = false
    target = nil
    method = nil
    buffer.shrinkIfEmpty()
  }

  /// Reads the request line; false where it is not there yet.
  private mutating func advanceRequestLine() throws(HTTPRefusal) -> Bool {
    let room = limits.targetBytesMax + HTTPRequestLine.overheadBytesMax
    let isHeadSmaller = limits.headBytesMax < room
    let tooLong: HTTPRefusal.Reason =
      isHeadSmaller
      ? .headTooLarge(limitBytes: limits.headBytesMax)
      : .targetTooLong(limitBytes: limits.targetBytesMax)
    let bytesMax = isHeadSmaller ? limits.headBytesMax : room
    guard let line = try buffer.takeLine(bytesMax: bytesMax, tooLong: tooLong) else { return false }
    if line.isEmpty, !hasSkippedLine {
      hasSkippedLine = true
      return true
    }
    let parsed = try HTTPRequestLine(buffer.bytes[line], targetBytesMax: limits.targetBytesMax)
    target = parsed.target
    method = parsed.method
    headBytes = line.count + 2
    state = .fields(HTTPHeadBuilder(line: parsed, fieldsMax: limits.fieldsMax))
    return true
  }

  private mutating func advanceFields(
    _ unfinished: HTTPHeadBuilder
  ) throws(HTTPRefusal) -> HTTPEvent? {
    var builder = unfinished
    while true {
      let room = limits.headBytesMax - headBytes - 2
      let tooLong = HTTPRefusal.Reason.headTooLarge(limitBytes: limits.headBytesMax)
      guard let line = try buffer.takeLine(bytesMax: max(0, room), tooLong: tooLong) else {
        state = .fields(builder)
        return nil
      }
      headBytes += line.count + 2
      guard headBytes <= limits.headBytesMax else { throw HTTPRefusal(tooLong) }
      guard !line.isEmpty else {
        let head = try builder.finish()
        state = .undecided(head.framing)
        return .head(head)
      }
      try builder.add(buffer.bytes, line)
    }
  }
}
