// SDKSignature: request signing with SDK-HMAC-SHA256, as Huawei Cloud's clients do it.
//
// Called by a server to check what it received and by a client to sign what it sends; calls
// `Crypto`. Invariant: what `sign` signs `verify` accepts, and a request with a signed part changed
// it does not.

import Crypto

/// The scheme SDK-HMAC-SHA256: an HMAC over a canonical text, under the secret key itself.
public enum SDKSignature {
  /// How far the clocks of both sides may be apart, in seconds.
  public static let toleranceSeconds: Int64 = 15 * 60

  /// The header that holds the time of signing.
  static let dateHeader = "x-sdk-date"
  /// The header that may tell the hash of the body.
  static let bodyHashHeader = "x-sdk-content-sha256"
  /// What that header holds when the body is not signed.
  static let unsignedBody = "UNSIGNED-PAYLOAD"

  /// The text whose hash is signed: method, path, query, headers, their names and the body's hash.
  public static func canonicalRequest(
    of request: SignableRequest, signing names: [String]
  ) throws(SignatureFault) -> String {
    var lines = [
      request.method, try request.canonicalPath(), try request.canonicalQuery(),
    ]
    for name in names { lines.append("\(name):\(try request.value(of: name))") }
    lines.append("")
    lines.append(names.joined(separator: ";"))
    lines.append(try bodyHash(of: request, signing: names))
    return lines.joined(separator: "\n")
  }

  /// The text that is signed: scheme, time and hash of the canonical request.
  public static func stringToSign(canonicalRequest: String, date: String) -> String {
    let hash = SHA256.hash(Array(canonicalRequest.utf8)).hex
    return "\(SDKAuthorization.scheme)\n\(date)\n\(hash)"
  }

  /// The signature of a text: 64 lower-case hexadecimal digits.
  public static func signature(of stringToSign: String, secretKey: String) -> String {
    HMACSHA256.authenticate(Array(stringToSign.utf8), key: Array(secretKey.utf8)).hex
  }

  /// The `Authorization` of a request, over all its header fields but those whose name holds `_`.
  ///
  /// The request must have its `Host` and `X-Sdk-Date` already; every name may be there once.
  public static func sign(
    _ request: SignableRequest, accessKey: String, secretKey: String
  ) throws(SignatureFault) -> SDKAuthorization {
    let names = request.fields.map { SignableRequest.lowercased($0.name) }
      .filter { !$0.utf8.contains(UInt8(ascii: "_")) }.sorted {
        $0.utf8.lexicographicallyPrecedes($1.utf8)
      }
    try requireEssentials(names)
    let date = try request.value(of: dateHeader)
    guard SigningTime(date) != nil else { throw .malformedDate }
    let text = stringToSign(
      canonicalRequest: try canonicalRequest(of: request, signing: names), date: date)
    return SDKAuthorization(
      accessKey: accessKey, signedHeaders: names,
      signature: signature(of: text, secretKey: secretKey))
  }

  /// Checks everything that needs no key: the headers that must be signed, and the clocks.
  public static func check(
    _ request: SignableRequest, _ authorization: SDKAuthorization, now: SigningTime
  ) throws(SignatureFault) {
    try requireEssentials(authorization.signedHeaders)
    let text = try request.value(of: dateHeader)
    guard let date = SigningTime(text) else { throw .malformedDate }
    guard abs(date.seconds - now.seconds) <= toleranceSeconds else {
      throw .expired(signedAt: date.text, now: now.text)
    }
  }

  /// Accepts a request that was signed with `secretKey` as it is, and lately enough.
  ///
  /// The comparison takes the same time wherever the signatures differ. The scheme has no nonce, so
  /// the same request sent twice within the tolerance is accepted twice.
  public static func verify(
    _ request: SignableRequest, _ authorization: SDKAuthorization, secretKey: String,
    now: SigningTime
  ) throws(SignatureFault) {
    try check(request, authorization, now: now)
    let canonical = try canonicalRequest(of: request, signing: authorization.signedHeaders)
    let text = stringToSign(
      canonicalRequest: canonical, date: try request.value(of: dateHeader))
    let expected = signature(of: text, secretKey: secretKey)
    guard constantTimeEquals(Array(expected.utf8), Array(authorization.signature.utf8)) else {
      throw .signatureMismatch(stringToSign: text)
    }
  }

  private static func requireEssentials(_ names: [String]) throws(SignatureFault) {
    for name in ["host", dateHeader] where !names.contains(name) { throw .headerNotSigned(name) }
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
