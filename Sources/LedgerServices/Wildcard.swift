// Wildcard: the patterns policies are written in.
//
// Called by `Policy` and its conditions. Invariant: no pattern takes longer than its length times
// that of the text.

/// Patterns with `*` for any run of characters and `?` for exactly one.
enum Wildcard {
  /// Whether the text fits the pattern.
  static func matches(_ pattern: String, _ text: String) -> Bool {
    var pattern = pattern.unicodeScalars[...]
    var text = text.unicodeScalars[...]
    /// What followed the last star, and what the star has not taken yet.
    var retry: (pattern: Substring.UnicodeScalarView, text: Substring.UnicodeScalarView)?
    while let scalar = text.first {
      if pattern.first == "*" {
        pattern.removeFirst()
        retry = (pattern, text)
      } else if let wanted = pattern.first, wanted == "?" || wanted == scalar {
        pattern.removeFirst()
        text.removeFirst()
      } else if let (afterStar, rest) = retry {
        (pattern, text) = (afterStar, rest.dropFirst())
        retry = (pattern, text)
      } else {
        return false
      }
    }
    return pattern.allSatisfy { $0 == "*" }
  }
}
