// CredentialRekey: seals every stored secret key anew, under another key.
//
// Called by `Main`; calls `Backend` for the store. Invariant: a row is replaced only by the same
// secret key under the new one, so the command can be stopped and run again at any moment.

import Ledger
import LedgerServices

/// The command `credential rekey`.
enum CredentialRekey {
  private static let pageSize = 200

  private struct Outcome: Sendable {
    var resealed = 0
    var current = 0
    var unopened: [String] = []
  }

  /// Seals all anew and says how many there were.
  static func run(_ context: CommandContext) async throws(CommandError) -> ExitCode {
    guard context.configuration[.previousSecretKeyFile] != nil else {
      throw .missingSetting(.previousSecretKeyFile)
    }
    let outcome = try await Backend.use(context) { backend throws(CommandError) in
      guard let keyring = backend.keyring else { throw .missingSetting(.secretKeyFile) }
      var outcome = Outcome()
      for project in try await backend.projects() {
        try await reseal(project.id, keyring, backend, &outcome)
      }
      return outcome
    }
    context.console.say(
      "\(outcome.resealed) secret keys sealed anew; \(outcome.current) were already")
    guard outcome.unopened.isEmpty else {
      throw .unopenedSecretKeys(outcome.unopened)
    }
    return .fine
  }

  private static func reseal(
    _ project: ProjectID, _ keyring: SecretKeyring, _ backend: Backend, _ outcome: inout Outcome
  ) async throws(CommandError) {
    var after: String?
    while true {
      let start = after
      let page = try await storing { () async throws(StoreError) in
        try await backend.tenants.signers(of: project, after: start, limit: pageSize)
      }
      for signer in page {
        guard !keyring.isCurrent(signer.secretKey) else {
          outcome.current += 1
          continue
        }
        guard let secretKey = keyring.open(signer.secretKey, of: signer.credential) else {
          outcome.unopened.append("\(project.text)/\(signer.credential.name)")
          continue
        }
        let sealed = keyring.seal(
          secretKey, accessKey: signer.secretKey.accessKey, name: signer.credential.name,
          in: project)
        let isReplaced = try await storing { () async throws(StoreError) in
          try await backend.tenants.replace(signer, with: sealed)
        }
        // Another run of this command was faster.
        if isReplaced { outcome.resealed += 1 } else { outcome.current += 1 }
      }
      guard page.count == pageSize, let last = page.last else { return }
      after = last.credential.name
    }
  }
}
