// The files of the project as the rules see them.
//
// Called by the suites of this folder; reads the disk. Invariant: only what belongs to the project
// is listed; build products, caches and what version control keeps are not.

import Foundation

/// A text file: its path from the top of the project, and its lines.
struct SourceFile {
  let path: String
  let text: String

  init(_ path: String, _ text: String) {
    self.path = path
    self.text = text
  }

  var name: String {
    path.split(separator: "/").last.map(String.init) ?? path
  }

  /// The part of the name behind its last point; empty without one.
  var kind: String {
    let parts = name.split(separator: ".")
    return parts.count > 1 ? String(parts[parts.count - 1]) : ""
  }

  /// `Ledger` for `Sources/Ledger/Event.swift`; `Migrations` for a file there.
  var target: String {
    let parts = path.split(separator: "/").map(String.init)
    return parts.first == "Sources" || parts.first == "Tests"
      ? parts.dropFirst().first ?? "" : parts.first ?? ""
  }

  var lines: [Substring] {
    text.split(separator: "\n", omittingEmptySubsequences: false)
  }
}

enum Project {
  /// The folder that holds `Package.swift`.
  static let root = URL(filePath: #filePath)
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

  /// Every text file below the project's folders, and those at its top.
  static let files: [SourceFile] = {
    let folders = ["Sources", "Tests", "Migrations", ".ci"]
    let top = ["Package.swift", "README.md", "docker-compose.yml", ".gitignore", ".swift-format"]
    return top.compactMap(file) + folders.flatMap(files(below:))
  }()

  static let swift = files.filter { $0.kind == "swift" }
  static let sources = swift.filter { $0.path.hasPrefix("Sources/") }
  static let migrations = swift.filter { $0.path.hasPrefix("Migrations/") }
  static let tests = swift.filter { $0.path.hasPrefix("Tests/") }

  /// The names at the top of the project that do not begin with a point.
  static func visibleNames() throws -> [String] {
    try FileManager.default.contentsOfDirectory(atPath: root.path).filter { !$0.hasPrefix(".") }
  }

  private static func files(below folder: String) -> [SourceFile] {
    let skipped: Set = [".build", ".git", ".venv", "__pycache__", ".pytest_cache", "node_modules"]
    let names =
      (try? FileManager.default.contentsOfDirectory(
        atPath: root.appending(path: folder).path)) ?? []
    return names.filter { !skipped.contains($0) }.sorted().flatMap { name in
      let path = "\(folder)/\(name)"
      let values = try? root.appending(path: path).resourceValues(forKeys: [.isDirectoryKey])
      guard values?.isDirectory == true else { return file(path).map { [$0] } ?? [] }
      return files(below: path)
    }
  }

  /// The file at `path`; nil if it is missing or no text.
  private static func file(_ path: String) -> SourceFile? {
    guard let data = try? Data(contentsOf: root.appending(path: path)),
      let text = String(validating: data, as: UTF8.self)
    else { return nil }
    return SourceFile(path, text)
  }
}
