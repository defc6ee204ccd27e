// TenantStatements: the SQL of projects and credentials.
//
// Called by `PostgresStore`'s tenant half. Policies are stored as canonical JSON, tokens as
// SHA-256.

import CanonicalJSON
import Ledger
import LedgerServices
import PostgresClient

extension Statements {
  static let projectByID = Statement<ProjectID, Project>(
    name: "project_by_id",
    sql: """
      SELECT project, provider, not_found_status, upstream_mode, upstream_url, upstream_project,
        upstream_region, upstream_token_file, upstream_access_key, upstream_secret_key_file,
        created_at
      FROM ledger.project WHERE project = $1
      """,
    types: [.text],
    bind: { project, out in out.text(project.text) },
    decode: { row throws(PostgresError) in try row.project() })

  static let projectPage = Statement<(after: ProjectID?, limit: Int), Project>(
    name: "project_page",
    sql: """
      SELECT project, provider, not_found_status, upstream_mode, upstream_url, upstream_project,
        upstream_region, upstream_token_file, upstream_access_key, upstream_secret_key_file,
        created_at
      FROM ledger.project WHERE project > $1 ORDER BY project LIMIT $2
      """,
    types: [.text, .int8],
    bind: { key, out in
      out.text(key.after?.text ?? "")
      out.int8(Int64(key.limit))
    },
    decode: { row throws(PostgresError) in try row.project() })

  static let insertProject = Statement<Project, Void>(
    name: "insert_project",
    sql: """
      INSERT INTO ledger.project (project, provider, not_found_status, upstream_mode, upstream_url,
        upstream_project, upstream_region, upstream_token_file, upstream_access_key,
        upstream_secret_key_file, created_at, generation)
      VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, 0)
      """,
    types: [
      .text, .text, .text, .text, .text, .text, .text, .text, .text, .text, .timestamptz,
    ],
    bind: { project, out in
      out.settings(project)
      out.timestamptz(project.createdAt.microseconds)
    })

  static let insertHead = Statement<ProjectID, Void>(
    name: "insert_head",
    sql: """
      INSERT INTO ledger.head (project, next_position, last_recorded_at, tree_edge)
      VALUES ($1, 0, NULL, '')
      """,
    types: [.text],
    bind: { project, out in out.text(project.text) })

  static let updateProject = Statement<Project, Int64>(
    name: "update_project",
    sql: """
      UPDATE ledger.project SET provider = $2, not_found_status = $3, upstream_mode = $4,
        upstream_url = $5, upstream_project = $6, upstream_region = $7, upstream_token_file = $8,
        upstream_access_key = $9, upstream_secret_key_file = $10
      WHERE project = $1 RETURNING generation
      """,
    types: [.text, .text, .text, .text, .text, .text, .text, .text, .text, .text],
    bind: { project, out in out.settings(project) },
    decode: { row throws(PostgresError) in try row.int8() })

  static let credentialByToken = Statement<[UInt8], Credential>(
    name: "credential_by_token",
    sql: """
      SELECT project, name, policy, created_at, revoked_at FROM ledger.credential
      WHERE token_sha256 = $1 AND revoked_at IS NULL LIMIT 1
      """,
    types: [.bytea],
    bind: { digest, out in out.bytes(digest) },
    decode: { row throws(PostgresError) in try row.credential() })

  static let credentials = Statement<ProjectID, Credential>(
    name: "credentials",
    sql: """
      SELECT project, name, policy, created_at, revoked_at FROM ledger.credential
      WHERE project = $1 ORDER BY name LIMIT 10000
      """,
    types: [.text],
    bind: { project, out in out.text(project.text) },
    decode: { row throws(PostgresError) in try row.credential() })

  static let signerByAccessKey = Statement<String, Signer>(
    name: "signer_by_access_key",
    sql: """
      SELECT project, name, policy, created_at, revoked_at, access_key, secret_key_id,
        secret_key_sealed
      FROM ledger.credential WHERE access_key = $1 AND revoked_at IS NULL ORDER BY project LIMIT 1
      """,
    types: [.text],
    bind: { accessKey, out in out.text(accessKey) },
    decode: { row throws(PostgresError) in try row.signer() })

  struct SignerPageKey: Sendable {
    var project: ProjectID
    var after: String?
    var limit: Int
  }

  static let signers = Statement<SignerPageKey, Signer>(
    name: "signers",
    sql: """
      SELECT project, name, policy, created_at, revoked_at, access_key, secret_key_id,
        secret_key_sealed
      FROM ledger.credential
      WHERE project = $1 AND name > $2 AND access_key IS NOT NULL ORDER BY name LIMIT $3
      """,
    types: [.text, .text, .int8],
    bind: { key, out in
      out.text(key.project.text)
      out.text(key.after ?? "")
      out.int8(Int64(key.limit))
    },
    decode: { row throws(PostgresError) in try row.signer() })

