// Rows: how the columns of the schema become domain values, and back.
//
// Called by the statements. A row that does not parse means that somebody wrote to the database
// past the service: it is reported as corrupt, never guessed at.

import CanonicalJSON
import Ledger
import LedgerServices
import PostgresClient

/// The state of a project's log, as its row has it.
struct HeadRow: Sendable {
  var nextPosition: Int64
  var lastRecordedAt: Instant?
  var treeEdge: [UInt8]
}

/// One row of `ledger.secret`.
struct SecretRow: Sendable {
  var secret: SecretName
  var state: SecretState
}

/// One row of `ledger.version`.
struct VersionRow: Sendable {
  var secret: SecretName
  var version: VersionID
  var state: SecretState.VersionState
}

/// One row of `ledger.stage`.
struct StageRow: Sendable {
  var secret: SecretName
  var stage: StageName
  var state: SecretState.StageState
}

/// One row of `ledger.finding`.
struct FindingRow: Sendable {
  var finding: FindingID
  var state: FindingState
}

extension RowReader {
  /// The next column as a name.
  mutating func name<T: Identifier>(_ column: String) throws(PostgresError) -> T {
    try Self.parse(try text(), column)
  }

  /// The next column as a name, or nil.
  mutating func nameOrNull<T: Identifier>(_ column: String) throws(PostgresError) -> T? {
    guard let text = try textOrNull() else { return nil }
    return try Self.parse(text, column)
  }

  private static func parse<T: Identifier>(
    _ text: String, _ column: String
  ) throws(PostgresError) -> T {
    do { return try T(text) } catch { throw .corruptRow(column: column) }
  }

  /// The next column as a moment.
  mutating func instant(_ column: String) throws(PostgresError) -> Instant {
    guard let instant = Instant(microseconds: try timestamptz()) else {
      throw .corruptRow(column: column)
    }
    return instant
  }

  /// The next column as a moment, or nil.
  mutating func instantOrNull(_ column: String) throws(PostgresError) -> Instant? {
    guard let microseconds = try timestamptzOrNull() else { return nil }
    guard let instant = Instant(microseconds: microseconds) else {
      throw .corruptRow(column: column)
    }
    return instant
  }

  /// The next column as a position.
  mutating func position(_ column: String) throws(PostgresError) -> Position {
    guard let position = Position(try int8()) else { throw .corruptRow(column: column) }
    return position
  }

  /// The next column as a position, or nil.
  mutating func positionOrNull(_ column: String) throws(PostgresError) -> Position? {
    guard let index = try int8OrNull() else { return nil }
    guard let position = Position(index) else { throw .corruptRow(column: column) }
    return position
  }

  /// The next column as the size of a log.
  mutating func size(_ column: String) throws(PostgresError) -> TreeSize {
    guard let size = TreeSize(try int8()) else { throw .corruptRow(column: column) }
    return size
  }

  /// The next column as the members of a JSON object.
  mutating func members(_ column: String) throws(PostgresError) -> [String: JSONValue] {
    let text = try text()
    do {
      guard case .object(let members) = try JSONValue(parsing: Array(text.utf8), limits: .standard)
      else { throw PostgresError.corruptRow(column: column) }
      return members
    } catch {
      throw .corruptRow(column: column)
    }
  }

  /// The next two columns, an effective time and a position, as a moment on both axes.
  mutating func moment(_ column: String) throws(PostgresError) -> SecretState.Moment {
    let effectiveAt = try instant(column)
    return SecretState.Moment(effectiveAt: effectiveAt, position: try position(column))
  }

  /// The next two columns, an effective time and a position, as a moment on both axes, or nil.
  mutating func momentOrNull(_ column: String) throws(PostgresError) -> SecretState.Moment? {
    let effectiveAt = try instantOrNull(column)
    let position = try positionOrNull(column)
    guard let effectiveAt, let position else { return nil }
    return SecretState.Moment(effectiveAt: effectiveAt, position: position)
  }

  /// The columns `secret, stream_version, life, delete_at, life_at, life_position, deleted_at,
  /// deleted_position, registered_at, registered_position, changed_at, version_number_max, data`.
  mutating func secretRow() throws(PostgresError) -> SecretRow {
    let secret: SecretName = try name("secret")
    var state = SecretState()
    guard let streamVersion = StreamVersion(try int8()) else {
      throw .corruptRow(column: "stream_version")
    }
    state.streamVersion = streamVersion
    guard let life = try lifeOrNull() else { throw .corruptRow(column: "life") }
    state.life = life
    state.lifeSince = try momentOrNull("life_at")
    state.deletedAt = try momentOrNull("deleted_at")
    state.registeredAt = try momentOrNull("registered_at")
    state.changedAt = try instantOrNull("changed_at")
    state.versionNumberMax = try int8()
    state.data = try members("data")
    return SecretRow(secret: secret, state: state)
  }

  /// The columns `version_id, registered_at, registered_position, removed_at, removed_position,
  /// data`.
  mutating func versionState() throws(PostgresError) -> (VersionID, SecretState.VersionState) {
    let version: VersionID = try name("version_id")
    let registeredAt = try moment("registered_at")
    let removedAt = try momentOrNull("removed_at")
    return (
      version,
      SecretState.VersionState(
        registeredAt: registeredAt, removedAt: removedAt, data: try members("data"))
    )
  }

  /// The columns `secret, stage, version_id, effective_at, position`.
  mutating func stageRow() throws(PostgresError) -> StageRow {
    let secret: SecretName = try name("secret")
    let stage: StageName = try name("stage")
    let version: VersionID? = try nameOrNull("version_id")
    return StageRow(
      secret: secret, stage: stage,
      state: SecretState.StageState(versionID: version, since: try moment("effective_at")))
  }

  /// The columns `finding, opened_position, resolved_position, acknowledgement, data`.
  mutating func findingRow() throws(PostgresError) -> FindingRow {
    let finding: FindingID = try name("finding")
    let opened = try position("opened_position")
    let resolved = try positionOrNull("resolved_position")
    let acknowledgement = try acknowledgementOrNull()
    return FindingRow(
      finding: finding,
      state: FindingState(
        openedBy: opened, resolvedBy: resolved, acknowledgement: acknowledgement,
        data: try members("data")))
  }

  private mutating func acknowledgementOrNull() throws(PostgresError) -> Acknowledgement? {
    guard let text = try textOrNull() else { return nil }
    let json: JSONValue
    do { json = try JSONValue(parsing: Array(text.utf8), limits: .standard) } catch {
      throw .corruptRow(column: "acknowledgement")
    }
    guard let acknowledgement = Acknowledgement(json) else {
      throw .corruptRow(column: "acknowledgement")
    }
    return acknowledgement
  }
}

extension PostgresError {
  /// A row that holds what no row of ours can hold.
  static func corruptRow(column: String) -> PostgresError {
    .protocolViolation("column \(column) holds what the ledger never wrote")
  }
}

extension SecretState.Life {
  /// The column `life`.
  var text: String {
    switch self {
    case .unregistered: "unregistered"
    case .enabled: "enabled"
    case .pendingDeletion: "pending_deletion"
    case .deleted: "deleted"
    }
  }

  /// The column `delete_at`.
  var deleteAt: Instant? {
    if case .pendingDeletion(let until) = self { until } else { nil }
  }
}

/// The members as the text of a canonical JSON object.
func canonicalText(_ members: [String: JSONValue]) -> String {
  canonicalText(.object(members))
}

/// The value as canonical JSON text.
func canonicalText(_ value: JSONValue) -> String {
  String(decoding: value.canonicalBytes(), as: UTF8.self)
}
