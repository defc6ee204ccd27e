// The private server from outside: starts, attaches, survives kills, leaves nothing behind.

import Foundation
import Synchronization
import TestSupport
import Testing

@testable import PostgresCluster

@Suite(.serialized, .inTurn) struct PostgresClusterTests {
  @Test func `a server starts, answers, keeps its data over a stop, and leaves no process`() throws
  {
    let folder = try TemporaryFolder(label: "cluster")
    defer { folder.remove() }
    let first = try PostgresCluster.start(dataDirectory: folder.path)
    let processID = try #require(first.processID)
    #expect(first.isOwner)
    try first.createDatabase("kept")
    try first.createDatabase("kept")
    _ = try first.runSQL("CREATE TABLE t AS SELECT 42 AS n", database: "kept")
    first.stop()
    #expect(first.processID == nil)
    #expect(kill(processID, 0) != 0)

    let second = try PostgresCluster.start(dataDirectory: folder.path)
    defer { second.stop() }
    #expect(try second.runSQL("SELECT n FROM t", database: "kept") == "42")
  }

  @Test func `the server is durable, in UTF-8, closed to the network and takes extra settings`()
    async throws
  {
    try await withTestCluster(settings: ["work_mem": "5MB", "fsync": "on"]) { cluster in
      let expected = [
        "fsync": "on", "full_page_writes": "on", "synchronous_commit": "on",
        "listen_addresses": "", "server_encoding": "UTF8", "lc_collate": "C", "work_mem": "5MB",
      ]
      for (name, value) in expected {
        let found = try cluster.runSQL("SHOW \(name)", database: "postgres")
        #expect(found == value, "\(name)")
      }
    }
  }

  @Test func `only the server's user may enter the folders of the data and the socket`()
    async throws
  {
    try await withTestCluster { cluster in
      let data = try cluster.runSQL("SHOW data_directory", database: "postgres")
      for path in [cluster.socketDirectory, data] {
        let attributes = try FileManager.default.attributesOfItem(atPath: path)
        #expect(attributes[.posixPermissions] as? Int == 0o700, "\(path)")
      }
    }
  }

  @Test func `a killed server is started again with its data`() async throws {
    try await withTestCluster { cluster in
      let before = try #require(cluster.processID)
      try cluster.createDatabase("kept")
      kill(before, SIGKILL)
      try await eventually { cluster.processID.map { $0 != before } ?? false }
      let names = try cluster.runSQL(
        "SELECT datname FROM pg_database WHERE datname = 'kept'", database: "postgres")
      #expect(names == "kept")
    }
  }

