// Reading JSON strings: escapes, surrogate pairs, UTF-8.
//
// Called by `JSONParser` at an opening quotation mark. Invariant: a string that comes out is valid
// Unicode and holds exactly the scalars that were written or escaped.

extension JSONParser {
  /// The string that opens under the cursor; the cursor ends behind its closing mark.
  mutating func string() throws(JSONError) -> String {
    offset &+= 1
    let start = offset
    let isPlain = try skipUnescaped()
    guard current == UInt8(ascii: "\\") else {
      let text = try text(of: bytes[start..<offset], isASCII: isPlain, from: start)
      offset &+= 1
      return text
    }
    var unescaped = Array(bytes[start..<offset])
    while current == UInt8(ascii: "\\") {
      try appendEscape(to: &unescaped)
      let run = offset
      _ = try skipUnescaped()
      unescaped.append(contentsOf: bytes[run..<offset])
    }
    let text = try text(of: unescaped[...], isASCII: false, from: start)
    offset &+= 1
    return text
  }

  /// Moves to the next backslash or quotation mark; tells whether all before it was ASCII.
  private mutating func skipUnescaped() throws(JSONError) -> Bool {
    var seen: UInt8 = 0
    while let byte = current {
      guard byte != UInt8(ascii: "\""), byte != UInt8(ascii: "\\") else { return seen < 0x80 }
      guard byte >= 0x20 else { throw JSONError(.controlCharacter(byte), at: offset) }
      seen |= byte
      offset &+= 1
    }
    throw JSONError(.unexpectedEnd, at: offset)
  }

  private func text(
    of utf8: ArraySlice<UInt8>, isASCII: Bool, from start: Int
  ) throws(JSONError) -> String {
    guard !isASCII else { return String(decoding: utf8, as: UTF8.self) }
    if let text = String(validating: utf8, as: UTF8.self) { return text }
    throw JSONError(.invalidUTF8, at: start &+ validLength(of: bytes[start..<offset]))
  }

  /// How many bytes come before the first that is not part of valid UTF-8.
  private func validLength(of raw: ArraySlice<UInt8>) -> Int {
    var decoder = UTF8()
    var iterator = raw.makeIterator()
    var count = 0
    while case .scalarValue(let scalar) = decoder.decode(&iterator) {
      count &+= UTF8.width(scalar)
    }
    return count
  }

  private mutating func appendEscape(to text: inout [UInt8]) throws(JSONError) {
    let start = offset
    offset &+= 1
    guard let byte = current else { throw unexpected() }
    offset &+= 1
    switch byte {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): text.append(byte)
    case UInt8(ascii: "b"): text.append(0x08)
    case UInt8(ascii: "t"): text.append(0x09)
    case UInt8(ascii: "n"): text.append(0x0A)
    case UInt8(ascii: "f"): text.append(0x0C)
    case UInt8(ascii: "r"): text.append(0x0D)
    case UInt8(ascii: "u"): text.append(contentsOf: try escapedScalar(from: start).utf8)
    default: throw JSONError(.invalidEscape, at: start)
    }
  }

  /// The scalar of one `\uXXXX`, or of a pair of them that are surrogates of each other.
  private mutating func escapedScalar(from start: Int) throws(JSONError) -> Unicode.Scalar {
    let high = try hexadecimal(from: start)
    if let scalar = Unicode.Scalar(high) { return scalar }
    guard high < 0xDC00, current == UInt8(ascii: "\\") else {
      throw JSONError(.loneSurrogate, at: start)
    }
    let second = offset
    offset &+= 1
    guard current == UInt8(ascii: "u") else { throw JSONError(.loneSurrogate, at: start) }
    offset &+= 1
    let low = try hexadecimal(from: second)
    guard 0xDC00...0xDFFF ~= low,
      let scalar = Unicode.Scalar(0x1_0000 &+ ((high &- 0xD800) << 10) &+ (low &- 0xDC00))
    else { throw JSONError(.loneSurrogate, at: start) }
    return scalar
  }

  private mutating func hexadecimal(from start: Int) throws(JSONError) -> UInt32 {
    var value: UInt32 = 0
    for _ in 0..<4 {
      guard let byte = current else { throw unexpected() }
      let digit: UInt8
      switch byte {
      case UInt8(ascii: "0")...UInt8(ascii: "9"): digit = byte &- UInt8(ascii: "0")
      case UInt8(ascii: "a")...UInt8(ascii: "f"): digit = byte &- UInt8(ascii: "a") &+ 10
      case UInt8(ascii: "A")...UInt8(ascii: "F"): digit = byte &- UInt8(ascii: "A") &+ 10
      default: throw JSONError(.invalidEscape, at: start)
      }
      value = value << 4 | UInt32(digit)
      offset &+= 1
    }
    return value
  }
}
