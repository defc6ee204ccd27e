// The watch over a live cloud, which a second instance plays: adopting it, runs that do not
// overlap, and what becomes of a run whose program is killed.

import CanonicalJSON
import Foundation
import TestSupport
import Testing

extension EndToEndTests {
  @Suite struct WatchTests {
    /// A ledger beside the cloud it is compared with.
    private struct World {
      let cloudDatabase: TestDatabase
      let cloud: RunningService
      let cloudToken: String
      let database: TestDatabase
      let token: String
      let folder: TemporaryFolder
      var options: [String] { ["--database-url", database.url] }

      init() async throws {
        cloudDatabase = try TestDatabase.create(label: "cloud")
        database = try TestDatabase.create(label: "watched")
        folder = try TemporaryFolder(label: "watch")
        let cloudOptions = ["--database-url", cloudDatabase.url]
        try #require(try await Program.run(["migrate"] + cloudOptions).status == 0)
        cloudToken = try await RunningService.makeProject(cloudOptions)
        cloud = try await RunningService(cloudOptions + ["--reconcile-every", "off"])
        let options = ["--database-url", database.url]
        try #require(try await Program.run(["migrate"] + options).status == 0)
        token = try await RunningService.makeProject(options)
        let file = folder.path + "/token"
        try Data(cloudToken.utf8).write(to: URL(fileURLWithPath: file))
        let set = try await Program.run(
          [
            "project", "set", RunningService.project, "--upstream-mode", "read",
            "--upstream-url", cloud.url, "--upstream-project", RunningService.project,
            "--upstream-token-file", file,
          ] + options)
        try #require(set.status == 0, "\(set.complaints)")
      }

      func drop() {
        cloudDatabase.drop()
        database.drop()
        folder.remove()
      }

      func reconcile(_ words: String...) async throws -> Ending {
        try await Program.run(["reconcile"] + words + options)
      }
    }

    @Test func `an account with secrets in it is adopted, watched and vouched for`() async throws {
      let world = try await World()
      defer { world.drop() }
      for number in 1...3 {
        try await world.cloud.makeSecret("app-\(number)", token: world.cloudToken)
      }
      let adopted = try await world.reconcile("--adopt", "--reason", "baseline")
      #expect(adopted.status == 0, "\(adopted.output)\(adopted.complaints)")
      // Two services of one database; a look of either counts for both.
      let services = [
        try await RunningService(world.options + ["--reconcile-every", "1s"]),
        try await RunningService(world.options + ["--reconcile-every", "1s"]),
      ]
      let service = services[0]
      func looks() async throws -> [JSONValue] {
        let page = try await service.send("GET", ledger: "/events?limit=1000", token: world.token)
        return (page.json["events"]?.arrayValue ?? []).filter {
          $0["type"] == "reconciliation.completed"
        }
      }
      let isWatched = await eventually(within: .seconds(60)) {
        ((try? await looks()) ?? []).count >= 4
      }
      #expect(isWatched, "\(service.program.complaints)")
      for each in services { #expect(await each.stop() == 0) }
      let reader = try await RunningService(world.options + ["--reconcile-every", "off"])
      let page = try await reader.send("GET", ledger: "/events?limit=1000", token: world.token)
      let all = (page.json["events"]?.arrayValue ?? []).filter {
        $0["type"] == "reconciliation.completed"
      }
      // No run began before the one before was over.
      for (before, after) in zip(all, all.dropFirst()) {
        let end = try #require(before["data"]?["finished_at"]?.stringValue)
        let begin = try #require(after["data"]?["started_at"]?.stringValue)
        #expect(end <= begin)
      }
      let last = try #require(all.last?["data"]?["started_at"]?.stringValue)
      let first = try #require(all.dropLast().last?["data"]?["finished_at"]?.stringValue)
      let question = "/secrets/app-1/stages/SYSCURRENT?effective_at=\(first)"
      let answer = try await reader.send("GET", ledger: question, token: world.token)
      #expect(answer.json["version_id"] == "v2")
      #expect(["complete", "gap"].contains(answer.json["coverage"]?.stringValue), "\(answer.json)")
      let diff = try await reader.send(
        "GET", ledger: "/diff?from=\(first)&to=\(last)", token: world.token)
      #expect(diff.fields["ledger-coverage"] == answer.json["coverage"]?.stringValue)
      #expect(await reader.stop() == 0)
      #expect(try await world.reconcile().status == 0)
      let off = try await Program.run(
        ["project", "set", RunningService.project, "--upstream-mode", "off"] + world.options)
      #expect(off.status == 0)
      let stopped = try world.database.psql(
        "SELECT count(*) FROM ledger.event WHERE type = 'watch.stopped'")
      #expect(stopped == "1")
      #expect(await world.cloud.stop() == 0)
    }

    @Test func `a run that is killed holds up the next for the time of its lease alone`()
      async throws
    {
      let world = try await World()
      defer { world.drop() }
      try await world.cloud.makeSecret("app", token: world.cloudToken)
      #expect(try await world.reconcile("--adopt").status == 0)
      let before = try world.database.psql("SELECT count(*) FROM ledger.event")
      // The cloud stands still in the middle of a run.
      world.cloud.program.signal(SIGSTOP)
      let run = try Program(["reconcile"] + world.options)
      let isHeld = await eventually {
        (try? world.database.psql("SELECT count(*) FROM ledger.lease")) == "1"
      }
      #expect(isHeld)
      let second = try await world.reconcile()
      #expect(second.status == 1)
      #expect(second.complaints.contains("another run is under way"), "\(second.complaints)")
      run.signal(SIGKILL)
      #expect(await run.status() == 128 + SIGKILL)
      world.cloud.program.signal(SIGCONT)
      #expect(try await world.reconcile().status == 1)
      // A crash between reading and recording invents nothing.
      #expect(try world.database.psql("SELECT count(*) FROM ledger.event") == before)
      _ = try world.database.psql("UPDATE ledger.lease SET expires_at = now()")
      let third = try await world.reconcile()
      #expect(third.status == 0, "\(third.output)\(third.complaints)")
      #expect(try world.database.psql("SELECT count(*) FROM ledger.lease") == "0")
      #expect(await world.cloud.stop() == 0)
    }
  }
}
