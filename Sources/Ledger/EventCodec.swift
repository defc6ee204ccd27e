// EventCodec: the stored bytes of an event, and the event read back from them.
//
// Canonical JSON (RFC 8785), written by hand because the members are known and already in order: it
// is on the path of every append. `Tests/LedgerTests/EventCodecTests` holds it against the generic
// canonical writer. Invariant: decode(encode(e)) == e and encode(decode(b)) == b.

import CanonicalJSON

/// Why stored bytes are no event.
public enum EventCodecError: Error, Hashable, Sendable {
  /// The bytes are not JSON.
  case notJSON
  /// The member is missing or not of its type.
  case badMember(String)
  /// The member is not one of the envelope's.
  case unknownMember(String)
  /// The bytes are JSON of an event, but not its canonical form.
  case notCanonical
}

extension Event {
  /// The canonical bytes: what is stored, hashed, and never changed.
  public var canonicalBytes: [UInt8] {
    var writer = JSONWriter()
    writer.bytes.reserveCapacity(768)
    writer.appendRaw("{\"caused_by\":")
    writer.append(integer: causedBy?.index)
    writer.appendRaw(",\"correlation_id\":")
    writer.append(string: correlationID)
    writer.appendRaw(",\"data\":")
    writer.append(.object(data))
    writer.appendRaw(",\"effective_after\":")
    writer.append(instant: effectiveAfter)
    writer.appendRaw(",\"effective_at\":")
    writer.append(instant: effectiveAt)
    writer.appendRaw(",\"event_id\":")
    writer.appendString(id.text)
    writer.appendRaw(",\"evidence\":")
    if let evidence {
      writer.appendRaw("{\"locator\":")
      writer.appendString(evidence.locator)
      writer.appendRaw(",\"sha256\":")
      writer.appendString(evidence.sha256)
      writer.appendRaw("}")
    } else {
      writer.appendNull()
    }
    writer.appendRaw(",\"idempotency_key\":")
    writer.append(string: idempotencyKey?.text)
    writer.appendRaw(",\"position\":")
    writer.appendInteger(position.index)
    writer.appendRaw(",\"previous_version_id\":")
    writer.append(string: previousVersionID?.text)
    writer.appendRaw(",\"principal\":{\"id\":")
    writer.append(string: principal.id)
    writer.appendRaw(",\"name\":")
    writer.append(string: principal.name)
    writer.appendRaw(",\"source_ip\":")
    writer.append(string: principal.sourceIP)
    writer.appendRaw(",\"type\":")
    writer.appendString(principal.kind.rawValue)
    writer.appendRaw("},\"project\":")
    writer.appendString(project.text)
    writer.appendRaw(",\"reason\":")
    writer.append(string: reason)
    writer.appendRaw(",\"recorded_at\":")
    writer.append(instant: recordedAt)
    writer.appendRaw(",\"request_id\":")
    writer.append(string: requestID)
    writer.appendRaw(",\"schema\":")
    writer.appendInteger(Self.schema)
    writer.appendRaw(",\"secret\":")
    writer.append(string: secret?.text)
    writer.appendRaw(",\"source\":")
    writer.appendString(source.rawValue)
    writer.appendRaw(",\"stage\":")
    writer.append(string: stage?.text)
    writer.appendRaw(",\"stream_version\":")
    writer.append(integer: streamVersion?.number)
    writer.appendRaw(",\"ticket\":")
    writer.append(string: ticket)
    writer.appendRaw(",\"type\":")
    writer.appendString(type.rawValue)
    writer.appendRaw(",\"version_id\":")
    writer.append(string: versionID?.text)
    writer.appendRaw("}")
    return writer.bytes
  }

  /// Reads an event from its stored bytes, which must be exactly its canonical form.
  public init(canonicalBytes bytes: [UInt8]) throws(EventCodecError) {
    let value: JSONValue
    do { value = try JSONValue(parsing: bytes, limits: .standard) } catch { throw .notJSON }
    guard case .object(let members) = value else { throw .notJSON }
    var reader = MemberReader(members: members)
    self.init(
      id: try reader.identifier("event_id"), project: try reader.identifier("project"),
      position: try reader.position(),
      type: try reader.choice("type"), secret: try reader.optionalIdentifier("secret"),
      streamVersion: try reader.whole("stream_version") { StreamVersion($0) },
      stage: try reader.optionalIdentifier("stage"),
      versionID: try reader.optionalIdentifier("version_id"),
      previousVersionID: try reader.optionalIdentifier("previous_version_id"),
      effectiveAt: try reader.requiredInstant("effective_at"),
      effectiveAfter: try reader.instant("effective_after"),
      recordedAt: try reader.requiredInstant("recorded_at"),
      principal: try reader.principal(), source: try reader.choice("source"),
      reason: try reader.string("reason"), ticket: try reader.string("ticket"),
      requestID: try reader.string("request_id"),
      idempotencyKey: try reader.optionalIdentifier("idempotency_key"),
      correlationID: try reader.string("correlation_id"),
      causedBy: try reader.whole("caused_by") { Position($0) }, evidence: try reader.evidence(),
      data: try reader.object("data"))
    guard try reader.integer("schema") == Self.schema else { throw .badMember("schema") }
    try reader.finish()
    guard canonicalBytes == bytes else { throw .notCanonical }
  }
}

