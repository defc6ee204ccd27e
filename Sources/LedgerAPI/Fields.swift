// Fields: the members of a request's JSON object, taken one by one, so that none is overlooked.
//
// Called by every endpoint that takes a body. Calls the identifiers' own parsers. Invariant: after
// `finish` every member was either taken, or tolerated by name, or named in a failure.

import CanonicalJSON
import Ledger

/// The members of a JSON object that have not been taken yet.
struct Fields {
  private var members: [String: JSONValue]

  /// The members only the service sets, wherever they stand.
  private static let serverOwned: Set<String> = [
    "caused_by", "event", "event_id", "events", "idempotency_key", "leaf_hash", "position",
    "previous_version_id", "principal", "project", "receipt", "recorded_at", "request_id",
    "schema", "source", "stream_version",
  ]

  /// The members of a body; none where there is no body.
  init(_ members: [String: JSONValue]?) {
    self.members = members ?? [:]
  }

  /// Takes a member; null counts as absent.
  private mutating func take(_ name: String) -> JSONValue? {
    guard let value = members.removeValue(forKey: name), !value.isNull else { return nil }
    return value
  }

  /// Takes a text of at most `charactersMax` characters, without controls but tab and line ends.
  mutating func text(_ name: String, charactersMax: Int) throws(Failure) -> String? {
    guard let value = take(name) else { return nil }
    guard case .string(let text) = value else { throw .input(name, .wrongType("a text")) }
    try Self.check(text, name, charactersMax: charactersMax)
    return text
  }

  /// Takes a text with as many characters as the range allows.
  mutating func text(
    _ name: String, characters range: ClosedRange<Int>
  ) throws(Failure) -> String? {
    let text = try text(name, charactersMax: range.upperBound)
    if let text, text.unicodeScalars.count < range.lowerBound {
      throw .input(name, .tooShort(limit: range.lowerBound))
    }
    return text
  }

  /// Takes one of these texts.
  mutating func choice(_ name: String, among texts: [String]) throws(Failure) -> String? {
    guard let text = try text(name, charactersMax: 1_024) else { return nil }
    guard texts.contains(text) else { throw .input(name, .notAmong(texts)) }
    return text
  }

  /// Takes a truth value.
  mutating func bool(_ name: String) throws(Failure) -> Bool? {
    guard let value = take(name) else { return nil }
    guard let bool = value.boolValue else { throw .input(name, .wrongType("true or false")) }
    return bool
  }

  /// Takes an object, its members not looked at.
  mutating func members(_ name: String) throws(Failure) -> [String: JSONValue]? {
    guard let value = take(name) else { return nil }
    guard case .object(let members) = value else { throw .input(name, .wrongType("an object")) }
    return members
  }

  /// Takes an object.
  mutating func object(_ name: String) throws(Failure) -> Fields? {
    try members(name).map { Fields($0) }
  }

  /// Takes a list of at most `countMax` objects.
  mutating func objects(_ name: String, countMax: Int) throws(Failure) -> [Fields]? {
    guard let value = take(name) else { return nil }
    guard case .array(let items) = value else {
      throw .input(name, .wrongType("a list of objects"))
    }
    guard items.count <= countMax else {
      throw .input(name, .malformed("a list of at most \(countMax) items"))
    }
    var objects: [Fields] = []
    for item in items {
      guard case .object(let members) = item else {
        throw .input(name, .wrongType("a list of objects"))
      }
      objects.append(Fields(members))
    }
    return objects
  }

  private static func check(
    _ text: String, _ name: String, charactersMax: Int
  ) throws(Failure) {
    guard text.utf8.count <= charactersMax || text.unicodeScalars.count <= charactersMax else {
      throw .input(name, .tooLong(limit: charactersMax))
    }
    let isClean = text.utf8.allSatisfy { byte in
      (byte >= 0x20 && byte != 0x7F) || byte == 0x09 || byte == 0x0A || byte == 0x0D
    }
    guard isClean else { throw .input(name, .malformed("free of control characters")) }
  }

  /// Takes a list of at most `countMax` texts.
  mutating func texts(
    _ name: String, countMax: Int, charactersMax: Int
  ) throws(Failure) -> [String]? {
    guard let value = take(name) else { return nil }
    guard case .array(let items) = value else { throw .input(name, .wrongType("a list of texts")) }
    guard items.count <= countMax else {
      throw .input(name, .malformed("a list of at most \(countMax) items"))
    }
    var texts: [String] = []
    for item in items {
      guard case .string(let text) = item else {
        throw .input(name, .wrongType("a list of texts"))
      }
      try Self.check(text, name, charactersMax: charactersMax)
      texts.append(text)
    }
    return texts
  }

  /// Takes a whole number in the range.
  mutating func integer(_ name: String, in range: ClosedRange<Int64>) throws(Failure) -> Int64? {
    guard let value = take(name) else { return nil }
    guard let number = value.integerValue else {
      throw .input(name, .wrongType("a whole number"))
    }
    guard range.contains(number) else {
      throw .input(name, .outside(range, number < range.lowerBound ? .below : .above))
    }
    return number
  }

  /// Takes an identifier.
  mutating func identifier<T: Identifier>(_ name: String) throws(Failure) -> T? {
    guard let value = take(name) else { return nil }
    guard case .string(let text) = value else { throw .input(name, .wrongType("a text")) }
    do { return try T(text) } catch { throw .input(name, InputFault(error)) }
  }

  /// Takes an identifier that must be there.
  mutating func required<T: Identifier>(_ name: String) throws(Failure) -> T {
    guard let value: T = try identifier(name) else { throw .input(name, .missing) }
    return value
  }

  /// Takes a list of at most `countMax` identifiers.
  mutating func identifiers<T: Identifier>(
    _ name: String, countMax: Int
  ) throws(Failure) -> [T]? {
    guard let value = take(name) else { return nil }
    guard case .array(let items) = value else { throw .input(name, .wrongType("a list of texts")) }
    guard items.count <= countMax else {
      throw .input(name, .malformed("a list of at most \(countMax) items"))
    }
    var identifiers: [T] = []
    for item in items {
      guard case .string(let text) = item else {
        throw .input(name, .wrongType("a list of texts"))
      }
      do { identifiers.append(try T(text)) } catch { throw .input(name, InputFault(error)) }
    }
    return identifiers
  }

  /// Takes a moment.
  mutating func instant(_ name: String) throws(Failure) -> Instant? {
    guard let value = take(name) else { return nil }
    guard case .string(let text) = value else { throw .input(name, .wrongType("a text")) }
    guard let instant = Instant(rfc3339: text) else {
      throw .input(name, .malformed(Query.instantForm))
    }
    return instant
  }

  /// Takes members without looking at them.
  mutating func tolerate(_ names: [String]) {
    for name in names { members[name] = nil }
  }

  /// Refuses what is left, by name.
  func finish() throws(Failure) {
    guard let name = members.keys.min() else { return }
    // A name is shown only as far as one of ours could go.
    let shown = name.utf8.count <= 64 ? name : String(name.unicodeScalars.prefix(16)) + "..."
    throw .input(shown, Self.serverOwned.contains(name) ? .serverOwned : .unknown)
  }
}
