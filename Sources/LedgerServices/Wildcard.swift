// Wildcard: the patterns policies are written in.
//
// Called by `Policy` and its conditions. Invariant: no pattern takes longer than its length times
// that of the text.

/// Patterns with `*` for any run of characters and `?` for exactly one.
enum Wildcard {
  /// Whether the text fits the pattern.
  ///
  /// UTF-8 is compared byte by byte; what stands for characters takes whole ones.
  static func matches(_ pattern: String, _ text: String) -> Bool {
    if pattern == "*" { return true }
    let (pattern, text) = (pattern.utf8Span.span, text.utf8Span.span)
    var (inPattern, inText) = (0, 0)
    /// What follows the last star, and what the star has not taken yet.
    var retry: (inPattern: Int, inText: Int)?
    while inText < text.count {
      let wanted = inPattern < pattern.count ? pattern[inPattern] : nil
      if wanted == UInt8(ascii: "*") {
        inPattern += 1
        retry = (inPattern, inText)
      } else if wanted == UInt8(ascii: "?") {
        inPattern += 1
        inText = end(ofScalarAt: inText, in: text)
      } else if wanted == text[inText] {
        inPattern += 1
        inText += 1
      } else if let (afterStar, rest) = retry {
        (inPattern, inText) = (afterStar, end(ofScalarAt: rest, in: text))
        retry = (inPattern, inText)
      } else {
        return false
      }
    }
    while inPattern < pattern.count, pattern[inPattern] == UInt8(ascii: "*") { inPattern += 1 }
    return inPattern == pattern.count
  }

  private static func end(ofScalarAt index: Int, in text: borrowing Span<UInt8>) -> Int {
    var end = index + 1
    while end < text.count, text[end] & 0xC0 == 0x80 { end += 1 }
    return end
  }
}
