// The strict RFC 8259 parser: bytes in, one value or the first error out.
//
// Called through `JSONValue.init(parsing:limits:)`; strings and numbers are read in
// `JSONParserStrings.swift` and `JSONParserNumbers.swift`. Invariant: no input traps, recurses
// deeper than the limit or takes more than linear time.

extension JSONValue {
  /// Parses a whole JSON text.
  ///
  /// Refused beyond the grammar: names given twice, lone surrogates, invalid UTF-8, a byte order
  /// mark, numbers beyond the range of a double, and what exceeds `limits`. A whole number of
  /// magnitude below 2⁵³ without fraction and exponent is an `integer`, any other a `double`.
  public init(parsing bytes: [UInt8], limits: JSONLimits = .standard) throws(JSONError) {
    guard bytes.count <= limits.bytesMax else {
      throw JSONError(.tooLong(bytesMax: limits.bytesMax), at: max(0, limits.bytesMax))
    }
    guard !bytes.starts(with: [0xEF, 0xBB, 0xBF]) else { throw JSONError(.byteOrderMark, at: 0) }
    var parser = JSONParser(bytes: bytes, depthMax: limits.depthMax)
    self = try parser.wholeText()
  }
}

/// A cursor over the bytes of a text.
struct JSONParser {
  let bytes: [UInt8]
  let depthMax: Int
  var offset = 0
  private var depth = 0

  init(bytes: [UInt8], depthMax: Int) {
    self.bytes = bytes
    self.depthMax = depthMax
  }

  /// The byte under the cursor; nil at the end of the text.
  var current: UInt8? {
    offset < bytes.count ? bytes[offset] : nil
  }

  mutating func wholeText() throws(JSONError) -> JSONValue {
    skipSpace()
    let value = try value()
    skipSpace()
    guard offset == bytes.count else { throw JSONError(.trailingBytes, at: offset) }
    return value
  }

  /// The error for a byte that cannot stand under the cursor.
  func unexpected() -> JSONError {
    guard let byte = current else { return JSONError(.unexpectedEnd, at: offset) }
    return JSONError(.unexpectedByte(byte), at: offset)
  }

  private mutating func skipSpace() {
    while let byte = current, byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 {
      offset &+= 1
    }
  }

  private mutating func value() throws(JSONError) -> JSONValue {
    guard let byte = current else { throw unexpected() }
    switch byte {
    case UInt8(ascii: "\""):
      return .string(try string())
    case UInt8(ascii: "{"):
      return try nested { (parser) throws(JSONError) in .object(try parser.members()) }
    case UInt8(ascii: "["):
      return try nested { (parser) throws(JSONError) in .array(try parser.elements()) }
    case UInt8(ascii: "t"):
      return try literal("true", .bool(true))
    case UInt8(ascii: "f"):
      return try literal("false", .bool(false))
    case UInt8(ascii: "n"):
      return try literal("null", .null)
    case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"):
      return try number()
    default:
      throw unexpected()
    }
  }

  private mutating func literal(
    _ text: String, _ value: JSONValue
  ) throws(JSONError) -> JSONValue {
    for byte in text.utf8 {
      guard current == byte else { throw unexpected() }
      offset &+= 1
    }
    return value
  }

  /// Steps over the opening bracket and runs `body` one level deeper.
  private mutating func nested(
    _ body: (inout JSONParser) throws(JSONError) -> JSONValue
  ) throws(JSONError) -> JSONValue {
    guard depth < depthMax else { throw JSONError(.tooDeep(depthMax: depthMax), at: offset) }
    depth &+= 1
    offset &+= 1
    skipSpace()
    let value = try body(&self)
    depth &-= 1
    return value
  }

  private mutating func elements() throws(JSONError) -> [JSONValue] {
    var elements: [JSONValue] = []
    guard current != UInt8(ascii: "]") else {
      offset &+= 1
      return elements
    }
    repeat {
      skipSpace()
      elements.append(try value())
      skipSpace()
    } while try isFollowedByMore(until: UInt8(ascii: "]"))
    return elements
  }

  private mutating func members() throws(JSONError) -> [String: JSONValue] {
    guard current != UInt8(ascii: "}") else {
      offset &+= 1
      return [:]
    }
    // Room for a usual object, so that its names are hashed once and not again at each growth.
    var members = [String: JSONValue](minimumCapacity: 8)
    repeat {
      skipSpace()
      let start = offset
      guard current == UInt8(ascii: "\"") else { throw unexpected() }
      let key = try string()
      skipSpace()
      guard current == UInt8(ascii: ":") else { throw unexpected() }
      offset &+= 1
      skipSpace()
      let value = try value()
      guard members.updateValue(value, forKey: key) == nil else {
        throw JSONError(.duplicateKey(key), at: start)
      }
      skipSpace()
    } while try isFollowedByMore(until: UInt8(ascii: "}"))
    return members
  }

  /// Steps over a comma (true) or the closing bracket (false).
  private mutating func isFollowedByMore(until closing: UInt8) throws(JSONError) -> Bool {
    guard let byte = current, byte == UInt8(ascii: ",") || byte == closing else {
      throw unexpected()
    }
    offset &+= 1
    return byte != closing
  }
}
