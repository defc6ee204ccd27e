// Message authentication with a shared key (RFC 2104).
//
// Called where requests and tokens are signed; calls libcrypto. Invariant: a MAC is compared with
// `constantTimeEquals`, never with `==`.

import COpenSSL

/// HMAC with SHA-256.
public enum HMACSHA256 {
  /// The MAC of `message` under `key`; the key may have any length.
  public static func authenticate(_ message: [UInt8], key: [UInt8]) -> Digest {
    let bytes = unsafe authenticationCode(of: message, key: key, method: EVP_sha256())
    guard let digest = Digest(bytes: bytes) else {
      preconditionFailure("HMAC-SHA-256 has \(bytes.count) bytes")
    }
    return digest
  }
}

/// HMAC with SHA-1, which some request signatures of clouds prescribe.
///
/// SHA-1 is no longer safe against collisions; as a MAC it has no known weakness. Nothing of our
/// own design uses it.
public enum HMACSHA1 {
  /// The 20 bytes of the MAC of `message` under `key`.
  public static func authenticate(_ message: [UInt8], key: [UInt8]) -> [UInt8] {
    unsafe authenticationCode(of: message, key: key, method: EVP_sha1())
  }
}

private func authenticationCode(
  of message: [UInt8], key: [UInt8], method: OpaquePointer?
) -> [UInt8] {
  precondition(key.count <= Int32.max, "a key of \(key.count) bytes")
  return unsafe [UInt8](unsafeUninitializedCapacity: Int(EVP_MAX_MD_SIZE)) { buffer, count in
    var length: UInt32 = 0
    let result = unsafe HMAC(
      method, key, Int32(key.count), message, message.count, buffer.baseAddress, &length)
    unsafe precondition(result != nil, "libcrypto refused an HMAC")
    count = Int(length)
  }
}
