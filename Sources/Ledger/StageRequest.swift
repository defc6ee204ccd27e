// StageRequest: a change of a label that a cloud is asked for, and what came of it.
//
// Made by `Changes` of the services for projects whose changes are passed on; `decide` here says
// what is recorded of it, `RequestState` is what the events of one request add up to. Invariant: a
// secret has at most one open request, and the first event a request causes, other than that its
// outcome is not known, closes it.

public import CanonicalJSON

/// A change of a label that a cloud is asked for.
public struct StageRequest: Hashable, Sendable {
  /// The label.
  public var stage: StageName
  /// The version to put it on; nil: take it away.
  public var target: VersionID?
  /// The version it is said to leave; nil: none is named to the cloud.
  public var source: VersionID?
  /// The cloud is not asked after this moment.
  public var deadline: Instant
  /// A change to ask for.
  public init(stage: StageName, target: VersionID?, source: VersionID?, deadline: Instant) {
    self.stage = stage
    self.target = target
    self.source = source
    self.deadline = deadline
  }
}

/// What is known of a request that was made.
public struct Settlement: Hashable, Sendable {
  /// What came of it.
  public enum Outcome: Hashable, Sendable {
    /// The cloud did it, at `effectiveAt` or, where `effectiveAfter` is given, between the two.
    case done(effectiveAt: Instant, effectiveAfter: Instant?)
    /// The cloud did not do it.
    case rejected
    /// Nobody knows yet.
    case unresolved
  }
  /// The request, by the position of its event.
  public var request: Position
  /// The label it is about.
  public var stage: StageName
  /// The version it put the label on; nil: it took it away.
  public var target: VersionID?
  /// What came of it.
  public var outcome: Outcome
  /// What the cloud said, or how else it is known.
  public var data: [String: JSONValue]
  /// What is known of a request.
  public init(
    request: Position, stage: StageName, target: VersionID?, outcome: Outcome,
    data: [String: JSONValue]
  ) {
    self.request = request
    self.stage = stage
    self.target = target
    self.outcome = outcome
    self.data = data
  }

  /// The change as a fact about the secret, with what the cloud did because of it; nil where it was
  /// not done.
  public func fact(of secret: SecretName) -> Fact? {
    guard case .done(let effectiveAt, let effectiveAfter) = outcome else { return nil }
    return Fact(
      secret: secret, target.map { .stageAssigned(stage, to: $0) } ?? .stageRemoved(stage),
      effectiveAt: effectiveAt, effectiveAfter: effectiveAfter, implications: .byRules, data: data)
  }
}

/// What the events of one request add up to.
public struct RequestState: Hashable, Sendable {
  /// The event that tells of the request.
  public var position: Position
  /// The secret it is about.
  public var secret: SecretName
  /// The cloud is not asked after this moment.
  public var deadline: Instant
  /// The event that says its outcome is not known; nil before any.
  public var unresolvedBy: Position?
  /// The first event that says what came of it; nil while it is open.
  public var settledBy: Position?
  /// What the events of a request add up to.
  public init(
    position: Position, secret: SecretName, deadline: Instant, unresolvedBy: Position?,
    settledBy: Position?
  ) {
    self.position = position
    self.secret = secret
    self.deadline = deadline
    self.unresolvedBy = unresolvedBy
    self.settledBy = settledBy
  }

  /// Whether nothing says yet what came of it.
  public var isOpen: Bool { settledBy == nil }

  /// The state of the request the event opens; nil for every other event.
  public init?(opening event: Event) {
    guard event.type == .changeRequested, let secret = event.secret else { return nil }
    let deadline = event.data["deadline"]?.stringValue.flatMap { Instant(rfc3339: $0) }
    self.init(
      position: event.position, secret: secret, deadline: deadline ?? event.recordedAt,
      unresolvedBy: nil, settledBy: nil)
  }

  /// Adds an event that the request caused.
  public mutating func evolve(_ event: Event) {
    guard event.causedBy == position, isOpen else { return }
    if event.type == .changeUnresolved {
      unresolvedBy = unresolvedBy ?? event.position
    } else {
      settledBy = event.position
    }
  }
}

extension Event {
  /// What a cloud was asked for; nil for every event that is no request.
  public var stageRequest: StageRequest? {
    guard type == .changeRequested, let stage, let state = RequestState(opening: self) else {
      return nil
    }
    return StageRequest(
      stage: stage, target: versionID,
      source: data["remove_from_version_id"]?.stringValue.flatMap { try? VersionID($0) },
      deadline: state.deadline)
  }
}

/// Decides what a request appends; `open` is the open request of the secret, nil when it has none.
///
/// The rules are not asked: whether it can be done, the cloud decides.
public func decide(
  _ request: StageRequest, _ state: SecretState, open: RequestState?
) throws(Rejection) -> [Draft] {
  if let open { throw .changeUnderWay(open.position) }
  var data: [String: JSONValue] = ["deadline": .string(request.deadline.rfc3339)]
  if let source = request.source { data["remove_from_version_id"] = .string(source.text) }
  return [
    Draft(
      .changeRequested, stage: request.stage, version: request.target,
      previous: state.holder(of: request.stage), data: data)
  ]
}

/// Decides what is appended of what came of a request; nothing where that is known already.
///
/// What was done is recorded like any other fact; where the log says so already, that it was
/// confirmed, with the change that stood. `open`, `state`, `past` and `now` as for a request and a
/// fact of the secret.
public func decide(
  _ settlement: Settlement, on secret: SecretName, _ state: SecretState, rules: LabelRules,
  past: [StageName: StagePast], open: RequestState?, now: Instant
) throws(Rejection) -> [Draft] {
  guard let open, open.position == settlement.request else { return [] }
  var data = settlement.data
  let type: EventType
  switch settlement.outcome {
  case .unresolved:
    guard open.unresolvedBy == nil else { return [] }
    type = .changeUnresolved
  case .rejected: type = .changeRejected
  case .done:
    if let fact = settlement.fact(of: secret) {
      var drafts = try decide(fact, state, rules: rules, past: past, now: now)
      if !drafts.isEmpty {
        drafts[0].causedBy = open.position
        return drafts
      }
    }
    type = .changeConfirmed
    if let since = state.stages[settlement.stage]?.since { data["standing"] = since.json }
  }
  var draft = Draft(type, stage: settlement.stage, version: settlement.target, data: data)
  draft.causedBy = open.position
  return [draft]
}

extension SecretState.Moment {
  /// The moment as an object.
  fileprivate var json: JSONValue {
    ["effective_at": .string(effectiveAt.rfc3339), "position": .integer(position.index)]
  }

  /// The moment of such an object; nil where there is none.
  public init?(_ value: JSONValue?) {
    guard let effectiveAt = value?["effective_at"]?.stringValue.flatMap({ Instant(rfc3339: $0) }),
      let position = value?["position"]?.integerValue.flatMap({ Position($0) })
    else { return nil }
    self.init(effectiveAt: effectiveAt, position: position)
  }
}
