// StageMoves: the labels one change moves together, in order, and where each sits after it.
//
// Called by `decide` alone. Invariant: a move that changes nothing leaves no draft, and every cause
// is the index of a draft that stands before.

/// Labels on the move: the drafts so far and the state after them.
struct StageMoves {
  /// A move that was drafted.
  struct Move {
    /// The label.
    var stage: StageName
    /// The version it left; nil when it sat nowhere.
    var left: VersionID?
    /// The index of its draft.
    var index: Int
  }

  private let before: Int
  private var after: SecretState
  private var drafts: [Draft]

  /// No move yet, after what the change has drafted already.
  init(of state: SecretState, after drafts: [Draft]) {
    before = state.stageCount
    after = state
    self.drafts = drafts
  }

  /// Puts the label on the version; nil when it sits there already.
  @discardableResult
  mutating func put(_ stage: StageName, on target: VersionID, cause: Int?) -> Move? {
    let holder = after.holder(of: stage)
    guard holder != target else { return nil }
    drafts.append(
      Draft(.stageAssigned, stage: stage, version: target, previous: holder, cause: cause))
    place(stage, on: target)
    return Move(stage: stage, left: holder, index: drafts.count - 1)
  }

  /// Takes the label off the version, if it sits there.
  mutating func take(_ stage: StageName, off version: VersionID, cause: Int?) {
    guard after.holder(of: stage) == version else { return }
    drafts.append(Draft(.stageRemoved, stage: stage, previous: version, cause: cause))
    place(stage, on: nil)
  }

  /// Sends the previous label after the current one, where the cloud does so for every move.
  mutating func follow(_ move: Move, _ rules: LabelRules) {
    guard move.stage == rules.current, rules.previousFollows == .everyMoveOfCurrent,
      let left = move.left
    else { return }
    put(rules.previous, on: left, cause: move.index)
  }

  /// The drafts, if the labels after them fit; a secret that facts have overfilled may stay so.
  func drafts(atMost stagesMax: Int) throws(Rejection) -> [Draft] {
    guard after.stageCount <= max(stagesMax, before) else {
      throw .tooManyStages(limit: stagesMax)
    }
    return drafts
  }

  private mutating func place(_ stage: StageName, on version: VersionID?) {
    after.stages[stage] = SecretState.StageState(
      versionID: version,
      since: SecretState.Moment(effectiveAt: .latest, position: Position(checked: 0)))
  }
}
