// Signature Version 4 against the official clients, and against requests changed after signing.

import RequestSigning
import Testing

@Suite struct SigV4SignatureTests {
  static let date = "20240315T083045Z"
  static let secretKey = "an invented secret key of any length"
  static let body = Array(#"{"SecretId": "s"}"#.utf8)

  static func scope(
    day: String = date, region: String = "eu-west-1", service: String = "secretsmanager"
  ) throws -> SigV4Scope {
    let time = try #require(SigningTime(day))
    return try #require(SigV4Scope(time, region: region, service: service))
  }

  /// A request that is to be signed.
  static func draft() -> SignableRequest {
    SignableRequest(
      method: "POST", path: "/", query: nil,
      fields: [
        .init(name: "Host", value: "127.0.0.1:8087"), .init(name: "X-Amz-Date", value: date),
        .init(name: "X-Amz-Target", value: "secretsmanager.DescribeSecret"),
        .init(name: "Content-Type", value: "application/x-amz-json-1.1"),
        .init(name: "X-Spaced", value: "a   b  c"),
      ], body: body)
  }

  /// Whether `change` of the signed request is accepted at `now`.
  private func outcome(
    now: String = date, secretKey: String = secretKey, scope: SigV4Scope? = nil,
    replacing part: (old: String, new: String) = ("", ""), draft: SignableRequest = draft(),
    _ change: (inout SignableRequest) -> Void = { _ in }
  ) throws -> SignatureFault? {
    try SigV4Signature.outcome(
      of: draft, signedWith: Self.secretKey, scope: try scope ?? Self.scope(), now: now,
      secretKey: secretKey,
      replacing: part, change)
  }

  // MARK: The official clients

  @Test(arguments: try SigningFixtures.vectors(in: "aws/vectors.json"))
  func `every step of a vector comes out as the official client's`(_ vector: SigningVector) throws {
    try SigV4Signature.expectSteps(of: vector)
    #expect(try SigV4Authorization(parsing: vector.authorization).scope == Self.scope())
  }

  @Test(arguments: try SigningFixtures.vectors(in: "aws/vectors.json"))
  func `a vector is signed as the official client signs it`(_ vector: SigningVector) throws {
    try SigV4Signature.expectSigned(vector)
  }

  @Test(arguments: try SigningFixtures.vectors(in: "aws/vectors.json"))
  func `a vector is accepted with its key and with no other`(_ vector: SigningVector) throws {
    try SigV4Signature.expectAccepted(vector)
  }

  @Test func `there are as many vectors and recordings as there should be`() throws {
    #expect(try SigningFixtures.vectors(in: "aws/vectors.json").count == 5)
    #expect(try SigningFixtures.recordings(of: "aws").count == 27)
  }

  @Test(arguments: try SigningFixtures.recordings(of: "aws"))
  func `a recorded request is accepted at its time, also twice`(
    _ recorded: RecordedRequest
  ) throws {
    let date = try #require(recorded.request.fields.first { $0.name == "X-Amz-Date" })
    let now = try #require(SigningTime(String(date.value.drop { $0 == " " })))
    let authorization = try SigV4Authorization(parsing: recorded.authorization)
    #expect(authorization.accessKey == "FAKEAK0RECORDING0001")
    // Clients that try again within a second send the very same signature.
    for _ in 1...2 {
      try SigV4Signature.verify(
        recorded.request, authorization, secretKey: RecordedRequest.secretKey, now: now)
    }
    var other = recorded.request
    other.body.append(0x20)
    let fault = #expect(throws: SignatureFault.self) {
      try SigV4Signature.verify(
        other, authorization, secretKey: RecordedRequest.secretKey, now: now)
    }
    #expect(fault?.withoutText == .mismatch)
  }

  // MARK: Changed after signing

