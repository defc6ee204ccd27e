// Appender: the one door through which events enter, gathering what waits into shared transactions.
//
// Called by every surface and by the reconciler; calls `AppendStore` with an `AppendPlan` to run in
// the middle of the transaction. Each project has a lane with at most one transaction in flight.
// Whoever finds the lane free leads a batch of its own; whoever comes meanwhile waits, and the
// first of those leads the next batch with all that gathered: no task of its own, no timer, and the
// batch grows exactly with the load. Invariant: every submission gets one verdict; a full queue
// refuses.

public import Ledger

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
public actor Appender {
  /// How many submissions may wait in one project's lane.
  public static let waitingMax = 4_096
  /// How many submissions share one transaction at most.
  public static let batchMax = 512

  private enum Verdict: Sendable {
    case done(Result<AppendOutcome, AppendError>)
    case lead
  }

  private struct Waiter {
    let submission: Submission
    let continuation: CheckedContinuation<Verdict, Never>
  }

  private struct Lane {
    var isBusy = false
    var waiting: [Waiter] = []
  }

  private let store: any AppendStore
  private let clock: Clock
  private let identities: Identities
  private let committed: @Sendable (ProjectID, TreeSize) -> Void
  private var lanes: [ProjectID: Lane] = [:]
  /// How many transactions were committed.
  public private(set) var batchCount = 0
  /// How many events were appended.
  public private(set) var eventCount = 0
  /// How many submissions wait behind a transaction now.
  public var waitingCount: Int { lanes.values.reduce(0) { $0 + $1.waiting.count } }

  /// An appender over `store`; `committed` hears how long a log is after each commit.
  public init(
    store: any AppendStore, clock: Clock, identities: Identities,
    committed: @escaping @Sendable (ProjectID, TreeSize) -> Void = { _, _ in }
  ) {
    self.store = store
    self.clock = clock
    self.identities = identities
    self.committed = committed
  }

  /// Appends what the submission asks for, or says why not.
  ///
  /// Success means committed to disk, projected, and visible to the next read.
  public func append(
    _ submission: Submission, to project: ProjectID, rules: LabelRules
  ) async throws(AppendError) -> AppendOutcome {
    // The line is changed in its place: whoever kept a copy of it here would keep it for as long as
    // he waits, and each append would copy the line for the sake of that copy.
    if lanes[project]?.isBusy == true {
      guard lanes[project]?.waiting.count ?? 0 < Self.waitingMax else { throw .overloaded }
      let verdict = await withCheckedContinuation { continuation in
        lanes[project, default: Lane()].waiting.append(
          Waiter(submission: submission, continuation: continuation))
      }
      switch verdict {
      case .done(let result): return try result.get()
      case .lead: return try await lead(submission, in: project, rules)
      }
    }
    lanes[project, default: Lane()].isBusy = true
    return try await lead(submission, in: project, rules)
  }

  /// Commits one batch, the leader's own submission first, and hands the lane on.
  private func lead(
    _ own: Submission, in project: ProjectID, _ rules: LabelRules
  ) async throws(AppendError) -> AppendOutcome {
    let followers = own.isRefinement ? [] : takeWaiting(in: project)
    let results = await commit([own] + followers.map(\.submission), to: project, rules)
    for (follower, result) in zip(followers, results.dropFirst()) {
      follower.continuation.resume(returning: .done(result))
    }
    if case .failure(.store(let error)) = results[0], error.isOfTheDatabase {
      failWaiting(in: project, error)
    } else {
      handOn(project)
    }
    return try results[0].get()
  }

  /// Commits the submissions in one transaction; what became of each, in their order.
  ///
  /// A batch the database refuses for what is in it is tried again one by one, so that the one at
  /// fault fails alone.
  private func commit(
    _ submissions: [Submission], to project: ProjectID, _ rules: LabelRules
  ) async -> [Result<AppendOutcome, AppendError>] {
    let now = clock.now
    let identities = identities
    do {
      let plan = try await store.append(to: project, needs: AppendNeeds(submissions)) { basis in
        AppendPlan(
          submissions, project: project, rules: rules, basis: basis, now: now,
          identities: identities)
      }
      batchCount += 1
      eventCount += plan.events.count
      if let last = plan.events.last { committed(project, last.event.position.size) }
      return plan.outcomes.map { outcome in outcome.mapError { AppendError.rejected($0) } }
    } catch {
      guard submissions.count > 1, !error.isOfTheDatabase else {
        return submissions.map { _ in .failure(.store(error)) }
      }
      var results: [Result<AppendOutcome, AppendError>] = []
      for submission in submissions { results += await commit([submission], to: project, rules) }
      return results
    }
  }

  /// A refinement may change what stood at any moment, so nothing is planned after it in its batch.
  private func takeWaiting(in project: ProjectID) -> [Waiter] {
    var followers = Array(lanes[project]?.waiting.prefix(Self.batchMax - 1) ?? [])
    if let index = followers.firstIndex(where: \.submission.isRefinement) {
      followers.removeSubrange((index + 1)...)
    }
    lanes[project]?.waiting.removeFirst(followers.count)
    return followers
  }

  private func handOn(_ project: ProjectID) {
    guard lanes[project]?.waiting.isEmpty == false,
      let next = lanes[project]?.waiting.removeFirst()
    else {
      lanes[project] = nil
      return
    }
    next.continuation.resume(returning: .lead)
  }

  /// What waited behind a failed batch fails with it: nobody waits for a dead database twice.
  private func failWaiting(in project: ProjectID, _ error: StoreError) {
    let waiting = lanes.removeValue(forKey: project)?.waiting ?? []
    // Those were never sent: whatever became of the batch before them, nothing of them is written.
    let verdict: StoreError = error == .outcomeUnknown ? .unavailable(reason: "commit") : error
    for waiter in waiting {
      waiter.continuation.resume(returning: .done(.failure(.store(verdict))))
    }
  }
}
