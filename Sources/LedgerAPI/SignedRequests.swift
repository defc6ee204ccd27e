// SignedRequests: requests signed with an access key, whatever the scheme.
//
// Called by `Authentication`; each surface finds the signature of its own scheme on a request, and
// this file looks up the key and has it checked. Invariant: what is checked is what was received,
// byte by byte; no answer holds anything of a secret key or of the signature that would have been
// right.

import HTTPWire
import Ledger
import LedgerServices
import RequestSigning

/// Why a signed request is not taken.
enum SignatureRefusal: Sendable {
  /// Its signature does not hold.
  case fault(SignatureFault)
  /// Nobody has this access key.
  case unknownKey(String)
  /// Its signature holds, and its nonce was used before.
  case nonceUsed(by: Credential)
}

/// A signature as a request carries it, well formed and of about now; not checked with its key.
struct ClaimedSignature: Sendable {
  /// Whose it claims to be.
  var accessKey: String
  /// What no other request of this key may carry before the moment; nil where there is none.
  var nonce: (text: String, until: Instant)?
  /// Whether it holds under the secret key.
  var check: @Sendable (_ secretKey: String) throws(SignatureFault) -> Void
}

/// Checks signatures.
enum SignedRequests {
  /// The credential that signed the request.
  static func credential(
    _ signature: ClaimedSignature, _ services: Services
  ) async throws(Failure) -> Credential {
    let signer: KeyedCredential?
    do {
      signer = try await services.tenants.signer(accessKey: signature.accessKey)
    } catch {
      throw .store(error)
    }
    guard let signer else { throw .signature(.unknownKey(signature.accessKey)) }
    do throws(SignatureFault) {
      try signature.check(signer.secretKey)
    } catch {
      throw .signature(.fault(error))
    }
    if let nonce = signature.nonce {
      let isFree: Bool
      do {
        isFree = try await services.nonces.claim(
          nonce.text, of: signature.accessKey, in: signer.credential.project, until: nonce.until)
      } catch {
        throw .store(error)
      }
      guard isFree else { throw .signature(.nonceUsed(by: signer.credential)) }
    }
    return signer.credential
  }

  /// The parts of a request that are signed.
  static func signable(_ request: HTTPRequest) -> SignableRequest {
    SignableRequest(
      method: request.method, path: request.path, query: request.query,
      fields: request.fields.pairs.map { SignableRequest.Field(name: $0.name, value: $0.value) },
      body: request.body)
  }

  /// The last moment at which a signature could be taken, and its nonce is.
  static func end(of signedAt: SigningTime, _ now: SigningTime) -> Instant {
    let start = Instant(microseconds: max(signedAt.seconds, now.seconds) * 1_000_000) ?? .latest
    return start.advanced(byMicroseconds: Nonces.lifetimeMicroseconds)
  }

  /// A moment to the second, as the schemes have it.
  static func time(_ moment: Instant) -> SigningTime {
    SigningTime(seconds: moment.microseconds / 1_000_000)
  }
}
