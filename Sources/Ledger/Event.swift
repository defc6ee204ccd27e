// Event: one immutable fact in a project's log, and the vocabulary of its fields.
//
// Made by `AppendPlan` from what `decide` returns, read back by `EventCodec`. Read this file first:
// everything else in the ledger is a way to make events, keep them, or ask them.
// Invariant: an event never changes; what is learned later is a later event.

public import CanonicalJSON

/// What kind of fact an event states.
public enum EventType: String, CaseIterable, Sendable {
  case secretRegistered = "secret.registered"
  case secretDeletionScheduled = "secret.deletion_scheduled"
  case secretRestored = "secret.restored"
  case secretDeleted = "secret.deleted"
  case versionRegistered = "version.registered"
  case versionRemoved = "version.removed"
  case stageAssigned = "stage.assigned"
  case stageRemoved = "stage.removed"
  case changeRequested = "change.requested"
  case changeRejected = "change.rejected"
  case changeUnresolved = "change.unresolved"
  case changeConfirmed = "change.confirmed"
  case changeRefined = "change.refined"
  case watchStarted = "watch.started"
  case watchGap = "watch.gap"
  case watchStopped = "watch.stopped"
  case reconciliationCompleted = "reconciliation.completed"
  case driftOpened = "drift.opened"
  case driftResolved = "drift.resolved"
  case driftAcknowledged = "drift.acknowledged"
  case projectionSwitched = "projection.switched"

  /// Whether such an event changes a secret, a version or a label, rather than telling of the
  /// ledger.
  public var changesSecret: Bool {
    switch self {
    case .secretRegistered, .secretDeletionScheduled, .secretRestored, .secretDeleted,
      .versionRegistered, .versionRemoved, .stageAssigned, .stageRemoved:
      true
    case .changeRequested, .changeRejected, .changeUnresolved, .changeConfirmed, .changeRefined,
      .watchStarted, .watchGap, .watchStopped, .reconciliationCompleted, .driftOpened,
      .driftResolved,
      .driftAcknowledged, .projectionSwitched:
      false
    }
  }

  /// Whether such an event tells where a label sits: by changing it, or by knowing a change better.
  public var changesStage: Bool {
    self == .stageAssigned || self == .stageRemoved || self == .changeRefined
  }
}

/// Through which door a fact came in.
public enum EventSource: String, CaseIterable, Sendable {
  case csmsAPI = "csms-api"
  case kmsAPI = "kms-api"
  case awsAPI = "aws-api"
  case ledgerAPI = "ledger-api"
  case importCTS = "import:cts"
  case importActionTrail = "import:actiontrail"
  case importCloudTrail = "import:cloudtrail"
  case reconciler = "reconciler"
}

/// Who acted; an unknown actor is said to be unknown.
public struct Principal: Hashable, Sendable {
  /// What kind of actor.
  public enum Kind: String, CaseIterable, Sendable {
    /// A credential of this service.
    case credential
    /// A part of this service, such as the reconciler.
    case service
    /// An identity of the cloud, told by its trail.
    case cloud
    /// Nobody knows.
    case unknown
  }
  /// What kind of actor.
  public var kind: Kind
  /// The actor's id; nil when unknown.
  public var id: String?
  /// The actor's name for people; nil when unknown.
  public var name: String?
  /// The address the call came from; nil when there was none or it is unknown.
  public var sourceIP: String?

  /// An actor with what is known of it.
  public init(kind: Kind, id: String? = nil, name: String? = nil, sourceIP: String? = nil) {
    self.kind = kind
    self.id = id
    self.name = name
    self.sourceIP = sourceIP
  }

  /// The actor when nothing is known.
  public static let unknown = Principal(kind: .unknown)
}

/// Something outside the ledger that backs an event: its digest and where it lies.
public struct Evidence: Hashable, Sendable {
  /// SHA-256 of the evidence, as 64 lower-case hex digits.
  public var sha256: String
  /// Where the evidence can be found.
  public var locator: String
  /// Evidence by digest and place.
  public init(sha256: String, locator: String) {
    self.sha256 = sha256
    self.locator = locator
  }
}

