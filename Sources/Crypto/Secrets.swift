// Comparing and drawing secret bytes.
//
// Called by authentication and by whatever makes tokens and identifiers; calls libcrypto.
// Invariant: neither the time a comparison takes nor a drawn byte tells anything of a secret.

import COpenSSL

/// Whether two secrets are equal, in a time that depends on their lengths only.
public func constantTimeEquals(_ left: [UInt8], _ right: [UInt8]) -> Bool {
  guard left.count == right.count else { return false }
  return unsafe CRYPTO_memcmp(left, right, left.count) == 0
}

/// Random bytes fit for keys.
public enum SecureRandom {
  /// `count` random bytes; without a source of randomness the process stops.
  public static func bytes(_ count: Int) -> [UInt8] {
    precondition(count >= 0 && count <= Int32.max, "\(count) random bytes")
    return unsafe [UInt8](unsafeUninitializedCapacity: count) { buffer, initializedCount in
      let result = unsafe RAND_bytes(buffer.baseAddress, Int32(count))
      precondition(result == 1, "libcrypto has no randomness: \(result)")
      initializedCount = count
    }
  }
}
