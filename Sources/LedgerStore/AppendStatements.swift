// AppendStatements: the SQL of one append, in the order it runs.
//
// Called by `PostgresStore.append`. Everything is read under the head's lock, each statement with a
// snapshot of its own, so what it sees is what the last holder of the lock committed.

import Crypto
import Ledger
import LedgerServices
import PostgresClient
import TransparencyLog

/// The statements of the ledger, each prepared once on every connection.
enum Statements {
  static let begin = Statement<Void, Void>(
    name: "begin", sql: "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE", bind: { _, _ in })

  static let commit = Statement<Void, Void>(
    name: "commit", sql: "COMMIT", bind: { _, _ in })

  static let rollback = Statement<Void, Void>(
    name: "rollback", sql: "ROLLBACK", bind: { _, _ in })

  static let lockHead = Statement<ProjectID, HeadRow>(
    name: "lock_head",
    sql: """
      SELECT next_position, last_recorded_at, tree_edge FROM ledger.head
      WHERE project = $1 FOR UPDATE
      """,
    types: [.text],
    bind: { project, out in out.text(project.text) },
    decode: { row throws(PostgresError) in
      HeadRow(
        nextPosition: try row.int8(), lastRecordedAt: try row.instantOrNull("last_recorded_at"),
        treeEdge: try row.bytes())
    })

  static let generation = Statement<ProjectID, Int64>(
    name: "generation",
    sql: "SELECT generation FROM ledger.project WHERE project = $1",
    types: [.text],
    bind: { project, out in out.text(project.text) },
    decode: { row throws(PostgresError) in try row.int8() })

  struct SecretsKey: Sendable {
    var project: ProjectID
    var generation: Int64?
    var secrets: [SecretName]
  }

  static let appendSecrets = Statement<SecretsKey, SecretRow>(
    name: "append_secrets",
    sql: """
      SELECT s.secret, s.stream_version, s.life, s.delete_at, s.registered_at,
        s.registered_position, s.changed_at, s.version_number_max, s.data
      FROM ledger.secret s
      WHERE s.project = $1 AND s.secret = ANY ($3) AND s.generation = COALESCE($2,
        (SELECT p.generation FROM ledger.project p WHERE p.project = $1))
      """,
    types: [.text, .int8, .textArray],
    bind: { key, out in
      out.text(key.project.text)
      out.int8(key.generation)
      out.textArray(key.secrets.map(\.text))
    },
    decode: { row throws(PostgresError) in try row.secretRow() })

  struct StagesKey: Sendable {
    var project: ProjectID
    var generation: Int64?
    var secrets: [SecretName]
    var named: [(secret: SecretName, stage: StageName)]
  }

  /// All labels the secrets carry, and those named even if they were taken away.
  static let appendStages = Statement<StagesKey, StageRow>(
    name: "append_stages",
    sql: """
      SELECT t.secret, t.stage, t.version_id, t.effective_at, t.position
      FROM ledger.stage t
      WHERE t.project = $1 AND t.secret = ANY ($3) AND t.generation = COALESCE($2,
          (SELECT p.generation FROM ledger.project p WHERE p.project = $1))
        AND (t.version_id IS NOT NULL OR EXISTS (
        SELECT FROM unnest($4::text[], $5::text[]) AS q (secret, stage)
        WHERE q.secret = t.secret AND q.stage = t.stage))
      """,
    types: [.text, .int8, .textArray, .textArray, .textArray],
    bind: { key, out in
      out.text(key.project.text)
      out.int8(key.generation)
      out.textArray(key.secrets.map(\.text))
      out.textArray(key.named.map(\.secret.text))
      out.textArray(key.named.map(\.stage.text))
    },
    decode: { row throws(PostgresError) in try row.stageRow() })

  struct VersionsKey: Sendable {
    var project: ProjectID
    var generation: Int64?
    var named: [(secret: SecretName, version: VersionID)]
  }

