// SignatureFault: why a signature does not hold, as data.
//
// Thrown by all of this target; whoever answers the client makes the text. Invariant: no case holds
// anything of a secret key or of the signature that would have been right.

/// Why a signed request is not what it claims to be.
public enum SignatureFault: Error, Hashable, Sendable {
  /// The `Authorization` header is not of the one form its scheme has.
  case malformedAuthorization
  /// The path or the query is not well encoded.
  case malformedTarget
  /// This header must be signed and is not.
  case headerNotSigned(String)
  /// This header is signed and not there.
  case headerMissing(String)
  /// This header is signed and there more than once.
  case headerRepeated(String)
  /// This parameter is part of the signature and not there, or empty.
  case parameterMissing(String)
  /// This parameter is part of the signature and there more than once.
  case parameterRepeated(String)
  /// This parameter names another scheme, or another version of it.
  case unknownScheme(String)
  /// The time of signing is not written as the scheme writes it.
  case malformedDate
  /// The clocks differ too much; both times are written as the scheme writes them.
  case expired(signedAt: String, now: String)
  /// The scope is of another day than the time of signing.
  case wrongDay(String, signedAt: String)
  /// The scope is of another service than this one.
  case wrongService(expected: String)
  /// The hash of the body the headers tell is not that of the body received.
  case bodyMismatch
  /// The signature is another than that of this text, which is what the request should have signed.
  ///
  /// The text holds what the client sent and no key; the clouds show it to whoever looks for the
  /// difference.
  case signatureMismatch(stringToSign: String)
}
