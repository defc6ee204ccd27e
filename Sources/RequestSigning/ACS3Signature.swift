// ACS3Signature: request signing with ACS3-HMAC-SHA256, as Alibaba Cloud's clients do it.
//
// Called by a server to check what it received and by a client to sign what it sends; calls
// `Crypto`. Invariant: the body is always signed; the nonce is signed, and whoever keeps nonces
// checks that it is new.

import Crypto

/// The `Authorization` of the scheme: `ACS3-HMAC-SHA256 Credential=A,SignedHeaders=b,Signature=c`.
public typealias ACS3Authorization = HeaderAuthorization<ACS3Signature>

/// The scheme ACS3-HMAC-SHA256, for calls to the path `/`: an HMAC under the secret key itself.
///
/// A signed header that is there twice is refused. The cloud joins such values with commas; but
/// nobody sends them, and a service that reads one of them may not read what was signed.
public enum ACS3Signature: HeaderScheme {
  /// How the scheme writes its `Authorization`.
  public static let form = AuthorizationForm(
    scheme: "ACS3-HMAC-SHA256", keyName: "Credential", separator: ",")
  /// The header that holds the time of signing.
  public static let date = (header: "x-acs-date", form: SigningTime.Form.extended)
  /// The headers that must be signed, in lower case.
  public static let essentials = [
    "host", "x-acs-action", "x-acs-version", date.header, nonceHeader, bodyHashHeader,
  ]

  /// The header that makes each request another one.
  public static let nonceHeader = "x-acs-signature-nonce"
  /// The header that tells the hash of the body.
  static let bodyHashHeader = "x-acs-content-sha256"

  /// The text whose hash is signed: method, path, query, headers, their names and the body's hash.
  public static func canonicalRequest(
    of request: SignableRequest, signing names: [String]
  ) throws(SignatureFault) -> String {
    guard request.path == "/" else { throw .malformedTarget }
    let hash = SHA256.hash(request.body).hex
    guard try request.value(of: bodyHashHeader) == hash else { throw .bodyMismatch }
    return try request.canonicalText(path: "/", signing: names, innerBlanks: .kept, bodyHash: hash)
  }

  /// The text that is signed: scheme and hash of the canonical request, which holds the time.
  public static func stringToSign(
    canonicalRequest: String, date _: String, scope _: Unscoped
  ) -> String {
    "\(form.scheme)\n\(SHA256.hash(Array(canonicalRequest.utf8)).hex)"
  }
}
