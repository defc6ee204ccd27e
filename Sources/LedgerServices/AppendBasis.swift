// AppendBasis: what a batch needs to know of the record, and what the store read of it.
//
// `AppendNeeds` is made by `Appender` of the submissions, answered by the store under the head's
// lock with an `AppendBasis`, on which `AppendPlan` stands. Invariant: a plan leans on nothing that
// was not asked for.

public import Ledger
public import TransparencyLog

/// The state of a project's log.
public struct LogHead: Hashable, Sendable {
  /// The right edge of its Merkle tree; its size is the number of events.
  public var edge: TreeEdge
  /// When the newest event was recorded; nil when there is none.
  public var lastRecordedAt: Instant?
  /// A log head.
  public init(edge: TreeEdge, lastRecordedAt: Instant?) {
    self.edge = edge
    self.lastRecordedAt = lastRecordedAt
  }
}

/// What the store must read for a batch before it can be planned.
public struct AppendNeeds: Sendable {
  /// A version a command or a fact names.
  public struct Version: Hashable, Sendable {
    /// The secret.
    public var secret: SecretName
    /// The version.
    public var version: VersionID
  }
  /// A label a fact speaks of, with its time.
  public struct Holder: Hashable, Sendable {
    /// The secret.
    public var secret: SecretName
    /// The label; nil: all of the secret.
    public var stage: StageName?
    /// When.
    public var effectiveAt: Instant
  }
  /// A change of a label that a refinement names.
  public struct Refined: Hashable, Sendable {
    /// The secret.
    public var secret: SecretName
    /// The label.
    public var stage: StageName
    /// The event that told of the change, or an earlier refinement of it.
    public var position: Position
  }
  /// The secrets whose state is needed, with all labels they carry.
  public var secrets: Set<SecretName> = []
  /// The versions needed.
  public var versions: Set<Version> = []
  /// The labels whose holder at an earlier time is needed, and what may be refined there.
  public var holders: Set<Holder> = []
  /// The changes needed.
  public var refined: Set<Refined> = []
  /// The ids of facts of which it is needed whether they are in the log.
  public var ids: Set<EventID> = []
  /// The keys whose earlier answer is needed.
  public var keys: Set<IdempotencyKey> = []
  /// The findings needed.
  public var findings: Set<FindingID> = []
  /// The secrets whose open request is needed.
  public var requests: Set<SecretName> = []

  /// What the submissions need where these are the rules.
  public init(_ submissions: [Submission], rules: LabelRules) {
    for submission in submissions {
      if let idempotency = submission.idempotency { keys.insert(idempotency.key) }
      switch submission.intent {
      case .change(let secret, let change, _): add(change, of: secret, rules)
      case .request(let secret, _, _):
        add(secret, nil)
        requests.insert(secret)
      case .settle(let secret, let settlement):
        add(secret, nil)
        requests.insert(secret)
        if let fact = settlement.fact(of: secret) { add(fact, rules) }
      case .facts(let facts): for fact in facts { add(fact, rules) }
      case .notes(let notes):
        for note in notes {
          if let secret = note.secret { add(secret, note.versionID) }
          if let finding = note.finding { findings.insert(finding) }
        }
      case .acknowledge(let draft):
        findings.insert(draft.finding)
        if let secret = draft.secret { secrets.insert(secret) }
      }
    }
  }

  /// The labels whose state is needed even if they were taken away; a nil label is every one of
  /// its secret.
  public var namedStages: [(secret: SecretName, stage: StageName?)] {
    var named: [SecretName: Set<StageName?>] = [:]
    for holder in holders { named[holder.secret, default: []].insert(holder.stage) }
    for change in refined { named[change.secret, default: []].insert(change.stage) }
    return named.flatMap { secret, stages in stages.map { (secret, $0) } }
  }

  private mutating func add(_ change: Change, of secret: SecretName, _ rules: LabelRules) {
    switch change {
    case .registerVersion(let version, _, _): add(secret, version)
    case .assignStage(_, let version): add(secret, version)
    case .moveStage(_, let target, let source):
      add(secret, target)
      add(secret, source)
    case .recordFact(let fact): add(Fact(fact, of: secret), rules)
    case .refineChange(let refinement): add(Fact(refinement, of: secret), rules)
    case .registerSecret, .removeStage, .scheduleDeletion, .restoreSecret, .deleteSecret:
      add(secret, nil)
    }
  }

  private mutating func add(_ fact: Fact, _ rules: LabelRules) {
    add(fact.secret, fact.versionID)
    if let id = fact.eventID { ids.insert(id) }
    if case .changeRefined(let stage, let position) = fact.happening {
      refined.insert(Refined(secret: fact.secret, stage: stage, position: position))
    }
    guard let stages = fact.stages(rules) else {
      holders.insert(
        Holder(secret: fact.secret, stage: nil, effectiveAt: fact.effectiveAt))
      return
    }
    for stage in stages {
      holders.insert(
        Holder(secret: fact.secret, stage: stage, effectiveAt: fact.effectiveAt))
    }
  }

  private mutating func add(_ secret: SecretName, _ version: VersionID?) {
    secrets.insert(secret)
    if let version { versions.insert(Version(secret: secret, version: version)) }
  }
}

/// What the log has under an id that a fact came with.
public struct KnownFact: Hashable, Sendable {
  /// Where it stands.
  public var position: Position
  /// What kind of event it is.
  public var type: EventType
  /// The secret it is about; nil for none.
  public var secret: SecretName?
  /// The label it is about; nil for none.
  public var stage: StageName?
  /// When it was true.
  public var effectiveAt: Instant
  /// What an event of the log says.
  public init(
    position: Position, type: EventType, secret: SecretName?, stage: StageName?,
    effectiveAt: Instant
  ) {
    self.position = position
    self.type = type
    self.secret = secret
    self.stage = stage
    self.effectiveAt = effectiveAt
  }

  /// Whether the fact says the same; one that was found to refine another is in the log as that.
  func isSame(as fact: Fact) -> Bool {
    let isOfType = type == fact.type || (type == .changeRefined && fact.type.changesStage)
    return isOfType && secret == fact.secret && stage == fact.stage
      && effectiveAt == fact.effectiveAt
  }
}

/// What the store has read, under the head's lock.
public struct AppendBasis: Sendable {
  /// The head of the log.
  public var head: LogHead
  /// The states of the secrets that have one.
  public var states: [SecretName: SecretState] = [:]
  /// What is known of the labels asked for: of each holder the last change at its time; of each
  /// named change, and of each that a fact may be found to refine, also the one before it and the
  /// last of all.
  public var pasts: [SecretName: [StageName: StagePast]] = [:]
  /// What has the ids asked for.
  public var facts: [EventID: KnownFact] = [:]
  /// The answers given before under the keys.
  public var earlier: [IdempotencyKey: EarlierAnswer] = [:]
  /// The findings that exist.
  public var findings: [FindingID: FindingState] = [:]
  /// The open requests of the secrets that have one.
  public var requests: [SecretName: RequestState] = [:]
  /// A basis that holds nothing but the head.
  public init(head: LogHead) { self.head = head }

  /// Adds a change of a label; one that was asked for by the position of an event about it is found
  /// under that position too.
  public mutating func add(
    _ change: StagePast.Change, of stage: StageName, of secret: SecretName, named: Position?
  ) {
    pasts[secret, default: [:]][stage, default: StagePast()].add(change)
    if let named { pasts[secret]?[stage]?.add(named, isAbout: change.subject) }
  }
}
