// AppendStatements: the SQL of one append, in the order it runs.
//
// Called by `PostgresStore.append`. Everything is read under the head's lock, each statement with a
// snapshot of its own, so what it sees is what the last holder of the lock committed. Rows
// asked for by name are looked up one by one: LIMIT and OFFSET keep a LATERAL from becoming a join,
// which on tables without statistics yet would read all of a project for each batch.

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
      SELECT s.secret, s.stream_version, s.life, s.delete_at, s.life_at, s.life_position,
        s.deleted_at, s.deleted_position, s.registered_at,
        s.registered_position, s.changed_at, s.version_number_max, s.data
      FROM unnest($3::text[]) AS q (secret)
      CROSS JOIN LATERAL (
        SELECT t.* FROM ledger.secret t
        WHERE t.project = $1 AND t.secret = q.secret AND t.generation = COALESCE($2,
            (SELECT p.generation FROM ledger.project p WHERE p.project = $1))
        LIMIT 1) AS s
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
    /// Labels wanted even if they were taken away; a nil `stage` is every label of the secret.
    var named: [(secret: SecretName, stage: StageName?)]
  }

  /// All labels the secrets carry, and those named even if they were taken away.
  static let appendStages = Statement<StagesKey, StageRow>(
    name: "append_stages",
    sql: """
      SELECT h.secret, h.stage, h.version_id, h.effective_at, h.position
      FROM unnest($3::text[]) AS q (secret)
      CROSS JOIN LATERAL (
        SELECT t.* FROM ledger.stage t
        WHERE t.project = $1 AND t.secret = q.secret AND t.version_id IS NOT NULL
          AND t.generation = COALESCE($2,
            (SELECT p.generation FROM ledger.project p WHERE p.project = $1))
        OFFSET 0) AS h
      UNION ALL
      SELECT h.secret, h.stage, h.version_id, h.effective_at, h.position
      FROM unnest($4::text[], $5::text[]) AS q (secret, stage)
      CROSS JOIN LATERAL (
        SELECT t.* FROM ledger.stage t
        WHERE t.project = $1 AND t.secret = q.secret AND t.stage = COALESCE(q.stage, t.stage)
          AND t.version_id IS NULL AND t.generation = COALESCE($2,
            (SELECT p.generation FROM ledger.project p WHERE p.project = $1))
        OFFSET 0) AS h
      """,
    types: [.text, .int8, .textArray, .textArray, .textArray],
    bind: { key, out in
      out.text(key.project.text)
      out.int8(key.generation)
      out.textArray(key.secrets.map(\.text))
      out.textArray(key.named.map(\.secret.text))
      out.textArray(key.named.map(\.stage?.text))
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
      SELECT v.secret, v.version_id, v.registered_at, v.registered_position,
        v.removed_at, v.removed_position, v.data
      FROM unnest($3::text[], $4::text[]) AS q (secret, version_id)
      CROSS JOIN LATERAL (
        SELECT t.* FROM ledger.version t
        WHERE t.project = $1 AND t.secret = q.secret AND t.version_id = q.version_id
          AND t.generation = COALESCE($2,
            (SELECT p.generation FROM ledger.project p WHERE p.project = $1))
        LIMIT 1) AS v
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

  struct KeysKey: Sendable {
    var project: ProjectID
    var keys: [IdempotencyKey]
  }

  struct AnswerRow: Sendable {
    var key: IdempotencyKey
    var requestSHA256: [UInt8]
    var standing: SecretState.Moment?
    var facts: [FactOutcome]
    var canonical: [UInt8]?
  }

  /// A row an event for each key: without one, nothing was appended under it.
  static let earlierAnswers = Statement<KeysKey, AnswerRow>(
    name: "earlier_answers",
    sql: """
      SELECT i.key, i.request_sha256, i.standing_effective_at, i.standing_position, i.facts,
        e.canonical
      FROM unnest($2::text[]) AS q (key)
      CROSS JOIN LATERAL (
        SELECT a.* FROM ledger.idempotency a
        WHERE a.project = $1 AND a.key = q.key LIMIT 1) AS i
      LEFT JOIN LATERAL (
        SELECT r.position, r.canonical FROM ledger.event r
        WHERE r.project = $1 AND r.position >= i.first_position
          AND r.position < i.first_position + i.event_count OFFSET 0) AS e ON true
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
      let standing = try row.momentOrNull("standing_effective_at")
      let facts = try row.factOutcomes("facts")
      return AnswerRow(
        key: key, requestSHA256: digest, standing: standing, facts: facts,
        canonical: try row.bytesOrNull())
    })

  struct FindingsKey: Sendable {
    var project: ProjectID
    var findings: [FindingID]
  }

  static let appendFindings = Statement<FindingsKey, FindingRow>(
    name: "append_findings",
    sql: """
      SELECT f.finding, f.opened_position, f.resolved_position, f.acknowledgement, f.data
      FROM unnest($2::text[]) AS q (finding)
      CROSS JOIN LATERAL (
        SELECT t.* FROM ledger.finding t
        WHERE t.project = $1 AND t.finding = q.finding
          AND t.generation = (SELECT p.generation FROM ledger.project p WHERE p.project = $1)
        LIMIT 1) AS f
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
        standing_position, standing_effective_at, facts, recorded_at)
      SELECT $1, *, $9 FROM unnest($2::text[], $3::bytea[], $4::bigint[], $5::bigint[],
        $6::bigint[], $7::timestamptz[], $8::text[])
      """,
    types: [
      .text, .textArray, .byteaArray, .int8Array, .int8Array, .int8Array, .timestamptzArray,
      .textArray, .timestamptz,
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
      out.textArray(answers.map { factsText($0.answer.outcome.facts) })
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
