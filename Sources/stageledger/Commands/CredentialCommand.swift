// CredentialCommand: makes, lists and ends credentials, in the database itself.
//
// Called by `Main` and the demo; calls `Backend` for the store. Invariant: a token and a secret key
// are printed once; of the one a hash is stored, the other is stored sealed.

import CanonicalJSON
import Crypto
import Foundation
import Ledger
import LedgerAPI
import LedgerServices

/// What a credential's owner is told, once.
struct NewCredential: Sendable {
  /// The bearer token.
  let token: Token
  /// The access key and the secret key; nil without a key to seal with.
  let keys: (access: String, secret: String)?
}

/// The commands `credential create`, `list` and `revoke`.
enum CredentialCommand {
  private static let nameCharactersMax = 64

  /// Makes a credential and prints its token.
  static func create(_ context: CommandContext) async throws(CommandError) -> ExitCode {
    let id = try project(context)
    let name = context.operand("NAME")
    guard !name.isEmpty, name.count <= nameCharactersMax,
      name.unicodeScalars.allSatisfy({ $0.properties.generalCategory != .control })
    else {
      throw .usage(
        .badValue(
          of: "NAME", given: name, expected: "1 to \(nameCharactersMax) characters, no controls"))
    }
    let policy = try policy(context.option("policy") ?? "reader")
    for name in policy.namesFittingNone(of: API.actions) {
      context.console.say("no action here is called \(visible(name)): it allows and denies nothing")
    }
    let made = try await Backend.use(context) { backend throws(CommandError) in
      _ = try await ProjectCommand.found(id, in: backend)
      return try await make(name, for: id, policy: policy, in: backend)
    }
    context.console.print(
      JSONValue.object([
        "name": .string(name), "token": .string(made.token.text),
        "access_key": made.keys.map { .string($0.access) } ?? .null,
        "secret_key": made.keys.map { .string($0.secret) } ?? .null,
      ]).description)
    if made.keys == nil {
      context.console.say(
        "no \(Setting.secretKeyFile.rawValue) is set, so there is a token only and no access key")
    }
    context.console.say("keep what was printed: it cannot be shown again")
    return .fine
  }

  /// Stores a new credential and answers its token and keys.
  static func make(
    _ name: String, for project: ProjectID, policy: Policy, in backend: Backend
  ) async throws(CommandError) -> NewCredential {
    let token = Token(randomBytes: SecureRandom.bytes(20))
    guard let digest = Token.digest(of: token.text) else {
      preconditionFailure("a new token that is none")
    }
    let credential = Credential(
      project: project, name: name, policy: policy, createdAt: systemNow(), revokedAt: nil)
    let keys = backend.keyring.map { _ in
      (
        access: AccessKey.text(randomBytes: SecureRandom.bytes(AccessKey.randomByteCount)),
        secret: SecretKey.text(randomBytes: SecureRandom.bytes(SecretKey.randomByteCount))
      )
    }
    let sealed = keys.flatMap {
      backend.keyring?.seal($0.secret, accessKey: $0.access, name: name, in: project)
    }
    do {
      try await backend.tenants.create(credential, tokenDigest: digest, secretKey: sealed)
    } catch .alreadyExists {
      throw .alreadyThere("credential \(name)")
    } catch {
      throw .store(error)
    }
    return NewCredential(token: token, keys: keys)
  }

  /// Lists the credentials of a project.
  static func list(_ context: CommandContext) async throws(CommandError) -> ExitCode {
    let format = try context.format()
    let id = try project(context)
    let credentials = try await Backend.use(context) { backend throws(CommandError) in
      _ = try await ProjectCommand.found(id, in: backend)
      return try await storing { () async throws(StoreError) in
        try await backend.tenants.credentials(of: id)
      }
    }
    let table = Table(
      columns: ["name", "policy", "created_at", "revoked_at"],
      rows: credentials.map { credential -> [JSONValue] in
        [
          .string(credential.name), .string(text(of: credential.policy)),
          .string(credential.createdAt.rfc3339),
          credential.revokedAt.map { JSONValue.string($0.rfc3339) } ?? .null,
        ]
      })
    context.console.print(table, as: format)
    return .fine
  }

  /// Ends a credential.
  static func revoke(_ context: CommandContext) async throws(CommandError) -> ExitCode {
    let id = try project(context)
    let name = context.operand("NAME")
    let wasInUse = try await Backend.use(context) { backend throws(CommandError) in
      try await storing { () async throws(StoreError) in
        try await backend.tenants.revokeCredential(named: name, of: id, at: systemNow())
      }
    }
    guard wasInUse else { throw .noCredential(name, project: id.text) }
    context.console.say("credential \(name) is revoked; services refuse it within two seconds")
    return .fine
  }

  private static func project(_ context: CommandContext) throws(CommandError) -> ProjectID {
    guard let text = context.configuration[.project] else { throw .missingSetting(.project) }
    return try ProjectCommand.projectID(text)
  }

  private static func policy(_ text: String) throws(CommandError) -> Policy {
    if let policy = Policy.builtIn[text] { return policy }
    guard let data = FileManager.default.contents(atPath: text) else {
      let names = Policy.builtIn.keys.sorted().joined(separator: ", ")
      throw .policy(text, reason: "neither a file nor one of \(names)")
    }
    let value: JSONValue
    do {
      value = try JSONValue(parsing: [UInt8](data), limits: .standard)
    } catch {
      throw .policy(text, reason: "no JSON, from byte \(error.offset) on")
    }
    do {
      return try Policy(value)
    } catch {
      switch error {
      case .badMember(let path, let expected):
        throw .policy(text, reason: "\(visible(path)) must be \(expected)")
      case .unknownMember(let path):
        throw .policy(text, reason: "no policy has a \(visible(path))")
      }
    }
  }

  /// The name of a policy that has one, else its JSON.
  private static func text(of policy: Policy) -> String {
    let names = Policy.builtIn.filter { $0.value == policy }.keys
    return names.min() ?? policy.json.description
  }
}
