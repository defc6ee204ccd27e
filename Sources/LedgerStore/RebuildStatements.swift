// RebuildStatements: the SQL of the rebuild and of `verify`.
//
// Called by `PostgresStore`'s projection half. They read or write a whole project, so they run on
// connections of their own with longer limits than the service's.

import Ledger
import LedgerServices
import PostgresClient

extension Statements {
  static let beginSnapshot = Statement<Void, Void>(
    name: "begin_snapshot",
    sql: "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY", bind: { _, _ in })

  struct StreamKey: Sendable {
    var project: ProjectID
    var after: StreamCursor?
    var below: TreeSize
    var limit: Int
  }

  static let stream = Statement<StreamKey, StoredEvent>(
    name: "stream",
    sql: """
      SELECT position, canonical FROM ledger.event
      WHERE project = $1 AND secret IS NOT NULL AND (secret, stream_version) > ($2, $3)
        AND position < $4
      ORDER BY secret, stream_version LIMIT $5
      """,
    types: [.text, .text, .int8, .int8, .int8],
    bind: { key, out in
      out.text(key.project.text)
      out.text(key.after?.secret.text ?? "")
      out.int8(key.after?.streamVersion.number ?? 0)
      out.int8(key.below.count)
      out.int8(Int64(key.limit))
    },
    decode: { row throws(PostgresError) in
      StoredEvent(position: try row.position("position"), bytes: try row.bytes())
    })

  static let readHead = Statement<ProjectID, HeadRow>(
    name: "read_head",
    sql: """
      SELECT next_position, last_recorded_at, tree_edge FROM ledger.head WHERE project = $1
      """,
    types: [.text],
    bind: { project, out in out.text(project.text) },
    decode: { row throws(PostgresError) in
      HeadRow(
        nextPosition: try row.int8(), lastRecordedAt: try row.instantOrNull("last_recorded_at"),
        treeEdge: try row.bytes())
    })

  struct RowsKey: Sendable {
    var project: ProjectID
    var from: Int64
    var limit: Int
  }

  static let eventRows = Statement<RowsKey, EventRow>(
    name: "event_rows",
    sql: """
      SELECT position, event_id, type, secret, stream_version, stage, version_id, effective_at,
        effective_after, refines, recorded_at, canonical, leaf_hash
      FROM ledger.event WHERE project = $1 AND position >= $2 ORDER BY position LIMIT $3
      """,
    types: [.text, .int8, .int8],
    bind: { key, out in
      out.text(key.project.text)
      out.int8(key.from)
      out.int8(Int64(key.limit))
    },
    decode: { row throws(PostgresError) in
      EventRow(
        position: try row.int8(), id: try row.text(), type: try row.text(),
        secret: try row.textOrNull(), streamVersion: try row.int8OrNull(),
        stage: try row.textOrNull(), versionID: try row.textOrNull(),
        effectiveAt: try row.timestamptz(), effectiveAfter: try row.timestamptzOrNull(),
        refines: try row.int8OrNull(), recordedAt: try row.timestamptz(),
        canonical: try row.bytes(), leafHash: try row.bytes())
    })

  static let secretVersions = Statement<SecretsKey, VersionRow>(
    name: "secret_versions",
    sql: """
      SELECT v.secret, v.version_id, v.registered_at, v.registered_position,
        v.removed_at, v.removed_position, v.data
      FROM ledger.version v
      WHERE v.project = $1 AND v.secret = ANY ($3) AND v.generation = COALESCE($2,
        (SELECT p.generation FROM ledger.project p WHERE p.project = $1))
      """,
    types: [.text, .int8, .textArray],
    bind: { key, out in
      out.text(key.project.text)
      out.int8(key.generation)
      out.textArray(key.secrets.map(\.text))
    },
    decode: { row throws(PostgresError) in
      let secret: SecretName = try row.name("secret")
      let (version, state) = try row.versionState()
      return VersionRow(secret: secret, version: version, state: state)
    })