  @Test func `a request as it was signed is accepted`() throws {
    #expect(try outcome() == nil)
    var draft = Self.draft()
    draft.query = "b=2&a=1%2B1&a=0"
    #expect(try outcome(draft: draft) == nil)
    #expect(try outcome(draft: draft) { $0.query = "a=0&a=1%2b1&b=2" } == nil)
  }

  @Test func `headers that mean the same are accepted`() throws {
    #expect(try outcome { $0.fields[2].value = "  secretsmanager.DescribeSecret\t" } == nil)
    #expect(try outcome { $0.fields[0].name = "HOST" } == nil)
    #expect(try outcome { $0.fields.reverse() } == nil)
    #expect(try outcome { $0.fields.append(.init(name: "User-Agent", value: "x")) } == nil)
    #expect(try outcome { $0.fields.append(.init(name: "amz-sdk-request", value: "x")) } == nil)
  }

  @Test func `several blanks within a value are as one`() throws {
    #expect(try outcome { $0.fields[4].value = " a b c " } == nil)
    #expect(try outcome { $0.fields[4].value = "ab c" } == .mismatch)
    #expect(try outcome { $0.fields[4].value = "a\tb c" } == .mismatch)
  }

  @Test func `another method, path, query or body is refused`() throws {
    let changes: [(inout SignableRequest) -> Void] = [
      { $0.method = "GET" }, { $0.method = "post" }, { $0.path = "//" }, { $0.path = "/x" },
      { $0.path = "" }, { $0.path = "/%2F" }, { $0.query = "a" }, { $0.query = "a=" },
      { $0.body[0] ^= 1 }, { $0.body = [] }, { $0.body.append(0x0A) }, { $0.body.removeLast() },
    ]
    for (index, change) in changes.enumerated() {
      #expect(try outcome(change) == .mismatch, "change \(index)")
    }
    #expect(try outcome { $0.query = "a=%zz" } == .malformedTarget)
  }

