// Authenticated encryption with a 256-bit key (AES-256-GCM, NIST SP 800-38D).
//
// Called where a secret must be stored so that it can be read again; calls libcrypto's EVP
// interface. Invariant: nothing of a plaintext is given out before its tag was found right.

import COpenSSL

/// AES-256 in Galois/counter mode under one key.
///
/// A sealed text is the nonce, the ciphertext and the tag, one after the other. Nonces are drawn at
/// random, which is safe for 2³² texts under one key.
public struct AES256GCM: Sendable {
  /// How many bytes a key has.
  public static let keyByteCount = 32
  /// How many bytes a nonce has.
  public static let nonceByteCount = 12
  /// How many bytes a tag has.
  public static let tagByteCount = 16

  private let key: [UInt8]

  /// A cipher under a key of exactly 32 bytes; nil for any other count.
  public init?(key: [UInt8]) {
    guard key.count == Self.keyByteCount else { return nil }
    self.key = key
  }

  /// Encrypts under a random nonce, bound to `associatedData`, which is not stored.
  public func seal(_ plaintext: [UInt8], associatedData: [UInt8]) -> [UInt8] {
    seal(
      plaintext, associatedData: associatedData, nonce: SecureRandom.bytes(Self.nonceByteCount))
  }

  /// Encrypts under a nonce of 12 bytes, which must never be used twice with one key.
  public func seal(
    _ plaintext: [UInt8], associatedData: [UInt8], nonce: [UInt8]
  ) -> [UInt8] {
    precondition(nonce.count == Self.nonceByteCount, "a nonce of \(nonce.count) bytes")
    let context = CipherContext()
    context.start(.encrypting, key: key, nonce: nonce)
    context.authenticate(associatedData)
    let ciphertext = context.update(plaintext)
    precondition(context.finish(), "libcrypto did not finish an encryption")
    return nonce + ciphertext + context.tag(byteCount: Self.tagByteCount)
  }

  /// The plaintext of a sealed text; nil when the text, the key or the data is not the sealed one.
  public func open(_ sealed: [UInt8], associatedData: [UInt8]) -> [UInt8]? {
    guard sealed.count >= Self.nonceByteCount + Self.tagByteCount else { return nil }
    let context = CipherContext()
    context.start(.decrypting, key: key, nonce: Array(sealed.prefix(Self.nonceByteCount)))
    context.authenticate(associatedData)
    let plaintext = context.update(
      Array(sealed.dropFirst(Self.nonceByteCount).dropLast(Self.tagByteCount)))
    context.expect(tag: Array(sealed.suffix(Self.tagByteCount)))
    return context.finish() ? plaintext : nil
  }
}

/// One use of libcrypto's cipher; owned by one call, freed at its end.
///
/// Safe to use because the pointer is private, never nil, and freed only by its one owner; every
/// length given to libcrypto is that of the array beside it.
@safe private struct CipherContext: ~Copyable {
  enum Direction: Int32 {
    case decrypting = 0
    case encrypting = 1
  }

  private let pointer: OpaquePointer

  init() {
    guard let context = unsafe EVP_CIPHER_CTX_new() else {
      preconditionFailure("libcrypto has no memory for a cipher")
    }
    unsafe pointer = context
  }

  deinit {
    unsafe EVP_CIPHER_CTX_free(pointer)
  }

  /// Sets the key and a nonce of 12 bytes, which is the length this mode starts with.
  func start(_ direction: Direction, key: [UInt8], nonce: [UInt8]) {
    let isStarted = unsafe EVP_CipherInit_ex(
      pointer, EVP_aes_256_gcm(), nil, key, nonce, direction.rawValue)
    precondition(isStarted == 1, "libcrypto did not start AES-256-GCM: \(isStarted)")
  }

  /// Feeds data that is authenticated and not encrypted.
  func authenticate(_ data: [UInt8]) {
    precondition(data.count <= Int32.max, "\(data.count) bytes of associated data")
    guard !data.isEmpty else { return }
    var length: Int32 = 0
    let isTaken = unsafe EVP_CipherUpdate(pointer, nil, &length, data, Int32(data.count))
    precondition(isTaken == 1, "libcrypto did not take \(data.count) bytes: \(isTaken)")
  }

  /// Encrypts or decrypts `bytes`; the result has as many.
  func update(_ bytes: [UInt8]) -> [UInt8] {
    precondition(bytes.count <= Int32.max, "\(bytes.count) bytes to encrypt")
    guard !bytes.isEmpty else { return [] }
    return unsafe [UInt8](unsafeUninitializedCapacity: bytes.count) { buffer, count in
      var length: Int32 = 0
      let isTaken = unsafe EVP_CipherUpdate(
        pointer, buffer.baseAddress, &length, bytes, Int32(bytes.count))
      precondition(isTaken == 1, "libcrypto did not take \(bytes.count) bytes: \(isTaken)")
      count = Int(length)
    }
  }

  /// Sets the tag that a decryption must come to.
  func expect(tag: [UInt8]) {
    var tag = tag
    let isTaken = unsafe EVP_CIPHER_CTX_ctrl(
      pointer, EVP_CTRL_AEAD_SET_TAG, Int32(tag.count), &tag)
    precondition(isTaken == 1, "libcrypto did not take a tag: \(isTaken)")
  }

  /// Ends the work; false when the tag of a decryption is not the expected one.
  func finish() -> Bool {
    // This mode writes nothing at its end; the room is what the interface may ask for.
    var rest = [UInt8](repeating: 0, count: 16)
    var length: Int32 = 0
    return unsafe EVP_CipherFinal_ex(pointer, &rest, &length) == 1
  }

  /// The tag of a finished encryption.
  func tag(byteCount: Int) -> [UInt8] {
    var tag = [UInt8](repeating: 0, count: byteCount)
    let isGiven = unsafe EVP_CIPHER_CTX_ctrl(
      pointer, EVP_CTRL_AEAD_GET_TAG, Int32(byteCount), &tag)
    precondition(isGiven == 1, "libcrypto gave no tag: \(isGiven)")
    return tag
  }
}
