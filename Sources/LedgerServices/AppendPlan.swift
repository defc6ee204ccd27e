// AppendPlan: everything one batch of one project appends, worked out without any input or output.
//
// Called by the store in the middle of its transaction, between reading under the head's lock and
// writing. Calls `decide` and `evolve`. Invariant: positions have no gaps, recorded times strictly
// rise, outcomes stand in the order of the submissions, and a refused submission leaves no trace in
// what its neighbours see.

import CanonicalJSON
public import Crypto
public import Ledger
public import TransparencyLog

/// A request to append, as the services hand it to the store.
public struct Submission: Sendable {
  /// The caller's own name for the request, with a digest of what it asked.
  public struct Idempotency: Hashable, Sendable {
    /// The name.
    public var key: IdempotencyKey
    /// SHA-256 over method, path and body.
    public var requestDigest: Digest
    /// A name and a digest.
    public init(key: IdempotencyKey, requestDigest: Digest) {
      self.key = key
      self.requestDigest = requestDigest
    }
  }
  /// What is wanted.
  public var intent: Intent
  /// Who wants it, and why.
  public var provenance: Provenance
  /// The caller's own name for it; nil when there is none.
  public var idempotency: Idempotency?
  /// A request to append.
  public init(intent: Intent, provenance: Provenance, idempotency: Idempotency?) {
    self.intent = intent
    self.provenance = provenance
    self.idempotency = idempotency
  }
}

extension Submission {
  /// Whether it states a change better that is in the log already.
  var isRefinement: Bool {
    guard case .change(_, .refineChange, _) = intent else { return false }
    return true
  }
}

/// An event with its stored bytes and the hash of its leaf.
public struct RecordedEvent: Hashable, Sendable {
  /// The event.
  public let event: Event
  /// Its canonical bytes.
  public let bytes: [UInt8]
  /// RFC 9162 leaf hash of the bytes.
  public let leafHash: Digest
  /// An event to record.
  public init(_ event: Event) {
    self.event = event
    bytes = event.canonicalBytes
    leafHash = MerkleTree.leafHash(bytes)
  }
  /// An event read back from its stored bytes.
  public init(canonicalBytes: [UInt8]) throws(EventCodecError) {
    event = try Event(canonicalBytes: canonicalBytes)
    bytes = canonicalBytes
    leafHash = MerkleTree.leafHash(canonicalBytes)
  }
}

/// What became of an accepted submission.
public struct AppendOutcome: Hashable, Sendable {
  /// The events appended, in order; empty when nothing changed.
  public var events: [RecordedEvent]
  /// When nothing changed: the change that already stood.
  public var standing: SecretState.Moment?
  /// What became of a submission.
  public init(events: [RecordedEvent], standing: SecretState.Moment?) {
    self.events = events
    self.standing = standing
  }
}

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
  /// A version a command names.
  public struct Version: Hashable, Sendable {
    /// The secret.
    public var secret: SecretName
    /// The version.
    public var version: VersionID
  }
  /// A label a fact names, with its time.
  public struct Holder: Hashable, Sendable {
    /// The secret.
    public var secret: SecretName
    /// The label.
    public var stage: StageName
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
  /// The labels whose holder at an earlier time is needed.
  public var holders: Set<Holder> = []
  /// The changes needed, each with the newest other changes of its label.
  public var refined: Set<Refined> = []
  /// The keys whose earlier answer is needed.
  public var keys: Set<IdempotencyKey> = []
  /// The findings needed.
  public var findings: Set<FindingID> = []

  /// What the submissions need.
  public init(_ submissions: [Submission]) {
    for submission in submissions {
      if let idempotency = submission.idempotency { keys.insert(idempotency.key) }
      switch submission.intent {
      case .change(let secret, let change, _):
        secrets.insert(secret)
        switch change {
        case .registerVersion(let version?, _, _), .assignStage(_, let version):
          versions.insert(Version(secret: secret, version: version))
        case .moveStage(_, let target, let source):
          for version in [target, source].compactMap(\.self) {
            versions.insert(Version(secret: secret, version: version))
          }
        case .recordFact(let fact):
          holders.insert(
            Holder(secret: secret, stage: fact.stage, effectiveAt: fact.effectiveAt))
          if let version = fact.versionID {
            versions.insert(Version(secret: secret, version: version))
          }
        case .refineChange(let refinement):
          refined.insert(
            Refined(
              secret: secret, stage: refinement.stage, position: refinement.position))
        case .registerSecret, .registerVersion, .removeStage, .scheduleDeletion, .restoreSecret,
          .deleteSecret:
          break
        }
      case .notes(let notes):
        for note in notes {
          if let secret = note.secret {
            secrets.insert(secret)
            if let version = note.versionID {
              versions.insert(Version(secret: secret, version: version))
            }
          }
          if let finding = note.finding { findings.insert(finding) }
        }
      case .acknowledge(let draft):
        findings.insert(draft.finding)
        if let secret = draft.secret { secrets.insert(secret) }
      }
    }
  }
}

