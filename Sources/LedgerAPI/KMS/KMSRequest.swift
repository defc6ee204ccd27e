// KMSRequest: how a call of Alibaba Cloud KMS stands in a request to `/`.
//
// Called by `Surface`, the route table, `Authentication` and `API`. The calls are RPC: a name and
// parameters, in the query, in a form, or in both; newer clients put the name into `x-acs-action`.
// Invariant: a parameter is there at most once, wherever it stands.

import HTTPWire
import Ledger
import LedgerServices

/// Reads calls of the cloud.
enum KMSRequest {
  /// Whether a request to `/` is one of this cloud's calls.
  static func isMeant(by head: HTTPRequest) -> Bool {
    if head.fields["x-acs-action"] != nil || head.fields["x-acs-version"] != nil { return true }
    if head.fields["Authorization"]?.hasPrefix("ACS") == true { return true }
    if isForm(head) { return true }
    guard let items = try? head.queryItems() else { return false }
    return items.contains { ["Action", "AccessKeyId", "Signature"].contains($0.name) }
  }

  /// Whether the body of a request is a form.
  private static func isForm(_ head: HTTPRequest) -> Bool {
    guard let type = head.fields["Content-Type"] else { return false }
    return type.prefix { $0 != ";" }.lowercased() == "application/x-www-form-urlencoded"
  }

  /// The parameters of a call, those of the query before those of the form.
  static func parameters(
    of request: HTTPRequest
  ) throws(Failure) -> [(name: String, value: String)] {
    let items: [(name: String, value: String)]
    do {
      items = try request.queryItems() + (isForm(request) ? try request.formItems() : [])
    } catch {
      throw .refused(error)
    }
    var names: Set<String> = []
    for (name, _) in items {
      guard !SecretValue.isName(name) else { throw .secretValue }
      guard names.insert(name).inserted else { throw .input(name, .repeated) }
    }
    return items
  }

  /// The name of the call.
  static func action(of request: HTTPRequest) throws(Failure) -> String {
    let parameters = try parameters(of: request)
    let name =
      request.fields["x-acs-action"] ?? parameters.first { $0.name == "Action" }?.value
    guard let name else { throw .input("Action", .missing) }
    return name
  }

  /// Whether a call is signed in its parameters, some of which may be in the body.
  static func isSignedInParameters(_ head: HTTPRequest) -> Bool {
    head.fields["Authorization"] == nil
  }

  /// The signature of a call.
  static func signature(
    of request: HTTPRequest, at moment: Instant
  ) throws(Failure) -> ClaimedSignature {
    throw .unauthenticated
  }
}
