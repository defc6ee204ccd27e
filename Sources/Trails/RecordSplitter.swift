// RecordSplitter: the records of a trail's file, cut out of its bytes while they are read.
//
// Called by `import` with one chunk after the other. Takes every container the clouds deliver: one
// object a line, an array, and an object with the array in a member (`{"Records": [...]}`), also
// several of them after one another. Invariants: memory is bounded by one record, whatever the
// file; a broken record costs itself and at most the next one, and is told with its line.

/// What the splitter finds.
public enum TrailPiece: Hashable, Sendable {
  /// The bytes of one object, from its brace to its brace.
  case record([UInt8], TrailPlace)
  /// Something that is no record.
  case fault(SplitFault, TrailPlace)
}

/// Where a piece begins.
public struct TrailPlace: Hashable, Sendable {
  /// The line, from 1.
  public let line: Int
  /// Which piece of the file it is, from 1.
  public let number: Int

  /// The place of a piece.
  public init(line: Int, number: Int) {
    self.line = line
    self.number = number
  }
}

/// Why a part of a file is no record.
public enum SplitFault: Hashable, Sendable {
  /// The file is compressed.
  case compressed
  /// Something stands there that is no object.
  case notAnObject
  /// A line ends inside a text, or a record begins inside another.
  case brokenOff
  /// The file ends inside a record or before its container does.
  case endsEarly
  /// The record has more than this many bytes.
  case tooLong(bytesMax: Int)
}

/// Cuts records out of bytes.
public struct RecordSplitter: Sendable {
  /// The most bytes of a record: four times the largest one a cloud delivers.
  public static let recordBytesMax = 1 << 20

  /// What surrounds the next record.
  private enum Surroundings {
    /// Nothing.
    case none
    /// An array.
    case array
    /// An array that is a member of an object.
    case member
    /// The rest of that object, after its array.
    case rest
  }

  private let containers: [[UInt8]]
  private let bytesMax: Int

  private var surroundings = Surroundings.none
  private var line = 1
  private var number = 0
  private var isAtStart = true
  /// How much of a byte order mark has come; 3 once none can come any more.
  private var markBytes = 0
  private static let byteOrderMark: [UInt8] = [0xEF, 0xBB, 0xBF]
  /// Whether bytes are passed over until a line begins with a record.
  private var isLost = false
  /// Whether nothing but space has come since the line began.
  private var isLineBlank = true

  /// How deep inside the record, or inside the rest of a container; 0 outside.
  private var depth = 0
  private var isInText = false
  private var isEscaped = false
  /// The last byte that is neither space nor inside a text.
  private var before: UInt8 = 0
  private var place = TrailPlace(line: 1, number: 0)
  private var hasBegunLine = false
  private var isTooLong = false
  /// What came of the record with earlier chunks.
  private var pending: [UInt8] = []
  /// Where the last text at depth 1 begins and ends, counted from the record's first byte.
  private var name = (start: 0, end: 0)

  /// A splitter that takes arrays in members of these names for containers.
  public init(containers: [String], bytesMax: Int = RecordSplitter.recordBytesMax) {
    self.containers = containers.map { Array($0.utf8) }
    self.bytesMax = bytesMax
  }

  /// Takes the next bytes and gives what is complete.
  public mutating func feed(_ chunk: [UInt8], _ take: (TrailPiece) -> Void) {
    let bytes = chunk.span
    var index = 0
    if isAtStart, let first = chunk.first {
      isAtStart = false
      if first == 0x1F {
        fail(.compressed, take)
        isLost = true
      }
    }
    // A byte order mark may stand before all.
    while markBytes < 3, index < bytes.count {
      guard bytes[index] == Self.byteOrderMark[markBytes] else {
        markBytes = 3
        break
      }
      markBytes += 1
      index += 1
    }
    // The bytes of the record in this chunk begin here.
    var start = index
    while index < bytes.count {
      if depth > 0 {
        step(bytes, &index, &start, take)
      } else {
        look(bytes, &index, &start, take)
      }
    }
    if depth > 0, surroundings != .rest { keep(bytes, start..<bytes.count, take) }
  }

  /// Says that no more bytes come.
  public mutating func finish(_ take: (TrailPiece) -> Void) {
    if depth > 0 && surroundings != .rest {
      take(.fault(.endsEarly, place))
    } else if surroundings != .none {
      fail(.endsEarly, take)
    }
    self = RecordSplitter(containers: containers, bytesMax: bytesMax)
  }

  private init(containers: [[UInt8]], bytesMax: Int) {
    self.containers = containers
    self.bytesMax = bytesMax
  }

  // MARK: Between records

  private mutating func look(
    _ bytes: Span<UInt8>, _ index: inout Int, _ start: inout Int, _ take: (TrailPiece) -> Void
  ) {
    let byte = bytes[index]
    let wasBlank = isLineBlank
    defer { index += 1 }
    switch byte {
    case UInt8(ascii: "\n"):
      line += 1
      isLineBlank = true
      return
    case UInt8(ascii: " "), UInt8(ascii: "\t"), UInt8(ascii: "\r"):
      return
    case _ where isLost && !wasBlank:
      return
    case UInt8(ascii: ","):
      if surroundings == .none { lose(take) }
      return
    case UInt8(ascii: "{"):
      begin(at: index, &start)
    case UInt8(ascii: "[") where surroundings == .none:
      surroundings = .array
      isLost = false
    case UInt8(ascii: "]") where surroundings == .array:
      surroundings = .none
      isLost = false
    case UInt8(ascii: "]") where surroundings == .member:
      surroundings = .rest
      isLost = false
      depth = 1
    default:
      lose(take)
    }
    isLineBlank = false
  }

