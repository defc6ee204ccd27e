// Which server is used when several, one or none are installed.

import Foundation
import TestSupport
import Testing

@testable import PostgresCluster

@Suite struct ServerProgramsTests {
  /// Makes a tree like /usr/lib/postgresql with the given versions.
  private func tree(_ versions: [String]) throws -> TemporaryFolder {
    let folder = try TemporaryFolder(label: "programs")
    for version in versions {
      let bin = "\(folder.path)/\(version)/bin"
      try FileManager.default.createDirectory(atPath: bin, withIntermediateDirectories: true)
      for program in ["initdb", "postgres"] {
        _ = FileManager.default.createFile(
          atPath: "\(bin)/\(program)", contents: nil, attributes: [.posixPermissions: 0o755])
      }
    }
    return folder
  }

  @Test func `the newest version is used, by number`() throws {
    let folder = try tree(["9", "15", "16", "common"])
    defer { folder.remove() }
    let programs = try ServerPrograms.find(dataVersion: nil, environment: [:], root: folder.path)
    #expect(programs.version == 16)
    #expect(programs.path("psql") == "\(folder.path)/16/bin/psql")
  }

  @Test func `existing data is served by its own version`() throws {
    let folder = try tree(["15", "16"])
    defer { folder.remove() }
    let programs = try ServerPrograms.find(dataVersion: 15, environment: [:], root: folder.path)
    #expect(programs.version == 15)
    #expect(throws: ClusterError.versionMismatch(data: 14, installed: [16, 15])) {
      try ServerPrograms.find(dataVersion: 14, environment: [:], root: folder.path)
    }
  }

  @Test func `a named folder decides, and must hold the programs`() throws {
    let folder = try tree(["15", "16"])
    defer { folder.remove() }
    let named = "\(folder.path)/15/bin"
    let programs = try ServerPrograms.find(
      dataVersion: nil, environment: ["STAGELEDGER_POSTGRES_BIN": named], root: folder.path)
    #expect(programs.folder == named)
    #expect(throws: ClusterError.serverNotInstalled(searched: ["/nowhere"])) {
      try ServerPrograms.find(
        dataVersion: nil, environment: ["STAGELEDGER_POSTGRES_BIN": "/nowhere"],
        root: folder.path)
    }
  }

  @Test func `without a packaged server the path is searched, and none is said with its cure`()
    throws
  {
    let folder = try tree(["15"])
    defer { folder.remove() }
    let bin = "\(folder.path)/15/bin"
    let programs = try ServerPrograms.find(
      dataVersion: nil, environment: ["PATH": "/nowhere:\(bin)"], root: "/nowhere")
    #expect(programs.folder == bin)
    let error = #expect(throws: ClusterError.self) {
      try ServerPrograms.find(dataVersion: nil, environment: [:], root: "/nowhere")
    }
    #expect(error?.description.contains("apt-get install postgresql") == true)
  }
}
