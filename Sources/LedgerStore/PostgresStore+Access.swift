// The access log of the store.
//
// Called by `AccessLog`, which writes, and by the command line, which reads.

public import Ledger
public import LedgerServices

extension PostgresStore: AccessStore {
  /// Inserts the rows that are not there.
  public func add(_ rows: [AccessRow], to project: ProjectID?) async throws(StoreError) {
    _ = try await write(
      Statements.insertAccesses, Statements.AccessRows(project: project, rows: rows))
  }

  /// One range of the log's key.
  public func accesses(
    of project: ProjectID?, after: AccessMark, limit: Int
  ) async throws(StoreError) -> [AccessRow] {
    try await read(
      Statements.accessPage,
      Statements.AccessPageKey(project: project, after: after, limit: limit))
  }
}
