// MemoryLog: the events of one project in memory, and the checks of a plan before it is kept.
//
// Called by `MemoryStore`; calls `SecretState.evolve`, `FindingState.evolve` and `StageTimeline`.
// Invariant: positions have no gaps, recorded times rise, bytes decode to their events, ids and
// stream versions do not repeat, and the tree edge has the root of the recursive definition.

import Crypto
import Ledger
import LedgerServices
import TransparencyLog

/// The log of one project, with what its events add up to.
struct MemoryLog: Sendable {
  /// Up to this many leaves the root is worked out by the recursion at every append.
  private static let recursiveRootLeavesMax = 600

  private(set) var events: [RecordedEvent] = []
  private(set) var states: [SecretName: SecretState] = [:]
  private(set) var findings: [FindingID: FindingState] = [:]
  private(set) var requests: [Position: RequestState] = [:]
  private var head = LogHead(edge: TreeEdge(), lastRecordedAt: nil)
  private var answers: [IdempotencyKey: EarlierAnswer] = [:]
  private var ids: Set<EventID> = []

  var size: TreeSize { events.last?.event.position.size ?? .zero }

  /// The events at positions below the size.
  func known(_ size: TreeSize) -> [Event] {
    events.map(\.event).filter { $0.position.index < size.count }
  }

  /// The changes of the secret's labels among the first `size` events.
  private func stageEvents(of secret: SecretName, knownSize: TreeSize) -> [Event] {
    known(knownSize).filter {
      $0.secret == secret && $0.type.changesStage
    }
  }

  func stageNames(of secret: SecretName, knownSize: TreeSize) -> [StageName] {
    Set(stageEvents(of: secret, knownSize: knownSize).compactMap(\.stage)).sorted()
  }

  func timeline(of stage: StageName, of secret: SecretName, knownSize: TreeSize) -> StageTimeline {
    StageTimeline(
      events: stageEvents(of: secret, knownSize: knownSize).filter { $0.stage == stage },
      knownSize: knownSize)
  }

  /// Every change of every label in effective order, without those of no length.
  func changes(of secret: SecretName, knownSize: TreeSize) -> [StageChange] {
    stageNames(of: secret, knownSize: knownSize).flatMap { stage in
      timeline(of: stage, of: secret, knownSize: knownSize).intervals.map {
        StageChange(stage: stage, interval: $0)
      }
    }.sorted { $0.moment < $1.moment }
  }

  /// Exactly what a batch asked for, so that a plan cannot lean on anything else.
  ///
  /// Of the labels that were taken away, only those a fact names.
  func basis(for needs: AppendNeeds) -> AppendBasis {
    var basis = AppendBasis(head: head)
    let named = needs.namedStages
    for secret in needs.secrets {
      guard var state = states[secret] else { continue }
      state.versions = state.versions.filter { version in
        needs.versions.contains { $0.secret == secret && $0.version == version.key }
      }
      state.stages = state.stages.filter { stage, label in
        label.versionID != nil
          || named.contains { $0.secret == secret && $0.stage ?? stage == stage }
      }
      basis.states[secret] = state
    }
    for holder in needs.holders {
      let stages =
        holder.stage.map { [$0] } ?? stageNames(of: holder.secret, knownSize: size)
      for stage in stages {
        let changes = changes(of: stage, of: holder.secret)
        let (before, after) = (
          changes.last { $0.since.effectiveAt <= holder.effectiveAt },
          changes.filter { $0.after != nil && $0.since.effectiveAt >= holder.effectiveAt }.prefix(8)
        )
        if let before { basis.add(before, of: stage, of: holder.secret, named: nil) }
        for open in after where open.after.map({ $0 < holder.effectiveAt }) ?? false {
          add(open, of: stage, of: holder.secret, named: nil, changes, to: &basis)
        }
      }
    }
    for refined in needs.refined {
      let changes = changes(of: refined.stage, of: refined.secret)
      let event = events.map(\.event).first { $0.position == refined.position }
      let subject = event.map { $0.refines ?? $0.position }
      guard let change = changes.first(where: { $0.subject == subject }) else { continue }
      add(
        change, of: refined.stage, of: refined.secret, named: refined.position, changes,
        to: &basis)
    }
    for recorded in events where needs.ids.contains(recorded.event.id) {
      let event = recorded.event
      basis.facts[event.id] = KnownFact(
        position: event.position, type: event.type, secret: event.secret, stage: event.stage,
        effectiveAt: event.effectiveAt)
    }
    basis.earlier = answers.filter { needs.keys.contains($0.key) }
    for request in requests.values where request.isOpen && needs.requests.contains(request.secret) {
      basis.requests[request.secret] = request
    }
    basis.findings = findings.filter { needs.findings.contains($0.key) }
    return basis
  }

  /// Adds a change that may be refined, with the one before it and the last of its label.
  private func add(
    _ change: StagePast.Change, of stage: StageName, of secret: SecretName, named: Position?,
    _ changes: [StagePast.Change], to basis: inout AppendBasis
  ) {
    basis.add(change, of: stage, of: secret, named: named)
    for other in [changes.last { $0.since < change.since }, changes.last].compactMap(\.self) {
      basis.add(other, of: stage, of: secret, named: nil)
    }
  }

