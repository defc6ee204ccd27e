// The RFC 8785 writer: appends canonical JSON to a growing array of bytes.
//
// Called by `JSONValue.canonicalBytes()` and by codecs of fixed shape, which write their names in
// order themselves. Calls `NumberText` and `KeyOrder`. Invariant: what one call appends is
// canonical; the order and punctuation of hand-written members are the caller's.

/// Appends the canonical text of values to `bytes`.
public struct JSONWriter: Sendable {
  /// The text so far, in UTF-8.
  public var bytes: [UInt8]

  /// A writer with nothing written and room for `capacity` bytes.
  public init(capacity: Int = 256) {
    bytes = []
    bytes.reserveCapacity(capacity)
  }

  /// Appends `null`.
  public mutating func appendNull() {
    appendRaw("null")
  }

  /// Appends `true` or `false`.
  public mutating func appendBool(_ value: Bool) {
    appendRaw(value ? "true" : "false")
  }

  /// Appends a whole number.
  ///
  /// Exact up to a magnitude of 2⁵³ − 1; beyond it the text is that of the nearest double, as RFC
  /// 8785 has it, so larger numbers that must stay exact are written as strings.
  public mutating func appendInteger(_ value: Int64) {
    guard value.magnitude <= JSONParser.integerMax.magnitude else {
      return appendDouble(Double(value))
    }
    if value < 0 { bytes.append(UInt8(ascii: "-")) }
    // Sixteen places hold any magnitude below 2⁵³.
    var digits = InlineArray<16, UInt8>(repeating: 0)
    var first = digits.count
    var rest = value.magnitude
    repeat {
      first &-= 1
      digits[first] = UInt8(ascii: "0") &+ UInt8(truncatingIfNeeded: rest % 10)
      rest /= 10
    } while rest != 0
    append(digits.span.extracting(first..<digits.count))
  }

  /// Appends a number as ECMAScript prints it; it must be finite.
  public mutating func appendDouble(_ value: Double) {
    precondition(value.isFinite, "JSON has no number \(value)")
    NumberText.append(value, to: &bytes)
  }

  /// Appends a string with its quotation marks and escapes.
  public mutating func appendString(_ text: String) {
    bytes.append(UInt8(ascii: "\""))
    let utf8 = text.utf8.span
    var start = 0
    for index in utf8.indices {
      let byte = utf8[index]
      guard byte < 0x20 || byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") else {
        continue
      }
      append(utf8.extracting(start..<index))
      appendEscape(byte)
      start = index &+ 1
    }
    append(utf8.extracting(start..<utf8.count))
    bytes.append(UInt8(ascii: "\""))
  }

  /// Appends bytes that are canonical text, or punctuation, already.
  public mutating func appendRaw(_ text: [UInt8]) {
    bytes.append(contentsOf: text)
  }

  /// Appends literal text that is canonical, or punctuation, already.
  public mutating func appendRaw(_ text: StaticString) {
    guard text.hasPointerRepresentation else {
      bytes.append(contentsOf: text.unicodeScalar.utf8)
      return
    }
    // The buffer is the literal itself, valid for its whole length.
    text.withUTF8Buffer { unsafe bytes.append(contentsOf: $0) }
  }

  /// Appends any value; the names of an object in the order of their UTF-16 code units.
  public mutating func append(_ value: JSONValue) {
    switch value {
    case .null: appendNull()
    case .bool(let value): appendBool(value)
    case .integer(let value): appendInteger(value)
    case .double(let value): appendDouble(value)
    case .string(let value): appendString(value)
    case .array(let elements): append(elements)
    case .object(let members): append(members)
    }
  }

  private mutating func append(_ elements: [JSONValue]) {
    var separator = UInt8(ascii: "[")
    for element in elements {
      bytes.append(separator)
      append(element)
      separator = UInt8(ascii: ",")
    }
    if elements.isEmpty { bytes.append(UInt8(ascii: "[")) }
    bytes.append(UInt8(ascii: "]"))
  }

  private mutating func append(_ members: [String: JSONValue]) {
    var separator = UInt8(ascii: "{")
    for (key, value) in members.sorted(by: { KeyOrder.isBefore($0.key, $1.key) }) {
      bytes.append(separator)
      appendString(key)
      bytes.append(UInt8(ascii: ":"))
      append(value)
      separator = UInt8(ascii: ",")
    }
    if members.isEmpty { bytes.append(UInt8(ascii: "{")) }
    bytes.append(UInt8(ascii: "}"))
  }

  private mutating func append(_ run: Span<UInt8>) {
    // The pointer lives as long as the span it comes from.
    unsafe run.withUnsafeBufferPointer { unsafe bytes.append(contentsOf: $0) }
  }

  private mutating func appendEscape(_ byte: UInt8) {
    bytes.append(UInt8(ascii: "\\"))
    switch byte {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"): bytes.append(byte)
    case 0x08: bytes.append(UInt8(ascii: "b"))
    case 0x09: bytes.append(UInt8(ascii: "t"))
    case 0x0A: bytes.append(UInt8(ascii: "n"))
    case 0x0C: bytes.append(UInt8(ascii: "f"))
    case 0x0D: bytes.append(UInt8(ascii: "r"))
    default:
      appendRaw("u00")
      bytes.append(byte < 0x10 ? UInt8(ascii: "0") : UInt8(ascii: "1"))
      let low = byte & 0x0F
      bytes.append(low < 10 ? UInt8(ascii: "0") &+ low : UInt8(ascii: "a") &+ low &- 10)
    }
  }
}
