// AWSRequest: how a call of AWS Secrets Manager stands in a request to `/`.
//
// Called by `Surface`, the route table, `Authentication` and the endpoints. The calls are JSON 1.1:
// the name is in `X-Amz-Target`, the parameters are the members of the body. Calls
// `RequestSigning`.

import HTTPWire
import Ledger
import LedgerServices
import RequestSigning

/// Reads calls of the cloud.
enum AWSRequest {
  /// Whether a request to `/` is one of this cloud's calls.
  static func isMeant(by head: HTTPRequest) -> Bool {
    head.fields["X-Amz-Target"] != nil
      || head.fields["Authorization"]?.hasPrefix("AWS4-") == true
      || head.fields["Content-Type"]?.hasPrefix("application/x-amz-json") == true
  }

  /// The name of the call: what follows `secretsmanager.` in the target of a POST.
  static func operation(of request: HTTPRequest) throws(Failure) -> String {
    let targets = request.fields.values("X-Amz-Target")
    let prefix = "secretsmanager."
    guard request.method == "POST", let target = targets.first, targets.count == 1,
      target.hasPrefix(prefix)
    else { throw .noRoute }
    return String(target.dropFirst(prefix.count))
  }

  /// The signature of a call, which is there once and of the cloud's scheme.
  static func signature(
    of request: HTTPRequest, at moment: Instant
  ) throws(Failure) -> ClaimedSignature {
    let signable = SignedRequests.signable(request)
    let now = SignedRequests.time(moment)
    do throws(SignatureFault) {
      let authorization = try authorization(of: request)
      try SigV4Signature.check(signable, authorization, now: now)
      return ClaimedSignature(accessKey: authorization.accessKey, nonce: nil) {
        secretKey throws(SignatureFault) in
        try SigV4Signature.verify(signable, authorization, secretKey: secretKey, now: now)
      }
    } catch .headerMissing("authorization") {
      throw .unauthenticated
    } catch {
      throw .signature(.fault(error))
    }
  }

  /// The region the caller of a signed call means.
  static func region(of request: HTTPRequest) throws(Failure) -> String {
    do {
      return try authorization(of: request).scope.region
    } catch {
      throw .signature(.fault(error))
    }
  }

  private static func authorization(
    of request: HTTPRequest
  ) throws(SignatureFault) -> SigV4Authorization {
    let headers = request.fields.values("Authorization")
    guard let header = headers.first, headers.contains(where: SigV4Authorization.isMeant) else {
      throw .headerMissing("authorization")
    }
    guard headers.count == 1 else { throw .headerRepeated("authorization") }
    return try SigV4Authorization(parsing: header)
  }
}