  static let appendVersions = Statement<VersionsKey, VersionRow>(
    name: "append_versions",
    sql: """
      SELECT v.secret, v.version_id, v.registered_at, v.registered_position, v.is_removed, v.data
      FROM unnest($3::text[], $4::text[]) AS q (secret, version_id)
      JOIN ledger.version v ON v.project = $1 AND v.generation = COALESCE($2,
          (SELECT p.generation FROM ledger.project p WHERE p.project = $1))
        AND v.secret = q.secret AND v.version_id = q.version_id
      """,
    types: [.text, .int8, .textArray, .textArray],
    bind: { key, out in
      out.text(key.project.text)
      out.int8(key.generation)
      out.textArray(key.named.map(\.secret.text))
      out.textArray(key.named.map(\.version.text))
    },
    decode: { row throws(PostgresError) in
      let secret: SecretName = try row.name("secret")
      let (version, state) = try row.versionState()
      return VersionRow(secret: secret, version: version, state: state)
    })

  struct HoldersKey: Sendable {
    var project: ProjectID
    var holders: [AppendNeeds.Holder]
  }

  /// What stood at each of the moments: the ordinal of the question, then the answer.
  static let appendHolders = Statement<HoldersKey, (Int64, SecretState.StageState)>(
    name: "append_holders",
    sql: """
      SELECT q.ordinal, e.version_id, e.effective_at, e.position
      FROM unnest($2::text[], $3::text[], $4::timestamptz[])
        WITH ORDINALITY AS q (secret, stage, moment, ordinal)
      CROSS JOIN LATERAL (
        SELECT c.version_id, c.effective_at, c.position FROM ledger.event c
        WHERE c.project = $1 AND c.secret = q.secret AND c.stage = q.stage
          AND c.type IN ('stage.assigned', 'stage.removed', 'change.refined')
          AND c.effective_at <= q.moment
          AND (SELECT r.position FROM ledger.event r
            WHERE r.project = $1 AND r.refines = COALESCE(c.refines, c.position)
              AND r.position > c.position
            ORDER BY r.position LIMIT 1) IS NULL
        ORDER BY c.effective_at DESC, c.position DESC LIMIT 1) AS e
      """,
    types: [.text, .textArray, .textArray, .timestamptzArray],
    bind: { key, out in
      out.text(key.project.text)
      out.textArray(key.holders.map(\.secret.text))
      out.textArray(key.holders.map(\.stage.text))
      out.timestamptzArray(key.holders.map(\.effectiveAt.microseconds))
    },
    decode: { row throws(PostgresError) in
      let ordinal = try row.int8()
      let version: VersionID? = try row.nameOrNull("version_id")
      return (
        ordinal,
        SecretState.StageState(versionID: version, since: try row.moment("effective_at"))
      )
    })

  struct RefinedKey: Sendable {
    var project: ProjectID
    var refined: [AppendNeeds.Refined]
  }

  struct RefinedRow: Sendable {
    var ordinal: Int64
    var subject: Position
    var change: StageInterval
    var isNamed: Bool
  }

