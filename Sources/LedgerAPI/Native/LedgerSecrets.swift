// LedgerSecrets: secrets and versions in the ledger's own API, for projects of every cloud.
//
// Called through the route table; calls `Appender` and `RecordStore`. Registering here makes no
// first version: versions are registered by themselves, under the ids their cloud gave them.

import CanonicalJSON
import Ledger
import LedgerServices

/// The calls about secrets and versions.
enum LedgerSecrets {
  /// `GET .../secrets`: a page of the registered secrets, by name.
  static func list(_ call: Call) async throws(Failure) -> Answer {
    let limit = try call.query.limit()
    var after: SecretName?
    if let text = call.query["cursor"] {
      guard let cursor = SecretsCursor(text) else { throw .input("cursor", .badCursor) }
      after = cursor.after
    }
    let begin = after
    let services = call.services
    let project = call.project.id
    let reading = try await call.read { () async throws(StoreError) in
      try await services.records.secrets(in: project, after: begin, limit: limit + 1)
    }
    let page = reading.value.prefix(limit)
    let isLast = reading.value.count <= limit
    let cursor = page.last.flatMap { isLast ? nil : SecretsCursor(after: $0.name).text }
    var text = ObjectText()
    text.list("secrets", page.map { object($0) })
    text.text("next", cursor)
    return .json(
      text.bytes, size: reading.size,
      next: cursor.map { call.nextTarget(limit: limit, cursor: $0) })
  }

  /// `GET .../secrets/{secret}`: the secret as it stands, also once it is deleted.
  static func show(_ call: Call) async throws(Failure) -> Answer {
    let secret = try call.secret()
    let services = call.services
    let project = call.project.id
    let reading = try await call.read { () async throws(StoreError) in
      try await services.records.secret(secret, in: project)
    }
    guard let summary = reading.value else { throw .missing(.secret, size: reading.size) }
    return .json(object(summary), size: reading.size)
  }

  private static func object(_ summary: SecretSummary) -> [UInt8] {
    let state = summary.state
    let life: String
    var deleteAt: Instant?
    switch state.life {
    case .unregistered: life = "unregistered"
    case .enabled: life = "enabled"
    case .pendingDeletion(let until): (life, deleteAt) = ("pending_deletion", until)
    case .deleted: life = "deleted"
    }
    var text = ObjectText()
    text.text("name", summary.name.text)
    text.text("state", life)
    text.instant("registered_at", state.registeredAt?.effectiveAt)
    text.instant("changed_at", state.changedAt)
    text.instant("delete_at", deleteAt)
    text.integer("stream_version", state.streamVersion.number)
    text.value("data", .object(state.data))
    return text.bytes
  }

  /// `POST .../secrets`: makes a secret known.
  static func register(_ call: Call) async throws(Failure) -> Answer {
    var fields = Fields(call.body)
    let secret: SecretName = try fields.required("name")
    try call.authorize(on: secret)
    let words = try Words(&fields)
    try fields.finish()
    // The id the cloud's own surface shows the secret under.
    let id = call.services.identities.uuid(at: call.services.clock.now)
    let outcome = try await call.append(
      .registerSecret(data: ["id": .string(id)], firstVersion: .none), to: secret,
      reason: words.reason, ticket: words.ticket)
    return await call.recorded(outcome)
  }

  /// `POST .../versions`: makes a version known; without `stages` the rule for a new one labels it.
  static func registerVersion(_ call: Call) async throws(Failure) -> Answer {
    let secret = try call.secret()
    var fields = Fields(call.body)
    let version: VersionID = try fields.required("version_id")
    let stages: [StageName]? = try fields.identifiers("stages", countMax: 1_000)
    try call.authorize(on: secret, stages: stages ?? [call.project.provider.rules.current])
    let words = try Words(&fields)
    try fields.finish()
    let outcome = try await call.append(
      .registerVersion(id: version, stages: stages, data: [:]), to: secret, reason: words.reason,
      ticket: words.ticket)
    return await call.recorded(outcome)
  }
}
