// StageKnowledge: what the log ever said of the labels of one secret, and from when to when it said
// so: both axes of time.
//
// Fed by the API with events in order of position; the plain fold of `StageTimeline` must agree at
// every size of the log. Invariant: at any moment of knowledge the intervals known then are those
// of the timeline of then, each once.

/// A stretch of a label's history, and while the log told it so.
public struct KnownInterval: Hashable, Sendable {
  /// The label.
  public var stage: StageName
  /// What was told.
  public var interval: StageInterval
  /// From this recorded time on.
  public var knownSince: Instant
  /// Up to, but not including, this recorded time; nil: it is told so still.
  public var knownUntil: Instant?
}

/// What is told of the labels of one secret, while events come.
public struct StageKnowledge: Sendable {
  /// A change as it is known best, and what is told of it.
  private struct Row {
    var subject: Position
    var change: StageInterval
    var told: StageInterval?
    var since: Instant
  }

  /// Of each label, in effective order.
  private var rows: [StageName: [Row]] = [:]

  /// Nothing is known.
  public init() {}

  /// Adds the next event; answers what is not told any more from its recorded time on.
  ///
  /// An event that tells of no label changes nothing. Costs the logarithm of how many changes the
  /// label has, and a move of those after it.
  public mutating func add(_ event: Event) -> [KnownInterval] {
    guard event.type.changesStage, let stage = event.stage else { return [] }
    var list = rows[stage] ?? []
    rows[stage] = nil
    var ended: [KnownInterval] = []
    let subject = event.refines ?? event.position
    if event.refines != nil, let index = list.firstIndex(where: { $0.subject == subject }) {
      let row = list.remove(at: index)
      if let told = row.told { ended.append(known(stage, told, row.since, until: event)) }
      refresh(&list, through: index - 1, since: row.change.since, stage, event, &ended)
    }
    let change = StageInterval(event)
    let index = place(of: change, in: list)
    list.insert(
      Row(subject: subject, change: change, told: nil, since: event.recordedAt), at: index)
    refresh(&list, through: index, since: change.since, stage, event, &ended)
    rows[stage] = list
    // A stretch that was told for no time was never told.
    return ended.filter { $0.knownSince != $0.knownUntil }
  }

  /// What is told still, by label and in effective order.
  public var standing: [KnownInterval] {
    rows.keys.sorted().flatMap { stage in
      (rows[stage] ?? []).compactMap { row in
        row.told.map {
          KnownInterval(stage: stage, interval: $0, knownSince: row.since, knownUntil: nil)
        }
      }
    }
  }

  /// Tells anew the changes of a moment up to an index, and the one before them, which ends there.
  private func refresh(
    _ list: inout [Row], through last: Int, since: Instant, _ stage: StageName, _ event: Event,
    _ ended: inout [KnownInterval]
  ) {
    var index = last
    while index >= 0 {
      let row = list[index]
      let told = interval(at: index, in: list)
      if row.told != told {
        if let before = row.told { ended.append(known(stage, before, row.since, until: event)) }
        list[index].told = told
        list[index].since = event.recordedAt
      }
      guard row.change.since >= since else { return }
      index -= 1
    }
  }

  /// The change at an index with its end, which is the beginning of the next; nil if another
  /// replaced it at its very instant.
  private func interval(at index: Int, in list: [Row]) -> StageInterval? {
    var interval = list[index].change
    let later = list[(index + 1)...]
    interval.until = later.first?.change.since
    guard interval.sinceAfter == nil else { return interval }
    let isReplaced = later.prefix { $0.change.since == interval.since }.contains {
      $0.change.sinceAfter == nil
    }
    return isReplaced ? nil : interval
  }

  private func known(
    _ stage: StageName, _ interval: StageInterval, _ since: Instant, until event: Event
  ) -> KnownInterval {
    KnownInterval(
      stage: stage, interval: interval, knownSince: since, knownUntil: event.recordedAt)
  }

  /// Where a change stands: after those of before, and of the same moment.
  private func place(of change: StageInterval, in list: [Row]) -> Int {
    var (low, high) = (0, list.count)
    while low < high {
      let middle = low + (high - low) / 2
      let other = list[middle].change
      if (other.since, other.decidedBy) < (change.since, change.decidedBy) {
        low = middle + 1
      } else {
        high = middle
      }
    }
    return low
  }
}
