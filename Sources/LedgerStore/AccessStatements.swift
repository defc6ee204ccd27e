// AccessStatements: the SQL of the access log.
//
// Called by `PostgresStore`. A row is written once: its key holds the id of a request, so that
// writing it again, when it is not known what became of the first time, changes nothing.

import Ledger
import LedgerServices
import PostgresClient

extension Statements {
  struct AccessRows: Sendable {
    var project: ProjectID?
    var rows: [AccessRow]
  }

  static let insertAccesses = Statement<AccessRows, Void>(
    name: "insert_accesses",
    sql: """
      INSERT INTO ledger.access (project, last_at, request_id, first_at, request_count, credential,
        source_ip, surface, action, secret, stage, status, reason, is_refused)
      SELECT $1, * FROM unnest($2::timestamptz[], $3::text[], $4::timestamptz[], $5::bigint[],
        $6::text[], $7::text[], $8::text[], $9::text[], $10::text[], $11::text[], $12::bigint[],
        $13::text[], $14::boolean[])
      ON CONFLICT (project, last_at, request_id) DO NOTHING
      """,
    types: [
      .text, .timestamptzArray, .textArray, .timestamptzArray, .int8Array, .textArray, .textArray,
      .textArray, .textArray, .textArray, .textArray, .int8Array, .textArray, .boolArray,
    ],
    bind: { input, out in
      let rows = input.rows
      out.text(projectText(input.project))
      out.timestamptzArray(rows.map(\.lastAt.microseconds))
      out.textArray(rows.map(\.requestID))
      out.timestamptzArray(rows.map(\.firstAt.microseconds))
      out.int8Array(rows.map(\.count))
      out.textArray(rows.map(\.access.credential))
      out.textArray(rows.map(\.access.sourceIP))
      out.textArray(rows.map(\.access.surface))
      out.textArray(rows.map(\.access.action))
      out.textArray(rows.map(\.access.secret?.text))
      out.textArray(rows.map(\.access.stage?.text))
      out.int8Array(rows.map(\.access.status))
      out.textArray(rows.map(\.access.verdict.reason))
      out.boolArray(rows.map(\.access.verdict.isRefused))
    })

  struct AccessPageKey: Sendable {
    var project: ProjectID?
    var after: AccessMark
    var limit: Int
  }

  static let accessPage = Statement<AccessPageKey, AccessRow>(
    name: "access_page",
    sql: """
      SELECT project, credential, source_ip, surface, action, secret, stage, status, reason,
        is_refused, first_at, last_at, request_count, request_id
      FROM ledger.access WHERE project = $1 AND (last_at, request_id) > ($2, $3)
      ORDER BY last_at, request_id LIMIT $4
      """,
    types: [.text, .timestamptz, .text, .int8],
    bind: { key, out in
      out.text(projectText(key.project))
      out.timestamptz(key.after.lastAt.microseconds)
      out.text(key.after.requestID)
      out.int8(Int64(key.limit))
    },
    decode: { row throws(PostgresError) in try row.access() })

  /// The column `project` of requests of a project, or of none.
  private static func projectText(_ project: ProjectID?) -> String { project?.text ?? "" }
}

extension RowReader {
  fileprivate mutating func access() throws(PostgresError) -> AccessRow {
    let projectText = try text()
    var project: ProjectID?
    if !projectText.isEmpty {
      do { project = try ProjectID(projectText) } catch { throw .corruptRow(column: "project") }
    }
    let access = Access(
      project: project, credential: try textOrNull(), sourceIP: try textOrNull(),
      surface: try text(), action: try textOrNull(), secret: try nameOrNull("secret"),
      stage: try nameOrNull("stage"), status: try int8(), verdict: try verdict())
    return AccessRow(
      access: access, firstAt: try instant("first_at"), lastAt: try instant("last_at"),
      count: try int8(), requestID: try text())
  }

  /// The columns `reason, is_refused`.
  private mutating func verdict() throws(PostgresError) -> Access.Verdict {
    let reason = try textOrNull()
    switch (reason, try bool()) {
    case (nil, false): return .answered
    case (let reason?, false): return .failed(reason)
    case (let reason?, true): return .refused(reason)
    case (nil, true): throw .corruptRow(column: "reason")
    }
  }
}
