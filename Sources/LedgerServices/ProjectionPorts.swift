// ProjectionPorts: what the rebuild and `verify` need of the record, beside the ports of every day.
//
// Kept by `LedgerStore`; called by `Projector` and `Auditor`.

public import Ledger

/// A place in the order of secrets and, within each, of its events.
public struct StreamCursor: Hashable, Sendable {
  /// The secret.
  public var secret: SecretName
  /// The number of its event.
  public var streamVersion: StreamVersion
  /// A place in the order of secrets.
  public init(secret: SecretName, streamVersion: StreamVersion) {
    self.secret = secret
    self.streamVersion = streamVersion
  }
}

/// Rows of the projection: what changed, with the states that tell how it stands.
public struct ProjectionRows: Sendable {
  /// Secrets with their states.
  public var states: [SecretName: SecretState] = [:]
  /// The versions to write, by secret.
  public var versions: [SecretName: Set<VersionID>] = [:]
  /// The labels to write, by secret.
  public var stages: [SecretName: Set<StageName>] = [:]
  /// Findings with their states.
  public var findings: [FindingID: FindingState] = [:]
  /// Requests with their states, by the position of each.
  public var requests: [Position: RequestState] = [:]

  /// No rows.
  public init() {}

  /// Folds one more event in.
  public mutating func add(_ event: Event) {
    if let secret = event.secret {
      states[secret, default: SecretState()].evolve(event)
      switch event.type {
      case .versionRegistered, .versionRemoved:
        if let version = event.versionID { versions[secret, default: []].insert(version) }
      case .stageAssigned, .stageRemoved, .changeRefined:
        if let stage = event.stage { stages[secret, default: []].insert(stage) }
      case .secretRegistered, .secretDeletionScheduled, .secretRestored, .secretDeleted,
        .changeRequested, .changeRejected, .changeUnresolved, .changeConfirmed, .watchStarted,
        .watchGap,
        .watchStopped, .reconciliationCompleted, .driftOpened, .driftResolved,
        .driftAcknowledged, .projectionSwitched:
        break
      }
    }
    if let request = RequestState(opening: event) { requests[event.position] = request }
    if let cause = event.causedBy { requests[cause]?.evolve(event) }
    if let finding = event.finding {
      findings[finding] = FindingState.evolve(findings[finding], event)
    }
  }
}

/// A row of the projection by its key, such as `stage db SYSCURRENT`.
public struct ProjectionKey: Hashable, Comparable, Sendable, CustomStringConvertible {
  /// The table: `secret`, `version`, `stage`, `finding` or `change_request`.
  public var table: String
  /// The secret, or the finding.
  public var name: String
  /// The version, the label or the position; nil where the table has none.
  public var part: String?
  /// A key.
  public init(table: String, name: String, part: String?) {
    self.table = table
    self.name = name
    self.part = part
  }
  /// The words of the key.
  public var description: String {
    part.map { "\(table) \(name) \($0)" } ?? "\(table) \(name)"
  }
  /// Order of table, name and part.
  public static func < (left: ProjectionKey, right: ProjectionKey) -> Bool {
    (left.table, left.name, left.part ?? "") < (right.table, right.name, right.part ?? "")
  }
}

/// A rebuild under way.
public struct RebuildTicket: Hashable, Sendable {
  /// The generation of the rows it writes.
  public var generation: Int64
  /// How many events it starts from.
  public var size: TreeSize
  /// A rebuild under way.
  public init(generation: Int64, size: TreeSize) {
    self.generation = generation
    self.size = size
  }
}

/// How an attempt to switch ended.
public enum SwitchOutcome: Sendable {
  /// The rebuilt rows are live; names the rows that had differed.
  case switched(AppendPlan, differing: [ProjectionKey])
  /// More than `limit` events came meanwhile: catch up first.
  case behind
}

/// Where a projection is rebuilt beside the live one.
public protocol ProjectionStore: Sendable {
  /// Begins a rebuild: what an earlier one left is thrown away.
  func startRebuild(of project: ProjectID) async throws(StoreError) -> RebuildTicket

  /// At most `limit` events that speak of a secret, secret by secret, those after `after`, at
  /// positions below `size`.
  func stream(
    of project: ProjectID, after: StreamCursor?, below size: TreeSize, limit: Int
  ) async throws(StoreError) -> [StoredEvent]

