// The body of a request, of a known length or in chunks.
//
// Called by: `HTTPRequestParser`. Calls: `HTTPInputBuffer`, `HTTPHeadBuilder.split` for trailers.
// Invariant: a body longer than its limit is refused before the bytes beyond it are stored, and
// an incomplete body is never given out.

/// What becomes of the bytes of a body.
enum HTTPBodyKeeping: Sendable {
  case all
  case nothing
}

/// The reading of one body.
struct HTTPBodyReader: Sendable {
  private enum State: Sendable {
    case length(left: Int)
    case chunkLine
    case chunk(left: Int)
    case chunkEnd
    case trailer
    case tooLarge
  }

  private let keeping: HTTPBodyKeeping
  private let bytesMax: Int
  private let limits: HTTPLimits
  private var state: State
  private var body: [UInt8] = []
  private var total = 0
  private var extensionBytes = 0
  private var trailerBytes = 0
  private var trailers = 0

  init(
    _ framing: HTTPFraming, keeping: HTTPBodyKeeping, bytesMax: Int, _ limits: HTTPLimits
  ) {
    self.keeping = keeping
    self.bytesMax = bytesMax
    self.limits = limits
    switch framing {
    case .none: state = .length(left: 0)
    case .length(let length): state = length > bytesMax ? .tooLarge : .length(left: length)
    case .chunked: state = .chunkLine
    }
  }

  /// Uses what has arrived; gives `.body` or `.dropped` at the end of the body.
  mutating func advance(_ buffer: inout HTTPInputBuffer) throws(HTTPRefusal) -> HTTPEvent? {
    while true {
      switch state {
      case .tooLarge:
        throw HTTPRefusal(.bodyTooLarge(limitBytes: bytesMax))
      case .length(let left):
        let rest = take(left, from: &buffer)
        state = .length(left: rest)
        return rest == 0 ? finished : nil
      case .chunk(let left):
        let rest = take(left, from: &buffer)
        state = rest == 0 ? .chunkEnd : .chunk(left: rest)
        guard rest == 0 else { return nil }
      case .chunkEnd:
        guard let isThere = buffer.takeLineEnd() else { return nil }
        guard isThere else { throw HTTPRefusal(.invalidChunk) }
        state = .chunkLine
      case .chunkLine:
        guard try advanceChunkLine(&buffer) else { return nil }
      case .trailer:
        guard let isLast = try advanceTrailer(&buffer) else { return nil }
        if isLast { return finished }
      }
    }
  }

  private var finished: HTTPEvent {
    switch keeping {
    case .all: .body(body)
    case .nothing: .dropped
    }
  }

  /// Moves up to `left` bytes into the body and returns how many are still to come.
  private mutating func take(_ left: Int, from buffer: inout HTTPInputBuffer) -> Int {
    let bytes = buffer.take(left)
    switch keeping {
    case .all: body.append(contentsOf: bytes)
    case .nothing: break
    }
    return left - bytes.count
  }

  private mutating func advanceChunkLine(
    _ buffer: inout HTTPInputBuffer
  ) throws(HTTPRefusal) -> Bool {
    let bytesMax = HTTPLimits.chunkLineBytesMax
    guard let range = try buffer.takeLine(bytesMax: bytesMax, tooLong: .invalidChunk) else {
      return false
    }
    let line = buffer.bytes[range]
    let digits = line.prefix { HTTPGrammar.hexValue($0) != nil }
    let rest = line[digits.endIndex...]
    guard let size = Self.hexadecimal(digits), HTTPChunkExtension.isWellFormed(rest) else {
      throw HTTPRefusal(.invalidChunk)
    }
    extensionBytes += rest.count
    guard extensionBytes <= limits.trailerBytesMax else { throw HTTPRefusal(.invalidChunk) }
    guard size > 0 else {
      state = .trailer
      return true
    }
    guard size <= self.bytesMax - total else {
      throw HTTPRefusal(.bodyTooLarge(limitBytes: self.bytesMax))
    }
    total += size
    state = .chunk(left: size)
    return true
  }

  private static func hexadecimal(_ digits: ArraySlice<UInt8>) -> Int? {
    guard !digits.isEmpty else { return nil }
    var value = 0
    for byte in digits {
      guard let digit = HTTPGrammar.hexValue(byte), value <= Int.max >> 4 else { return nil }
      value = value << 4 | Int(digit)
    }
    return value
  }

  /// Checks and drops a line after the last chunk: true at the empty one, nil until it is there.
  private mutating func advanceTrailer(
    _ buffer: inout HTTPInputBuffer
  ) throws(HTTPRefusal) -> Bool? {
    let limit = limits.trailerBytesMax
    let tooLong = HTTPRefusal.Reason.trailerTooLarge(limitBytes: limit)
    let room = max(0, limit - trailerBytes)
    guard let range = try buffer.takeLine(bytesMax: room, tooLong: tooLong) else { return nil }
    guard !range.isEmpty else { return true }
    _ = try HTTPHeadBuilder.split(buffer.bytes, range)
    trailerBytes += range.count + 2
    trailers += 1
    guard trailerBytes <= limit, trailers <= limits.fieldsMax else { throw HTTPRefusal(tooLong) }
    return false
  }
}

/// What may follow the size of a chunk: `;name`, `;name=token` or `;name="quoted"`, repeated.
enum HTTPChunkExtension {
  static func isWellFormed(_ bytes: ArraySlice<UInt8>) -> Bool {
    var rest = bytes
    while let first = rest.first {
      guard first == UInt8(ascii: ";") else { return false }
      rest = rest.dropFirst()
      guard takeToken(&rest) else { return false }
      guard rest.first == UInt8(ascii: "=") else { continue }
      rest = rest.dropFirst()
      let isQuoted = rest.first == UInt8(ascii: "\"")
      guard isQuoted ? takeQuoted(&rest) : takeToken(&rest) else { return false }
    }
    return true
  }

  private static func takeToken(_ rest: inout ArraySlice<UInt8>) -> Bool {
    let token = rest.prefix(while: HTTPGrammar.isToken)
    rest = rest[token.endIndex...]
    return !token.isEmpty
  }

  private static func takeQuoted(_ rest: inout ArraySlice<UInt8>) -> Bool {
    rest = rest.dropFirst()
    while let byte = rest.popFirst() {
      if byte == UInt8(ascii: "\"") { return true }
      if byte == UInt8(ascii: "\\"), rest.popFirst() == nil { return false }
    }
    return false
  }
}
