// Every file of the project against the rules, and the rules against planted offences.

import Testing

@Suite struct RuleTests {
  @Test func `every text keeps to its columns and is finished`() {
    report(Project.files.flatMap(Rules.text))
  }

  @Test func `every Swift file begins by saying what it is for`() {
    report(Project.swift.flatMap(Rules.header))
  }

  @Test func `no file names a place on one machine`() {
    report(Project.files.flatMap(Rules.machinePaths))
  }

  @Test func `no code of the product stops on what it did not expect`() {
    report((Project.sources + Project.migrations).flatMap(Rules.traps))
  }

  @Test func `every unchecked promise is where it may be and has its proof`() {
    report((Project.sources + Project.migrations).flatMap(Rules.promises))
  }

  @Test func `every task is waited for by another`() {
    report(Project.sources.flatMap(Rules.looseTasks))
  }

  @Test func `only the store speaks SQL`() {
    report(Project.sources.flatMap(Rules.statements))
  }

  @Test func `every test runs`() {
    report(Project.tests.flatMap(Rules.disabledTests))
  }

  func lines(_ rule: (SourceFile) -> [Finding], _ path: String, _ text: String) -> [Int] {
    Set(rule(SourceFile(path, text)).map(\.line)).sorted()
  }

  @Test func `planted offences of text are found`() {
    let word = "TO" + "DO"
    let long = String(repeating: "é", count: 100)
    let text = "\(long)\n\(long)x\n\tx\n// \(word): more\nTO\u{44}OS X\u{58}XX"
    #expect(lines(Rules.text, "Sources/Ledger/A.swift", text) == [2, 3, 4])
    #expect(lines(Rules.text, "Tests/ClientTests/run", text) == [2, 3, 4])
    #expect(lines(Rules.text, "Tests/Data/a.json", text) == [])
  }

  @Test func `a planted file without a header is found`() {
    let body = "import Crypto\n\nenum A {\n  case a\n  case b\n  case c\n}\n"
    #expect(lines(Rules.header, "Sources/Ledger/A.swift", body) == [1])
    #expect(lines(Rules.header, "Sources/Ledger/A.swift", "// What A is.\n" + body) == [])
  }

  @Test func `planted machine paths are found`() {
    let home = "/ho" + "me/someone"
    let text = "cd \(home)\nGET /v1/a/homes/x\nsee https://x.org/home\n\"/ro" + "ot\"\n/var/lib"
    #expect(lines(Rules.machinePaths, "README.md", text) == [1, 4])
  }

  @Test func `planted traps are found`() {
    let text = """
      let a = try! f() // try! a!
      let b = c as! D
      let e = f!.g + h()! + i[0]!
      if a != b, !c, x! == y { "a!" }
      var v: String!
      fatalError("Not implemented")
      let s = "\\(w!) and try!"
      g(try? f(), !h)
      """
    #expect(lines(Rules.traps, "Sources/Ledger/A.swift", text) == [1, 2, 3, 4, 5, 6, 7])
  }

  @Test func `planted promises are found`() {
    let text = """
      // Guarded by its lock.
      final class A: @unchecked Sendable {}
      final class B: @unchecked Sendable {}
      /// One thread only.
      @safe
      public final class C: D,
        @unchecked Sendable {
        nonisolated(unsafe) var x = 1
      }
      // @unchecked Sendable

      nonisolated(unsafe) var y = 1
      """
    #expect(lines(Rules.promises, "Sources/Crypto/A.swift", text) == [3, 8, 12])
    #expect(lines(Rules.promises, "Sources/Ledger/A.swift", text) == [2, 3, 7, 8, 12])
  }

  @Test func `planted tasks are found`() {
    let text = """
      Task { x() }
      Task(priority: .low) { x() }
      Task.detached { x() }
      Task<Void, Never> { x() }
      Task(executorPreference: loop) {
      try await Task.sleep(for: .seconds(1))
      group.addTask { x() }
      struct RowTask { }
      let t: Task<Void, Never>
      """
    #expect(lines(Rules.looseTasks, "Sources/Ledger/A.swift", text) == [1, 2, 3, 4, 5])
    #expect(lines(Rules.looseTasks, "Sources/stageledger/Wiring.swift", text) == [])
    let server = "Sources/HTTPServer/HTTPServer.swift"
    #expect(lines(Rules.looseTasks, server, text) == [1, 2, 3, 4, 5])
    #expect(lines(Rules.looseTasks, server, "// Starts unstructured tasks.\n" + text) == [])
  }

  @Test func `planted statements are found`() {
    let text = #"""
      let a = "SELECT 1"
      let b = """
        INSERT INTO t
        """
      // "DELETE FROM t"
      let c = "select a file" + "UPDATE event SET x" + #"DROP TABLE x"#
      let d = "Selected: \(count)"
      """#
    #expect(lines(Rules.statements, "Sources/LedgerAPI/A.swift", text) == [1, 2, 6])
    #expect(lines(Rules.statements, "Sources/LedgerStore/A.swift", text) == [])
  }

  @Test func `planted disabled tests are found`() {
    let text = """
      @Test(.disabled("later")) func a() {}
      @Suite(.serialized, .disabled) struct B {}
      @Test(.enabled(if: x)) func c() {}
      withKnownIssue { }
      #expect(state == .disabled)
      // .disabled("x")
      """
    #expect(lines(Rules.disabledTests, "Tests/A/A.swift", text) == [1, 2, 3, 4])
  }
}
