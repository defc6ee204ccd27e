// Numbers for metrics.
//
// Called by: loops and connections, which count; the metrics page, which reads. Calls: nothing.
// Invariant: each count only rises, but for the connections open at the moment.

import Synchronization

/// What a server has done since its start.
public struct HTTPServerStatistics: Sendable, Hashable {
  /// Connections open at the moment.
  public let connectionsOpen: Int
  /// Connections accepted.
  public let connections: Int
  /// Heads that kept every rule.
  public let requests: Int
  /// Messages and connections refused.
  public let refusals: Int
}

/// The counts, shared by the loops of a server.
final class HTTPServerCounters: Sendable {
  private let open = Atomic<Int>(0)
  private let connections = Atomic<Int>(0)
  private let requests = Atomic<Int>(0)
  private let refusals = Atomic<Int>(0)

  var statistics: HTTPServerStatistics {
    HTTPServerStatistics(
      connectionsOpen: open.load(ordering: .relaxed),
      connections: connections.load(ordering: .relaxed),
      requests: requests.load(ordering: .relaxed),
      refusals: refusals.load(ordering: .relaxed))
  }

  /// Counts a connection in and returns how many are open with it.
  func enter() -> Int {
    connections.wrappingAdd(1, ordering: .relaxed)
    return open.wrappingAdd(1, ordering: .relaxed).newValue
  }

  func leave() { open.wrappingSubtract(1, ordering: .relaxed) }
  func countRequest() { requests.wrappingAdd(1, ordering: .relaxed) }
  func countRefusal() { refusals.wrappingAdd(1, ordering: .relaxed) }
}
