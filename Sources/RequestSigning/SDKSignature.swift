// SDKSignature: request signing with SDK-HMAC-SHA256, as Huawei Cloud's clients do it.
//
// Called by a server to check what it received and by a client to sign what it sends; calls
// `Crypto`. Invariant: the body is signed, or a signed header says that it is not.

import Crypto

/// The `Authorization` of the scheme: `SDK-HMAC-SHA256 Access=A, SignedHeaders=b;c, Signature=d`.
public typealias SDKAuthorization = HeaderAuthorization<SDKSignature>

/// The scheme SDK-HMAC-SHA256: an HMAC over a canonical text, under the secret key itself.
///
/// It has no nonce: the same request sent twice within the tolerance is accepted twice.
public enum SDKSignature: HeaderScheme {
  /// How the scheme writes its `Authorization`.
  public static let form = AuthorizationForm(
    scheme: "SDK-HMAC-SHA256", keyName: "Access", separator: ", ")
  /// The header that holds the time of signing.
  public static let date = (header: "x-sdk-date", form: SigningTime.Form.basic)
  /// The headers that must be signed, in lower case.
  public static let essentials = ["host", date.header]

  /// The header that may tell the hash of the body.
  static let bodyHashHeader = "x-sdk-content-sha256"
  /// What that header holds when the body is not signed.
  static let unsignedBody = "UNSIGNED-PAYLOAD"

  /// The text whose hash is signed: method, path, query, headers, their names and the body's hash.
  public static func canonicalRequest(
    of request: SignableRequest, signing names: [String]
  ) throws(SignatureFault) -> String {
    try request.canonicalText(
      path: try request.canonicalPath(), signing: names, innerBlanks: .kept,
      bodyHash: try bodyHash(of: request, signing: names))
  }

  /// The text that is signed: scheme, time and hash of the canonical request.
  public static func stringToSign(
    canonicalRequest: String, date: String, scope _: Unscoped
  ) -> String {
    "\(form.scheme)\n\(date)\n\(SHA256.hash(Array(canonicalRequest.utf8)).hex)"
  }

  /// The last line of the canonical request.
  ///
  /// A header that tells the hash counts only where it is signed itself: else anybody could add one
  /// to a request and change its body. What it tells must be true, or that nothing is told.
  private static func bodyHash(
    of request: SignableRequest, signing names: [String]
  ) throws(SignatureFault) -> String {
    let hash = SHA256.hash(request.body).hex
    guard !request.body.isEmpty, names.contains(bodyHashHeader) else { return hash }
    let told = try request.value(of: bodyHashHeader)
    guard told == unsignedBody || told == hash else { throw .bodyMismatch }
    return told
  }
}
