// DecideFact: what is recorded of something that happened elsewhere.
//
// Called by `AppendPlan` for every fact, and by `decide` for a single one. Calls `StagePast` for
// what held at the fact's time. Invariant: a fact is recorded as reported, whatever the rules say,
// and what contradicts them is told in its data; a fact the log says already gives no drafts; what
// a fact implies names the draft that implies it.

import CanonicalJSON

/// Decides what a fact appends.
///
/// `state` must hold the secret's labels and the version the fact names, and `past` what is known
/// of every label in `stages(_:)` at the fact's time. `now` is the time the events will be recorded
/// at. Refused are only a time that is not past, bounds that hold no moment, and a change to refine
/// that the log does not have.
public func decide(
  _ fact: Fact, _ state: SecretState, rules: LabelRules, past: [StageName: StagePast], now: Instant
) throws(Rejection) -> [Draft] {
  guard fact.effectiveAt <= now else { throw .effectiveInFuture(now: now) }
  if let after = fact.effectiveAfter, after >= fact.effectiveAt { throw .effectiveAfterTooLate }
  var drafts = FactDrafts(fact, state, rules, past)
  switch fact.happening {
  case .secretRegistered, .secretDeletionScheduled, .secretRestored, .versionRemoved:
    drafts.tellOfLife()
  case .secretDeleted:
    guard drafts.tellOfLife(), fact.implications == .byRules else { break }
    for stage in past.keys.sorted() { drafts.tell(stage, nil, because: 0) }
  case .versionRegistered(let version, let stages):
    guard drafts.tellOfLife() else { break }
    drafts.label(version, stages)
  case .stageAssigned(let stage, let version):
    if let move = drafts.tell(stage, version, because: nil) { drafts.follow(move) }
  case .stageRemoved(let stage):
    drafts.tell(stage, nil, because: nil)
  case .changeRefined(let stage, let position):
    guard let known = past[stage]?[position] else { throw .changeNotFound(position) }
    drafts.refine(known, of: stage, because: nil)
  case .changeRejected, .changeUnresolved:
    drafts.tellOfLife()
  }
  return drafts.all
}

/// The drafts of one fact.
private struct FactDrafts {
  /// A label that moved.
  struct Move {
    var stage: StageName
    /// The version it left; nil when it sat nowhere.
    var left: VersionID?
    var index: Int
  }

  private(set) var all: [Draft] = []
  private let fact: Fact
  private let state: SecretState
  private let rules: LabelRules
  private let past: [StageName: StagePast]

  init(
    _ fact: Fact, _ state: SecretState, _ rules: LabelRules, _ past: [StageName: StagePast]
  ) {
    self.fact = fact
    self.state = state
    self.rules = rules
    self.past = past
  }

  /// Tells what is no change of a label; false when the log says it already.
  @discardableResult
  mutating func tellOfLife() -> Bool {
    guard !state.says(fact) else { return false }
    add(
      Draft(
        fact.type, stage: fact.stage, version: fact.versionID, effectiveAt: fact.effectiveAt,
        effectiveAfter: fact.effectiveAfter, data: fact.data),
      although: state.contradictions(of: fact, rules))
    return true
  }

  /// Tells that the label went to the version, or with nil away; nil when the log says it already.
  ///
  /// A change the reconciler found between two looks is the one a trail tells of: it is known
  /// better, and there is no second one.
  @discardableResult
  mutating func tell(_ stage: StageName, _ version: VersionID?, because cause: Int?) -> Move? {
    let known = past[stage] ?? StagePast()
    let open = known.open(
      to: version, effectiveAt: fact.effectiveAt, effectiveAfter: fact.effectiveAfter)
    if let open {
      let left = known.last(at: fact.effectiveAt, besides: open.subject)?.versionID
      refine(open, of: stage, because: cause)
      return Move(stage: stage, left: left, index: all.count - 1)
    }
    let holder = known.last(at: fact.effectiveAt)?.versionID
    guard holder != version else { return nil }
    add(
      Draft(
        version == nil ? .stageRemoved : .stageAssigned, stage: stage, version: version,
        previous: holder, effectiveAt: fact.effectiveAt, effectiveAfter: fact.effectiveAfter,
        cause: cause, data: cause == nil ? fact.data : [:]),
      although: cause == nil
        ? state.contradictions(of: fact, rules) : namesRefused(stage, version))
    return Move(stage: stage, left: holder, index: all.count - 1)
  }

