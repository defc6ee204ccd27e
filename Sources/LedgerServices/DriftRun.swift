// DriftRun: one run that was asked for, from its beginning to its end or loss, and where it is
// kept.
//
// Kept by `LedgerStore`, made by `DriftRuns`. What a run found is in the log; this is only whether
// it has ended, and how. Invariant: a run ends once.

public import Ledger

/// One drift run.
public struct DriftRun: Hashable, Sendable {
  /// How a run ended.
  public enum Outcome: Hashable, Sendable {
    /// With this `reconciliation.completed` event.
    case completed(Position)
    /// Without one; says why.
    case failed(String)
  }

  /// Where a run stands.
  public enum State: String, CaseIterable, Sendable {
    /// It is under way.
    case running
    /// What it found is in the log.
    case completed
    /// It found nothing out.
    case failed
    /// It should have ended long ago: the instance that made it is gone.
    case lost
  }

  /// After this time a run that has not ended is lost; longer than any run can take.
  public static let durationMax: Duration = .seconds(1_800)

  /// Its id.
  public var id: RunID
  /// When it was asked for.
  public var startedAt: Instant
  /// When it ended; nil while it has not.
  public var endedAt: Instant?
  /// How it ended; nil while it has not.
  public var outcome: Outcome?

  /// A run with every part named.
  public init(id: RunID, startedAt: Instant, endedAt: Instant?, outcome: Outcome?) {
    self.id = id
    self.startedAt = startedAt
    self.endedAt = endedAt
    self.outcome = outcome
  }

  /// Where it stands at the moment.
  public func state(at now: Instant) -> State {
    switch outcome {
    case .completed: .completed
    case .failed: .failed
    case nil: startedAt.advanced(by: Self.durationMax) < now ? .lost : .running
    }
  }
}

/// A place in the list of runs, which begins with the newest.
public struct RunPlace: Hashable, Sendable {
  /// When the run was asked for.
  public var startedAt: Instant
  /// The run.
  public var id: RunID
  /// A place in the list.
  public init(startedAt: Instant, id: RunID) {
    self.startedAt = startedAt
    self.id = id
  }
}

/// Where it is kept which runs there are.
public protocol DriftRunStore: Sendable {
  /// Remembers a run that begins; false when there is one of that id.
  func begin(_ run: DriftRun, in project: ProjectID) async throws(StoreError) -> Bool
  /// Remembers how the run ended; one that has ended stays as it is.
  func end(
    _ run: RunID, in project: ProjectID, at moment: Instant, _ outcome: DriftRun.Outcome
  ) async throws(StoreError)
  /// The run; nil when there is none.
  func run(
    _ run: RunID, in project: ProjectID
  ) async throws(StoreError) -> Reading<DriftRun?>
  /// At most `limit` runs, the newest first, those after `after`.
  func runs(
    in project: ProjectID, after: RunPlace?, limit: Int
  ) async throws(StoreError) -> Reading<[DriftRun]>
}