extension JSONWriter {
  fileprivate mutating func append(string: String?) {
    if let string { appendString(string) } else { appendNull() }
  }

  fileprivate mutating func append(integer: Int64?) {
    if let integer { appendInteger(integer) } else { appendNull() }
  }

  /// An instant's text has nothing to escape.
  fileprivate mutating func append(instant: Instant?) {
    guard let instant else { return appendNull() }
    bytes.append(0x22)
    bytes.append(contentsOf: instant.rfc3339Bytes)
    bytes.append(0x22)
  }
}

/// Takes the members of an object one by one; what is left at the end does not belong there.
private struct MemberReader {
  var members: [String: JSONValue]

  mutating func take(_ name: String) throws(EventCodecError) -> JSONValue {
    guard let value = members.removeValue(forKey: name) else { throw .badMember(name) }
    return value
  }

  mutating func position() throws(EventCodecError) -> Position {
    guard let position = try whole("position", { Position($0) }) else {
      throw .badMember("position")
    }
    return position
  }

  mutating func requiredInstant(_ name: String) throws(EventCodecError) -> Instant {
    guard let instant = try instant(name) else { throw .badMember(name) }
    return instant
  }

  mutating func string(_ name: String) throws(EventCodecError) -> String? {
    switch try take(name) {
    case .null: nil
    case .string(let text): text
    default: throw .badMember(name)
    }
  }

  mutating func integer(_ name: String) throws(EventCodecError) -> Int64? {
    switch try take(name) {
    case .null: nil
    case .integer(let number): number
    default: throw .badMember(name)
    }
  }

  mutating func whole<T>(
    _ name: String, _ make: (Int64) -> T?
  ) throws(EventCodecError) -> T? {
    guard let number = try integer(name) else { return nil }
    guard let value = make(number) else { throw .badMember(name) }
    return value
  }

  mutating func object(_ name: String) throws(EventCodecError) -> [String: JSONValue] {
    guard case .object(let members) = try take(name) else { throw .badMember(name) }
    return members
  }

  mutating func instant(_ name: String) throws(EventCodecError) -> Instant? {
    guard let text = try string(name) else { return nil }
    guard let instant = Instant(rfc3339: text) else { throw .badMember(name) }
    return instant
  }

  mutating func optionalIdentifier<T: Identifier>(_ name: String) throws(EventCodecError) -> T? {
    guard let text = try string(name) else { return nil }
    do { return try T(text) } catch { throw .badMember(name) }
  }

  mutating func identifier<T: Identifier>(_ name: String) throws(EventCodecError) -> T {
    guard let value: T = try optionalIdentifier(name) else { throw .badMember(name) }
    return value
  }

  mutating func choice<T: RawRepresentable<String>>(
    _ name: String
  ) throws(EventCodecError) -> T {
    guard let text = try string(name), let value = T(rawValue: text) else {
      throw .badMember(name)
    }
    return value
  }

  mutating func principal() throws(EventCodecError) -> Principal {
    var inner = MemberReader(members: try object("principal"))
    let principal = Principal(
      kind: try inner.choice("type"), id: try inner.string("id"), name: try inner.string("name"),
      sourceIP: try inner.string("source_ip"))
    try inner.finish()
    return principal
  }

  mutating func evidence() throws(EventCodecError) -> Evidence? {
    let value = try take("evidence")
    if case .null = value { return nil }
    guard case .object(let members) = value else { throw .badMember("evidence") }
    var inner = MemberReader(members: members)
    guard let sha256 = try inner.string("sha256"), let locator = try inner.string("locator")
    else { throw .badMember("evidence") }
    try inner.finish()
    return Evidence(sha256: sha256, locator: locator)
  }

  func finish() throws(EventCodecError) {
    if let name = members.keys.min() { throw .unknownMember(name) }
  }
}
