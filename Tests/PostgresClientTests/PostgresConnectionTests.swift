// One connection against the real server: order, neighbours, batches, deadlines, loss.

import EventLoop
import Foundation
import TestSupport
import Testing

@testable import PostgresClient

@Suite(.inTurn) struct PostgresConnectionTests {
  /// The SQLSTATE of a server error, else a description of what came.
  private func sqlState(_ body: () async throws(PostgresError) -> Void) async -> String {
    do throws(PostgresError) {
      try await body()
      return "no error"
    } catch .server(let error) {
      return error.sqlState
    } catch {
      return "\(error)"
    }
  }

  @Test func `a thousand statements under way each get their own answer`() async throws {
    try await withConnection { connection, _ async throws in
      try await withThrowingTaskGroup(of: (Int64, [Int64]).self) { group in
        for number in 0..<1_000 as Range<Int64> {
          group.addTask(executorPreference: connection.loop) {
            (number, try await connection.query(Sample.echo, number, deadline: soon))
          }
        }
        for try await (number, rows) in group { #expect(rows == [number]) }
      }
    }
  }

  @Test func `a refused statement says why and does not hurt its neighbours`() async throws {
    try await withConnection { connection, _ async throws in
      async let before = connection.query(Sample.echo, 1, deadline: soon)
      async let refused = sqlState { () async throws(PostgresError) in
        _ = try await connection.query(Sample.divide, 0, deadline: soon)
      }
      async let after = connection.query(Sample.echo, 2, deadline: soon)
      #expect(await refused == "22012")
      #expect(try await before == [1])
      #expect(try await after == [2])

      _ = try await connection.query(Sample.insert, 1, deadline: soon)
      do throws(PostgresError) {
        _ = try await connection.query(Sample.insert, 1, deadline: soon)
        Issue.record("a duplicate was taken")
      } catch .server(let error) {
        #expect(error.sqlState == "23505")
        #expect(error.constraint == "t_pkey")
        #expect(error.statement == "insert")
        #expect(error.severity == "ERROR")
      }
    }
  }

  @Test func `shared reads with a bad one among them all get their own answer`() async throws {
    try await withConnection { connection, _ async throws in
      await withTaskGroup(of: Void.self) { group in
        for number in 0..<300 as Range<Int64> {
          group.addTask(executorPreference: connection.loop) {
            let divisor: Int64 = number % 10 == 0 ? 0 : 1
            let state = await sqlState { () async throws(PostgresError) in
              let rows = try await connection.query(
                Sample.divide, divisor, deadline: soon, travel: .shared)
              #expect(rows == [1])
            }
            #expect(state == (divisor == 0 ? "22012" : "no error"))
          }
        }
      }
    }
  }

  @Test func `a batch happens as a whole or not at all`() async throws {
    try await withConnection { connection, _ async throws in
      var good = PostgresBatch()
      let inserted = good.add(Sample.insert, 1)
      let counted = good.add(Sample.count)
      let results = try await connection.run(good, deadline: soon)
      #expect(try results[counted] == [1])
      #expect(results.affected(inserted) == 1)

      var bad = PostgresBatch()
      bad.add(Sample.insert, 2)
      bad.add(Sample.insert, 3)
      bad.add(Sample.divide, 0)
      bad.add(Sample.insert, 4)
      let state = await sqlState { () async throws(PostgresError) in
        _ = try await connection.run(bad, deadline: soon)
      }
      #expect(state == "22012")
      #expect(try await connection.query(Sample.count, deadline: soon) == [1])
      #expect(try await connection.run(PostgresBatch(), deadline: soon).sets.isEmpty)
    }
  }

  @Test func `a constraint checked at the very end fails the batch`() async throws {
    try await withConnection { connection, _ async throws in
      try await connection.script(
        """
        CREATE TABLE public.late (id bigint REFERENCES public.t DEFERRABLE INITIALLY DEFERRED);
        CREATE FUNCTION public.put(bigint) RETURNS void LANGUAGE sql
          AS 'INSERT INTO public.late VALUES ($1)';
        """, deadline: soon)
      let state = await sqlState { () async throws(PostgresError) in
        _ = try await connection.perform(
          [.text("SELECT public.put(99)"), .text("SELECT 1")], deadline: soon, travel: .alone)
      }
      #expect(state == "23503")
      #expect(try await connection.query(Sample.echo, 5, deadline: soon) == [5])
    }
  }

  @Test func `an explicit transaction spans segments`() async throws {
    try await withConnection { connection, _ async throws in
      var first = PostgresBatch()
      first.add(Sample.begin)
      first.add(Sample.insert, 1)
      _ = try await connection.run(first, deadline: soon)
      var second = PostgresBatch()
      second.add(Sample.insert, 2)
      second.add(Sample.commit)
      _ = try await connection.run(second, deadline: soon)
      #expect(try await connection.query(Sample.count, deadline: soon) == [2])
    }
  }

  @Test func `a script runs many statements between others, and its error is told`() async throws {
    try await withConnection { connection, _ async throws in
      async let before = connection.query(Sample.echo, 1, deadline: soon)
      try await connection.script(
        "INSERT INTO public.t VALUES (1); SELECT 'dropped'; INSERT INTO public.t VALUES (2)",
        deadline: soon)
      async let after = connection.query(Sample.count, deadline: soon)
      #expect(try await before == [1])
      #expect(try await after == [2])
      let state = await sqlState { () async throws(PostgresError) in
        try await connection.script(
          "INSERT INTO public.t VALUES (3); SELECT nonsense; SELECT 1", deadline: soon)
      }
      #expect(state == "42703")
      #expect(try await connection.query(Sample.count, deadline: soon) == [2])
    }
  }

  @Test func `the session is set up before anything runs`() async throws {
    try await withConnection { connection, _ async throws in
      let expected = [
        "search_path": "pg_catalog, pg_temp", "TimeZone": "UTC", "statement_timeout": "30s",
        "lock_timeout": "10s", "idle_in_transaction_session_timeout": "30s",
        "client_encoding": "UTF8", "application_name": "stageledger",
      ]
      for (name, value) in expected {
        let found = try await connection.query(Sample.setting, name, deadline: soon)
        #expect(found == [value], "\(name)")
      }
    }
  }

  @Test func `a statement that does not prepare fails the connect and is named`() async throws {
    let database = try await TestDatabase.fresh(label: "client")
    let bad = AnyStatement(name: "bad", sql: "SELECT * FROM nowhere.table_at_all", types: [])
    try await withLoop { loop in
      do throws(PostgresError) {
        _ = try await PostgresConnection.connect(
          PostgresConfiguration(url: database.url, statements: Sample.tableless + [bad]),
          on: loop, deadline: soon)
        Issue.record("it connected")
      } catch .server(let error) {
        #expect(error.sqlState == "42P01")
        #expect(error.statement == "bad")
      }
    }
  }

  @Test func `a wrong address or database is unavailable, with the reason`() async throws {
    let database = try await TestDatabase.fresh(label: "client")
    let urls = [
      "postgresql://postgres@/x?host=%2Fnowhere", "postgresql://127.0.0.1:1/x", "nonsense=1",
      database.url.replacing(database.name, with: "no_such_database"), "postgresql://%zz",
    ]
    try await withLoop { loop in
      for url in urls {
        do throws(PostgresError) {
          _ = try await PostgresConnection.connect(
            PostgresConfiguration(url: url), on: loop, deadline: soon)
          Issue.record("it connected to \(url)")
        } catch .unavailable(let reason) {
          #expect(!reason.isEmpty)
        }
      }
    }
  }

  @Test func `a deadline ends the wait for a slow statement and the connection`() async throws {
    try await withConnection { connection, database async throws in
      let begun = ContinuousClock.now
      async let slow = outcome { () async throws(PostgresError) in
        try await connection.query(Sample.sleep, 30, deadline: .now + .seconds(2))
      }
      try await sleeps(in: database)
      async let behind = outcome { () async throws(PostgresError) in
        try await connection.query(Sample.echo, 1, deadline: soon)
      }
      let (first, second) = await (slow, behind)
      #expect(first == .failure(.deadlineExceeded(sent: true)))
      #expect(second.isLost(sent: true))
      #expect(ContinuousClock.now - begun < .seconds(10))
      // The server gives the statement up as well: it looks for its client every second.
      try await eventually {
        try database.psql("SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%pg_sleep($1)'")
          == "0"
      }
      let later = await outcome { () async throws(PostgresError) in
        try await connection.query(Sample.echo, 1, deadline: soon)
      }
      #expect(later.isLost(sent: false))
    }
  }

  /// Waits until the server runs the statement that sleeps: what is sent now stands behind it.
  private func sleeps(in database: TestDatabase) async throws {
    try await eventually {
      try database.psql(
        "SELECT count(*) FROM pg_stat_activity WHERE state = 'active' "
          + "AND query LIKE '%pg_sleep($1)' AND pid <> pg_backend_pid()") == "1"
    }
  }

  @Test func `who gives up in the line disturbs nobody, and its answer is dropped`() async throws {
    try await withConnection { connection, database async throws in
      async let slow = connection.query(Sample.sleep, 2, deadline: soon)
      try await sleeps(in: database)
      async let hasty = outcome { () async throws(PostgresError) in
        try await connection.query(Sample.echo, 1, deadline: .now + .milliseconds(50))
      }
      async let behind = connection.query(Sample.echo, 2, deadline: soon)
      let given = await hasty
      #expect(given == .failure(.deadlineExceeded(sent: true)))
      #expect(try await slow == [7])
      #expect(try await behind == [2])
    }
  }

  @Test func `a deadline that has passed sends nothing`() async throws {
    try await withConnection { connection, _ async throws in
      await #expect(throws: PostgresError.deadlineExceeded(sent: false)) {
        try await connection.query(Sample.insert, 1, deadline: .now - .seconds(1))
      }
      #expect(try await connection.query(Sample.count, deadline: soon) == [0])
    }
  }

