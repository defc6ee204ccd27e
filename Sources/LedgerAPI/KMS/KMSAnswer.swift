// KMSAnswer: what the cloud says, as JSON or as XML.
//
// Made by the KMS endpoints and by `KMSErrors`. Invariant: both forms say the same; a text never
// ends the element or the string it stands in.

import CanonicalJSON
import Ledger

/// The form of an answer.
enum KMSFormat: Hashable, CaseIterable, Sendable {
  case json
  case xml

  /// The form a call asks for, in either case; nil when there is no such form.
  init?(_ text: String) {
    switch text.uppercased() {
    case "JSON": self = .json
    case "XML": self = .xml
    default: return nil
    }
  }

  /// The type of the content, under which alone the cloud's clients read XML.
  var contentType: String {
    switch self {
    case .json: "application/json"
    case .xml: "text/xml;charset=utf-8"
    }
  }
}

/// A value in an answer.
enum KMSValue: Sendable {
  case text(String)
  case integer(Int64)
  case object(KMSObject)
  /// In XML each item is an element of the name the list has.
  case list([KMSValue])
}

/// An object in an answer: names and values, in order.
struct KMSObject: Sendable {
  private(set) var members: [(name: StaticString, value: KMSValue)] = []

  /// Adds a text; nothing where there is none.
  mutating func text(_ name: StaticString, _ text: String?) {
    if let text { members.append((name, .text(text))) }
  }

  /// Adds a whole number.
  mutating func integer(_ name: StaticString, _ number: Int64) {
    members.append((name, .integer(number)))
  }

  /// Adds a moment to the second, in UTC; nothing where there is none.
  mutating func moment(_ name: StaticString, _ moment: Instant?) {
    text(name, moment.map { "\($0.rfc3339.prefix(19))Z" })
  }

  /// Adds `{"name": {"item": [...]}}`, which is how the cloud writes lists.
  mutating func list(_ name: StaticString, of item: StaticString, _ values: [KMSValue]) {
    members.append((name, .object(KMSObject(members: [(item, .list(values))]))))
  }

  /// The text of the object in a form; `root` is the element it is in XML.
  func bytes(_ format: KMSFormat, root: String) -> [UInt8] {
    switch format {
    case .json:
      var writer = JSONWriter()
      Self.write(.object(self), &writer)
      return writer.bytes
    case .xml:
      var text = "<?xml version='1.0' encoding='UTF-8'?>"
      Self.write(root, .object(self), &text)
      return Array(text.utf8)
    }
  }

  private static func write(_ value: KMSValue, _ writer: inout JSONWriter) {
    switch value {
    case .text(let text): writer.appendString(text)
    case .integer(let number): writer.appendInteger(number)
    case .object(let object):
      writer.appendRaw("{")
      for (index, member) in object.members.enumerated() {
        if index > 0 { writer.appendRaw(",") }
        writer.appendString(member.name.description)
        writer.appendRaw(":")
        write(member.value, &writer)
      }
      writer.appendRaw("}")
    case .list(let items):
      writer.appendRaw("[")
      for (index, item) in items.enumerated() {
        if index > 0 { writer.appendRaw(",") }
        write(item, &writer)
      }
      writer.appendRaw("]")
    }
  }

  private static func write(_ name: String, _ value: KMSValue, _ text: inout String) {
    if case .list(let items) = value {
      for item in items { write(name, item, &text) }
      return
    }
    text += "<\(name)>"
    switch value {
    case .text(let content): text += escaped(content)
    case .integer(let number): text += String(number)
    case .object(let object):
      for member in object.members { write(member.name.description, member.value, &text) }
    case .list: break
    }
    text += "</\(name)>"
  }

  /// A text as XML holds it; what XML cannot hold becomes U+FFFD.
  ///
  /// Source: XML 1.0, sections 2.2, 2.4 and 2.11.
  private static func escaped(_ text: String) -> String {
    var escaped = String.UnicodeScalarView()
    for scalar in text.unicodeScalars {
      switch scalar.value {
      case 0x26: escaped += "&amp;".unicodeScalars
      case 0x3C: escaped += "&lt;".unicodeScalars
      case 0x3E: escaped += "&gt;".unicodeScalars
      case 0x22: escaped += "&quot;".unicodeScalars
      case 0x27: escaped += "&apos;".unicodeScalars
      case 0x0D: escaped += "&#13;".unicodeScalars
      case 0x09, 0x0A, 0x20...0xFFFD, 0x10000...0x10FFFF: escaped.append(scalar)
      default: escaped.append("\u{FFFD}")
      }
    }
    return String(escaped)
  }
}

extension Call {
  /// An answer of this cloud, with the id of the request.
  func kmsAnswer(_ object: KMSObject, size: TreeSize?) -> Answer {
    var object = object
    object.text("RequestId", requestID)
    let format = KMSRequest.format(of: request)
    return Answer(
      status: 200, contentType: format.contentType,
      content: object.bytes(format, root: "\(match.route.name)Response"), size: size)
  }
}
