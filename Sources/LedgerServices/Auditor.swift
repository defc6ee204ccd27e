// Auditor: re-reads everything, re-hashes it, refolds it, and names the first position that is
// wrong.
//
// Called by `stageledger verify`; calls `AuditStore` for one snapshot, so that writes go on
// meanwhile. Memory holds one page. Nothing stored is believed: columns are held against the bytes,
// bytes against the hashes, hashes against the head, and the projection against a fresh fold.

import Crypto
public import Ledger
import TransparencyLog

/// What is wrong with a record.
public enum AuditProblem: Hashable, Sendable {
  /// The next row is not the next position.
  case gap(expected: Int64, found: Int64)
  /// The bytes are no event, or not in canonical form.
  case notAnEvent(String)
  /// The bytes belong to another project.
  case foreignProject
  /// The column says something else than the bytes.
  case column(String)
  /// The stored hash is not the hash of the bytes.
  case leafHash
  /// The event was recorded no later than the one before it.
  case recordedTime
  /// The log holds another number of events than its head says.
  case size(head: Int64, found: Int64)
  /// The events do not hash to the head's edge.
  case treeEdge
  /// The head's last recorded time is not the last event's.
  case lastRecordedAt
}

/// What an audit found.
public struct AuditReport: Sendable {
  /// How many events were found right, from the first on.
  public var verified: TreeSize
  /// The root of the tree over them, in hex.
  public var rootHash: String
  /// The first position that is wrong, with what is wrong there; nil when nothing is.
  public var wrong: (position: Int64, problem: AuditProblem)?
  /// Rows of the projection that are not what the events add up to, at most 1,000 of them.
  public var differing: [ProjectionKey]
  /// Whether everything is right.
  public var isClean: Bool { wrong == nil && differing.isEmpty }
}

/// Verifies records.
public struct Auditor: Sendable {
  private static let pageEvents = 2_000
  private static let differingMax = 1_000

  private let store: any AuditStore

  /// Verifies what is in `store`.
  public init(store: any AuditStore) { self.store = store }

  /// Verifies the project's whole record.
  public func verify(
    _ project: ProjectID, progress: @escaping @Sendable (Progress) -> Void
  ) async throws(StoreError) -> AuditReport {
    try await store.withSnapshot(of: project) { snapshot in
      do throws(StoreError) {
        var report = try await Self.verifyLog(project, snapshot, progress)
        // A log that is wrong cannot be folded any further than it is right.
        if report.wrong == nil {
          report.differing = try await Self.compareProjection(snapshot)
        }
        return .success(report)
      } catch {
        return .failure(error)
      }
    }
  }

  private static func verifyLog(
    _ project: ProjectID, _ snapshot: any AuditSnapshot,
    _ progress: @Sendable (Progress) -> Void
  ) async throws(StoreError) -> AuditReport {
    let head = try await snapshot.head()
    let total = Int64(clamping: head.edge.size)
    var edge = TreeEdge()
    var last: Instant?
    var wrong: (position: Int64, problem: AuditProblem)?
    var next: Int64 = 0
    pages: while true {
      let page = try await snapshot.rows(from: next, limit: pageEvents)
      for row in page {
        if let problem = check(row, at: next, after: last, of: project) {
          wrong = (next, problem)
          break pages
        }
        edge.append(MerkleTree.leafHash(row.canonical))
        last = Instant(microseconds: row.recordedAt)
        next += 1
      }
      progress(Progress(done: next, total: total))
      if page.count < pageEvents { break }
    }
    if wrong == nil {
      if next != total {
        wrong = (min(next, total), .size(head: total, found: next))
      } else if edge != head.edge {
        wrong = (max(0, total - 1), .treeEdge)
      } else if last != head.lastRecordedAt {
        wrong = (max(0, total - 1), .lastRecordedAt)
      }
    }
    guard let verified = TreeSize(next) else { throw .corrupt("log of \(next) events") }
    return AuditReport(
      verified: verified, rootHash: edge.root.hex, wrong: wrong, differing: [])
  }

  private static func check(
    _ row: EventRow, at position: Int64, after last: Instant?, of project: ProjectID
  ) -> AuditProblem? {
    guard row.position == position else { return .gap(expected: position, found: row.position) }
    guard MerkleTree.leafHash(row.canonical).bytes == row.leafHash else { return .leafHash }
    let event: Event
    do { event = try Event(canonicalBytes: row.canonical) } catch {
      return .notAnEvent("\(error)")
    }
    guard event.project == project else { return .foreignProject }
    guard event.position.index == row.position else { return .column("position") }
    guard event.id.text == row.id else { return .column("event_id") }
    guard event.type.rawValue == row.type else { return .column("type") }
    guard event.secret?.text == row.secret else { return .column("secret") }
    guard event.streamVersion?.number == row.streamVersion else {
      return .column("stream_version")
    }
    guard event.stage?.text == row.stage else { return .column("stage") }
    guard event.versionID?.text == row.versionID else { return .column("version_id") }
    guard event.effectiveAt.microseconds == row.effectiveAt else {
      return .column("effective_at")
    }
    guard event.effectiveAfter?.microseconds == row.effectiveAfter else {
      return .column("effective_after")
    }
    guard event.refines?.index == row.refines else { return .column("refines") }
    guard event.recordedAt.microseconds == row.recordedAt else { return .column("recorded_at") }
    if let last, event.recordedAt <= last { return .recordedTime }
    return nil
  }

