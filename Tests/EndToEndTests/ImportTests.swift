// Trails imported with the built program.

import CanonicalJSON
import Foundation
import TestSupport
import Testing

@testable import stageledger

@Suite struct ImportWindowTests {
  private func entry(
    _ time: Int64, facts: Int = 1, bytes: Int = 10, _ name: String = ""
  ) -> ImportEntry {
    ImportEntry(
      time: time, lines: Array(repeating: 0x20, count: bytes), count: facts, locator: name)
  }

  @Test func `the older half goes on in order, and one moment keeps the order of the file`() {
    var window = ImportWindow()
    for (time, name) in [(3, "a"), (1, "b"), (2, "c"), (1, "d"), (9, "e"), (2, "f")] {
      window.add(entry(Int64(time), name))
    }
    #expect(window.take(.older).flatMap { $0 }.map(\.locator) == ["b", "d", "c"])
    window.add(entry(0, "late"))
    #expect(window.take(.all).flatMap { $0 }.map(\.locator) == ["late", "f", "a", "e"])
    #expect(window.take(.all).isEmpty)
  }

  @Test func `a batch fits a request, and a record is in one batch`() {
    let facts = ImportWindow.batches((0..<700).map { entry($0, facts: 3) })
    #expect(facts.map { $0.map(\.count).reduce(0, +) } == [999, 999, 102])
    let bytes = ImportWindow.batches((0..<5).map { entry($0, bytes: 400_000) })
    #expect(bytes.map(\.count) == [2, 2, 1])
    #expect(ImportWindow.batches([]).isEmpty)
  }

  @Test func `the window is full before it is large`() {
    var window = ImportWindow()
    for time in 0..<Int64(ImportWindow.entriesMax) {
      #expect(!window.isFull)
      window.add(entry(time))
    }
    #expect(window.isFull)
    _ = window.take(.older)
    #expect(!window.isFull)
  }

  @Test func `a refusal's index names the record that holds the fact`() {
    let batch = [entry(0, facts: 2), entry(1, facts: 1), entry(2, facts: 3)]
    let found = (-1...7).map { FactSender.entry(holding: $0, in: batch) }
    #expect(found == [nil, 0, 0, 1, 2, 2, 2, nil, nil])
  }
}

extension EndToEndTests {
  @Suite struct ImportUsageTests {
    private let fixtures = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
      .deletingLastPathComponent().appending(path: "TrailsTests/Fixtures").path

    private func dryRun(
      _ words: [String], launcher: [String] = []
    ) async throws -> (Ending, JSONValue) {
      let ending = try await Program.run(
        ["import", "--dry-run", "-o", "json"] + words, launcher: launcher)
      let json =
        ending.output.isEmpty ? JSONValue.null : try JSONValue(parsing: Array(ending.output.utf8))
      return (ending, json)
    }

    @Test func `what is read is counted, and what is not kept is named with its line`() async throws
    {
      let (ending, counts) = try await dryRun(["--format", "cts", "\(fixtures)/cts.json"])
      #expect(ending.status == 3)
      #expect(
        counts == [
          "read": 15, "passed_over": 2, "failed_calls_kept": 1, "incomplete_kept": 1,
          "incomplete_skipped": 1, "malformed": 0, "refused": 0, "facts_recorded": 0,
          "facts_refined": 0, "facts_duplicate": 0, "facts_unchanged": 0, "events_appended": 0,
        ])
      #expect(ending.complaints.contains("cts.json:14#13: left out: no name of a secret\n"))
      #expect(ending.complaints.contains("cts.json:13#12: kept, but the record does not say which"))
    }

    @Test func `files in a row, standard input and what is broken`() async throws {
      let folder = try TemporaryFolder(label: "import")
      defer { folder.remove() }
      let path = "\(folder.path)/broken.json"
      try Data("{\"trace_name\":\"listSecrets\"}\nnonsense\n".utf8).write(to: URL(filePath: path))
      let (files, counts) = try await dryRun(["--format", "cts", path, path])
      #expect(files.status == 3)
      #expect(counts["read"] == 2)
      #expect(counts["malformed"] == 2)
      #expect(files.complaints.contains("broken.json:2#2: no JSON object"))
      let (input, one) = try await dryRun(
        ["--format", "cts"], launcher: ["sh", "-c", "exec \"$@\" < \(path)", "sh"])
      #expect(input.complaints.contains("stdin:2#2: no JSON object"))
      #expect(one["read"] == 1)
    }

    @Test func `a packed file is not taken for an empty one`() async throws {
      let folder = try TemporaryFolder(label: "import")
      defer { folder.remove() }
      let path = "\(folder.path)/trail.json.gz"
      try Data([0x1F, 0x8B, 0x08, 0x00]).write(to: URL(filePath: path))
      let (ending, counts) = try await dryRun(["--format", "cloudtrail", path])
      #expect(ending.status == 3)
      #expect(counts["malformed"] == 1)
      #expect(ending.complaints.contains("gunzip -c"))
    }

    @Test func `a trail of two regions needs to know which`() async throws {
      let folder = try TemporaryFolder(label: "import")
      defer { folder.remove() }
      let path = "\(folder.path)/two.json"
      let text = try String(contentsOfFile: "\(fixtures)/cloudtrail.json", encoding: .utf8)
      let other = text.replacing("\"awsRegion\":\"eu-west-1\"", with: "\"awsRegion\":\"us-east-1\"")
      try Data((text + other).utf8).write(to: URL(filePath: path))
      let (ending, _) = try await dryRun(["--format", "cloudtrail", path])
      #expect(ending.status == 64)
      #expect(
        ending.complaints.contains("of 123456789012/eu-west-1 and of 123456789012/us-east-1"))
      let (one, counts) = try await dryRun(
        ["--format", "cloudtrail", "--scope", "123456789012/us-east-1", path])
      #expect(one.status == 3)
      #expect(counts["read"] == 34)
      #expect(counts["passed_over"] == 21)
      #expect(counts["failed_calls_kept"] == 1)
    }

    @Test func `nothing to read is not complete`() async throws {
      let (ending, counts) = try await dryRun(["--format", "actiontrail", "/dev/null"])
      #expect(ending.status == 3)
      #expect(counts["read"] == 0)
    }

    @Test(
      arguments: [
        (["import"], 64), (["import", "--format", "syslog"], 64),
        (["import", "--format", "cts", "--dry-run", "/no/such/file"], 1),
        (["import", "--format", "cts", "--dry-run", "/tmp"], 1),
        (["import", "--format", "cts", "--dry-run", "-o", "csv", "/dev/null"], 64),
        (["import", "--format", "cts", "/dev/null"], 64),
      ] as [([String], Int32)])
    func `what makes no sense is said before anything is read`(
      _ words: [String], _ status: Int32
    ) async throws {
      let ending = try await Program.run(words)
      #expect(ending.status == status)
      #expect(ending.complaints.hasPrefix("stageledger: "))
      #expect(ending.output.isEmpty)
    }
  }
}
