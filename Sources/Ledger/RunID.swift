// RunID: the name of one drift run, by which its events and its report are found.
//
// Made when the run is asked for; every event the run appends has it as `correlation_id`.

/// The id of a drift run: a UUID in lower case.
public struct RunID: Identifier {
  /// The 36 characters of the UUID.
  public let text: String
  /// Parses an id.
  public init(_ text: String) throws(IdentifierError) {
    if text.utf8.isEmpty { throw .empty }
    guard text.utf8.count <= 36 else { throw .tooLong(limit: 36) }
    for (offset, byte) in text.utf8.enumerated() {
      let isDash = offset == 8 || offset == 13 || offset == 18 || offset == 23
      let isDigit = (byte >= 0x30 && byte <= 0x39) || (byte >= 0x61 && byte <= 0x66)
      guard isDash ? byte == 0x2D : isDigit else { throw .forbidden(offset: offset) }
    }
    guard text.utf8.count == 36 else { throw .forbidden(offset: text.utf8.count) }
    self.text = text
  }
}
