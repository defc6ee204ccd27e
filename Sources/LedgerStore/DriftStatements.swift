// DriftStatements: the SQL of findings, of the events about them, and of the runs that make them.
//
// Called by `PostgresStore`'s drift half. Findings are read from the live generation of the
// projection; what was drift earlier is folded from the events.

import CanonicalJSON
import Ledger
import LedgerServices
import PostgresClient

extension Statements {
  static let openFindings = Statement<ProjectID, FindingRow>(
    name: "open_findings",
    sql: """
      SELECT f.finding, f.opened_position, f.resolved_position, f.acknowledgement, f.data
      FROM ledger.finding f
      WHERE f.project = $1 AND f.resolved_position IS NULL
        AND f.generation = (SELECT p.generation FROM ledger.project p WHERE p.project = $1)
      ORDER BY f.finding LIMIT 100000
      """,
    types: [.text],
    bind: { project, out in out.text(project.text) },
    decode: { row throws(PostgresError) in try row.findingRow() })

  struct FindingKey: Sendable {
    var project: ProjectID
    var finding: FindingID
  }

  static let findingByID = Statement<FindingKey, FindingRow>(
    name: "finding_by_id",
    sql: """
      SELECT f.finding, f.opened_position, f.resolved_position, f.acknowledgement, f.data
      FROM ledger.finding f
      WHERE f.project = $1 AND f.finding = $2
        AND f.generation = (SELECT p.generation FROM ledger.project p WHERE p.project = $1)
      ORDER BY f.finding LIMIT 1
      """,
    types: [.text, .text],
    bind: { key, out in
      out.text(key.project.text)
      out.text(key.finding.text)
    },
    decode: { row throws(PostgresError) in try row.findingRow() })

  struct FindingPageKey: Sendable {
    var project: ProjectID
    var standing: FindingState.Standing?
    var moment: Instant
    var after: FindingID?
    var limit: Int
  }

  static let findingPage = Statement<FindingPageKey, FindingRow>(
    name: "finding_page",
    sql: """
      SELECT f.finding, f.opened_position, f.resolved_position, f.acknowledgement, f.data
      FROM ledger.finding f
      WHERE f.project = $1 AND f.finding > $2
        AND f.generation = (SELECT p.generation FROM ledger.project p WHERE p.project = $1)
        AND ($3::text IS NULL OR $3 = CASE
          WHEN f.resolved_position IS NOT NULL THEN 'resolved'
          WHEN f.acknowledgement IS NULL OR f.acknowledged_until <= $4 THEN 'open'
          ELSE 'acknowledged' END)
      ORDER BY f.finding LIMIT $5
      """,
    types: [.text, .text, .text, .timestamptz, .int8],
    bind: { key, out in
      out.text(key.project.text)
      out.text(key.after?.text ?? "")
      out.text(key.standing?.rawValue)
      out.timestamptz(key.moment.microseconds)
      out.int8(Int64(key.limit))
    },
    decode: { row throws(PostgresError) in try row.findingRow() })

  static let driftEvents = Statement<EventPageKey, StoredEvent>(
    name: "drift_events",
    sql: """
      SELECT position, canonical FROM ledger.event
      WHERE project = $1 AND position >= $2
        AND type IN ('drift.opened', 'drift.resolved', 'drift.acknowledged')
      ORDER BY position LIMIT $3
      """,
    types: [.text, .int8, .int8],
    bind: { key, out in
      out.text(key.project.text)
      out.int8(key.from.index)
      out.int8(Int64(key.limit))
    },
    decode: { row throws(PostgresError) in
      StoredEvent(position: try row.position("position"), bytes: try row.bytes())
    })

  struct EventsKey: Sendable {
    var project: ProjectID
    var positions: [Position]
  }

  static let eventsAt = Statement<EventsKey, StoredEvent>(
    name: "events_at",
    sql: """
      SELECT position, canonical FROM ledger.event
      WHERE project = $1 AND position = ANY ($2) ORDER BY position LIMIT 100000
      """,
    types: [.text, .int8Array],
    bind: { key, out in
      out.text(key.project.text)
      out.int8Array(key.positions.map(\.index))
    },
    decode: { row throws(PostgresError) in
      StoredEvent(position: try row.position("position"), bytes: try row.bytes())
    })

  struct RunRow: Sendable {
    var project: ProjectID
    var run: RunID
    var moment: Instant
    var outcome: DriftRun.Outcome?
  }

  static let beginRun = Statement<RunRow, String>(
    name: "begin_run",
    sql: """
      INSERT INTO ledger.drift_run (project, run, started_at) VALUES ($1, $2, $3)
      ON CONFLICT (project, run) DO NOTHING RETURNING run
      """,
    types: [.text, .text, .timestamptz],
    bind: { row, out in
      out.text(row.project.text)
      out.text(row.run.text)
      out.timestamptz(row.moment.microseconds)
    },
    decode: { row throws(PostgresError) in try row.text() })

  static let endRun = Statement<RunRow, Void>(
    name: "end_run",
    sql: """
      UPDATE ledger.drift_run SET ended_at = $3, position = $4, failure = $5
      WHERE project = $1 AND run = $2 AND ended_at IS NULL
      """,
    types: [.text, .text, .timestamptz, .int8, .text],
    bind: { row, out in
      out.text(row.project.text)
      out.text(row.run.text)
      out.timestamptz(row.moment.microseconds)
      switch row.outcome {
      case .completed(let position):
        out.int8(position.index)
        out.text(nil)
      case .failed(let why):
        out.int8(nil)
        out.text(why)
      case nil:
        out.int8(nil)
        out.text(nil)
      }
    })

  static let runByID = Statement<RunRow, DriftRun>(
    name: "run_by_id",
    sql: """
      SELECT run, started_at, ended_at, position, failure FROM ledger.drift_run
      WHERE project = $1 AND run = $2 ORDER BY run LIMIT 1
      """,
    types: [.text, .text],
    bind: { row, out in
      out.text(row.project.text)
      out.text(row.run.text)
    },
    decode: { row throws(PostgresError) in try row.driftRun() })

  struct RunPageKey: Sendable {
    var project: ProjectID
    var after: RunPlace?
    var limit: Int
  }

  static let runPage = Statement<RunPageKey, DriftRun>(
    name: "run_page",
    sql: """
      SELECT run, started_at, ended_at, position, failure FROM ledger.drift_run
      WHERE project = $1 AND (started_at, run) < ($2, $3)
      ORDER BY started_at DESC, run DESC LIMIT $4
      """,
    types: [.text, .timestamptz, .text, .int8],
    bind: { key, out in
      out.text(key.project.text)
      out.timestamptz((key.after?.startedAt ?? .latest).microseconds)
      out.text(key.after?.id.text ?? "")
      out.int8(Int64(key.limit))
    },
    decode: { row throws(PostgresError) in try row.driftRun() })
}

extension RowReader {
  /// The columns `run, started_at, ended_at, position, failure`.
  fileprivate mutating func driftRun() throws(PostgresError) -> DriftRun {
    let id: RunID = try name("run")
    let startedAt = try instant("started_at")
    let endedAt = try instantOrNull("ended_at")
    let position = try positionOrNull("position")
    let outcome: DriftRun.Outcome?
    switch (position, try textOrNull()) {
    case (let position?, nil): outcome = .completed(position)
    case (nil, let why?): outcome = .failed(why)
    case (nil, nil): outcome = nil
    case (_?, _?): throw .corruptRow(column: "failure")
    }
    return DriftRun(id: id, startedAt: startedAt, endedAt: endedAt, outcome: outcome)
  }
}
