// What the suites of the client share: a loop, a connection, a few statements.

import EventLoop
import Foundation
import PostgresClient
import PostgresCluster
import TestSupport
import Testing

/// Runs `body` with a running loop.
@discardableResult
func withLoop<Value>(_ body: (EventLoop) async throws -> Value) async throws -> Value {
  let loop = try EventLoop(name: "test")
  loop.start()
  defer {
    loop.stop()
    loop.join()
  }
  return try await body(loop)
}

/// Runs `body` with a connection to a fresh database, which has the table `public.t (id, v)`.
@discardableResult
func withConnection<Value>(
  statements: [AnyStatement] = Sample.all,
  _ body: (PostgresConnection, TestDatabase) async throws -> Value
) async throws -> Value {
  let database = try await TestDatabase.fresh(label: "client")
  defer { database.drop() }
  try await database.onThread {
    try $0.psql("CREATE TABLE public.t (id bigint PRIMARY KEY, v text)")
  }
  return try await withLoop { loop in
    let connection = try await PostgresConnection.connect(
      PostgresConfiguration(url: database.url, statements: statements), on: loop, deadline: soon)
    let result: Result<Value, any Error>
    do { result = .success(try await body(connection, database)) } catch {
      result = .failure(error)
    }
    connection.close()
    return try result.get()
  }
}

/// A deadline that only a hang misses.
var soon: ContinuousClock.Instant { .now + .seconds(20) }

/// Waits for a fact that takes the server some time, at most 20 s.
func eventually(_ condition: () async throws -> Bool) async throws {
  let deadline = soon
  while try await !condition() {
    try #require(ContinuousClock.now < deadline, "took more than 20 s")
    try await Task.sleep(for: .milliseconds(5))
  }
}

/// Statements over `public.t` and over nothing.
enum Sample {
  static let echo = Statement<Int64, Int64>(
    name: "echo", sql: "SELECT $1::bigint", types: [.int8],
    bind: { input, writer in writer.int8(input) },
    decode: { row throws(PostgresError) in try row.int8() })

  static let sleep = Statement<Double, Int64>(
    name: "sleep", sql: "SELECT 7::bigint FROM pg_catalog.pg_sleep($1)", types: [.float8],
    bind: { input, writer in writer.float8(input) },
    decode: { row throws(PostgresError) in try row.int8() })

  static let divide = Statement<Int64, Int64>(
    name: "divide", sql: "SELECT 1 / $1::bigint", types: [.int8],
    bind: { input, writer in writer.int8(input) },
    decode: { row throws(PostgresError) in try row.int8() })

  static let insert = Statement<Int64, Void>(
    name: "insert", sql: "INSERT INTO public.t (id, v) VALUES ($1, 'x')", types: [.int8],
    bind: { input, writer in writer.int8(input) })

  static let count = Statement<Void, Int64>(
    name: "count", sql: "SELECT count(*) FROM public.t", bind: { _, _ in },
    decode: { row throws(PostgresError) in try row.int8() })

  static let backend = Statement<Void, Int32>(
    name: "backend", sql: "SELECT pg_catalog.pg_backend_pid()", bind: { _, _ in },
    decode: { row throws(PostgresError) in try row.int4() })

  static let setting = Statement<String, String>(
    name: "setting", sql: "SELECT pg_catalog.current_setting($1)", types: [.text],
    bind: { input, writer in writer.text(input) },
    decode: { row throws(PostgresError) in try row.text() })

  static let begin = Statement<Void, Void>(name: "begin", sql: "BEGIN", bind: { _, _ in })
  static let commit = Statement<Void, Void>(name: "commit", sql: "COMMIT", bind: { _, _ in })

  static let all = [
    echo.erased, sleep.erased, divide.erased, insert.erased, count.erased, backend.erased,
    setting.erased, begin.erased, commit.erased,
  ]

  /// Those that need no table.
  static let tableless = [echo.erased, sleep.erased, divide.erased, backend.erased]
}

/// What came of a call, with its typed error, to be looked at later.
func outcome<Value: Sendable>(
  _ body: @Sendable () async throws(PostgresError) -> Value
) async -> Result<Value, PostgresError> {
  do throws(PostgresError) {
    return .success(try await body())
  } catch {
    return .failure(error)
  }
}

extension Result where Failure == PostgresError {
  /// Whether it is a lost connection, and with `sent` as given.
  func isLost(sent: Bool) -> Bool {
    if case .failure(.connectionLost(sent, _)) = self { true } else { false }
  }
}