/// One immutable fact in a project's log.
///
/// The fields of the envelope in the order people read them; `EventCodec` gives the stored bytes.
public struct Event: Hashable, Sendable {
  /// The shape of the envelope this program writes.
  public static let schema: Int64 = 1

  /// The fact's own id.
  public var id: EventID
  /// The log the fact belongs to.
  public var project: ProjectID
  /// Its place in that log.
  public var position: Position
  /// What kind of fact.
  public var type: EventType
  /// The secret it is about; nil for facts about the whole project.
  public var secret: SecretName?
  /// Its number within the secret; nil exactly when `secret` is.
  public var streamVersion: StreamVersion?
  /// The label it is about; nil when it is about none.
  public var stage: StageName?
  /// The version it is about; nil when it is about none.
  public var versionID: VersionID?
  /// The version that lost the label; nil when none held it.
  public var previousVersionID: VersionID?
  /// When it was true in the cloud, or the latest it can have become so.
  public var effectiveAt: Instant
  /// The fact happened after this moment; nil when `effectiveAt` is exact.
  public var effectiveAfter: Instant?
  /// When the ledger stored it; strictly rising with `position`.
  public var recordedAt: Instant
  /// Who acted.
  public var principal: Principal
  /// Through which door it came.
  public var source: EventSource
  /// Why, in the actor's words.
  public var reason: String?
  /// The change ticket.
  public var ticket: String?
  /// The id of the request that brought it.
  public var requestID: String?
  /// The caller's own name for that request.
  public var idempotencyKey: IdempotencyKey?
  /// What ties it to work elsewhere.
  public var correlationID: String?
  /// The event that implied it; nil when it stands for itself.
  public var causedBy: Position?
  /// What backs it.
  public var evidence: Evidence?
  /// Whatever else the type carries.
  public var data: [String: JSONValue]

  /// An event with every field named.
  public init(
    id: EventID, project: ProjectID, position: Position, type: EventType, secret: SecretName?,
    streamVersion: StreamVersion?, stage: StageName?, versionID: VersionID?,
    previousVersionID: VersionID?, effectiveAt: Instant, effectiveAfter: Instant?,
    recordedAt: Instant, principal: Principal, source: EventSource, reason: String?,
    ticket: String?, requestID: String?, idempotencyKey: IdempotencyKey?, correlationID: String?,
    causedBy: Position?, evidence: Evidence?, data: [String: JSONValue]
  ) {
    self.id = id
    self.project = project
    self.position = position
    self.type = type
    self.secret = secret
    self.streamVersion = streamVersion
    self.stage = stage
    self.versionID = versionID
    self.previousVersionID = previousVersionID
    self.effectiveAt = effectiveAt
    self.effectiveAfter = effectiveAfter
    self.recordedAt = recordedAt
    self.principal = principal
    self.source = source
    self.reason = reason
    self.ticket = ticket
    self.requestID = requestID
    self.idempotencyKey = idempotencyKey
    self.correlationID = correlationID
    self.causedBy = causedBy
    self.evidence = evidence
    self.data = data
  }
}

extension Event {
  /// The change whose knowledge a refinement replaces; nil for every other event.
  public var refines: Position? {
    guard type == .changeRefined else { return nil }
    return data["refines"]?.integerValue.flatMap { Position($0) }
  }

  /// The last change of the label once this refinement is known; nil for every other event.
  public var refinedStage: SecretState.StageState? {
    guard type == .changeRefined else { return nil }
    guard let current = data["current"],
      let position = current["position"]?.integerValue.flatMap({ Position($0) }),
      let since = current["effective_at"]?.stringValue.flatMap({ Instant(rfc3339: $0) })
    else {
      return SecretState.StageState(
        versionID: versionID,
        since: SecretState.Moment(effectiveAt: effectiveAt, position: self.position))
    }
    let version = current["version_id"]?.stringValue.flatMap { try? VersionID($0) }
    return SecretState.StageState(
      versionID: version,
      since: SecretState.Moment(effectiveAt: since, position: position))
  }
}
