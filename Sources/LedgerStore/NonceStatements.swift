// NonceStatements: the SQL of the nonces that signed requests bring.
//
// Called by `PostgresStore.claim`, the claim first. Whoever claims a row another transaction has
// just written waits for its end and looks again; whoever forgets rows leaves out those that
// somebody holds, so that it waits for nobody and no two of them can wait for each other.

import Ledger
import LedgerServices
import PostgresClient

extension Statements {
  struct NonceRows: Sendable {
    var project: ProjectID
    var claims: [NonceClaim]
    var now: Instant
  }

  /// The nonces that are now taken by these claims.
  static let claimNonces = Statement<NonceRows, NonceKey>(
    name: "claim_nonces",
    sql: """
      INSERT INTO ledger.nonce (project, access_key, nonce_sha256, expires_at)
      SELECT $1, * FROM unnest($2::text[], $3::bytea[], $4::timestamptz[])
      ON CONFLICT (project, access_key, nonce_sha256)
      DO UPDATE SET expires_at = EXCLUDED.expires_at WHERE nonce.expires_at < $5
      RETURNING access_key, nonce_sha256
      """,
    types: [.text, .textArray, .byteaArray, .timestamptzArray, .timestamptz],
    bind: { rows, out in
      out.text(rows.project.text)
      out.textArray(rows.claims.map(\.key.accessKey))
      out.bytesArray(rows.claims.map(\.key.digest))
      out.timestamptzArray(rows.claims.map(\.until.microseconds))
      out.timestamptz(rows.now.microseconds)
    },
    decode: { row throws(PostgresError) in
      NonceKey(accessKey: try row.text(), digest: try row.bytes())
    })

  struct OldNonces: Sendable {
    var project: ProjectID
    var before: Instant
    var limit: Int
  }

  /// Takes away the oldest rows whose time is over.
  static let forgetNonces = Statement<OldNonces, Void>(
    name: "forget_nonces",
    sql: """
      WITH old AS MATERIALIZED (
        SELECT access_key, nonce_sha256 FROM ledger.nonce
        WHERE project = $1 AND expires_at < $2
        ORDER BY expires_at LIMIT $3 FOR UPDATE SKIP LOCKED)
      DELETE FROM ledger.nonce n USING old
      WHERE n.project = $1 AND n.access_key = old.access_key
        AND n.nonce_sha256 = old.nonce_sha256 AND n.expires_at < $2
      """,
    types: [.text, .timestamptz, .int8],
    bind: { old, out in
      out.text(old.project.text)
      out.timestamptz(old.before.microseconds)
      out.int8(Int64(old.limit))
    })
}
