// SecretKeys: access keys, and the secret keys that are stored sealed.
//
// Made by the command line, opened by `Tenants` for requests that are signed. Calls `Crypto`.
// Invariant: a secret key leaves this file sealed, or in the hands of the one who signs or
// verifies; a sealed one opens only under the credential it was made for.

import Crypto
public import Ledger

/// The public half of a credential for signing: `SLAK` and 80 random bits in base 32.
///
/// The prefix lets scanners find one and tells it from a cloud's own.
public enum AccessKey {
  /// How many random bytes one needs.
  public static let randomByteCount = 10
  private static let prefix = "SLAK"
  private static let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567".utf8)

  /// A new access key of 20 characters.
  public static func text(randomBytes: [UInt8]) -> String {
    precondition(randomBytes.count == randomByteCount, "\(randomBytes.count) random bytes")
    return prefix + SecretKey.characters(bits: randomBytes, width: 5, alphabet)
  }

  /// Whether a text can be an access key: 20 capital letters and digits, as the clouds' own are.
  public static func isPlausible(_ text: String) -> Bool {
    text.utf8.count == 20 && text.utf8.allSatisfy { 0x30...0x39 ~= $0 || 0x41...0x5A ~= $0 }
  }
}

/// The secret half: 240 random bits as 40 characters.
public enum SecretKey {
  /// How many random bytes one needs.
  public static let randomByteCount = 30
  private static let alphabet = Array(
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".utf8)

  /// A new secret key.
  public static func text(randomBytes: [UInt8]) -> String {
    precondition(randomBytes.count == randomByteCount, "\(randomBytes.count) random bytes")
    return characters(bits: randomBytes, width: 6, alphabet)
  }

  /// The bits, `width` to a character; their count is a multiple of it.
  fileprivate static func characters(
    bits bytes: [UInt8], width: UInt32, _ alphabet: [UInt8]
  ) -> String {
    var text: [UInt8] = []
    var buffer: UInt32 = 0
    var bits: UInt32 = 0
    for byte in bytes {
      buffer = (buffer << 8 | UInt32(byte)) & 0xFFFF
      bits += 8
      while bits >= width {
        bits -= width
        text.append(alphabet[Int(buffer >> bits & (1 << width - 1))])
      }
    }
    return String(decoding: text, as: UTF8.self)
  }
}

/// A secret key as it is stored.
public struct SealedSecretKey: Hashable, Sendable {
  /// The access key it belongs to.
  public var accessKey: String
  /// Which key opens it.
  public var keyID: String
  /// The sealed text.
  public var sealed: [UInt8]
  /// A sealed secret key.
  public init(accessKey: String, keyID: String, sealed: [UInt8]) {
    self.accessKey = accessKey
    self.keyID = keyID
    self.sealed = sealed
  }
}

/// A credential with its sealed secret key.
public struct Signer: Hashable, Sendable {
  /// Who it is.
  public var credential: Credential
  /// What it signs with.
  public var secretKey: SealedSecretKey
  /// A credential that can sign.
  public init(credential: Credential, secretKey: SealedSecretKey) {
    self.credential = credential
    self.secretKey = secretKey
  }
}

/// The keys that secret keys are sealed with: one for those made today, and one of before.
public struct SecretKeyring: Sendable {
  private struct Entry: Sendable {
    let id: String
    let cipher: AES256GCM

    init?(_ key: [UInt8]) {
      guard let cipher = AES256GCM(key: key) else { return nil }
      self.cipher = cipher
      id = Hex.encode(
        HMACSHA256.authenticate(Array("stageledger key id".utf8), key: key).bytes.prefix(8))
    }
  }

  private let current: Entry
  private let previous: Entry?

  /// Keys of exactly 32 bytes; nil when one is not.
  public init?(key: [UInt8], previous: [UInt8]? = nil) {
    guard let current = Entry(key) else { return nil }
    self.current = current
    guard let previous else {
      self.previous = nil
      return
    }
    guard let entry = Entry(previous) else { return nil }
    self.previous = entry
  }

  /// Whether a key was sealed with the one for those made today.
  public func isCurrent(_ secretKey: SealedSecretKey) -> Bool { secretKey.keyID == current.id }

  /// Seals a secret key for one credential.
  public func seal(
    _ secretKey: String, accessKey: String, name: String, in project: ProjectID
  ) -> SealedSecretKey {
    let data = Self.associatedData(project, name, accessKey)
    return SealedSecretKey(
      accessKey: accessKey, keyID: current.id,
      sealed: current.cipher.seal(Array(secretKey.utf8), associatedData: data))
  }

  /// Opens a secret key; nil when none of the keys does, or it was sealed for another credential.
  public func open(_ secretKey: SealedSecretKey, of credential: Credential) -> String? {
    let entry = [current, previous].compactMap { $0 }.first { $0.id == secretKey.keyID }
    let data = Self.associatedData(credential.project, credential.name, secretKey.accessKey)
    return entry?.cipher.open(secretKey.sealed, associatedData: data)
      .flatMap { String(validating: $0, as: UTF8.self) }
  }

  /// The three texts, each with its length before it, so that no two triples have the same bytes.
  private static func associatedData(
    _ project: ProjectID, _ name: String, _ accessKey: String
  ) -> [UInt8] {
    [project.text, name, accessKey].flatMap { text in
      let length = UInt32(truncatingIfNeeded: text.utf8.count)
      return (0..<4).map { UInt8(truncatingIfNeeded: length >> (24 - 8 * $0)) } + Array(text.utf8)
    }
  }
}
