// SDK-HMAC-SHA256 against the official client, and against requests changed after signing.

import RequestSigning
import Testing

@Suite struct SDKSignatureTests {
  static let date = "20240315T083045Z"
  static let secretKey = "an invented secret key of any length"

  /// A request that is to be signed.
  static func draft() -> SignableRequest {
    SignableRequest(
      method: "PUT", path: "/v1/p/secrets/a%20b/stages/canary", query: "b=2&a=1%2B1&a=0",
      fields: [
        .init(name: "Host", value: "127.0.0.1:8087"), .init(name: "X-Sdk-Date", value: date),
        .init(name: "X-Project-Id", value: "p"),
        .init(name: "Content-Type", value: "application/json"),
      ], body: Array(#"{"version_id": "v2"}"#.utf8))
  }

  /// Whether `change` of the signed request is accepted at `now`.
  private func outcome(
    now: String = date, secretKey: String = secretKey,
    replacing part: (old: String, new: String) = ("", ""), _ change: (inout SignableRequest) -> Void
  ) throws -> SignatureFault? {
    try SDKSignature.outcome(
      of: Self.draft(), signedWith: Self.secretKey, scope: Unscoped(), now: now,
      secretKey: secretKey,
      replacing: part, change)
  }

  // MARK: The official client

  @Test(arguments: try SigningFixtures.vectors())
  func `every step of a vector comes out as the official client's`(_ vector: SigningVector) throws {
    try SDKSignature.expectSteps(of: vector)
  }

  @Test(arguments: try SigningFixtures.vectors())
  func `a vector is signed as the official client signs it`(_ vector: SigningVector) throws {
    try SDKSignature.expectSigned(vector)
  }

  @Test(arguments: try SigningFixtures.vectors())
  func `a vector is accepted with its key and with no other`(_ vector: SigningVector) throws {
    try SDKSignature.expectAccepted(vector)
  }

  @Test func `there are as many vectors and recordings as there should be`() throws {
    #expect(try SigningFixtures.vectors().count == 15)
    #expect(try SigningFixtures.recordings().count == 18)
  }

  @Test(arguments: try SigningFixtures.recordings())
  func `a recorded request is accepted at its time`(_ recorded: RecordedRequest) throws {
    let date = try #require(recorded.request.fields.first { $0.name == "X-Sdk-Date" })
    let now = try #require(SigningTime(String(date.value.drop { $0 == " " })))
    let authorization = try SDKAuthorization(parsing: recorded.authorization)
    try SDKSignature.verify(
      recorded.request, authorization, secretKey: RecordedRequest.secretKey, now: now)
    var other = recorded.request
    other.body.append(0x20)
    let fault = #expect(throws: SignatureFault.self) {
      try SDKSignature.verify(
        other, authorization, secretKey: RecordedRequest.secretKey, now: now)
    }
    #expect(fault?.withoutText == .mismatch)
  }

  // MARK: Changed after signing

  @Test func `a request as it was signed is accepted`() throws {
    #expect(try outcome { _ in } == nil)
  }

  @Test func `a request that means the same is accepted`() throws {
    #expect(try outcome { $0.query = "a=0&a=1%2b1&b=2" } == nil)
    #expect(try outcome { $0.path = "/v1/%70/secrets/a%20b/stages/canary/" } == nil)
    #expect(try outcome { $0.fields[2].value = "  p\t" } == nil)
    #expect(try outcome { $0.fields[0].name = "HOST" } == nil)
    #expect(try outcome { $0.fields.reverse() } == nil)
    #expect(try outcome { $0.fields.append(.init(name: "Accept", value: "*/*")) } == nil)
  }

  @Test func `another method, path, query or body is refused`() throws {
    let changes: [(inout SignableRequest) -> Void] = [
      { $0.method = "DELETE" }, { $0.method = "put" },
      { $0.path = "/v1/p/secrets/a%20b/stages/canarz" }, { $0.path = "/v1/p/secrets/a%20b/stages" },
      { $0.path = "/v1/p/secrets/a+b/stages/canary" },
      { $0.path = "/v1/p/secrets/a%20b/stages//canary" }, { $0.path += "//" },
      { $0.query = nil }, { $0.query = "" }, { $0.query = "b=2&a=1%2B1" },
      { $0.query = "b=2&a=1+1&a=0" }, { $0.query = "b=2&a=1%2B1&a=0&c=" },
      { $0.query = "b=2&a=1%2B1&a=0&a=0" },
      { $0.body[0] ^= 1 }, { $0.body = [] }, { $0.body.append(0x0A) }, { $0.body.removeLast() },
    ]
    for (index, change) in changes.enumerated() {
      #expect(try outcome(change) == .mismatch, "change \(index)")
    }
  }

  @Test func `a target that is not well encoded is refused`() throws {
    #expect(try outcome { $0.path += "%2" } == .malformedTarget)
    #expect(try outcome { $0.query = "a=%zz" } == .malformedTarget)
  }

  @Test func `a signed header taken away, doubled or changed is refused`() throws {
    #expect(try outcome { $0.fields.remove(at: 2) } == .headerMissing("x-project-id"))
    #expect(try outcome { $0.fields.remove(at: 0) } == .headerMissing("host"))
    #expect(try outcome { $0.fields.remove(at: 1) } == .headerMissing("x-sdk-date"))
    #expect(
      try outcome { $0.fields.append(.init(name: "x-project-id", value: "q")) }
        == .headerRepeated("x-project-id"))
    #expect(try outcome { $0.fields[2].value = "q" } == .mismatch)
    #expect(try outcome { $0.fields[0].value = "127.0.0.1:8088" } == .mismatch)
    #expect(try outcome { $0.fields[1].value = "20240315T083046Z" } == .mismatch)
  }

