// Why bytes are not an acceptable JSON text, and how much of one is accepted.
//
// Made by `JSONParser`; each edge turns it into its own words. Invariant: the offset points into
// the text or at its end, so that a caller can show the place.

/// The first thing wrong with a JSON text.
public struct JSONError: Error, Hashable, Sendable {
  /// What is wrong.
  public enum Kind: Hashable, Sendable {
    /// The text ends inside a value.
    case unexpectedEnd
    /// A byte that cannot stand here.
    case unexpectedByte(UInt8)
    /// Bytes other than white space after the value.
    case trailingBytes
    /// The text begins with a byte order mark.
    case byteOrderMark
    /// An object has a name twice, after unescaping and up to canonical equivalence.
    case duplicateKey(String)
    /// A backslash before something that is no escape.
    case invalidEscape
    /// An escaped surrogate without its other half.
    case loneSurrogate
    /// A control character that must be escaped.
    case controlCharacter(UInt8)
    /// A byte that is not UTF-8.
    case invalidUTF8
    /// A number with a leading zero, without digits after its point, or longer than 1,024 bytes.
    case invalidNumber
    /// A number too large for a double.
    case numberOutOfRange
    /// Arrays and objects nested more than `depthMax` deep.
    case tooDeep(depthMax: Int)
    /// More than `bytesMax` bytes of text.
    case tooLong(bytesMax: Int)
  }

  /// What is wrong.
  public let kind: Kind
  /// Where, in bytes from the start of the text.
  public let offset: Int

  /// An error of a kind at a place.
  public init(_ kind: Kind, at offset: Int) {
    self.kind = kind
    self.offset = offset
  }
}

/// How much JSON is accepted.
public struct JSONLimits: Hashable, Sendable {
  /// How many arrays and objects may contain one another; bounds the parser's stack.
  public let depthMax: Int
  /// How many bytes of text are looked at.
  public let bytesMax: Int

  /// The limits of a request: 32 deep, 1 MiB.
  public static let standard = JSONLimits(depthMax: 32, bytesMax: 1 << 20)

  /// Limits of one's own; `depthMax` is capped at 512, which any thread's stack can hold.
  public init(depthMax: Int, bytesMax: Int) {
    self.depthMax = min(depthMax, 512)
    self.bytesMax = bytesMax
  }
}
