// SignedRequests: requests signed with an access key, in the scheme of Huawei Cloud.
//
// Called by `Authentication` where a request has no token; calls `RequestSigning` for the check and
// `Tenants` for the key. Invariant: what is checked is what was received, byte by byte; no answer
// holds anything of a secret key or of the signature that would have been right.

import HTTPWire
import Ledger
import LedgerServices
import RequestSigning

/// Why a signed request is not taken.
enum SignatureRefusal: Sendable {
  /// Its signature does not hold.
  case fault(SignatureFault)
  /// Nobody has this access key.
  case unknownKey(String)

  /// The reason, in the words that follow the cloud's own beginning of such a message.
  var tail: String {
    switch self {
    case .fault(.expired(let signedAt, let now)):
      "calc aksk signature fail:signature expired, signature time:\(signedAt),server time:\(now)"
    case .fault(.malformedDate): "calc aksk signature fail:x-sdk-date is no time"
    case .fault(.headerNotSigned(let name)):
      "calc aksk signature fail:\(name) is not among the signed headers"
    case .fault(.headerMissing), .fault(.headerRepeated), .fault(.malformedAuthorization),
      .fault(.malformedTarget), .fault(.bodyMismatch), .fault(.signatureMismatch):
      "verify aksk signature fail"
    case .unknownKey(let accessKey): "ak \(accessKey) not exist"
    }
  }
}

/// Checks signatures.
enum SignedRequests {
  /// The header of a request that is signed, well or not; nil when it is not signed at all.
  static func header(of request: HTTPRequest) -> String? {
    let headers = request.fields.values("Authorization")
    guard let header = headers.first, headers.count == 1, SDKAuthorization.isMeant(by: header)
    else { return nil }
    return header
  }

  /// Checks what needs neither the key nor the body.
  static func precheck(
    _ header: String, of request: HTTPRequest, at moment: Instant
  ) throws(Failure) -> SDKAuthorization {
    do throws(SignatureFault) {
      let authorization = try SDKAuthorization(parsing: header)
      try SDKSignature.check(signable(request), authorization, now: time(moment))
      return authorization
    } catch {
      throw .signature(.fault(error))
    }
  }

  /// The credential that signed the request.
  static func credential(
    _ header: String, of request: HTTPRequest, at moment: Instant, _ tenants: Tenants
  ) async throws(Failure) -> Credential {
    let authorization = try precheck(header, of: request, at: moment)
    let signer: KeyedCredential?
    do {
      signer = try await tenants.signer(accessKey: authorization.accessKey)
    } catch {
      throw .store(error)
    }
    guard let signer else { throw .signature(.unknownKey(authorization.accessKey)) }
    do throws(SignatureFault) {
      try SDKSignature.verify(
        signable(request), authorization, secretKey: signer.secretKey, now: time(moment))
    } catch {
      throw .signature(.fault(error))
    }
    return signer.credential
  }

  private static func signable(_ request: HTTPRequest) -> SignableRequest {
    SignableRequest(
      method: request.method, path: request.path, query: request.query,
      fields: request.fields.pairs.map { SignableRequest.Field(name: $0.name, value: $0.value) },
      body: request.body)
  }

  private static func time(_ moment: Instant) -> SigningTime {
    SigningTime(seconds: moment.microseconds / 1_000_000)
  }
}
