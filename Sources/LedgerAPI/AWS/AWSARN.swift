// AWSARN: the names AWS has for a secret: its own, and its ARN with or without the random end.
//
// Called by the AWS endpoints for what they are given and what they give. Invariant: a secret has
// one ARN for ever, and reading it gives the secret back.

import Crypto
import Ledger
import LedgerServices

/// Names of secrets: `arn:aws:secretsmanager:REGION:ACCOUNT:secret:NAME-ABCDEF`.
enum AWSARN {
  /// The ARN of a secret; `region` is that of the caller where the project has none.
  static func text(of secret: SecretName, in project: Project, region: String) -> String {
    let region = project.upstream?.region ?? region
    let account = account(of: project) ?? "000000000000"
    let end = end(of: secret, in: project.id)
    return "arn:aws:secretsmanager:\(region):\(account):secret:\(secret.text)-\(end)"
  }

  /// The secret that a name or an ARN means.
  ///
  /// What an ARN ends with is passed over if it could be AWS's own: the cloud makes it at random,
  /// and clients that come from there have it in their settings. AWS too reads a name that itself
  /// ends with a hyphen and six characters so, where the ARN lacks its end. Its account must be the
  /// project's and its region that of the project's cloud, as far as these are known.
  static func secret(_ text: String, in project: Project) throws(Failure) -> SecretName {
    guard text.hasPrefix("arn:") else { return try name(text, in: project) }
    let parts = text.split(separator: ":", maxSplits: 6, omittingEmptySubsequences: false)
      .map(String.init)
    guard parts.count == 7, parts[1].hasPrefix("aws"), parts[2] == "secretsmanager",
      isAccount(parts[4]), parts[5] == "secret"
    else { throw .rejected(.nameNotAllowed(.secret)) }
    let secret = try name(withoutEnd(parts[6]), in: project)
    guard parts[3] == project.upstream?.region ?? parts[3],
      parts[4] == account(of: project) ?? parts[4]
    else { throw .missing(.secret, size: nil) }
    return secret
  }

  private static func name(_ text: String, in project: Project) throws(Failure) -> SecretName {
    guard let secret = try? SecretName(text), project.provider.rules.acceptsSecret(secret) else {
      throw .rejected(.nameNotAllowed(.secret))
    }
    return secret
  }

  /// The account of a project, which is its name where that could be one.
  private static func account(of project: Project) -> String? {
    isAccount(project.id.text) ? project.id.text : nil
  }

  private static func isAccount(_ text: String) -> Bool {
    text.utf8.count == 12 && text.utf8.allSatisfy { 0x30...0x39 ~= $0 }
  }

  private static func withoutEnd(_ text: String) -> String {
    let end = text.utf8.suffix(7)
    guard text.utf8.count > 7, end.first == UInt8(ascii: "-"),
      end.dropFirst().allSatisfy({ alphabet.contains($0) })
    else { return text }
    return String(Substring(text.utf8.dropLast(7)))
  }

  /// Six letters and digits that depend on the project and the secret alone.
  private static func end(of secret: SecretName, in project: ProjectID) -> String {
    let digest = SHA256.hash(Array(project.text.utf8) + [0x0A] + Array(secret.text.utf8))
    let end = digest.bytes.prefix(6).map { alphabet[Int($0) % alphabet.count] }
    return String(decoding: end, as: UTF8.self)
  }

  private static let alphabet = Array(
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789".utf8)
}
