// Folders of a test run under the system's temporary folder.
//
// Used by suites that need files. Invariant: a folder is named after the process that made it, so
// that the next run removes what a killed one left.

import Foundation

/// A folder that a test made and removes.
public struct TemporaryFolder: Sendable {
  /// Its absolute path.
  public let path: String

  /// Makes a folder, after removing those of test runs that are gone.
  public init(label: String) throws {
    Self.sweepOnce
    let number = String(UInt32.random(in: .min ... .max), radix: 36)
    path = "\(Self.root)/\(Self.prefix)\(getpid())-\(label)-\(number)"
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
  }

  /// Removes the folder and all in it.
  public func remove() {
    try? FileManager.default.removeItem(atPath: path)
  }

  private static let prefix = "stageledger-test-"
  private static let root = "/tmp"

  private static let sweepOnce: Void = {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: root)) ?? []
    for name in names where name.hasPrefix(prefix) {
      guard let owner = Int32(name.dropFirst(prefix.count).prefix { $0 != "-" }) else { continue }
      // A server that outlives its killed run by a moment keeps its folder until the next run.
      guard kill(owner, 0) != 0, errno == ESRCH, !holdsServer("\(root)/\(name)") else { continue }
      try? FileManager.default.removeItem(atPath: "\(root)/\(name)")
    }
  }()

  private static func holdsServer(_ path: String) -> Bool {
    FileManager.default.fileExists(atPath: "\(path)/postgres/data/postmaster.pid")
      && (try? String(contentsOfFile: "\(path)/postgres/data/postmaster.pid", encoding: .utf8))
        .flatMap { Int32($0.prefix { $0 != "\n" }) }
        .map { kill($0, 0) == 0 } == true
  }
}