  /// Folds secret by secret and holds each against its rows.
  private static func compareProjection(
    _ snapshot: any AuditSnapshot
  ) async throws(StoreError) -> [ProjectionKey] {
    var differing: [ProjectionKey] = []
    var rows = ProjectionRows()
    var cursor: StreamCursor?
    var checkedTo: SecretName?
    while true {
      let page = try await snapshot.stream(after: cursor, limit: pageEvents)
      for stored in page {
        let event: Event
        do { event = try Event(canonicalBytes: stored.bytes) } catch {
          throw .corrupt("event \(stored.position.index): \(error)")
        }
        guard let secret = event.secret, let streamVersion = event.streamVersion else { continue }
        rows.add(event)
        cursor = StreamCursor(secret: secret, streamVersion: streamVersion)
      }
      let isLast = page.count < pageEvents
      var unfinished: SecretState?
      var unfinishedRequests: [Position: RequestState] = [:]
      if !isLast, let secret = cursor?.secret {
        unfinished = rows.states.removeValue(forKey: secret)
        unfinishedRequests = rows.requests.filter { $0.value.secret == secret }
      }
      let folded = rows.states.keys.sorted()
      let projected = try await snapshot.projection(of: folded)
      for secret in folded {
        differing += compare(secret, rows.states[secret], projected[secret])
      }
      differing += Self.compare(
        rows.requests.filter { rows.states[$0.value.secret] != nil },
        try await snapshot.requests(of: folded))
      if isLast || !folded.isEmpty {
        differing += try await unknownSecrets(
          snapshot, known: rows.states, after: checkedTo, through: isLast ? nil : folded.last)
        checkedTo = folded.last ?? checkedTo
      }
      rows.states = [:]
      rows.requests = unfinishedRequests
      if let secret = cursor?.secret, let unfinished { rows.states[secret] = unfinished }
      if isLast || differing.count >= differingMax { break }
    }
    let findings = try await snapshot.findings()
    for finding in Set(findings.keys).union(rows.findings.keys)
    where findings[finding] != rows.findings[finding] {
      differing.append(ProjectionKey(table: "finding", name: finding.text, part: nil))
    }
    return Array(differing.sorted().prefix(differingMax))
  }

  /// Secrets the projection has in a range of names that the events do not know.
  private static func unknownSecrets(
    _ snapshot: any AuditSnapshot, known: [SecretName: SecretState], after: SecretName?,
    through last: SecretName?
  ) async throws(StoreError) -> [ProjectionKey] {
    var unknown: [ProjectionKey] = []
    var after = after
    while true {
      let page = try await snapshot.projectedSecrets(after: after, limit: pageEvents)
      for secret in page {
        if let last, last < secret { return unknown }
        if known[secret] == nil {
          unknown.append(ProjectionKey(table: "secret", name: secret.text, part: nil))
        }
        after = secret
      }
      if page.count < pageEvents { return unknown }
    }
  }

  private static func compare(
    _ folded: [Position: RequestState], _ projected: [Position: RequestState]
  ) -> [ProjectionKey] {
    Set(folded.keys).union(projected.keys).filter { folded[$0] != projected[$0] }
      .compactMap { position in
        (folded[position] ?? projected[position]).map { request in
          ProjectionKey(
            table: "change_request", name: request.secret.text, part: "\(position.index)")
        }
      }
  }

  private static func compare(
    _ secret: SecretName, _ folded: SecretState?, _ projected: SecretState?
  ) -> [ProjectionKey] {
    guard let folded, let projected else {
      return [ProjectionKey(table: "secret", name: secret.text, part: nil)]
    }
    var differing: [ProjectionKey] = []
    var left = folded
    var right = projected
    for version in Set(left.versions.keys).union(right.versions.keys)
    where left.versions[version] != right.versions[version] {
      differing.append(
        ProjectionKey(table: "version", name: secret.text, part: version.text))
    }
    for stage in Set(left.stages.keys).union(right.stages.keys)
    where left.stages[stage] != right.stages[stage] {
      differing.append(ProjectionKey(table: "stage", name: secret.text, part: stage.text))
    }
    left.versions = [:]
    left.stages = [:]
    right.versions = [:]
    right.stages = [:]
    if left != right {
      differing.append(ProjectionKey(table: "secret", name: secret.text, part: nil))
    }
    return differing
  }
}
