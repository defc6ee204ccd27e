// NoClouds: the gate of a ledger that passes nothing on.
//
// Used by tests whose projects have no cloud.

import LedgerServices

/// No project has a cloud.
public struct NoClouds: CloudGate {
  /// A gate that is shut.
  public init() {}

  /// Says that there is none.
  public func withCloud<Value: Sendable>(
    of project: Project, _ body: @Sendable (any CloudWriter) async -> Value
  ) async throws(CloudError) -> Value {
    throw .unreachable("no cloud")
  }
}
