// Interest in a descriptor, and what its readiness looks like.
//
// Called by: whoever holds a socket on a loop. Calls: `EventLoop`.
// Invariant: after `cancel` the handler is never called again, and the watch and what its
// handler holds live at least until the turn ends.

import CLinux

/// What to be told about a descriptor; errors and hang-ups are always told.
public struct Interest: OptionSet, Sendable {
  /// The bits, of no meaning outside this type.
  public let rawValue: UInt8

  /// Makes a set of its bits.
  public init(rawValue: UInt8) { self.rawValue = rawValue }

  /// Bytes or a connection can be taken, or the peer has ended its side.
  public static let readable = Interest(rawValue: 1)
  /// Bytes can be given.
  public static let writable = Interest(rawValue: 2)

  var epoll: UInt32 {
    var bits: UInt32 = 0
    if contains(.readable) { bits |= EPOLLIN.rawValue | EPOLLRDHUP.rawValue }
    if contains(.writable) { bits |= EPOLLOUT.rawValue }
    return bits
  }
}

/// What a descriptor is ready for.
public struct Readiness: OptionSet, Sendable {
  /// The bits, of no meaning outside this type.
  public let rawValue: UInt8

  /// Makes a set of its bits.
  public init(rawValue: UInt8) { self.rawValue = rawValue }

  /// A read does not block.
  public static let readable = Readiness(rawValue: 1)
  /// A write does not block.
  public static let writable = Readiness(rawValue: 2)
  /// The peer writes no more; what it wrote before can still be read.
  public static let peerClosed = Readiness(rawValue: 4)
  /// Both directions are gone.
  public static let hangUp = Readiness(rawValue: 8)
  /// The descriptor has failed; the next call on it tells how.
  public static let error = Readiness(rawValue: 16)

  init(epoll bits: UInt32) {
    var readiness: Readiness = []
    if bits & EPOLLIN.rawValue != 0 { readiness.insert(.readable) }
    if bits & EPOLLOUT.rawValue != 0 { readiness.insert(.writable) }
    if bits & EPOLLRDHUP.rawValue != 0 { readiness.insert(.peerClosed) }
    if bits & EPOLLHUP.rawValue != 0 { readiness.insert(.hangUp) }
    if bits & EPOLLERR.rawValue != 0 { readiness.insert(.error) }
    self = readiness
  }
}

/// A descriptor under watch; used on its loop only.
public final class Watch {
  /// The descriptor watched; the watch does not own it.
  public let descriptor: Int32
  /// What the handler is called for.
  public private(set) var interest: Interest
  /// Whether `cancel` was called.
  public private(set) var isCancelled = false

  let generation: UInt32
  let handler: (Readiness) -> Void
  private let loop: EventLoop

  init(
    loop: EventLoop, descriptor: Int32, generation: UInt32, interest: Interest,
    handler: @escaping (Readiness) -> Void
  ) {
    self.loop = loop
    self.descriptor = descriptor
    self.generation = generation
    self.interest = interest
    self.handler = handler
  }

  /// Changes what the handler is called for; costs a system call only where it differs.
  public func update(_ interest: Interest) {
    guard !isCancelled, interest != self.interest else { return }
    self.interest = interest
    loop.update(self)
  }

  /// Ends the watch; the descriptor may be closed afterwards.
  public func cancel() {
    guard !isCancelled else { return }
    isCancelled = true
    loop.remove(self)
  }
}
