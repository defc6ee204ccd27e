// SignableRequest: what of a request its signature speaks of, in canonical form.
//
// Made by whoever sends or receives a request; read by the schemes. Calls nothing. Invariant: two
// requests that mean the same to a server have the same canonical path and query.

/// The parts of an HTTP request that are signed.
public struct SignableRequest: Sendable {
  /// One header field.
  public struct Field: Sendable {
    /// The name in either case.
    public var name: String
    /// The value; blanks at its ends do not count.
    public var value: String
    /// One header field.
    public init(name: String, value: String) {
      self.name = name
      self.value = value
    }
  }
  /// The method, as it stands on the wire.
  public var method: String
  /// The path, encoded as it stands on the wire.
  public var path: String
  /// The query without its question mark, encoded as it stands on the wire; nil without one.
  public var query: String?
  /// The header fields in any order; those that are not signed may be left out.
  public var fields: [Field]
  /// The body as it was received.
  public var body: [UInt8]
  /// A request to sign or to check.
  public init(method: String, path: String, query: String?, fields: [Field], body: [UInt8]) {
    self.method = method
    self.path = path
    self.query = query
    self.fields = fields
    self.body = body
  }

  /// What becomes of several blanks in a row within the value of a header.
  enum InnerBlanks: Sendable {
    /// They stay.
    case kept
    /// They become one.
    case collapsed
  }

  /// Method, path, query, the named headers, their names and the hash of the body, on lines.
  func canonicalText(
    path: String, signing names: [String], innerBlanks: InnerBlanks, bodyHash: String
  ) throws(SignatureFault) -> String {
    var lines = [method, path, try canonicalQuery()]
    for name in names {
      let value = try value(of: name)
      switch innerBlanks {
      case .kept: lines.append("\(name):\(value)")
      case .collapsed:
        let words = value.utf8.split(separator: UInt8(ascii: " ")).map { String(Substring($0)) }
        lines.append("\(name):\(words.joined(separator: " "))")
      }
    }
    lines.append("")
    lines.append(names.joined(separator: ";"))
    lines.append(bodyHash)
    return lines.joined(separator: "\n")
  }

  /// The path decoded, split at its slashes, each piece encoded again, and ended with a slash.
  ///
  /// Decoding comes first, so an encoded slash is signed as a real one.
  func canonicalPath() throws(SignatureFault) -> String {
    guard let decoded = Self.decoded(path.utf8, plusIsBlank: false) else { throw .malformedTarget }
    var text = decoded.split(separator: slash, omittingEmptySubsequences: false)
      .map { Self.encoded($0) }.joined(separator: "/")
    if text.utf8.last != slash { text += "/" }
    return text
  }

  /// The pairs of the query decoded, sorted by their bytes, and encoded again.
  ///
  /// A plus is a blank, as a server reads it; repeated names stay.
  func canonicalQuery() throws(SignatureFault) -> String {
    var pairs: [(name: [UInt8], value: [UInt8])] = []
    for piece in (query ?? "").utf8.split(separator: UInt8(ascii: "&")) {
      let name = piece.prefix { $0 != UInt8(ascii: "=") }
      let value = piece[name.endIndex...].dropFirst()
      guard let name = Self.decoded(name, plusIsBlank: true),
        let value = Self.decoded(value, plusIsBlank: true)
      else { throw .malformedTarget }
      pairs.append((name, value))
    }
    return Self.canonicalQuery(pairs)
  }

  /// The pairs sorted by their bytes, and encoded.
  static func canonicalQuery(_ pairs: [(name: [UInt8], value: [UInt8])]) -> String {
    pairs.sorted { left, right in
      left.name == right.name
        ? left.value.lexicographicallyPrecedes(right.value)
        : left.name.lexicographicallyPrecedes(right.name)
    }
    .map { "\(encoded($0.name))=\(encoded($0.value))" }.joined(separator: "&")
  }

  /// The value of the only field of that name, without blanks at its ends.
  func value(of name: String) throws(SignatureFault) -> String {
    let values = fields.filter { Self.lowercased($0.name) == name }
    guard let field = values.first else { throw .headerMissing(name) }
    guard values.count == 1 else { throw .headerRepeated(name) }
    let isBlank = { (byte: UInt8) in byte == 0x20 || byte == 0x09 }
    let bytes = field.value.utf8.drop(while: isBlank)
    guard let last = bytes.lastIndex(where: { !isBlank($0) }) else { return "" }
    return String(Substring(bytes[...last]))
  }

  /// The text with its ASCII letters in lower case, and nothing else of it changed.
  static func lowercased(_ text: String) -> String {
    String(
      decoding: text.utf8.map { 0x41...0x5A ~= $0 ? $0 | 0x20 : $0 }, as: UTF8.self)
  }

  /// The bytes with `%XX` resolved once; nil where a `%` is not followed by two digits.
  private static func decoded(
    _ raw: some Sequence<UInt8>, plusIsBlank: Bool
  ) -> [UInt8]? {
    var bytes: [UInt8] = []
    var rest = raw.makeIterator()
    while let byte = rest.next() {
      switch byte {
      case UInt8(ascii: "%"):
        guard let high = rest.next().flatMap(hexValue), let low = rest.next().flatMap(hexValue)
        else { return nil }
        bytes.append(high << 4 | low)
      case UInt8(ascii: "+") where plusIsBlank: bytes.append(UInt8(ascii: " "))
      default: bytes.append(byte)
      }
    }
    return bytes
  }

  /// The bytes with all but letters, digits and `-._~` as `%XX` (RFC 3986, section 2.3).
  public static func encoded(_ bytes: some Sequence<UInt8>) -> String {
    var text: [UInt8] = []
    for byte in bytes {
      switch byte {
      case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x2D, 0x2E, 0x5F, 0x7E: text.append(byte)
      default: text += [UInt8(ascii: "%"), hexDigit(byte >> 4), hexDigit(byte & 0x0F)]
      }
    }
    return String(decoding: text, as: UTF8.self)
  }

  private static func hexDigit(_ value: UInt8) -> UInt8 {
    value < 10 ? UInt8(ascii: "0") &+ value : UInt8(ascii: "A") &+ value &- 10
  }

  private static func hexValue(_ digit: UInt8) -> UInt8? {
    switch digit {
    case 0x30...0x39: digit &- 0x30
    case 0x41...0x46: digit &- 0x41 &+ 10
    case 0x61...0x66: digit &- 0x61 &+ 10
    default: nil
    }
  }
}

/// The byte between two segments of a path.
private let slash = UInt8(ascii: "/")
