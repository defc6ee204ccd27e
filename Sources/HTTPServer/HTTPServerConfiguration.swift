// The bounds of a server: sizes, times and numbers.
//
// Called by: the wiring and tests. Calls: nothing.
// Invariant: no wait and no store of the server is without one of these bounds.

import HTTPWire

/// The limits of a server; each default is the documented one.
public struct HTTPServerConfiguration: Sendable {
  /// The request line and the fields of a request.
  public var headBytesMax = 16_384
  /// The fields of a request.
  public var fieldsMax = 100
  /// The target of a request.
  public var targetBytesMax = 8192
  /// The largest body, whatever a handler admits.
  public var bodyBytesMax = 1_048_576
  /// The largest body that is read only to be dropped; beyond it the connection closes.
  public var droppedBytesMax = 65_536
  /// From the first byte of a head to its end.
  public var headTimeout: Duration = .seconds(10)
  /// From the end of a head to the end of its body.
  public var bodyTimeout: Duration = .seconds(30)
  /// Between two requests.
  public var idleTimeout: Duration = .seconds(60)
  /// For a client to take 64 KiB of an answer.
  public var writeTimeout: Duration = .seconds(30)
  /// For a client to end its side after the server has ended its own.
  public var lingerTimeout: Duration = .seconds(1)
  /// For a request that was on its way when a drain began.
  public var drainGrace: Duration = .milliseconds(100)
  /// The connections of all loops together; one more is answered 503.
  public var connectionsMax = 10_000
  /// Connections the kernel holds for each loop before they are accepted.
  public var backlog = 1024

  /// Makes the documented limits.
  public init() {}

  var limits: HTTPLimits {
    HTTPLimits(
      headBytesMax: headBytesMax, fieldsMax: fieldsMax, targetBytesMax: targetBytesMax)
  }
}