  @Test func `an unsupervised server stays down until it is started again`() async throws {
    let folder = try TemporaryFolder(label: "cluster")
    defer { folder.remove() }
    let first = try PostgresCluster.start(dataDirectory: folder.path, supervision: .leave)
    kill(try #require(first.processID), SIGKILL)
    try await eventually { first.processID == nil }
    let second = try PostgresCluster.start(dataDirectory: folder.path)
    defer { second.stop() }
    #expect(second.isOwner)
    #expect(try second.runSQL("SELECT 1", database: "postgres") == "1")
  }

  @Test func `a second program uses the running server, leaves it alone and takes over`()
    async throws
  {
    let folder = try TemporaryFolder(label: "cluster")
    defer { folder.remove() }
    let events = Mutex<[PostgresCluster.Event]>([])
    let owner = try PostgresCluster.start(dataDirectory: folder.path)
    let passing = try PostgresCluster.start(dataDirectory: folder.path)
    let staying = try PostgresCluster.start(dataDirectory: folder.path) { event in
      events.withLock { $0.append(event) }
    }
    #expect(owner.isOwner && !passing.isOwner && !staying.isOwner)
    #expect(passing.processID == owner.processID)
    #expect(passing.socketDirectory == owner.socketDirectory)
    passing.stop()
    #expect(try staying.runSQL("SELECT 1", database: "postgres") == "1")

    owner.stop()
    try await eventually { staying.isOwner }
    #expect(try staying.runSQL("SELECT 1", database: "postgres") == "1")
    let processID = try #require(staying.processID)
    try await eventually { events.withLock { $0 == [.started(processID: processID)] } }
    staying.stop()
    #expect(kill(processID, 0) != 0)
  }

  @Test func `of several that start at the same moment one owns the server`() async throws {
    let folder = try TemporaryFolder(label: "cluster")
    defer { folder.remove() }
    let path = folder.path
    let clusters = await withTaskGroup(of: PostgresCluster?.self) { group in
      for _ in 0..<3 {
        group.addTask {
          await withCheckedContinuation { continuation in
            Thread { continuation.resume(returning: try? .start(dataDirectory: path)) }.start()
          }
        }
      }
      return await group.reduce(into: [PostgresCluster?]()) { $0.append($1) }
    }
    let started = clusters.compactMap { $0 }
    #expect(started.count == 3)
    #expect(started.filter(\.isOwner).count == 1)
    #expect(Set(started.map(\.processID)).count == 1)
    for cluster in started where !cluster.isOwner { cluster.stop() }
    for cluster in started { cluster.stop() }
  }

  @Test func `when its program is killed the server ends and the next start works`() async throws {
    let folder = try TemporaryFolder(label: "cluster")
    defer { folder.remove() }
    setenv("STAGELEDGER_TEST_KILLED_OWNER", folder.path, 1)
    await #expect(processExitsWith: .signal(SIGKILL)) {
      let path = try #require(ProcessInfo.processInfo.environment["STAGELEDGER_TEST_KILLED_OWNER"])
      let cluster = try PostgresCluster.start(dataDirectory: path)
      let processID = String(try #require(cluster.processID))
      try processID.write(toFile: "\(path)/pid", atomically: true, encoding: .utf8)
      kill(getpid(), SIGKILL)
    }
    let text = try String(contentsOfFile: "\(folder.path)/pid", encoding: .utf8)
    let processID = try #require(Int32(text))
    let next = try PostgresCluster.start(dataDirectory: folder.path)
    defer { next.stop() }
    #expect(next.processID != processID)
    try await eventually { kill(processID, 0) != 0 }
    #expect(try next.runSQL("SELECT 1", database: "postgres") == "1")
  }

  @Test func `data left half-made is made again, and what is not ours is kept aside`() throws {
    let folder = try TemporaryFolder(label: "cluster")
    defer { folder.remove() }
    let first = try PostgresCluster.start(dataDirectory: folder.path)
    first.stop()
    let server = "\(folder.path)/postgres"
    try FileManager.default.moveItem(atPath: "\(server)/data", toPath: "\(server)/data.fresh")
    let second = try PostgresCluster.start(dataDirectory: folder.path)
    second.stop()
    #expect(!FileManager.default.fileExists(atPath: "\(server)/data.fresh"))

    try FileManager.default.removeItem(atPath: "\(server)/data/global/pg_control")
    let third = try PostgresCluster.start(dataDirectory: folder.path)
    defer { third.stop() }
    let names = try FileManager.default.contentsOfDirectory(atPath: server)
    #expect(names.contains { $0.hasPrefix("data.broken-") })
  }

  @Test func `a long data folder gets its socket in a short one`() throws {
    let folder = try TemporaryFolder(label: "cluster")
    defer { folder.remove() }
    let long = "\(folder.path)/\(String(repeating: "long-", count: 30))/it's 100% \"odd\" ü"
    let cluster = try PostgresCluster.start(dataDirectory: long)
    defer {
      cluster.stop()
      try? FileManager.default.removeItem(atPath: cluster.socketDirectory)
    }
    #expect("\(cluster.socketDirectory)/.s.PGSQL.5432".utf8.count <= 107)
    #expect(try cluster.runSQL("SELECT 1", database: "postgres") == "1")
  }

  @Test func `a folder within a closed one serves, also when the server runs as another user`()
    throws
  {
    let folder = try TemporaryFolder(label: "cluster")
    defer { folder.remove() }
    try FileManager.default.setAttributes(
      [.posixPermissions: 0o700], ofItemAtPath: folder.path)
    let inner = "\(folder.path)/inner"
    for _ in 0..<2 {
      let cluster = try PostgresCluster.start(dataDirectory: inner)
      #expect(try cluster.runSQL("SELECT 1", database: "postgres") == "1")
      cluster.stop()
    }
    let attributes = try FileManager.default.attributesOfItem(atPath: folder.path)
    #expect(attributes[.posixPermissions] as? Int == 0o700)
    let link = "\(inner)/postgres"
    guard let target = try? FileManager.default.destinationOfSymbolicLink(atPath: link) else {
      return
    }
    try FileManager.default.removeItem(atPath: target)
  }

  @Test func `a log that has grown too large is emptied at the next start`() throws {
    let folder = try TemporaryFolder(label: "cluster")
    defer { folder.remove() }
    let first = try PostgresCluster.start(dataDirectory: folder.path)
    first.stop()
    truncate(first.logPath, 9 << 20)
    let second = try PostgresCluster.start(dataDirectory: folder.path)
    defer { second.stop() }
    let size = try FileManager.default.attributesOfItem(atPath: second.logPath)[.size] as? Int
    #expect(try #require(size) < 1 << 20)
  }

  @Test func `a setting the server refuses is an error with the server's words`() throws {
    let folder = try TemporaryFolder(label: "cluster")
    defer { folder.remove() }
    let error = #expect(throws: ClusterError.self) {
      try PostgresCluster.start(dataDirectory: folder.path, settings: ["no_such_setting": "1"])
    }
    #expect(error?.description.contains("no_such_setting") == true)
  }

  @Test(arguments: ["", "A", "a-b", "a\"b", "ü", String(repeating: "a", count: 64)])
  func `an ill-formed database name is refused`(_ name: String) throws {
    let database = try TestDatabase.create()
    #expect(throws: ClusterError.databaseName(name)) {
      try database.cluster.createDatabase(name)
    }
  }

  /// Waits for a fact that takes the server some time, at most 20 s.
  private func eventually(_ condition: () -> Bool) async throws {
    let deadline = ContinuousClock.now + .seconds(20)
    while !condition() {
      try #require(ContinuousClock.now < deadline, "took more than 20 s")
      try await Task.sleep(for: .milliseconds(10))
    }
  }
}
