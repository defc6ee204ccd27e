// A SHA-256 digest as a value.
//
// Made by `SHA256` and `HMACSHA256`; kept by tokens, tree nodes and receipts. Invariant: always 32
// bytes, held in place without a heap allocation, ordered as its bytes are.

/// Thirty-two bytes: a SHA-256 hash or MAC.
public struct Digest: Hashable, Sendable {
  /// The bytes, eight to a word, the first byte uppermost.
  var words: (UInt64, UInt64, UInt64, UInt64)

  /// How many bytes a digest has.
  public static let byteCount = 32

  /// The digest with these words.
  init(words: (UInt64, UInt64, UInt64, UInt64)) {
    self.words = words
  }

  /// The digest of exactly 32 bytes; nil for any other count.
  public init?(bytes: some Collection<UInt8>) {
    guard bytes.count == Self.byteCount else { return nil }
    var iterator = bytes.makeIterator()
    func word() -> UInt64 {
      var word: UInt64 = 0
      for _ in 0..<8 { word = word << 8 | UInt64(iterator.next() ?? 0) }
      return word
    }
    words = (word(), word(), word(), word())
  }

  /// The digest of exactly 64 hexadecimal digits of either case; nil for any other text.
  public init?(hex: String) {
    guard let bytes = Hex.decode(hex) else { return nil }
    self.init(bytes: bytes)
  }

  /// The 32 bytes.
  public var bytes: [UInt8] {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(Self.byteCount)
    append(to: &bytes)
    return bytes
  }

  /// The 64 lower-case hexadecimal digits.
  public var hex: String {
    Hex.encode(bytes)
  }

  /// Appends the 32 bytes to `bytes`.
  public func append(to bytes: inout [UInt8]) {
    Self.append(words.0, to: &bytes)
    Self.append(words.1, to: &bytes)
    Self.append(words.2, to: &bytes)
    Self.append(words.3, to: &bytes)
  }

  private static func append(_ word: UInt64, to bytes: inout [UInt8]) {
    for shift in stride(from: UInt64(56), through: 0, by: -8) {
      bytes.append(UInt8(truncatingIfNeeded: word >> shift))
    }
  }

  /// Whether both hold the same bytes; not for secrets, see `constantTimeEquals`.
  public static func == (left: Digest, right: Digest) -> Bool {
    left.words == right.words
  }

  /// Feeds the bytes to `hasher`.
  public func hash(into hasher: inout Hasher) {
    hasher.combine(words.0)
    hasher.combine(words.1)
    hasher.combine(words.2)
    hasher.combine(words.3)
  }
}

extension Digest: Comparable {
  /// Whether `left` comes first in the order of bytes.
  public static func < (left: Digest, right: Digest) -> Bool {
    left.words < right.words
  }
}

extension Digest: CustomStringConvertible {
  /// The hexadecimal digits.
  public var description: String {
    hex
  }
}
