// TrailMembers: how members of a record are read.
//
// Called by the three tables. Invariant: a member that is null, empty or of another kind is one
// that is not there; an object may come as the text of one.

import CanonicalJSON
import Ledger

extension JSONValue {
  /// The text of a member; nil when there is none, or an empty one.
  func text(_ name: String) -> String? {
    guard let text = self[name]?.stringValue, !text.isEmpty else { return nil }
    return text
  }

  /// The text of the first of these members that has one.
  func text(_ names: String...) -> String? {
    names.lazy.compactMap { self.text($0) }.first
  }

  /// A text or a whole number, as a text.
  func scalar(_ name: String) -> String? {
    text(name) ?? self[name]?.integerValue.map(String.init)
  }

  /// The object in a member, which may be written out in a text; nil for anything else.
  func object(_ name: String) -> JSONValue? {
    guard let member = self[name] else { return nil }
    switch member {
    case .object: return member
    case .string(let text): return Self.object(in: text)
    case .null, .bool, .integer, .double, .array: return nil
    }
  }

  /// The object that a text is; nil for any other text.
  static func object(in text: String) -> JSONValue? {
    guard text.utf8.first == UInt8(ascii: "{"),
      let value = try? JSONValue(
        parsing: Array(text.utf8),
        limits: JSONLimits(depthMax: 32, bytesMax: RecordSplitter.recordBytesMax)),
      case .object = value
    else { return nil }
    return value
  }

  /// The texts of an array, which may be written out in a text; nil unless all of them are texts.
  func texts(_ name: String) -> [String]? {
    var member = self[name]
    if let text = member?.stringValue { member = try? JSONValue(parsing: Array(text.utf8)) }
    guard let items = member?.arrayValue else { return nil }
    let texts = items.compactMap(\.stringValue)
    return texts.count == items.count ? texts : nil
  }

  /// Whether a member is `true`, as a truth value or a text.
  func says(_ name: String) -> Bool {
    self[name]?.boolValue == true || self[name]?.stringValue?.lowercased() == "true"
  }
}

/// Parses a name that a record holds.
func trailName<Name: Identifier>(
  _ text: String?, _ what: String, as type: Name.Type = Name.self
) throws(TrailGap) -> Name {
  guard let text else { throw .missing("no \(what)") }
  do throws(IdentifierError) {
    return try Name(text)
  } catch {
    throw .missing("a \(what) that is no name of one")
  }
}

/// Parses a name that a record may hold.
func trailName<Name: Identifier>(
  ifThere text: String?, _ what: String, as type: Name.Type = Name.self
) throws(TrailGap) -> Name? {
  guard let text else { return nil }
  return try trailName(text, what)
}

/// Parses the labels that a record may hold.
func trailStages(_ texts: [String]?) throws(TrailGap) -> [StageName]? {
  guard let texts else { return nil }
  var stages: [StageName] = []
  for text in texts { stages.append(try trailName(text, "label")) }
  return stages
}

/// The text, cut to a length.
func clipped(_ text: String?, to charactersMax: Int = 256) -> String? {
  text.map { String(String.UnicodeScalarView($0.unicodeScalars.prefix(charactersMax))) }
}
