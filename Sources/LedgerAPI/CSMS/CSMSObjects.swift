// CSMSObjects: the JSON objects of Huawei Cloud CSMS, written from the record.
//
// Called by the CSMS endpoints. Members are the ones the official clients read; times are whole
// milliseconds since 1970, which is what the live cloud sends. Invariant: no object has a member
// that holds, or could hold, the value of a secret.

import CanonicalJSON
import Crypto
import Ledger
import LedgerServices

/// Writes the cloud's objects.
enum CSMSObjects {
  /// `{"<name>": object}`.
  static func wrapped(_ name: StaticString, _ object: [UInt8]) -> [UInt8] {
    var text = ObjectText()
    text.raw(name, object)
    return text.bytes
  }

  /// A stage.
  static func stage(
    _ stage: StageName, of secret: SecretName, on version: VersionID, since: Instant
  ) -> [UInt8] {
    var text = ObjectText()
    text.text("name", stage.text)
    text.text("version_id", version.text)
    text.integer("update_time", since.milliseconds)
    text.text("secret_name", secret.text)
    return text.bytes
  }

  /// A secret.
  static func secret(_ summary: SecretSummary, in project: ProjectID) -> [UInt8] {
    let state = summary.state
    var deletionAt: Instant?
    if case .pendingDeletion(let moment) = state.life { deletionAt = moment }
    let id = state.data["id"]?.stringValue ?? derivedID(summary.name, project)
    var text = ObjectText()
    text.text("id", id)
    text.text("name", summary.name.text)
    text.text("state", deletionAt == nil ? "ENABLED" : "PENDING_DELETE")
    text.text("kms_key_id", state.data["kms_key_id"]?.stringValue)
    text.text("description", state.data["description"]?.stringValue)
    text.integer("create_time", state.registeredAt?.effectiveAt.milliseconds)
    text.integer("update_time", state.changedAt?.milliseconds)
    text.integer("scheduled_delete_time", deletionAt?.milliseconds)
    text.text("secret_type", state.data["secret_type"]?.stringValue ?? "COMMON")
    text.bool("auto_rotation", false)
    text.value("event_subscriptions", state.data["event_subscriptions"] ?? .array([]))
    text.text(
      "enterprise_project_id", state.data["enterprise_project_id"]?.stringValue ?? "0")
    return text.bytes
  }

  /// The metadata of a version; `key` is the secret's.
  static func version(
    _ version: VersionSummary, of secret: SecretName, key: String?
  ) -> [UInt8] {
    var text = ObjectText()
    text.text("id", version.id.text)
    text.integer("create_time", version.state.registeredAt.effectiveAt.milliseconds)
    text.integer("expire_time", version.state.data["expire_time"]?.integerValue)
    text.text("kms_key_id", key)
    text.text("secret_name", secret.text)
    text.value("version_stages", .array(version.stages.map { .string($0.text) }))
    return text.bytes
  }

  /// A page of a list, with the markers of its ends.
  ///
  /// `next_marker` stands only where another page follows: clients that go by it need not ask
  /// twice.
  static func page(
    _ name: StaticString, _ items: [[UInt8]], next: String?, previous: String?
  ) -> [UInt8] {
    var info = ObjectText()
    info.text("next_marker", next)
    info.text("previous_marker", previous)
    info.integer("current_count", Int64(items.count))
    var text = ObjectText()
    text.list(name, items)
    text.raw("page_info", info.bytes)
    return text.bytes
  }

  /// The id of a secret that came without one, such as by an import: the same at every question.
  ///
  /// Source: RFC 9562, section 5.8, for a UUID of our own making.
  private static func derivedID(_ secret: SecretName, _ project: ProjectID) -> String {
    var bytes = Array(
      SHA256.hash(Array(project.text.utf8) + [0x0A] + Array(secret.text.utf8)).bytes.prefix(16))
    bytes[6] = bytes[6] & 0x0F | 0x80
    bytes[8] = bytes[8] & 0x3F | 0x80
    let hex = Array(Hex.encode(bytes).utf8)
    let parts = [hex[0..<8], hex[8..<12], hex[12..<16], hex[16..<20], hex[20..<32]]
    return String(decoding: Array(parts.joined(separator: [0x2D])), as: UTF8.self)
  }
}

extension Call {
  /// The page size of the cloud's lists, a text in the query: 50 unless said, and at most 1,000.
  func markerLimit() throws(Failure) -> Int {
    guard let text = query["limit"] else { return 50 }
    let isNumber = !text.isEmpty && text.utf8.allSatisfy { $0 >= 0x30 && $0 <= 0x39 }
    guard isNumber, text.utf8.contains(where: { $0 != 0x30 }) else {
      throw .input("limit", .malformed("a whole number of at least 1"))
    }
    return Int(min(Query.number(text) ?? 1_000, 1_000))
  }

  /// The marker a page begins after; an empty one is none.
  func marker<T: Identifier>() throws(Failure) -> T? {
    guard let text = query["marker"], !text.isEmpty else { return nil }
    do { return try T(text) } catch { throw .input("marker", InputFault(error)) }
  }

  /// The secret as the cloud would show it: registered and not deleted.
  func standingSecret(_ secret: SecretName) async throws(Failure) -> Reading<SecretSummary> {
    let services = services
    let project = project.id
    let reading = try await read { () async throws(StoreError) in
      try await services.records.secret(secret, in: project)
    }
    guard let summary = reading.value else { throw .missing(.secret, size: reading.size) }
    switch summary.state.life {
    case .unregistered, .deleted: throw .missing(.secret, size: reading.size)
    case .enabled, .pendingDeletion: return Reading(value: summary, size: reading.size)
    }
  }
}

extension AppendOutcome {
  /// The size of the log once these events were in; nil when nothing was appended.
  var size: TreeSize? { events.last?.event.position.size }
}
