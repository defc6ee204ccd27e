// Options over environment over file, and secrets from files.

import Foundation
import TestSupport
import Testing

@testable import stageledger

@Suite struct ConfigurationTests {
  private func file(_ text: String, in folder: TemporaryFolder, named name: String) throws -> String
  {
    let path = "\(folder.path)/\(name)"
    try text.write(toFile: path, atomically: true, encoding: .utf8)
    return path
  }

  @Test func `the nearer place wins`() throws {
    let folder = try TemporaryFolder(label: "places")
    defer { folder.remove() }
    let path = try file(
      "STAGELEDGER_LISTEN=f\nSTAGELEDGER_PROJECT='f'\n\n # no\nSTAGELEDGER_URL = \"f\"\n",
      in: folder, named: "settings")
    let configuration = try Configuration(
      options: ["listen": "o", "config": path],
      environment: ["STAGELEDGER_LISTEN": "e", "STAGELEDGER_PROJECT": "e", "HOME": "x"])
    #expect(configuration[.listen] == "o")
    #expect(configuration[.project] == "e")
    #expect(configuration[.url] == "f")
    #expect(configuration[.token] == nil)
  }

  @Test func `a secret's file in a nearer place wins over its value in a farther one`() throws {
    let folder = try TemporaryFolder(label: "secrets")
    defer { folder.remove() }
    let token = try file("slt_near\n", in: folder, named: "token")
    let configuration = try Configuration(
      options: ["token-file": token], environment: ["STAGELEDGER_TOKEN": "slt_far"])
    #expect(configuration[.token] == "slt_near")
  }

  @Test func `a secret given twice in one place is refused`() {
    #expect(throws: ConfigurationError.self) {
      try Configuration(
        options: [:],
        environment: ["STAGELEDGER_TOKEN": "a", "STAGELEDGER_TOKEN_FILE": "/dev/null"])
    }
  }

  @Test(arguments: ["STAGELEDGER_LISTN=x", "LISTEN=x", "nonsense", "STAGELEDGER_CONFIG=x"])
  func `a line nobody understands is refused with its number`(_ line: String) throws {
    let folder = try TemporaryFolder(label: "lines")
    defer { folder.remove() }
    let path = try file("# one\n\(line)\n", in: folder, named: "settings")
    let error = #expect(throws: ConfigurationError.self) {
      try Configuration(options: ["config": path], environment: [:])
    }
    #expect(error?.text.contains("line 2") == true)
  }

  @Test func `a file that is not there is refused`() {
    #expect(throws: ConfigurationError.unreadable(file: "/nowhere/x")) {
      try Configuration(options: ["config": "/nowhere/x"], environment: [:])
    }
  }
}
