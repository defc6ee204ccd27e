// ProjectionStatements: the SQL that writes the rows events add up to, of the live generation or of
// one a rebuild is making.
//
// Called by appends and by the rebuild: both write through the same statements, from the same fold.

import Ledger
import LedgerServices
import PostgresClient

extension Statements {
  struct SecretRows: Sendable {
    var project: ProjectID
    var generation: Int64
    var rows: [(secret: SecretName, state: SecretState)]
  }

  static let upsertSecrets = Statement<SecretRows, Void>(
    name: "upsert_secrets",
    sql: """
      INSERT INTO ledger.secret AS s (project, generation, secret, stream_version, life, delete_at,
        life_at, life_position, deleted_at, deleted_position, registered_position, registered_at,
        changed_at, version_number_max, data)
      SELECT $1, $2, * FROM unnest($3::text[], $4::bigint[], $5::text[], $6::timestamptz[],
        $7::timestamptz[], $8::bigint[], $9::timestamptz[], $10::bigint[], $11::bigint[],
        $12::timestamptz[], $13::timestamptz[], $14::bigint[], $15::text[])
      ON CONFLICT (project, generation, secret) DO UPDATE SET
        stream_version = EXCLUDED.stream_version, life = EXCLUDED.life,
        delete_at = EXCLUDED.delete_at, life_at = EXCLUDED.life_at,
        life_position = EXCLUDED.life_position, deleted_at = EXCLUDED.deleted_at,
        deleted_position = EXCLUDED.deleted_position,
        registered_position = EXCLUDED.registered_position,
        registered_at = EXCLUDED.registered_at, changed_at = EXCLUDED.changed_at,
        version_number_max = EXCLUDED.version_number_max, data = EXCLUDED.data
      """,
    types: [
      .text, .int8, .textArray, .int8Array, .textArray, .timestamptzArray, .timestamptzArray,
      .int8Array, .timestamptzArray, .int8Array, .int8Array, .timestamptzArray,
      .timestamptzArray, .int8Array, .textArray,
    ],
    bind: { input, out in
      let states = input.rows.map(\.state)
      out.text(input.project.text)
      out.int8(input.generation)
      out.textArray(input.rows.map(\.secret.text))
      out.int8Array(states.map(\.streamVersion.number))
      out.textArray(states.map(\.life.text))
      out.timestamptzArray(states.map { $0.life.deleteAt?.microseconds })
      out.timestamptzArray(states.map { $0.lifeSince?.effectiveAt.microseconds })
      out.int8Array(states.map { $0.lifeSince?.position.index })
      out.timestamptzArray(states.map { $0.deletedAt?.effectiveAt.microseconds })
      out.int8Array(states.map { $0.deletedAt?.position.index })
      out.int8Array(states.map { $0.registeredAt?.position.index })
      out.timestamptzArray(states.map { $0.registeredAt?.effectiveAt.microseconds })
      out.timestamptzArray(states.map { $0.changedAt?.microseconds })
      out.int8Array(states.map(\.versionNumberMax))
      out.textArray(states.map { canonicalText($0.data) })
    })

  struct VersionRows: Sendable {
    var project: ProjectID
    var generation: Int64
    var rows: [VersionRow]
  }

  static let upsertVersions = Statement<VersionRows, Void>(
    name: "upsert_versions",
    sql: """
      INSERT INTO ledger.version AS v (project, generation, secret, version_id,
        registered_position, registered_at, removed_position, removed_at, data)
      SELECT $1, $2, * FROM unnest($3::text[], $4::text[], $5::bigint[], $6::timestamptz[],
        $7::bigint[], $8::timestamptz[], $9::text[])
      ON CONFLICT (project, generation, secret, version_id) DO UPDATE SET
        registered_position = EXCLUDED.registered_position,
        registered_at = EXCLUDED.registered_at, removed_position = EXCLUDED.removed_position,
        removed_at = EXCLUDED.removed_at, data = EXCLUDED.data
      """,
    types: [
      .text, .int8, .textArray, .textArray, .int8Array, .timestamptzArray, .int8Array,
      .timestamptzArray, .textArray,
    ],
    bind: { input, out in
      out.text(input.project.text)
      out.int8(input.generation)
      out.textArray(input.rows.map(\.secret.text))
      out.textArray(input.rows.map(\.version.text))
      out.int8Array(input.rows.map(\.state.registeredAt.position.index))
      out.timestamptzArray(input.rows.map(\.state.registeredAt.effectiveAt.microseconds))
      out.int8Array(input.rows.map { $0.state.removedAt?.position.index })
      out.timestamptzArray(input.rows.map { $0.state.removedAt?.effectiveAt.microseconds })
      out.textArray(input.rows.map { canonicalText($0.state.data) })
    })

  struct StageRows: Sendable {
    var project: ProjectID
    var generation: Int64
    var rows: [StageRow]
  }

  static let upsertStages = Statement<StageRows, Void>(
    name: "upsert_stages",
    sql: """
      INSERT INTO ledger.stage AS t (project, generation, secret, stage, version_id, effective_at,
        position)
      SELECT $1, $2, * FROM unnest($3::text[], $4::text[], $5::text[], $6::timestamptz[],
        $7::bigint[])
      ON CONFLICT (project, generation, secret, stage) DO UPDATE SET
        version_id = EXCLUDED.version_id, effective_at = EXCLUDED.effective_at,
        position = EXCLUDED.position
      """,
    types: [
      .text, .int8, .textArray, .textArray, .textArray, .timestamptzArray, .int8Array,
    ],
    bind: { input, out in
      out.text(input.project.text)
      out.int8(input.generation)
      out.textArray(input.rows.map(\.secret.text))
      out.textArray(input.rows.map(\.stage.text))
      out.textArray(input.rows.map(\.state.versionID?.text))
      out.timestamptzArray(input.rows.map(\.state.since.effectiveAt.microseconds))
      out.int8Array(input.rows.map(\.state.since.position.index))
    })

  struct FindingRows: Sendable {
    var project: ProjectID
    var generation: Int64
    var rows: [FindingRow]
  }

  static let upsertFindings = Statement<FindingRows, Void>(
    name: "upsert_findings",
    sql: """
      INSERT INTO ledger.finding AS f (project, generation, finding, opened_position,
        resolved_position, acknowledgement, acknowledged_until, data)
      SELECT $1, $2, * FROM unnest($3::text[], $4::bigint[], $5::bigint[], $6::text[],
        $7::timestamptz[], $8::text[])
      ON CONFLICT (project, generation, finding) DO UPDATE SET
        opened_position = EXCLUDED.opened_position,
        resolved_position = EXCLUDED.resolved_position,
        acknowledgement = EXCLUDED.acknowledgement,
        acknowledged_until = EXCLUDED.acknowledged_until, data = EXCLUDED.data
      """,
    types: [
      .text, .int8, .textArray, .int8Array, .int8Array, .textArray, .timestamptzArray, .textArray,
    ],
    bind: { input, out in
      out.text(input.project.text)
      out.int8(input.generation)
      out.textArray(input.rows.map(\.finding.text))
      out.int8Array(input.rows.map(\.state.openedBy.index))
      out.int8Array(input.rows.map { $0.state.resolvedBy?.index })
      out.textArray(input.rows.map { $0.state.acknowledgement.map { canonicalText($0.json) } })
      out.timestamptzArray(input.rows.map { $0.state.acknowledgement?.until?.microseconds })
      out.textArray(input.rows.map { canonicalText($0.state.data) })
    })
}
