// Authentication: from the token or the signature of a request to its credential.
//
// Called by `API` before anything about the project is looked at. Calls `Tenants`, which compares
// digests only, and `SignedRequests` where there is no token. Where the path names the project a
// token that is there decides alone: Huawei Cloud's client signs whatever it sends, with keys that
// need not be ours. The other two clouds' surfaces go by signatures only, and the access key tells
// the project. Invariant: a project that does not exist and one the credential is not for are
// answered alike; a token is never echoed, logged or taken from a URL.

import HTTPWire
import Ledger
import LedgerServices

/// Finds out who asks.
enum Authentication {
  /// The token of a request: `X-Auth-Token`, or else `Authorization: Bearer`; nil without one.
  static func token(of request: HTTPRequest) -> String? {
    let tokens = request.fields.values("X-Auth-Token")
    if let token = tokens.first { return tokens.count == 1 ? token : nil }
    let authorizations = request.fields.values("Authorization")
    guard let authorization = authorizations.first, authorizations.count == 1 else { return nil }
    let scheme = authorization.utf8.prefix(7)
    guard scheme.count == 7, scheme.last == 0x20,
      zip(scheme, "bearer".utf8).allSatisfy({ $0 | 0x20 == $1 })
    else { return nil }
    let token = String(Substring(authorization.utf8.dropFirst(7)))
    return String(token.drop { $0 == " " })
  }

  /// The signature a request goes by; nil for one that goes by a token.
  private static func signature(
    of request: HTTPRequest, on surface: Surface, at moment: Instant
  ) throws(Failure) -> ClaimedSignature? {
    switch surface {
    case .kms: try KMSRequest.signature(of: request, at: moment)
    case .aws: try AWSRequest.signature(of: request, at: moment)
    case .csms, .ledger, .operations:
      request.fields["X-Auth-Token"] == nil
        ? try CSMSSignature.claimed(by: request, at: moment) : nil
    }
  }

  /// Goes on only if a request could be answered at all: its token is there and well formed, or its
  /// signature is well formed and of about `moment`.
  ///
  /// What may stand in the body yet to come is left for later.
  static func precheck(
    _ head: HTTPRequest, on surface: Surface, at moment: Instant
  ) throws(Failure) {
    if surface == .kms, KMSRequest.isSignedInParameters(head) { return }
    if try signature(of: head, on: surface, at: moment) == nil,
      token(of: head).map({ Token.isWellFormed($0) }) != true
    {
      throw .unauthenticated
    }
  }

  /// The credential of a request that came at `moment`.
  static func credential(
    of request: HTTPRequest, on surface: Surface, at moment: Instant, _ services: Services
  ) async throws(Failure) -> Credential {
    if let signature = try signature(of: request, on: surface, at: moment) {
      return try await SignedRequests.credential(signature, services)
    }
    guard let token = token(of: request) else { throw .unauthenticated }
    let credential: Credential?
    do {
      credential = try await services.tenants.credential(token: token)
    } catch {
      throw .store(error)
    }
    guard let credential else { throw .unauthenticated }
    return credential
  }

  /// Refuses a request whose `X-Project-Id` is not the project of its path.
  static func checkProjectHeader(
    of request: HTTPRequest, is name: String
  ) throws(Failure) {
    let names = request.fields.values("X-Project-Id")
    guard names.allSatisfy({ $0.utf8.elementsEqual(name.utf8) }) else { throw .forbidden }
  }

  /// The project of that name, if the credential belongs to it; nil: that of the credential.
  static func project(
    _ name: String?, for credential: Credential, _ tenants: Tenants
  ) async throws(Failure) -> Project {
    if let name, !credential.project.text.utf8.elementsEqual(name.utf8) { throw .forbidden }
    let project: Project?
    do { project = try await tenants.project(credential.project) } catch { throw .store(error) }
    guard let project else { throw .forbidden }
    return project
  }
}