  /// The labels of a version that comes: those that are named, or by the rules the current one,
  /// which hands the previous label to the version it leaves.
  mutating func label(_ version: VersionID, _ stages: [StageName]?) {
    guard stages != nil || fact.implications == .byRules else { return }
    guard let stages else {
      guard let move = tell(rules.current, version, because: 0), let left = move.left else {
        return
      }
      tell(rules.previous, left, because: move.index)
      guard let pending = rules.pending, holder(of: pending) == left else { return }
      tell(pending, nil, because: move.index)
      return
    }
    var told: Set<StageName> = []
    for stage in stages where told.insert(stage).inserted {
      // What is named for the version stays on it.
      guard let move = tell(stage, version, because: 0), !stages.contains(rules.previous) else {
        continue
      }
      follow(move)
    }
  }

  /// Sends the previous label after the current one, where the cloud does so for every move.
  mutating func follow(_ move: Move) {
    guard fact.implications == .byRules, move.stage == rules.current,
      rules.previousFollows == .everyMoveOfCurrent, let left = move.left
    else { return }
    tell(rules.previous, left, because: move.index)
  }

  /// A refinement stands in the place of the change from its own recorded time on.
  ///
  /// It may move the change past others of its label, so it tells which one is the last then,
  /// unless it is the one itself. A time outside of what was known before is recorded as reported,
  /// and flagged.
  mutating func refine(
    _ known: StagePast.Change, of stage: StageName, because cause: Int?
  ) {
    let since = known.since.effectiveAt
    guard since != fact.effectiveAt || known.after != fact.effectiveAfter else { return }
    var data = cause == nil ? fact.data : [:]
    data["refines"] = .integer(known.subject.index)
    if let last = past[stage]?.last(besides: known.subject),
      last.since.effectiveAt > fact.effectiveAt
    {
      data["current"] = .object([
        "version_id": last.versionID.map { .string($0.text) } ?? .null,
        "effective_at": .string(last.since.effectiveAt.rfc3339),
        "position": .integer(last.since.position.index),
      ])
    }
    let isOutside =
      fact.effectiveAt > since
      || (fact.effectiveAfter ?? fact.effectiveAt) < known.after ?? since
    add(
      Draft(
        .changeRefined, stage: stage, version: known.versionID, effectiveAt: fact.effectiveAt,
        effectiveAfter: fact.effectiveAfter, cause: cause, data: data),
      although: isOutside ? ["outside_known_window"] : [])
  }

  private func holder(of stage: StageName) -> VersionID? {
    past[stage]?.last(at: fact.effectiveAt)?.versionID
  }

  private func namesRefused(_ stage: StageName, _ version: VersionID?) -> [String] {
    version == nil || rules.acceptsStage(stage) ? [] : [Rejection.nameNotAllowed(.stage).code]
  }

  private mutating func add(_ draft: Draft, although contradictions: [String]) {
    var draft = draft
    if !contradictions.isEmpty {
      draft.data["contradicts"] = .array(contradictions.map { .string($0) })
    }
    all.append(draft)
  }
}

