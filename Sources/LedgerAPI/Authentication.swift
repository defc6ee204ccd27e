// Authentication: from the token or the signature of a request to its credential.
//
// Called by `API` before anything about the project is looked at. Calls `Tenants`, which compares
// digests only, and `SignedRequests` where there is no token. A token that is there decides alone:
// the official client signs whatever it sends, with keys that need not be ours. Invariant: a
// project that does not exist and one the credential is not for are answered alike; a token is
// never echoed, logged or taken from a URL.

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

  /// The header of a request that goes by its signature; nil for one that goes by a token.
  private static func signature(of request: HTTPRequest) -> String? {
    guard request.fields["X-Auth-Token"] == nil else { return nil }
    return SignedRequests.header(of: request)
  }

  /// Goes on only if a request could be answered at all: its token is there and well formed, or its
  /// signature is well formed and of about `moment`.
  static func precheck(_ request: HTTPRequest, at moment: Instant) throws(Failure) {
    if let header = signature(of: request) {
      _ = try SignedRequests.precheck(header, of: request, at: moment)
    } else if token(of: request).flatMap({ Token.digest(of: $0) }) == nil {
      throw .unauthenticated
    }
  }

  /// The credential of a request that came at `moment`.
  static func credential(
    of request: HTTPRequest, at moment: Instant, _ tenants: Tenants
  ) async throws(Failure) -> Credential {
    if let header = signature(of: request) {
      return try await SignedRequests.credential(header, of: request, at: moment, tenants)
    }
    guard let token = token(of: request) else { throw .unauthenticated }
    let credential: Credential?
    do { credential = try await tenants.credential(token: token) } catch { throw .store(error) }
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

  /// The project of that name, if the credential belongs to it.
  static func project(
    _ name: String, for credential: Credential, _ tenants: Tenants
  ) async throws(Failure) -> Project {
    guard credential.project.text.utf8.elementsEqual(name.utf8) else { throw .forbidden }
    let project: Project?
    do { project = try await tenants.project(credential.project) } catch { throw .store(error) }
    guard let project else { throw .forbidden }
    return project
  }
}
