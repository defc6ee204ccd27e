// StageTimeline: the whole history of one label as known at one size of the log, by a plain fold.
//
// The oracle of time travel: the SQL answer must equal it on every history. It is also what the
// history of a label is shown from. Effective order is effective time, then position; at the very
// instant of a change the new version holds.

/// The history of one label, in effective order.
public struct StageTimeline: Hashable, Sendable {
  /// Every change, each as it is known best; each lasts until the next.
  public let changes: [StageInterval]

  /// Folds the events of one label among those at positions below `knownSize`.
  ///
  /// Events of other types, labels and secrets must have been left out by the caller. A refinement
  /// stands in the place of the change it refines, and of earlier refinements of it.
  public init(events: some Sequence<Event>, knownSize: TreeSize) {
    var known: [Position: Event] = [:]
    for event in events where event.position.index < knownSize.count {
      let subject = event.refines ?? event.position
      if let earlier = known[subject], earlier.position > event.position { continue }
      known[subject] = event
    }
    var changes: [StageInterval] = []
    let ordered = known.values.sorted {
      ($0.effectiveAt, $0.position) < ($1.effectiveAt, $1.position)
    }
    for event in ordered {
      if let last = changes.indices.last { changes[last].until = event.effectiveAt }
      changes.append(StageInterval(event))
    }
    self.changes = changes
  }

  /// The changes that held for any time, or may have.
  ///
  /// Of two that came at exactly one instant the later position holds, and the other never did.
  public var intervals: [StageInterval] {
    changes.enumerated().filter { index, change in
      change.sinceAfter != nil
        || !changes[(index + 1)...].contains {
          $0.sinceAfter == nil && $0.since == change.since
        }
    }.map(\.element)
  }

  /// What held at the moment.
  public func answer(at effectiveAt: Instant) -> StageAnswer {
    StageAnswer(changes, at: effectiveAt)
  }
}
