// The tenant half of the store: projects, their empty logs, and credentials.
//
// Called by `Tenants` for every request it does not remember, and by the command line.

public import Ledger
public import LedgerServices
import PostgresClient

extension PostgresStore: TenantStore {
  public func project(_ id: ProjectID) async throws(StoreError) -> Project? {
    try await read(Statements.projectByID, id).first
  }

  public func projects(
    after: ProjectID?, limit: Int
  ) async throws(StoreError) -> [Project] {
    try await read(Statements.projectPage, (after, limit))
  }

  public func create(_ project: Project) async throws(StoreError) {
    var batch = PostgresBatch()
    batch.add(Statements.insertProject, project)
    batch.add(Statements.insertHead, project.id)
    _ = try await write(batch, within: deadlines.write)
  }

  public func update(_ project: Project) async throws(StoreError) {
    let rows = try await write(Statements.updateProject, project)
    guard !rows.isEmpty else { throw .projectNotFound }
  }

  public func credential(tokenDigest: [UInt8]) async throws(StoreError) -> Credential? {
    try await read(Statements.credentialByToken, tokenDigest).first
  }

  public func credentials(of project: ProjectID) async throws(StoreError) -> [Credential] {
    try await read(Statements.credentials, project)
  }

  public func create(
    _ credential: Credential, tokenDigest: [UInt8]
  ) async throws(StoreError) {
    _ = try await write(Statements.insertCredential, (credential, tokenDigest))
  }

  public func revokeCredential(
    named name: String, of project: ProjectID, at moment: Instant
  ) async throws(StoreError) -> Bool {
    let rows = try await write(
      Statements.revokeCredential,
      Statements.RevocationKey(project: project, name: name, moment: moment))
    return !rows.isEmpty
  }
}
