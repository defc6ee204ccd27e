// SecretState: what the events of one secret add up to, and the fold that adds one event.
//
// `evolve` is the only fold: appends, the rebuild and `verify` all go through it. It is total: it
// takes any event, also one that no rule would allow, because facts are recorded as reported.
// Invariant: of each label, of each version and of the life of the secret the state is that of the
// last event in effective order (effective time, then position), so a backdated fact does not
// disturb the present. A refinement may change that order,
// so it brings along which event is the last one after it: the fold keeps no history of its own.

public import CanonicalJSON

/// What the events of one secret add up to.
public struct SecretState: Hashable, Sendable {
  /// Where the secret is in its life.
  public enum Life: Hashable, Sendable {
    /// Nobody registered it, though facts may speak of it.
    case unregistered
    /// It can be used.
    case enabled
    /// It will be deleted at the moment given.
    case pendingDeletion(until: Instant)
    /// It was deleted.
    case deleted
  }

  /// The number of the newest event of the secret; zero before the first.
  public var streamVersion: StreamVersion = .zero
  /// Where the secret is in its life.
  public var life: Life = .unregistered
  /// The event that put it there; nil before any.
  public var lifeSince: Moment?
  /// The last registration; nil before any.
  public var registeredAt: Moment?
  /// The last deletion; nil before any.
  ///
  /// Versions registered before it are of an earlier life and do not count.
  public var deletedAt: Moment?
  /// When the secret, a version or a label of it last changed; nil before the first event.
  public var changedAt: Instant?
  /// The metadata of the registration.
  public var data: [String: JSONValue] = [:]
  /// The highest number among versions called `v` and a number in this life; 0 before any.
  public var versionNumberMax: Int64 = 0
  /// Versions by id: all of them in a full fold, those a command names when loaded for it.
  public var versions: [VersionID: VersionState] = [:]
  /// Labels by name, also those that were taken away: `versionID` is nil then.
  public var stages: [StageName: StageState] = [:]

  /// The state before the first event.
  public init() {}

  /// A moment on both axes: when it was true and which event said so.
  public struct Moment: Hashable, Comparable, Sendable {
    /// When it was true.
    public var effectiveAt: Instant
    /// Which event said so.
    public var position: Position
    /// A moment on both axes.
    public init(effectiveAt: Instant, position: Position) {
      self.effectiveAt = effectiveAt
      self.position = position
    }
    /// Effective order: effective time, then position.
    public static func < (left: Moment, right: Moment) -> Bool {
      (left.effectiveAt, left.position) < (right.effectiveAt, right.position)
    }
  }

  /// What is known of one version.
  public struct VersionState: Hashable, Sendable {
    /// The last event that registered it; where there is none, the one that removed it.
    public var registeredAt: Moment
    /// The last event that removed it; nil if none did since it was registered.
    public var removedAt: Moment?
    /// The metadata of the registration.
    public var data: [String: JSONValue]
    /// What is known of a version.
    public init(registeredAt: Moment, removedAt: Moment?, data: [String: JSONValue]) {
      self.registeredAt = registeredAt
      self.removedAt = removedAt
      self.data = data
    }
    /// Whether the cloud has pruned it since it was registered.
    public var isRemoved: Bool { removedAt != nil }
  }

  /// Where one label sits.
  public struct StageState: Hashable, Sendable {
    /// The version that carries it; nil when none does any more.
    public var versionID: VersionID?
    /// The event that put it there.
    public var since: Moment
    /// Where a label sits.
    public init(versionID: VersionID?, since: Moment) {
      self.versionID = versionID
      self.since = since
    }
  }
}

extension SecretState {
  /// The version that carries the label now; nil when none does.
  public func holder(of stage: StageName) -> VersionID? { stages[stage]?.versionID }

  /// How many labels the versions carry now.
  public var stageCount: Int { stages.values.count { $0.versionID != nil } }

  /// Whether the version is registered in this life and not pruned.
  public func isRegistered(_ version: VersionID) -> Bool {
    guard let state = versions[version], registeredAt != nil else { return false }
    return !state.isRemoved && deletedAt.map { $0 < state.registeredAt } ?? true
  }

  /// The labels the version carries now, in order of their names.
  public func stages(of version: VersionID) -> [StageName] {
    stages.filter { $0.value.versionID == version }.keys.sorted()
  }

  /// Adds one event of this secret.
  public mutating func evolve(_ event: Event) {
    let moment = Moment(effectiveAt: event.effectiveAt, position: event.position)
    if let number = event.streamVersion { streamVersion = number }
    if event.type.changesSecret {
      changedAt = max(changedAt ?? moment.effectiveAt, moment.effectiveAt)
    }
    switch event.type {
    case .secretRegistered:
      if registeredAt.map({ $0 < moment }) ?? true {
        registeredAt = moment
        data = event.data
      }
      let wasDeleted = life == .deleted
      // Versions are counted anew in a new life.
      if enter(.enabled, at: moment), wasDeleted { versionNumberMax = 0 }
    case .secretDeletionScheduled:
      enter(.pendingDeletion(until: Self.deletionTime(event)), at: moment)
    case .secretRestored:
      enter(.enabled, at: moment)
    case .secretDeleted:
      deletedAt = max(deletedAt ?? moment, moment)
      enter(.deleted, at: moment)
    case .versionRegistered:
      guard let version = event.versionID else { return }
      if let number = version.number, deletedAt.map({ $0 < moment }) ?? true {
        versionNumberMax = max(versionNumberMax, number)
      }
      let known = versions[version]
      if let known, moment < known.registeredAt { return }
      let removedAt = known?.removedAt.flatMap { $0 > moment ? $0 : nil }
      versions[version] = VersionState(
        registeredAt: moment, removedAt: removedAt, data: event.data)
    case .versionRemoved:
      guard let version = event.versionID else { return }
      guard var state = versions[version] else {
        versions[version] = VersionState(registeredAt: moment, removedAt: moment, data: [:])
        return
      }
      guard moment > state.removedAt ?? state.registeredAt else { return }
      // Nobody registered what a removal alone tells of.
      if state.registeredAt == state.removedAt { state.registeredAt = moment }
      state.removedAt = moment
      versions[version] = state
    case .stageAssigned, .stageRemoved:
      guard let stage = event.stage else { return }
      if let known = stages[stage], moment < known.since { return }
      let holder = event.type == .stageAssigned ? event.versionID : nil
      stages[stage] = StageState(versionID: holder, since: moment)
    case .changeRefined:
      guard let stage = event.stage, let current = event.refinedStage else { return }
      stages[stage] = current
    case .changeRequested, .changeRejected, .changeUnresolved, .changeConfirmed, .watchStarted,
      .watchGap,
      .watchStopped, .reconciliationCompleted,
      .driftOpened, .driftResolved, .driftAcknowledged, .projectionSwitched:
      return
    }
  }

  /// Puts the secret there in its life, unless it came later to where it is; whether it did.
  @discardableResult
  private mutating func enter(_ life: Life, at moment: Moment) -> Bool {
    if let since = lifeSince, moment < since { return false }
    self.life = life
    lifeSince = moment
    return true
  }

  /// When a scheduled deletion takes place: `data.delete_at`, or the event's own time without it.
  private static func deletionTime(_ event: Event) -> Instant {
    guard case .string(let text)? = event.data["delete_at"], let time = Instant(rfc3339: text)
    else { return event.effectiveAt }
    return time
  }
}
