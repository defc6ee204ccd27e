// Every import line and the manifest against the table of layers.

import Testing

@Suite struct ImportTests {
  @Test func `every import of the product is in the table`() {
    #expect(Project.sources.count > 50)
    let findings = (Project.sources + Project.migrations).flatMap { file in
      Imports.modules(of: file).filter { !Imports.isAllowed($0.module, in: file.target) }.map {
        Finding(path: file.path, line: $0.line, message: "may not import \($0.module)")
      }
    }
    report(findings)
  }

  @Test func `every import of a test is declared by its target`() throws {
    let manifest = try #require(Project.files.first { $0.path == "Package.swift" })
    let declared = Imports.declarations(in: manifest.text)
    let findings = Project.tests.flatMap { file in
      Imports.modules(of: file).filter {
        !Imports.testing.contains($0.module) && declared[file.target]?.contains($0.module) != true
      }.map {
        Finding(path: file.path, line: $0.line, message: "does not declare \($0.module)")
      }
    }
    report(findings)
  }

  @Test func `the manifest declares what the table allows and nothing else`() throws {
    let manifest = try #require(Project.files.first { $0.path == "Package.swift" })
    let declared = Imports.declarations(in: manifest.text)
    for (target, modules) in Imports.table {
      #expect(declared[target] == modules, "Package.swift, target \(target)")
    }
    // What is beyond the table serves tests, and is named so.
    let others = declared.keys.filter { Imports.table[$0] == nil }
    #expect(others.filter { !$0.hasPrefix("Test") && !$0.hasSuffix("Tests") } == [])
  }

  @Test func `every folder of sources and tests is a target`() throws {
    let manifest = try #require(Project.files.first { $0.path == "Package.swift" })
    let declared = Set(Imports.declarations(in: manifest.text).keys)
    let folders = Set((Project.sources + Project.migrations + Project.tests).map(\.target))
    #expect(folders.subtracting(declared).filter { $0 != "ClientTests" } == [])
    #expect(declared.subtracting(folders).sorted() == ["CLinux", "COpenSSL", "CPostgres"])
  }

  @Test func `the manifest is read as it is written`() {
    let declared = Imports.declarations(
      in: """
        // layer("Z"),
        layer("A"),
        layer("B", ["A"]),
        .target(name: "C", path: "C", resources: [.embedInCode("a.sql")]),
        .target(
          name: "D", dependencies: ["A", "B"],
          path: "Tests/D"),
        tests("B", ["D"]),
        .testTarget(name: "ETests", dependencies: ["A"]),
        .systemLibrary(name: "F", path: "F", providers: [.apt(["libf-dev"])]),
        """)
    #expect(
      declared == [
        "A": [], "B": ["A"], "C": [], "D": ["A", "B"], "BTests": ["B", "D"], "ETests": ["A"],
        "F": [],
      ])
  }

  @Test func `import lines are found in all their forms`() {
    let file = SourceFile(
      "Sources/Ledger/X.swift",
      """
      // import Glibc
      import Crypto
      public import CanonicalJSON
      @_spi(X) @preconcurrency internal import struct Foundation.URL
      let text = "
      import Dispatch"
      """)
    #expect(Imports.modules(of: file).map(\.module) == ["Crypto", "CanonicalJSON", "Foundation"])
    #expect(Imports.modules(of: file).map(\.line) == [2, 3, 4])
  }

  @Test(arguments: [
    ("Ledger", "CanonicalJSON", true), ("Ledger", "Crypto", false), ("Ledger", "Foundation", false),
    ("Ledger", "Synchronization", true), ("Clouds", "Foundation", true),
    ("LedgerAPI", "Glibc", false), ("LedgerAPI", "LedgerStore", false),
    ("EventLoop", "Glibc", true), ("EventLoop", "Dispatch", false), ("None", "Foundation", false),
    ("None", "Synchronization", false),
  ])
  func `the table answers`(_ target: String, _ module: String, _ isAllowed: Bool) {
    #expect(Imports.isAllowed(module, in: target) == isAllowed)
  }
}