/// An answer given before under the same key.
public struct EarlierAnswer: Hashable, Sendable {
  /// The digest of the request it answered.
  public var requestDigest: Digest
  /// What became of that request.
  public var outcome: AppendOutcome
  /// An earlier answer.
  public init(requestDigest: Digest, outcome: AppendOutcome) {
    self.requestDigest = requestDigest
    self.outcome = outcome
  }
}

/// What the store has read, under the head's lock.
public struct AppendBasis: Sendable {
  /// The head of the log.
  public var head: LogHead
  /// The states of the secrets that have one.
  public var states: [SecretName: SecretState]
  /// What stood at the moments asked for; absent where nothing did.
  public var holders: [AppendNeeds.Holder: SecretState.StageState]
  /// The changes asked for, with the two newest of their labels, of which one is another.
  public var refined: [AppendNeeds.Refined: StagePast] = [:]
  /// The answers given before under the keys.
  public var earlier: [IdempotencyKey: EarlierAnswer]
  /// The findings that exist.
  public var findings: [FindingID: FindingState]
  /// A basis.
  public init(
    head: LogHead, states: [SecretName: SecretState],
    holders: [AppendNeeds.Holder: SecretState.StageState],
    earlier: [IdempotencyKey: EarlierAnswer], findings: [FindingID: FindingState]
  ) {
    self.head = head
    self.states = states
    self.holders = holders
    self.earlier = earlier
    self.findings = findings
  }
}

/// Everything one batch appends.
public struct AppendPlan: Sendable {
  /// What becomes of each submission, in their order.
  public private(set) var outcomes: [Result<AppendOutcome, Rejection>] = []
  /// The events to insert, in order of position.
  public private(set) var events: [RecordedEvent] = []
  /// The head once they are in.
  public private(set) var head: LogHead
  /// The states of the secrets that changed, after the batch.
  public private(set) var states: [SecretName: SecretState] = [:]
  /// The versions that changed, by secret.
  public private(set) var versions: [SecretName: Set<VersionID>] = [:]
  /// The labels that changed, by secret.
  public private(set) var stages: [SecretName: Set<StageName>] = [:]
  /// The findings that changed, after the batch.
  public private(set) var findings: [FindingID: FindingState] = [:]
  /// The answers to remember under keys.
  public private(set) var answers: [IdempotencyKey: EarlierAnswer] = [:]

  private let project: ProjectID
  private let basis: AppendBasis
  /// The clock's time when the batch was planned.
  public let now: Instant
  private let identities: Identities

  /// Plans the batch.
  public init(
    _ submissions: [Submission], project: ProjectID, rules: LabelRules, basis: AppendBasis,
    now: Instant, identities: Identities
  ) {
    self.project = project
    self.basis = basis
    self.now = now
    self.identities = identities
    head = basis.head
    for submission in submissions {
      let outcome: Result<AppendOutcome, Rejection>
      do { outcome = .success(try plan(submission, rules)) } catch { outcome = .failure(error) }
      outcomes.append(outcome)
    }
  }

  /// Whether there is anything to write.
  public var isEmpty: Bool { events.isEmpty && answers.isEmpty }

  private mutating func plan(
    _ submission: Submission, _ rules: LabelRules
  ) throws(Rejection) -> AppendOutcome {
    if let idempotency = submission.idempotency,
      let earlier = answers[idempotency.key] ?? basis.earlier[idempotency.key]
    {
      guard earlier.requestDigest == idempotency.requestDigest else { throw .idempotencyKeyReused }
      return earlier.outcome
    }
    let outcome: AppendOutcome
    switch submission.intent {
    case .change(let secret, let change, let expectation):
      outcome = try plan(change, of: secret, expectation, submission, rules)
    case .notes(let notes):
      outcome = AppendOutcome(events: record(notes, submission), standing: nil)
    case .acknowledge(let draft):
      outcome = try acknowledge(draft, submission)
    }
    if let idempotency = submission.idempotency {
      answers[idempotency.key] = EarlierAnswer(
        requestDigest: idempotency.requestDigest, outcome: outcome)
    }
    return outcome
  }

