// Coverage: what the watch over a cloud can vouch for, by a plain fold over the log.
//
// The oracle of coverage: the SQL answer must equal it on every log. A run looks at states and not
// at changes, so what two looks vouch for is told in one sentence, `Coverage.sentence`.
// Invariant: only events below the known size count, so a kept answer never changes.

import CanonicalJSON

/// Whether a label can have moved at a moment without leaving a trace in the log.
public enum Coverage: String, CaseIterable, Sendable {
  /// The moment lies between two looks at the cloud with no more than the allowed time between
  /// them.
  case complete
  /// The cloud was watched, but not well enough at the moment, or the label is known to have moved
  /// and not how.
  case gap
  /// Nobody watched the cloud at the moment, or nobody has looked since.
  case notWatched = "not_watched"

  /// What `complete` promises, word for word as the description of the API has it.
  public static let sentence = """
    Complete means: looks at the cloud before and after, with no more than the allowed time \
    between them, in which every move that lasted through a look was seen and stands in the log, \
    as a change or as drift.
    """
}

/// What the events of a log say of the watch over its cloud.
public struct WatchHistory: Sendable {
  private struct Gap: Sendable {
    var from: Instant
    var until: Instant
    /// Nil: all of them.
    var secrets: Set<String>?
  }

  private struct Look: Sendable {
    var startedAt: Instant
    var end: SecretState.Moment
  }

  private var starts: [SecretState.Moment] = []
  private var stops: [SecretState.Moment] = []
  private var looks: [Look] = []
  private var gaps: [Gap] = []
  private var unresolved: [Event] = []
  private var changes: [Event] = []
  private let knownSize: TreeSize

  /// Folds the events of a project among those at positions below `knownSize`.
  public init(events: some Sequence<Event>, knownSize: TreeSize) {
    self.knownSize = knownSize
    for event in events where event.position.index < knownSize.count {
      let moment = SecretState.Moment(effectiveAt: event.effectiveAt, position: event.position)
      switch event.type {
      case .watchStarted: starts.append(moment)
      case .watchStopped: stops.append(moment)
      case .reconciliationCompleted:
        looks.append(Look(startedAt: event.effectiveAfter ?? event.effectiveAt, end: moment))
      case .watchGap:
        guard let from = event.effectiveAfter else { continue }
        let secrets = event.data["secrets"]?.arrayValue?.compactMap(\.stringValue)
        gaps.append(Gap(from: from, until: event.effectiveAt, secrets: secrets.map { Set($0) }))
      case .changeUnresolved: unresolved.append(event)
      case .stageAssigned, .stageRemoved, .changeRefined: changes.append(event)
      case .secretRegistered, .secretDeletionScheduled, .secretRestored, .secretDeleted,
        .versionRegistered, .versionRemoved, .changeRequested, .changeRejected, .changeConfirmed,
        .driftOpened, .driftResolved, .driftAcknowledged, .projectionSwitched:
        break
      }
    }
  }

  /// What can be vouched for about one label at the moment.
  public func coverage(
    of stage: StageName, of secret: SecretName, at moment: Instant
  ) -> Coverage {
    let doubts = unresolved.filter { $0.secret == secret && $0.stage == stage }
    if doubts.contains(where: { $0.hasBegun(by: moment) && !isKnownAgain($0, by: moment) }) {
      return .gap
    }
    guard isWatched(at: moment) else { return .notWatched }
    let isGap = gaps.contains { gap in
      gap.from <= moment && moment < gap.until
        && (gap.secrets?.contains(secret.text) ?? true)
    }
    if isGap { return .gap }
    return isLookedAt(after: moment, from: moment) ? .complete : .notWatched
  }

  /// What can be vouched for about all labels at every moment of `[from, until)`: `gap` also where
  /// only some of them, or some of the time, are covered; `notWatched` of no time at all.
  public func coverage(from: Instant, until: Instant) -> Coverage {
    guard from < until else { return .notWatched }
    let isDoubtful = unresolved.contains { doubt in
      doubt.hasBegun(by: until.advanced(byMicroseconds: -1)) && !isKnownAgain(doubt, by: from)
    }
    func isInside(_ moment: SecretState.Moment) -> Bool {
      moment.effectiveAt > from && moment.effectiveAt < until
    }
    let isWatched = isWatched(at: from)
    let isComplete =
      isWatched && !isDoubtful && !stops.contains(where: isInside)
      && !starts.contains(where: isInside)
      && !gaps.contains { $0.from < until && from < $0.until }
      && isLookedAt(after: until.advanced(byMicroseconds: -1), from: from)
    if isComplete { return .complete }
    return isWatched || isDoubtful || starts.contains(where: isInside) ? .gap : .notWatched
  }

  /// Whether the last start or stop at or before the moment is a start.
  private func isWatched(at moment: Instant) -> Bool {
    let start = starts.filter { $0.effectiveAt <= moment }.max()
    let stop = stops.filter { $0.effectiveAt <= moment }.max()
    guard let start else { return false }
    return stop.map { $0 < start } ?? true
  }

  /// Whether the first look begun after `moment` ended before the first stop after `from`.
  private func isLookedAt(after moment: Instant, from: Instant) -> Bool {
    guard
      let look = looks.filter({ $0.startedAt > moment && $0.end.effectiveAt > moment })
        .map(\.end).min()
    else { return false }
    return !stops.contains { $0.effectiveAt > from && $0 < look }
  }

  /// Whether a change of the label is known from the doubtful one to the moment.
  private func isKnownAgain(_ doubt: Event, by moment: Instant) -> Bool {
    StageTimeline(
      events: changes.filter { $0.secret == doubt.secret && $0.stage == doubt.stage },
      knownSize: knownSize
    ).changes.contains { $0.since >= doubt.effectiveAt && $0.since <= moment }
  }
}

extension Event {
  /// Whether it can have happened by the moment.
  fileprivate func hasBegun(by moment: Instant) -> Bool {
    effectiveAt <= moment || effectiveAfter.map { $0 < moment } ?? false
  }
}