  /// Every change of the label as it is known best, in effective order; only those whose time is
  /// open say by which door they came.
  private func changes(of stage: StageName, of secret: SecretName) -> [StagePast.Change] {
    timeline(of: stage, of: secret, knownSize: size).changes.compactMap { change in
      let known = events.map(\.event).first { $0.position == change.decidedBy }
      guard let subject = known.map({ $0.refines ?? $0.position }),
        let first = events.map(\.event).first(where: { $0.position == subject })
      else { return nil }
      return StagePast.Change(
        subject: subject, versionID: change.versionID,
        since: SecretState.Moment(effectiveAt: change.since, position: change.decidedBy),
        after: change.sinceAfter, source: change.sinceAfter == nil ? nil : first.source)
    }
  }

  /// Keeps what the plan appends.
  mutating func keep(_ plan: AppendPlan, in project: ProjectID) throws(StoreError) {
    for recorded in plan.events { try keep(recorded, in: project) }
    try checkHead(plan.head)
    head = plan.head
    try checkProjections(plan)
    for (key, answer) in plan.answers {
      try require(answers[key] == nil, "a second answer for \(key)")
      answers[key] = answer
    }
  }

  private mutating func keep(
    _ recorded: RecordedEvent, in project: ProjectID
  ) throws(StoreError) {
    let event = recorded.event
    try require(event.project == project, "an event of \(event.project) in \(project)")
    try require(event.position == size.next, "position \(event.position.index) at \(size.count)")
    if let last = events.last?.event.recordedAt {
      try require(event.recordedAt > last, "recorded at \(event.recordedAt) after \(last)")
    }
    try require(event.effectiveAt <= event.recordedAt, "an event ahead of its own record")
    try require(ids.insert(event.id).inserted, "event id \(event.id) twice")
    if let cause = event.causedBy {
      try require(cause < event.position, "caused by the later \(cause.index)")
    }
    try require(recorded.leafHash == MerkleTree.leafHash(recorded.bytes), "leaf hash")
    let decoded: Event
    do { decoded = try Event(canonicalBytes: recorded.bytes) } catch {
      throw .corrupt("position \(event.position.index): \(error)")
    }
    try require(decoded == event, "position \(event.position.index): other bytes than its event")
    if let secret = event.secret {
      var state = states[secret] ?? SecretState()
      try require(
        event.streamVersion == state.streamVersion.successor,
        "stream version of position \(event.position.index)")
      state.evolve(event)
      states[secret] = state
    } else {
      try require(event.streamVersion == nil, "a stream version without a secret")
    }
    if let finding = event.finding {
      findings[finding] = FindingState.evolve(findings[finding], event)
    }
    if let request = RequestState(opening: event) {
      let isFirst = !requests.values.contains { $0.secret == request.secret && $0.isOpen }
      try require(isFirst, "two open requests of \(request.secret)")
      requests[event.position] = request
    }
    if let cause = event.causedBy { requests[cause]?.evolve(event) }
    events.append(recorded)
  }

  private func checkHead(_ head: LogHead) throws(StoreError) {
    try require(head.edge.size == UInt64(events.count), "an edge of \(head.edge.size) leaves")
    try require(head.lastRecordedAt == events.last?.event.recordedAt, "last recorded time")
    let stored = TreeEdge(size: head.edge.size, bytes: head.edge.bytes)
    try require(stored == head.edge, "the edge does not survive its bytes")
    guard events.count <= Self.recursiveRootLeavesMax else { return }
    let root = MerkleTree.root(ofLeaves: events.map(\.leafHash))
    try require(head.edge.root == root, "the edge has another root than the leaves")
  }

  /// The plan's projections must be what the fold gives, as far as the plan was shown it.
  private func checkProjections(_ plan: AppendPlan) throws(StoreError) {
    let touched = Set(plan.events.compactMap(\.event.secret))
    try require(Set(plan.states.keys) == touched, "states of other secrets than the events'")
    for (secret, planned) in plan.states {
      guard var folded = states[secret] else { throw .corrupt("a state of \(secret)") }
      for (version, state) in planned.versions {
        try require(folded.versions[version] == state, "version \(version) of \(secret)")
      }
      for version in plan.versions[secret] ?? [] {
        try require(planned.versions[version] != nil, "version \(version) of \(secret) left out")
      }
      for stage in plan.stages[secret] ?? [] {
        try require(planned.stages[stage] != nil, "label \(stage) of \(secret) left out")
      }
      folded.versions = planned.versions
      folded.stages = folded.stages.filter { stage, label in
        label.versionID != nil || planned.stages[stage] != nil
      }
      try require(folded == planned, "the state of \(secret)")
    }
    for (position, planned) in plan.requests {
      try require(requests[position] == planned, "request \(position.index)")
    }
    for (finding, planned) in plan.findings {
      try require(findings[finding] == planned, "finding \(finding)")
    }
  }

  private func require(
    _ condition: Bool, _ complaint: @autoclosure () -> String
  ) throws(StoreError) {
    guard condition else { throw .corrupt(complaint()) }
  }
}
