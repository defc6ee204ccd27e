// Swift source taken apart into code and string literals.
//
// Called by the rules that must not be misled by what stands in a comment or a string. A small
// scanner, not a parser: it knows comments, escaped names, and strings with their interpolations.
// Invariant: `code` has as many lines as the source, so that a place in it is a place in the file.

/// The code of a file without its comments and literals, and the literals by line.
struct SwiftText {
  /// The text of a string literal and the line it begins on, counted from 1.
  struct Literal {
    let line: Int
    let text: String
  }

  /// The code: comments gone, literals reduced to two quotation marks, escaped names to `x`.
  private(set) var code = ""
  private(set) var literals: [Literal] = []
  private let scalars: [Unicode.Scalar]
  private var index = 0
  private var line = 1

  init(_ text: String) {
    scalars = Array(text.unicodeScalars)
    scanCode(until: nil)
  }

  /// The lines of the code.
  var codeLines: [Substring] {
    code.split(separator: "\n", omittingEmptySubsequences: false)
  }

  private func isNext(_ text: String) -> Bool {
    let wanted = Array(text.unicodeScalars)
    return index + wanted.count <= scalars.count
      && scalars[index..<index + wanted.count].elementsEqual(wanted)
  }

  /// Steps over one scalar; a line break stays in the code wherever it stands.
  private mutating func skip() {
    if scalars[index] == "\n" {
      line += 1
      code.unicodeScalars.append("\n")
    }
    index += 1
  }

  /// Scans code to the end, or to the parenthesis that closes an interpolation.
  private mutating func scanCode(until closing: Unicode.Scalar?) {
    var depth = 0
    while index < scalars.count {
      if isNext("//") {
        while index < scalars.count, scalars[index] != "\n" { skip() }
      } else if isNext("/*") {
        scanBlockComment()
      } else if scalars[index] == "`" {
        code += "x"
        repeat { skip() } while index < scalars.count && scalars[index] != "`"
        if index < scalars.count { skip() }
      } else if let marks = stringOpening() {
        scanString(marks: marks)
      } else {
        let scalar = scalars[index]
        if scalar == "(" { depth += 1 }
        if scalar == ")" {
          guard depth > 0 || closing == nil else { return }
          depth -= 1
        }
        if scalar != "\n" { code.unicodeScalars.append(scalar) }
        skip()
      }
    }
  }

  private mutating func scanBlockComment() {
    var depth = 0
    repeat {
      if isNext("/*") {
        depth += 1
        skip()
      } else if isNext("*/") {
        depth -= 1
        skip()
      }
      if index < scalars.count { skip() }
    } while depth > 0 && index < scalars.count
  }

  /// How many `#` open the string that begins here; nil if none begins.
  private func stringOpening() -> Int? {
    var marks = 0
    while index + marks < scalars.count, scalars[index + marks] == "#" { marks += 1 }
    return index + marks < scalars.count && scalars[index + marks] == "\"" ? marks : nil
  }

  private mutating func scanString(marks: Int) {
    let sharps = String(repeating: "#", count: marks)
    let begin = line
    var text = ""
    for _ in 0..<marks { skip() }
    let quotes = isNext("\"\"\"") ? "\"\"\"" : "\""
    for _ in quotes.unicodeScalars { skip() }
    code += "\""
    while index < scalars.count, !isNext(quotes + sharps) {
      if isNext("\\" + sharps + "(") {
        for _ in 0..<marks + 2 { skip() }
        code += "("
        scanCode(until: ")")
        code += ")"
        if index < scalars.count { skip() }
      } else {
        if isNext("\\" + sharps) {
          for _ in 0...marks where index < scalars.count { skip() }
        }
        guard index < scalars.count else { break }
        text.unicodeScalars.append(scalars[index])
        skip()
      }
    }
    for _ in 0..<quotes.count + marks where index < scalars.count { skip() }
    code += "\""
    literals.append(Literal(line: begin, text: text))
  }
}
