// LeaseStatements: the SQL of leases and of webhooks.
//
// Called by `PostgresStore`'s watch half. Times of leases are the database's own.

import Ledger
import LedgerServices
import PostgresClient

extension Statements {
  struct LeaseKey: Sendable {
    var project: ProjectID
    var lease: LeaseName
    var holder: String
    var duration: Int64
  }

  /// Whoever holds the lease afterwards; no row when another took it just now.
  static let takeLease = Statement<LeaseKey, LeaseHolder>(
    name: "take_lease",
    sql: """
      WITH taken AS (
        INSERT INTO ledger.lease AS l (project, name, holder, taken_at, expires_at)
        VALUES ($1, $2, $3, clock_timestamp(),
          clock_timestamp() + $4::bigint * interval '1 microsecond')
        ON CONFLICT (project, name) DO UPDATE SET holder = EXCLUDED.holder,
          taken_at = CASE WHEN l.holder = EXCLUDED.holder THEN l.taken_at
            ELSE EXCLUDED.taken_at END,
          expires_at = EXCLUDED.expires_at
        WHERE l.holder = EXCLUDED.holder OR l.expires_at <= clock_timestamp()
        RETURNING l.holder, l.taken_at)
      SELECT t.holder, t.taken_at FROM taken t
      UNION ALL
      SELECT h.holder, h.taken_at FROM ledger.lease h
      WHERE h.project = $1 AND h.name = $2 AND NOT EXISTS (SELECT 1 FROM taken)
      """,
    types: [.text, .text, .text, .int8],
    bind: { key, out in
      out.text(key.project.text)
      out.text(key.lease.rawValue)
      out.text(key.holder)
      out.int8(key.duration)
    },
    decode: { row throws(PostgresError) in
      LeaseHolder(name: try row.text(), since: try row.instant("taken_at"))
    })

  static let giveUpLease = Statement<LeaseKey, String>(
    name: "give_up_lease",
    sql: """
      DELETE FROM ledger.lease WHERE project = $1 AND name = $2 AND holder = $3 RETURNING holder
      """,
    types: [.text, .text, .text],
    bind: { key, out in
      out.text(key.project.text)
      out.text(key.lease.rawValue)
      out.text(key.holder)
    },
    decode: { row throws(PostgresError) in try row.text() })

  static let webhook = Statement<ProjectID, Webhook>(
    name: "webhook",
    sql: """
      SELECT project, url, secret_file, next_position FROM ledger.webhook WHERE project = $1
      """,
    types: [.text],
    bind: { project, out in out.text(project.text) },
    decode: { row throws(PostgresError) in try row.webhook() })

  static let webhookPage = Statement<(after: ProjectID?, limit: Int), Webhook>(
    name: "webhook_page",
    sql: """
      SELECT project, url, secret_file, next_position FROM ledger.webhook
      WHERE project > $1 ORDER BY project LIMIT $2
      """,
    types: [.text, .int8],
    bind: { key, out in
      out.text(key.after?.text ?? "")
      out.int8(Int64(key.limit))
    },
    decode: { row throws(PostgresError) in try row.webhook() })

  static let setWebhook = Statement<Webhook, String>(
    name: "set_webhook",
    sql: """
      INSERT INTO ledger.webhook (project, url, secret_file, next_position)
      VALUES ($1, $2, $3, $4)
      ON CONFLICT (project) DO UPDATE SET url = EXCLUDED.url, secret_file = EXCLUDED.secret_file,
        next_position = EXCLUDED.next_position
      RETURNING project
      """,
    types: [.text, .text, .text, .int8],
    bind: { webhook, out in
      out.text(webhook.project.text)
      out.text(webhook.url)
      out.text(webhook.secretFile)
      out.int8(webhook.next.index)
    },
    decode: { row throws(PostgresError) in try row.text() })

  static let removeWebhook = Statement<ProjectID, String>(
    name: "remove_webhook",
    sql: "DELETE FROM ledger.webhook WHERE project = $1 RETURNING project",
    types: [.text],
    bind: { project, out in out.text(project.text) },
    decode: { row throws(PostgresError) in try row.text() })

  struct WebhookStep: Sendable {
    var project: ProjectID
    var from: Position
    var to: Position
  }

  static let advanceWebhook = Statement<WebhookStep, String>(
    name: "advance_webhook",
    sql: """
      UPDATE ledger.webhook SET next_position = $3 WHERE project = $1 AND next_position = $2
      RETURNING project
      """,
    types: [.text, .int8, .int8],
    bind: { step, out in
      out.text(step.project.text)
      out.int8(step.from.index)
      out.int8(step.to.index)
    },
    decode: { row throws(PostgresError) in try row.text() })
}

extension RowReader {
  fileprivate mutating func webhook() throws(PostgresError) -> Webhook {
    Webhook(
      project: try name("project"), url: try text(), secretFile: try text(),
      next: try position("next_position"))
  }
}
