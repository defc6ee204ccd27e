// A server of a test's own, to be killed, frozen and started again.
//
// Used by suites that break the server. Invariant: the server is stopped and its folder removed
// when the body ends, however it ends.

import Foundation
import PostgresCluster

/// Runs `body` with a separate server that nobody else uses.
public func withTestCluster<Value>(
  settings: [String: String] = [:], supervision: PostgresCluster.Supervision = .restart,
  _ body: (PostgresCluster) async throws -> Value
) async throws -> Value {
  let folder = try TemporaryFolder(label: "own")
  defer { folder.remove() }
  let cluster = try await onOwnThread {
    try PostgresCluster.start(
      dataDirectory: folder.path, settings: settings, supervision: supervision)
  }
  let result: Result<Value, any Error>
  do { result = .success(try await body(cluster)) } catch { result = .failure(error) }
  try await onOwnThread { cluster.stop() }
  return try result.get()
}

/// Does something that blocks on a thread of its own, so that tasks keep theirs.
public func onOwnThread<Value: Sendable>(
  _ body: @escaping @Sendable () throws -> Value
) async throws -> Value {
  let result: Result<Value, any Error> = await withCheckedContinuation { continuation in
    Thread { continuation.resume(returning: Result { try body() }) }.start()
  }
  return try result.get()
}
