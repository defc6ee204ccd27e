// The pool against servers that die, freeze, are full and come back.

import EventLoop
import Foundation
import PostgresCluster
import TestSupport
import Testing

@testable import PostgresClient

@Suite(.inTurn) struct PostgresPoolTests {
  private func withPool<Value>(
    _ url: String, statements: [AnyStatement] = Sample.tableless,
    size: PostgresPool.Size = .init(shared: 2, exclusive: 1, waitersMax: 100),
    connectTimeout: Duration = .seconds(5),
    _ body: (PostgresPool) async throws -> Value
  ) async throws -> Value {
    try await withLoop { loop in
      let pool = PostgresPool(
        configuration: PostgresConfiguration(
          url: url, statements: statements, connectTimeout: connectTimeout),
        loop: loop, size: size)
      pool.start()
      let result: Result<Value, any Error>
      do { result = .success(try await body(pool)) } catch { result = .failure(error) }
      await pool.close()
      return try result.get()
    }
  }

  private func echo(
    _ pool: PostgresPool, within limit: Duration = .seconds(20)
  ) async -> Result<[Int64], PostgresError> {
    await outcome { () async throws(PostgresError) in
      try await pool.query(Sample.echo, 1, deadline: .now + limit)
    }
  }

  @Test func `calls made before the first connect wait for it`() async throws {
    let database = try await TestDatabase.fresh(label: "pool")
    try await withPool(database.url) { pool async throws in
      let results = await withTaskGroup(of: Result<[Int64], PostgresError>.self) { group in
        for _ in 0..<50 { group.addTask { await echo(pool) } }
        return await group.reduce(into: []) { $0.append($1) }
      }
      #expect(results.allSatisfy { $0 == .success([1]) })
      try await eventually { pool.isAvailable }
    }
  }

  @Test func `two loops work at the same time, called from anywhere`() async throws {
    let database = try await TestDatabase.fresh(label: "pool")
    let size = PostgresPool.Size(shared: 2, exclusive: 0, waitersMax: 500)
    try await withPool(database.url, size: size) { first async throws in
      try await withPool(database.url, size: size) { second async throws in
        try await withThrowingTaskGroup(of: Void.self) { group in
          for number in 0..<500 as Range<Int64> {
            group.addTask {
              let a = try await first.query(Sample.echo, number, deadline: soon)
              let b = try await second.query(Sample.echo, -number, deadline: soon)
              #expect(a == [number] && b == [-number])
            }
          }
          try await group.waitForAll()
        }
      }
    }
  }

  @Test func `exclusive connections have one user at a time and the last state is clean`()
    async throws
  {
    let database = try await TestDatabase.fresh(label: "pool")
    try await database.onThread { try $0.psql("CREATE TABLE public.t (id bigint, v text)") }
    try await withPool(database.url, statements: Sample.all) { pool async throws in
      try await withThrowingTaskGroup(of: Void.self) { group in
        for number in 0..<50 as Range<Int64> {
          group.addTask {
            try await pool.withExclusive(deadline: soon) {
              connection async throws(PostgresError) in
              _ = try await connection.query(Sample.begin, deadline: soon)
              _ = try await connection.query(Sample.insert, number, deadline: soon)
              _ = try await connection.query(Sample.commit, deadline: soon)
            }
          }
        }
        try await group.waitForAll()
      }
      #expect(try await pool.query(Sample.count, deadline: soon) == [50])
      // A transaction left open is rolled back with its connection.
      try await pool.withExclusive(deadline: soon) { connection async throws(PostgresError) in
        _ = try await connection.query(Sample.begin, deadline: soon)
        _ = try await connection.query(Sample.insert, 99, deadline: soon)
      }
      let left = try await pool.withExclusive(deadline: soon) {
        connection async throws(PostgresError) in
        try await connection.query(Sample.count, deadline: soon)
      }
      #expect(left == [50])
    }
  }

  @Test func `waiting for an exclusive connection ends at the deadline`() async throws {
    let database = try await TestDatabase.fresh(label: "pool")
    try await withPool(database.url) { pool async throws in
      let result = try await pool.withExclusive(deadline: soon) { _ in
        await outcome { () async throws(PostgresError) in
          try await pool.withExclusive(deadline: .now + .milliseconds(50)) { _ in }
        }
      }
      guard case .failure(.deadlineExceeded(sent: false)) = result else {
        Issue.record("\(result)")
        return
      }
    }
  }

  @Test func `a slow read loses its connection, not its neighbours`() async throws {
    let database = try await TestDatabase.fresh(label: "pool")
    let size = PostgresPool.Size(shared: 1, exclusive: 0, waitersMax: 100)
    try await withPool(database.url, size: size) { pool async throws in
      #expect(await echo(pool) == .success([1]))
      async let slow = outcome { () async throws(PostgresError) in
        try await pool.query(Sample.sleep, 30, deadline: .now + .milliseconds(100))
      }
      try await Task.sleep(for: .milliseconds(10))
      async let behind = echo(pool)
      let (first, second) = await (slow, behind)
      #expect(first == .failure(.deadlineExceeded(sent: true)))
      #expect(second == .success([1]))
    }
  }

