// The one form of the header, and everything that only resembles it.

import RequestSigning
import Testing

@Suite struct HeaderAuthorizationTests {
  static let signature = String(repeating: "0123456789abcdef", count: 4)

  @Test func `the three parts are read and written back`() throws {
    let text =
      "SDK-HMAC-SHA256 Access=AK-1_b, SignedHeaders=host;x-sdk-date, Signature=\(Self.signature)"
    let authorization = try SDKAuthorization(parsing: text)
    #expect(authorization.accessKey == "AK-1_b")
    #expect(authorization.signedHeaders == ["host", "x-sdk-date"])
    #expect(authorization.signature == Self.signature)
    #expect(authorization.text == text)
  }

  @Test func `the other scheme has other words`() throws {
    let text =
      "ACS3-HMAC-SHA256 Credential=AK-1_b,SignedHeaders=host;x-acs-date,Signature=\(Self.signature)"
    let authorization = try ACS3Authorization(parsing: text)
    #expect(authorization.accessKey == "AK-1_b")
    #expect(authorization.signedHeaders == ["host", "x-acs-date"])
    #expect(authorization.signature == Self.signature)
    #expect(authorization.text == text)
    for other in [
      text.replacing("Credential", with: "Access"), text.replacing("ACS3", with: "SDK"),
      text.replacing("ACS3", with: "ACS4"), text.replacing("Credential=", with: "Credential=a/"),
    ] {
      #expect(throws: SignatureFault.malformedAuthorization) {
        try ACS3Authorization(parsing: other)
      }
    }
    #expect(throws: SignatureFault.malformedAuthorization) { try SDKAuthorization(parsing: text) }
  }

  @Test func `blanks between the parts do not count`() throws {
    for blanks in ["", " ", "   "] {
      let text =
        "SDK-HMAC-SHA256 Access=AK,\(blanks)SignedHeaders=host,\(blanks)Signature=\(Self.signature)"
      #expect(try SDKAuthorization(parsing: text).signedHeaders == ["host"])
    }
  }

  @Test(
    arguments: [
      "", "SDK-HMAC-SHA256", "SDK-HMAC-SHA256 ", "Bearer abc",
      // A part is missing.
      "SDK-HMAC-SHA256 Access=AK, SignedHeaders=host",
      "SDK-HMAC-SHA256 Access=AK, Signature=$", "SDK-HMAC-SHA256 SignedHeaders=host, Signature=$",
      // A part is empty.
      "SDK-HMAC-SHA256 Access=, SignedHeaders=host, Signature=$",
      "SDK-HMAC-SHA256 Access=AK, SignedHeaders=, Signature=$",
      "SDK-HMAC-SHA256 Access=AK, SignedHeaders=host, Signature=",
      // A part is there twice.
      "SDK-HMAC-SHA256 Access=AK, Access=AK, SignedHeaders=host, Signature=$",
      "SDK-HMAC-SHA256 Access=AK, SignedHeaders=host, SignedHeaders=host, Signature=$",
      "SDK-HMAC-SHA256 Access=AK, SignedHeaders=host, Signature=$, Signature=$",
      "SDK-HMAC-SHA256 Access=AK, SignedHeaders=host;host, Signature=$",
      // The parts are in another order.
      "SDK-HMAC-SHA256 SignedHeaders=host, Access=AK, Signature=$",
      "SDK-HMAC-SHA256 Access=AK, Signature=$, SignedHeaders=host",
      "SDK-HMAC-SHA256 Signature=$, SignedHeaders=host, Access=AK",
      // The signature is cut short, made longer or no digits.
      "SDK-HMAC-SHA256 Access=AK, SignedHeaders=host, Signature=0123456789abcdef",
      "SDK-HMAC-SHA256 Access=AK, SignedHeaders=host, Signature=$0",
      "SDK-HMAC-SHA256 Access=AK, SignedHeaders=host, Signature=$,",
      "SDK-HMAC-SHA256 Access=AK, SignedHeaders=host, Signature=$ ",
      // The names are not such as are signed.
      "SDK-HMAC-SHA256 Access=AK, SignedHeaders=Host, Signature=$",
      "SDK-HMAC-SHA256 Access=AK, SignedHeaders=host;, Signature=$",
      "SDK-HMAC-SHA256 Access=AK, SignedHeaders=;host, Signature=$",
      "SDK-HMAC-SHA256 Access=AK, SignedHeaders=ho st, Signature=$",
      "SDK-HMAC-SHA256 Access=AK, SignedHeaders=h\u{f6}st, Signature=$",
      // The key is none.
      "SDK-HMAC-SHA256 Access=A K, SignedHeaders=host, Signature=$",
      "SDK-HMAC-SHA256 Access=A\u{0}K, SignedHeaders=host, Signature=$",
      // Another scheme or another spelling.
      "SDK-HMAC-SHA256  Access=AK", "sdk-hmac-sha256 Access=AK, SignedHeaders=host, Signature=$",
      "SDK-HMAC-SHA257 Access=AK, SignedHeaders=host, Signature=$",
      "SDK-HMAC-SHA256\tAccess=AK, SignedHeaders=host, Signature=$",
      "SDK-HMAC-SHA256 access=AK, signedheaders=host, signature=$",
      "SDK-HMAC-SHA256 Access=AK; SignedHeaders=host; Signature=$",
      "SDK-HMAC-SHA256 Key=AK, SignedHeaders=host, Signature=$",
    ])
  func `a header that only resembles the form is refused`(_ pattern: String) {
    let text = pattern.replacing("$", with: Self.signature)
    #expect(throws: SignatureFault.malformedAuthorization) { try SDKAuthorization(parsing: text) }
    // The same fault in the words of the other scheme, with which the first refuses all.
    let other = text.replacing("SDK-", with: "ACS3-").replacing("Access=", with: "Credential=")
    #expect(throws: SignatureFault.malformedAuthorization) { try ACS3Authorization(parsing: other) }
  }

  @Test func `a signature in capitals is refused`() {
    let text =
      "SDK-HMAC-SHA256 Access=AK, SignedHeaders=host, Signature=\(Self.signature.uppercased())"
    #expect(throws: SignatureFault.malformedAuthorization) { try SDKAuthorization(parsing: text) }
  }

  @Test func `a header cut anywhere is refused`() {
    let text = "SDK-HMAC-SHA256 Access=AK, SignedHeaders=host, Signature=\(Self.signature)"
    for count in 0..<text.utf8.count {
      #expect(throws: SignatureFault.malformedAuthorization) {
        try SDKAuthorization(parsing: String(text.prefix(count)))
      }
    }
  }

  @Test func `a header is of the scheme whether it is well formed or not`() {
    #expect(SDKAuthorization.isMeant(by: "SDK-HMAC-SHA256 Access="))
    #expect(SDKAuthorization.isMeant(by: "SDK-HMAC-SHA256"))
    #expect(!SDKAuthorization.isMeant(by: "SDK-HMAC-SHA2567 Access="))
    #expect(!SDKAuthorization.isMeant(by: "Bearer SDK-HMAC-SHA256"))
    #expect(!SDKAuthorization.isMeant(by: ""))
  }
}
