// The order of names in a canonical object.
//
// Called by `JSONWriter`. Invariant: a strict total order of strings by their UTF-16 code units
// (RFC 8785, section 3.2.3), found without converting to UTF-16.

/// Comparison of names by UTF-16 code units.
public enum KeyOrder {
  /// Whether `left` comes before `right`.
  ///
  /// The order of UTF-8 bytes is that of scalars. UTF-16 differs from it in one point only: scalars
  /// above U+FFFF begin with a surrogate and so come before U+E000 to U+FFFF.
  public static func isBefore(_ left: String, _ right: String) -> Bool {
    let left = left.utf8.span
    let right = right.utf8.span
    for index in 0..<min(left.count, right.count) where left[index] != right[index] {
      return rank(left[index]) < rank(right[index])
    }
    return left.count < right.count
  }

  /// The place of a byte: those that begin a scalar above U+FFFF move before 0xEE and 0xEF.
  private static func rank(_ byte: UInt8) -> UInt8 {
    switch byte {
    case 0xEE, 0xEF: byte &+ 0x10
    case 0xF0...0xFF: byte &- 2
    default: byte
    }
  }
}