  @Test func `another list of signed headers is refused`() throws {
    let list = "content-type;host;x-project-id;x-sdk-date"
    func outcome(signing other: String) throws -> SignatureFault? {
      try self.outcome(replacing: (list, other)) {
        $0.fields.append(.init(name: "Accept", value: "*/*"))
      }
    }
    #expect(try outcome(signing: list) == nil)
    #expect(try outcome(signing: "accept;\(list)") == .mismatch)
    #expect(try outcome(signing: "host;x-project-id;x-sdk-date") == .mismatch)
    #expect(
      try outcome(signing: "host;content-type;x-project-id;x-sdk-date") == .mismatch)
    #expect(try outcome(signing: "\(list);x-more") == .headerMissing("x-more"))
    #expect(try outcome(signing: "content-type;x-sdk-date") == .headerNotSigned("host"))
    #expect(try outcome(signing: "content-type;host") == .headerNotSigned("x-sdk-date"))
  }

  @Test func `another key or another signature is refused`() throws {
    #expect(try outcome(secretKey: "") { _ in } == .mismatch)
    #expect(try outcome(secretKey: Self.secretKey + " ") { _ in } == .mismatch)
    let signed = try SDKSignature.sign(
      Self.draft(), accessKey: "AK", secretKey: Self.secretKey)
    let zeros = String(repeating: "0", count: 64)
    #expect(try outcome(replacing: (signed.signature, zeros)) { _ in } == .mismatch)
  }

  // MARK: Clocks

  @Test(arguments: ["20240315T081545Z", "20240315T081645Z", "20240315T084445Z", "20240315T084545Z"])
  func `clocks up to 15 minutes apart are accepted`(_ now: String) throws {
    #expect(try outcome(now: now) { _ in } == nil)
  }

  @Test(arguments: ["20240315T081444Z", "20240315T081445Z", "20240315T084546Z", "20240315T084645Z"])
  func `clocks more than 15 minutes apart are refused`(_ now: String) throws {
    #expect(try outcome(now: now) { _ in } == .expired(signedAt: Self.date, now: now))
  }

  @Test(arguments: ["", "20240315", "20240315T083045", "2024-03-15T08:30:45Z", "20240230T083045Z"])
  func `a time that is none is refused`(_ text: String) throws {
    #expect(try outcome { $0.fields[1].value = text } == .malformedDate)
    var request = Self.draft()
    request.fields[1].value = text
    #expect(throws: SignatureFault.malformedDate) {
      try SDKSignature.sign(request, accessKey: "AK", secretKey: Self.secretKey)
    }
  }

  // MARK: Bodies that are not signed

  /// The outcome when the header that tells the body's hash was signed with `told` in it.
  private func bodyOutcome(
    told: String, _ change: (inout SignableRequest) -> Void
  ) throws -> SignatureFault? {
    var request = Self.draft()
    request.fields.append(.init(name: "X-Sdk-Content-Sha256", value: told))
    let now = try #require(SigningTime(Self.date))
    do {
      let signed = try SDKSignature.sign(request, accessKey: "AK", secretKey: Self.secretKey)
      change(&request)
      try SDKSignature.verify(request, signed, secretKey: Self.secretKey, now: now)
      return nil
    } catch {
      return error.withoutText
    }
  }

  @Test func `a body whose signing was waived by a signed header may be any`() throws {
    #expect(try bodyOutcome(told: "UNSIGNED-PAYLOAD") { _ in } == nil)
    #expect(try bodyOutcome(told: "UNSIGNED-PAYLOAD") { $0.body = [1] } == nil)
    #expect(try bodyOutcome(told: "UNSIGNED-PAYLOAD") { $0.body = [] } == .mismatch)
  }

  @Test func `a told hash must be that of the body`() throws {
    let hash = "b0629a87a38db751e025d098f1c992efa6ddc03e002c2ecdbd70e1afc4f0880f"
    #expect(try bodyOutcome(told: hash) { _ in } == nil)
    #expect(try bodyOutcome(told: hash) { $0.body.append(1) } == .bodyMismatch)
    #expect(try bodyOutcome(told: String(hash.reversed())) { _ in } == .bodyMismatch)
    #expect(try bodyOutcome(told: "unsigned-payload") { _ in } == .bodyMismatch)
  }

  @Test func `a header that waives the signing of a body counts only when it is signed`() throws {
    for told in [
      "UNSIGNED-PAYLOAD", "b0629a87a38db751e025d098f1c992efa6ddc03e002c2ecdbd70e1afc4f0880f",
    ] {
      let fault = try outcome {
        $0.fields.append(.init(name: "X-Sdk-Content-Sha256", value: told))
        $0.body = Array("{}".utf8)
      }
      #expect(fault == .mismatch)
    }
  }

  @Test func `what is signed must name the host and the time`() {
    for name in ["Host", "X-Sdk-Date"] {
      var request = Self.draft()
      request.fields.removeAll { $0.name == name }
      #expect(throws: SignatureFault.headerNotSigned(name.lowercased())) {
        try SDKSignature.sign(request, accessKey: "AK", secretKey: Self.secretKey)
      }
    }
  }
}
