// The CRC-32 of archives.
//
// Called by whatever writes or reads an archive. Detects accidents, not intent. Invariant: the
// pieces in order have the checksum of their concatenation.

/// CRC-32 with the reflected polynomial 0xEDB88320 (ISO 3309; ITU-T V.42).
public struct CRC32: Sendable {
  private var remainder: UInt32 = .max

  private static let table: [UInt32] = (0..<256).map { index in
    (0..<8).reduce(UInt32(index)) { value, _ in
      value & 1 == 0 ? value >> 1 : value >> 1 ^ 0xEDB8_8320
    }
  }

  /// The checksum of nothing yet.
  public init() {}

  /// Adds `bytes` to what is summed.
  public mutating func update(_ bytes: [UInt8]) {
    update(bytes[...])
  }

  /// Adds a slice to what is summed.
  public mutating func update(_ bytes: ArraySlice<UInt8>) {
    let table = Self.table
    for byte in bytes {
      remainder = remainder >> 8 ^ table[Int((remainder ^ UInt32(byte)) & 0xFF)]
    }
  }

  /// The checksum of all that was added.
  public var value: UInt32 {
    ~remainder
  }

  /// The checksum of `bytes`.
  public static func checksum(_ bytes: [UInt8]) -> UInt32 {
    var sum = CRC32()
    sum.update(bytes)
    return sum.value
  }
}
