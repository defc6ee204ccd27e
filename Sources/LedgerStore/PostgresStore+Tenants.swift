// The tenant half of the store: projects, their empty logs, and credentials.
//
// Called by `Tenants` for every request it does not remember, and by the command line.

public import Ledger
public import LedgerServices
import PostgresClient

extension PostgresStore: TenantStore {
  /// One look-up by key.
  public func project(_ id: ProjectID) async throws(StoreError) -> Project? {
    try await read(Statements.projectByID, id).first
  }

  /// One range of the projects' key.
  public func projects(
    after: ProjectID?, limit: Int
  ) async throws(StoreError) -> [Project] {
    try await read(Statements.projectPage, (after, limit))
  }

  /// Inserts the row; a project gets its empty log in the same transaction.
  public func create(_ project: Project) async throws(StoreError) {
    var batch = PostgresBatch()
    batch.add(Statements.insertProject, project)
    batch.add(Statements.insertHead, project.id)
    _ = try await write(batch, within: deadlines.write)
  }

  /// Replaces every column that can be set.
  public func update(_ project: Project) async throws(StoreError) {
    let rows = try await write(Statements.updateProject, project)
    guard !rows.isEmpty else { throw .projectNotFound }
  }

  /// One look-up by the digest of the token.
  public func credential(tokenDigest: [UInt8]) async throws(StoreError) -> Credential? {
    try await read(Statements.credentialByToken, tokenDigest).first
  }

  /// One range of the credentials' key.
  public func credentials(of project: ProjectID) async throws(StoreError) -> [Credential] {
    try await read(Statements.credentials, project)
  }

  /// One look-up by the access key.
  public func signer(accessKey: String) async throws(StoreError) -> Signer? {
    try await read(Statements.signerByAccessKey, accessKey).first
  }

  /// One range of the credentials' key.
  public func signers(
    of project: ProjectID, after: String?, limit: Int
  ) async throws(StoreError) -> [Signer] {
    try await read(
      Statements.signers,
      Statements.SignerPageKey(project: project, after: after, limit: limit))
  }

  /// Inserts the row.
  public func create(
    _ credential: Credential, tokenDigest: [UInt8], secretKey: SealedSecretKey?
  ) async throws(StoreError) {
    _ = try await write(
      Statements.insertCredential,
      Statements.NewCredential(
        credential: credential, digest: tokenDigest, secretKey: secretKey))
  }

  /// Changes the row if it still holds what was read.
  public func replace(
    _ old: Signer, with secretKey: SealedSecretKey
  ) async throws(StoreError) -> Bool {
    let rows = try await write(Statements.replaceSecretKey, (old, secretKey))
    return !rows.isEmpty
  }

  /// Sets the time of revocation once.
  public func revokeCredential(
    named name: String, of project: ProjectID, at moment: Instant
  ) async throws(StoreError) -> Bool {
    let rows = try await write(
      Statements.revokeCredential,
      Statements.RevocationKey(project: project, name: name, moment: moment))
    return !rows.isEmpty
  }
}
