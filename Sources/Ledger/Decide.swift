// Decide: the rules, as one pure function from a change and a state to what should be appended.
//
// Called by `AppendPlan` for every change of a batch; calls only `LabelRules`, the provider's
// table, `StageMoves` for the labels a change moves together, and `DecideFact` for what happened
// elsewhere. Invariant: a change that alters
// nothing gives no drafts; a refused one gives a rejection and no drafts; the drafts of one change
// stand together or not at all.

public import CanonicalJSON

/// A fact about a secret that has no place in the log yet.
public struct Draft: Hashable, Sendable {
  /// What kind of fact.
  public var type: EventType
  /// The label; nil for none.
  public var stage: StageName?
  /// The version; nil for none.
  public var versionID: VersionID?
  /// The version that loses the label; nil for none.
  public var previousVersionID: VersionID?
  /// Where it was stated elsewhere, the time it was true; nil: the time it is recorded.
  public var effectiveAt: Instant?
  /// Where that time is the latest it can have become true: after this moment it did.
  public var effectiveAfter: Instant?
  /// The index, in the same list, of the draft that implies this one; nil for none.
  public var cause: Int?
  /// The event of the log that caused this one, where no draft implies it; nil for none.
  public var causedBy: Position?
  /// Whatever else the type carries.
  public var data: [String: JSONValue]

  init(
    _ type: EventType, stage: StageName? = nil, version: VersionID? = nil,
    previous: VersionID? = nil, effectiveAt: Instant? = nil, effectiveAfter: Instant? = nil,
    cause: Int? = nil, data: [String: JSONValue] = [:]
  ) {
    self.type = type
    self.stage = stage
    self.versionID = version
    self.previousVersionID = previous
    self.effectiveAt = effectiveAt
    self.effectiveAfter = effectiveAfter
    self.cause = cause
    self.data = data
  }
}

/// Decides what a change appends.
///
/// `state` must hold the secret's labels and every version the change names, and `past` what is
/// known of the labels a fact speaks of. `now` is the time the events will be recorded at.
public func decide(
  _ change: Change, on secret: SecretName, _ state: SecretState, rules: LabelRules,
  past: [StageName: StagePast], now: Instant
) throws(Rejection) -> [Draft] {
  switch change {
  case .registerSecret(let data, let firstVersion):
    guard rules.acceptsSecret(secret) else { throw .nameNotAllowed(.secret) }
    return try registerSecret(data: data, firstVersion: firstVersion, state, rules)
  case .registerVersion(let id, let stages, let data):
    try requireEnabled(state)
    return try registerVersion(id: id, stages: stages, data: data, state, rules)
  case .assignStage(let stage, let version):
    try requireEnabled(state)
    return try assign(stage, to: version, state, rules)
  case .removeStage(let stage):
    try requireEnabled(state)
    return try remove(stage, state, rules)
  case .moveStage(let stage, let target, let source):
    try requireEnabled(state)
    return try move(stage, to: target, from: source, state, rules)
  case .scheduleDeletion(let days):
    try requireEnabled(state)
    let days = days ?? rules.recoveryDaysDefault
    guard rules.recoveryDays.contains(days) else {
      throw .recoveryDaysOutOfRange(rules.recoveryDays)
    }
    let time = now.advanced(byMicroseconds: Int64(days) * 86_400_000_000)
    return [
      Draft(
        .secretDeletionScheduled,
        data: [
          "delete_at": .string(time.rfc3339), "recovery_window_in_days": .integer(Int64(days)),
        ])
    ]
  case .restoreSecret:
    try requireRegistered(state)
    guard case .pendingDeletion = state.life else { throw .secretNotPendingDeletion }
    return [Draft(.secretRestored)]
  case .deleteSecret:
    try requireRegistered(state)
    return deleteSecret(state)
  case .recordFact(let fact):
    return try decide(Fact(fact, of: secret), state, rules: rules, past: past, now: now)
  case .refineChange(let refinement):
    return try decide(Fact(refinement, of: secret), state, rules: rules, past: past, now: now)
  }
}

private func requireRegistered(_ state: SecretState) throws(Rejection) {
  switch state.life {
  case .unregistered, .deleted: throw .secretNotFound
  case .enabled, .pendingDeletion: return
  }
}

private func requireEnabled(_ state: SecretState) throws(Rejection) {
  try requireRegistered(state)
  if case .pendingDeletion = state.life { throw .secretPendingDeletion }
}

