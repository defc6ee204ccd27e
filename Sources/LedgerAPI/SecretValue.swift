// SecretValue: finds the value of a secret anywhere in a request, so that the request is refused.
//
// Called for every body and query of every surface, before an endpoint sees it. Invariant: a name
// under which one of the clouds sends a value never gets past this file.

import CanonicalJSON

/// The names under which clouds carry the value of a secret.
enum SecretValue {
  /// `secret_string`, `SecretBinary`, `SecretData` and the like, without case, `_` and `-`.
  private static let names: Set<String> = ["secretstring", "secretbinary", "secretdata"]
  private static let lengths = 10...24

  /// Whether a member or parameter of this name carries a value.
  static func isName(_ name: String) -> Bool {
    guard lengths.contains(name.utf8.count) else { return false }
    var letters: [UInt8] = []
    for byte in name.utf8 where byte != 0x5F && byte != 0x2D {
      letters.append(byte >= 0x41 && byte <= 0x5A ? byte | 0x20 : byte)
    }
    return names.contains(String(decoding: letters, as: UTF8.self))
  }

  /// Whether a body is JSON and carries a value.
  static func isIn(body: [UInt8]) -> Bool {
    guard let value = try? JSONValue(parsing: body, limits: .standard) else { return false }
    return isIn(value)
  }

  /// Whether any member, however deep, carries a value; the depth is bounded by the parser.
  static func isIn(_ value: JSONValue) -> Bool {
    switch value {
    case .object(let members): members.contains { isName($0.key) || isIn($0.value) }
    case .array(let elements): elements.contains { isIn($0) }
    case .null, .bool, .integer, .double, .string: false
    }
  }
}
