// libcrypto's hashing contexts, kept from one hash to the next.
//
// Called by `SHA256` and `SHA256Hasher` only; calls libcrypto's EVP interface. Making a context
// costs more than hashing 200 bytes, so a finished one is left in a slot for the next hash, on
// whichever thread. Invariant: a context is owned by one holder at a time, the slot or one hash.

import COpenSSL
import Synchronization

/// A SHA-256 context that is owned, started afresh and given back when it goes out of scope.
///
/// Safe to use because the pointer is private, never nil, and freed only by its one owner.
@safe struct DigestContext: ~Copyable {
  private let pointer: OpaquePointer

  // The method is fetched once and never changed or freed; libcrypto documents a fetched EVP_MD as
  // safe to use from any number of threads.
  nonisolated(unsafe) private static let method: OpaquePointer = {
    guard let method = unsafe EVP_MD_fetch(nil, "SHA256", nil) else {
      preconditionFailure("libcrypto has no SHA-256")
    }
    return unsafe method
  }()

  /// The address of the context that nobody uses, or 0; taken and left by atomic exchange, so that
  /// no two holders ever have the same one.
  private static let idle = Atomic<UInt>(0)

  /// Takes the idle context or makes one.
  init() {
    let kept = Self.idle.exchange(0, ordering: .acquiring)
    guard let context = unsafe OpaquePointer(bitPattern: kept) ?? EVP_MD_CTX_new() else {
      preconditionFailure("libcrypto has no memory for a hashing context")
    }
    unsafe pointer = context
    let isStarted = unsafe EVP_DigestInit_ex(context, Self.method, nil)
    precondition(isStarted == 1, "libcrypto did not start SHA-256: \(isStarted)")
  }

  deinit {
    let replaced = Self.idle.exchange(
      unsafe UInt(bitPattern: pointer), ordering: .acquiringAndReleasing)
    unsafe EVP_MD_CTX_free(OpaquePointer(bitPattern: replaced))
  }

  /// Feeds `bytes` to the hash.
  mutating func update(_ bytes: UnsafeRawBufferPointer) {
    let isTaken = unsafe EVP_DigestUpdate(pointer, bytes.baseAddress, bytes.count)
    precondition(isTaken == 1, "libcrypto did not take \(bytes.count) bytes: \(isTaken)")
  }

  /// The digest of what was fed; the context must not be used after.
  mutating func finish() -> Digest {
    var words: (UInt64, UInt64, UInt64, UInt64) = (0, 0, 0, 0)
    // The 32 bytes of the tuple are exactly what SHA-256 writes.
    let isFinished = unsafe withUnsafeMutableBytes(of: &words) {
      unsafe EVP_DigestFinal_ex(pointer, $0.baseAddress, nil)
    }
    precondition(isFinished == 1, "libcrypto did not finish SHA-256: \(isFinished)")
    return Digest(
      words: (words.0.bigEndian, words.1.bigEndian, words.2.bigEndian, words.3.bigEndian))
  }
}