  private mutating func plan(
    _ change: Change, of secret: SecretName, _ expectation: Expectation, _ submission: Submission,
    _ rules: LabelRules
  ) throws(Rejection) -> AppendOutcome {
    let state = state(of: secret)
    if case .exactly(let expected) = expectation, expected != state.streamVersion {
      throw .streamVersionMismatch(expected: expected, actual: state.streamVersion)
    }
    var then: SecretState.StageState?
    var past = StagePast()
    switch change {
    case .recordFact(let fact):
      then = holder(at: fact, of: secret)
      past = StagePast(holder: then?.versionID)
    case .refineChange(let refinement):
      past = self.past(of: refinement, of: secret)
      then = past.subject.flatMap { past.changes[$0] }.map { known in
        SecretState.StageState(
          versionID: known.versionID,
          since: SecretState.Moment(effectiveAt: known.since, position: known.decidedBy))
      }
    case .registerSecret, .registerVersion, .assignStage, .removeStage, .moveStage,
      .scheduleDeletion, .restoreSecret, .deleteSecret:
      break
    }
    let drafts = try decide(
      change, on: secret, state, rules: rules, past: past, now: nextRecordedAt)
    guard !drafts.isEmpty else {
      return AppendOutcome(events: [], standing: standing(change, state, then))
    }
    return AppendOutcome(events: record(drafts, of: secret, submission), standing: nil)
  }

  /// The change that already stood, for a change that alters nothing.
  private func standing(
    _ change: Change, _ state: SecretState, _ then: SecretState.StageState?
  ) -> SecretState.Moment? {
    switch change {
    case .assignStage(let stage, _), .removeStage(let stage), .moveStage(let stage, _, _):
      state.stages[stage]?.since
    case .recordFact, .refineChange: then?.since
    case .registerSecret, .registerVersion, .scheduleDeletion, .restoreSecret, .deleteSecret: nil
    }
  }

  private func state(of secret: SecretName) -> SecretState {
    states[secret] ?? basis.states[secret] ?? SecretState()
  }

  /// What a refinement must know: as read from the log, with the events of this very batch.
  private func past(of refinement: Refinement, of secret: SecretName) -> StagePast {
    let key = AppendNeeds.Refined(
      secret: secret, stage: refinement.stage, position: refinement.position)
    var past = basis.refined[key] ?? StagePast()
    guard stages[secret]?.contains(refinement.stage) == true else { return past }
    for event in events.map(\.event) where event.type.changesStage {
      guard event.secret == secret, event.stage == refinement.stage else { continue }
      past.changes[event.refines ?? event.position] = StageInterval(event)
    }
    return past
  }

  /// What stood at the fact's time: as read from the log, or an event of this very batch.
  private func holder(at fact: StageFact, of secret: SecretName) -> SecretState.StageState? {
    let key = AppendNeeds.Holder(
      secret: secret, stage: fact.stage, effectiveAt: fact.effectiveAt)
    var latest = basis.holders[key]
    guard stages[secret]?.contains(fact.stage) == true else { return latest }
    for recorded in events {
      let event = recorded.event
      guard event.secret == secret, event.stage == fact.stage,
        event.type == .stageAssigned || event.type == .stageRemoved,
        event.effectiveAt <= fact.effectiveAt
      else { continue }
      let moment = SecretState.Moment(effectiveAt: event.effectiveAt, position: event.position)
      if let known = latest, moment < known.since { continue }
      latest = SecretState.StageState(versionID: event.versionID, since: moment)
    }
    return latest
  }

  /// The recorded time of the next event: the clock's, but always after the last one's.
  private var nextRecordedAt: Instant {
    guard let last = head.lastRecordedAt else { return now }
    return max(now, last.successor)
  }

  private mutating func record(
    _ drafts: [Draft], of secret: SecretName, _ submission: Submission
  ) -> [RecordedEvent] {
    let commandTime = nextRecordedAt
    var recorded: [RecordedEvent] = []
    for draft in drafts {
      let event = makeEvent(
        draft.type, secret: secret, stage: draft.stage, version: draft.versionID,
        previous: draft.previousVersionID, effectiveAt: draft.effectiveAt ?? commandTime,
        effectiveAfter: draft.effectiveAfter,
        causedBy: draft.cause.map { recorded[$0].event.position }, data: draft.data, submission)
      recorded.append(append(event))
    }
    return recorded
  }

