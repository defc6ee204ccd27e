// Wildcard: the patterns policies are written in.
//
// Called by `Policy` and its conditions. Invariant: no pattern takes longer than its length times
// that of the text.

/// Patterns with `*` for any run of characters and `?` for exactly one.
enum Wildcard {
  /// Whether the text fits the pattern.
  static func matches(_ pattern: String, _ text: String) -> Bool {
    let pattern = Array(pattern.unicodeScalars)
    let text = Array(text.unicodeScalars)
    var p = 0
    var t = 0
    var star: (pattern: Int, text: Int)?
    while t < text.count {
      if p < pattern.count, pattern[p] == "*" {
        star = (p + 1, t)
        p += 1
      } else if p < pattern.count, pattern[p] == "?" || pattern[p] == text[t] {
        p += 1
        t += 1
      } else if let (afterStar, from) = star {
        p = afterStar
        t = from + 1
        star = (afterStar, from + 1)
      } else {
        return false
      }
    }
    return pattern[p...].allSatisfy { $0 == "*" }
  }
}
