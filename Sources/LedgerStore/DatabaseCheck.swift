// DatabaseCheck: what the service should know of its database before it promises anything.
//
// Called by the program at start. More rights than needed, or a server that does not write to disk
// before it answers, are said aloud; the edge decides whether to go on.

public import LedgerServices
import PostgresClient

/// What a database is found to be.
public struct DatabaseCheck: Hashable, Sendable {
  /// The role we act as.
  public var role: String
  /// What the role may do that the service must not: words such as `UPDATE on ledger.event`.
  public var excessRights: [String]
  /// Settings that break the promise that what was acknowledged is on disk.
  public var unsafeSettings: [String]
}

extension Statements {
  static let databaseCheck = Statement<Void, (String, [Bool], [String])>(
    name: "database_check",
    sql: """
      SELECT current_user::text, r.rolsuper,
        has_table_privilege('ledger.event', 'UPDATE'),
        has_table_privilege('ledger.event', 'DELETE'),
        has_table_privilege('ledger.event', 'TRUNCATE'),
        has_table_privilege('ledger.access', 'UPDATE'),
        has_table_privilege('ledger.access', 'DELETE'),
        pg_has_role('stageledger_owner', 'MEMBER'),
        current_setting('fsync'), current_setting('full_page_writes'),
        current_setting('synchronous_commit')
      FROM pg_roles r WHERE r.rolname = current_user
      """,
    bind: { _, _ in },
    decode: { row throws(PostgresError) in
      (
        try row.text(),
        [
          try row.bool(), try row.bool(), try row.bool(), try row.bool(), try row.bool(),
          try row.bool(), try row.bool(),
        ],
        [try row.text(), try row.text(), try row.text()]
      )
    })
}

extension PostgresStore {
  /// Looks at the rights of our role and at the server's durability.
  public func check() async throws(StoreError) -> DatabaseCheck {
    guard let (role, rights, settings) = try await read(Statements.databaseCheck, ()).first else {
      throw .corrupt("the database does not know our role")
    }
    let rightNames = [
      "superuser", "UPDATE on ledger.event", "DELETE on ledger.event",
      "TRUNCATE on ledger.event", "UPDATE on ledger.access", "DELETE on ledger.access",
      "member of stageledger_owner",
    ]
    let settingNames = ["fsync", "full_page_writes", "synchronous_commit"]
    return DatabaseCheck(
      role: role, excessRights: zip(rightNames, rights).filter(\.1).map(\.0),
      unsafeSettings: zip(settingNames, settings).filter { $0.1 == "off" }.map {
        "\($0.0) = \($0.1)"
      })
  }
}