  /// Begins a record at a brace.
  private mutating func begin(at index: Int, _ start: inout Int) {
    number += 1
    place = TrailPlace(line: line, number: number)
    hasBegunLine = isLineBlank
    isLost = false
    isTooLong = false
    pending.removeAll(keepingCapacity: true)
    start = index
    depth = 1
    before = UInt8(ascii: "{")
    name = (0, 0)
  }

  /// Tells of what is no record, once, and passes over all until a line begins with one.
  private mutating func lose(_ take: (TrailPiece) -> Void) {
    isLineBlank = false
    guard !isLost else { return }
    isLost = true
    fail(.notAnObject, take)
  }

  private mutating func fail(_ fault: SplitFault, _ take: (TrailPiece) -> Void) {
    number += 1
    take(.fault(fault, TrailPlace(line: line, number: number)))
  }

  // MARK: Inside a record

  private mutating func step(
    _ bytes: Span<UInt8>, _ index: inout Int, _ start: inout Int, _ take: (TrailPiece) -> Void
  ) {
    if isInText {
      skipText(bytes, &index, start, take)
      return
    }
    let byte = bytes[index]
    index += 1
    switch byte {
    case UInt8(ascii: "\""):
      isInText = true
      if depth == 1 { name = (pending.count + index - start, 0) }
    case UInt8(ascii: "{"), UInt8(ascii: "["):
      if byte == UInt8(ascii: "{"), isLineBlank, hasBegunLine, !mayHoldAnObject {
        // What came before was cut off, and this is the next record.
        breakOff(take)
        begin(at: index - 1, &start)
        isLineBlank = false
        return
      }
      if byte == UInt8(ascii: "["), depth == 1, surroundings == .none,
        before == UInt8(ascii: ":"), isContainer(bytes, start)
      {
        surroundings = .member
        depth = 0
        number -= 1
        isLineBlank = false
        return
      }
      depth += 1
    case UInt8(ascii: "}"), UInt8(ascii: "]"):
      depth -= 1
      if depth == 0 { end(bytes, start..<index, take) }
    case UInt8(ascii: "\n"):
      line += 1
      isLineBlank = true
      return
    case UInt8(ascii: " "), UInt8(ascii: "\t"), UInt8(ascii: "\r"):
      return
    default:
      break
    }
    before = byte
    isLineBlank = false
  }

  /// Leaves what was cut off.
  private mutating func breakOff(_ take: (TrailPiece) -> Void) {
    isInText = false
    depth = 0
    if surroundings == .rest {
      surroundings = .none
      fail(.brokenOff, take)
    } else {
      take(.fault(.brokenOff, place))
    }
  }

  /// Whether an object may stand here, in JSON that is whole.
  private var mayHoldAnObject: Bool {
    switch before {
    case UInt8(ascii: ":"), UInt8(ascii: "["): true
    case UInt8(ascii: ","): depth > 1
    default: false
    }
  }

  private mutating func skipText(
    _ bytes: Span<UInt8>, _ index: inout Int, _ start: Int, _ take: (TrailPiece) -> Void
  ) {
    if isEscaped {
      isEscaped = false
      index += 1
    }
    while index < bytes.count {
      let byte = bytes[index]
      index += 1
      switch byte {
      case UInt8(ascii: "\""):
        isInText = false
        before = byte
        if depth == 1 { name.end = pending.count + index - 1 - start }
        return
      case UInt8(ascii: "\\"):
        guard index < bytes.count else {
          isEscaped = true
          return
        }
        index += 1
      case UInt8(ascii: "\n"):
        // No text of JSON holds the end of a line.
        breakOff(take)
        line += 1
        isLineBlank = true
        isLost = true
        return
      default:
        break
      }
    }
  }

  /// Whether the array that begins here is a container: the last text names a member of that kind.
  private func isContainer(_ bytes: Span<UInt8>, _ start: Int) -> Bool {
    containers.contains { wanted in
      guard name.end - name.start == wanted.count else { return false }
      return wanted.indices.allSatisfy { offset in
        let place = name.start + offset
        let byte =
          place < pending.count ? pending[place] : bytes[start + place - pending.count]
        return byte == wanted[offset]
      }
    }
  }

  private mutating func end(
    _ bytes: Span<UInt8>, _ range: Range<Int>, _ take: (TrailPiece) -> Void
  ) {
    if surroundings == .rest {
      surroundings = .none
      return
    }
    keep(bytes, range, take)
    if !isTooLong { take(.record(pending, place)) }
    pending.removeAll(keepingCapacity: true)
  }

  /// Keeps the bytes of the record that this chunk has, while they are not too many.
  private mutating func keep(
    _ bytes: Span<UInt8>, _ range: Range<Int>, _ take: (TrailPiece) -> Void
  ) {
    guard !isTooLong else { return }
    guard pending.count + range.count <= bytesMax else {
      isTooLong = true
      pending.removeAll()
      take(.fault(.tooLong(bytesMax: bytesMax), place))
      if surroundings == .none {
        depth = 0
        isInText = false
        isEscaped = false
        isLost = true
      }
      return
    }
    // The pointer lives as long as the span it comes from.
    unsafe bytes.extracting(range).withUnsafeBufferPointer { unsafe pending.append(contentsOf: $0) }
  }
}
