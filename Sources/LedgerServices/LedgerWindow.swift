// LedgerWindow: every state the record held of one secret while a cloud was being looked at.
//
// Made by the reconciler from one reading of the record before the cloud is asked, then fed the
// events appended since. `DriftComparison` asks it what the record held. Invariant: no state the
// record held between the two ends is missing, so a label that moved meanwhile is never mistaken
// for drift; states it did not hold are never added.

import Ledger

/// What the record held of one secret between two sizes of the log.
struct LedgerWindow: Sendable {
  /// The secret as it stands at the end of the window, with its versions and labels.
  private(set) var state: SecretState
  /// Where the secret was in its life, at the start and after each change; never empty.
  private(set) var lives: [SecretState.Life]
  /// The holders of each label, at the start and after each change; nil: none held it.
  private(set) var holders: [StageName: Set<VersionID?>] = [:]
  /// The versions registered or removed during the window.
  private(set) var movedVersions: Set<VersionID> = []
  /// Events below this size of the log are in; the window ends here.
  private(set) var end: TreeSize

  /// A window that begins, and as yet ends, at `size` with `state`.
  ///
  /// Life and labels of `state` must be those at exactly `size`; its versions may be later ones.
  init(_ state: SecretState, at size: TreeSize) {
    self.state = state
    lives = [state.life]
    for (stage, held) in state.stages { holders[stage] = [held.versionID] }
    end = size
  }

  /// Adds the next event of the secret; events before the end of the window are in already.
  mutating func evolve(_ event: Event) {
    guard event.position.index >= end.count else { return }
    let heldBefore = event.stage.flatMap { state.holder(of: $0) }
    state.evolve(event)
    end = event.position.size
    if lives.last != state.life { lives.append(state.life) }
    switch event.type {
    case .stageAssigned, .stageRemoved, .changeRefined:
      guard let stage = event.stage else { return }
      holders[stage, default: [heldBefore]].insert(state.holder(of: stage))
    case .versionRegistered, .versionRemoved:
      if let version = event.versionID { movedVersions.insert(version) }
    case .secretRegistered, .secretDeletionScheduled, .secretRestored, .secretDeleted,
      .changeRequested, .changeRejected, .changeUnresolved, .changeConfirmed, .watchStarted,
      .watchGap,
      .watchStopped, .reconciliationCompleted, .driftOpened, .driftResolved, .driftAcknowledged,
      .projectionSwitched:
      return
    }
  }

  /// Says that no event of the secret below `size` is left to add.
  mutating func reach(_ size: TreeSize) { end = max(end, size) }

  /// Whether the record ever held the label there during the window; nil: nowhere.
  func held(_ stage: StageName, at version: VersionID?) -> Bool {
    guard let holders = holders[stage] else { return version == nil }
    return holders.contains(version)
  }

  /// Whether any label was on any version of the secret during the window.
  var heldAnyLabel: Bool { holders.values.contains { $0.contains { $0 != nil } } }
}
