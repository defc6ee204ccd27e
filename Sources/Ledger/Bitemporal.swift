// Bitemporal: the question "which version held this label at T, as known at K", and its answer.
//
// The question is resolved by `StageHistory` to a size of the log; the answer comes from one index
// of the event table, and from the plain fold in `StageTimeline`, which must agree.

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
  /// From this moment on.
  public var since: Instant
  /// Up to, but not including, this moment; nil: no end is known.
  public var until: Instant?
  /// The event that decided it.
  public var decidedBy: Position
  /// When that event was recorded.
  public var recordedAt: Instant
  /// A stretch of history.
  public init(
    versionID: VersionID?, since: Instant, until: Instant?, decidedBy: Position,
    recordedAt: Instant
  ) {
    self.versionID = versionID
    self.since = since
    self.until = until
    self.decidedBy = decidedBy
    self.recordedAt = recordedAt
  }
}

/// What the log says about one label at one moment.
public struct StageAnswer: Hashable, Sendable {
  /// The stretch the moment falls in; nil when it lies before the first change.
  public var interval: StageInterval?
  /// The first change after the moment, when it lies before them all.
  public var firstChange: Instant?
  /// The answer to a question.
  public init(interval: StageInterval?, firstChange: Instant?) {
    self.interval = interval
    self.firstChange = firstChange
  }
  /// The version that held the label; nil when none did.
  public var versionID: VersionID? { interval?.versionID }
}
