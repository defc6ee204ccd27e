// RequestStatements: the SQL of the changes clouds are asked for.
//
// Called by appends of projects whose changes are passed on, by whoever settles them, by the
// rebuild and by `verify`. Other projects have no rows here and pay for none.

import Ledger
import LedgerServices
import PostgresClient

extension Statements {
  /// The open requests of these secrets; nil `generation`: the live one.
  static let appendRequests = Statement<SecretsKey, RequestState>(
    name: "append_requests",
    sql: """
      SELECT r.position, r.secret, r.deadline, r.unresolved_position, r.settled_position
      FROM unnest($3::text[]) AS q (secret)
      CROSS JOIN LATERAL (
        SELECT t.* FROM ledger.change_request t
        WHERE t.project = $1 AND t.secret = q.secret AND t.settled_position IS NULL
          AND t.generation = COALESCE($2,
            (SELECT p.generation FROM ledger.project p WHERE p.project = $1))
        LIMIT 1) AS r
      """,
    types: [.text, .int8, .textArray],
    bind: { key, out in
      out.text(key.project.text)
      out.int8(key.generation)
      out.textArray(key.secrets.map(\.text))
    },
    decode: { row throws(PostgresError) in try row.requestState() })

  struct RequestKey: Sendable {
    var project: ProjectID
    var secret: SecretName
    var position: Position
  }

  static let requestByPosition = Statement<RequestKey, RequestState>(
    name: "request_by_position",
    sql: """
      SELECT r.position, r.secret, r.deadline, r.unresolved_position, r.settled_position
      FROM ledger.change_request r
      WHERE r.project = $1 AND r.secret = $2 AND r.position = $3
        AND r.generation = (SELECT p.generation FROM ledger.project p WHERE p.project = $1)
      """,
    types: [.text, .text, .int8],
    bind: { key, out in
      out.text(key.project.text)
      out.text(key.secret.text)
      out.int8(key.position.index)
    },
    decode: { row throws(PostgresError) in try row.requestState() })

  struct OpenRequestsKey: Sendable {
    var project: ProjectID
    var limit: Int
  }

  static let openRequests = Statement<OpenRequestsKey, RequestState>(
    name: "open_requests",
    sql: """
      SELECT r.position, r.secret, r.deadline, r.unresolved_position, r.settled_position
      FROM ledger.change_request r
      WHERE r.project = $1 AND r.settled_position IS NULL
        AND r.generation = (SELECT p.generation FROM ledger.project p WHERE p.project = $1)
      ORDER BY r.position LIMIT $2
      """,
    types: [.text, .int8],
    bind: { key, out in
      out.text(key.project.text)
      out.int8(Int64(key.limit))
    },
    decode: { row throws(PostgresError) in try row.requestState() })

  /// All requests about these secrets, in the live generation.
  static let secretRequests = Statement<SecretsKey, RequestState>(
    name: "secret_requests",
    sql: """
      SELECT r.position, r.secret, r.deadline, r.unresolved_position, r.settled_position
      FROM ledger.change_request r
      WHERE r.project = $1 AND r.secret = ANY ($3) AND r.generation = COALESCE($2,
        (SELECT p.generation FROM ledger.project p WHERE p.project = $1))
      """,
    types: [.text, .int8, .textArray],
    bind: { key, out in
      out.text(key.project.text)
      out.int8(key.generation)
      out.textArray(key.secrets.map(\.text))
    },
    decode: { row throws(PostgresError) in try row.requestState() })

  struct RequestRows: Sendable {
    var project: ProjectID
    var generation: Int64
    /// In order of position: one that is settled gives way to the next of its secret.
    var rows: [RequestState]
  }

  static let upsertRequests = Statement<RequestRows, Void>(
    name: "upsert_requests",
    sql: """
      INSERT INTO ledger.change_request AS r (project, generation, secret, position, deadline,
        unresolved_position, settled_position)
      SELECT $1, $2, * FROM unnest($3::text[], $4::bigint[], $5::timestamptz[], $6::bigint[],
        $7::bigint[])
      ON CONFLICT (project, generation, secret, position) DO UPDATE SET
        unresolved_position = EXCLUDED.unresolved_position,
        settled_position = EXCLUDED.settled_position
      """,
    types: [
      .text, .int8, .textArray, .int8Array, .timestamptzArray, .int8Array, .int8Array,
    ],
    bind: { input, out in
      out.text(input.project.text)
      out.int8(input.generation)
      out.textArray(input.rows.map(\.secret.text))
      out.int8Array(input.rows.map(\.position.index))
      out.timestamptzArray(input.rows.map(\.deadline.microseconds))
      out.int8Array(input.rows.map { $0.unresolvedBy?.index })
      out.int8Array(input.rows.map { $0.settledBy?.index })
    })

  static let discardRequests = Statement<ProjectID, Void>(
    name: "discard_requests",
    sql: """
      DELETE FROM ledger.change_request WHERE project = $1
        AND generation <> (SELECT generation FROM ledger.project WHERE project = $1)
      """,
    types: [.text], bind: { project, out in out.text(project.text) })
}

extension RowReader {
  /// The columns `position, secret, deadline, unresolved_position, settled_position`.
  mutating func requestState() throws(PostgresError) -> RequestState {
    let position = try position("position")
    let secret: SecretName = try name("secret")
    let deadline = try instant("deadline")
    let unresolvedBy = try positionOrNull("unresolved_position")
    return RequestState(
      position: position, secret: secret, deadline: deadline, unresolvedBy: unresolvedBy,
      settledBy: try positionOrNull("settled_position"))
  }
}
