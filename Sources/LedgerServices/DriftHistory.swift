// DriftHistory: what was drift at a past moment, and what a past run found, from the events alone.
//
// Called by the API; calls `RecordStore`. A fold over the events about findings, of which there are
// few. Invariant: the report of a run, made here from the log, is the one the run itself gave.

import CanonicalJSON
public import Ledger

/// Tells of drift from the log.
public struct DriftHistory: Sendable {
  /// How many events are read at once.
  private static let pageSize = 500
  /// How many runs are looked at for the newest that ended well.
  private static let runsMax = 200

  private let records: any RecordStore
  private let runs: (any DriftRunStore)?

  /// Reads `records`; without `runs` nothing is said of when a finding was last seen.
  public init(records: any RecordStore, runs: (any DriftRunStore)?) {
    self.records = records
    self.runs = runs
  }

  /// The findings as the first `size` events tell of them.
  public func findings(
    in project: ProjectID, knownSize size: TreeSize
  ) async throws(StoreError) -> [FindingID: FindingState] {
    try await fold(in: project, below: size).findings
  }

  /// Findings for a reader, at a moment, in their order.
  ///
  /// With the events that decided them and when a run last saw them; those this program cannot read
  /// are left out.
  public func told(
    _ findings: [KnownFinding], at moment: Instant, knownSize size: TreeSize, in project: ProjectID
  ) async throws(StoreError) -> [DriftFinding] {
    let last = try await lastRun(of: project, below: size)
    let told = findings.compactMap { known in
      OpenFinding(known.state)?.finding(
        known.id, at: moment,
        lastSeen: last.flatMap { $0.notSeen.contains(known.id) ? nil : $0.finishedAt })
    }
    return try await withDecidingEvents(told, in: project)
  }

  /// What the run whose `reconciliation.completed` event stands at the position found; nil when no
  /// such event stands there.
  public func report(
    of position: Position, in project: ProjectID
  ) async throws(StoreError) -> DriftReport? {
    guard let event = try await events([position], in: project).first, let run = RunEvent(event)
    else { return nil }
    let fold = try await fold(in: project, below: position.size)
    var open: [DriftFinding] = []
    var resolved: [DriftFinding] = []
    for (id, state) in fold.findings {
      guard let known = OpenFinding(state) else { continue }
      let finding = known.finding(id, at: run.finishedAt, lastSeen: run.finishedAt)
      if state.isOpen {
        if !run.notSeen.contains(id) { open.append(finding) }
      } else if let by = state.resolvedBy, let runID = fold.resolvers[by], runID == run.id?.text {
        resolved.append(finding)
      }
    }
    open.sort(by: DriftFinding.inOrder)
    resolved.sort(by: DriftFinding.inOrder)
    return DriftReport(
      project: project, run: run.id, startedAt: run.startedAt, finishedAt: run.finishedAt,
      position: position, scope: run.scope,
      findings: try await withDecidingEvents(open + resolved, in: project),
      notSeen: run.notSeen.sorted(), unobservable: run.unobservable)
  }

  /// The findings with the events that decided them.
  func withDecidingEvents(
    _ findings: [DriftFinding], in project: ProjectID
  ) async throws(StoreError) -> [DriftFinding] {
    let positions = Set(findings.flatMap(\.decidedBy)).sorted()
    var deciding: [Position: DecidingEvent] = [:]
    var rest = positions[...]
    while !rest.isEmpty {
      for event in try await events(Array(rest.prefix(Self.pageSize)), in: project) {
        deciding[event.position] = DecidingEvent(event)
      }
      rest = rest.dropFirst(Self.pageSize)
    }
    return findings.map { finding in
      var finding = finding
      finding.deciding = finding.decidedBy.compactMap { deciding[$0] }
      return finding
    }
  }

  private struct Fold {
    var findings: [FindingID: FindingState] = [:]
    /// The run that each resolving event belongs to.
    var resolvers: [Position: String] = [:]
  }

  private func fold(
    in project: ProjectID, below size: TreeSize
  ) async throws(StoreError) -> Fold {
    var fold = Fold()
    var from = TreeSize.zero.next
    while true {
      let page = try await records.driftEvents(in: project, from: from, limit: Self.pageSize)
      for stored in page.value where stored.position.size <= size {
        let event = try Self.decode(stored)
        guard let id = event.finding else { continue }
        fold.findings[id] = FindingState.evolve(fold.findings[id], event)
        if event.type == .driftResolved { fold.resolvers[event.position] = event.correlationID }
      }
      guard let last = page.value.last, page.value.count == Self.pageSize,
        last.position.size < size
      else { return fold }
      from = last.position.size.next
    }
  }

  /// The newest run that ended well among the first `size` events.
  private func lastRun(
    of project: ProjectID, below size: TreeSize
  ) async throws(StoreError) -> RunEvent? {
    guard let runs else { return nil }
    let newest = try await runs.runs(in: project, after: nil, limit: Self.runsMax).value
    let position = newest.lazy.compactMap { run -> Position? in
      guard case .completed(let position)? = run.outcome, position.size <= size else { return nil }
      return position
    }.first
    guard let position else { return nil }
    return try await events([position], in: project).first.flatMap { RunEvent($0) }
  }

  private func events(
    _ positions: [Position], in project: ProjectID
  ) async throws(StoreError) -> [Event] {
    var events: [Event] = []
    for stored in try await records.events(in: project, at: positions).value {
      events.append(try Self.decode(stored))
    }
    return events
  }

  private static func decode(_ stored: StoredEvent) throws(StoreError) -> Event {
    do { return try Event(canonicalBytes: stored.bytes) } catch {
      throw .corrupt("event \(stored.position.index)")
    }
  }
}

/// What a `reconciliation.completed` event says.
private struct RunEvent {
  let id: RunID?
  let startedAt: Instant
  let finishedAt: Instant
  let scope: DriftReport.Scope
  let notSeen: Set<FindingID>
  let unobservable: [Unobservable]

  init?(_ event: Event) {
    func moment(_ name: String) -> Instant? {
      event.data[name]?.stringValue.flatMap { Instant(rfc3339: $0) }
    }
    func count(_ name: String) -> Int? {
      event.data["scope"]?[name]?.integerValue.flatMap { Int(exactly: $0) }
    }
    guard event.type == .reconciliationCompleted, let startedAt = moment("started_at"),
      let finishedAt = moment("finished_at"), let secrets = count("secrets"),
      let versions = count("versions"), let labels = count("labels")
    else { return nil }
    self.startedAt = startedAt
    self.finishedAt = finishedAt
    scope = DriftReport.Scope(secrets: secrets, versions: versions, labels: labels)
    id = event.correlationID.flatMap { text in
      do { return try RunID(text) } catch { return nil }
    }
    notSeen = Set(
      event.data["not_seen"]?.arrayValue?.compactMap { value in
        guard let text = value.stringValue else { return nil }
        do { return try FindingID(text) } catch { return nil }
      } ?? [])
    unobservable = event.data["unobservable"]?.arrayValue?.compactMap { Unobservable($0) } ?? []
  }
}
