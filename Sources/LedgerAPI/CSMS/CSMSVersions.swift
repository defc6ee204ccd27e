// CSMSVersions: the version calls of Huawei Cloud CSMS, metadata only.
//
// Called through the route table; calls `Appender` and `RecordStore`. The service counts versions
// itself, `v1`, `v2`, and so on; the label rules for a new one are those of the project's cloud.

import CanonicalJSON
import Ledger
import LedgerServices

/// The calls about versions of a secret.
enum CSMSVersions {
  /// `GET .../versions`: a page of the versions, in order of registration.
  static func list(_ call: Call) async throws(Failure) -> Answer {
    let secret = try call.secret()
    let limit = try call.markerLimit()
    let marker: VersionID? = try call.marker()
    let standing = try await call.standingSecret(secret)
    let services = call.services
    let project = call.project.id
    let reading = try await call.read { () async throws(StoreError) in
      try await services.records.versions(
        of: secret, in: project, .registered, after: marker, limit: limit + 1)
    }
    let page = reading.value.prefix(limit)
    let key = standing.value.state.data["kms_key_id"]?.stringValue
    let content = CSMSObjects.page(
      "version_metadatas", page.map { CSMSObjects.version($0, of: secret, key: key) },
      next: reading.value.count > limit ? page.last?.id.text : nil,
      previous: page.first?.id.text)
    return .json(content, size: reading.size)
  }

  /// `GET .../versions/{version}`: one version; `latest` is the newest.
  static func show(_ call: Call) async throws(Failure) -> Answer {
    let secret = try call.secret()
    let name = try call.parameter(.version)
    var version: VersionID?
    if name != "latest" {
      let id: VersionID = try call.identifier(.version)
      guard call.project.provider.rules.acceptsVersion(id) else {
        throw .rejected(.nameNotAllowed(.version))
      }
      version = id
    }
    let standing = try await call.standingSecret(secret)
    if case .pendingDeletion = standing.value.state.life { throw .pendingDeletion }
    let services = call.services
    let project = call.project.id
    let asked = version
    let reading = try await call.read { () async throws(StoreError) in
      try await services.records.version(asked, of: secret, in: project)
    }
    guard let summary = reading.value else { throw .missing(.version, size: reading.size) }
    let key = standing.value.state.data["kms_key_id"]?.stringValue
    let metadata = CSMSObjects.wrapped(
      "version_metadata", CSMSObjects.version(summary, of: secret, key: key))
    return .json(CSMSObjects.wrapped("version", metadata), size: reading.size)
  }

  /// `POST .../versions`: the next version, labelled by the rule or as asked.
  static func create(_ call: Call) async throws(Failure) -> Answer {
    let secret = try call.secret()
    var fields = Fields(call.body)
    let stages: [StageName]? = try fields.identifiers("version_stages", countMax: 1_000)
    try call.authorize(on: secret, stages: stages ?? [call.project.provider.rules.current])
    let expireTime = try fields.integer("expire_time", in: 0...9_999_999_999_999)
    try fields.finish()
    if let stages, stages.isEmpty {
      throw .input("version_stages", .malformed("a list of at least one label"))
    }
    var data: [String: JSONValue] = [:]
    data["expire_time"] = expireTime.map { .integer($0) }
    let services = call.services
    let project = call.project.id
    // Read first: the answer shows the secret's key, and nothing may fail after the append.
    let before = try await call.read { () async throws(StoreError) in
      try await services.records.secret(secret, in: project)
    }
    let outcome = try await call.append(
      .registerVersion(id: nil, stages: stages, data: data), to: secret, reason: nil, ticket: nil)
    guard let registered = outcome.events.first?.event, let version = registered.versionID else {
      throw .store(.corrupt("registering a version appended nothing"))
    }
    let labels = outcome.events.compactMap { recorded in
      recorded.event.versionID == version ? recorded.event.stage : nil
    }
    let summary = VersionSummary(
      id: version,
      state: SecretState.VersionState(
        registeredAt: SecretState.Moment(
          effectiveAt: registered.effectiveAt, position: registered.position),
        removedAt: nil, data: registered.data),
      stages: labels.sorted())
    let object = CSMSObjects.version(
      summary, of: secret, key: before.value?.state.data["kms_key_id"]?.stringValue)
    return .json(CSMSObjects.wrapped("version_metadata", object), size: outcome.size)
  }
}
