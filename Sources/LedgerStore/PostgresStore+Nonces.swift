// The nonces of the store: claimed in one transaction, of one round trip and one fsync.
//
// Called by `Nonces` for all claims that have gathered. Invariant: rows are claimed in the order of
// their key, so that two instances cannot wait for each other.

public import Ledger
public import LedgerServices
import PostgresClient

extension PostgresStore: NonceStore {
  /// Claims, then forgets what is long over.
  public func claim(
    _ batch: NonceBatch, in project: ProjectID
  ) async throws(StoreError) -> Set<NonceKey> {
    var statements = PostgresBatch()
    statements.add(Statements.begin)
    let taken = statements.add(
      Statements.claimNonces,
      Statements.NonceRows(
        project: project, claims: batch.claims.sorted { $0.key.precedes($1.key) },
        now: batch.now))
    statements.add(
      Statements.forgetNonces,
      Statements.OldNonces(
        project: project, before: batch.forgetBefore, limit: batch.forgetMax))
    statements.add(Statements.commit)
    let results = try await write(statements, within: deadlines.write)
    do throws(PostgresError) { return Set(try results[taken]) } catch { throw StoreError(error) }
  }
}

extension NonceKey {
  /// Whether the row of this nonce is claimed before the other's.
  fileprivate func precedes(_ other: NonceKey) -> Bool {
    accessKey == other.accessKey
      ? digest.lexicographicallyPrecedes(other.digest) : accessKey < other.accessKey
  }
}
