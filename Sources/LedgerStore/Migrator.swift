// Migrator: brings a database to the schema of this program, one numbered step after the other.
//
// Called by `stageledger migrate`, and at start on a private database. Each step and the row that
// records it are one transaction; an advisory lock keeps two migrators apart. Invariant: a step
// that was applied is never applied again, and a database whose steps are not ours is refused.

import Crypto
public import EventLoop
import Migrations
public import PostgresClient

/// Why a database could not be brought to the schema.
public enum MigrationError: Error, Hashable, Sendable {
  /// The database does not answer or refused a step.
  case database(PostgresError)
  /// The step was applied with another text than this program's.
  case changed(number: Int64)
  /// The database has a step this program does not know: a newer program made it.
  case unknown(number: Int64)
}

/// The steps of the schema as one database has them.
public struct SchemaStatus: Hashable, Sendable {
  /// The names of the steps that are there, in order.
  public var applied: [String]
  /// The names of the steps that are not there yet, in order.
  public var pending: [String]
  /// Whether the schema is this program's.
  public var isCurrent: Bool { pending.isEmpty }
}

/// Brings a database to the schema of this program.
public struct Migrator: Sendable {
  private static let connectLimit: Duration = .seconds(10)
  private static let stepLimit: Duration = .seconds(600)
  /// Any number nobody else uses: the letters `stageled`.
  private static let lockNumber: Int64 = 0x7374_6167_656c_6564

  private struct Applied: Sendable {
    var number: Int64
    var sha256: String
  }

  private static let applied = Statement<Void, Applied>(
    name: "applied_migrations",
    sql: "SELECT number, sha256 FROM ledger.migration ORDER BY number LIMIT 10000",
    bind: { _, _ in },
    decode: { row throws(PostgresError) in Applied(number: try row.int8(), sha256: try row.text()) }
  )

  private static let exists = Statement<Void, Bool>(
    name: "migrations_exist", sql: "SELECT to_regclass('ledger.migration') IS NOT NULL",
    bind: { _, _ in }, decode: { row throws(PostgresError) in try row.bool() })

  private let url: String
  private let loop: EventLoop

  /// A migrator for the database at `url`, which must belong to a role that may create roles.
  public init(url: String, loop: EventLoop) {
    self.url = url
    self.loop = loop
  }

  /// Tells which steps the database has.
  public func status() async throws(MigrationError) -> SchemaStatus {
    let probe = try await connect([Self.exists.erased])
    defer { probe.close() }
    guard try await first(Self.exists, on: probe) == true else {
      return SchemaStatus(applied: [], pending: Migration.all.map(Self.title))
    }
    let connection = try await connect([Self.applied.erased])
    defer { connection.close() }
    return try await status(on: connection)
  }

  /// Applies the steps the database does not have; their names.
  public func migrate() async throws(MigrationError) -> [String] {
    let starter = try await connect([])
    defer { starter.close() }
    try await run("SELECT pg_catalog.pg_advisory_lock(\(Self.lockNumber))", on: starter)
    try await run(
      """
      CREATE SCHEMA IF NOT EXISTS ledger;
      CREATE TABLE IF NOT EXISTS ledger.migration (
        number bigint PRIMARY KEY,
        name text NOT NULL,
        sha256 text NOT NULL,
        applied_at timestamptz NOT NULL DEFAULT now()
      );
      """, on: starter)
    let connection = try await connect([Self.applied.erased])
    defer { connection.close() }
    let pending = Set(try await status(on: connection).pending)
    var done: [String] = []
    for migration in Migration.all where pending.contains(Self.title(migration)) {
      // The name and the digest are this program's own: nothing from outside enters the text.
      try await run(
        """
        BEGIN;
        \(String(decoding: migration.sql, as: UTF8.self))
        INSERT INTO ledger.migration (number, name, sha256)
        VALUES (\(migration.number), '\(migration.name)', '\(Self.digest(migration))');
        COMMIT;
        """, on: starter)
      done.append(Self.title(migration))
    }
    return done
  }

  private static func title(_ migration: Migration) -> String {
    let number = String(migration.number)
    return String(repeating: "0", count: max(0, 4 - number.count)) + number + "_" + migration.name
  }

  private static func digest(_ migration: Migration) -> String {
    SHA256.hash(migration.sql).hex
  }

  private func connect(
    _ statements: [AnyStatement]
  ) async throws(MigrationError)
    -> PostgresConnection
  {
    let configuration = PostgresConfiguration(
      url: url, statements: statements, applicationName: "stageledger migrate",
      statementTimeout: Self.stepLimit, lockTimeout: .seconds(60))
    do throws(PostgresError) {
      return try await PostgresConnection.connect(
        configuration, on: loop, deadline: .now + Self.connectLimit)
    } catch {
      throw .database(error)
    }
  }

  private func run(
    _ script: String, on connection: PostgresConnection
  ) async throws(MigrationError) {
    do throws(PostgresError) {
      try await connection.script(script, deadline: .now + Self.stepLimit)
    } catch {
      throw .database(error)
    }
  }

  private func first<Output>(
    _ statement: Statement<Void, Output>, on connection: PostgresConnection
  ) async throws(MigrationError) -> Output? {
    do throws(PostgresError) {
      return try await connection.query(statement, (), deadline: .now + Self.connectLimit).first
    } catch {
      throw .database(error)
    }
  }

  private func status(
    on connection: PostgresConnection
  ) async throws(MigrationError) -> SchemaStatus {
    let rows: [Applied]
    do throws(PostgresError) {
      rows = try await connection.query(Self.applied, (), deadline: .now + Self.connectLimit)
    } catch {
      throw .database(error)
    }
    for row in rows {
      guard let ours = Migration.all.first(where: { $0.number == row.number }) else {
        throw .unknown(number: row.number)
      }
      guard Self.digest(ours) == row.sha256 else { throw .changed(number: row.number) }
    }
    let there = Set(rows.map(\.number))
    return SchemaStatus(
      applied: Migration.all.filter { there.contains($0.number) }.map(Self.title),
      pending: Migration.all.filter { !there.contains($0.number) }.map(Self.title))
  }
}
