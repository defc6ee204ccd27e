// AWSDialect: how AWS is signed for, and what its refusals mean.
//
// Used by `AWSClient`; calls `SigV4Signature`.

import CanonicalJSON
import LedgerServices
import RequestSigning

/// AWS Secrets Manager in one region, asked with an access key.
struct AWSDialect: CloudDialect {
  static let requestIDHeader = "x-amzn-requestid"

  let region: String
  let accessKey: String
  let secretKeyFile: String

  func sign(_ request: inout SignableRequest, at now: SigningTime) throws(CloudError) {
    let secretKey = try CredentialFile(kind: .secretKey, path: secretKeyFile).read()
    guard let scope = SigV4Scope(now, region: region, service: SigV4Signature.service) else {
      throw .forbidden("the region is no region")
    }
    request.set("X-Amz-Date", now.text(.basic))
    do {
      let authorization = try SigV4Signature.sign(
        request, accessKey: accessKey, secretKey: secretKey, scope: scope)
      request.set("Authorization", authorization.text)
    } catch {
      throw .forbidden("the request cannot be signed: \(error)")
    }
  }

  /// The type of the error, without the name of the service before it.
  static func code(in body: JSONValue) -> String? {
    body["__type"]?.stringValue?.split(separator: "#").last.map { String($0) }
  }

  /// With a capital or without, by the age of the error.
  static func message(in body: JSONValue) -> String? {
    (body["message"] ?? body["Message"])?.stringValue
  }

  /// What a refusal means; nearly all come with status 400, so the code decides.
  static func meaning(of refusal: Refusal) -> CloudError {
    let code = refusal.code ?? ""
    switch refusal.status {
    case 400, 404:
      if code == "ResourceNotFoundException" { return .notFound }
      if throttles.contains(code) { return .throttled(refusal.words) }
      if refusals.contains(code) { return .forbidden(refusal.words) }
      return .unintelligible(refusal.words)
    case 401, 403: return .forbidden(refusal.words)
    case 429: return .throttled(refusal.words)
    case 503 where throttles.contains(code): return .throttled(refusal.words)
    case 408, 500...: return .unreachable(refusal.words)
    default: return .unintelligible(refusal.words)
    }
  }

  private static let throttles: Set<String> = [
    "RequestLimitExceeded", "SlowDown", "Throttling", "ThrottlingException",
    "TooManyRequestsException",
  ]

  /// Codes that refuse: keys, signatures, clocks, policies, a secret marked for deletion.
  private static let refusals: Set<String> = [
    "AccessDenied", "AccessDeniedException", "ExpiredToken", "ExpiredTokenException",
    "IncompleteSignature", "IncompleteSignatureException", "InvalidClientTokenId",
    "InvalidRequestException", "InvalidSignatureException", "MissingAuthenticationToken",
    "MissingAuthenticationTokenException", "NotAuthorized", "OptInRequired", "RequestExpired",
    "SignatureDoesNotMatch", "UnrecognizedClientException",
  ]
}
