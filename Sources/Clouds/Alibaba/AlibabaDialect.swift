// AlibabaDialect: how Alibaba Cloud is signed for, and what its refusals mean.
//
// Used by `AlibabaClient`; calls `ACS3Signature`.

import CanonicalJSON
import Crypto
import LedgerServices
import RequestSigning

/// Alibaba Cloud, asked with an access key.
struct AlibabaDialect: CloudDialect {
  static let requestIDHeader = "x-acs-request-id"

  let accessKey: String
  let secretKeyFile: String

  func sign(_ request: inout SignableRequest, at now: SigningTime) throws(CloudError) {
    let secretKey = try CredentialFile(kind: .secretKey, path: secretKeyFile).read()
    request.set("x-acs-date", now.text(.extended))
    request.set("x-acs-signature-nonce", Hex.encode(SecureRandom.bytes(16)))
    request.set("x-acs-content-sha256", SHA256.hash(request.body).hex)
    do {
      let authorization = try ACS3Signature.sign(
        request, accessKey: accessKey, secretKey: secretKey)
      request.set("Authorization", authorization.text)
    } catch {
      throw .forbidden("the request cannot be signed: \(error)")
    }
  }

  static func code(in body: JSONValue) -> String? { body["Code"]?.stringValue }

  static func message(in body: JSONValue) -> String? { body["Message"]?.stringValue }

  /// What a refusal means; the code tells more than the status.
  ///
  /// Only one code says that a thing does not exist: other 404s speak of the access key and the
  /// operation. A nonce that was used is one that the network sent twice, and another will do.
  static func meaning(of refusal: Refusal) -> CloudError {
    let code = refusal.code ?? ""
    switch (refusal.status, code) {
    case (404, "Forbidden.ResourceNotFound"): return .notFound
    case (429, _), (_, "Rejected.Throttling"): return .throttled(refusal.words)
    case (400, _) where code.hasPrefix("Throttling"): return .throttled(refusal.words)
    case (400, "SignatureNonceUsed"), (408, _), (500..., _): return .unreachable(refusal.words)
    case (400..., _) where refusals.contains(code): return .forbidden(refusal.words)
    case (401, _), (403, _): return .forbidden(refusal.words)
    default: return .unintelligible(refusal.words)
    }
  }

  /// Codes of other statuses that refuse: keys, signatures, clocks, scheduled deletion.
  private static let refusals: Set<String> = [
    "IllegalTimestamp", "IncompleteSignature", "InvalidAccessKeyId.Inactive",
    "InvalidAccessKeyId.NotFound", "InvalidAccessKeySecret", "InvalidTimeStamp.Expired",
    "MissingAccessKeyId", "Rejected.ResourceInDeleteWindow", "SignatureDoesNotMatch",
  ]
}
