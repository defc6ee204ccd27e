// Any JSON value, as a Swift value.
//
// Called by every codec whose shape is not fixed (event data, cloud requests, bundles); built by
// `JSONParser`, written by `JSONWriter`. Invariant: two values are equal exactly when their
// canonical bytes are equal.

/// A JSON value (RFC 8259) whose canonical text is that of RFC 8785.
///
/// Numbers compare by value: `integer(1)` equals `double(1)`. Strings and keys compare by their
/// Unicode scalars, not by Swift's canonical equivalence: é as one scalar differs from e with an
/// accent.
public enum JSONValue: Sendable {
  /// The literal `null`.
  case null
  /// The literal `true` or `false`.
  case bool(Bool)
  /// A whole number, exact in every JSON reader while its magnitude is below 2⁵³.
  case integer(Int64)
  /// Any other finite number.
  case double(Double)
  /// A string of Unicode scalars.
  case string(String)
  /// Values in order.
  case array([JSONValue])
  /// Values by name; no two names are canonically equivalent.
  case object([String: JSONValue])
}

extension JSONValue {
  /// The member of an object named `key`; nil if this is no object or has no such member.
  public subscript(key: String) -> JSONValue? {
    guard case .object(let members) = self else { return nil }
    return members[key]
  }

  /// Whether this is `null`.
  public var isNull: Bool {
    guard case .null = self else { return false }
    return true
  }

  /// The truth value; nil if this is not one.
  public var boolValue: Bool? {
    guard case .bool(let value) = self else { return nil }
    return value
  }

  /// The whole number, however it was written (`100`, `1e2`); nil if this is not one.
  ///
  /// A double counts while its magnitude is below 2⁵³, where every whole number is exact.
  public var integerValue: Int64? {
    switch self {
    case .integer(let value):
      return value
    case .double(let value):
      guard value.magnitude < 0x1p53, Double(Int64(value)) == value else { return nil }
      return Int64(value)
    case .null, .bool, .string, .array, .object:
      return nil
    }
  }

  /// The number, rounded to a double; nil if this is not one.
  public var doubleValue: Double? {
    switch self {
    case .integer(let value): Double(value)
    case .double(let value): value
    case .null, .bool, .string, .array, .object: nil
    }
  }

  /// The string; nil if this is not one.
  public var stringValue: String? {
    guard case .string(let value) = self else { return nil }
    return value
  }

  /// The elements of an array; nil if this is not one.
  public var arrayValue: [JSONValue]? {
    guard case .array(let elements) = self else { return nil }
    return elements
  }

  /// The members of an object; nil if this is not one.
  public var objectValue: [String: JSONValue]? {
    guard case .object(let members) = self else { return nil }
    return members
  }

  /// The RFC 8785 text of this value, in UTF-8.
  ///
  /// Cost: one pass, and a sort of each object's names. Doubles must be finite.
  public func canonicalBytes() -> [UInt8] {
    var writer = JSONWriter()
    writer.append(self)
    return writer.bytes
  }
}

extension JSONValue: CustomStringConvertible {
  /// The canonical text, as a string.
  public var description: String {
    String(decoding: canonicalBytes(), as: UTF8.self)
  }
}

extension JSONValue: Hashable {
  /// Whether both have the same canonical text.
  public static func == (left: JSONValue, right: JSONValue) -> Bool {
    switch (left, right) {
    case (.null, .null): true
    case (.bool(let left), .bool(let right)): left == right
    case (.integer(let left), .integer(let right)): Double(left) == Double(right)
    case (.integer(let left), .double(let right)): Double(left) == right
    case (.double(let left), .integer(let right)): left == Double(right)
    case (.double(let left), .double(let right)): left == right
    case (.string(let left), .string(let right)): left.utf8.elementsEqual(right.utf8)
    case (.array(let left), .array(let right)): left == right
    case (.object(let left), .object(let right)): isEqual(left, right)
    case (.null, _), (.bool, _), (.integer, _), (.double, _), (.string, _), (.array, _),
      (.object, _):
      false
    }
  }

  private static func isEqual(
    _ left: [String: JSONValue], _ right: [String: JSONValue]
  ) -> Bool {
    guard left.count == right.count else { return false }
    return left.allSatisfy { key, value in
      guard let index = right.index(forKey: key) else { return false }
      let other = right[index]
      return other.key.utf8.elementsEqual(key.utf8) && other.value == value
    }
  }

  /// Feeds the value to `hasher`; a whole number hashes alike in both its cases.
  public func hash(into hasher: inout Hasher) {
    switch self {
    case .null: hasher.combine(0)
    case .bool(let value): hasher.combine(value)
    case .integer(let value): hasher.combine(Double(value))
    case .double(let value): hasher.combine(value)
    case .string(let value): hasher.combine(value)
    case .array(let elements): hasher.combine(elements)
    case .object(let members): hasher.combine(members)
    }
  }
}
