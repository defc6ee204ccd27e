// Reference: what PostgreSQL does by itself on the same machine, measured by `pgbench`.
//
// Run beside each scenario, in turn with it. Invariant: the same cluster with the same settings,
// and statements that are prepared: what a good service over PostgreSQL could reach at most.

import Foundation
import PostgresCluster

/// A load that `pgbench` puts on the database alone.
enum Reference: String, CaseIterable {
  /// One row of the size of an event into a table with one key, committed.
  case insert
  /// One row by its key.
  case select
  /// The same, fifty to a round trip.
  case pipelinedSelect = "pipelined select"

  /// The table of the references, filled.
  static let schema = """
    CREATE TABLE reference (
      id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, key text NOT NULL, content text NOT NULL);
    INSERT INTO reference (key, content)
      SELECT 'secret-' || n, repeat('x', 400) FROM generate_series(1, 100000) AS n;
    ANALYZE reference;
    """

  private static let query = """
    \\set id random(1, 100000)
    SELECT key, content FROM reference WHERE id = :id;

    """

  /// How many statements one transaction of the script has.
  private var statements: Double {
    switch self {
    case .insert, .select: 1
    case .pipelinedSelect: 50
    }
  }

  private var script: String {
    switch self {
    case .insert:
      """
      \\set id random(1, 100000)
      INSERT INTO reference (key, content) VALUES ('secret-' || :id, repeat('x', 400));

      """
    case .select: Self.query
    case .pipelinedSelect:
      "\\startpipeline\n" + String(repeating: Self.query, count: 50) + "\\endpipeline\n"
    }
  }

  /// How many statements a second `clients` connections get answered.
  func perSecond(
    in cluster: PostgresCluster, database: String, clients: Int, seconds: Int, folder: String
  ) throws(BenchError) -> Double {
    let path = "\(folder)/\(self).pgbench"
    do {
      try script.write(toFile: path, atomically: true, encoding: .utf8)
    } catch {
      throw .program("pgbench", said: "\(error)")
    }
    let outcome = try Programs.run(
      "/usr/bin/env",
      [
        "pgbench", "-n", "-M", "prepared", "-c", String(clients), "-j", String(min(2, clients)),
        "-T", String(seconds), "-f", path, "-h", cluster.socketDirectory,
        "-p", String(cluster.port), "-U", "postgres", database,
      ])
    let rate = outcome.output.firstMatch(of: /tps = ([0-9.]+)/).flatMap { Double($0.output.1) }
    guard let rate else { throw .program("pgbench", said: outcome.output) }
    return rate * statements
  }
}