  @Test func `a signed header taken away, doubled or changed is refused`() throws {
    for index in Self.draft().fields.indices {
      let name = Self.draft().fields[index].name.lowercased()
      #expect(try outcome { $0.fields.remove(at: index) } == .headerMissing(name))
      #expect(
        try outcome { $0.fields.append($0.fields[index]) } == .headerRepeated(name))
      #expect(
        try outcome { $0.fields.append(.init(name: name, value: "q")) } == .headerRepeated(name))
    }
    for index in [0, 2, 3, 4] {
      #expect(try outcome { $0.fields[index].value = "q" } == .mismatch)
    }
    #expect(try outcome { $0.fields[1].value = "20240315T083046Z" } == .mismatch)
  }

  @Test func `another list of signed headers is refused`() throws {
    let names = ["content-type", "host", "x-amz-date", "x-amz-target", "x-spaced"]
    func outcome(signing other: [String]) throws -> SignatureFault? {
      let part = (names.joined(separator: ";"), other.joined(separator: ";"))
      return try self.outcome(replacing: part) {
        $0.fields.append(.init(name: "Accept", value: "*/*"))
      }
    }
    #expect(try outcome(signing: ["accept"] + names) == .mismatch)
    #expect(try outcome(signing: names.reversed()) == .mismatch)
    #expect(try outcome(signing: names.filter { $0 != "x-spaced" }) == .mismatch)
    #expect(try outcome(signing: names + ["x-more"]) == .headerMissing("x-more"))
    #expect(try outcome(signing: names + ["host"]) == .malformedAuthorization)
    for name in names.dropLast() {
      #expect(try outcome(signing: names.filter { $0 != name }) == .headerNotSigned(name))
    }
  }

  @Test(arguments: ["X-Amz-Target", "x-amz-security-token", "X-AMZ-CONTENT-SHA256", "x-amz-new"])
  func `a header of the cloud's own that is added is refused`(_ name: String) throws {
    var draft = Self.draft()
    draft.fields.removeAll { $0.name == name }
    #expect(
      try outcome(draft: draft) { $0.fields.append(.init(name: name, value: "v")) }
        == .headerNotSigned(name.lowercased()))
  }

  @Test func `a session's token is signed like any header`() throws {
    var draft = Self.draft()
    draft.fields.append(.init(name: "X-Amz-Security-Token", value: "a token"))
    #expect(try outcome(draft: draft) == nil)
    #expect(try outcome(draft: draft) { $0.fields[5].value = "another" } == .mismatch)
  }

  @Test func `a told hash of the body must be true`() throws {
    var draft = Self.draft()
    let hash = "6b8a6a55e5ab6c4fbf6d1b4d4a3ac67f9ea1b7b6fd1ff1b3a6a3d76e2e7a6cf1"
    draft.fields.append(.init(name: "X-Amz-Content-Sha256", value: hash))
    for told in [hash, "UNSIGNED-PAYLOAD", ""] {
      draft.fields[5].value = told
      #expect(throws: SignatureFault.bodyMismatch) {
        try SigV4Signature.sign(
          draft, accessKey: "AK", secretKey: Self.secretKey, scope: try Self.scope())
      }
    }
    // printf '{"SecretId": "s"}' | sha256sum
    draft.fields[5].value = "3a144e366168be7d42be7b9d7823f80a1537476c26ee411517a479b7924cd687"
    #expect(try outcome(draft: draft) == nil)
    #expect(try outcome(draft: draft) { $0.body.append(0x20) } == .bodyMismatch)
    #expect(try outcome(draft: draft) { $0.fields[5].value = hash } == .bodyMismatch)
  }

  @Test func `a request without an essential header is not signed`() throws {
    for name in ["Host", "X-Amz-Date"] {
      var draft = Self.draft()
      draft.fields.removeAll { $0.name == name }
      #expect(throws: SignatureFault.headerNotSigned(name.lowercased())) {
        try SigV4Signature.sign(
          draft, accessKey: "AK", secretKey: Self.secretKey, scope: try Self.scope())
      }
    }
  }

  @Test func `another key or another signature is refused`() throws {
    #expect(try outcome(secretKey: "") == .mismatch)
    #expect(try outcome(secretKey: Self.secretKey + " ") == .mismatch)
    let signed = try SigV4Signature.sign(
      Self.draft(), accessKey: "AK", secretKey: Self.secretKey, scope: try Self.scope())
    let zeros = String(repeating: "0", count: 64)
    #expect(try outcome(replacing: (signed.signature, zeros)) == .mismatch)
  }

  // MARK: Scope

  @Test func `a scope of another day, region or service is refused`() throws {
    for (old, new) in [("20240315/", "20240314/"), ("20240315/", "20240316/")] {
      #expect(
        try outcome(replacing: (old, new))
          == .wrongDay(String(new.dropLast()), signedAt: Self.date))
    }
    #expect(try outcome(scope: Self.scope(day: "20240314T235959Z")) != nil)
    #expect(try outcome(replacing: ("eu-west-1", "eu-west-2")) == .mismatch)
    #expect(
      try outcome(replacing: ("/secretsmanager/", "/kms/"))
        == .wrongService(expected: "secretsmanager"))
    #expect(
      try outcome(scope: Self.scope(service: "ssm")) == .wrongService(expected: "secretsmanager"))
  }

  @Test(arguments: ["us-east-1", "cn-north-1", "local", "0"])
  func `any region will do`(_ region: String) throws {
    #expect(try outcome(scope: Self.scope(region: region)) == nil)
  }

  @Test func `a name that is none makes no scope`() throws {
    let now = try #require(SigningTime(Self.date))
    for name in ["", "EU", "a/b", "a b", "é", String(repeating: "a", count: 65)] {
      #expect(SigV4Scope(now, region: name, service: "s") == nil)
      #expect(SigV4Scope(now, region: "r", service: name) == nil)
    }
  }

  @Test(
    arguments: [
      "AK", "AK/", "AK/20240315", "AK/20240315/r/s", "AK/20240315/r/s/", "AK/20240315/r/s/aws4",
      "AK/20240315/r/s/aws4_request/", "AK/20240315/r/s/aws4_request/x",
      "AK/20240315//s/aws4_request", "AK/20240315/r//aws4_request", "/20240315/r/s/aws4_request",
      "AK//r/s/aws4_request", "AK/2024031/r/s/aws4_request", "AK/20240230/r/s/aws4_request",
      "AK/20240315/R/s/aws4_request", "AK/20240315/r/s/AWS4_request",
      "A K/20240315/r/s/aws4_request",
      "AK/r/20240315/s/aws4_request", "AK/AK/20240315/r/s/aws4_request",
      "AK/20240315T083045Z/r/s/aws4_request",
    ])
  func `a credential that is none is refused`(_ credential: String) {
    let signature = HeaderAuthorizationTests.signature
    let text =
      "AWS4-HMAC-SHA256 Credential=\(credential), SignedHeaders=host, Signature=\(signature)"
    #expect(throws: SignatureFault.malformedAuthorization) {
      try SigV4Authorization(parsing: text)
    }
  }

  @Test func `parts that are missing, doubled, cut or in another order are refused`() throws {
    let signed = try SigV4Signature.sign(
      Self.draft(), accessKey: "AK", secretKey: Self.secretKey, scope: try Self.scope())
    let parts = signed.text.dropFirst("AWS4-HMAC-SHA256 ".count).split(separator: ", ")
    let lists =
      [[0, 1], [0, 2], [1, 2], [], [0], [0, 1, 2, 2], [0, 0, 1, 2], [0, 1, 1, 2]]
      + [[1, 0, 2], [0, 2, 1], [2, 1, 0], [2, 0, 1], [1, 2, 0]]
    for list in lists {
      let text = "AWS4-HMAC-SHA256 " + list.map { parts[$0] }.joined(separator: ", ")
      #expect(throws: SignatureFault.malformedAuthorization, "\(list)") {
        try SigV4Authorization(parsing: text)
      }
    }
    for count in 0..<signed.text.utf8.count {
      #expect(throws: SignatureFault.malformedAuthorization) {
        try SigV4Authorization(parsing: String(signed.text.prefix(count)))
      }
    }
    let tight = signed.text.replacing(", ", with: ",")
    #expect(try SigV4Authorization(parsing: tight) == signed)
  }

  // MARK: Clocks

  @Test(arguments: ["20240315T081545Z", "20240315T081645Z", "20240315T084445Z", "20240315T084545Z"])
  func `clocks up to 15 minutes apart are accepted`(_ now: String) throws {
    #expect(try outcome(now: now) == nil)
  }

  @Test(arguments: ["20240315T081444Z", "20240315T081445Z", "20240315T084546Z", "20240315T084645Z"])
  func `clocks more than 15 minutes apart are refused`(_ now: String) throws {
    #expect(try outcome(now: now) == .expired(signedAt: Self.date, now: now))
  }

  @Test func `midnight between the clocks changes nothing`() throws {
    var draft = Self.draft()
    draft.fields[1].value = "20240314T235500Z"
    let scope = try Self.scope(day: "20240314T235500Z")
    #expect(try outcome(now: "20240315T000500Z", scope: scope, draft: draft) == nil)
    #expect(
      try outcome(now: "20240315T000500Z", scope: Self.scope(), draft: draft)
        == .wrongDay("20240315", signedAt: "20240314T235500Z"))
  }

  @Test(arguments: ["", "20240315", "2024-03-15T08:30:45Z", "20240230T083045Z"])
  func `a time that is none is refused`(_ text: String) throws {
    #expect(try outcome { $0.fields[1].value = text } == .malformedDate)
    var request = Self.draft()
    request.fields[1].value = text
    #expect(throws: SignatureFault.malformedDate) {
      try SigV4Signature.sign(
        request, accessKey: "AK", secretKey: Self.secretKey, scope: try Self.scope())
    }
  }
}
