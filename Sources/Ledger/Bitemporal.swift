// Bitemporal: the question "which version held this label at T, as known at K", and its answer.
//
// The question is resolved by `StageHistory` to a size of the log; the answer comes from one index
// of the event table, and from the plain fold in `StageTimeline`, which must agree. Invariant: an
// answer names a version only if every order of changes that fits what is known gives that version.

/// How much somebody knew: a place on the axis of knowledge.
public enum Knowledge: Hashable, Sendable {
  /// What was recorded at or before the moment.
  case at(Instant)
  /// The events through this one.
  case through(Position)
}

/// How far into the log a question may look: the events at positions below `size`.
public struct KnownAt: Hashable, Sendable {
  /// How many events were known.
  public var size: TreeSize
  /// When the last of them was recorded; nil when none was.
  public var recordedAt: Instant?
  /// Whether no later append can still land at or before the moment asked for.
  public var isFinal: Bool
  /// What was known.
  public init(size: TreeSize, recordedAt: Instant?, isFinal: Bool) {
    self.size = size
    self.recordedAt = recordedAt
    self.isFinal = isFinal
  }
}

/// One stretch of a label's history: what one event decided, until the next in effective order.
public struct StageInterval: Hashable, Sendable {
  /// The version that held the label; nil: none did.
  public var versionID: VersionID?
  /// From this moment on at the latest.
  public var since: Instant
  /// The change happened after this moment; nil: exactly at `since`.
  public var sinceAfter: Instant?
  /// Up to, but not including, this moment; nil: no end is known.
  public var until: Instant?
  /// The event that decided it.
  public var decidedBy: Position
  /// When that event was recorded.
  public var recordedAt: Instant
  /// A stretch of history.
  public init(
    versionID: VersionID?, since: Instant, sinceAfter: Instant?, until: Instant?,
    decidedBy: Position, recordedAt: Instant
  ) {
    self.versionID = versionID
    self.since = since
    self.sinceAfter = sinceAfter
    self.until = until
    self.decidedBy = decidedBy
    self.recordedAt = recordedAt
  }

  /// What a change of a label, or a refinement of one, decided; no end of it is known.
  public init(_ event: Event) {
    self.init(
      versionID: event.type == .stageRemoved ? nil : event.versionID, since: event.effectiveAt,
      sinceAfter: event.effectiveAfter, until: nil, decidedBy: event.position,
      recordedAt: event.recordedAt)
  }

  /// The first moment the change can have come at.
  public var earliest: Instant { sinceAfter?.advanced(byMicroseconds: 1) ?? since }
}

/// What cannot be told: several versions may have held the label.
public struct StageDoubt: Hashable, Sendable {
  /// The versions that may have held it, in order; nil, which comes first: none did.
  public var candidates: [VersionID?]
  /// The first moment one of the changes that are open can have come at.
  public var earliest: Instant
  /// The last moment one of them can have come at.
  public var latest: Instant
  /// The events that may have decided, in order.
  public var decidedBy: [Position]
  /// What cannot be told.
  public init(
    candidates: [VersionID?], earliest: Instant, latest: Instant, decidedBy: [Position]
  ) {
    self.candidates = candidates
    self.earliest = earliest
    self.latest = latest
    self.decidedBy = decidedBy
  }
}

/// What the log says about one label at one moment.
public struct StageAnswer: Hashable, Sendable {
  /// The last change at or before the moment, in effective order; nil when there is none.
  public var last: StageInterval?
  /// The first change after the moment, when it lies before them all.
  public var firstChange: Instant?
  /// What cannot be told; nil when the answer is certain.
  public var doubt: StageDoubt?
  /// The answer to a question.
  public init(last: StageInterval?, firstChange: Instant?, doubt: StageDoubt? = nil) {
    self.last = last
    self.firstChange = firstChange
    self.doubt = doubt
  }
  /// The stretch the moment falls in, as far as it can be relied on; nil when the moment lies
  /// before the first change, or when there is doubt.
  public var interval: StageInterval? { doubt == nil ? last : nil }
  /// The version that held the label; nil when none did, or when there is doubt.
  public var versionID: VersionID? { interval?.versionID }

  /// What all changes of one label, in effective order, say of a moment.
  public init(_ changes: [StageInterval], at moment: Instant) {
    self.init(
      begun: changes.filter { $0.earliest <= moment }, at: moment,
      next: changes.filter { $0.earliest > moment }.map(\.earliest).min())
  }

  /// What the changes of one label that may have come by a moment say of it, in effective order;
  /// `next` is the first moment another one can come at.
  ///
  /// Those before the newest one that can be left out are those it certainly comes after.
  /// A change that may have come at any of several moments is taken at each of them: it may have
  /// been the last one unless another one that has happened is later wherever both are put. Of two
  /// changes at one moment the later position is the later one.
  public init(begun: [StageInterval], at moment: Instant, next: Instant?) {
    let happened = begun.filter { $0.since <= moment }
    let possible = begun.filter { change in
      let reach = min(change.since, moment)
      return !happened.contains { (reach, change.decidedBy) < ($0.earliest, $0.decidedBy) }
    }
    var candidates = Set(possible.map(\.versionID))
    if happened.isEmpty { candidates.insert(nil) }
    guard candidates.count > 1, let first = possible.first else {
      var last = happened.last
      last?.until = next
      self.init(last: last, firstChange: last == nil ? next : nil)
      return
    }
    var last = happened.last
    last?.until = nil
    self.init(
      last: last, firstChange: nil,
      doubt: StageDoubt(
        candidates: candidates.sorted { left, right in
          guard let left, let right else { return right != nil }
          return left < right
        },
        earliest: possible.map(\.earliest).min() ?? first.earliest,
        latest: possible.map(\.since).max() ?? first.since,
        decidedBy: possible.map(\.decidedBy).sorted()))
  }
}
