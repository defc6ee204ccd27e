// Message authentication with a shared key (RFC 2104).
//
// Called where requests and tokens are signed. With SHA-256 it is two hashes with kept contexts,
// half the time of libcrypto's own; with SHA-1 it is libcrypto's. Invariant: a MAC is compared with
// `constantTimeEquals`, never with `==`.

import COpenSSL

/// HMAC with SHA-256.
public enum HMACSHA256 {
  /// The MAC of `message` under `key`; the key may have any length.
  public static func authenticate(_ message: [UInt8], key: [UInt8]) -> Digest {
    var block = key.count > blockByteCount ? SHA256.hash(key).bytes : key
    block.append(contentsOf: repeatElement(0, count: blockByteCount - block.count))
    var inner = SHA256Hasher()
    inner.update(block.map { $0 ^ 0x36 })
    inner.update(message)
    let innerDigest = inner.finish()
    var outer = SHA256Hasher()
    outer.update(block.map { $0 ^ 0x5C })
    outer.update(innerDigest.bytes)
    return outer.finish()
  }

  /// How many bytes SHA-256 takes at a time.
  private static let blockByteCount = 64
}

/// HMAC with SHA-1, which some request signatures of clouds prescribe.
///
/// SHA-1 is no longer safe against collisions; as a MAC it has no known weakness. Nothing of our
/// own design uses it.
public enum HMACSHA1 {
  /// The 20 bytes of the MAC of `message` under `key`.
  public static func authenticate(_ message: [UInt8], key: [UInt8]) -> [UInt8] {
    precondition(key.count <= Int32.max, "a key of \(key.count) bytes")
    return unsafe [UInt8](unsafeUninitializedCapacity: Int(EVP_MAX_MD_SIZE)) { buffer, count in
      var length: UInt32 = 0
      let result = unsafe HMAC(
        EVP_sha1(), key, Int32(key.count), message, message.count, buffer.baseAddress, &length)
      unsafe precondition(result != nil, "libcrypto refused an HMAC")
      count = Int(length)
    }
  }
}
