// Schema: JSON Schema 2020-12 as values that are put together, the dialect of OpenAPI 3.1.
//
// Called by the descriptions beside the routes and read by `OpenAPIDocument`. Invariant: a schema
// that points at a named one carries it along, so that no reference of a document hangs.

import CanonicalJSON

/// A schema, with the named schemas it points at.
struct Schema: Sendable {
  /// The keywords.
  private(set) var keywords: [String: JSONValue]
  /// The schemas the keywords point at, by name.
  private(set) var named: [String: JSONValue] = [:]

  private init(_ keywords: [String: JSONValue], _ parts: [Schema] = []) {
    self.keywords = keywords
    for part in parts { named.merge(part.named) { first, _ in first } }
  }

  /// The schema as JSON.
  var json: JSONValue { .object(keywords) }

  /// Takes any value.
  static let anything = Schema([:])
  /// Takes null alone.
  static let null = Schema(["type": "null"])
  /// Takes truth values.
  static let truth = Schema(["type": "boolean"])

  /// Takes texts; lengths are in characters.
  static func text(
    _ characters: ClosedRange<Int64>? = nil, pattern: String? = nil, format: String? = nil
  ) -> Schema {
    var keywords: [String: JSONValue] = ["type": "string"]
    if let characters {
      keywords["minLength"] = characters.lowerBound > 0 ? .integer(characters.lowerBound) : nil
      keywords["maxLength"] = .integer(characters.upperBound)
    }
    keywords["pattern"] = pattern.map { .string($0) }
    keywords["format"] = format.map { .string($0) }
    return Schema(keywords)
  }

  /// Takes one of some texts.
  static func choice(_ texts: [String]) -> Schema {
    Schema(["type": "string", "enum": .array(texts.map { .string($0) })])
  }

  /// Takes one text alone.
  static func constant(_ text: String) -> Schema {
    Schema(["type": "string", "const": .string(text)])
  }

  /// Takes whole numbers.
  static func integer(_ range: ClosedRange<Int64>? = nil) -> Schema {
    var keywords: [String: JSONValue] = ["type": "integer"]
    keywords["minimum"] = range.map { .integer($0.lowerBound) }
    keywords["maximum"] = range.map { .integer($0.upperBound) }
    return Schema(keywords)
  }

  /// Takes lists.
  static func list(of item: Schema, _ count: ClosedRange<Int64>? = nil) -> Schema {
    var keywords: [String: JSONValue] = ["type": "array", "items": item.json]
    if let count {
      keywords["minItems"] = count.lowerBound > 0 ? .integer(count.lowerBound) : nil
      keywords["maxItems"] = .integer(count.upperBound)
    }
    return Schema(keywords, [item])
  }

  /// Takes objects with these members and no others.
  static func object(
    _ required: KeyValuePairs<String, Schema> = [:],
    optional: KeyValuePairs<String, Schema> = [:]
  ) -> Schema {
    var properties: [String: JSONValue] = [:]
    for (name, schema) in required { properties[name] = schema.json }
    for (name, schema) in optional { properties[name] = schema.json }
    var keywords: [String: JSONValue] = [
      "type": "object", "properties": .object(properties), "additionalProperties": false,
    ]
    if !required.isEmpty { keywords["required"] = .array(required.map { .string($0.key) }) }
    return Schema(keywords, required.map(\.value) + optional.map(\.value))
  }

  /// Takes objects with at least these members, and any others.
  static func openObject(_ required: KeyValuePairs<String, Schema> = [:]) -> Schema {
    var schema = object(required)
    schema.keywords["additionalProperties"] = true
    return schema
  }

  /// Takes what either of two takes.
  static func either(_ first: Schema, _ second: Schema) -> Schema {
    Schema(["anyOf": [first.json, second.json]], [first, second])
  }

  /// The same, and null.
  var orNull: Schema {
    guard case .string(let type) = keywords["type"], keywords["const"] == nil else {
      return Schema(["anyOf": [json, Schema.null.json]], [self])
    }
    var schema = self
    schema.keywords["type"] = [.string(type), "null"]
    if case .array(let texts) = keywords["enum"] {
      schema.keywords["enum"] = .array(texts + [.null])
    }
    return schema
  }

  /// The same, with a sentence about it.
  func described(_ text: String) -> Schema {
    with("description", .string(text))
  }

  /// The same, with an example.
  func example(_ value: JSONValue) -> Schema {
    with("examples", [value])
  }

  private func with(_ keyword: String, _ value: JSONValue) -> Schema {
    var schema = self
    schema.keywords[keyword] = value
    return schema
  }

  /// The same under a name of its own, which the document holds once.
  func named(_ name: String) -> Schema {
    var reference = Schema(["$ref": .string("#/components/schemas/\(name)")], [self])
    reference.named[name] = json
    return reference
  }
}
