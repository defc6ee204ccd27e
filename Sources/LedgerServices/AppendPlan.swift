// AppendPlan: everything one batch of one project appends, worked out without any input or output.
//
// Called by the store in the middle of its transaction, between reading under the head's lock and
// writing. Calls `decide` and `evolve`. Invariant: positions have no gaps, recorded times strictly
// rise, outcomes stand in the order of the submissions, and a refused submission leaves no trace in
// what its neighbours see.

import CanonicalJSON
public import Ledger
import TransparencyLog

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
  /// The requests that were made or of which more is known, after the batch.
  public private(set) var requests: [Position: RequestState] = [:]
  /// The answers to remember under keys.
  public private(set) var answers: [IdempotencyKey: EarlierAnswer] = [:]
  /// The clock's time when the batch was planned.
  public let now: Instant

  private let project: ProjectID
  private let rules: LabelRules
  private let basis: AppendBasis
  private let identities: Identities
  /// What is known of the labels facts speak of, with the changes of this very batch.
  private var pasts: [SecretName: [StageName: StagePast]]
  /// What has the ids facts came with, with the facts of this very batch.
  private var facts: [EventID: KnownFact]
  /// Whether anything in the batch may ask how a label was.
  private let speaksOfThePast: Bool

  /// Plans the batch.
  public init(
    _ submissions: [Submission], project: ProjectID, rules: LabelRules, basis: AppendBasis,
    now: Instant, identities: Identities
  ) {
    self.project = project
    self.rules = rules
    self.basis = basis
    self.now = now
    self.identities = identities
    head = basis.head
    pasts = basis.pasts
    facts = basis.facts
    speaksOfThePast = submissions.contains(where: \.intent.speaksOfThePast)
    for submission in submissions {
      let outcome: Result<AppendOutcome, Rejection>
      do { outcome = .success(try plan(submission)) } catch { outcome = .failure(error) }
      outcomes.append(outcome)
    }
  }

  /// Whether there is anything to write.
  public var isEmpty: Bool { events.isEmpty && answers.isEmpty }

  private mutating func plan(_ submission: Submission) throws(Rejection) -> AppendOutcome {
    if let idempotency = submission.idempotency,
      let earlier = answers[idempotency.key] ?? basis.earlier[idempotency.key]
    {
      guard earlier.requestDigest == idempotency.requestDigest else { throw .idempotencyKeyReused }
      return earlier.outcome
    }
    let outcome: AppendOutcome
    switch submission.intent {
    case .change(let secret, let change, let expectation):
      outcome = try plan(change, of: secret, expectation, submission)
    case .request(let secret, let request, let expectation):
      outcome = try plan(request, of: secret, expectation, submission)
    case .settle(let secret, let settlement):
      outcome = try plan(settlement, of: secret, submission)
    case .facts(let facts):
      outcome = try plan(facts, submission)
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
    _ change: Change, of secret: SecretName, _ expectation: Expectation, _ submission: Submission
  ) throws(Rejection) -> AppendOutcome {
    let state = state(of: secret)
    try require(expectation, state)
    let past = pasts[secret] ?? [:]
    let drafts = try decide(
      change, on: secret, state, rules: rules, past: past, now: nextRecordedAt)
    guard !drafts.isEmpty else {
      return AppendOutcome(events: [], standing: standing(change, state, past))
    }
    let recorded = record(drafts, of: secret, as: nil, submission.provenance, submission)
    return AppendOutcome(events: recorded, standing: nil)
  }

  private mutating func plan(
    _ request: StageRequest, of secret: SecretName, _ expectation: Expectation,
    _ submission: Submission
  ) throws(Rejection) -> AppendOutcome {
    let state = state(of: secret)
    try require(expectation, state)
    let drafts = try decide(request, state, open: openRequest(of: secret))
    let recorded = record(drafts, of: secret, as: nil, submission.provenance, submission)
    if let event = recorded.first?.event { requests[event.position] = RequestState(opening: event) }
    return AppendOutcome(events: recorded, standing: nil)
  }

  private mutating func plan(
    _ settlement: Settlement, of secret: SecretName, _ submission: Submission
  ) throws(Rejection) -> AppendOutcome {
    var open = openRequest(of: secret)
    let drafts = try decide(
      settlement, on: secret, state(of: secret), rules: rules, past: pasts[secret] ?? [:],
      open: open, now: nextRecordedAt)
    let recorded = record(drafts, of: secret, as: nil, submission.provenance, submission)
    if let event = recorded.first?.event {
      open?.evolve(event)
      requests[settlement.request] = open
    }
    return AppendOutcome(events: recorded, standing: nil)
  }

  /// The open request of the secret, as read from the log or as this very batch left it.
  private func openRequest(of secret: SecretName) -> RequestState? {
    if let request = requests.values.first(where: { $0.secret == secret && $0.isOpen }) {
      return request
    }
    guard let request = basis.requests[secret], requests[request.position] == nil else {
      return nil
    }
    return request
  }

  private func require(_ expectation: Expectation, _ state: SecretState) throws(Rejection) {
    if case .exactly(let expected) = expectation, expected != state.streamVersion {
      throw .streamVersionMismatch(expected: expected, actual: state.streamVersion)
    }
  }

  /// The change that already stood, for a change that alters nothing.
  private func standing(
    _ change: Change, _ state: SecretState, _ past: [StageName: StagePast]
  ) -> SecretState.Moment? {
    switch change {
    case .assignStage(let stage, _), .removeStage(let stage), .moveStage(let stage, _, _):
      state.stages[stage]?.since
    case .recordFact(let fact): past[fact.stage]?.last(at: fact.effectiveAt)?.since
    case .refineChange(let refinement): past[refinement.stage]?[refinement.position]?.since
    case .registerSecret, .registerVersion, .scheduleDeletion, .restoreSecret, .deleteSecret: nil
    }
  }

  /// All of the facts, or none and the plan as it was.
  private mutating func plan(
    _ facts: [Fact], _ submission: Submission
  ) throws(Rejection) -> AppendOutcome {
    let before = self
    var outcome = AppendOutcome(events: [], standing: nil)
    for (index, fact) in facts.enumerated() {
      do {
        let (kind, recorded) = try plan(fact, submission)
        let known = kind == .duplicate ? fact.eventID.flatMap { self.facts[$0] } : nil
        outcome.facts.append(
          FactOutcome(kind, at: recorded.first?.event.position ?? known?.position))
        outcome.events += recorded
      } catch {
        self = before
        throw .fact(index: index, error)
      }
    }
    return outcome
  }

  private mutating func plan(
    _ fact: Fact, _ submission: Submission
  ) throws(Rejection) -> (FactOutcome.Kind, [RecordedEvent]) {
    if let id = fact.eventID, let known = facts[id] {
      guard known.isSame(as: fact) else { throw .eventIDReused(id) }
      return (.duplicate, [])
    }
    let drafts = try decide(
      fact, state(of: fact.secret), rules: rules, past: pasts[fact.secret] ?? [:],
      now: nextRecordedAt)
    guard let first = drafts.first else { return (.unchanged, []) }
    let recorded = record(
      drafts, of: fact.secret, as: fact.eventID, fact.provenance ?? submission.provenance,
      submission)
    if let id = fact.eventID, let event = recorded.first?.event {
      facts[id] = KnownFact(
        position: event.position, type: event.type, secret: event.secret, stage: event.stage,
        effectiveAt: event.effectiveAt)
    }
    let isRefinement = first.type == .changeRefined && fact.type != .changeRefined
    return (isRefinement ? .refined : .recorded, recorded)
  }

  private func state(of secret: SecretName) -> SecretState {
    states[secret] ?? basis.states[secret] ?? SecretState()
  }

  /// The recorded time of the next event: the clock's, but always after the last one's.
  private var nextRecordedAt: Instant {
    guard let last = head.lastRecordedAt else { return now }
    return max(now, last.successor)
  }

  private mutating func record(
    _ drafts: [Draft], of secret: SecretName, as id: EventID?, _ provenance: Provenance,
    _ submission: Submission
  ) -> [RecordedEvent] {
    let commandTime = nextRecordedAt
    var recorded: [RecordedEvent] = []
    for draft in drafts {
      var event = makeEvent(draft.type, secret: secret, data: draft.data, provenance, submission)
      if let id, recorded.isEmpty { event.id = id }
      event.stage = draft.stage
      event.versionID = draft.versionID
      event.previousVersionID = draft.previousVersionID
      event.effectiveAt = draft.effectiveAt ?? commandTime
      event.effectiveAfter = draft.effectiveAfter
      event.causedBy = draft.cause.map { recorded[$0].event.position } ?? draft.causedBy
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
      var event = makeEvent(
        note.type, secret: note.secret, data: data, submission.provenance, submission)
      event.stage = note.stage
      event.versionID = note.versionID
      event.effectiveAt = min(note.effectiveAt ?? noteTime, noteTime)
      event.effectiveAfter = note.effectiveAfter
      recorded.append(append(event))
    }
    return recorded
  }

  /// The next event, about no label and no version, true when it is recorded.
  private func makeEvent(
    _ type: EventType, secret: SecretName?, data: [String: JSONValue], _ provenance: Provenance,
    _ submission: Submission
  ) -> Event {
    let recordedAt = nextRecordedAt
    guard let size = TreeSize(Int64(clamping: head.edge.size)) else {
      preconditionFailure("log of \(head.edge.size) events")
    }
    return Event(
      id: identities.eventID(at: recordedAt), project: project, position: size.next, type: type,
      secret: secret, streamVersion: secret.map { state(of: $0).streamVersion.successor },
      stage: nil, versionID: nil, previousVersionID: nil, effectiveAt: recordedAt,
      effectiveAfter: nil, recordedAt: recordedAt, principal: provenance.principal,
      source: provenance.source, reason: provenance.reason, ticket: provenance.ticket,
      requestID: provenance.requestID, idempotencyKey: submission.idempotency?.key,
      correlationID: provenance.correlationID, causedBy: nil, evidence: provenance.evidence,
      data: data)
  }

  private mutating func append(_ event: Event) -> RecordedEvent {
    let recorded = RecordedEvent(event)
    events.append(recorded)
    head.edge.append(recorded.leafHash)
    head.lastRecordedAt = event.recordedAt
    if let secret = event.secret {
      // Changed in its place: a copy of a state would be a copy of its versions at every event.
      if states[secret] == nil { states[secret] = basis.states[secret] ?? SecretState() }
      states[secret]?.evolve(event)
      if let version = event.versionID, event.type.changesVersion {
        versions[secret, default: []].insert(version)
      }
      if let stage = event.stage, event.type.changesStage {
        stages[secret, default: []].insert(stage)
        if speaksOfThePast {
          pasts[secret, default: [:]][stage, default: StagePast()].add(event)
        }
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

extension Intent {
  /// Whether it may ask how a label was.
  fileprivate var speaksOfThePast: Bool {
    switch self {
    case .change(_, .recordFact, _), .change(_, .refineChange, _), .facts, .settle: true
    case .change, .request, .notes, .acknowledge: false
    }
  }
}
