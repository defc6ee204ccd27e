// Header fields: ordered, with names compared without case.
//
// Called by: the parser, the handlers, the writer of responses. Calls: nothing.
// Invariant: a stored name is a token and a stored value has no control byte but the tab, so
// that writing fields out can never begin a new line.

/// The fields of a message, in the order they were sent.
///
/// All names and values lie in one array of bytes; a `String` is made only of what is asked for.
public struct HTTPFields: Sendable {
  private struct Entry: Sendable {
    var name: Range<Int32>
    var value: Range<Int32>
  }

  private var bytes: [UInt8] = []
  private var entries: [Entry] = []

  /// Makes an empty list.
  public init() {}

  /// Makes a list of names and values.
  public init(_ pairs: [(name: String, value: String)]) {
    for pair in pairs { append(pair.name, pair.value) }
  }

  /// How many fields there are.
  public var count: Int { entries.count }

  /// The first value of the name, or nil where the field is absent.
  public subscript(_ name: String) -> String? {
    guard let entry = entries.first(where: { isNamed($0, name) }) else { return nil }
    return text(entry.value)
  }

  /// Every value of the name, in order.
  public func values(_ name: String) -> [String] {
    entries.filter { isNamed($0, name) }.map { text($0.value) }
  }

  /// Every field as its name, as it was spelled, and its value.
  public var pairs: [(name: String, value: String)] {
    entries.map { (text($0.name), text($0.value)) }
  }

  /// Adds a field; a byte that may not stand in it becomes `-` in a name and a blank in a value.
  public mutating func append(_ name: String, _ value: String) {
    let start = bytes.count
    bytes.append(contentsOf: name.utf8)
    let middle = bytes.count
    bytes.append(contentsOf: value.utf8)
    for index in start..<middle where !HTTPGrammar.isToken(bytes[index]) {
      bytes[index] = UInt8(ascii: "-")
    }
    for index in middle..<bytes.count where HTTPGrammar.isControl(bytes[index]) {
      bytes[index] = HTTPGrammar.space
    }
    addEntry(start, middle)
  }

  /// Replaces every field of the name by one.
  public mutating func set(_ name: String, _ value: String) {
    remove(name)
    append(name, value)
  }

  /// Takes every field of the name away.
  public mutating func remove(_ name: String) {
    entries = entries.filter { !isNamed($0, name) }
  }

  /// Adds a field whose bytes have been checked.
  mutating func append(checked source: [UInt8], name: Range<Int>, value: Range<Int>) {
    if entries.isEmpty {
      entries.reserveCapacity(8)
      bytes.reserveCapacity(256)
    }
    let start = bytes.count
    bytes.append(contentsOf: source[name])
    let middle = bytes.count
    bytes.append(contentsOf: source[value])
    addEntry(start, middle)
  }

  /// Writes each field as a line, but those whose name `isSkipped` tells.
  func write(into output: inout [UInt8], skipping isSkipped: (ArraySlice<UInt8>) -> Bool) {
    for entry in entries {
      let name = slice(entry.name)
      guard !name.isEmpty, !isSkipped(name) else { continue }
      output.append(contentsOf: name)
      output.append(HTTPGrammar.colon)
      output.append(HTTPGrammar.space)
      output.append(contentsOf: slice(entry.value))
      output.append(HTTPGrammar.carriageReturn)
      output.append(HTTPGrammar.lineFeed)
    }
  }

  private mutating func addEntry(_ start: Int, _ middle: Int) {
    entries.append(
      Entry(
        name: Int32(clamping: start)..<Int32(clamping: middle),
        value: Int32(clamping: middle)..<Int32(clamping: bytes.count)))
  }

  private func slice(_ range: Range<Int32>) -> ArraySlice<UInt8> {
    bytes[Int(range.lowerBound)..<Int(range.upperBound)]
  }

  private func text(_ range: Range<Int32>) -> String {
    String(decoding: slice(range), as: UTF8.self)
  }

  private func isNamed(_ entry: Entry, _ name: String) -> Bool {
    guard entry.name.count == name.utf8.count else { return false }
    var index = Int(entry.name.lowerBound)
    for byte in name.utf8 {
      guard HTTPGrammar.lowercased(bytes[index]) == HTTPGrammar.lowercased(byte) else {
        return false
      }
      index += 1
    }
    return true
  }
}

extension HTTPFields: Equatable {
  /// Whether both hold the same fields, spelled alike, in the same order.
  public static func == (left: HTTPFields, right: HTTPFields) -> Bool {
    left.count == right.count && zip(left.pairs, right.pairs).allSatisfy { $0 == $1 }
  }
}
