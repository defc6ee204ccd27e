// Command: what somebody asks of the ledger, as types; from here inward nothing is raw text.
//
// Made by the API surfaces and the reconciler, judged by `decide` in `AppendPlan`. A change asked
// of us now is a command and the rules may refuse it; what already happened elsewhere is a fact,
// and is recorded as reported.

public import CanonicalJSON

/// What to do to one secret.
public enum Change: Hashable, Sendable {
  /// Make the secret known, with metadata and, where the cloud makes one, its first version.
  case registerSecret(data: [String: JSONValue], firstVersion: FirstVersion)
  /// Make a version known; nil `id`: the service counts; nil `stages`: the rule for a new version.
  case registerVersion(id: VersionID?, stages: [StageName]?, data: [String: JSONValue])
  /// Put the label on the version, wherever it sits.
  case assignStage(StageName, to: VersionID)
  /// Take the label away, wherever it sits.
  case removeStage(StageName)
  /// Take the label off the version `from` and put it on the version `to`, either of which may be
  /// left out: the one operation of the clouds that ask where a label sits.
  case moveStage(StageName, to: VersionID?, from: VersionID?)
  /// Delete the secret after some days; nil: the cloud's default.
  case scheduleDeletion(days: Int?)
  /// Call a scheduled deletion off.
  case restoreSecret
  /// Delete the secret at once.
  case deleteSecret
  /// State what happened to a label elsewhere.
  case recordFact(StageFact)
  /// State better when a change of a label happened that is in the log already.
  case refineChange(Refinement)

  /// Whether registering a secret makes a first version too.
  public enum FirstVersion: Hashable, Sendable {
    /// The service counts it and the rule for a new version labels it, as the cloud does.
    case automatic
    /// Versions are registered on their own.
    case none
  }
}

/// What happened to one label, and when.
public struct StageFact: Hashable, Sendable {
  /// The label.
  public var stage: StageName
  /// The version that took it; nil when it was taken away.
  public var versionID: VersionID?
  /// When it happened, or the latest it can have happened.
  public var effectiveAt: Instant
  /// It happened after this moment; nil: exactly at `effectiveAt`.
  public var effectiveAfter: Instant?
  /// A fact about a label.
  public init(
    stage: StageName, versionID: VersionID?, effectiveAt: Instant, effectiveAfter: Instant? = nil
  ) {
    self.stage = stage
    self.versionID = versionID
    self.effectiveAt = effectiveAt
    self.effectiveAfter = effectiveAfter
  }
}

/// Better knowledge of when one change of a label happened.
public struct Refinement: Hashable, Sendable {
  /// The label.
  public var stage: StageName
  /// The event that told of the change, or an earlier refinement of it.
  public var position: Position
  /// When it happened, or the latest it can have happened.
  public var effectiveAt: Instant
  /// It happened after this moment; nil: exactly at `effectiveAt`.
  public var effectiveAfter: Instant?
  /// Better knowledge of a change.
  public init(
    stage: StageName, position: Position, effectiveAt: Instant, effectiveAfter: Instant?
  ) {
    self.stage = stage
    self.position = position
    self.effectiveAt = effectiveAt
    self.effectiveAfter = effectiveAfter
  }
}

/// What the stream version of the secret must be for the change to go ahead.
public enum Expectation: Hashable, Sendable {
  /// Whatever it is.
  case any
  /// Exactly this one.
  case exactly(StreamVersion)
}

/// An observation of the ledger itself, such as drift found, which no cloud's rules judge.
public struct Note: Hashable, Sendable {
  /// What kind of fact.
  public var type: EventType
  /// The secret it is about; nil for the whole project.
  public var secret: SecretName?
  /// The label it is about; nil for none.
  public var stage: StageName?
  /// The version it is about; nil for none.
  public var versionID: VersionID?
  /// The finding it opens or resolves; nil when it is about none.
  public var finding: FindingID?
  /// When it was so, or ended; nil: when it is recorded.
  public var effectiveAt: Instant?
  /// It was so from this moment on, where `effectiveAt` ends it; nil: at that moment alone.
  public var effectiveAfter: Instant?
  /// Whatever else the type carries.
  public var data: [String: JSONValue]
  /// A note with every field named, true when it is recorded unless a time is given.
  public init(
    type: EventType, secret: SecretName?, stage: StageName?, versionID: VersionID?,
    finding: FindingID?, effectiveAt: Instant? = nil, effectiveAfter: Instant? = nil,
    data: [String: JSONValue]
  ) {
    self.type = type
    self.secret = secret
    self.stage = stage
    self.versionID = versionID
    self.finding = finding
    self.effectiveAt = effectiveAt
    self.effectiveAfter = effectiveAfter
    self.data = data
  }
}

/// What a submission wants done.
public enum Intent: Hashable, Sendable {
  /// A change of one secret, judged by the rules.
  case change(SecretName, Change, Expectation)
  /// A change of one secret that its cloud will be asked for.
  case request(SecretName, StageRequest, Expectation)
  /// What came of such a request.
  case settle(SecretName, Settlement)
  /// What happened elsewhere, in order: all of it is recorded, or none.
  case facts([Fact])
  /// Observations of the ledger itself, in order.
  case notes([Note])
  /// Somebody's word that a finding may stand.
  case acknowledge(AcknowledgementDraft)
}

/// An acknowledgement that is asked for.
public struct AcknowledgementDraft: Hashable, Sendable {
  /// The finding, which must be open.
  public var finding: FindingID
  /// The secret the finding is about; nil when it is about none.
  public var secret: SecretName?
  /// It should hold before this moment, which lies ahead; nil: as long as the finding stands.
  public var until: Instant?
  /// An acknowledgement that is asked for.
  public init(finding: FindingID, secret: SecretName?, until: Instant?) {
    self.finding = finding
    self.secret = secret
    self.until = until
  }
}

/// Everything about a request that goes into its events, whatever it asks.
public struct Provenance: Hashable, Sendable {
  /// Who acts.
  public var principal: Principal
  /// Through which door.
  public var source: EventSource
  /// Why, in the actor's words; at most 1,024 characters.
  public var reason: String?
  /// The change ticket; at most 256 characters.
  public var ticket: String?
  /// The id of the request.
  public var requestID: String?
  /// What ties it to work elsewhere.
  public var correlationID: String?
  /// What backs it; nil: nothing but the word of who acts.
  public var evidence: Evidence?
  /// Provenance with what is known.
  public init(
    principal: Principal, source: EventSource, reason: String? = nil, ticket: String? = nil,
    requestID: String? = nil, correlationID: String? = nil, evidence: Evidence? = nil
  ) {
    self.principal = principal
    self.source = source
    self.reason = reason
    self.ticket = ticket
    self.requestID = requestID
    self.correlationID = correlationID
    self.evidence = evidence
  }
}