  /// An acknowledgement that already stands is left out.
  private mutating func acknowledge(
    _ draft: AcknowledgementDraft, _ submission: Submission
  ) throws(Rejection) -> AppendOutcome {
    guard let state = findings[draft.finding] ?? basis.findings[draft.finding], state.isOpen else {
      throw .findingNotOpen
    }
    let now = nextRecordedAt
    if let until = draft.until, until <= now { throw .acknowledgementOver(now: now) }
    let provenance = submission.provenance
    if let standing = state.acknowledgement, standing.holds(at: now),
      standing.until == draft.until, standing.reason == provenance.reason,
      standing.principal.id == provenance.principal.id
    {
      return AppendOutcome(
        events: [],
        standing: SecretState.Moment(effectiveAt: standing.at, position: standing.position))
    }
    let note = Note(
      type: .driftAcknowledged, secret: draft.secret,
      stage: state.data["stage"]?.stringValue.flatMap { text in
        do { return try StageName(text) } catch { return nil }
      }, versionID: nil, finding: draft.finding,
      data: ["expires_at": draft.until.map { .string($0.rfc3339) } ?? .null])
    return AppendOutcome(events: record([note], submission), standing: nil)
  }

  /// Notes about a finding that is already as they say are left out.
  private mutating func record(_ notes: [Note], _ submission: Submission) -> [RecordedEvent] {
    var recorded: [RecordedEvent] = []
    let noteTime = nextRecordedAt
    for note in notes {
      if let finding = note.finding {
        let state = findings[finding] ?? basis.findings[finding]
        if note.type == .driftOpened, state?.isOpen(as: note.data) == true { continue }
        if note.type == .driftResolved, state?.isOpen != true { continue }
      }
      var data = note.data
      if let finding = note.finding { data["finding"] = .string(finding.text) }
      let event = makeEvent(
        note.type, secret: note.secret, stage: note.stage, version: note.versionID, previous: nil,
        effectiveAt: noteTime, effectiveAfter: nil, causedBy: nil, data: data, submission)
      recorded.append(append(event))
    }
    return recorded
  }

  private func makeEvent(
    _ type: EventType, secret: SecretName?, stage: StageName?, version: VersionID?,
    previous: VersionID?, effectiveAt: Instant, effectiveAfter: Instant?, causedBy: Position?,
    data: [String: JSONValue], _ submission: Submission
  ) -> Event {
    let recordedAt = nextRecordedAt
    let provenance = submission.provenance
    guard let size = TreeSize(Int64(clamping: head.edge.size)) else {
      preconditionFailure("log of \(head.edge.size) events")
    }
    return Event(
      id: identities.eventID(at: recordedAt), project: project, position: size.next, type: type,
      secret: secret, streamVersion: secret.map { state(of: $0).streamVersion.successor },
      stage: stage, versionID: version, previousVersionID: previous, effectiveAt: effectiveAt,
      effectiveAfter: effectiveAfter, recordedAt: recordedAt, principal: provenance.principal,
      source: provenance.source, reason: provenance.reason, ticket: provenance.ticket,
      requestID: provenance.requestID, idempotencyKey: submission.idempotency?.key,
      correlationID: provenance.correlationID, causedBy: causedBy, evidence: nil, data: data)
  }

  private mutating func append(_ event: Event) -> RecordedEvent {
    let recorded = RecordedEvent(event)
    events.append(recorded)
    head.edge.append(recorded.leafHash)
    head.lastRecordedAt = event.recordedAt
    if let secret = event.secret {
      var after = state(of: secret)
      after.evolve(event)
      states[secret] = after
      if let version = event.versionID, event.type.changesVersion {
        versions[secret, default: []].insert(version)
      }
      if let stage = event.stage, event.type.changesStage {
        stages[secret, default: []].insert(stage)
      }
    }
    if let finding = event.finding {
      findings[finding] = FindingState.evolve(findings[finding] ?? basis.findings[finding], event)
    }
    return recorded
  }
}

extension EventType {
  fileprivate var changesVersion: Bool { self == .versionRegistered || self == .versionRemoved }
}
