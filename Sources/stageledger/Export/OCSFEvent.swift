// OCSFEvent: an event of the log in the terms of the Open Cybersecurity Schema Framework.
//
// Called by `ExportText`. The class is Entity Management: what happened is that a managed entity, a
// secret, was created, changed or deleted. API Activity would claim calls with a caller's address
// for facts that were only observed. Invariant: nothing is guessed: what is unknown is left out,
// what the class has no place for stands under `unmapped`, and `raw_data` is the stored bytes.
//
// Source: OCSF 1.4.0, class 3004 and the objects `metadata`, `managed_entity`, `actor` and `user`.

import CanonicalJSON
import Ledger
import LedgerAPI

/// An event as OCSF has it.
struct OCSFEvent: Sendable {
  /// The version of the schema.
  static let version = "1.4.0"
  private static let classUID: Int64 = 3_004

  /// What happened to the entity.
  private enum Activity: Int64 {
    case create = 1
    case update = 3
    case delete = 4
    case other = 99

    /// The activity of an event; `other` where the class has no word for it.
    init(_ type: EventType?) {
      switch type {
      case .secretRegistered: self = .create
      case .secretDeleted: self = .delete
      case .secretDeletionScheduled, .secretRestored, .versionRegistered, .versionRemoved,
        .stageAssigned, .stageRemoved:
        self = .update
      case .changeRequested, .changeRejected, .changeUnresolved, .changeConfirmed, .changeRefined,
        .watchStarted,
        .watchGap, .watchStopped, .reconciliationCompleted, .driftOpened, .driftResolved,
        .driftAcknowledged, .projectionSwitched, nil:
        self = .other
      }
    }

    /// Its name; nil where it is the event's own.
    var name: String? {
      switch self {
      case .create: "Create"
      case .update: "Update"
      case .delete: "Delete"
      case .other: nil
      }
    }
  }

  /// The event.
  let json: JSONValue

  /// Says an event in the terms of OCSF.
  init(_ exported: ExportedEvent) {
    let event = exported.json
    let outline = exported.outline
    let activity = Activity(EventType(rawValue: outline.type))
    let name = activity.name ?? outline.type
    var members: [String: JSONValue] = [
      "activity_id": .integer(activity.rawValue), "activity_name": .string(name),
      "category_uid": 3, "category_name": "Identity & Access Management",
      "class_uid": .integer(Self.classUID), "class_name": "Entity Management",
      "type_uid": .integer(Self.classUID * 100 + activity.rawValue),
      "type_name": .string("Entity Management: \(activity.name ?? "Other")"),
      // Nothing here has weighed how bad it is.
      "severity_id": 1, "severity": "Informational",
      "entity": Self.entity(event, outline), "metadata": Self.metadata(event, outline),
      "raw_data": .string(String(decoding: exported.bytes, as: UTF8.self)),
    ]
    members["time"] = Self.milliseconds(outline.effectiveAt)
    members["status_id"] = Self.status(EventType(rawValue: outline.type))
    members["comment"] = Self.text(event["reason"])
    members["actor"] = event["principal"].flatMap { Self.actor($0) }
    if let address = Self.text(event["principal"]?["source_ip"]) {
      members["src_endpoint"] = .object(["ip": address])
    }
    let unmapped = Self.unmapped(event)
    if !unmapped.isEmpty { members["unmapped"] = .object(unmapped) }
    json = .object(members)
  }

  private static func text(_ value: JSONValue?) -> JSONValue? {
    guard let text = value?.stringValue else { return nil }
    return .string(text)
  }

  private static func milliseconds(_ text: String) -> JSONValue? {
    Instant(rfc3339: text).map { .integer($0.milliseconds) }
  }

  /// Success of what changed a secret, failure of what a cloud refused; nil where neither is said.
  private static func status(_ type: EventType?) -> JSONValue? {
    guard let type else { return nil }
    if type == .changeRejected { return 2 }
    return type.changesSecret ? 1 : nil
  }

  /// The secret, or the project where an event is about no secret.
  private static func entity(_ event: JSONValue, _ outline: EventOutline) -> JSONValue {
    guard let secret = outline.secret else {
      return ["name": .string(outline.project), "type": "project", "type_id": 99]
    }
    var entity: [String: JSONValue] = [
      "name": .string(secret), "type": "secret", "type_id": 99,
    ]
    entity["version"] = text(event["version_id"])
    let data = ["stage", "version_id", "previous_version_id"].compactMap { name in
      text(event[name]).map { (name, $0) }
    }
    if !data.isEmpty { entity["data"] = .object(Dictionary(uniqueKeysWithValues: data)) }
    return .object(entity)
  }

  private static func metadata(_ event: JSONValue, _ outline: EventOutline) -> JSONValue {
    var metadata: [String: JSONValue] = [
      "version": .string(version), "uid": .string(outline.id),
      "event_code": .string(outline.type), "tenant_uid": .string(outline.project),
      "sequence": .integer(outline.position), "log_name": "ledger",
      // In milliseconds alone the order within one would be lost.
      "original_time": .string(outline.effectiveAt),
      "product": [
        "name": "stageledger", "vendor_name": "stageledger", "version": .string(Program.version),
      ],
    ]
    metadata["logged_time"] = milliseconds(outline.recordedAt)
    metadata["correlation_uid"] = text(event["correlation_id"])
    return .object(metadata)
  }

  /// Who acted; nil when nobody knows.
  private static func actor(_ principal: JSONValue) -> JSONValue? {
    let name = text(principal["name"])
    let id = text(principal["id"])
    guard let either = name ?? id else { return nil }
    if principal["type"]?.stringValue == Principal.Kind.service.rawValue {
      return ["app_name": either]
    }
    var user: [String: JSONValue] = ["type_id": 99]
    user["type"] = text(principal["type"])
    user["name"] = name
    user["uid"] = id
    return ["user": .object(user)]
  }

  /// What the class has no place for.
  private static func unmapped(_ event: JSONValue) -> [String: JSONValue] {
    var unmapped: [String: JSONValue] = [:]
    for name in [
      "caused_by", "data", "effective_after", "evidence", "idempotency_key", "request_id",
      "schema", "source", "stream_version", "ticket",
    ] {
      guard let value = event[name], !value.isNull, value != .object([:]) else { continue }
      unmapped[name] = value
    }
    return unmapped
  }
}
