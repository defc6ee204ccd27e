// The three trails of `TrailsTests`, imported into a service, and the history a person reads then.

import CanonicalJSON
import Foundation
import TestSupport
import Testing

/// A trail, the cloud it is of, and what somebody who reads it says of the labels.
private struct TrailStory {
  let format: String
  let provider: String
  let secret: String
  /// Facts, and events with the moves that the cloud's rules imply.
  let facts: Int64
  let events: Int64
  /// When each label came to which version, the version in short; `-` when it was taken away.
  let history: [String]

  static let all = [
    TrailStory(
      format: "cloudtrail", provider: "aws", secret: "app/db", facts: 12, events: 17,
      history: [
        "2026-01-10T09:00:00.000 AWSCURRENT 00000001",
        "2026-02-01T10:00:00.000 AWSCURRENT 00000002",
        "2026-02-01T10:00:00.000 AWSPREVIOUS 00000001",
        "2026-02-10T11:00:00.000 canary 00000002",
        "2026-03-01T00:00:05.000 AWSPENDING 00000003",
        "2026-03-01T00:00:20.000 AWSCURRENT 00000003",
        "2026-03-01T00:00:20.000 AWSPREVIOUS 00000002",
        "2026-03-01T00:00:21.000 AWSPENDING -",
        "2026-03-10T13:00:00.000 canary -",
      ]),
    TrailStory(
      format: "cts", provider: "huawei", secret: "app-db", facts: 13, events: 17,
      history: [
        "2026-01-10T09:00:00.120 SYSCURRENT v1",
        "2026-02-01T10:00:00.250 SYSCURRENT v2",
        "2026-02-01T10:00:00.250 SYSPREVIOUS v1",
        "2026-02-10T11:00:00.500 canary v2",
        "2026-03-01T00:00:05.000 pending v3",
        "2026-03-01T00:00:20.000 SYSCURRENT v3",
        "2026-03-01T00:00:21.000 SYSPREVIOUS v2",
        "2026-03-01T00:00:22.000 pending -",
        "2026-03-10T13:00:00.000 canary -",
      ]),
    TrailStory(
      format: "actiontrail", provider: "alibaba", secret: "app/db", facts: 13, events: 17,
      history: [
        "2026-01-10T09:00:00.000 ACSCurrent one",
        "2026-02-01T10:00:00.000 ACSCurrent two",
        "2026-02-01T10:00:00.000 ACSPrevious one",
        "2026-02-10T11:00:00.000 canary two",
        "2026-03-01T00:00:05.000 ACSNext three",
        "2026-03-01T00:00:20.000 ACSCurrent three",
        "2026-03-01T00:00:21.000 ACSPrevious two",
        "2026-03-01T00:00:22.000 ACSNext -",
        "2026-03-10T13:00:00.000 canary -",
      ]),
  ]

  /// The trail's file.
  var path: String {
    URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .appending(path: "TrailsTests/Fixtures/\(format).json").path
  }
}

/// A project with a token, asked through the program.
private struct Auditor {
  let project: String
  let environment: [String: String]

  init(of service: RunningService, project: String, token: String) {
    self.project = project
    environment = [
      "STAGELEDGER_URL": service.url, "STAGELEDGER_TOKEN": token, "STAGELEDGER_PROJECT": project,
    ]
  }

  /// What a command prints as JSON.
  func ask(_ words: [String], status: Int32 = 0) async throws -> JSONValue {
    let ending = try await Program.run(words + ["-o", "json"], environment: environment)
    #expect(ending.status == status, "\(words): \(ending.complaints)")
    return try JSONValue(parsing: Array(ending.output.utf8))
  }

  /// When each label came to which version.
  func history(of secret: String) async throws -> [String] {
    try await ask(["history", secret]).arrayValue?.map { change in
      let since = change["since"]?.stringValue?.prefix(23) ?? ""
      let stage = change["stage"]?.stringValue ?? ""
      return "\(since) \(stage) \(change["version_id"]?.stringValue?.prefix(8) ?? "-")"
    }.sorted() ?? []
  }
}

