// Clock and Identities: the two things the services need that are different each time.
//
// Both come in as values, so that a test with a fixed clock and a seed replays a run.

import Crypto
public import Ledger
import Synchronization

/// Where the services read the time.
public struct Clock: Sendable {
  private let read: @Sendable () -> Instant
  /// A clock that calls `read`.
  public init(_ read: @escaping @Sendable () -> Instant) { self.read = read }
  /// The time now.
  public var now: Instant { read() }
}

/// Where the services get new ids.
public struct Identities: Sendable {
  private let randomBytes: @Sendable (_ count: Int) -> [UInt8]

  /// Ids made of bytes from `randomBytes`.
  public init(randomBytes: @escaping @Sendable (_ count: Int) -> [UInt8]) {
    self.randomBytes = randomBytes
  }

  /// Ids from the operating system's randomness, which is asked for many of them at once.
  public static let random: Identities = {
    let stock = RandomStock()
    return Identities { stock.take($0) }
  }()

  /// A UUID of version 7: 48 bits of milliseconds, then 74 random bits.
  ///
  /// Ids made one after another lie together in an index. Source: RFC 9562, section 5.7.
  public func uuid(at time: Instant) -> String {
    var bytes = randomBytes(16)
    precondition(bytes.count == 16, "\(bytes.count) random bytes")
    let milliseconds = UInt64(bitPattern: time.milliseconds)
    for index in 0..<6 {
      bytes[index] = UInt8(truncatingIfNeeded: milliseconds >> (40 - 8 * index))
    }
    bytes[6] = bytes[6] & 0x0F | 0x70
    bytes[8] = bytes[8] & 0x3F | 0x80
    let digits: [UInt8] = Array("0123456789abcdef".utf8)
    var text: [UInt8] = []
    text.reserveCapacity(36)
    for (index, byte) in bytes.enumerated() {
      if index == 4 || index == 6 || index == 8 || index == 10 { text.append(0x2D) }
      text.append(digits[Int(byte >> 4)])
      text.append(digits[Int(byte & 15)])
    }
    return String(decoding: text, as: UTF8.self)
  }

  /// The id of a new event.
  public func eventID(at time: Instant) -> EventID {
    do { return try EventID(uuid(at: time)) } catch { preconditionFailure("uuid: \(error)") }
  }
}

/// Random bytes, each given out once.
private final class RandomStock: Sendable {
  private static let size = 4_096
  private let stock = Mutex<[UInt8]>([])

  func take(_ count: Int) -> [UInt8] {
    stock.withLock { stock in
      if stock.count < count { stock = SecureRandom.bytes(max(count, Self.size)) }
      defer { stock.removeLast(count) }
      return Array(stock.suffix(count))
    }
  }
}
