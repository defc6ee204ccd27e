// Positions and counts of a project's log, each a type of its own so that they cannot be mixed.
//
// Everything here is a whole number of at most 2⁵³ - 1, so that it is exact in JSON.

/// The largest whole number JSON carries exactly.
public let wholeNumberMax: Int64 = 9_007_199_254_740_991

/// The index of an event in its project's log, from 0, without gaps; also its Merkle leaf index.
public struct Position: Hashable, Comparable, Sendable {
  /// The index.
  public let index: Int64
  /// Takes an index from 0 to 2⁵³ - 1; nil outside that range.
  public init?(_ index: Int64) {
    guard index >= 0, index <= wholeNumberMax else { return nil }
    self.index = index
  }
  init(checked index: Int64) {
    precondition(index >= 0 && index <= wholeNumberMax, "position \(index)")
    self.index = index
  }
  /// Whether `left` comes first in the log.
  public static func < (left: Position, right: Position) -> Bool { left.index < right.index }
}

/// How many events a log holds; also the position the next event will get.
public struct TreeSize: Hashable, Comparable, Sendable {
  /// The number of events.
  public let count: Int64
  /// The size of an empty log.
  public static let zero = TreeSize(checked: 0)
  /// Takes a count from 0 to 2⁵³ - 1; nil outside that range.
  public init?(_ count: Int64) {
    guard count >= 0, count <= wholeNumberMax else { return nil }
    self.count = count
  }
  init(checked count: Int64) {
    precondition(count >= 0 && count <= wholeNumberMax, "tree size \(count)")
    self.count = count
  }
  /// The position the next event will get.
  public var next: Position { Position(checked: count) }
  /// The position of the newest event; nil when there is none.
  public var last: Position? { Position(count - 1) }
  /// The size once one more event is in the log.
  public var successor: TreeSize { TreeSize(checked: count + 1) }
  /// Whether `left` is the smaller log.
  public static func < (left: TreeSize, right: TreeSize) -> Bool { left.count < right.count }
}

extension Position {
  /// The size of the log that ends with this event.
  public var size: TreeSize { TreeSize(checked: index + 1) }
}

/// The number of an event within its secret: 1, 2, 3, ...; 0 before the first.
public struct StreamVersion: Hashable, Comparable, Sendable {
  /// The number.
  public let number: Int64
  /// Before the first event.
  public static let zero = StreamVersion(checked: 0)
  /// Takes a number from 0 to 2⁵³ - 1; nil outside that range.
  public init?(_ number: Int64) {
    guard number >= 0, number <= wholeNumberMax else { return nil }
    self.number = number
  }
  init(checked number: Int64) {
    precondition(number >= 0 && number <= wholeNumberMax, "stream version \(number)")
    self.number = number
  }
  /// The number of the next event of the secret.
  public var successor: StreamVersion { StreamVersion(checked: number + 1) }
  /// Whether `left` is the earlier one.
  public static func < (left: StreamVersion, right: StreamVersion) -> Bool {
    left.number < right.number
  }
}
