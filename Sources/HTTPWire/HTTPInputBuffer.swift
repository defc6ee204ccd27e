// Bytes that have arrived and are not used up, and the reading of lines from them.
//
// Called by: the parser and the body reader. Calls: `HTTPGrammar`.
// Invariant: a byte is looked at once however the input is split, and a line's fault is told at
// its first wrong byte, whether or not the line is complete.

/// A queue of bytes with line reading.
struct HTTPInputBuffer: Sendable {
  /// The bytes; those before `start` are used up.
  private(set) var bytes: [UInt8] = []
  private var start = 0
  private var scanned = 0

  /// An empty buffer keeps at most this much memory for the next message.
  private static let keptBytesMax = 4096

  var isEmpty: Bool { start == bytes.count }
  var count: Int { bytes.count - start }

  mutating func append(_ more: ArraySlice<UInt8>) {
    if start == bytes.count {
      bytes.removeAll(keepingCapacity: true)
      scanned = 0
      start = 0
    } else if start >= Self.keptBytesMax {
      bytes.removeSubrange(..<start)
      scanned -= start
      start = 0
    }
    bytes.append(contentsOf: more)
  }

  mutating func removeAll() {
    bytes = []
    start = 0
    scanned = 0
  }

  mutating func shrinkIfEmpty() {
    if isEmpty, bytes.capacity > Self.keptBytesMax { removeAll() }
  }

  /// Takes a line ended by CR LF: the range of its content in `bytes`, or nil until it is there.
  mutating func takeLine(
    bytesMax: Int, tooLong: HTTPRefusal.Reason
  ) throws(HTTPRefusal) -> Range<Int>? {
    var index = max(scanned, start)
    let stop = min(bytes.count, start + bytesMax + 1)
    while index < stop {
      let byte = bytes[index]
      guard byte < 0x20 || byte == 0x7F else {
        index += 1
        continue
      }
      switch byte {
      case HTTPGrammar.carriageReturn:
        guard index + 1 < bytes.count else {
          scanned = index
          return nil
        }
        guard bytes[index + 1] == HTTPGrammar.lineFeed else { throw HTTPRefusal(.invalidLineEnd) }
        let line = start..<index
        start = index + 2
        scanned = start
        return line
      case HTTPGrammar.lineFeed: throw HTTPRefusal(.invalidLineEnd)
      case HTTPGrammar.tab: index += 1
      default: throw HTTPRefusal(.controlByte)
      }
    }
    guard index - start <= bytesMax else { throw HTTPRefusal(tooLong) }
    scanned = index
    return nil
  }

  /// Takes at most `countMax` bytes.
  mutating func take(_ countMax: Int) -> ArraySlice<UInt8> {
    let end = start + min(countMax, count)
    let taken = bytes[start..<end]
    start = end
    scanned = end
    return taken
  }

  /// Takes CR LF: true when it was there, nil until both bytes are, false for anything else.
  mutating func takeLineEnd() -> Bool? {
    guard count > 0 else { return nil }
    guard bytes[start] == HTTPGrammar.carriageReturn else { return false }
    guard count > 1 else { return nil }
    guard bytes[start + 1] == HTTPGrammar.lineFeed else { return false }
    start += 2
    scanned = start
    return true
  }
}
