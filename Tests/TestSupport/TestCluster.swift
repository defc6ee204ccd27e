// A server of a test's own, to be killed, frozen and started again.
//
// Used by suites that break the server. Invariant: the server is stopped and its folder removed
// when the body ends, however it ends.

import PostgresCluster

/// Runs `body` with a separate server that nobody else uses.
public func withTestCluster<Value>(
  settings: [String: String] = [:], supervision: PostgresCluster.Supervision = .restart,
  _ body: (PostgresCluster) async throws -> Value
) async throws -> Value {
  let folder = try TemporaryFolder(label: "own")
  defer { folder.remove() }
  let cluster = try PostgresCluster.start(
    dataDirectory: folder.path, settings: settings, supervision: supervision)
  defer { cluster.stop() }
  return try await body(cluster)
}