  /// What is known of each change that is named, and of the two newest of its label.
  static let appendRefined = Statement<RefinedKey, RefinedRow>(
    name: "append_refined",
    sql: """
      SELECT q.ordinal, COALESCE(e.refines, e.position), e.is_named, e.version_id, e.effective_at,
        e.effective_after, e.position, e.recorded_at
      FROM unnest($2::text[], $3::text[], $4::bigint[])
        WITH ORDINALITY AS q (secret, stage, position, ordinal)
      CROSS JOIN LATERAL (
        (SELECT true AS is_named, k.refines, k.version_id, k.effective_at, k.effective_after,
            k.position, k.recorded_at
          FROM ledger.event n
          JOIN ledger.event k ON k.project = $1
            AND (k.position = COALESCE(n.refines, n.position)
              OR k.refines = COALESCE(n.refines, n.position))
          WHERE n.project = $1 AND n.position = q.position AND n.secret = q.secret
            AND n.stage = q.stage
            AND n.type IN ('stage.assigned', 'stage.removed', 'change.refined')
          ORDER BY k.position DESC LIMIT 1)
        UNION ALL
        (SELECT false, c.refines, c.version_id, c.effective_at, c.effective_after, c.position,
            c.recorded_at
          FROM ledger.event c
          WHERE c.project = $1 AND c.secret = q.secret AND c.stage = q.stage
            AND c.type IN ('stage.assigned', 'stage.removed', 'change.refined')
            AND (SELECT r.position FROM ledger.event r
              WHERE r.project = $1 AND r.refines = COALESCE(c.refines, c.position)
                AND r.position > c.position
              ORDER BY r.position LIMIT 1) IS NULL
          ORDER BY c.effective_at DESC, c.position DESC LIMIT 2)) AS e
      """,
    types: [.text, .textArray, .textArray, .int8Array],
    bind: { key, out in
      out.text(key.project.text)
      out.textArray(key.refined.map(\.secret.text))
      out.textArray(key.refined.map(\.stage.text))
      out.int8Array(key.refined.map(\.position.index))
    },
    decode: { row throws(PostgresError) in
      let ordinal = try row.int8()
      let subject = try row.position("refines")
      let isNamed = try row.bool()
      return RefinedRow(
        ordinal: ordinal, subject: subject, change: try row.change(), isNamed: isNamed)
    })

  struct KeysKey: Sendable {
    var project: ProjectID
    var keys: [IdempotencyKey]
  }

  struct AnswerRow: Sendable {
    var key: IdempotencyKey
    var requestSHA256: [UInt8]
    var standing: SecretState.Moment?
    var canonical: [UInt8]?
  }

  /// A row an event for each key: without one, nothing was appended under it.
  static let earlierAnswers = Statement<KeysKey, AnswerRow>(
    name: "earlier_answers",
    sql: """
      SELECT i.key, i.request_sha256, i.standing_effective_at, i.standing_position, e.canonical
      FROM ledger.idempotency i
      LEFT JOIN ledger.event e ON e.project = i.project AND e.position >= i.first_position
        AND e.position < i.first_position + i.event_count
      WHERE i.project = $1 AND i.key = ANY ($2)
      ORDER BY i.key, e.position
      """,
    types: [.text, .textArray],
    bind: { key, out in
      out.text(key.project.text)
      out.textArray(key.keys.map(\.text))
    },
    decode: { row throws(PostgresError) in
      let key: IdempotencyKey = try row.name("key")
      let digest = try row.bytes()
      let effectiveAt = try row.instantOrNull("standing_effective_at")
      let position = try row.positionOrNull("standing_position")
      var standing: SecretState.Moment?
      if let effectiveAt, let position {
        standing = SecretState.Moment(effectiveAt: effectiveAt, position: position)
      }
      return AnswerRow(
        key: key, requestSHA256: digest, standing: standing, canonical: try row.bytesOrNull())
    })

  struct FindingsKey: Sendable {
    var project: ProjectID
    var findings: [FindingID]
  }

  static let appendFindings = Statement<FindingsKey, FindingRow>(
    name: "append_findings",
    sql: """
      SELECT f.finding, f.opened_position, f.resolved_position, f.acknowledgement, f.data
      FROM ledger.finding f
      WHERE f.project = $1 AND f.finding = ANY ($2)
        AND f.generation = (SELECT p.generation FROM ledger.project p WHERE p.project = $1)
      """,
    types: [.text, .textArray],
    bind: { key, out in
      out.text(key.project.text)
      out.textArray(key.findings.map(\.text))
    },
    decode: { row throws(PostgresError) in try row.findingRow() })

  struct EventRows: Sendable {
    var project: ProjectID
    var events: [RecordedEvent]
  }

