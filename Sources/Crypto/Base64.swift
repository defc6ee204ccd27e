// Bytes as base 64 text.
//
// Called for request signatures, keys, receipts and page tokens. Invariant: strict; each sequence
// of bytes has exactly one text in each alphabet, and no other text is read.

/// Base 64 (RFC 4648, sections 4 and 5).
public enum Base64 {
  /// Which characters stand for 62 and 63, and whether the text is padded.
  public enum Alphabet: Sendable {
    /// `+` and `/`, padded with `=` to a multiple of four.
    case standard
    /// `-` and `_`, not padded.
    case url
  }

  /// The text of `bytes`.
  public static func encode(_ bytes: [UInt8], as alphabet: Alphabet = .standard) -> String {
    var text: [UInt8] = []
    text.reserveCapacity((bytes.count &+ 2) / 3 &* 4)
    var buffer: UInt32 = 0
    var bits = 0
    for byte in bytes {
      buffer = buffer << 8 | UInt32(byte)
      bits &+= 8
      while bits >= 6 {
        bits &-= 6
        text.append(character(UInt8(truncatingIfNeeded: buffer >> UInt32(bits)) & 63, alphabet))
      }
    }
    if bits > 0 {
      let last = UInt8(truncatingIfNeeded: buffer << UInt32(6 &- bits)) & 63
      text.append(character(last, alphabet))
    }
    if alphabet == .standard {
      while text.count % 4 != 0 { text.append(UInt8(ascii: "=")) }
    }
    return String(decoding: text, as: UTF8.self)
  }

  /// The bytes of `text`; nil unless it is exactly what `encode` gives for them.
  public static func decode(
    _ text: some StringProtocol, as alphabet: Alphabet = .standard
  ) -> [UInt8]? {
    var digits = Array(text.utf8)
    if alphabet == .standard {
      guard digits.count % 4 == 0 else { return nil }
      for _ in 0..<2 where digits.last == UInt8(ascii: "=") { digits.removeLast() }
    }
    guard digits.count % 4 != 1 else { return nil }
    var bytes: [UInt8] = []
    bytes.reserveCapacity(digits.count / 4 &* 3 &+ 2)
    var buffer: UInt32 = 0
    var bits: UInt32 = 0
    for digit in digits {
      guard let value = value(digit, alphabet) else { return nil }
      buffer = buffer << 6 | UInt32(value)
      bits &+= 6
      guard bits >= 8 else { continue }
      bits &-= 8
      bytes.append(UInt8(truncatingIfNeeded: buffer >> bits))
    }
    // The bits of the last digit that belong to no byte must be zero, or two texts would mean the
    // same bytes.
    guard buffer & ((1 << bits) &- 1) == 0 else { return nil }
    return bytes
  }

  private static func character(_ value: UInt8, _ alphabet: Alphabet) -> UInt8 {
    switch (value, alphabet) {
    case (0..<26, _): UInt8(ascii: "A") &+ value
    case (26..<52, _): UInt8(ascii: "a") &+ value &- 26
    case (52..<62, _): UInt8(ascii: "0") &+ value &- 52
    case (62, .standard): UInt8(ascii: "+")
    case (62, .url): UInt8(ascii: "-")
    case (_, .standard): UInt8(ascii: "/")
    case (_, .url): UInt8(ascii: "_")
    }
  }

  private static func value(_ character: UInt8, _ alphabet: Alphabet) -> UInt8? {
    switch (character, alphabet) {
    case (UInt8(ascii: "A")...UInt8(ascii: "Z"), _): character &- UInt8(ascii: "A")
    case (UInt8(ascii: "a")...UInt8(ascii: "z"), _): character &- UInt8(ascii: "a") &+ 26
    case (UInt8(ascii: "0")...UInt8(ascii: "9"), _): character &- UInt8(ascii: "0") &+ 52
    case (UInt8(ascii: "+"), .standard), (UInt8(ascii: "-"), .url): 62
    case (UInt8(ascii: "/"), .standard), (UInt8(ascii: "_"), .url): 63
    default: nil
    }
  }
}
