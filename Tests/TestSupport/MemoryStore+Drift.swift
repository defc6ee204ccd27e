// The drift half of the memory store: findings, the events about them, and drift runs.
//
// Called by the tests of drift and by the contract test; everything is a filter over a plain list.

import Ledger
import LedgerServices

extension MemoryStore {
  /// The open findings.
  public func openFindings(
    in project: ProjectID
  ) async throws(StoreError) -> Reading<[FindingID: FindingState]> {
    try read(project) { log in log.findings.filter { $0.value.isOpen } }
  }

  /// The finding.
  public func finding(
    _ finding: FindingID, in project: ProjectID
  ) async throws(StoreError) -> Reading<FindingState?> {
    try read(project) { log in log.findings[finding] }
  }

  /// The findings that stand so.
  public func findings(
    in project: ProjectID, _ standing: FindingState.Standing?, at moment: Instant,
    after: FindingID?, limit: Int
  ) async throws(StoreError) -> Reading<[KnownFinding]> {
    try read(project) { log in
      log.findings.sorted { $0.key < $1.key }.filter { finding, state in
        (after.map { $0 < finding } ?? true)
          && (standing.map { $0 == state.standing(at: moment) } ?? true)
      }.prefix(limit).map { KnownFinding(id: $0.key, state: $0.value) }
    }
  }

  /// The events about findings.
  public func driftEvents(
    in project: ProjectID, from: Position, limit: Int
  ) async throws(StoreError) -> Reading<[StoredEvent]> {
    try read(project) { log in
      log.events.filter { $0.event.position >= from && $0.event.type.isAboutFinding }.prefix(limit)
        .map { StoredEvent(position: $0.event.position, bytes: $0.bytes) }
    }
  }

  /// The events at the positions.
  public func events(
    in project: ProjectID, at positions: [Position]
  ) async throws(StoreError) -> Reading<[StoredEvent]> {
    try read(project) { log in
      log.events.filter { positions.contains($0.event.position) }
        .map { StoredEvent(position: $0.event.position, bytes: $0.bytes) }
    }
  }
}

extension MemoryStore: DriftRunStore {
  /// Keeps the run.
  public func begin(
    _ run: DriftRun, in project: ProjectID
  ) async throws(StoreError) -> Bool {
    try withContents { contents in
      guard contents.runs[project]?.contains(where: { $0.id == run.id }) != true else {
        return false
      }
      contents.runs[project, default: []].append(run)
      return true
    }
  }

  /// Keeps how it ended.
  public func end(
    _ run: RunID, in project: ProjectID, at moment: Instant, _ outcome: DriftRun.Outcome
  ) async throws(StoreError) {
    try withContents { contents in
      guard
        let index = contents.runs[project]?.firstIndex(where: { $0.id == run && $0.endedAt == nil })
      else { return }
      contents.runs[project]?[index].endedAt = moment
      contents.runs[project]?[index].outcome = outcome
    }
  }

  /// The run.
  public func run(
    _ run: RunID, in project: ProjectID
  ) async throws(StoreError) -> Reading<DriftRun?> {
    let runs = try await runs(in: project, after: nil, limit: .max)
    return Reading(value: runs.value.first { $0.id == run }, size: runs.size)
  }

  /// The runs, the newest first.
  public func runs(
    in project: ProjectID, after: RunPlace?, limit: Int
  ) async throws(StoreError) -> Reading<[DriftRun]> {
    try withContents { (contents) throws(StoreError) in
      guard let log = contents.logs[project] else { throw .projectNotFound }
      let runs = (contents.runs[project] ?? []).sorted {
        ($0.startedAt, $0.id) > ($1.startedAt, $1.id)
      }.filter { run in after.map { (run.startedAt, run.id) < ($0.startedAt, $0.id) } ?? true }
      return Reading(value: Array(runs.prefix(limit)), size: log.size)
    }
  }
}

extension EventType {
  /// Whether such an event opens, resolves or acknowledges a finding.
  fileprivate var isAboutFinding: Bool {
    self == .driftOpened || self == .driftResolved || self == .driftAcknowledged
  }
}
