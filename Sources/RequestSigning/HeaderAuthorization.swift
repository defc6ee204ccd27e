// HeaderAuthorization: the `Authorization` header of a request that signs a list of its headers.
//
// Parsed by a server before it looks up the access key, written by a client. Calls nothing.
// Invariant: the parts stand in one order, each once; reading what was written gives them back.

/// How one scheme writes its `Authorization`: `SCHEME KEY=a,SignedHeaders=b;c,Signature=d`.
public struct AuthorizationForm: Sendable {
  /// The name of the scheme, with which the header begins.
  let scheme: String
  /// The name of the part that tells the key.
  let keyName: String
  /// What stands between two parts when the header is written.
  let separator: String

  /// Whether a header is of this scheme, well formed or not.
  func isMeant(by header: String) -> Bool {
    header.utf8.starts(with: scheme.utf8)
      && [nil, UInt8(ascii: " ")].contains(header.utf8.dropFirst(scheme.utf8.count).first)
  }
}

/// What a signature is good for beside its request; told after the access key.
public protocol SignatureScope: Hashable, Sendable {
  /// Reads what follows the access key, down to the end of the part.
  init(parsing text: Substring) throws(SignatureFault)
  /// What follows the access key.
  var text: String { get }
}

/// The scope of schemes that tell none.
public struct Unscoped: SignatureScope {
  /// The only one there is.
  public init() {}
  /// Reads nothing.
  public init(parsing text: Substring) throws(SignatureFault) {
    guard text.isEmpty else { throw .malformedAuthorization }
  }
  /// Nothing.
  public var text: String { "" }
}

/// An access key, the headers it signed, and the signature.
public struct HeaderAuthorization<Scheme: HeaderScheme>: Hashable, Sendable {
  /// Which key signed.
  public let accessKey: String
  /// What the signature is good for.
  public let scope: Scheme.Scope
  /// The names of the signed headers in lower case and in the order they were signed, each once.
  public let signedHeaders: [String]
  /// The signature: 64 lower-case hexadecimal digits.
  public let signature: String

  init(accessKey: String, scope: Scheme.Scope, signedHeaders: [String], signature: String) {
    self.accessKey = accessKey
    self.scope = scope
    self.signedHeaders = signedHeaders
    self.signature = signature
  }

  /// Whether a header is of this scheme, well formed or not.
  public static func isMeant(by header: String) -> Bool { Scheme.form.isMeant(by: header) }

  /// Reads the three parts in their order; blanks may stand before each.
  public init(parsing header: String) throws(SignatureFault) {
    guard Self.isMeant(by: header) else { throw .malformedAuthorization }
    let parts = header.utf8.dropFirst(Scheme.form.scheme.utf8.count + 1)
      .split(separator: UInt8(ascii: ","), maxSplits: 3, omittingEmptySubsequences: false)
    guard parts.count == 3 else { throw .malformedAuthorization }
    let key = try Self.value(of: Scheme.form.keyName, in: parts[0])
    accessKey = String(key.prefix { $0 != "/" })
    scope = try Scheme.Scope(parsing: key.drop { $0 != "/" })
    let headers = try Self.value(of: "SignedHeaders", in: parts[1])
    signature = try Self.value(of: "Signature", in: parts[2])
    signedHeaders = headers.utf8.split(
      separator: UInt8(ascii: ";"), omittingEmptySubsequences: false
    ).map { String(Substring($0)) }
    guard (1...128).contains(accessKey.utf8.count), accessKey.utf8.allSatisfy(Self.isKeyByte),
      signature.utf8.count == 64, signature.utf8.allSatisfy(Self.isHexDigit),
      signedHeaders.allSatisfy({ !$0.isEmpty && $0.utf8.allSatisfy(Self.isNameByte) }),
      Set(signedHeaders).count == signedHeaders.count
    else { throw .malformedAuthorization }
  }

  /// The header's text.
  public var text: String {
    let form = Scheme.form
    let parts = [
      "\(form.keyName)=\(accessKey)\(scope.text)",
      "SignedHeaders=\(signedHeaders.joined(separator: ";"))",
      "Signature=\(signature)",
    ]
    return "\(form.scheme) \(parts.joined(separator: form.separator))"
  }

  /// What stands after `name=` in a part that may begin with blanks.
  private static func value(
    of name: String, in part: Substring.UTF8View
  ) throws(SignatureFault) -> String {
    let part = part.drop { $0 == UInt8(ascii: " ") }
    guard part.starts(with: "\(name)=".utf8) else { throw .malformedAuthorization }
    return String(Substring(part.dropFirst(name.utf8.count + 1)))
  }

  private static func isKeyByte(_ byte: UInt8) -> Bool {
    switch byte {
    case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x2D, 0x5F: true
    default: false
    }
  }

  private static func isHexDigit(_ byte: UInt8) -> Bool {
    0x30...0x39 ~= byte || 0x61...0x66 ~= byte
  }

  /// A lower-case character of a header's name (RFC 9110, section 5.6.2).
  private static func isNameByte(_ byte: UInt8) -> Bool {
    switch byte {
    case 0x30...0x39, 0x61...0x7A: true
    default: "!#$%&'*+-.^_`|~".utf8.contains(byte)
    }
  }
}
