// HeaderScheme: what schemes have in common that sign a list of headers under a secret key.
//
// One conformer a cloud; called by a server to check what it received and by a client to sign what
// it sends. Calls `Crypto`. Invariant: what `sign` signs `verify` accepts, and a request with a
// signed part changed it does not.

import Crypto

/// A scheme whose signature is an HMAC-SHA256 over method, path, query, listed headers and body.
public protocol HeaderScheme: Sendable {
  /// How it writes its `Authorization`.
  static var form: AuthorizationForm { get }
  /// The header that holds the time of signing, and how the time is written there.
  static var date: (header: String, form: SigningTime.Form) { get }
  /// The headers that must be signed, in lower case.
  static var essentials: [String] { get }
  /// The text whose hash is signed.
  static func canonicalRequest(
    of request: SignableRequest, signing names: [String]
  ) throws(SignatureFault) -> String
  /// The text that is signed, of a request signed at `date`.
  static func stringToSign(canonicalRequest: String, date: String) -> String
}

extension HeaderScheme {
  /// The signature of a text: 64 lower-case hexadecimal digits.
  public static func signature(of stringToSign: String, secretKey: String) -> String {
    HMACSHA256.authenticate(Array(stringToSign.utf8), key: Array(secretKey.utf8)).hex
  }

  /// The `Authorization` of a request, over all its header fields but those whose name holds `_`.
  ///
  /// The request must have the essential headers already; every name may be there once.
  public static func sign(
    _ request: SignableRequest, accessKey: String, secretKey: String
  ) throws(SignatureFault) -> HeaderAuthorization<Self> {
    let names = request.fields.map { SignableRequest.lowercased($0.name) }
      .filter { !$0.utf8.contains(UInt8(ascii: "_")) }.sorted {
        $0.utf8.lexicographicallyPrecedes($1.utf8)
      }
    try requireEssentials(names)
    guard SigningTime(try request.value(of: date.header), date.form) != nil else {
      throw .malformedDate
    }
    return HeaderAuthorization(
      accessKey: accessKey, signedHeaders: names,
      signature: signature(of: try stringToSign(of: request, names), secretKey: secretKey))
  }

  /// Checks what needs neither the key nor the body: the headers that must be signed, the clocks.
  public static func check(
    _ request: SignableRequest, _ authorization: HeaderAuthorization<Self>, now: SigningTime
  ) throws(SignatureFault) {
    try requireEssentials(authorization.signedHeaders)
    try now.requireNear(try request.value(of: date.header), date.form)
  }

  /// Accepts a request that was signed with `secretKey` as it is, and lately enough.
  ///
  /// The comparison takes the same time wherever the signatures differ. Nothing is remembered: the
  /// same request sent twice is accepted twice.
  public static func verify(
    _ request: SignableRequest, _ authorization: HeaderAuthorization<Self>, secretKey: String,
    now: SigningTime
  ) throws(SignatureFault) {
    try check(request, authorization, now: now)
    let text = try stringToSign(of: request, authorization.signedHeaders)
    let expected = signature(of: text, secretKey: secretKey)
    guard constantTimeEquals(Array(expected.utf8), Array(authorization.signature.utf8)) else {
      throw .signatureMismatch(stringToSign: text)
    }
  }

  private static func requireEssentials(_ names: [String]) throws(SignatureFault) {
    for name in essentials where !names.contains(name) { throw .headerNotSigned(name) }
  }

  private static func stringToSign(
    of request: SignableRequest, _ names: [String]
  ) throws(SignatureFault) -> String {
    let canonical = try canonicalRequest(of: request, signing: names)
    return stringToSign(
      canonicalRequest: canonical, date: try request.value(of: date.header))
  }
}
