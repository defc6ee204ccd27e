// CSMSSecrets: the secret calls of Huawei Cloud CSMS, metadata only.
//
// Called through the route table; calls `Appender` and `RecordStore`. A secret made here gets its
// id at once, in the data of its registration, and its first version with the current label, as in
// the cloud. Invariant: members the cloud knows and the ledger has no use for are passed over;
// members the cloud does not know are refused by name.

import CanonicalJSON
import Ledger
import LedgerServices

/// The calls about secrets.
enum CSMSSecrets {
  /// `GET .../secrets`: a page of the secrets, by name.
  static func list(_ call: Call) async throws(Failure) -> Answer {
    let limit = try call.markerLimit()
    let marker: SecretName? = try call.marker()
    let services = call.services
    let project = call.project.id
    let reading = try await call.read { () async throws(StoreError) in
      try await services.records.secrets(in: project, after: marker, limit: limit + 1)
    }
    let page = reading.value.prefix(limit)
    let content = CSMSObjects.page(
      "secrets", page.map { CSMSObjects.secret($0, in: project) },
      next: reading.value.count > limit ? page.last?.name.text : nil,
      previous: page.first?.name.text)
    return .json(content, size: reading.size)
  }

  /// `POST .../secrets`: makes a secret known, with its first version.
  static func create(_ call: Call) async throws(Failure) -> Answer {
    var fields = Fields(call.body)
    let secret: SecretName = try fields.required("name")
    try call.authorize(on: secret, stages: [call.project.provider.rules.current])
    let registeredAt = call.services.clock.now
    var data: [String: JSONValue] = [
      "id": .string(call.services.identities.uuid(at: registeredAt))
    ]
    data["kms_key_id"] = try fields.text("kms_key_id", charactersMax: 256).map { .string($0) }
    data["description"] = try description(&fields)
    data["secret_type"] = try type(&fields)
    data["enterprise_project_id"] = try fields.text("enterprise_project_id", charactersMax: 256)
      .map { .string($0) }
    data["event_subscriptions"] = try fields.texts(
      "event_subscriptions", countMax: 100, charactersMax: 256
    ).map { .array($0.map { .string($0) }) }
    fields.tolerate([
      "auto_rotation", "rotation_period", "rotation_config", "rotation_func_urn",
    ])
    try fields.finish()
    let outcome = try await call.append(
      .registerSecret(data: data, firstVersion: .automatic), to: secret, reason: nil, ticket: nil)
    var state = SecretState()
    for recorded in outcome.events { state.evolve(recorded.event) }
    let object = CSMSObjects.secret(
      SecretSummary(name: secret, state: state), in: call.project.id)
    return .json(CSMSObjects.wrapped("secret", object), size: outcome.size)
  }

  private static func description(_ fields: inout Fields) throws(Failure) -> JSONValue? {
    guard let text = try fields.text("description", charactersMax: 2_048) else { return nil }
    guard text.utf8.count <= 2_048 else {
      throw .input("description", .malformed("at most 2048 bytes"))
    }
    return .string(text)
  }

  /// The kinds of secrets the cloud has.
  static let types = ["COMMON", "RDS", "RDS-FG", "GaussDB-FG"]

  private static func type(_ fields: inout Fields) throws(Failure) -> JSONValue? {
    guard let text = try fields.text("secret_type", charactersMax: 64) else { return nil }
    guard types.contains(text) else {
      throw .input("secret_type", .malformed("one of \(types.joined(separator: ", "))"))
    }
    return .string(text)
  }

  /// `GET .../secrets/{secret}`: the secret as it stands.
  static func show(_ call: Call) async throws(Failure) -> Answer {
    let reading = try await call.standingSecret(try call.secret())
    let object = CSMSObjects.secret(reading.value, in: call.project.id)
    return .json(CSMSObjects.wrapped("secret", object), size: reading.size)
  }

  /// `DELETE .../secrets/{secret}`: deletes at once, labels and all; the record stays.
  static func delete(_ call: Call) async throws(Failure) -> Answer {
    let outcome = try await call.append(
      .deleteSecret, to: try call.secret(), reason: nil, ticket: nil)
    return .noContent(size: outcome.size)
  }

  /// `POST .../scheduled-deleted-tasks/create`: deletes after some days.
  static func scheduleDeletion(_ call: Call) async throws(Failure) -> Answer {
    var fields = Fields(call.body)
    let days = try fields.integer("recovery_window_in_days", in: 0...1_000)
    try fields.finish()
    do {
      return try await changeLife(.scheduleDeletion(days: days.map { Int($0) }), call)
    } catch .rejected(.secretPendingDeletion) {
      throw .deletionScheduledAlready
    }
  }

  /// `POST .../scheduled-deleted-tasks/cancel`: calls the deletion off.
  static func cancelDeletion(_ call: Call) async throws(Failure) -> Answer {
    try Fields(call.body).finish()
    return try await changeLife(.restoreSecret, call)
  }

  /// Appends, and shows the secret with what was appended.
  ///
  /// The secret is read first, so that nothing can fail once its state has changed.
  private static func changeLife(_ change: Change, _ call: Call) async throws(Failure) -> Answer {
    let secret = try call.secret()
    let services = call.services
    let project = call.project.id
    let before = try await call.read { () async throws(StoreError) in
      try await services.records.secret(secret, in: project)
    }
    let outcome = try await call.append(change, to: secret, reason: nil, ticket: nil)
    var summary = before.value ?? SecretSummary(name: secret, state: SecretState())
    for recorded in outcome.events { summary.state.evolve(recorded.event) }
    let object = CSMSObjects.secret(summary, in: project)
    return .json(CSMSObjects.wrapped("secret", object), size: outcome.size)
  }
}
