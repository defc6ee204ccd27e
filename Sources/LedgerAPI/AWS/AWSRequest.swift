// AWSRequest: how a call of AWS Secrets Manager stands in a request to `/`.
//
// Called by `Surface`, the route table, `Authentication` and `API`. The calls are JSON 1.1: the
// name is in `X-Amz-Target`, the parameters are the members of the body.

import HTTPWire
import Ledger
import LedgerServices

/// Reads calls of the cloud.
enum AWSRequest {
  /// Whether a request to `/` is one of this cloud's calls.
  static func isMeant(by head: HTTPRequest) -> Bool {
    head.fields["X-Amz-Target"] != nil
      || head.fields["Authorization"]?.hasPrefix("AWS4-") == true
      || head.fields["Content-Type"]?.hasPrefix("application/x-amz-json") == true
  }

  /// The name of the call: what follows `secretsmanager.` in the target.
  static func operation(of request: HTTPRequest) throws(Failure) -> String {
    let targets = request.fields.values("X-Amz-Target")
    let prefix = "secretsmanager."
    guard let target = targets.first, targets.count == 1, target.hasPrefix(prefix) else {
      throw .noRoute
    }
    return String(target.dropFirst(prefix.count))
  }

  /// The signature of a call.
  static func signature(
    of request: HTTPRequest, at moment: Instant
  ) throws(Failure) -> ClaimedSignature {
    throw .unauthenticated
  }
}
