// Authentication: from the token of a request to its credential, and what that may do.
//
// Called by `API` before anything about the project is looked at. Calls `Tenants`, which compares
// digests only. Invariant: a project that does not exist and one the token is not for are answered
// alike; a token is never echoed, logged or taken from a URL.

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

  /// Whether a request could be answered at all: its token is there and well formed.
  static func isPlausible(_ request: HTTPRequest) -> Bool {
    token(of: request).flatMap { Token.digest(of: $0) } != nil
  }

  /// The credential of a request.
  static func credential(
    of request: HTTPRequest, _ tenants: Tenants
  ) async throws(Failure) -> Credential {
    guard let token = token(of: request) else { throw .unauthenticated }
    let credential: Credential?
    do { credential = try await tenants.credential(token: token) } catch { throw .store(error) }
    guard let credential else { throw .unauthenticated }
    return credential
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