  /// Writes rows of the generation.
  func write(
    _ rows: ProjectionRows, generation: Int64, of project: ProjectID
  ) async throws(StoreError)

  /// Brings the rows of the generation from `size` on up to the end of the log, at most `limit`
  /// events; the size they then stand at.
  func catchUp(
    _ ticket: RebuildTicket, from size: TreeSize, of project: ProjectID, limit: Int
  ) async throws(StoreError) -> TreeSize

  /// The keys at which live and rebuilt rows differ, of the secrets no event speaks of from `size`
  /// on; at most 1,000.
  func differences(
    _ ticket: RebuildTicket, from size: TreeSize, of project: ProjectID
  ) async throws(StoreError) -> [ProjectionKey]

  /// In one transaction under the head's lock: catches up, compares what had to be caught up, makes
  /// the rebuilt rows the live ones, and appends what `plan` says.
  func switchOver(
    _ ticket: RebuildTicket, from size: TreeSize, of project: ProjectID, limit: Int,
    plan: @Sendable (AppendBasis, [ProjectionKey]) -> AppendPlan
  ) async throws(StoreError) -> SwitchOutcome

  /// Throws away the rows of generations before the live one.
  func discardOldGenerations(of project: ProjectID) async throws(StoreError)
}

/// One row of the event table as it is stored, bytes and columns.
public struct EventRow: Hashable, Sendable {
  /// The column.
  public var position: Int64
  /// The column.
  public var id: String
  /// The column.
  public var type: String
  /// The column.
  public var secret: String?
  /// The column.
  public var streamVersion: Int64?
  /// The column.
  public var stage: String?
  /// The column.
  public var versionID: String?
  /// The column, in microseconds since 1970 UTC.
  public var effectiveAt: Int64
  /// The column, in microseconds since 1970 UTC.
  public var effectiveAfter: Int64?
  /// The column.
  public var refines: Int64?
  /// The column, in microseconds since 1970 UTC.
  public var recordedAt: Int64
  /// The stored bytes.
  public var canonical: [UInt8]
  /// The stored hash of the leaf.
  public var leafHash: [UInt8]
  /// A row.
  public init(
    position: Int64, id: String, type: String, secret: String?, streamVersion: Int64?,
    stage: String?, versionID: String?, effectiveAt: Int64, effectiveAfter: Int64?,
    refines: Int64?, recordedAt: Int64, canonical: [UInt8], leafHash: [UInt8]
  ) {
    self.position = position
    self.id = id
    self.type = type
    self.secret = secret
    self.streamVersion = streamVersion
    self.stage = stage
    self.versionID = versionID
    self.effectiveAt = effectiveAt
    self.effectiveAfter = effectiveAfter
    self.refines = refines
    self.recordedAt = recordedAt
    self.canonical = canonical
    self.leafHash = leafHash
  }
}

/// The record as it stood at one moment, while writes go on elsewhere.
public protocol AuditSnapshot: Sendable {
  /// The head of the log.
  func head() async throws(StoreError) -> LogHead
  /// At most `limit` rows of the event table from position `from` on, in order.
  func rows(from: Int64, limit: Int) async throws(StoreError) -> [EventRow]
  /// At most `limit` events that speak of a secret, secret by secret, those after `after`.
  func stream(after: StreamCursor?, limit: Int) async throws(StoreError) -> [StoredEvent]
  /// The live projection of these secrets, with every version and label.
  func projection(of secrets: [SecretName]) async throws(StoreError) -> [SecretName: SecretState]
  /// At most `limit` names of secrets in the live projection, those after `after`.
  func projectedSecrets(after: SecretName?, limit: Int) async throws(StoreError) -> [SecretName]
  /// The requests about these secrets in the live projection, by position.
  func requests(
    of secrets: [SecretName]
  ) async throws(StoreError) -> [Position: RequestState]
  /// Every finding in the live projection.
  func findings() async throws(StoreError) -> [FindingID: FindingState]
}

/// Where the record can be read as it stood at one moment.
public protocol AuditStore: Sendable {
  /// Runs `body` on one snapshot of the project.
  func withSnapshot<Value: Sendable>(
    of project: ProjectID,
    _ body: @Sendable (any AuditSnapshot) async -> Result<Value, StoreError>
  ) async throws(StoreError) -> Value
}
