// HuaweiDialect: how Huawei Cloud is signed for, and what its refusals mean.
//
// Used by `HuaweiClient`; calls `SDKSignature`.

import CanonicalJSON
import LedgerServices
import RequestSigning

/// Huawei Cloud, asked with a token or with an access key.
struct HuaweiDialect: CloudDialect {
  static let requestIDHeader = "x-request-id"

  let project: String
  let credential: Upstream.Credential

  func sign(_ request: inout SignableRequest, at now: SigningTime) throws(CloudError) {
    request.set("X-Project-Id", project)
    switch credential {
    case .token(let file):
      request.set("X-Auth-Token", try CredentialFile(kind: .token, path: file).read())
    case .accessKey(let accessKey, let file):
      let secretKey = try CredentialFile(kind: .secretKey, path: file).read()
      request.set("X-Sdk-Date", now.text(.basic))
      do {
        let authorization = try SDKSignature.sign(
          request, accessKey: accessKey, secretKey: secretKey)
        request.set("Authorization", authorization.text)
      } catch {
        throw .forbidden("the request cannot be signed: \(error)")
      }
    }
  }

  /// At the top or inside `error`, by service.
  static func code(in body: JSONValue) -> String? {
    (body["error_code"] ?? body["error"]?["error_code"])?.stringValue
  }

  static func message(in body: JSONValue) -> String? {
    (body["error_msg"] ?? body["error"]?["error_msg"])?.stringValue
  }

  /// What a refusal means.
  ///
  /// A thing that does not exist is 404, or 400 with one of two codes; a 404 of the gateway in
  /// front says that the operation does not exist, which is no news of the thing.
  static func meaning(of refusal: Refusal) -> CloudError {
    let code = refusal.code ?? ""
    switch refusal.status {
    case 404 where code.hasPrefix("API"): return .unintelligible(refusal.words)
    case 404: return .notFound
    case 400 where code == "CSMS.0005" || code == "CSMS.0106": return .notFound
    case 400 where refusals.contains(code): return .forbidden(refusal.words)
    case 401, 403: return .forbidden(refusal.words)
    case 429: return .throttled(refusal.words)
    case 408, 500...: return .unreachable(refusal.words)
    default: return .unintelligible(refusal.words)
    }
  }

  /// Codes that come with 400 and refuse: scheduled deletion, an ill token, a key out of reach.
  private static let refusals: Set<String> = [
    "CSMS.0103", "CSMS.0107", "CSMS.0109", "CSMS.0301", "CSMS.0302", "CSMS.0401",
  ]
}
