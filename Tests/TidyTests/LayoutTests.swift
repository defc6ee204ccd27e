// The top of the project: what stands there, and nothing else.

import Testing

@Suite struct LayoutTests {
  @Test func `the visible top level is exactly six names`() throws {
    // SwiftPM may leave its resolution file, which version control ignores.
    let names = try Project.visibleNames().filter { $0 != "Package.resolved" }
    let expected = [
      "Migrations", "Package.swift", "README.md", "Sources", "Tests", "docker-compose.yml",
    ]
    #expect(names.sorted() == expected)
  }

  @Test func `every migration is numbered in order`() {
    let names = Project.files.filter { $0.path.hasPrefix("Migrations/") && $0.kind == "sql" }
      .map(\.name).sorted()
    for (index, name) in names.enumerated() {
      let number = String(index + 1)
      let prefix = String(repeating: "0", count: 4 - number.count) + number + "_"
      #expect(name.hasPrefix(prefix))
    }
    #expect(!names.isEmpty)
  }

  @Test func `every suite stands in the file of its name`() {
    let findings = Project.tests.filter { $0.name.hasSuffix("Tests.swift") }.filter { file in
      !SwiftText(file.text).code.contains("@Suite")
    }
    report(findings.map { Finding(path: $0.path, line: 1, message: "holds no suite") })
  }

  @Test func `what is run before a change is taken is what the readme says`() throws {
    let readme = try #require(Project.files.first { $0.path == "README.md" })
    let script = try #require(Project.files.first { $0.path == ".ci/run" })
    #expect(readme.text.contains("`swift test`") || readme.lines.contains("swift test"))
    #expect(script.lines.contains { $0 == "swift test" || $0.hasPrefix("swift test 2>&1") })
    #expect(script.lines.contains("set -euo pipefail"))
  }
}