  @Test func `a killed server fails calls at once, and the pool heals by itself`() async throws {
    try await withTestCluster { cluster async throws in
      try await withPool(cluster.url(database: "postgres")) { pool async throws in
        #expect(await echo(pool) == .success([1]))
        async let slow = outcome { () async throws(PostgresError) in
          try await pool.withExclusive(deadline: soon) { connection async throws(PostgresError) in
            try await connection.query(Sample.sleep, 60, deadline: .now + .seconds(60))
          }
        }
        try await Task.sleep(for: .milliseconds(100))
        kill(try #require(cluster.processID), SIGKILL)
        let lost = await slow
        #expect(lost.isLost(sent: true))
        // Until it is back, each call ends at once, whatever its deadline.
        let killed = ContinuousClock.now
        while await echo(pool, within: .seconds(60)) != .success([1]) {
          #expect(ContinuousClock.now - killed < .seconds(20))
          try await Task.sleep(for: .milliseconds(5))
        }
        try await eventually { pool.isAvailable }
      }
    }
  }

  @Test func `a server that stays away is told at once and found when it is back`() async throws {
    let folder = try TemporaryFolder(label: "pool")
    defer { folder.remove() }
    let first = try await onOwnThread { try PostgresCluster.start(dataDirectory: folder.path) }
    try await withPool(first.url(database: "postgres")) { pool async throws in
      #expect(await echo(pool) == .success([1]))
      try await onOwnThread { first.stop() }
      try await eventually { !pool.isAvailable }
      let begun = ContinuousClock.now
      for _ in 0..<20 {
        let result = await echo(pool, within: .seconds(60))
        guard case .failure(.unavailable(let reason)) = result else {
          Issue.record("\(result)")
          continue
        }
        #expect(!reason.isEmpty)
      }
      #expect(ContinuousClock.now - begun < .seconds(10))
      let second = try await onOwnThread {
        try PostgresCluster.start(dataDirectory: folder.path)
      }
      defer { second.stop() }
      try await eventually { pool.isAvailable }
      #expect(await echo(pool) == .success([1]))
    }
  }

  @Test func `callers of a frozen server fail at their deadline, and it heals when thawed`()
    async throws
  {
    try await withTestCluster { cluster async throws in
      try await withPool(cluster.url(database: "postgres"), connectTimeout: .seconds(1)) {
        pool async throws in
        #expect(await echo(pool) == .success([1]))
        let processID = try #require(cluster.processID)
        let children = try String(
          contentsOfFile: "/proc/\(processID)/task/\(processID)/children", encoding: .utf8)
        let processes =
          [processID] + children.split(separator: " ").compactMap { Int32($0) }
        for process in processes { kill(process, SIGSTOP) }
        let results = await withTaskGroup(of: Result<[Int64], PostgresError>.self) { group in
          for _ in 0..<20 { group.addTask { await echo(pool, within: .milliseconds(300)) } }
          return await group.reduce(into: []) { $0.append($1) }
        }
        for process in processes { kill(process, SIGCONT) }
        for result in results {
          switch result {
          case .failure(.deadlineExceeded), .failure(.connectionLost), .failure(.unavailable):
            break
          default: Issue.record("\(result)")
          }
        }
        try await eventually { await echo(pool) == .success([1]) }
      }
    }
  }

  @Test func `a full server is unavailable until there is room`() async throws {
    try await withTestCluster(
      settings: ["max_connections": "4", "superuser_reserved_connections": "0"]
    ) { cluster async throws in
      let url = cluster.url(database: "postgres")
      let size = PostgresPool.Size(shared: 4, exclusive: 0, waitersMax: 10)
      try await withPool(url, size: size) { first async throws in
        try await eventually { first.isAvailable }
        let one = PostgresPool.Size(shared: 1, exclusive: 0, waitersMax: 10)
        try await withPool(url, size: one) { second async throws in
          try await eventually {
            if case .failure(.unavailable(let reason)) = await echo(second) {
              return reason.contains("too many clients")
            }
            return false
          }
          await first.close()
          try await eventually { await echo(second) == .success([1]) }
        }
      }
    }
  }

  @Test func `a closed pool refuses`() async throws {
    let database = try await TestDatabase.fresh(label: "pool")
    try await withPool(database.url) { pool async throws in
      #expect(await echo(pool) == .success([1]))
      await pool.close()
      let result = await echo(pool)
      #expect(result == .failure(.unavailable(reason: "the pool is closed")))
    }
  }
}