  static let secretStages = Statement<SecretsKey, StageRow>(
    name: "secret_stages",
    sql: """
      SELECT t.secret, t.stage, t.version_id, t.effective_at, t.position
      FROM ledger.stage t
      WHERE t.project = $1 AND t.secret = ANY ($3) AND t.generation = COALESCE($2,
        (SELECT p.generation FROM ledger.project p WHERE p.project = $1))
      """,
    types: [.text, .int8, .textArray],
    bind: { key, out in
      out.text(key.project.text)
      out.int8(key.generation)
      out.textArray(key.secrets.map(\.text))
    },
    decode: { row throws(PostgresError) in try row.stageRow() })

  static let secretNames = Statement<SecretPageKey, SecretName>(
    name: "secret_names",
    sql: """
      SELECT s.secret FROM ledger.secret s
      WHERE s.project = $1 AND s.secret > $2
        AND s.generation = (SELECT p.generation FROM ledger.project p WHERE p.project = $1)
      ORDER BY s.secret LIMIT $3
      """,
    types: [.text, .text, .int8],
    bind: { key, out in
      out.text(key.project.text)
      out.text(key.after?.text ?? "")
      out.int8(Int64(key.limit))
    },
    decode: { row throws(PostgresError) in try row.name("secret") })

  struct GenerationKey: Sendable {
    var project: ProjectID
    var generation: Int64?
  }

  static let allFindings = Statement<GenerationKey, FindingRow>(
    name: "all_findings",
    sql: """
      SELECT f.finding, f.opened_position, f.resolved_position, f.acknowledgement, f.data
      FROM ledger.finding f
      WHERE f.project = $1 AND f.generation = COALESCE($2,
        (SELECT p.generation FROM ledger.project p WHERE p.project = $1))
      ORDER BY f.finding
      """,
    types: [.text, .int8],
    bind: { key, out in
      out.text(key.project.text)
      out.int8(key.generation)
    },
    decode: { row throws(PostgresError) in try row.findingRow() })

  struct DifferencesKey: Sendable {
    var project: ProjectID
    var generation: Int64
    var from: TreeSize
    /// Whether to compare the secrets that events from `from` on speak of, or all the others.
    var tail: TailSelection
  }

  enum TailSelection: Sendable {
    case only
    case without
  }

  /// Rows that stand in one generation and not, or otherwise, in the other.
  static let differences = Statement<DifferencesKey, ProjectionKey>(
    name: "differences",
    sql: """
      WITH live AS (SELECT generation FROM ledger.project WHERE project = $1),
      tail AS MATERIALIZED (
        SELECT DISTINCT secret FROM ledger.event
        WHERE project = $1 AND position >= $3 AND secret IS NOT NULL)
      SELECT d.kind, d.name, d.part FROM (
        SELECT 'secret' AS kind, secret AS name, NULL::text AS part, secret
        FROM (SELECT s.* FROM ledger.secret s, live WHERE s.project = $1
          AND s.generation = live.generation) AS a
        FULL JOIN (SELECT s.* FROM ledger.secret s WHERE s.project = $1
          AND s.generation = $2) AS b USING (project, secret)
        WHERE (a.stream_version, a.life, a.delete_at, a.life_at, a.life_position, a.deleted_at,
            a.deleted_position, a.registered_position, a.registered_at,
            a.changed_at, a.version_number_max, a.data)
          IS DISTINCT FROM (b.stream_version, b.life, b.delete_at, b.life_at, b.life_position,
            b.deleted_at, b.deleted_position, b.registered_position,
            b.registered_at, b.changed_at, b.version_number_max, b.data)
        UNION ALL
        SELECT 'version', secret, version_id, secret
        FROM (SELECT v.* FROM ledger.version v, live WHERE v.project = $1
          AND v.generation = live.generation) AS a
        FULL JOIN (SELECT v.* FROM ledger.version v WHERE v.project = $1
          AND v.generation = $2) AS b USING (project, secret, version_id)
        WHERE (a.registered_position, a.registered_at, a.removed_at, a.removed_position, a.data)
          IS DISTINCT FROM (b.registered_position, b.registered_at, b.removed_at,
            b.removed_position, b.data)
        UNION ALL
        SELECT 'stage', secret, stage, secret
        FROM (SELECT t.* FROM ledger.stage t, live WHERE t.project = $1
          AND t.generation = live.generation) AS a
        FULL JOIN (SELECT t.* FROM ledger.stage t WHERE t.project = $1
          AND t.generation = $2) AS b USING (project, secret, stage)
        WHERE (a.version_id, a.effective_at, a.position)
          IS DISTINCT FROM (b.version_id, b.effective_at, b.position)
        UNION ALL
        SELECT 'change_request', secret, position::text, secret
        FROM (SELECT r.* FROM ledger.change_request r, live WHERE r.project = $1
          AND r.generation = live.generation) AS a
        FULL JOIN (SELECT r.* FROM ledger.change_request r WHERE r.project = $1
          AND r.generation = $2) AS b USING (project, secret, position)
        WHERE (a.deadline, a.unresolved_position, a.settled_position)
          IS DISTINCT FROM (b.deadline, b.unresolved_position, b.settled_position)
      ) AS d
      WHERE (d.secret IN (SELECT secret FROM tail)) = $4
      ORDER BY d.kind, d.name, d.part LIMIT 1000
      """,
    types: [.text, .int8, .int8, .bool],
    bind: { key, out in
      out.text(key.project.text)
      out.int8(key.generation)
      out.int8(key.from.count)
      switch key.tail {
      case .only: out.bool(true)
      case .without: out.bool(false)
      }
    },
    decode: { row throws(PostgresError) in
      ProjectionKey(table: try row.text(), name: try row.text(), part: try row.textOrNull())
    })

