// StageTimeline: the whole history of one label as known at one size of the log, by a plain fold.
//
// The oracle of time travel: the SQL answer must equal it on every history. It is also what the
// history of a label is shown from. Effective order is effective time, then position; at the very
// instant of a change the new version holds.

/// The history of one label, in effective order.
public struct StageTimeline: Hashable, Sendable {
  /// The stretches of the history, earliest first; each ends where the next begins.
  public let intervals: [StageInterval]

  /// Folds the events of one label among those at positions below `knownSize`.
  ///
  /// Events of other types, labels and secrets must have been left out by the caller. Of two
  /// changes at one instant the later position holds, and the earlier has a stretch of no length,
  /// which is left out.
  public init(events: some Sequence<Event>, knownSize: TreeSize) {
    let known =
      events
      .filter { $0.position.index < knownSize.count }
      .sorted { ($0.effectiveAt, $0.position) < ($1.effectiveAt, $1.position) }
    var intervals: [StageInterval] = []
    for event in known {
      if let last = intervals.indices.last {
        if intervals[last].since == event.effectiveAt {
          intervals.removeLast()
        } else {
          intervals[last].until = event.effectiveAt
        }
      }
      intervals.append(
        StageInterval(
          versionID: event.type == .stageAssigned ? event.versionID : nil,
          since: event.effectiveAt, until: nil, decidedBy: event.position,
          recordedAt: event.recordedAt))
    }
    // A stretch that replaced one of no length still ends the stretch before it.
    self.intervals = intervals
  }

  /// What held at the moment.
  public func answer(at effectiveAt: Instant) -> StageAnswer {
    let interval = intervals.last { $0.since <= effectiveAt }
    return StageAnswer(
      interval: interval, firstChange: interval == nil ? intervals.first?.since : nil)
  }
}