  static let replaceSecretKey = Statement<(old: Signer, secretKey: SealedSecretKey), String>(
    name: "replace_secret_key",
    sql: """
      UPDATE ledger.credential SET secret_key_id = $5, secret_key_sealed = $6
      WHERE project = $1 AND name = $2 AND access_key = $3 AND secret_key_sealed = $4
      RETURNING name
      """,
    types: [.text, .text, .text, .bytea, .text, .bytea],
    bind: { input, out in
      out.text(input.old.credential.project.text)
      out.text(input.old.credential.name)
      out.text(input.old.secretKey.accessKey)
      out.bytes(input.old.secretKey.sealed)
      out.text(input.secretKey.keyID)
      out.bytes(input.secretKey.sealed)
    },
    decode: { row throws(PostgresError) in try row.text() })

  struct NewCredential: Sendable {
    var credential: Credential
    var digest: [UInt8]
    var secretKey: SealedSecretKey?
  }

  static let insertCredential = Statement<NewCredential, Void>(
    name: "insert_credential",
    sql: """
      INSERT INTO ledger.credential (project, name, token_sha256, policy, created_at, access_key,
        secret_key_id, secret_key_sealed)
      VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
      """,
    types: [.text, .text, .bytea, .text, .timestamptz, .text, .text, .bytea],
    bind: { input, out in
      out.text(input.credential.project.text)
      out.text(input.credential.name)
      out.bytes(input.digest)
      out.text(String(decoding: input.credential.policy.json.canonicalBytes(), as: UTF8.self))
      out.timestamptz(input.credential.createdAt.microseconds)
      out.text(input.secretKey?.accessKey)
      out.text(input.secretKey?.keyID)
      out.bytes(input.secretKey?.sealed)
    })

  struct RevocationKey: Sendable {
    var project: ProjectID
    var name: String
    var moment: Instant
  }

  static let revokeCredential = Statement<RevocationKey, String>(
    name: "revoke_credential",
    sql: """
      UPDATE ledger.credential SET revoked_at = $3
      WHERE project = $1 AND name = $2 AND revoked_at IS NULL RETURNING name
      """,
    types: [.text, .text, .timestamptz],
    bind: { key, out in
      out.text(key.project.text)
      out.text(key.name)
      out.timestamptz(key.moment.microseconds)
    },
    decode: { row throws(PostgresError) in try row.text() })
}

extension ParameterWriter {
  /// The columns of a project that can be set, its id first.
  fileprivate mutating func settings(_ project: Project) {
    text(project.id.text)
    text(project.provider.rawValue)
    text(project.notFoundStatus.rawValue)
    text((project.upstream?.mode ?? .off).rawValue)
    text(project.upstream?.url)
    text(project.upstream?.project)
    text(project.upstream?.region)
    switch project.upstream?.credential {
    case .token(let file)?:
      text(file)
      text(nil)
      text(nil)
    case .accessKey(let accessKey, let file)?:
      text(nil)
      text(accessKey)
      text(file)
    case nil:
      text(nil)
      text(nil)
      text(nil)
    }
  }
}

extension RowReader {
  fileprivate mutating func project() throws(PostgresError) -> Project {
    let id: ProjectID = try name("project")
    guard let provider = Provider(rawValue: try text()) else {
      throw .corruptRow(column: "provider")
    }
    guard let status = NotFoundStatus(rawValue: try text()) else {
      throw .corruptRow(column: "not_found_status")
    }
    guard let mode = Upstream.Mode(rawValue: try text()) else {
      throw .corruptRow(column: "upstream_mode")
    }
    let url = try textOrNull()
    let project = try textOrNull()
    let region = try textOrNull()
    let tokenFile = try textOrNull()
    let accessKey = try textOrNull()
    let secretKeyFile = try textOrNull()
    var credential = tokenFile.map { Upstream.Credential.token(file: $0) }
    if let accessKey, let secretKeyFile {
      credential = .accessKey(accessKey, secretKeyFile: secretKeyFile)
    }
    let upstream = url.map {
      Upstream(mode: mode, url: $0, project: project, region: region, credential: credential)
    }
    return Project(
      id: id, provider: provider, notFoundStatus: status, upstream: upstream,
      createdAt: try instant("created_at"))
  }

  fileprivate mutating func signer() throws(PostgresError) -> Signer {
    Signer(
      credential: try credential(),
      secretKey: SealedSecretKey(
        accessKey: try text(), keyID: try text(), sealed: try bytes()))
  }

  fileprivate mutating func credential() throws(PostgresError) -> Credential {
    let project: ProjectID = try name("project")
    let name = try text()
    let policyText = try text()
    let policy: Policy
    do {
      policy = try Policy(JSONValue(parsing: Array(policyText.utf8), limits: .standard))
    } catch {
      throw .corruptRow(column: "policy")
    }
    return Credential(
      project: project, name: name, policy: policy, createdAt: try instant("created_at"),
      revokedAt: try instantOrNull("revoked_at"))
  }
}
