// ACS3-HMAC-SHA256 against the official clients, and against requests changed after signing.

import RequestSigning
import Testing

@Suite struct ACS3SignatureTests {
  static let date = "2024-03-15T08:30:45Z"
  static let secretKey = "an invented secret key of any length"
  static let emptyHash = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

  /// A request that is to be signed.
  static func draft() -> SignableRequest {
    SignableRequest(
      method: "POST", path: "/", query: "SecretName=a+b%2A~%2B&Empty=&At=2&At=1",
      fields: [
        .init(name: "host", value: "127.0.0.1:8087"), .init(name: "x-acs-date", value: date),
        .init(name: "x-acs-action", value: "UpdateSecretVersionStage"),
        .init(name: "x-acs-version", value: "2016-01-20"),
        .init(name: "x-acs-signature-nonce", value: "nonce-1"),
        .init(name: "x-acs-content-sha256", value: Self.formHash),
        .init(name: "Content-Type", value: "application/x-www-form-urlencoded"),
      ], body: Array("VersionStage=b".utf8))
  }

  static let formHash = "2c94edaa8c5c6c867a45d5bccf0260172d4b7a50357135fb95a0a485cfc72581"

  /// Whether `change` of the signed request is accepted at `now`.
  private func outcome(
    now: String = date, secretKey: String = secretKey,
    replacing part: (old: String, new: String) = ("", ""), _ change: (inout SignableRequest) -> Void
  ) throws -> SignatureFault? {
    try ACS3Signature.outcome(
      of: Self.draft(), signedWith: Self.secretKey, scope: Unscoped(), now: now,
      secretKey: secretKey,
      replacing: part, change)
  }

  // MARK: The official clients

  @Test(arguments: try SigningFixtures.vectors(in: "alibaba/acs3-vectors.json"))
  func `every step of a vector comes out as the official client's`(_ vector: SigningVector) throws {
    try ACS3Signature.expectSteps(of: vector)
  }

  @Test(arguments: try SigningFixtures.vectors(in: "alibaba/acs3-vectors.json"))
  func `a vector is signed as the official client signs it`(_ vector: SigningVector) throws {
    try ACS3Signature.expectSigned(vector)
  }

  @Test(arguments: try SigningFixtures.vectors(in: "alibaba/acs3-vectors.json"))
  func `a vector is accepted with its key and with no other`(_ vector: SigningVector) throws {
    try ACS3Signature.expectAccepted(vector)
  }

  /// The recorded requests that are signed with this scheme.
  static func recordings() throws -> [RecordedRequest] {
    try SigningFixtures.recordings(of: "alibaba").filter { $0.name.contains("-acs3_") }
  }

  @Test func `there are as many vectors and recordings as there should be`() throws {
    #expect(try SigningFixtures.vectors(in: "alibaba/acs3-vectors.json").count == 9)
    #expect(try Self.recordings().count == 22)
    #expect(try SigningFixtures.recordings(of: "alibaba").count == 43)
  }

