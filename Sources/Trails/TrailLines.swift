// TrailLines: a record's facts as lines for `POST /facts`.
//
// Called by `import`. Invariant: the same bytes give the same lines, and the same record of the
// trail the same event ids, whichever file it comes in.

import CanonicalJSON
import Crypto
import Ledger

extension TrailRecord {
  /// The facts, a line of JSON each.
  ///
  /// `bytes` are the record's own, which the evidence is a digest of; `locator` is where they lie.
  public func lines(of bytes: [UInt8], format: TrailFormat, locator: String) -> [UInt8] {
    let digest = SHA256.hash(bytes).hex
    var writer = JSONWriter(capacity: 640 * facts.count)
    for (index, fact) in facts.enumerated() {
      writer.appendRaw("{\"type\":")
      writer.appendString(fact.type.rawValue)
      writer.member("secret", secret.text)
      writer.member("stage", fact.stage?.text)
      writer.member("version_id", fact.versionID?.text)
      if let stages = fact.stages {
        writer.appendRaw(",\"stages\":")
        writer.append(.array(stages.map { .string($0.text) }))
      }
      writer.member("effective_at", time.rfc3339)
      writer.member("event_id", format.eventID(of: id ?? "sha256:" + digest, index: index))
      if fact.appliesRules { writer.appendRaw(",\"apply_rules\":true") }
      writer.appendRaw(",\"principal\":{\"type\":")
      writer.appendString(principal.kind.rawValue)
      writer.member("id", principal.id)
      writer.member("name", principal.name)
      writer.member("source_ip", principal.sourceIP)
      writer.appendRaw("}")
      writer.member("source", format.source.rawValue)
      writer.member("reason", fact.reason)
      writer.member("request_id", requestID)
      writer.member("correlation_id", id)
      writer.appendRaw(",\"evidence\":{\"sha256\":")
      writer.appendString(digest)
      writer.member("locator", locator)
      writer.appendRaw("},\"data\":")
      writer.append(.object(fact.data.merging(["operation": .string(operation)]) { own, _ in own }))
      writer.appendRaw("}\n")
    }
    return writer.bytes
  }
}

extension JSONWriter {
  /// Appends a comma and a member that is a text; nothing for nil.
  fileprivate mutating func member(_ name: StaticString, _ text: String?) {
    guard let text else { return }
    appendRaw(",\"")
    appendRaw(name)
    appendRaw("\":")
    appendString(text)
  }
}

extension TrailFormat {
  /// The id of a fact: a UUID of version 8 made of the first 16 bytes of the SHA-256 of
  /// `stageledger import`, the format's name, the trail's own id of the record and the place of the
  /// fact in it, each but the last followed by a line feed.
  ///
  /// Source: RFC 9562, section 5.8.
  func eventID(of record: String, index: Int) -> String {
    var bytes = SHA256.hash(Array("stageledger import\n\(rawValue)\n\(record)\n\(index)".utf8))
      .bytes
    bytes[6] = bytes[6] & 0x0F | 0x80
    bytes[8] = bytes[8] & 0x3F | 0x80
    let digits = Hex.encode(bytes.prefix(16)).utf8.span
    var text: [UInt8] = []
    text.reserveCapacity(36)
    for index in digits.indices {
      if index == 8 || index == 12 || index == 16 || index == 20 { text.append(0x2D) }
      text.append(digits[index])
    }
    return String(decoding: text, as: UTF8.self)
  }
}
