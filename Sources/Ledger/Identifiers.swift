// Identifiers: the names of the clouds and of the ledger, each parsed once, at the edge.
//
// Called by every layer above. Equality and order are those of the UTF-8 bytes, as in PostgreSQL's
// "C" collation and on the wire: Swift's own string equality folds canonically equivalent text, and
// two names a cloud keeps apart must never be one key here.

/// Why a text is no identifier.
public enum IdentifierError: Error, Hashable, Sendable {
  /// The text has no characters.
  case empty
  /// The text has more than `limit` characters.
  case tooLong(limit: Int)
  /// The byte at `offset` of the UTF-8 text may not stand there.
  case forbidden(offset: Int)
}

/// A text with a checked form, compared byte by byte.
public protocol Identifier: Hashable, Comparable, Sendable, CustomStringConvertible {
  /// The text as it stands on the wire.
  var text: String { get }
  /// Parses `text`; the error says where it is ill formed.
  init(_ text: String) throws(IdentifierError)
}

extension Identifier {
  /// The text, for messages.
  public var description: String { text }

  /// Whether both have the same bytes.
  public static func == (left: Self, right: Self) -> Bool {
    let (left, right) = (left.text.utf8Span.span, right.text.utf8Span.span)
    guard left.count == right.count else { return false }
    for index in left.indices where left[index] != right[index] { return false }
    return true
  }

  /// Whether the bytes of `left` come first.
  public static func < (left: Self, right: Self) -> Bool {
    left.text.utf8.lexicographicallyPrecedes(right.text.utf8)
  }

  /// Feeds the text; two that are spelled differently and equal to Swift have one hash.
  public func hash(into hasher: inout Hasher) { hasher.combine(text) }
}

/// Checks the length in characters and that no byte is refused by `allows`.
private func check(
  _ text: String, charactersMax: Int, _ allows: (UInt8) -> Bool
) throws(IdentifierError) {
  if text.utf8.isEmpty { throw .empty }
  // At most four bytes a scalar: the byte count alone settles most texts, long ones cheaply.
  if text.utf8.count > charactersMax {
    guard text.utf8.count <= charactersMax * 4, text.unicodeScalars.count <= charactersMax else {
      throw .tooLong(limit: charactersMax)
    }
  }
  for (offset, byte) in text.utf8.enumerated() where !allows(byte) {
    throw .forbidden(offset: offset)
  }
}

/// Whether `byte` is neither a C0 control nor DEL.
private func isPrintable(_ byte: UInt8) -> Bool { byte >= 0x20 && byte != 0x7F }

/// Whether `byte` is an ASCII letter, a digit, `_` or `-`.
func isWordByte(_ byte: UInt8) -> Bool {
  switch byte {
  case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x5F, 0x2D: true
  default: false
  }
}

/// The name of a tenant, the `project_id` of the clouds: 1 to 64 of `A-Z a-z 0-9 _ - .`, not `.` or
/// `..`.
public struct ProjectID: Identifier {
  /// The name as it stands in paths.
  public let text: String
  /// Parses a project id.
  public init(_ text: String) throws(IdentifierError) {
    try check(text, charactersMax: 64) { isWordByte($0) || $0 == 0x2E }
    if text == "." || text == ".." { throw .forbidden(offset: 0) }
    self.text = text
  }
}

/// The name of a secret: 1 to 512 bytes of UTF-8, none of them a control.
///
/// The widest of the three clouds, whose names are ASCII; the rules of a provider narrow it. Bytes
/// and not characters, so that a secret and its longest stage fit one row of an index together.
public struct SecretName: Identifier {
  /// The name as it stands on the wire.
  public let text: String
  /// Parses a secret name.
  public init(_ text: String) throws(IdentifierError) {
    guard text.utf8.count <= 512 else { throw .tooLong(limit: 512) }
    try check(text, charactersMax: 512, isPrintable)
    self.text = text
  }
}

/// The name of a stage, such as `SYSCURRENT`: 1 to 256 characters, none of them a control.
///
/// The widest of the three clouds; the rules of a provider narrow it.
public struct StageName: Identifier {
  /// The name as it stands on the wire.
  public let text: String
  /// Parses a stage name.
  public init(_ text: String) throws(IdentifierError) {
    try check(text, charactersMax: 256, isPrintable)
    self.text = text
  }
  /// A name known to be well formed when the program is written.
  init(known text: StaticString) { self.text = text.description }
}

/// The id of a version of a secret: 1 to 64 characters, none of them a control.
public struct VersionID: Identifier {
  /// The id as it stands on the wire.
  public let text: String
  /// Parses a version id.
  public init(_ text: String) throws(IdentifierError) {
    try check(text, charactersMax: 64, isPrintable)
    self.text = text
  }
  /// The `number`th version of a secret whose cloud counts them: `v1`, `v2`, ...
  init(number: Int64) { text = "v\(number)" }

  /// The number in `v1`, `v2`, ...; nil when the id is not of that form or past 2⁵³.
  public var number: Int64? {
    let digits = text.utf8.dropFirst()
    guard text.utf8.first == 0x76, !digits.isEmpty, digits.count <= 15 else { return nil }
    var number: Int64 = 0
    for digit in digits {
      guard digit >= 0x30, digit <= 0x39 else { return nil }
      number = number * 10 + Int64(digit - 0x30)
    }
    return number
  }
}

/// The caller's own name for one request, so that repeating it is harmless: 1 to 255 printable
/// ASCII.
public struct IdempotencyKey: Identifier {
  /// The key without the quotes of its header.
  public let text: String
  /// Parses a key.
  public init(_ text: String) throws(IdentifierError) {
    try check(text, charactersMax: 255) { $0 >= 0x20 && $0 < 0x7F }
    self.text = text
  }
}

/// The id of an event, made by whoever states the fact: a UUID, or a trail's own trace id.
public struct EventID: Identifier {
  /// The id as it stands in the event.
  public let text: String
  /// Parses an event id: 1 to 128 printable ASCII characters.
  public init(_ text: String) throws(IdentifierError) {
    try check(text, charactersMax: 128) { $0 > 0x20 && $0 < 0x7F }
    self.text = text
  }
}
