// KMSSecrets: the calls of Alibaba Cloud KMS that tell of secrets and their versions.
//
// Called through the route table; calls `RecordStore`. Invariant: only metadata is told, and what
// this service does not keep is left out.

import CanonicalJSON
import Ledger
import LedgerServices

/// The calls about secrets and versions.
enum KMSSecrets {
  /// `DescribeSecret`: one secret, also while it waits for its deletion.
  static func describe(_ call: Call) async throws(Failure) -> Answer {
    let secret = try call.kmsSecret()
    let fetchesTags = try call.isSet("FetchTags")
    let standing = try await call.standingSecret(secret)
    let upstream = call.project.upstream
    let account = upstream?.project ?? call.project.id.text
    var object = KMSObject()
    object.text("Arn", "acs:kms:\(upstream?.region ?? "local"):\(account):secret/\(secret.text)")
    add(standing.value, to: &object)
    object.text("AutomaticRotation", "Disabled")
    if fetchesTags { object.list("Tags", of: "Tag", []) }
    return call.kmsAnswer(object, size: standing.size)
  }

  /// `ListSecrets`: a page of the secrets by name, also of those that wait for their deletion.
  static func list(_ call: Call) async throws(Failure) -> Answer {
    let page = try call.kmsPage(sizeDefault: 10)
    let fetchesTags = try call.isSet("FetchTags")
    var search = SecretSearch(
      life: .registered, prefixes: nil, prefixesBarred: [], words: [], order: .name,
      direction: .ascending, after: nil)
    try KMSFilters.narrow(&search, by: call.query["Filters"])
    let counted = search
    search.skip = (page.number - 1) * page.size
    let asked = search
    let services = call.services
    let project = call.project.id
    let reading = try await call.read { () async throws(StoreError) in
      try await services.records.secrets(in: project, finding: asked, limit: Int(page.size))
    }
    let count = try await call.read { () async throws(StoreError) in
      try await services.records.count(in: project, finding: counted)
    }
    var object = KMSObject()
    object.list(
      "SecretList", of: "Secret",
      reading.value.map { summary in
        var secret = KMSObject()
        add(summary, to: &secret)
        if fetchesTags { secret.list("Tags", of: "Tag", []) }
        return .object(secret)
      })
    object.integer("PageNumber", page.number)
    object.integer("PageSize", page.size)
    object.integer("TotalCount", count.value)
    return call.kmsAnswer(object, size: reading.size)
  }

  /// `ListSecretVersionIds`: a page of the versions in order of registration; without
  /// `IncludeDeprecated` those that carry a label.
  static func listVersions(_ call: Call) async throws(Failure) -> Answer {
    let secret = try call.kmsSecret()
    let page = try call.kmsPage(sizeDefault: 20)
    let selection: VersionSelection =
      try call.isSet("IncludeDeprecated") ? .registered : .labelled
    let standing = try await call.standingSecret(secret)
    let versions = try await all(selection, of: secret, call)
    let begin = Int(min((page.number - 1) * page.size, Int64(versions.count)))
    var object = KMSObject()
    object.text("SecretName", secret.text)
    object.list(
      "VersionIds", of: "VersionId",
      versions[begin...].prefix(Int(page.size)).map { version in
        var item = KMSObject()
        item.text("VersionId", version.id.text)
        item.moment("CreateTime", version.state.registeredAt.effectiveAt)
        item.list("VersionStages", of: "VersionStage", version.stages.map { .text($0.text) })
        return .object(item)
      })
    object.integer("PageNumber", page.number)
    object.integer("PageSize", page.size)
    object.integer("TotalCount", Int64(versions.count))
    return call.kmsAnswer(object, size: standing.size)
  }

  /// All selected versions: their number is in every answer, and secrets have few.
  private static func all(
    _ selection: VersionSelection, of secret: SecretName, _ call: Call
  ) async throws(Failure) -> [VersionSummary] {
    let limit = 1_000
    let services = call.services
    let project = call.project.id
    var versions: [VersionSummary] = []
    while true {
      let after = versions.last?.id
      let reading = try await call.read { () async throws(StoreError) in
        try await services.records.versions(
          of: secret, in: project, selection, after: after, limit: limit)
      }
      versions += reading.value
      guard reading.value.count == limit else { return versions }
    }
  }

  /// What both calls tell of a secret.
  private static func add(_ summary: SecretSummary, to object: inout KMSObject) {
    let state = summary.state
    object.text("SecretName", summary.name.text)
    object.text("SecretType", "Generic")
    object.text("Description", state.data["description"]?.stringValue)
    object.text("EncryptionKeyId", state.data["kms_key_id"]?.stringValue)
    object.moment("CreateTime", state.registeredAt?.effectiveAt)
    object.moment("UpdateTime", state.changedAt)
    guard case .pendingDeletion(let moment) = state.life else { return }
    object.moment("PlannedDeleteTime", moment)
  }
}

/// The filters of a list of secrets: `[{"Key": ..., "Values": [...]}]`.
enum KMSFilters {
  /// Narrows a search to what the filters let through.
  ///
  /// Each filter must hold, by one of its values. A name is filtered by its beginning, for which
  /// the cloud publishes no rule. All secrets here are of the type `Generic`; none has tags, a
  /// description or an instance, so a filter by those finds nothing.
  static func narrow(_ search: inout SecretSearch, by text: String?) throws(Failure) {
    guard let text, !text.isEmpty else { return }
    let form = "a JSON list of at most 10 objects with Key and up to 10 texts as Values"
    guard let value = try? JSONValue(parsing: Array(text.utf8), limits: .standard),
      let filters = value.arrayValue, filters.count <= 10
    else { throw .input("Filters", .malformed(form)) }
    for filter in filters {
      guard let key = filter["Key"]?.stringValue, let items = filter["Values"]?.arrayValue,
        items.count <= 10
      else { throw .input("Filters", .malformed(form)) }
      let values = items.compactMap(\.stringValue)
      guard values.count == items.count, values.allSatisfy({ !$0.utf8.contains(0) }) else {
        throw .input("Filters", .malformed(form))
      }
      guard !values.isEmpty else { continue }
      switch key {
      case "SecretName": search.narrow(toPrefixes: values)
      case "SecretType": if !values.contains("Generic") { search.prefixes = [] }
      case "Description", "TagKey", "TagValue", "DKMSInstanceId": search.prefixes = []
      default: throw .input("Filters", .malformed(form))
      }
    }
  }
}
