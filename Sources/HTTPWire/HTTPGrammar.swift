// The byte classes of RFC 9110 and the small readers built on them.
//
// Called by: the parsers of this target. Calls: nothing.
// Invariant: every reader takes any bytes and any range inside them, and never traps.

/// Byte classes and comparisons without strings.
enum HTTPGrammar {
  static let carriageReturn: UInt8 = 0x0D
  static let lineFeed: UInt8 = 0x0A
  static let space: UInt8 = 0x20
  static let tab: UInt8 = 0x09
  static let colon: UInt8 = 0x3A
  static let slash: UInt8 = 0x2F
  static let question: UInt8 = 0x3F
  static let percent: UInt8 = 0x25

  /// Whether the byte may stand in a token: a method or a field name.
  static func isToken(_ byte: UInt8) -> Bool {
    byte < 64
      ? tokenLow & (1 << UInt64(byte)) != 0
      : byte < 128 && tokenHigh & (1 << UInt64(byte &- 64)) != 0
  }

  private static let tokenLow = bits(of: "!#$%&'*+-.0123456789", from: 0)
  private static let tokenHigh = bits(
    of: "ABCDEFGHIJKLMNOPQRSTUVWXYZ^_`abcdefghijklmnopqrstuvwxyz|~", from: 64)

  private static func bits(of text: String, from base: UInt8) -> UInt64 {
    text.utf8.reduce(0) { $0 | 1 << UInt64($1 &- base) }
  }

  /// Whether the byte is a control other than the tab.
  static func isControl(_ byte: UInt8) -> Bool {
    (byte < 0x20 && byte != tab) || byte == 0x7F
  }

  static func isDigit(_ byte: UInt8) -> Bool { byte >= 0x30 && byte <= 0x39 }

  static func isBlank(_ byte: UInt8) -> Bool { byte == space || byte == tab }

  /// The value of a hexadecimal digit, or nil.
  static func hexValue(_ byte: UInt8) -> UInt8? {
    switch byte {
    case 0x30...0x39: byte &- 0x30
    case 0x41...0x46: byte &- 0x37
    case 0x61...0x66: byte &- 0x57
    default: nil
    }
  }

  static func lowercased(_ byte: UInt8) -> UInt8 {
    byte >= 0x41 && byte <= 0x5A ? byte | 0x20 : byte
  }

  /// Whether the bytes are `text`, which is lower case, in any case.
  static func matches(_ bytes: ArraySlice<UInt8>, _ text: StaticString) -> Bool {
    guard bytes.count == text.utf8CodeUnitCount else { return false }
    return text.withUTF8Buffer { expected in
      unsafe zip(bytes, expected).allSatisfy { lowercased($0) == $1 }
    }
  }

  /// The part of `range` without blanks at its ends.
  static func trimmed(_ bytes: [UInt8], _ range: Range<Int>) -> Range<Int> {
    var start = range.lowerBound
    var end = range.upperBound
    while start < end, isBlank(bytes[start]) { start += 1 }
    while end > start, isBlank(bytes[end - 1]) { end -= 1 }
    return start..<end
  }

  /// A number of digits alone, or nil where there is none or it does not fit.
  static func decimal(_ bytes: ArraySlice<UInt8>) -> Int? {
    guard !bytes.isEmpty else { return nil }
    var value = 0
    for byte in bytes {
      guard isDigit(byte) else { return nil }
      let (shifted, overflowed) = value.multipliedReportingOverflow(by: 10)
      let (sum, carried) = shifted.addingReportingOverflow(Int(byte &- 0x30))
      guard !overflowed, !carried else { return nil }
      value = sum
    }
    return value
  }

  /// Whether the bytes are a host: a name, an IPv4 address or a bracketed IPv6 one, and a port.
  static func isHost(_ bytes: ArraySlice<UInt8>) -> Bool {
    guard let first = bytes.first else { return false }
    guard first == UInt8(ascii: "[") else {
      let name = bytes.prefix { $0 != colon }
      let isName = !name.isEmpty && name.count <= 255 && name.allSatisfy(isNameByte)
      return isName && isPort(bytes[name.endIndex...])
    }
    guard let end = bytes.firstIndex(of: UInt8(ascii: "]")) else { return false }
    let address = bytes[(bytes.startIndex + 1)..<end]
    let isAddress =
      address.contains(colon)
      && address.allSatisfy { hexValue($0) != nil || $0 == colon || $0 == UInt8(ascii: ".") }
    return isAddress && isPort(bytes[(end + 1)...])
  }

  private static func isNameByte(_ byte: UInt8) -> Bool {
    switch byte {
    case 0x30...0x39, 0x41...0x5A, 0x61...0x7A: true
    case UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "~"): true
    default: false
    }
  }

  private static func isPort(_ bytes: ArraySlice<UInt8>) -> Bool {
    guard let first = bytes.first else { return true }
    guard first == colon else { return false }
    let digits = bytes.dropFirst()
    guard !digits.isEmpty else { return true }
    guard let port = decimal(digits) else { return false }
    return port <= 65_535
  }
}
