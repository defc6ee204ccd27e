// StagePast: what is known of the changes of one label, in effective order, for who adds another.
//
// Filled by the store with the changes a batch may need and by `AppendPlan` with those of the batch
// itself; asked by `decide`. Invariant: each change stands once, as it is known best, and is found
// by halving.

/// What is known of the changes of one label.
public struct StagePast: Hashable, Sendable {
  /// One change, as it is known best.
  public struct Change: Hashable, Sendable {
    /// The event that first told of it.
    public var subject: Position
    /// The version that took the label; nil: it was taken away.
    public var versionID: VersionID?
    /// When it happened at the latest, and the event that said so.
    public var since: SecretState.Moment
    /// It happened after this moment; nil: exactly then.
    public var after: Instant?
    /// Through which door it was first told; nil where nobody asks, as of changes whose time is
    /// exact.
    public var source: EventSource?
    /// A change as it is known best.
    public init(
      subject: Position, versionID: VersionID?, since: SecretState.Moment, after: Instant?,
      source: EventSource?
    ) {
      self.subject = subject
      self.versionID = versionID
      self.since = since
      self.after = after
      self.source = source
    }
  }

  /// In effective order.
  private var changes: [Change] = []
  /// Where each change stands in it.
  private var places: [Position: SecretState.Moment] = [:]
  /// The change each refinement is about.
  private var subjects: [Position: Position] = [:]
  /// Those the reconciler saw and whose time is open, by subject.
  private var open: Set<Position> = []

  /// Nothing is known.
  public init() {}

  /// Adds a change, in the place of what was known of it.
  public mutating func add(_ change: Change) {
    if let place = places[change.subject] {
      guard place.position <= change.since.position else { return }
      changes.remove(at: index(of: place))
    }
    changes.insert(change, at: index(of: change.since))
    places[change.subject] = change.since
    if change.since.position != change.subject {
      subjects[change.since.position] = change.subject
    }
    if change.source == .reconciler, change.after != nil {
      open.insert(change.subject)
    } else {
      open.remove(change.subject)
    }
  }

  /// Adds an event that changes the label or knows a change of it better.
  public mutating func add(_ event: Event) {
    let subject = event.refines ?? event.position
    add(
      Change(
        subject: subject,
        versionID: event.type == .stageRemoved ? nil : event.versionID,
        since: SecretState.Moment(effectiveAt: event.effectiveAt, position: event.position),
        after: event.effectiveAfter,
        source: event.refines == nil ? event.source : self[subject]?.source))
  }

  /// Adds that the event at `position` is about that change, though others are newer.
  public mutating func add(_ position: Position, isAbout subject: Position) {
    subjects[position] = subject
  }

  /// The change an event told of, which may be a refinement; nil when it is none of this label.
  public subscript(position: Position) -> Change? {
    guard let place = places[subjects[position] ?? position] else { return nil }
    return changes[index(of: place)]
  }

  /// The last change at or before the moment that is not the one of `subject`; nil for none.
  public func last(at moment: Instant = .latest, besides subject: Position? = nil) -> Change? {
    var index = firstIndex { $0.since.effectiveAt > moment }
    while index > 0 {
      index -= 1
      if changes[index].subject != subject { return changes[index] }
    }
    return nil
  }

  /// The change to this version that the reconciler found and that a fact with these bounds is
  /// about, knowing it better; nil for none, and the first of several.
  ///
  /// A fact knows better if its window lies in the one of the change and is not the same.
  public func open(
    to version: VersionID?, effectiveAt: Instant, effectiveAfter: Instant?
  ) -> Change? {
    guard !open.isEmpty else { return nil }
    return open.compactMap { self[$0] }.filter { change in
      guard let begin = change.after, change.versionID == version else { return false }
      let end = change.since.effectiveAt
      guard begin < effectiveAt, effectiveAt <= end else { return false }
      guard let after = effectiveAfter else { return true }
      return after >= begin && (after > begin || effectiveAt < end)
    }.min { $0.since < $1.since }
  }

  /// The index of the change there, or where it would stand.
  private func index(of place: SecretState.Moment) -> Int {
    firstIndex { $0.since >= place }
  }

  /// The index of the first change that `isPast` holds for, as for all after it.
  private func firstIndex(_ isPast: (Change) -> Bool) -> Int {
    var (low, high) = (0, changes.count)
    while low < high {
      let middle = low + (high - low) / 2
      if isPast(changes[middle]) { high = middle } else { low = middle + 1 }
    }
    return low
  }
}
