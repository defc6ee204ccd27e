// The half of the store about the watch over a cloud: what it vouches for, leases and webhooks.
//
// Called by the API and the reconciler.

public import Ledger
public import LedgerServices
import PostgresClient

extension PostgresStore {
  /// A few look-ups in the small indexes of watch events.
  public func coverage(
    from: Instant, until: Instant, knownSize: TreeSize, in project: ProjectID
  ) async throws(StoreError) -> Coverage {
    guard from < until else { return .notWatched }
    let rows = try await read(
      Statements.windowCoverage,
      Statements.WindowKey(project: project, from: from, until: until, knownSize: knownSize))
    return rows.first ?? .notWatched
  }

  /// Four look-ups, each at the end of a small index.
  public func watchEvents(
    in project: ProjectID
  ) async throws(StoreError) -> Reading<[StoredEvent]> {
    try await read(Statements.watchEvents, project, in: project)
  }
}

extension PostgresStore: LeaseStore {
  /// One row, changed only if it is free or the holder's own.
  public func take(
    _ lease: LeaseName, of project: ProjectID, for holder: String, lasting duration: Duration
  ) async throws(StoreError) -> LeaseHolder {
    let (seconds, attoseconds) = duration.components
    let key = Statements.LeaseKey(
      project: project, lease: lease, holder: holder,
      duration: seconds &* 1_000_000 &+ attoseconds / 1_000_000_000_000)
    // Who takes it between the two halves of the statement is seen by neither, but by the next.
    for _ in 0..<3 {
      if let taken = try await write(Statements.takeLease, key).first { return taken }
    }
    throw .unavailable(reason: "the lease changes hands")
  }

  /// Removes the row if it is the holder's.
  public func giveUp(
    _ lease: LeaseName, of project: ProjectID, by holder: String
  ) async throws(StoreError) {
    _ = try await write(
      Statements.giveUpLease,
      Statements.LeaseKey(project: project, lease: lease, holder: holder, duration: 0))
  }
}

extension PostgresStore: WebhookStore {
  /// One look-up by key.
  public func webhook(of project: ProjectID) async throws(StoreError) -> Webhook? {
    try await read(Statements.webhook, project).first
  }

  /// One range of the webhooks' key.
  public func webhooks(
    after: ProjectID?, limit: Int
  ) async throws(StoreError) -> [Webhook] {
    try await read(Statements.webhookPage, (after, limit))
  }

  /// Inserts or replaces the row.
  public func set(_ webhook: Webhook) async throws(StoreError) {
    _ = try await write(Statements.setWebhook, webhook)
  }

  /// Removes the row.
  public func removeWebhook(of project: ProjectID) async throws(StoreError) {
    _ = try await write(Statements.removeWebhook, project)
  }

  /// Changes the row if it still stands where it was read.
  public func advance(
    webhookOf project: ProjectID, from position: Position, to next: Position
  ) async throws(StoreError) -> Bool {
    let step = Statements.WebhookStep(project: project, from: position, to: next)
    return try await !write(Statements.advanceWebhook, step).isEmpty
  }
}