extension EndToEndTests {
  @Suite struct ImportStoryTests {
    @Test func `a trail is read into a history, and a second time into nothing`() async throws {
      let database = try TestDatabase.create(label: "import")
      defer { database.drop() }
      let options = ["--database-url", database.url]
      #expect(try await Program.run(["migrate"] + options).status == 0)
      var tokens: [String: String] = [:]
      for story in TrailStory.all {
        tokens[story.format] = try await token(story.format, story.provider, options)
      }
      let service = try await RunningService(options)
      for story in TrailStory.all {
        let auditor = Auditor(
          of: service, project: story.format, token: try #require(tokens[story.format]))
        try await tell(story, to: auditor)
      }
      #expect(await service.stop() == 0)
      #expect(try await Program.run(["verify"] + options).status == 0)
      let rebuilt = try await Program.run(["rebuild"] + options)
      #expect(rebuilt.status == 0, "\(rebuilt.complaints) \(rebuilt.output)")
    }

    private func token(
      _ project: String, _ provider: String, _ options: [String]
    ) async throws -> String {
      let made = try await Program.run(
        ["project", "create", project, "--provider", provider] + options)
      try #require(made.status == 0, "\(made.complaints)")
      let credential = try await Program.run(
        ["credential", "create", "import", "--project", project, "--policy", "admin"] + options)
      let value = try JSONValue(parsing: Array(credential.output.utf8))
      return try #require(value["token"]?.stringValue)
    }

    @Test func `the order of the files does not matter, nor does what cannot be`() async throws {
      let database = try TestDatabase.create(label: "importmix")
      defer { database.drop() }
      let folder = try TemporaryFolder(label: "importmix")
      defer { folder.remove() }
      let options = ["--database-url", database.url]
      #expect(try await Program.run(["migrate"] + options).status == 0)
      let story = TrailStory.all[0]
      let token = try await token("mixed", story.provider, options)
      let service = try await RunningService(options)
      let auditor = Auditor(of: service, project: "mixed", token: token)

      // A line a record, from the last to the first, as one file of before and one of after.
      let lines = try String(contentsOfFile: story.path, encoding: .utf8).split(separator: "\n")
      let records = lines.dropFirst().dropLast().map { line in
        String(line.hasSuffix(",") ? line.dropLast() : line)
      }
      // The service takes no fact of the future, and takes the others without it.
      let future = try #require(records.last).replacing("2026-05-02", with: "9026-05-02")
        .replacing("20000000-", with: "29999999-")
      let late = "\(folder.path)/late.json"
      let early = "\(folder.path)/early.json"
      let turned = [future] + records.reversed()
      try turned.prefix(9).joined(separator: "\n").write(
        toFile: late, atomically: false, encoding: .utf8)
      try turned.dropFirst(9).joined(separator: "\n").write(
        toFile: early, atomically: false, encoding: .utf8)
      let words = ["import", "--format", story.format, late, early]
      let ending = try await Program.run(words + ["-o", "json"], environment: auditor.environment)
      let counts = try JSONValue(parsing: Array(ending.output.utf8))
      #expect(ending.status == 3)
      #expect(counts["refused"] == 1, "\(counts)")
      #expect(counts["facts_recorded"] == .integer(story.facts), "\(counts)")
      #expect(ending.complaints.contains("late.json:1#1: refused: "))
      #expect(try await auditor.history(of: story.secret) == story.history)
      // Who may only look may not record, and is told so once.
      let reader = try await Program.run(
        ["credential", "create", "look", "--project", "mixed"] + options)
      let value = try JSONValue(parsing: Array(reader.output.utf8))
      var environment = auditor.environment
      environment["STAGELEDGER_TOKEN"] = value["token"]?.stringValue
      let refused = try await Program.run(words, environment: environment)
      #expect(refused.status == 1)
      #expect(refused.complaints.contains("the service refused (403)"))
      #expect(await service.stop() == 0)
    }

    /// Imports a trail twice.
    private func tell(_ story: TrailStory, to auditor: Auditor) async throws {
      let words = ["import", "--format", story.format, story.path]
      let first = try await auditor.ask(words, status: 3)
      #expect(first["facts_recorded"] == .integer(story.facts), "\(story.format) \(first)")
      #expect(first["events_appended"] == .integer(story.events), "\(story.format) \(first)")
      #expect(first["refused"] == 0)
      #expect(first["failed_calls_kept"] == 1)
      #expect(first["incomplete_kept"] == 1)
      #expect(first["incomplete_skipped"] == 1)
      let history = try await auditor.history(of: story.secret)
      #expect(history == story.history, "\(story.format)")

      let both = try await auditor.ask(["history", story.secret, "--both"]).arrayValue ?? []
      #expect(both.filter { $0["known_until"] == .null }.count == history.count)
      #expect(both.count > history.count)

      let second = try await auditor.ask(words, status: 3)
      #expect(second["facts_duplicate"] == .integer(story.facts))
      #expect(second["facts_recorded"] == 0)
      #expect(second["events_appended"] == 0)
      #expect(try await auditor.history(of: story.secret) == history)
    }
  }
}
