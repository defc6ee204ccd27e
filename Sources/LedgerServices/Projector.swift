// Projector: rebuilds the projection from the events, beside the live one, and switches.
//
// Called by the command line; calls `ProjectionStore`. Reads and writes go on all the while: rows
// of the next generation are written from pages of the log, then what came meanwhile is caught up,
// and the last few events are caught up under the head's lock, in the transaction that switches.

import CanonicalJSON
public import Ledger
import TransparencyLog

/// How far a rebuild or an audit is.
public struct Progress: Sendable {
  /// How many events are done.
  public var done: Int64
  /// How many there are.
  public var total: Int64
}

/// What a rebuild did.
public struct RebuildReport: Sendable {
  /// How many events it folded.
  public var size: TreeSize
  /// The generation that is live now.
  public var generation: Int64
  /// The rows that had differed from what the events say, at most 1,000 of them.
  public var differing: [ProjectionKey]
}

/// Rebuilds projections.
public struct Projector: Sendable {
  private static let pageEvents = 5_000
  private static let lockedEventsMax = 2_000

  private let store: any ProjectionStore
  private let clock: Clock
  private let identities: Identities

  /// Rebuilds in `store`.
  public init(store: any ProjectionStore, clock: Clock, identities: Identities) {
    self.store = store
    self.clock = clock
    self.identities = identities
  }

  /// Rebuilds the projection of the project and makes it the live one.
  public func rebuild(
    _ project: Project, rules: LabelRules, progress: @Sendable (Progress) -> Void
  ) async throws(StoreError) -> RebuildReport {
    let ticket = try await store.startRebuild(of: project.id)
    try await fold(ticket, of: project.id, progress)
    var size = ticket.size
    while true {
      size = try await catchUp(ticket, from: size, of: project.id)
      let differing = try await store.differences(ticket, from: size, of: project.id)
      let now = clock.now
      let identities = identities
      let outcome = try await store.switchOver(
        ticket, from: size, of: project.id, limit: Self.lockedEventsMax
      ) { basis, more in
        let submission = Self.note(ticket, differing + more)
        return AppendPlan(
          [submission], project: project.id, rules: rules, basis: basis, now: now,
          identities: identities)
      }
      guard case .switched(let plan, let more) = outcome else { continue }
      try await store.discardOldGenerations(of: project.id)
      guard let folded = TreeSize(Int64(clamping: plan.head.edge.size)) else {
        throw .corrupt("log of \(plan.head.edge.size) events")
      }
      return RebuildReport(
        size: folded, generation: ticket.generation, differing: (differing + more).sorted())
    }
  }

  /// Folds the log secret by secret, so that memory holds one page of states.
  private func fold(
    _ ticket: RebuildTicket, of project: ProjectID, _ progress: @Sendable (Progress) -> Void
  ) async throws(StoreError) {
    var cursor: StreamCursor?
    var rows = ProjectionRows()
    var done: Int64 = 0
    while true {
      let page = try await store.stream(
        of: project, after: cursor, below: ticket.size, limit: Self.pageEvents)
      for stored in page {
        let event = try decode(stored)
        guard let secret = event.secret, let streamVersion = event.streamVersion else {
          throw .corrupt("event \(event.position.index) has no secret")
        }
        rows.add(event)
        cursor = StreamCursor(secret: secret, streamVersion: streamVersion)
      }
      done += Int64(page.count)
      progress(Progress(done: done, total: ticket.size.count))
      // The last secret of a page may go on in the next: its state is kept, the others are done.
      var unfinished = ProjectionRows()
      if page.count == Self.pageEvents, let secret = cursor?.secret {
        unfinished.states[secret] = rows.states.removeValue(forKey: secret)
        unfinished.versions[secret] = rows.versions.removeValue(forKey: secret)
        unfinished.stages[secret] = rows.stages.removeValue(forKey: secret)
        unfinished.requests = rows.requests.filter { $0.value.secret == secret }
        rows.requests = rows.requests.filter { $0.value.secret != secret }
        unfinished.findings = rows.findings
        rows.findings = [:]
      }
      try await store.write(rows, generation: ticket.generation, of: project)
      rows = unfinished
      if page.count < Self.pageEvents { return }
    }
  }

  private func catchUp(
    _ ticket: RebuildTicket, from start: TreeSize, of project: ProjectID
  ) async throws(StoreError) -> TreeSize {
    var size = start
    while true {
      let reached = try await store.catchUp(
        ticket, from: size, of: project, limit: Self.pageEvents)
      if reached.count - size.count < Int64(Self.lockedEventsMax) { return reached }
      size = reached
    }
  }

  private func decode(_ stored: StoredEvent) throws(StoreError) -> Event {
    do { return try Event(canonicalBytes: stored.bytes) } catch {
      throw .corrupt("event \(stored.position.index): \(error)")
    }
  }

  private static func note(_ ticket: RebuildTicket, _ differing: [ProjectionKey]) -> Submission {
    Submission(
      intent: .notes([
        Note(
          type: .projectionSwitched, secret: nil, stage: nil, versionID: nil, finding: nil,
          data: [
            "generation": .integer(ticket.generation),
            "differing_count": .integer(Int64(differing.count)),
            "differing": .array(differing.sorted().prefix(100).map { .string($0.description) }),
          ])
      ]),
      provenance: Provenance(
        principal: Principal(kind: .service, id: "projector"), source: .ledgerAPI),
      idempotency: nil)
  }
}
