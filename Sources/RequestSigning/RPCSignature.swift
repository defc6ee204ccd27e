// RPCSignature: the signature version 1.0 of Alibaba Cloud's RPC calls, among their parameters.
//
// Called by a server to check what it received and by a client to sign what it sends; calls
// `Crypto`. It speaks of decoded parameters, wherever they stood, so what is signed is what is
// used. Invariant: what `sign` signs `verify` accepts, and with a parameter changed, added or
// taken away it does not.

import Crypto

/// What a signed call says about its signature.
public struct RPCAuthorization: Hashable, Sendable {
  /// Which key signed.
  public let accessKey: String
  /// The signature: 20 bytes as base 64, if it is one.
  public let signature: String
  /// What makes each call another one; nil where the client sends none, or an empty one.
  public let nonce: String?
  /// The time of signing, as it stands in the call.
  let timestamp: String

  /// Reads it from the parameters of a call.
  ///
  /// Each is looked for in the order in which the cloud's gateway misses it.
  public init(parsing parameters: [RPCSignature.Parameter]) throws(SignatureFault) {
    accessKey = try RPCSignature.required("AccessKeyId", parameters)
    timestamp = try RPCSignature.required("Timestamp", parameters)
    try RPCSignature.requireScheme(parameters)
    signature = try RPCSignature.required("Signature", parameters)
    let nonce = try RPCSignature.value("SignatureNonce", parameters)
    self.nonce = nonce == "" ? nil : nonce
  }
}

/// The signature of RPC calls: an HMAC-SHA1 over method and parameters.
///
/// Path, headers and the places of the parameters are not signed. Source: the page "Signature" of
/// the cloud's KMS, whose example leaves out a step; its final address has it right.
public enum RPCSignature {
  /// A decoded parameter of a call.
  public typealias Parameter = (name: String, value: String)

  /// The parameters that name the scheme, as it is.
  static let scheme: [Parameter] = [("SignatureMethod", "HMAC-SHA1"), ("SignatureVersion", "1.0")]

  /// The text that is signed: the method and all parameters but the signature.
  public static func stringToSign(method: String, parameters: [Parameter]) -> String {
    let pairs = parameters.filter { !isNamed("Signature", $0) }
      .map { (name: Array($0.name.utf8), value: Array($0.value.utf8)) }
    let query = SignableRequest.canonicalQuery(pairs)
    return "\(method)&%2F&\(SignableRequest.encoded(query.utf8))"
  }

  /// The signature of a text: 20 bytes as base 64.
  public static func signature(of stringToSign: String, secretKey: String) -> String {
    Base64.encode(
      HMACSHA1.authenticate(Array(stringToSign.utf8), key: Array("\(secretKey)&".utf8)))
  }

  /// The signature of a call that has all its parameters but that one.
  public static func sign(
    method: String, parameters: [Parameter], secretKey: String
  ) throws(SignatureFault) -> String {
    _ = try required("AccessKeyId", parameters)
    guard SigningTime(try required("Timestamp", parameters), .extended) != nil else {
      throw .malformedDate
    }
    try requireScheme(parameters)
    return signature(
      of: stringToSign(method: method, parameters: parameters), secretKey: secretKey)
  }

  /// Checks what needs no key, the clocks, and returns the time of signing.
  @discardableResult
  public static func check(
    _ authorization: RPCAuthorization, now: SigningTime
  ) throws(SignatureFault) -> SigningTime {
    try now.near(authorization.timestamp, .extended)
  }

  /// Accepts a call that was signed with `secretKey` as it is, and lately enough.
  ///
  /// The comparison takes the same time wherever the signatures differ. Nothing is remembered: the
  /// same call made twice is accepted twice.
  public static func verify(
    method: String, parameters: [Parameter], secretKey: String, now: SigningTime
  ) throws(SignatureFault) {
    let authorization = try RPCAuthorization(parsing: parameters)
    try check(authorization, now: now)
    let text = stringToSign(method: method, parameters: parameters)
    let expected = signature(of: text, secretKey: secretKey)
    guard constantTimeEquals(Array(expected.utf8), Array(authorization.signature.utf8)) else {
      throw .signatureMismatch(stringToSign: text)
    }
  }

  /// The value of the only parameter of that name; nil without one.
  static func value(
    _ name: String, _ parameters: [Parameter]
  ) throws(SignatureFault) -> String? {
    let found = parameters.filter { isNamed(name, $0) }
    guard found.count <= 1 else { throw .parameterRepeated(name) }
    return found.first?.value
  }

  /// The value of the only parameter of that name, which must be there and hold something.
  static func required(
    _ name: String, _ parameters: [Parameter]
  ) throws(SignatureFault) -> String {
    guard let value = try value(name, parameters), !value.isEmpty else {
      throw .parameterMissing(name)
    }
    return value
  }

  /// Goes on only if the call names this scheme and no other.
  static func requireScheme(_ parameters: [Parameter]) throws(SignatureFault) {
    for (name, value) in scheme {
      guard try required(name, parameters) == value else { throw .unknownScheme(name) }
    }
  }

  /// Whether a parameter has that name, byte by byte.
  private static func isNamed(_ name: String, _ parameter: Parameter) -> Bool {
    parameter.name.utf8.elementsEqual(name.utf8)
  }
}
