// The rules of layout that the formatter does not know.
//
// Called by `RuleTests` with every file of the project, and with planted offences. Invariant: a
// rule is a pure function from a file to what it finds there.

enum Rules {
  /// Columns, tabs and unfinished work, in every kind of text that is written by hand.
  static func text(of file: SourceFile) -> [Finding] {
    let kinds: Set = ["swift", "sql", "py", "sh", "yml", "yaml", "h", "modulemap", "js", "css"]
    guard kinds.contains(file.kind) || file.kind.isEmpty else { return [] }
    return file.lines.enumerated().flatMap { index, line in
      var messages: [String] = []
      if line.count > 100 { messages.append("\(line.count) columns, more than 100") }
      if line.contains("\t") { messages.append("a tab") }
      if line.contains(unfinished) { messages.append("unfinished work") }
      return messages.map { Finding(path: file.path, line: index + 1, message: $0) }
    }
  }

  /// A file of more than a few lines that does not begin by saying what it is for.
  static func header(of file: SourceFile) -> [Finding] {
    guard file.lines.count > 6, !file.text.hasPrefix("//") else { return [] }
    return [Finding(path: file.path, line: 1, message: "no header comment")]
  }

  /// Places on the machine of whoever wrote the line.
  static func machinePaths(in file: SourceFile) -> [Finding] {
    find(machinePath, in: file.lines, of: file, "a path of one machine")
  }

  /// Code of the product that stops the process on what it did not expect.
  static func traps(in file: SourceFile) -> [Finding] {
    let source = SwiftText(file.text)
    let lines = source.codeLines
    let unfinished = source.literals.filter {
      $0.text.lowercased().contains(/not (yet )?implemented/)
        && lines[$0.line - 1].contains(/\b(fatalError|preconditionFailure)\(/)
    }
    return find(/\btry!/, in: lines, of: file, "try!")
      + find(/\bas!/, in: lines, of: file, "as!")
      + find(/[\w)\]}>"]!(?![=\w])/, in: lines, of: file, "a forced unwrap")
      + find(/\bunowned\(unsafe\)|\bunsafeBitCast\b/, in: lines, of: file, "an unchecked cast")
      + unfinished.map { Finding(path: file.path, line: $0.line, message: "unfinished work") }
  }

  /// Promises to the compiler outside the targets that may make them, or without their proof.
  static func promises(in file: SourceFile) -> [Finding] {
    let targets: Set = ["EventLoop", "HTTPServer", "PostgresClient", "PostgresCluster", "Crypto"]
    let promise = /@unchecked\s+Sendable|nonisolated\(unsafe\)/
    let places = find(promise, in: SwiftText(file.text).codeLines, of: file, "")
    return places.compactMap { place in
      guard targets.contains(file.target) else {
        return Finding(
          path: file.path, line: place.line, message: "an unchecked promise in \(file.target)")
      }
      guard !isExplained(file.lines, line: place.line) else { return nil }
      return Finding(
        path: file.path, line: place.line, message: "an unchecked promise without its proof")
    }
  }

  /// Tasks started outside the wiring that nothing structured waits for.
  ///
  /// A mechanism that must start its own is named here, and its header says why.
  static func looseTasks(in file: SourceFile) -> [Finding] {
    let documented: Set = ["Sources/HTTPServer/HTTPServer.swift"]
    guard !file.name.hasPrefix("Wiring"), !file.name.hasPrefix("Services") else { return [] }
    guard !documented.contains(file.path) || !file.text.contains("unstructured task") else {
      return []
    }
    let task = /\bTask(<[^>]*>)?\s*(\.(detached|immediate)\b|\([^)]*\)\s*\{|\{)/
    return find(task, in: SwiftText(file.text).codeLines, of: file, "an unstructured task")
  }

  /// SQL outside the targets that speak to the database; the bench asks it what it can do alone.
  static func statements(in file: SourceFile) -> [Finding] {
    let targets: Set = [
      "LedgerStore", "PostgresClient", "PostgresCluster", "Migrations", "Bench",
    ]
    guard !targets.contains(file.target) else { return [] }
    let sql =
      #/
      \b ( SELECT\s | INSERT\ INTO\b | UPDATE\s+\S+\s+SET\b | DELETE\ FROM\b | TRUNCATE\s
      | (CREATE|ALTER|DROP)\ (TABLE|ROLE|SCHEMA|DATABASE|INDEX)\b )
      /#
    return SwiftText(file.text).literals.filter { $0.text.contains(sql) }.map {
      Finding(path: file.path, line: $0.line, message: "SQL outside the store")
    }
  }

  /// Tests that do not run.
  static func disabledTests(in file: SourceFile) -> [Finding] {
    let disabled =
      #/
      \.disabled\s*\( | @(Test|Suite)\([^)]*\.disabled\b | \.enabled\s*\(\s*if
      | \bXCTSkip | \bwithKnownIssue\b
      /#
    return find(
      disabled, in: SwiftText(file.text).codeLines, of: file, "a test that does not always run")
  }

  private static func find(
    _ pattern: some RegexComponent, in lines: [Substring], of file: SourceFile, _ message: String
  ) -> [Finding] {
    lines.enumerated().filter { $0.element.contains(pattern) }.map {
      Finding(path: file.path, line: $0.offset + 1, message: message)
    }
  }

  /// Whether a comment stands above the declaration that holds `line`, without a gap.
  private static func isExplained(_ lines: [Substring], line: Int) -> Bool {
    for above in lines[..<(line - 1)].reversed().prefix(4) {
      let text = above.drop { $0 == " " }
      if text.hasPrefix("//") { return true }
      guard !text.isEmpty, !text.hasSuffix("}"), !text.hasSuffix("{") else { return false }
    }
    return false
  }

  // The brackets keep this file from holding the words it looks for.
  nonisolated(unsafe) private static let unfinished = /\b(TO[D]O|FIX[M]E|XX[X])\b/

  nonisolated(unsafe) private static let machinePath =
    /(^|[^\w.])\/(ho[m]e|ro[o]t|Us[e]rs|wo[r]k|tmp\/w[k])\b/
}
