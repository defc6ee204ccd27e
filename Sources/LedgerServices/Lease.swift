// Lease: what only one instance may do at a time in a project, such as a drift run.
//
// Kept by `LedgerStore`, on the database's clock; called by whatever must not overlap. A holder
// renews its lease while it works. Invariant: a lease whose holder died is free once its time is
// over, and who cannot renew in time is called off before that.

public import Ledger

/// What only one instance may do at a time in a project.
public enum LeaseName: String, CaseIterable, Sendable {
  /// Comparing the record with the live cloud.
  case drift
  /// Telling a receiver of drift.
  case webhook
}

/// Who holds a lease.
public struct LeaseHolder: Hashable, Sendable {
  /// The machine and the process.
  public var name: String
  /// Since when, by the database's clock.
  public var since: Instant
  /// Who holds a lease, since when.
  public init(name: String, since: Instant) {
    self.name = name
    self.since = since
  }
}

/// Where it is kept who holds which lease.
public protocol LeaseStore: Sendable {
  /// Takes the lease, or renews it, for the time given; whoever holds it afterwards.
  ///
  /// It is taken exactly if that is `holder`: it was free, its time was over, or it was its own.
  func take(
    _ lease: LeaseName, of project: ProjectID, for holder: String, lasting duration: Duration
  ) async throws(StoreError) -> LeaseHolder

  /// Gives the lease up; nothing happens when another holds it.
  func giveUp(
    _ lease: LeaseName, of project: ProjectID, by holder: String
  ) async throws(StoreError)
}

/// What came of work that needs a lease.
public enum LeaseOutcome<Value: Sendable>: Sendable {
  /// The work was done, or called off because the lease could not be kept.
  case done(Value)
  /// Another instance is at it.
  case held(LeaseHolder)
  /// It could not be learned who holds the lease.
  case failed(StoreError)
}

/// Takes leases for one instance.
public struct Leases: Sendable {
  /// How long a lease lasts unless it is renewed, which happens three times as often.
  public static let duration: Duration = .seconds(30)

  private let store: any LeaseStore
  private let holder: String
  private let identities: Identities
  private let duration: Duration
  private let sleep: @Sendable (Duration) async -> Void

  /// Leases for an instance that calls itself `holder`; `sleep` returns early when called off.
  public init(
    store: any LeaseStore, holder: String, identities: Identities,
    duration: Duration = Leases.duration, sleep: @escaping @Sendable (Duration) async -> Void
  ) {
    self.store = store
    self.holder = holder
    self.identities = identities
    self.duration = duration
    self.sleep = sleep
  }

  /// Does the work while the lease is held; calls it off when the lease cannot be kept.
  ///
  /// Two works of one instance exclude each other as those of two instances do.
  public func holding<Value: Sendable>(
    _ lease: LeaseName, of project: ProjectID, at now: Instant,
    _ work: @escaping @Sendable () async -> Value
  ) async -> LeaseOutcome<Value> {
    let name = "\(holder) (\(identities.uuid(at: now).suffix(12)))"
    do throws(StoreError) {
      let taken = try await store.take(lease, of: project, for: name, lasting: duration)
      guard taken.name == name else { return .held(taken) }
    } catch {
      return .failed(error)
    }
    let value = await withTaskGroup(of: Value?.self) { group in
      group.addTask { await work() }
      group.addTask {
        await keep(lease, of: project, for: name)
        return nil
      }
      var value: Value?
      while let ended = await group.next() {
        // The lease is lost, or the work is done: in both cases the other has to end.
        group.cancelAll()
        if let ended { value = ended }
      }
      return value
    }
    guard let value else { preconditionFailure("work without a value") }
    // What cannot be given up is free when its time is over.
    try? await store.giveUp(lease, of: project, by: name)
    return .done(value)
  }

  /// Renews the lease until called off, or until it may be another's.
  private func keep(_ lease: LeaseName, of project: ProjectID, for name: String) async {
    var renewedAt = ContinuousClock.now
    while true {
      await sleep(duration / 3)
      guard !Task.isCancelled else { return }
      let askedAt = ContinuousClock.now
      do throws(StoreError) {
        let taken = try await store.take(lease, of: project, for: name, lasting: duration)
        guard taken.name == name else { return }
        renewedAt = askedAt
      } catch {
        guard askedAt - renewedAt < duration * 2 / 3 else { return }
      }
    }
  }
}