  @Test(arguments: try Self.recordings())
  func `a recorded request is accepted at its time`(_ recorded: RecordedRequest) throws {
    let date = try #require(recorded.request.fields.first { $0.name == "x-acs-date" })
    let now = try #require(SigningTime(String(date.value.drop { $0 == " " }), .extended))
    let authorization = try ACS3Authorization(parsing: recorded.authorization)
    try ACS3Signature.verify(
      recorded.request, authorization, secretKey: RecordedRequest.secretKey, now: now)
    var other = recorded.request
    other.query?.append("&x=")
    let fault = #expect(throws: SignatureFault.self) {
      try ACS3Signature.verify(
        other, authorization, secretKey: RecordedRequest.secretKey, now: now)
    }
    #expect(fault?.withoutText == .mismatch)
    other = recorded.request
    other.body.append(0x20)
    #expect(throws: SignatureFault.bodyMismatch) {
      try ACS3Signature.verify(
        other, authorization, secretKey: RecordedRequest.secretKey, now: now)
    }
  }

  @Test func `the recorded request of the next version of the scheme is refused`() throws {
    let recorded = try #require(
      try SigningFixtures.recordings(of: "alibaba").first { $0.name.hasPrefix("43-acs4_") })
    #expect(!ACS3Authorization.isMeant(by: recorded.authorization))
    #expect(throws: SignatureFault.malformedAuthorization) {
      try ACS3Authorization(parsing: recorded.authorization)
    }
  }

  // MARK: Changed after signing

  @Test func `a request as it was signed is accepted`() throws {
    #expect(try outcome { _ in } == nil)
  }

  @Test(
    arguments: [
      "SecretName=a%20b*~+%2b", "At=1&At=2&Empty=&SecretName=a%20b%2A~%2B",
      "SecretName=a+b*%7E%2B&Empty&At=2&At=1", "&SecretName=a+b%2a~%2B&&Empty=&At=2&At=1&",
    ])
  func `a query that means the same is accepted`(_ query: String) throws {
    #expect(try outcome { $0.query = query } == (query.contains("~+") ? .mismatch : nil))
  }

  @Test func `headers that mean the same are accepted`() throws {
    #expect(try outcome { $0.fields[4].value = "  nonce-1\t" } == nil)
    #expect(try outcome { $0.fields[0].name = "HOST" } == nil)
    #expect(try outcome { $0.fields.reverse() } == nil)
    #expect(try outcome { $0.fields.append(.init(name: "Accept", value: "*/*")) } == nil)
  }

  @Test func `another method, query or body is refused`() throws {
    let changes: [(inout SignableRequest) -> Void] = [
      { $0.method = "GET" }, { $0.method = "post" }, { $0.query = nil }, { $0.query = "" },
      { $0.query = "SecretName=a%2Bb%2A~%2B&Empty=&At=2&At=1" },
      { $0.query = "SecretName=a+b%2A~+&Empty=&At=2&At=1" },
      { $0.query = "SecretName=a+b%2A~%2B&At=2&At=1" },
      { $0.query = "SecretName=a+b%2A~%2B&Empty=&At=2" },
      { $0.query = "SecretName=a+b%2A~%2B&Empty=&At=2&At=1&At=1" },
      { $0.query = "SecretName=a+b%2A~%2B&Empty==&At=2&At=1" },
      { $0.query = "secretname=a+b%2A~%2B&Empty=&At=2&At=1" },
    ]
    for (index, change) in changes.enumerated() {
      #expect(try outcome(change) == .mismatch, "change \(index)")
    }
    #expect(try outcome { $0.body[0] ^= 1 } == .bodyMismatch)
    #expect(try outcome { $0.body = [] } == .bodyMismatch)
    #expect(try outcome { $0.body.append(0x26) } == .bodyMismatch)
  }

  @Test(arguments: ["", "//", "/x", "/%2F", "/."])
  func `another path is refused`(_ path: String) throws {
    #expect(try outcome { $0.path = path } == .malformedTarget)
  }

  @Test func `a query that is not well encoded is refused`() throws {
    #expect(try outcome { $0.query = "a=%zz" } == .malformedTarget)
    #expect(try outcome { $0.query = "a=%2" } == .malformedTarget)
  }

  @Test func `the told hash must be that of the body, and the signed one`() throws {
    let swap: (inout SignableRequest) -> Void = {
      $0.body = []
      $0.fields[5].value = Self.emptyHash
    }
    #expect(try outcome(swap) == .mismatch)
    #expect(try outcome { $0.fields[5].value = Self.emptyHash } == .bodyMismatch)
    #expect(try outcome { $0.fields[5].value = "UNSIGNED-PAYLOAD" } == .bodyMismatch)
    #expect(try outcome { $0.fields[5].value = Self.formHash.uppercased() } == .bodyMismatch)
    var request = Self.draft()
    request.fields[5].value = Self.emptyHash
    #expect(throws: SignatureFault.bodyMismatch) {
      try ACS3Signature.sign(request, accessKey: "AK", secretKey: Self.secretKey)
    }
  }

  @Test func `a signed header taken away, doubled or changed is refused`() throws {
    for index in Self.draft().fields.indices {
      let name = Self.draft().fields[index].name
      let lowercased = name.lowercased()
      #expect(try outcome { $0.fields.remove(at: index) } == .headerMissing(lowercased))
      #expect(
        try outcome { $0.fields.append(.init(name: name, value: "q")) }
          == .headerRepeated(lowercased))
      #expect(
        try outcome { $0.fields.append($0.fields[index]) } == .headerRepeated(lowercased))
    }
    for index in [0, 2, 3, 4, 6] {
      #expect(try outcome { $0.fields[index].value = "q" } == .mismatch)
    }
    #expect(try outcome { $0.fields[1].value = "2024-03-15T08:30:46Z" } == .mismatch)
  }

  @Test func `another list of signed headers is refused`() throws {
    let signed = try ACS3Signature.sign(
      Self.draft(), accessKey: "AK", secretKey: Self.secretKey)
    let list = signed.signedHeaders.joined(separator: ";")
    func outcome(signing names: [String]) throws -> SignatureFault? {
      try self.outcome(replacing: (list, names.joined(separator: ";"))) {
        $0.fields.append(.init(name: "Accept", value: "*/*"))
      }
    }
    #expect(try outcome(signing: signed.signedHeaders) == nil)
    #expect(try outcome(signing: ["accept"] + signed.signedHeaders) == .mismatch)
    #expect(try outcome(signing: signed.signedHeaders.reversed()) == .mismatch)
    #expect(try outcome(signing: Array(signed.signedHeaders.dropFirst())) == .mismatch)
    #expect(try outcome(signing: signed.signedHeaders + ["x-more"]) == .headerMissing("x-more"))
    for name in ["host"] + signed.signedHeaders.filter({ $0.hasPrefix("x-acs-") }) {
      #expect(
        try outcome(signing: signed.signedHeaders.filter { $0 != name }) == .headerNotSigned(name))
    }
  }

  @Test func `a request without an essential header is not signed`() throws {
    for field in Self.draft().fields.dropLast() {
      var request = Self.draft()
      request.fields.removeAll { $0.name == field.name }
      #expect(throws: SignatureFault.headerNotSigned(field.name)) {
        try ACS3Signature.sign(request, accessKey: "AK", secretKey: Self.secretKey)
      }
    }
  }

  @Test func `another key or another signature is refused`() throws {
    #expect(try outcome(secretKey: "") { _ in } == .mismatch)
    #expect(try outcome(secretKey: Self.secretKey + " ") { _ in } == .mismatch)
    let signed = try ACS3Signature.sign(
      Self.draft(), accessKey: "AK", secretKey: Self.secretKey)
    let zeros = String(repeating: "0", count: 64)
    #expect(try outcome(replacing: (signed.signature, zeros)) { _ in } == .mismatch)
  }

  // MARK: Clocks

  @Test(
    arguments: [
      "2024-03-15T08:15:45Z", "2024-03-15T08:16:45Z", "2024-03-15T08:44:45Z",
      "2024-03-15T08:45:45Z",
    ])
  func `clocks up to 15 minutes apart are accepted`(_ now: String) throws {
    #expect(try outcome(now: now) { _ in } == nil)
  }

  @Test(
    arguments: [
      "2024-03-15T08:14:45Z", "2024-03-15T08:15:44Z", "2024-03-15T08:45:46Z",
      "2024-03-15T08:46:45Z",
    ])
  func `clocks more than 15 minutes apart are refused`(_ now: String) throws {
    #expect(try outcome(now: now) { _ in } == .expired(signedAt: Self.date, now: now))
  }

  @Test(arguments: ["", "2024-03-15", "20240315T083045Z", "2024-02-30T08:30:45Z"])
  func `a time that is none is refused`(_ text: String) throws {
    #expect(try outcome { $0.fields[1].value = text } == .malformedDate)
    var request = Self.draft()
    request.fields[1].value = text
    #expect(throws: SignatureFault.malformedDate) {
      try ACS3Signature.sign(request, accessKey: "AK", secretKey: Self.secretKey)
    }
  }
}
