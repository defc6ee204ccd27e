// The service on a database of one's own: schema, rights, durability, and a label there and back.

import CanonicalJSON
import Foundation
import TestSupport
import Testing

extension EndToEndTests {
  @Suite struct ServeTests {
    @Test func `a label set through the cloud's API is answered by every door`() async throws {
      let database = try TestDatabase.create(label: "serve")
      defer { database.drop() }
      let options = ["--database-url", database.url]
      let refused = try await Program.run(["serve", "--listen", "127.0.0.1:0"] + options)
      #expect(refused.status == 1)
      #expect(refused.complaints.contains("stageledger migrate"))
      #expect(try await Program.run(["migrate", "--check"] + options).status == 3)
      #expect(try await Program.run(["migrate"] + options).status == 0)
      #expect(try await Program.run(["migrate", "--check"] + options).status == 0)

      let token = try await RunningService.makeProject(options)
      let service = try await RunningService(options)
      try await service.makeSecret("db", token: token)
      let put = try await service.send(
        "PUT", csms: "/secrets/db/stages/canary", ["version_id": "v1"], token: token)
      #expect(put.status == 200)
      let get = try await service.send("GET", csms: "/secrets/db/stages/canary", token: token)
      #expect(get.json["stage"]?["version_id"] == "v1")
      let native = try await service.send(
        "GET", ledger: "/secrets/db/stages/SYSCURRENT", token: token)
      #expect(native.json["version_id"] == "v2")
      let first = try await service.send("GET", ledger: "/events/0", token: token)
      #expect(first.json["principal"]?["source_ip"] == "127.0.0.1")

      let client = ["STAGELEDGER_URL": service.url, "STAGELEDGER_TOKEN": token]
      let named = ["--project", RunningService.project, "-o", "json"]
      let at = try await Program.run(["at", "db", "canary"] + named, environment: client)
      #expect(try JSONValue(parsing: Array(at.output.utf8))["version_id"] == "v1")
      let history = try await Program.run(["history", "db"] + named, environment: client)
      #expect(try JSONValue(parsing: Array(history.output.utf8)).arrayValue?.count == 4)
      let day = try await Program.run(
        ["at", "db", "canary", "--effective-at", "2020-02-29"] + named, environment: client)
      #expect(day.complaints.contains("--effective-at 2020-02-29 is 2020-02-29T00:00:00.000000Z"))

      try await askAboutAll(named, client)

      // The test's role is a superuser, and the service says that this is too much.
      #expect(await service.says("more rights than the service needs"))
      #expect(!service.program.complaints.contains(token))
      #expect(await service.stop() == 0)
      #expect(service.program.output == "stageledger listening on \(service.url)\n")
      #expect(try await Program.run(["verify"] + options).status == 0)
      #expect(try await Program.run(["rebuild"] + options).status == 0)
      #expect(try await Program.run(["reconcile"] + options).status == 3)
    }

    /// The commands about all labels, over a secret with two versions and three labels.
    private func askAboutAll(_ named: [String], _ client: [String: String]) async throws {
      func rows(_ words: [String]) async throws -> [JSONValue] {
        let asked = try await Program.run(words + named, environment: client)
        #expect(asked.status == 0, "\(words): \(asked.complaints)")
        return try JSONValue(parsing: Array(asked.output.utf8)).arrayValue ?? []
      }
      let snapshot = try await rows(["snapshot"])
      #expect(snapshot.map { $0["stage"] } == ["SYSCURRENT", "SYSPREVIOUS", "canary"])
      #expect(try await rows(["snapshot", "--known-at", "pos:0"]).isEmpty)
      let learned = try await rows(["diff", "--axis", "known", "--from", "pos:2"])
      #expect(learned.first?["from"]?["version_id"] == "v1")
      #expect(learned.first?["to"]?["version_id"] == "v2")
      #expect(try await rows(["diff", "--from", "2020-01-01"]).count == 3)
      #expect(try await rows(["age", "--stage", "canary"]).count == 1)
      #expect(try await rows(["age", "--older-than", "1d"]).isEmpty)
      #expect(try await rows(["late", "--min-delay", "1h"]).isEmpty)
      let wrong = try await Program.run(["age", "--older-than", "9"] + named, environment: client)
      #expect(wrong.status == 1)
      #expect(wrong.complaints.contains("older_than"))
      #expect(try await Program.run(["diff"] + named, environment: client).status == 64)
    }