extension SecretState {
  /// Whether the state says what the fact says of the secret or a version, to the moment.
  fileprivate func says(_ fact: Fact) -> Bool {
    let moment = fact.effectiveAt
    switch fact.happening {
    case .secretRegistered: return registeredAt?.effectiveAt == moment
    case .secretDeletionScheduled:
      guard case .pendingDeletion = life else { return false }
      return lifeSince?.effectiveAt == moment
    case .secretRestored:
      return life == .enabled && lifeSince?.effectiveAt == moment && lifeSince != registeredAt
    case .secretDeleted: return deletedAt?.effectiveAt == moment
    case .versionRegistered(let id, _):
      guard let version = versions[id], version.registeredAt != version.removedAt else {
        return false
      }
      return version.registeredAt.effectiveAt == moment
    case .versionRemoved(let id): return versions[id]?.removedAt?.effectiveAt == moment
    case .stageAssigned, .stageRemoved, .changeRefined, .changeRejected, .changeUnresolved:
      return false
    }
  }

  /// What the rules would have refused the fact for, as far as the state tells of its time.
  fileprivate func contradictions(of fact: Fact, _ rules: LabelRules) -> [String] {
    var refusals: [Rejection] = []
    // Of a time before the last turn of its life the state tells nothing.
    if lifeSince.map({ $0.effectiveAt <= fact.effectiveAt }) ?? true {
      refusals += lifeRefusals(of: fact)
    }
    switch fact.happening {
    case .secretRegistered:
      if !rules.acceptsSecret(fact.secret) { refusals.append(.nameNotAllowed(.secret)) }
    case .versionRegistered(let id, _):
      if !rules.acceptsVersion(id) { refusals.append(.nameNotAllowed(.version)) }
      if hasVersion(id, at: fact.effectiveAt) { refusals.append(.versionExists(id)) }
    case .versionRemoved(let id):
      if !isKnown(id, at: fact.effectiveAt) { refusals.append(.versionNotFound(id)) }
    case .stageAssigned(let stage, let id):
      if !rules.acceptsStage(stage) { refusals.append(.nameNotAllowed(.stage)) }
      if !isKnown(id, at: fact.effectiveAt) { refusals.append(.versionNotFound(id)) }
      if holder(of: stage) == nil, stageCount >= rules.stagesMax {
        refusals.append(.tooManyStages(limit: rules.stagesMax))
      }
    case .stageRemoved(let stage):
      if !rules.acceptsStage(stage) { refusals.append(.nameNotAllowed(.stage)) }
      if rules.permanent.contains(stage) { refusals.append(.stagePermanent(stage)) }
    case .secretDeletionScheduled, .secretRestored, .secretDeleted, .changeRefined,
      .changeRejected, .changeUnresolved:
      break
    }
    return refusals.map(\.code)
  }

  /// What the life of the secret would have refused the fact for.
  private func lifeRefusals(of fact: Fact) -> [Rejection] {
    switch (fact.happening, life) {
    case (.changeRefined, _), (.changeRejected, _), (.changeUnresolved, _): []
    case (.secretRegistered, .unregistered), (.secretRegistered, .deleted): []
    case (.secretRegistered, .enabled): [.secretExists]
    case (.secretRegistered, .pendingDeletion): [.secretPendingDeletion]
    case (_, .unregistered), (_, .deleted): [.secretNotFound]
    case (.secretRestored, .enabled): [.secretNotPendingDeletion]
    case (.secretRestored, .pendingDeletion), (.secretDeleted, _), (_, .enabled): []
    case (_, .pendingDeletion): [.secretPendingDeletion]
    }
  }

  /// Whether nothing is known that had taken the version away by the moment.
  private func isKnown(_ id: VersionID, at moment: Instant) -> Bool {
    guard let version = versions[id], version.registeredAt != version.removedAt else {
      return false
    }
    return ![version.removedAt, deletedAt].compactMap(\.self).contains { end in
      end > version.registeredAt && end.effectiveAt <= moment
    }
  }

  /// Whether the version had been registered by the moment, and was there then.
  private func hasVersion(_ id: VersionID, at moment: Instant) -> Bool {
    guard let version = versions[id] else { return false }
    return version.registeredAt.effectiveAt <= moment && isKnown(id, at: moment)
  }
}
