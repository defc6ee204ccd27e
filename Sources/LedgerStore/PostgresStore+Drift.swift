// The drift half of the store: findings as they stand, the events about them, and drift runs.
//
// Called by the reconciler, by `DriftRuns` and by the API.

public import Ledger
public import LedgerServices
import PostgresClient

// With `PostgresStore+Record.swift` this makes the store a `RecordStore`.
extension PostgresStore {
  /// Reads the findings of the live generation.
  public func openFindings(
    in project: ProjectID
  ) async throws(StoreError) -> Reading<[FindingID: FindingState]> {
    let reading = try await read(Statements.openFindings, project, in: project)
    var findings: [FindingID: FindingState] = [:]
    for row in reading.value { findings[row.finding] = row.state }
    return Reading(value: findings, size: reading.size)
  }

  /// One look-up by key.
  public func finding(
    _ finding: FindingID, in project: ProjectID
  ) async throws(StoreError) -> Reading<FindingState?> {
    let reading = try await read(
      Statements.findingByID, Statements.FindingKey(project: project, finding: finding),
      in: project)
    return Reading(value: reading.value.first?.state, size: reading.size)
  }

  /// One range of the findings' key; those that stand otherwise are passed over.
  public func findings(
    in project: ProjectID, _ standing: FindingState.Standing?, at moment: Instant,
    after: FindingID?, limit: Int
  ) async throws(StoreError) -> Reading<[KnownFinding]> {
    let reading = try await read(
      Statements.findingPage,
      Statements.FindingPageKey(
        project: project, standing: standing, moment: moment, after: after, limit: limit),
      in: project)
    return Reading(
      value: reading.value.map { KnownFinding(id: $0.finding, state: $0.state) },
      size: reading.size)
  }

  /// One range of the index of events about findings.
  public func driftEvents(
    in project: ProjectID, from: Position, limit: Int
  ) async throws(StoreError) -> Reading<[StoredEvent]> {
    try await read(
      Statements.driftEvents,
      Statements.EventPageKey(project: project, from: from, limit: limit), in: project)
  }

  /// One look-up by key a position.
  public func events(
    in project: ProjectID, at positions: [Position]
  ) async throws(StoreError) -> Reading<[StoredEvent]> {
    try await read(
      Statements.eventsAt, Statements.EventsKey(project: project, positions: positions),
      in: project)
  }
}

extension PostgresStore: DriftRunStore {
  /// Inserts the row, unless there is one.
  public func begin(
    _ run: DriftRun, in project: ProjectID
  ) async throws(StoreError) -> Bool {
    let row = Statements.RunRow(
      project: project, run: run.id, moment: run.startedAt, outcome: nil)
    return try await !write(Statements.beginRun, row).isEmpty
  }

  /// Writes the end into the row, unless it has one.
  public func end(
    _ run: RunID, in project: ProjectID, at moment: Instant, _ outcome: DriftRun.Outcome
  ) async throws(StoreError) {
    _ = try await write(
      Statements.endRun,
      Statements.RunRow(project: project, run: run, moment: moment, outcome: outcome))
  }

  /// One look-up by key.
  public func run(
    _ run: RunID, in project: ProjectID
  ) async throws(StoreError) -> Reading<DriftRun?> {
    let row = Statements.RunRow(project: project, run: run, moment: .earliest, outcome: nil)
    let reading = try await read(Statements.runByID, row, in: project)
    return Reading(value: reading.value.first, size: reading.size)
  }

  /// One range of the index of runs, backwards.
  public func runs(
    in project: ProjectID, after: RunPlace?, limit: Int
  ) async throws(StoreError) -> Reading<[DriftRun]> {
    try await read(
      Statements.runPage,
      Statements.RunPageKey(project: project, after: after, limit: limit), in: project)
  }
}
