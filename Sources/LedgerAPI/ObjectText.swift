// ObjectText: writes a JSON object member by member, in the order people read it.
//
// Called by every endpoint for its answer; calls `JSONWriter` for the text of each value.
// Invariant: what `bytes` gives is one whole object.

import CanonicalJSON
import Ledger

/// A JSON object under construction.
struct ObjectText {
  private var writer = JSONWriter(capacity: 256)
  private var isEmpty = true

  /// The object as it stands.
  var bytes: [UInt8] {
    var whole = writer
    whole.appendRaw(isEmpty ? "{}" : "}")
    return whole.bytes
  }

  private mutating func name(_ name: StaticString) {
    writer.appendRaw(isEmpty ? "{\"" : ",\"")
    writer.appendRaw(name)
    writer.appendRaw("\":")
    isEmpty = false
  }

  /// Adds a text, or null.
  mutating func text(_ name: StaticString, _ value: String?) {
    self.name(name)
    if let value { writer.appendString(value) } else { writer.appendNull() }
  }

  /// Adds a whole number, or null.
  mutating func integer(_ name: StaticString, _ value: Int64?) {
    self.name(name)
    if let value { writer.appendInteger(value) } else { writer.appendNull() }
  }

  /// Adds a truth value.
  mutating func bool(_ name: StaticString, _ value: Bool) {
    self.name(name)
    writer.appendBool(value)
  }

  /// Adds a moment as RFC 3339, or null.
  mutating func instant(_ name: StaticString, _ value: Instant?) {
    text(name, value?.rfc3339)
  }

  /// Adds any value.
  mutating func value(_ name: StaticString, _ value: JSONValue) {
    self.name(name)
    writer.append(value)
  }

  /// Adds a value whose text is there already; nil is null.
  mutating func raw(_ name: StaticString, _ text: [UInt8]?) {
    self.name(name)
    if let text { writer.appendRaw(text) } else { writer.appendNull() }
  }

  /// Adds a list of values whose texts are there already.
  mutating func list(_ name: StaticString, _ texts: some Sequence<[UInt8]>) {
    self.name(name)
    writer.appendRaw("[")
    var isFirst = true
    for text in texts {
      if !isFirst { writer.appendRaw(",") }
      writer.appendRaw(text)
      isFirst = false
    }
    writer.appendRaw("]")
  }
}
