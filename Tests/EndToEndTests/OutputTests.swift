// Tables, CSV and log lines: what comes from outside stays inside its cell or its line.

import CanonicalJSON
import Synchronization
import Testing

@testable import stageledger

@Suite struct OutputTests {
  @Test(arguments: ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\r\n=1", "=\u{301}"])
  func `a cell of CSV is never a formula`(_ text: String) {
    let csv = Table(columns: ["name"], rows: [[.string(text)]]).csv
    let cell = csv.dropFirst("name\r\n".count)
    #expect(cell.hasPrefix("'") || cell.hasPrefix("\"'"), "\(csv)")
  }

  @Test func `commas, quotes and line ends are quoted in CSV`() {
    let row: [JSONValue] = [.string("a,b"), .string("say \"x\""), .string("1\r\n2"), .null]
    let csv = Table(columns: ["a", "b", "c", "d"], rows: [row]).csv
    #expect(csv == "a,b,c,d\r\n\"a,b\",\"say \"\"x\"\"\",\"1\r\n2\",\r\n")
  }

  @Test func `columns line up and nothing moves the cursor`() {
    let rows: [[JSONValue]] = [
      [.string("db\u{1B}[2J"), .integer(1)], [.string("\u{202E}x"), .null],
    ]
    let text = Table(columns: ["secret_name", "count"], rows: rows).text
    #expect(
      text == """
        SECRET NAME  COUNT
        db\\u001b[2J  1
        \\u202ex      -

        """)
  }

  @Test(arguments: OutputFormat.allCases)
  func `a table that comes in pages reads as if it came at once`(_ format: OutputFormat) {
    let rows: [[JSONValue]] = [
      [.string("long"), .integer(1)], [.string("a"), .integer(22)], [.null, .integer(333)],
    ]
    for pages in [
      [], [rows], [[], rows], [[rows[0]], Array(rows[1...])], [rows, []], [[], [], []],
    ] {
      var paged = TablePages(columns: ["name", "count"], format: format)
      let text = pages.map { paged.text(of: $0) }.joined() + paged.end()
      let table = Table(columns: ["name", "count"], rows: pages.flatMap { $0 })
      switch format {
      case .table: #expect(text == table.text)
      case .csv: #expect(text == table.csv)
      case .json: #expect(text == table.json.description + "\n")
      }
    }
  }

  @Test(arguments: [
    (0, 0, "comparing"), (0, 10, "comparing [--------------------] 0 of 10"),
    (1, 3, "comparing [######--------------] 1 of 3"),
    (9_999, 10_000, "comparing [###################-] 9999 of 10000"),
    (10, 10, "comparing [####################] 10 of 10"),
    (11, 10, "comparing [####################] 10 of 10"),
    (-1, .max, "comparing [--------------------] 0 of 9223372036854775807"),
  ])
  func `a bar is full only when all is done`(_ done: Int, _ total: Int, _ text: String) {
    #expect(ProgressBar.text("comparing", done: done, of: total) == text)
  }

  @Test func `a column of pages only grows`() {
    var pages = TablePages(columns: ["n", "m"], format: .table)
    #expect(pages.text(of: [["ab", "c"]]) == "N   M\nab  c\n")
    #expect(pages.text(of: [["abcd", "c"]]) == "abcd  c\n")
    #expect(pages.text(of: [["a", "c"]]) == "a     c\n")
  }

  @Test func `a line of the log is one line, whatever is in it`() throws {
    let lines = Mutex<[String]>([])
    let log = Log(form: .json, from: .info, now: systemNow) { line in
      lines.withLock { $0.append(line) }
    }
    log(
      .warning, "a\r\nb\u{1B}\u{202E}\u{7F}", [("why", .string("x\ny\u{85}")), ("n", .integer(3))])
    let line = try #require(lines.withLock { $0.first })
    #expect(line.filter(\.isNewline).count == 1)
    for scalar in ["\u{1B}", "\u{202E}", "\u{7F}", "\u{85}", "\r"] {
      #expect(!line.dropLast().unicodeScalars.contains { String($0) == scalar })
    }
    let value = try JSONValue(parsing: Array(line.utf8.dropLast()))
    #expect(value["msg"] == .string("a\r\nb\u{1B}\u{202E}\u{7F}"))
    #expect(value["why"] == .string("x\ny\u{85}"))
    #expect(value["level"] == "warning")
  }

  @Test func `what is less grave than asked for is left out`() {
    let lines = Mutex<[String]>([])
    let log = Log(form: .plain, from: .warning, now: systemNow) { line in
      lines.withLock { $0.append(line) }
    }
    log(.info, "one")
    log(.warning, "two")
    log(.error, "three")
    #expect(lines.withLock { $0.count } == 2)
  }
}
