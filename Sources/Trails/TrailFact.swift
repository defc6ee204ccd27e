// TrailFact: what one record of an audit trail says about labels, in the ledger's own words.
//
// Made by the three tables (`CTSTrace`, `ActionTrailEvent`, `CloudTrailEvent`); written as lines
// for `POST /facts` by `TrailRecord`. Invariant: holds names, ids and times; no member of a record
// is copied that could be a secret's value.

public import CanonicalJSON
public import Ledger

/// One fact of a record.
public struct TrailFact: Hashable, Sendable {
  /// What kind of fact.
  public var type: EventType
  /// The label it is about; nil when it is about none.
  public var stage: StageName?
  /// The version it is about; nil when it is about none, or the record does not say.
  public var versionID: VersionID?
  /// The labels named for a version; nil when none were named and the cloud's rule holds.
  public var stages: [StageName]?
  /// Why something is not known; nil for what is.
  public var reason: String?
  /// Whatever else the type carries.
  public var data: [String: JSONValue]

  /// A fact about the secret of its record.
  public init(
    _ type: EventType, stage: StageName? = nil, versionID: VersionID? = nil,
    stages: [StageName]? = nil, reason: String? = nil, data: [String: JSONValue] = [:]
  ) {
    self.type = type
    self.stage = stage
    self.versionID = versionID
    self.stages = stages
    self.reason = reason
    self.data = data
  }

  /// Whether the ledger adds the moves that the cloud's rules imply.
  ///
  /// A trail shows the call alone: that a version which comes takes the current label, that the
  /// label before it follows, or that the labels of a deleted secret end, is nowhere in it.
  var appliesRules: Bool {
    type == .versionRegistered || type == .stageAssigned || type == .secretDeleted
  }
}

/// A record of a trail that is about labels.
public struct TrailRecord: Hashable, Sendable {
  /// The trail's own id of the record; nil when it has none.
  public var id: String?
  /// When it happened.
  public var time: Instant
  /// The secret.
  public var secret: SecretName
  /// Who acted.
  public var principal: Principal
  /// The cloud's id of the request.
  public var requestID: String?
  /// The operation's name in the trail.
  public var operation: String
  /// Account and region, or the cloud's project, in which names of secrets are unique; nil when the
  /// record does not say.
  public var scope: String?
  /// What it says, in order; never empty.
  public var facts: [TrailFact]

  /// A record with every part named.
  public init(
    id: String?, time: Instant, secret: SecretName, principal: Principal, requestID: String?,
    operation: String, scope: String?, facts: [TrailFact]
  ) {
    self.id = id
    self.time = time
    self.secret = secret
    self.principal = principal
    self.requestID = requestID
    self.operation = operation
    self.scope = scope
    self.facts = facts
  }

  /// Whether something about it is not known.
  public var isIncomplete: Bool { facts.contains { $0.type == .changeUnresolved } }
  /// Whether it tells of a call that failed.
  public var isFailure: Bool { facts.contains { $0.type == .changeRejected } }
}

/// What a record turned out to be.
public enum TrailReading: Hashable, Sendable {
  /// It is about labels.
  case record(TrailRecord)
  /// It is about something else.
  case passedOver
  /// It is about labels, or may be, but too little is told to keep it; says what is missing.
  case skipped(String)
  /// It is no record of such a trail; says why.
  case malformed(String)
}