  /// Findings belong to no one secret: they are compared under the lock, all of them.
  static let findingDifferences = Statement<GenerationKey, ProjectionKey>(
    name: "finding_differences",
    sql: """
      WITH live AS (SELECT generation FROM ledger.project WHERE project = $1)
      SELECT finding
      FROM (SELECT f.* FROM ledger.finding f, live WHERE f.project = $1
        AND f.generation = live.generation) AS a
      FULL JOIN (SELECT f.* FROM ledger.finding f WHERE f.project = $1
        AND f.generation = $2) AS b USING (project, finding)
      WHERE (a.opened_position, a.resolved_position, a.acknowledgement, a.acknowledged_until,
          a.data)
        IS DISTINCT FROM (b.opened_position, b.resolved_position, b.acknowledgement,
          b.acknowledged_until, b.data)
      ORDER BY finding LIMIT 1000
      """,
    types: [.text, .int8],
    bind: { key, out in
      out.text(key.project.text)
      out.int8(key.generation)
    },
    decode: { row throws(PostgresError) in
      ProjectionKey(table: "finding", name: try row.text(), part: nil)
    })

  static let switchGeneration = Statement<GenerationKey, Void>(
    name: "switch_generation",
    sql: "UPDATE ledger.project SET generation = $2 WHERE project = $1",
    types: [.text, .int8],
    bind: { key, out in
      out.text(key.project.text)
      out.int8(key.generation)
    })

  static let discardSecrets = Statement<ProjectID, Void>(
    name: "discard_secrets",
    sql: """
      DELETE FROM ledger.secret WHERE project = $1
        AND generation <> (SELECT generation FROM ledger.project WHERE project = $1)
      """,
    types: [.text], bind: { project, out in out.text(project.text) })

  static let discardVersions = Statement<ProjectID, Void>(
    name: "discard_versions",
    sql: """
      DELETE FROM ledger.version WHERE project = $1
        AND generation <> (SELECT generation FROM ledger.project WHERE project = $1)
      """,
    types: [.text], bind: { project, out in out.text(project.text) })

  static let discardStages = Statement<ProjectID, Void>(
    name: "discard_stages",
    sql: """
      DELETE FROM ledger.stage WHERE project = $1
        AND generation <> (SELECT generation FROM ledger.project WHERE project = $1)
      """,
    types: [.text], bind: { project, out in out.text(project.text) })

  static let discardFindings = Statement<ProjectID, Void>(
    name: "discard_findings",
    sql: """
      DELETE FROM ledger.finding WHERE project = $1
        AND generation <> (SELECT generation FROM ledger.project WHERE project = $1)
      """,
    types: [.text], bind: { project, out in out.text(project.text) })
}
