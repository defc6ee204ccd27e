// CSMSSchemas: the forms of what Huawei Cloud CSMS takes and gives, for the description of the API.
//
// Called by the route table beside the endpoints. What is taken has the cloud's own, narrow names;
// what is given may come from a project of another cloud and has the ledger's. Invariant: what
// `CSMSObjects` writes fits the schemas here.

import CanonicalJSON
import Ledger

/// The schemas of the cloud's surface.
enum CSMSSchemas {
  private static let word = "^[A-Za-z0-9_-]+$"

  static let secretName = Schema.text(1...64, pattern: word).example("db-password")
    .named("CSMSSecretName")
  static let stageName = Schema.text(1...64, pattern: word).example("canary")
    .named("CSMSStageName")
  static let versionID = Schema.text(1...64, pattern: "^v[0-9]*$").example("v2")
    .named("CSMSVersionID")

  private static let milliseconds = Schema.integer().described("Milliseconds since 1970 UTC.")
  private static let markerName = Schema.text().described("A bare marker, not an address.")

  // MARK: - What is taken

  private static let types = Schema.choice(CSMSSecrets.types)

  static let newSecret = Schema.object(
    ["name": secretName],
    optional: [
      "kms_key_id": NameSchemas.words(256).orNull,
      "description": NameSchemas.words(2_048).orNull.described("At most 2048 bytes of UTF-8."),
      "secret_type": types.orNull,
      "enterprise_project_id": NameSchemas.words(256).orNull,
      "event_subscriptions": Schema.list(of: NameSchemas.words(256), 0...100).orNull,
      "auto_rotation": passedOver, "rotation_period": passedOver, "rotation_config": passedOver,
      "rotation_func_urn": passedOver,
    ]
  ).named("CSMSNewSecret")

  private static let passedOver = Schema.anything.described("Taken, and passed over.")

  static let newVersion = Schema.object(
    optional: [
      "version_stages": Schema.list(of: stageName, 1...Int64(LabelRules.huawei.stagesMax)).orNull
        .described("The labels of the version; without them it takes SYSCURRENT."),
      "expire_time": Schema.integer(0...9_999_999_999_999).orNull
        .described("Milliseconds since 1970 UTC."),
    ]
  ).named("CSMSNewVersion")

  static let newStage = Schema.object(["name": stageName, "version_id": versionID])
    .named("CSMSNewStage")
  static let stageChange = Schema.object(["version_id": versionID]).named("CSMSStageChange")

  static let deletion = Schema.object(
    optional: [
      "recovery_window_in_days": Schema.integer(
        Int64(
          LabelRules.huawei.recoveryDays.lowerBound)...Int64(
            LabelRules.huawei.recoveryDays.upperBound)
      ).orNull.described("\(LabelRules.huawei.recoveryDaysDefault) unless said.")
    ]
  ).named("CSMSDeletion")

  static let nothing = Schema.object().named("CSMSNothing")

  // MARK: - What is given

  private static let stageObject = Schema.object([
    "name": NameSchemas.stage, "version_id": NameSchemas.version, "update_time": milliseconds,
    "secret_name": NameSchemas.secret,
  ]).named("CSMSStage")

  private static let secretObject = Schema.object([
    "id": .text(), "name": NameSchemas.secret, "state": .choice(["ENABLED", "PENDING_DELETE"]),
    "kms_key_id": Schema.text().orNull, "description": Schema.text().orNull,
    "create_time": milliseconds.orNull, "update_time": milliseconds.orNull,
    "scheduled_delete_time": milliseconds.orNull, "secret_type": types, "auto_rotation": .truth,
    "event_subscriptions": .list(of: .text()), "enterprise_project_id": .text(),
  ]).named("CSMSSecret")

  private static let versionObject = Schema.object([
    "id": NameSchemas.version, "create_time": milliseconds, "expire_time": milliseconds.orNull,
    "kms_key_id": Schema.text().orNull, "secret_name": NameSchemas.secret,
    "version_stages": .list(of: NameSchemas.stage),
  ]).named("CSMSVersionMetadata")

  private static let pageInfo = Schema.object([
    "next_marker": markerName.orNull, "previous_marker": markerName.orNull,
    "current_count": .integer(0...1_000),
  ]).named("CSMSPageInfo")

  static let stage = Schema.object(["stage": stageObject])
  static let secret = Schema.object(["secret": secretObject])
  static let secretPage = Schema.object([
    "secrets": .list(of: secretObject, 0...1_000), "page_info": pageInfo,
  ])
  static let madeVersion = Schema.object(["version_metadata": versionObject])
  static let version = Schema.object(["version": madeVersion])
  static let versionPage = Schema.object([
    "version_metadatas": .list(of: versionObject, 0...1_000), "page_info": pageInfo,
  ])
}

extension Parameter {
  static let markerLimit = Parameter(
    "limit", "How many a page has at most: 50 unless said; more than 1000 is 1000.",
    .text(pattern: "^0*[1-9][0-9]*$"))
  static let secretMarker = Parameter(
    "marker", "The name after which the page begins; an empty one is none.", marker(512))
  static let versionMarker = Parameter(
    "marker", "The version after which the page begins; an empty one is none.", marker(64))

  private static func marker(_ charactersMax: Int64) -> Schema {
    .text(0...charactersMax, pattern: #"^[^\x00-\x1F\x7F]*$"#)
  }
}
