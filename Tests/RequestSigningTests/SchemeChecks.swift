// What is asked of every scheme alike: that it does what the official client does, and what becomes
// of a request changed after signing. Used by the suite of each scheme.

import RequestSigning
import Testing

extension HeaderScheme {
  /// Whether a draft that was signed and then changed is accepted at `now`.
  static func outcome(
    of draft: SignableRequest, signedWith signingKey: String, scope: Scope, now: String,
    secretKey: String, replacing part: (old: String, new: String),
    _ change: (inout SignableRequest) -> Void
  ) throws -> SignatureFault? {
    var request = draft
    let signed = try sign(request, accessKey: "AK", secretKey: signingKey, scope: scope)
    change(&request)
    let text = part.old.isEmpty ? signed.text : signed.text.replacing(part.old, with: part.new)
    let now = try #require(SigningTime(now, date.form))
    do {
      try verify(
        request, HeaderAuthorization(parsing: text), secretKey: secretKey, now: now)
      return nil
    } catch {
      return error.withoutText
    }
  }

  /// Checks that every step of a vector comes out as the official client's.
  static func expectSteps(of vector: SigningVector) throws {
    let authorization = try HeaderAuthorization<Self>(parsing: vector.authorization)
    #expect(authorization.text == vector.authorization)
    #expect(authorization.accessKey == vector.accessKey)
    let canonical = try canonicalRequest(
      of: vector.request, signing: authorization.signedHeaders)
    #expect(canonical == vector.canonicalRequest)
    let text = stringToSign(
      canonicalRequest: canonical, date: vector.date, scope: authorization.scope)
    #expect(text == vector.stringToSign)
    let signature = signature(of: text, secretKey: vector.secretKey, scope: authorization.scope)
    #expect(signature == authorization.signature)
  }

  /// Checks that a vector is signed as the official client signs it.
  static func expectSigned(_ vector: SigningVector) throws {
    let authorization = try HeaderAuthorization<Self>(parsing: vector.authorization)
    var request = vector.request
    // The rest is added by the transport when all is signed.
    request.fields.removeAll {
      !authorization.signedHeaders.contains($0.name.lowercased()) && !$0.name.contains("_")
    }
    let signed = try sign(
      request, accessKey: vector.accessKey, secretKey: vector.secretKey,
      scope: authorization.scope)
    #expect(signed.text == vector.authorization)
  }

  /// Checks that a vector is accepted with its key and with no other.
  static func expectAccepted(_ vector: SigningVector) throws {
    let authorization = try HeaderAuthorization<Self>(parsing: vector.authorization)
    let now = try #require(SigningTime(vector.date, date.form))
    try verify(vector.request, authorization, secretKey: vector.secretKey, now: now)
    #expect(throws: SignatureFault.signatureMismatch(stringToSign: vector.stringToSign)) {
      try verify(
        vector.request, authorization, secretKey: vector.secretKey + "x", now: now)
    }
  }
}
