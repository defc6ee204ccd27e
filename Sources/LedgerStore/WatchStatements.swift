// WatchStatements: the SQL of the watch over a cloud: what it vouches for, and where it stands.
//
// Called by `PostgresStore`'s watch half. `WatchHistory` is the same as a plain fold; what is said
// of one label at one moment is part of `stage_answer`.

import Ledger
import LedgerServices
import PostgresClient

extension Statements {
  struct WindowKey: Sendable {
    var project: ProjectID
    var from: Instant
    var until: Instant
    var knownSize: TreeSize
  }

  /// What can be vouched for of all labels at every moment of a window.
  static let windowCoverage = Statement<WindowKey, Coverage>(
    name: "window_coverage",
    sql: """
      SELECT CASE
        WHEN q.is_on AND NOT q.is_doubtful
          AND NOT EXISTS (SELECT 1 FROM ledger.event x
            WHERE x.project = $1 AND x.type IN ('watch.started', 'watch.stopped')
              AND x.effective_at > $2 AND x.effective_at < $3 AND x.position < $4)
          AND NOT EXISTS (SELECT 1 FROM ledger.event g
            WHERE g.project = $1 AND g.type = 'watch.gap' AND g.effective_at > $2
              AND g.effective_after < $3 AND g.position < $4)
          AND EXISTS (SELECT 1 FROM (
              SELECT l.effective_at, l.position FROM ledger.event l
              WHERE l.project = $1 AND l.type = 'reconciliation.completed'
                AND l.effective_at >= $3 AND l.position < $4
                AND COALESCE(l.effective_after, l.effective_at) >= $3
              ORDER BY l.effective_at, l.position LIMIT 1) AS l
            WHERE NOT EXISTS (SELECT 1 FROM ledger.event s
              WHERE s.project = $1 AND s.type = 'watch.stopped'
                AND s.effective_at > $2 AND s.position < $4
                AND (s.effective_at, s.position) < (l.effective_at, l.position)))
          THEN 'complete'
        WHEN q.is_on OR q.is_doubtful OR EXISTS (SELECT 1 FROM ledger.event x
            WHERE x.project = $1 AND x.type = 'watch.started'
              AND x.effective_at > $2 AND x.effective_at < $3 AND x.position < $4)
          THEN 'gap'
        ELSE 'not_watched'
      END
      FROM (SELECT
        COALESCE((SELECT w.type FROM ledger.event w
          WHERE w.project = $1 AND w.type IN ('watch.started', 'watch.stopped')
            AND w.effective_at <= $2 AND w.position < $4
          ORDER BY w.effective_at DESC, w.position DESC LIMIT 1) = 'watch.started', false)
          AS is_on,
        EXISTS (SELECT 1 FROM ledger.event u
          WHERE u.project = $1 AND u.type = 'change.unresolved' AND u.position < $4
            AND (u.effective_at < $3 OR u.effective_after < $3 - interval '1 microsecond')
            AND NOT EXISTS (SELECT 1 FROM ledger.event c
              WHERE c.project = $1 AND c.secret = u.secret AND c.stage = u.stage
                AND c.type IN ('stage.assigned', 'stage.removed', 'change.refined')
                AND c.effective_at >= u.effective_at AND c.effective_at <= $2
                AND c.position < $4
                AND (SELECT r.position FROM ledger.event r
                  WHERE r.project = $1 AND r.refines = COALESCE(c.refines, c.position)
                    AND r.position > c.position AND r.position < $4
                  ORDER BY r.position LIMIT 1) IS NULL)) AS is_doubtful) AS q
      """,
    types: [.text, .timestamptz, .timestamptz, .int8],
    bind: { key, out in
      out.text(key.project.text)
      out.timestamptz(key.from.microseconds)
      out.timestamptz(key.until.microseconds)
      out.int8(key.knownSize.count)
    },
    decode: { row throws(PostgresError) in try row.coverage() })

  /// The last event of each type that tells where the watch stands.
  static let watchEvents = Statement<ProjectID, StoredEvent>(
    name: "watch_events",
    sql: """
      SELECT e.position, e.canonical
      FROM unnest(ARRAY['watch.started', 'watch.stopped']) AS t (type)
      CROSS JOIN LATERAL (SELECT w.position, w.canonical FROM ledger.event w
        WHERE w.project = $1 AND w.type = t.type
          AND w.type IN ('watch.started', 'watch.stopped')
        ORDER BY w.effective_at DESC, w.position DESC LIMIT 1) AS e
      UNION ALL (SELECT g.position, g.canonical FROM ledger.event g
        WHERE g.project = $1 AND g.type = 'watch.gap'
        ORDER BY g.effective_at DESC, g.position DESC LIMIT 1)
      UNION ALL (SELECT l.position, l.canonical FROM ledger.event l
        WHERE l.project = $1 AND l.type = 'reconciliation.completed'
        ORDER BY l.effective_at DESC, l.position DESC LIMIT 1)
      ORDER BY position
      """,
    types: [.text],
    bind: { project, out in out.text(project.text) },
    decode: { row throws(PostgresError) in
      StoredEvent(position: try row.position("position"), bytes: try row.bytes())
    })
}

extension RowReader {
  /// A column of a word of `Coverage`.
  mutating func coverage() throws(PostgresError) -> Coverage {
    guard let coverage = Coverage(rawValue: try text()) else {
      throw .corruptRow(column: "coverage")
    }
    return coverage
  }
}