  static let insertEvents = Statement<EventRows, Void>(
    name: "insert_events",
    sql: """
      INSERT INTO ledger.event (project, position, event_id, type, secret, stream_version, stage,
        version_id, effective_at, effective_after, refines, recorded_at, canonical, leaf_hash)
      SELECT $1, * FROM unnest($2::bigint[], $3::text[], $4::text[], $5::text[], $6::bigint[],
        $7::text[], $8::text[], $9::timestamptz[], $10::timestamptz[], $11::bigint[],
        $12::timestamptz[], $13::bytea[], $14::bytea[])
      """,
    types: [
      .text, .int8Array, .textArray, .textArray, .textArray, .int8Array, .textArray, .textArray,
      .timestamptzArray, .timestamptzArray, .int8Array, .timestamptzArray, .byteaArray,
      .byteaArray,
    ],
    bind: { rows, out in
      let events = rows.events
      out.text(rows.project.text)
      out.int8Array(events.map(\.event.position.index))
      out.textArray(events.map(\.event.id.text))
      out.textArray(events.map(\.event.type.rawValue))
      out.textArray(events.map(\.event.secret?.text))
      out.int8Array(events.map(\.event.streamVersion?.number))
      out.textArray(events.map(\.event.stage?.text))
      out.textArray(events.map(\.event.versionID?.text))
      out.timestamptzArray(events.map(\.event.effectiveAt.microseconds))
      out.timestamptzArray(events.map(\.event.effectiveAfter?.microseconds))
      out.int8Array(events.map(\.event.refines?.index))
      out.timestamptzArray(events.map(\.event.recordedAt.microseconds))
      out.bytesArray(events.map(\.bytes))
      out.bytesArray(events.map(\.leafHash.bytes))
    })

  struct HeadUpdate: Sendable {
    var project: ProjectID
    var head: LogHead
  }

  static let advanceHead = Statement<HeadUpdate, Void>(
    name: "advance_head",
    sql: """
      UPDATE ledger.head SET next_position = $2, last_recorded_at = $3, tree_edge = $4
      WHERE project = $1
      """,
    types: [.text, .int8, .timestamptz, .bytea],
    bind: { update, out in
      out.text(update.project.text)
      out.int8(Int64(clamping: update.head.edge.size))
      out.timestamptz(update.head.lastRecordedAt?.microseconds)
      out.bytes(update.head.edge.bytes)
    })

  struct AnswerRows: Sendable {
    var project: ProjectID
    var answers: [(key: IdempotencyKey, answer: EarlierAnswer)]
    var recordedAt: Instant
  }

  static let insertAnswers = Statement<AnswerRows, Void>(
    name: "insert_answers",
    sql: """
      INSERT INTO ledger.idempotency (project, key, request_sha256, first_position, event_count,
        standing_position, standing_effective_at, recorded_at)
      SELECT $1, *, $8 FROM unnest($2::text[], $3::bytea[], $4::bigint[], $5::bigint[],
        $6::bigint[], $7::timestamptz[])
      """,
    types: [
      .text, .textArray, .byteaArray, .int8Array, .int8Array, .int8Array, .timestamptzArray,
      .timestamptz,
    ],
    bind: { rows, out in
      let answers = rows.answers
      out.text(rows.project.text)
      out.textArray(answers.map(\.key.text))
      out.bytesArray(answers.map(\.answer.requestDigest.bytes))
      out.int8Array(answers.map { $0.answer.outcome.events.first?.event.position.index })
      out.int8Array(answers.map { Int64($0.answer.outcome.events.count) })
      out.int8Array(answers.map { $0.answer.outcome.standing?.position.index })
      out.timestamptzArray(answers.map { $0.answer.outcome.standing?.effectiveAt.microseconds })
      out.timestamptz(rows.recordedAt.microseconds)
    })

  struct EventIDKey: Sendable {
    var project: ProjectID
    var id: EventID
  }

  /// Whether a batch whose connection broke while committing is in the log.
  static let eventExists = Statement<EventIDKey, Int64>(
    name: "event_exists",
    sql: "SELECT position FROM ledger.event WHERE project = $1 AND event_id = $2 LIMIT 1",
    types: [.text, .text],
    bind: { key, out in
      out.text(key.project.text)
      out.text(key.id.text)
    },
    decode: { row throws(PostgresError) in try row.int8() })
}
