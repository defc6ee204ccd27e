// SigV4Signature: request signing with AWS Signature Version 4, as AWS's clients do it.
//
// Called by a server to check what it received and by a client to sign what it sends; calls
// `Crypto`. Invariant: the body is always signed, and so is every header that says what is asked.

import Crypto

/// The `Authorization` of the scheme:
/// `AWS4-HMAC-SHA256 Credential=A/day/region/service/aws4_request, SignedHeaders=b;c, Signature=d`.
public typealias SigV4Authorization = HeaderAuthorization<SigV4Signature>

/// The day, the region and the service a signature is good for.
public struct SigV4Scope: SignatureScope {
  private static let terminator = "aws4_request"
  /// The day of signing, `YYYYMMDD`, UTC.
  public let day: String
  /// The region: 1 to 64 of `a-z 0-9 -`.
  public let region: String
  /// The service: 1 to 64 of `a-z 0-9 -`.
  public let service: String

  /// The scope of a moment; nil where a name is not well formed.
  public init?(_ moment: SigningTime, region: String, service: String) {
    guard Self.isName(region), Self.isName(service) else { return nil }
    day = String(moment.text.prefix(8))
    self.region = region
    self.service = service
  }

  /// Reads `/day/region/service/aws4_request`.
  public init(parsing text: Substring) throws(SignatureFault) {
    let parts = text.utf8.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
      .map { String(Substring($0)) }
    guard parts.count == 5, parts[0].isEmpty, parts[4] == Self.terminator,
      SigningTime("\(parts[1])T000000Z") != nil, Self.isName(parts[2]), Self.isName(parts[3])
    else { throw .malformedAuthorization }
    day = parts[1]
    region = parts[2]
    service = parts[3]
  }

  /// The parts, each after a slash.
  public var text: String { parts.map { "/\($0)" }.joined() }

  /// What the key is derived for, in this order.
  var parts: [String] { [day, region, service, Self.terminator] }

  private static func isName(_ text: String) -> Bool {
    1...64 ~= text.utf8.count
      && text.utf8.allSatisfy { 0x61...0x7A ~= $0 || 0x30...0x39 ~= $0 || $0 == 0x2D }
  }
}

/// AWS Signature Version 4 for Secrets Manager: an HMAC under a key of one day, region and service.
///
/// It has no nonce: the same request sent twice within the tolerance is accepted twice, and clients
/// that try again within a second send just that. The target decides what is asked, and whatever
/// else begins with `x-amz-` may: all of that must be signed where it is there, as must the type of
/// the body. Source: AWS, Create a signed AWS API request.
public enum SigV4Signature: HeaderScheme {
  /// How the scheme writes its `Authorization`.
  public static let form = AuthorizationForm(
    scheme: "AWS4-HMAC-SHA256", keyName: "Credential", separator: ", ")
  /// The header that holds the time of signing.
  public static let date = (header: "x-amz-date", form: SigningTime.Form.basic)
  /// The headers that must be signed, in lower case.
  public static let essentials = ["host", date.header]
  /// The service that checks signatures.
  public static let service = "secretsmanager"

  /// The header that may tell the hash of the body.
  static let bodyHashHeader = "x-amz-content-sha256"

  /// The headers that bear on what is asked.
  public static func mustSign(_ name: String) -> Bool {
    name == "content-type" || name.hasPrefix("x-amz-")
  }

  /// Goes on only if the scope is of this service and of the day of signing; any region will do.
  public static func check(_ scope: SigV4Scope, date: String) throws(SignatureFault) {
    guard scope.service == service else { throw .wrongService(expected: service) }
    guard date.hasPrefix(scope.day) else { throw .wrongDay(scope.day, signedAt: date) }
  }

  /// The text whose hash is signed: method, path, query, headers, their names and the body's hash.
  ///
  /// The path is as it was sent: the service's only one is `/`. A told hash of the body is never
  /// believed.
  public static func canonicalRequest(
    of request: SignableRequest, signing names: [String]
  ) throws(SignatureFault) -> String {
    let hash = SHA256.hash(request.body).hex
    if names.contains(bodyHashHeader), try request.value(of: bodyHashHeader) != hash {
      throw .bodyMismatch
    }
    return try request.canonicalText(
      path: request.path, signing: names, innerBlanks: .collapsed, bodyHash: hash)
  }

  /// The text that is signed: scheme, time, scope and hash of the canonical request.
  public static func stringToSign(
    canonicalRequest: String, date: String, scope: SigV4Scope
  ) -> String {
    let hash = SHA256.hash(Array(canonicalRequest.utf8)).hex
    return [form.scheme, date, scope.parts.joined(separator: "/"), hash].joined(separator: "\n")
  }

  /// The key, derived from the secret key by an HMAC for each part of the scope.
  public static func key(from secretKey: String, for scope: SigV4Scope) -> [UInt8] {
    scope.parts.reduce(Array("AWS4\(secretKey)".utf8)) { key, part in
      HMACSHA256.authenticate(Array(part.utf8), key: key).bytes
    }
  }
}
