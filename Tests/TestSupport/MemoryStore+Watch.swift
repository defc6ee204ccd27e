// The watch half of the memory store: coverage as the plain fold has it, leases and webhooks.
//
// Called by the tests of the reconciler and by the contract test. Leases run on the machine's
// clock.

import Ledger
import LedgerServices

extension MemoryStore {
  /// What the plain fold vouches for.
  public func coverage(
    from: Instant, until: Instant, knownSize: TreeSize, in project: ProjectID
  ) async throws(StoreError) -> Coverage {
    try read(project) { log in
      WatchHistory(events: log.events.map(\.event), knownSize: knownSize)
        .coverage(from: from, until: until)
    }.value
  }

  /// The last of each type.
  public func watchEvents(
    in project: ProjectID
  ) async throws(StoreError) -> Reading<[StoredEvent]> {
    try read(project) { log in
      let types: [EventType] = [.watchStarted, .watchStopped, .watchGap, .reconciliationCompleted]
      let last = types.compactMap { type in
        log.events.filter { $0.event.type == type }.max {
          ($0.event.effectiveAt, $0.event.position) < ($1.event.effectiveAt, $1.event.position)
        }
      }
      return last.sorted { $0.event.position < $1.event.position }
        .map { StoredEvent(position: $0.event.position, bytes: $0.bytes) }
    }
  }
}

/// A lease by what it is for.
struct LeaseKey: Hashable, Sendable {
  var project: ProjectID
  var name: LeaseName
}

/// A lease somebody took.
struct Lease: Sendable {
  var holder: LeaseHolder
  var expiresAt: ContinuousClock.Instant
}

extension MemoryStore: LeaseStore {
  /// Takes the lease if it is free, over or the holder's own.
  public func take(
    _ lease: LeaseName, of project: ProjectID, for holder: String, lasting duration: Duration
  ) async throws(StoreError) -> LeaseHolder {
    try withContents { contents in
      let key = LeaseKey(project: project, name: lease)
      var taken = LeaseHolder(name: holder, since: second(Int64(contents.leases.count) + 1))
      if let other = contents.leases[key] {
        if other.holder.name == holder {
          taken = other.holder
        } else if other.expiresAt > .now {
          return other.holder
        }
      }
      contents.leases[key] = Lease(holder: taken, expiresAt: .now + duration)
      return taken
    }
  }

  /// Forgets the lease if it is the holder's.
  public func giveUp(
    _ lease: LeaseName, of project: ProjectID, by holder: String
  ) async throws(StoreError) {
    try withContents { contents in
      let key = LeaseKey(project: project, name: lease)
      guard contents.leases[key]?.holder.name == holder else { return }
      contents.leases[key] = nil
    }
  }
}

extension MemoryStore: WebhookStore {
  /// The webhook of the project.
  public func webhook(of project: ProjectID) async throws(StoreError) -> Webhook? {
    try withContents { $0.webhooks[project] }
  }

  /// The webhooks by project.
  public func webhooks(
    after: ProjectID?, limit: Int
  ) async throws(StoreError) -> [Webhook] {
    try withContents { contents in
      let webhooks = contents.webhooks.values.sorted { $0.project < $1.project }
      return Array(
        webhooks.filter { webhook in after.map { $0 < webhook.project } ?? true }.prefix(limit))
    }
  }

  /// Keeps the webhook.
  public func set(_ webhook: Webhook) async throws(StoreError) {
    try withContents { $0.webhooks[webhook.project] = webhook }
  }

  /// Forgets the webhook.
  public func removeWebhook(of project: ProjectID) async throws(StoreError) {
    try withContents { $0.webhooks[project] = nil }
  }

  /// Moves the position if it is where it was.
  public func advance(
    webhookOf project: ProjectID, from position: Position, to next: Position
  ) async throws(StoreError) -> Bool {
    try withContents { contents in
      guard contents.webhooks[project]?.next == position else { return false }
      contents.webhooks[project]?.next = next
      return true
    }
  }
}
