// CSMSSignature: the signature of Huawei Cloud's clients on a request.
//
// Called by `Authentication` for the paths that name their project; calls `RequestSigning`.

import HTTPWire
import Ledger
import RequestSigning

/// Finds signatures of the scheme SDK-HMAC-SHA256.
enum CSMSSignature {
  /// The signature of a request; nil where it carries none of this scheme, well formed or not.
  static func claimed(
    by request: HTTPRequest, at moment: Instant
  ) throws(Failure) -> ClaimedSignature? {
    let headers = request.fields.values("Authorization")
    guard let header = headers.first, headers.count == 1, SDKAuthorization.isMeant(by: header)
    else { return nil }
    let signable = SignedRequests.signable(request)
    let now = SignedRequests.time(moment)
    do throws(SignatureFault) {
      let authorization = try SDKAuthorization(parsing: header)
      try SDKSignature.check(signable, authorization, now: now)
      return ClaimedSignature(accessKey: authorization.accessKey, nonce: nil) {
        secretKey throws(SignatureFault) in
        try SDKSignature.verify(signable, authorization, secretKey: secretKey, now: now)
      }
    } catch {
      throw .signature(.fault(error))
    }
  }
}