    @Test(arguments: ["alibaba", "aws"])
    func `a project of another cloud is kept by that cloud's rules`(
      _ provider: String
    ) async throws {
      let database = try TestDatabase.create(label: provider)
      defer { database.drop() }
      let options = ["--database-url", database.url]
      #expect(try await Program.run(["migrate"] + options).status == 0)
      let token = try await RunningService.makeProject(options, provider: provider)
      let service = try await RunningService(options)
      let current = provider == "aws" ? "AWSCURRENT" : "ACSCurrent"
      let previous = provider == "aws" ? "AWSPREVIOUS" : "ACSPrevious"
      let ids = (1...3).map { "0a1b2c3d-0000-4000-8000-00000000000\($0)" }
      let made = try await service.send(
        "POST", ledger: "/secrets", ["name": "app.db"], token: token)
      #expect(made.status == 201, "\(made.json)")
      for id in ids {
        let version = try await service.send(
          "POST", ledger: "/secrets/app.db/versions", ["version_id": .string(id)], token: token)
        #expect(version.status == 201, "\(version.json)")
      }
      let path = "/secrets/app.db/stages/\(current)"
      let wrong = try await service.send(
        "PUT", ledger: path,
        ["version_id": .string(ids[0]), "remove_from_version_id": .string(ids[1])], token: token)
      #expect(wrong.status == 409, "\(wrong.json)")
      let moved = try await service.send(
        "PUT", ledger: path,
        ["version_id": .string(ids[0]), "remove_from_version_id": .string(ids[2])], token: token)
      #expect(moved.status == 201, "\(moved.json)")
      // At AWS the previous label follows; at Alibaba Cloud it stays.
      let left = try await service.send(
        "GET", csms: "/secrets/app.db/stages/\(previous)", token: token)
      #expect(left.json["stage"]?["version_id"] == .string(provider == "aws" ? ids[2] : ids[1]))

      let client = ["STAGELEDGER_URL": service.url, "STAGELEDGER_TOKEN": token]
      let at = try await Program.run(
        ["at", "app.db", current, "--project", RunningService.project, "-o", "json"],
        environment: client)
      #expect(try JSONValue(parsing: Array(at.output.utf8))["version_id"] == .string(ids[0]))
      #expect(await service.stop() == 0)
      #expect(try await Program.run(["verify"] + options).status == 0)
      #expect(try await Program.run(["rebuild"] + options).status == 0)
      #expect(try await Program.run(["reconcile"] + options).status == 3)
    }

    @Test func `an edited event is found and named by its position`() async throws {
      let database = try TestDatabase.create(label: "edited")
      defer { database.drop() }
      let options = ["--database-url", database.url]
      #expect(try await Program.run(["migrate"] + options).status == 0)
      let token = try await RunningService.makeProject(options)
      let service = try await RunningService(options)
      try await service.makeSecret("db", token: token)
      #expect(await service.stop() == 0)
      try database.psql(
        """
        SET session_replication_role = replica;
        UPDATE ledger.event SET version_id = 'v9' WHERE position = 1;
        """)
      let ending = try await Program.run(["verify", "-o", "json"] + options)
      #expect(ending.status == 2)
      let report = try JSONValue(parsing: Array(ending.output.utf8)).arrayValue?.first
      #expect(report?["wrong_position"] == 1)
      #expect(report?["result"] == "wrong")
    }

