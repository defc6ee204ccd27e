// The scanner that keeps code and literals apart.

import Testing

@Suite struct SwiftTextTests {
  @Test func `comments are gone and lines stay`() {
    let text = SwiftText("a // b\n/* c\n /* d */ e */ f\n/// g\nh")
    #expect(text.codeLines == ["a ", "", " f", "", "h"])
    #expect(text.literals.isEmpty)
  }

  @Test func `literals are taken out of the code`() {
    let text = SwiftText(#"f("a\"b // c", "") + g("/*")"#)
    #expect(text.code == #"f("", "") + g("")"#)
    #expect(text.literals.map(\.text) == [#"a"b // c"#, "", "/*"])
  }

  @Test func `interpolated code is code`() {
    let text = SwiftText(#"x("a\(f(g("b")!))c") "#)
    #expect(text.code == #"x("(f(g("")!))") "#)
    #expect(text.literals.map(\.text) == ["b", "ac"])
  }

  @Test func `long and raw literals know where they begin`() {
    let source = "let a = \"\"\"\n  \"b\" // c\n  \"\"\"\nlet d = #\"e\\(f)\"g\"# + #\"\\#(h!)\"#"
    let text = SwiftText(source)
    #expect(text.literals.map(\.line) == [1, 4, 4])
    #expect(text.literals[1].text == "e\\(f)\"g")
    #expect(text.codeLines.count == 4)
    #expect(text.codeLines[3] == "let d = \"\" + \"(h!)\"")
  }

  @Test func `escaped names hide their text`() {
    #expect(SwiftText("func `it's \"odd\"! // x`() { y }").code == "func x() { y }")
  }

  @Test(arguments: [
    "\"", "#", "##\"", "\"\"\"", "`", "/*", "/* /*", "\"\\", "\"\\(", "#\"\\#(", ")",
  ])
  func `a source that breaks off is no trouble`(_ source: String) {
    _ = SwiftText(source)
    _ = SwiftText("let a = \"b\"\n" + source + "\n")
  }
}
