// SecretSearch: which secrets a list shows, and in what order.
//
// Made by the surfaces whose clouds can filter and sort; answered by `RecordStore`. Invariant: a
// place names where a secret stood in the order when it was shown, so that a page begins after it
// whatever became of it since.

public import Ledger

/// A question for secrets.
public struct SecretSearch: Hashable, Sendable {
  /// What secrets can be sorted by.
  public enum Order: String, CaseIterable, Sendable {
    /// Their names, as bytes.
    case name
    /// When they were registered.
    case registered
    /// When they last changed; then their names.
    case changed
  }

  /// Which end of the order comes first.
  public enum Direction: Hashable, CaseIterable, Sendable {
    case ascending
    case descending
  }

  /// Which part of the life of a secret is shown.
  public enum Life: Hashable, CaseIterable, Sendable {
    /// Those that can be used.
    case enabled
    /// Those that wait for their deletion too.
    case registered
  }

  /// Where a secret stands in the order.
  public struct Place: Hashable, Sendable {
    /// What it is sorted by; 0 where that is its name.
    public var key: Int64
    /// Its name.
    public var name: SecretName
    /// A place in the order.
    public init(key: Int64, name: SecretName) {
      self.key = key
      self.name = name
    }
  }

  /// Which part of the life of a secret is shown.
  public var life: Life
  /// The name begins with one of these; nil: with anything.
  public var prefixes: [String]?
  /// The name begins with none of these.
  public var prefixesBarred: [String]
  /// Each of these is somewhere in the name, of which ASCII capitals count as small letters.
  public var words: [String]
  /// What the secrets are sorted by.
  public var order: Order
  /// Which end of the order comes first.
  public var direction: Direction
  /// Begin after this place; nil: with the first.
  public var after: Place?
  /// Leave out so many at the beginning, for clouds whose pages have numbers.
  public var skip: Int64 = 0

  /// A question for secrets.
  public init(
    life: Life, prefixes: [String]?, prefixesBarred: [String], words: [String], order: Order,
    direction: Direction, after: Place?
  ) {
    self.life = life
    self.prefixes = prefixes
    self.prefixesBarred = prefixesBarred
    self.words = words
    self.order = order
    self.direction = direction
    self.after = after
  }

  /// Finds only names that begin with one of these too.
  ///
  /// What is left begins each as one of the two lists has it, and once: however often it is
  /// narrowed, there are no more beginnings than were ever asked for.
  public mutating func narrow(toPrefixes others: [String]) {
    guard let prefixes else {
      self.prefixes = others
      return
    }
    var left: [String] = []
    for one in prefixes {
      for other in others {
        let (long, short) = one.utf8.count < other.utf8.count ? (other, one) : (one, other)
        guard long.utf8.starts(with: short.utf8),
          !left.contains(where: { $0.utf8.elementsEqual(long.utf8) })
        else { continue }
        left.append(long)
      }
    }
    self.prefixes = left
  }

  /// Where a secret stands in the order.
  public func place(of secret: SecretSummary) -> Place {
    let key: Int64 =
      switch order {
      case .name: 0
      case .registered: secret.state.registeredAt?.position.index ?? 0
      case .changed: secret.state.changedAt?.microseconds ?? 0
      }
    return Place(key: key, name: secret.name)
  }
}
