// Markup: outside text made harmless for the page, the XML or the Markdown it is put into.
//
// Called by every report but JSON's, for everything that is not this program's own words.
// Invariant: what comes out has none of the characters that mean something there, and nothing that
// moves a cursor or turns the writing direction.

/// Makes text harmless.
public enum Markup {
  /// Whether the scalar changes how the text around it looks rather than being seen itself, or may
  /// stand in no XML document.
  private static func isDeceptive(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.value {
    case 0x00...0x1F, 0x7F...0x9F, 0x061C, 0x200B...0x200F, 0x2028...0x202E, 0x2060...0x2069,
      0xFEFF, 0xFFFE...0xFFFF:
      true
    default: false
    }
  }

  /// The text with everything that would move the cursor or turn the writing direction spelled out,
  /// such as `\u202e`.
  public static func visible(_ text: String) -> String {
    var shown = String.UnicodeScalarView()
    for scalar in text.unicodeScalars {
      guard isDeceptive(scalar) else {
        shown.append(scalar)
        continue
      }
      let digits = String(scalar.value, radix: 16)
      shown.append(contentsOf: "\\u".unicodeScalars)
      shown.append(contentsOf: repeatElement("0", count: max(0, 4 - digits.count)))
      shown.append(contentsOf: digits.unicodeScalars)
    }
    return String(shown)
  }

  /// The text for the content or an attribute of XML and HTML.
  ///
  /// By scalars: a mark after a sign would make one character of both.
  static func escaped(_ text: String) -> String {
    var escaped = String.UnicodeScalarView()
    for scalar in visible(text).unicodeScalars {
      switch scalar {
      case "&": escaped.append(contentsOf: "&amp;".unicodeScalars)
      case "<": escaped.append(contentsOf: "&lt;".unicodeScalars)
      case ">": escaped.append(contentsOf: "&gt;".unicodeScalars)
      case "\"": escaped.append(contentsOf: "&quot;".unicodeScalars)
      case "'": escaped.append(contentsOf: "&#39;".unicodeScalars)
      default: escaped.append(scalar)
      }
    }
    return String(escaped)
  }

  /// The text as a code span of Markdown, in which nothing means anything: no mention, no link.
  ///
  /// Source: CommonMark 0.31, section 6.1.
  static func code(_ text: String) -> String {
    let shown = visible(text)
    guard !shown.isEmpty else { return "(empty)" }
    var longest = 0
    var run = 0
    for scalar in shown.unicodeScalars {
      run = scalar == "`" ? run + 1 : 0
      longest = max(longest, run)
    }
    let fence = String(repeating: "`", count: longest + 1)
    let isBlank = shown.unicodeScalars.allSatisfy { $0 == " " }
    let ends = [shown.unicodeScalars.first, shown.unicodeScalars.last]
    let pad = !isBlank && ends.contains { $0 == "`" || $0 == " " } ? " " : ""
    return fence + pad + shown + pad + fence
  }
}
