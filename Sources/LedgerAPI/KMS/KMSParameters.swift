// KMSParameters: the parameters of calls of Alibaba Cloud KMS, as types.
//
// Called by the KMS endpoints. Invariant: a parameter that is there and cannot be used is refused
// by name; an empty one counts as absent.

import CanonicalJSON
import Ledger
import LedgerServices

extension Call {
  private func text(_ name: String) -> String? {
    query[name].flatMap { $0.isEmpty ? nil : $0 }
  }

  /// A name that may be left out.
  func optional<T: Identifier>(_ name: String) throws(Failure) -> T? {
    guard let text = text(name) else { return nil }
    do { return try T(text) } catch { throw .input(name, InputFault(error)) }
  }

  /// A name that must be there.
  func required<T: Identifier>(_ name: String) throws(Failure) -> T {
    guard let value: T = try optional(name) else { throw .input(name, .missing) }
    return value
  }

  /// The secret a call names, by its name or as `acs:kms:REGION:ACCOUNT:secret/NAME`, if the policy
  /// allows the call on it.
  ///
  /// Region and account are passed over: the access key tells the project.
  func kmsSecret(stages: [StageName] = []) throws(Failure) -> SecretName {
    let field = "SecretName"
    guard var text = text(field) else { throw .input(field, .missing) }
    if text.hasPrefix("acs:") {
      let parts = text.split(separator: ":", maxSplits: 4, omittingEmptySubsequences: false)
      guard parts.count == 5, parts[1] == "kms", parts[4].hasPrefix("secret/") else {
        throw .input(field, .malformed("a name or acs:kms:REGION:ACCOUNT:secret/NAME"))
      }
      text = String(parts[4].dropFirst("secret/".count))
    }
    let secret: SecretName
    do { secret = try SecretName(text) } catch { throw .input(field, InputFault(error)) }
    try authorize(on: secret, stages: stages)
    guard project.provider.rules.acceptsSecret(secret) else {
      throw .rejected(.nameNotAllowed(.secret))
    }
    return secret
  }

  /// A truth value: `true` or `false`, which it is unless said.
  func isSet(_ name: String) throws(Failure) -> Bool {
    switch text(name)?.lowercased() {
    case nil, "false": false
    case "true": true
    default: throw .input(name, .malformed("true or false"))
    }
  }

  /// Which page of a list is asked for.
  func kmsPage(sizeDefault: Int64) throws(Failure) -> (number: Int64, size: Int64) {
    let number = try count("PageNumber", 1...wholeNumberMax / 100) ?? 1
    return (number, try count("PageSize", 1...100) ?? sizeDefault)
  }

  private func count(_ name: String, _ range: ClosedRange<Int64>) throws(Failure) -> Int64? {
    guard let text = text(name) else { return nil }
    guard let number = Query.number(text), range.contains(number) else {
      throw .input(
        name, .malformed("a whole number from \(range.lowerBound) to \(range.upperBound)"))
    }
    return number
  }
}
