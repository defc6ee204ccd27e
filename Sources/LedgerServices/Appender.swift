// Appender: the one door through which events enter, gathering what waits into shared transactions.
//
// Called by every surface and by the reconciler; calls `AppendStore` with an `AppendPlan` to run in
// the middle of the transaction. What comes while one is under way in a project shares the next
// (`Batcher`). Invariant: every submission gets one verdict; a full queue refuses.

public import Ledger
import Synchronization

/// Why an append gave no outcome.
public enum AppendError: Error, Hashable, Sendable {
  /// The rules refused it; nothing was written.
  case rejected(Rejection)
  /// Too many wait already; nothing was written.
  case overloaded
  /// The record could not be written, or it is not known whether it was.
  case store(StoreError)
}

/// The one door through which events enter.
public final class Appender: Sendable {
  /// How many submissions may wait in one project's line; eight facts count as one.
  public static let waitingMax = 4_096
  /// How many submissions share one transaction at most; eight facts count as one.
  public static let batchMax = 512

  private typealias Verdict = Result<AppendOutcome, AppendError>

  private struct Item: Sendable {
    var submission: Submission
    /// Those of the project's cloud, and so the same for all in one line.
    var rules: LabelRules
  }

  /// What makes the transactions, and what all of them came to.
  private final class Writer: Sendable {
    private let store: any AppendStore
    private let clock: Clock
    private let identities: Identities
    private let committed: @Sendable (ProjectID, TreeSize) -> Void
    let counts = Mutex((batches: 0, events: 0))

    init(
      _ store: any AppendStore, _ clock: Clock, _ identities: Identities,
      _ committed: @escaping @Sendable (ProjectID, TreeSize) -> Void
    ) {
      self.store = store
      self.clock = clock
      self.identities = identities
      self.committed = committed
    }

    /// One transaction, and what it means for those who wait.
    func run(_ items: [Item], in project: ProjectID) async -> BatchOutcomes<Verdict> {
      let verdicts = await commit(items, to: project)
      guard case .failure(.store(let error))? = verdicts.first, error.isOfTheDatabase else {
        return BatchOutcomes(each: verdicts, waiting: nil)
      }
      // Nobody waits for a dead database twice. Those were never sent: whatever became of the batch
      // before them, nothing of them is written.
      let verdict: StoreError = error == .outcomeUnknown ? .unavailable(reason: "commit") : error
      return BatchOutcomes(each: verdicts, waiting: .failure(.store(verdict)))
    }

    /// Commits the items in one transaction; what became of each, in their order.
    ///
    /// A batch the database refuses for what is in it is tried again one by one, so that the one at
    /// fault fails alone.
    private func commit(_ items: [Item], to project: ProjectID) async -> [Verdict] {
      guard let rules = items.first?.rules else { return [] }
      let submissions = items.map(\.submission)
      let (now, identities) = (clock.now, identities)
      do {
        let plan = try await store.append(
          to: project, needs: AppendNeeds(submissions, rules: rules)
        ) { basis in
          AppendPlan(
            submissions, project: project, rules: rules, basis: basis, now: now,
            identities: identities)
        }
        counts.withLock {
          $0.batches += 1
          $0.events += plan.events.count
        }
        if let last = plan.events.last { committed(project, last.event.position.size) }
        return plan.outcomes.map { outcome in outcome.mapError { AppendError.rejected($0) } }
      } catch {
        guard items.count > 1, !error.isOfTheDatabase else {
          return items.map { _ in .failure(.store(error)) }
        }
        var verdicts: [Verdict] = []
        for item in items { verdicts += await commit([item], to: project) }
        return verdicts
      }
    }
  }

  private let writer: Writer
  private let batcher: Batcher<ProjectID, Item, Verdict>

  /// An appender over `store`; `committed` hears how long a log is after each commit.
  public init(
    store: any AppendStore, clock: Clock, identities: Identities,
    committed: @escaping @Sendable (ProjectID, TreeSize) -> Void = { _, _ in }
  ) {
    let writer = Writer(store, clock, identities, committed)
    self.writer = writer
    batcher = Batcher(
      waitingMax: Self.waitingMax, batchMax: Self.batchMax, weight: \.submission.weight
    ) { project, items in
      await writer.run(items, in: project)
    }
  }

  /// How many transactions were committed.
  public var batchCount: Int { writer.counts.withLock { $0.batches } }
  /// How many events were appended.
  public var eventCount: Int { writer.counts.withLock { $0.events } }
  /// How many submissions wait behind a transaction now.
  public var waitingCount: Int { get async { await batcher.waitingCount } }

  /// Appends what the submission asks for, or says why not.
  ///
  /// Success means committed to disk, projected, and visible to the next read.
  public func append(
    _ submission: Submission, to project: ProjectID, rules: LabelRules
  ) async throws(AppendError) -> AppendOutcome {
    let item = Item(submission: submission, rules: rules)
    guard let verdict = await batcher.submit(item, to: project) else { throw .overloaded }
    return try verdict.get()
  }
}

extension Submission {
  /// How much of a batch it fills: one, or one for each eight facts.
  fileprivate var weight: Int {
    guard case .facts(let facts) = intent else { return 1 }
    return max(1, facts.count / 8)
  }
}