  @Test func `a terminated backend fails what is under way as unknown`() async throws {
    try await withConnection { connection, database async throws in
      let backend = try await connection.query(Sample.backend, deadline: soon)
      let processID = try #require(backend.first)
      async let slow = outcome { () async throws(PostgresError) in
        try await connection.query(Sample.sleep, 30, deadline: soon)
      }
      try await eventually {
        try database.psql("SELECT state FROM pg_stat_activity WHERE pid = \(processID)") == "active"
      }
      try database.psql("SELECT pg_terminate_backend(\(processID))")
      let result = await slow
      #expect(result.isLost(sent: true))
      #expect("\(result)".contains("terminating connection"))
    }
  }

  @Test func `big parameters in many statements at once flow both ways`() async throws {
    let big = Statement<[UInt8], [UInt8]>(
      name: "big", sql: "SELECT $1::bytea", types: [.bytea],
      bind: { input, writer in writer.bytes(input) },
      decode: { row throws(PostgresError) in try row.bytes() })
    try await withConnection(statements: [big.erased]) { connection, _ async throws in
      try await withThrowingTaskGroup(of: Void.self) { group in
        for number in 0..<40 as Range<UInt8> {
          group.addTask(executorPreference: connection.loop) {
            let bytes = [UInt8](repeating: number, count: 1 << 20)
            let rows = try await connection.query(big, bytes, deadline: soon)
            #expect(rows == [bytes])
          }
        }
        try await group.waitForAll()
      }
    }
  }

  @Test func `too many requests on a connection are refused, the others answered`() async throws {
    let database = try await TestDatabase.fresh(label: "client")
    try await withLoop { loop in
      let connection = try await PostgresConnection.connect(
        PostgresConfiguration(
          url: database.url, statements: Sample.tableless, requestsMax: 10),
        on: loop, deadline: soon)
      let outcomes = await withTaskGroup(of: Bool.self) { group in
        for number in 0..<50 as Range<Int64> {
          group.addTask(executorPreference: loop) {
            (try? await connection.query(Sample.echo, number, deadline: soon)) == [number]
          }
        }
        return await group.reduce(into: [Bool]()) { $0.append($1) }
      }
      #expect(outcomes.contains(true))
      #expect(outcomes.contains(false))
      #expect(try await connection.query(Sample.echo, 1, deadline: soon) == [1])
      connection.close()
    }
  }
}
