// The databases of the tests: one private server for the run, a fresh database for who asks.
//
// Used by every suite that needs PostgreSQL; calls `PostgresCluster`. Invariant: the server and
// its folder are gone after the run, also when it is killed (the folder at the next run).

import Foundation
import PostgresCluster
import Synchronization

/// A fresh, empty database on the server of this test run.
public struct TestDatabase: Sendable {
  /// The server it is on.
  public let cluster: PostgresCluster
  /// Its name, used by nobody else.
  public let name: String

  /// Its address for libpq, as the superuser.
  public var url: String { cluster.url(database: name) }

  /// Creates a database on the shared server, which the first call starts.
  public static func create(label: String = "test") throws -> Self {
    let cluster = try SharedCluster.instance.get()
    return try Self(cluster: cluster, label: label)
  }

  /// Creates a database as `create` does, without blocking a thread that tasks run on.
  public static func fresh(label: String = "test") async throws -> Self {
    try await onOwnThread { try create(label: label) }
  }

  /// Does something slow with this database on a thread of its own.
  @discardableResult
  public func onThread<Value: Sendable>(
    _ body: @escaping @Sendable (Self) throws -> Value
  ) async throws -> Value {
    try await onOwnThread { try body(self) }
  }

  /// Creates a database on a server of the test's own.
  public init(cluster: PostgresCluster, label: String = "test") throws {
    self.cluster = cluster
    name = "\(label)_\(String(UInt64.random(in: .min ... .max), radix: 36))"
    try cluster.createDatabase(name)
  }

  /// The address for libpq as another user.
  public func url(user: String) -> String { cluster.url(database: name, user: user) }

  /// Runs SQL text through psql and answers what it printed: columns by `|`, rows by lines.
  @discardableResult
  public func psql(_ sql: String) throws -> String {
    try cluster.runSQL(sql, database: name)
  }

  /// Drops the database, its connections included; the run's end removes what is left.
  public func drop() {
    _ = try? cluster.runSQL("DROP DATABASE \"\(name)\" WITH (FORCE)", database: "postgres")
  }
}

/// The one server of a test run.
private enum SharedCluster {
  /// Started at the first use, stopped and removed when the process exits.
  static let instance: Result<PostgresCluster, any Error> = Result {
    let folder = try TemporaryFolder(label: "shared")
    let cluster = try PostgresCluster.start(
      dataDirectory: folder.path,
      settings: ["max_connections": "300", "shared_buffers": "128MB"])
    running.withLock { $0 = (cluster, folder) }
    atexit {
      running.withLock { running in
        running?.0.stop()
        running?.1.remove()
        running = nil
      }
    }
    return cluster
  }

  private static let running = Mutex<(PostgresCluster, TemporaryFolder)?>(nil)
}
