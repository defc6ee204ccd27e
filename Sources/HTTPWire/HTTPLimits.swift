// How large a message may be.
//
// Called by: the server's configuration; the parser keeps them. Calls: nothing.
// Invariant: every limit is known before the bytes it bounds are stored.

/// The bounds of one message.
public struct HTTPLimits: Sendable, Hashable {
  /// The request line and the fields, with their line ends.
  public var headBytesMax: Int
  /// How many fields.
  public var fieldsMax: Int
  /// The target.
  public var targetBytesMax: Int
  /// The fields after the last chunk, and all chunk extensions of one body.
  public var trailerBytesMax: Int

  /// One line before the bytes of a chunk.
  public static let chunkLineBytesMax = 256

  /// Sets each bound.
  public init(
    headBytesMax: Int = 16_384, fieldsMax: Int = 100, targetBytesMax: Int = 8192,
    trailerBytesMax: Int = 4096
  ) {
    self.headBytesMax = headBytesMax
    self.fieldsMax = fieldsMax
    self.targetBytesMax = targetBytesMax
    self.trailerBytesMax = trailerBytesMax
  }
}