    @Test func `the service is ready when it says so and tells who manages it`() async throws {
      let folder = try TemporaryFolder(label: "notify")
      defer { folder.remove() }
      let manager = try Datagrams(path: folder.path + "/notify")
      let service = try await RunningService(
        ["--data-dir", folder.path + "/data"], environment: ["NOTIFY_SOCKET": manager.path])
      let ready = try await service.send("GET", "/readyz", token: "none")
      #expect(ready.status == 200, "\(ready.json)")
      let address = String(service.url.dropFirst("http://".count))
      let second = try await Program.run(
        ["serve", "--listen", address, "--data-dir", folder.path + "/data"])
      #expect(second.status == 1)
      #expect(second.complaints.contains("cannot listen on \(address)"))
      #expect(manager.next() == "READY=1")
      #expect(await service.stop() == 0)
      #expect(manager.next() == "STOPPING=1")
    }

    @Test func `a revoked token is refused within two seconds`() async throws {
      let database = try TestDatabase.create(label: "revoked")
      defer { database.drop() }
      let options = ["--database-url", database.url]
      #expect(try await Program.run(["migrate"] + options).status == 0)
      let token = try await RunningService.makeProject(options)
      let service = try await RunningService(options)
      let before = try await service.send("GET", csms: "/secrets", token: token)
      #expect(before.status == 200)
      let revoked = try await Program.run(
        ["credential", "revoke", "test", "--project", RunningService.project] + options)
      #expect(revoked.status == 0)
      let isRefused = try await eventually(within: .seconds(4)) {
        try await service.send("GET", csms: "/secrets", token: token).status == 401
      }
      #expect(isRefused)
      #expect(await service.stop() == 0)
    }

    @Test func `a database that loses commits is refused until it is wanted so`() async throws {
      try await withTestCluster(settings: ["fsync": "off"]) { cluster in
        let database = try TestDatabase(cluster: cluster)
        let options = ["--database-url", database.url]
        #expect(try await Program.run(["migrate"] + options).status == 0)
        let refused = try await Program.run(["serve", "--listen", "127.0.0.1:0"] + options)
        #expect(refused.status == 1)
        #expect(refused.complaints.contains("fsync"))
        let service = try await RunningService(options + ["--allow-unsafe-durability"])
        #expect(await service.says("can lose what it has acknowledged"))
        #expect(await service.stop() == 0)
      }
    }

    @Test func `requests under way when the service is told to end get their answers`() async throws
    {
      let database = try TestDatabase.create(label: "drain")
      defer { database.drop() }
      let options = ["--database-url", database.url]
      #expect(try await Program.run(["migrate"] + options).status == 0)
      let token = try await RunningService.makeProject(options)
      let service = try await RunningService(options)
      for number in 0..<4 { try await service.makeSecret("s\(number)", token: token) }
      let writers = Writers()
      async let writing: Void = writers.write(to: service, token: token, count: 4) {
        !service.program.isRunning
      }
      let isUnderWay = await eventually { await writers.promises.count > 20 }
      #expect(isUnderWay)
      #expect(await service.stop() == 0)
      await writing
      let refusals = await writers.refusals
      #expect(refusals.isEmpty, "\(refusals)")
      let again = try await RunningService(options)
      let events = try await again.events(token: token)
      let promises = await writers.promises
      #expect(promises.allSatisfy { events[$0.key] == $0.value })
      #expect(await again.stop() == 0)
    }
  }
}

/// A socket that takes datagrams, as a service manager has one.
private struct Datagrams {
  let path: String
  private let descriptor: Int32

  init(path: String) throws {
    self.path = path
    descriptor = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    try #require(descriptor >= 0)
    var limit = timeval(tv_sec: 30, tv_usec: 0)
    setsockopt(
      descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    withUnsafeMutableBytes(of: &address.sun_path) {
      $0.copyBytes(from: Array(path.utf8).prefix(107))
    }
    let status = withUnsafePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
      }
    }
    try #require(status == 0)
  }

  /// The next datagram, as text; empty when none comes in time.
  func next() -> String {
    var bytes = [UInt8](repeating: 0, count: 256)
    let count = recv(descriptor, &bytes, bytes.count, 0)
    return String(decoding: bytes.prefix(max(0, count)), as: UTF8.self)
  }
}