private func registerSecret(
  data: [String: JSONValue], firstVersion: Change.FirstVersion, _ state: SecretState,
  _ rules: LabelRules
) throws(Rejection) -> [Draft] {
  switch state.life {
  case .enabled: throw .secretExists
  case .pendingDeletion: throw .secretPendingDeletion
  case .unregistered, .deleted: break
  }
  var drafts = [Draft(.secretRegistered, data: data)]
  if firstVersion == .automatic {
    guard rules.versionIDs == .counted else { throw .versionIDRequired }
    let version = VersionID(number: 1)
    drafts.append(Draft(.versionRegistered, version: version, cause: 0))
    // Facts may have told already that the label sits there.
    if state.holder(of: rules.current) != version {
      drafts.append(
        Draft(
          .stageAssigned, stage: rules.current, version: version,
          previous: state.holder(of: rules.current), cause: 1))
    }
  }
  return drafts
}

/// A new version takes the current label and hands the previous label to the version it left;
/// labels that are named replace that rule.
private func registerVersion(
  id: VersionID?, stages: [StageName]?, data: [String: JSONValue], _ state: SecretState,
  _ rules: LabelRules
) throws(Rejection) -> [Draft] {
  let version = try newVersion(id, state, rules)
  var moves = StageMoves(
    of: state, after: [Draft(.versionRegistered, version: version, data: data)])
  if let stages {
    guard stages.count <= rules.stagesMax else {
      throw .tooManyStagesRequested(limit: rules.stagesMax)
    }
    for stage in stages {
      guard rules.acceptsStage(stage) else { throw .nameNotAllowed(.stage) }
      let move = moves.put(stage, on: version, cause: 0)
      // What is named for the version stays on it.
      if let move, !stages.contains(rules.previous) { moves.follow(move, rules) }
    }
  } else if let move = moves.put(rules.current, on: version, cause: 0), let left = move.left {
    moves.put(rules.previous, on: left, cause: move.index)
    if let pending = rules.pending { moves.take(pending, off: left, cause: move.index) }
  }
  return try moves.drafts(atMost: rules.stagesMax)
}

/// The id of a version to come: the one given, or the next number where the cloud counts.
private func newVersion(
  _ id: VersionID?, _ state: SecretState, _ rules: LabelRules
) throws(Rejection) -> VersionID {
  if let id {
    guard rules.acceptsVersion(id) else { throw .nameNotAllowed(.version) }
    guard !state.isRegistered(id) else { throw .versionExists(id) }
    return id
  }
  guard rules.versionIDs == .counted else { throw .versionIDRequired }
  guard state.versionNumberMax < 999_999_999_999_999 else { throw .versionNumbersExhausted }
  return VersionID(number: state.versionNumberMax + 1)
}

private func assign(
  _ stage: StageName, to version: VersionID, _ state: SecretState, _ rules: LabelRules
) throws(Rejection) -> [Draft] {
  guard rules.acceptsStage(stage) else { throw .nameNotAllowed(.stage) }
  guard state.isRegistered(version) else { throw .versionNotFound(version) }
  var moves = StageMoves(of: state, after: [])
  if let move = moves.put(stage, on: version, cause: nil) { moves.follow(move, rules) }
  return try moves.drafts(atMost: rules.stagesMax)
}

private func remove(
  _ stage: StageName, _ state: SecretState, _ rules: LabelRules
) throws(Rejection) -> [Draft] {
  guard !rules.permanent.contains(stage) else { throw .stagePermanent(stage) }
  guard let holder = state.holder(of: stage) else { throw .stageNotFound(stage) }
  return [Draft(.stageRemoved, stage: stage, previous: holder)]
}

/// A source that is given must be where the label sits; one that is not is demanded by some clouds.
private func move(
  _ stage: StageName, to target: VersionID?, from source: VersionID?, _ state: SecretState,
  _ rules: LabelRules
) throws(Rejection) -> [Draft] {
  let holder = state.holder(of: stage)
  if let source, holder != source, target != nil || !rules.permanent.contains(stage) {
    guard state.isRegistered(source) else { throw .sourceNotFound(source) }
    throw .sourceMismatch(stage, holder: holder)
  }
  guard let target else {
    guard source != nil else { throw .noVersionGiven }
    return try remove(stage, state, rules)
  }
  if source == nil, rules.source == .required, let holder, holder != target,
    state.isRegistered(target)
  {
    throw .sourceRequired(stage, holder: holder)
  }
  return try assign(stage, to: target, state, rules)
}

/// The labels go with the secret, each as an event of its own: the label's history ends there too.
private func deleteSecret(_ state: SecretState) -> [Draft] {
  var drafts = [Draft(.secretDeleted)]
  for (stage, label) in state.stages.sorted(by: { $0.key < $1.key }) {
    guard let holder = label.versionID else { continue }
    drafts.append(Draft(.stageRemoved, stage: stage, previous: holder, cause: 0))
  }
  return drafts
}
