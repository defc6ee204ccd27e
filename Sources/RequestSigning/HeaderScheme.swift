// HeaderScheme: what schemes have in common that sign a list of headers under a secret key.
//
// One conformer a cloud; called by a server to check what it received and by a client to sign what
// it sends. Calls `Crypto`. Invariant: what `sign` signs `verify` accepts, and a request with a
// signed part changed it does not.

import Crypto

/// A scheme whose signature is an HMAC-SHA256 over method, path, query, listed headers and body.
public protocol HeaderScheme: Sendable {
  /// What its signatures are good for beside their requests.
  associatedtype Scope: SignatureScope = Unscoped
  /// How it writes its `Authorization`.
  static var form: AuthorizationForm { get }
  /// The header that holds the time of signing, and how the time is written there.
  static var date: (header: String, form: SigningTime.Form) { get }
  /// The headers that must be signed, in lower case.
  static var essentials: [String] { get }
  /// Whether a header of this name, in lower case, must be signed wherever it is there.
  static func mustSign(_ name: String) -> Bool
  /// Goes on only if a scope is one of a request signed at `date` for this service.
  static func check(_ scope: Scope, date: String) throws(SignatureFault)
  /// The text whose hash is signed.
  static func canonicalRequest(
    of request: SignableRequest, signing names: [String]
  ) throws(SignatureFault) -> String
  /// The text that is signed, of a request signed at `date`.
  static func stringToSign(canonicalRequest: String, date: String, scope: Scope) -> String
  /// The key of the HMAC.
  static func key(from secretKey: String, for scope: Scope) -> [UInt8]
}

extension HeaderScheme {
  /// No header but the essential ones must be signed.
  public static func mustSign(_ name: String) -> Bool { false }

  /// Any scope will do.
  public static func check(_ scope: Scope, date: String) throws(SignatureFault) {}

  /// The secret key itself.
  public static func key(from secretKey: String, for scope: Scope) -> [UInt8] {
    Array(secretKey.utf8)
  }
}

extension HeaderScheme where Scope == Unscoped {
  /// The `Authorization` of a request, as `sign(_:accessKey:secretKey:scope:)` makes it.
  public static func sign(
    _ request: SignableRequest, accessKey: String, secretKey: String
  ) throws(SignatureFault) -> HeaderAuthorization<Self> {
    try sign(request, accessKey: accessKey, secretKey: secretKey, scope: Unscoped())
  }
}

extension HeaderScheme {
  /// The signature of a text: 64 lower-case hexadecimal digits.
  public static func signature(
    of stringToSign: String, secretKey: String, scope: Scope
  ) -> String {
    HMACSHA256.authenticate(Array(stringToSign.utf8), key: key(from: secretKey, for: scope)).hex
  }

  /// The `Authorization` of a request, over all its header fields but those whose name holds `_`.
  ///
  /// The request must have the essential headers already; every name may be there once.
  public static func sign(
    _ request: SignableRequest, accessKey: String, secretKey: String, scope: Scope
  ) throws(SignatureFault) -> HeaderAuthorization<Self> {
    let names = request.fields.map { SignableRequest.lowercased($0.name) }
      .filter { !$0.utf8.contains(UInt8(ascii: "_")) }.sorted {
        $0.utf8.lexicographicallyPrecedes($1.utf8)
      }
    try requireEssentials(names)
    guard SigningTime(try request.value(of: date.header), date.form) != nil else {
      throw .malformedDate
    }
    let text = try stringToSign(of: request, names, scope)
    return HeaderAuthorization(
      accessKey: accessKey, scope: scope, signedHeaders: names,
      signature: signature(of: text, secretKey: secretKey, scope: scope))
  }

  /// Checks what needs neither the key nor the body: the headers that must be signed, the clocks,
  /// the scope.
  ///
  /// Returns the time of signing.
  @discardableResult
  public static func check(
    _ request: SignableRequest, _ authorization: HeaderAuthorization<Self>, now: SigningTime
  ) throws(SignatureFault) -> SigningTime {
    let names = authorization.signedHeaders
    try requireEssentials(names)
    for field in request.fields {
      let name = SignableRequest.lowercased(field.name)
      guard !mustSign(name) || names.contains(name) else { throw .headerNotSigned(name) }
    }
    let text = try request.value(of: date.header)
    let signedAt = try now.near(text, date.form)
    try check(authorization.scope, date: text)
    return signedAt
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
    let scope = authorization.scope
    let text = try stringToSign(of: request, authorization.signedHeaders, scope)
    let expected = signature(of: text, secretKey: secretKey, scope: scope)
    guard constantTimeEquals(Array(expected.utf8), Array(authorization.signature.utf8)) else {
      throw .signatureMismatch(stringToSign: text)
    }
  }

  private static func requireEssentials(_ names: [String]) throws(SignatureFault) {
    for name in essentials where !names.contains(name) { throw .headerNotSigned(name) }
  }

  private static func stringToSign(
    of request: SignableRequest, _ names: [String], _ scope: Scope
  ) throws(SignatureFault) -> String {
    let canonical = try canonicalRequest(of: request, signing: names)
    return stringToSign(
      canonicalRequest: canonical, date: try request.value(of: date.header), scope: scope)
  }
}
