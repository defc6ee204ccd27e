// The signature of RPC calls against the official clients, and against calls changed after it.

import RequestSigning
import Testing

@Suite struct RPCSignatureTests {
  static let date = "2024-03-15T08:30:45Z"
  static let secretKey = "an invented secret key of any length"

  /// The parameters of a call that is to be signed.
  static let draft: [RPCSignature.Parameter] = [
    ("Action", "DescribeSecret"), ("SecretName", "a b*~+é"), ("SignatureType", ""),
    ("AccessKeyId", "AK"), ("SignatureMethod", "HMAC-SHA1"), ("SignatureVersion", "1.0"),
    ("SignatureNonce", "nonce-1"), ("Timestamp", date), ("Version", "2016-01-20"),
  ]

  /// Whether `change` of the signed call is accepted at `now`.
  private func outcome(
    now: String = date, method: String = "GET", secretKey: String = secretKey,
    _ change: (inout [RPCSignature.Parameter]) -> Void
  ) throws -> SignatureFault? {
    var parameters = Self.draft
    let signature = try RPCSignature.sign(
      method: "GET", parameters: parameters, secretKey: Self.secretKey)
    parameters.append(("Signature", signature))
    change(&parameters)
    do {
      try RPCSignature.verify(
        method: method, parameters: parameters, secretKey: secretKey,
        now: try #require(SigningTime(now, .extended)))
      return nil
    } catch let fault as SignatureFault {
      return fault.withoutText
    }
  }

  /// Whether the call is accepted with other values of some parameters; nil: without them.
  private func outcome(_ values: [String: String?]) throws -> SignatureFault? {
    try outcome { parameters in
      parameters = parameters.compactMap { parameter in
        guard let value = values[parameter.name] else { return parameter }
        return value.map { (parameter.name, $0) }
      }
    }
  }

  // MARK: The official clients

  @Test(arguments: try SigningFixtures.vectors(in: "alibaba/rpc-vectors.json"))
  func `every step of a vector comes out as the official client's`(_ vector: SigningVector) throws {
    let parameters = try SigningFixtures.parameters(of: vector.request)
    let text = RPCSignature.stringToSign(method: vector.request.method, parameters: parameters)
    #expect(text == vector.stringToSign)
    // What a client reads of a refusal ends where a colon stands.
    #expect(!text.contains(":"))
    #expect(
      RPCSignature.signature(of: text, secretKey: vector.secretKey) == vector.authorization)
    let authorization = try RPCAuthorization(parsing: parameters)
    #expect(authorization.accessKey == vector.accessKey)
    #expect(authorization.signature == vector.authorization)
  }

  @Test(arguments: try SigningFixtures.vectors(in: "alibaba/rpc-vectors.json"))
  func `a vector is signed and accepted with its key and with no other`(
    _ vector: SigningVector
  ) throws {
    let method = vector.request.method
    let parameters = try SigningFixtures.parameters(of: vector.request)
    let now = try #require(SigningTime(vector.date, .extended))
    #expect(
      try RPCSignature.sign(
        method: method, parameters: parameters.filter { $0.name != "Signature" },
        secretKey: vector.secretKey) == vector.authorization)
    try RPCSignature.verify(
      method: method, parameters: parameters, secretKey: vector.secretKey, now: now)
    #expect(throws: SignatureFault.signatureMismatch(stringToSign: vector.stringToSign)) {
      try RPCSignature.verify(
        method: method, parameters: parameters, secretKey: vector.secretKey + "x", now: now)
    }
  }

  /// The recorded requests that are signed with this scheme.
  static func recordings() throws -> [RecordedRequest] {
    try SigningFixtures.recordings(of: "alibaba").filter { $0.name.contains("-v1_") }
      + SigningFixtures.recordings(of: "alibaba-old")
  }

  @Test func `there are as many vectors and recordings as there should be`() throws {
    #expect(try SigningFixtures.vectors(in: "alibaba/rpc-vectors.json").count == 7)
    #expect(try Self.recordings().count == 20 + 23)
  }

  @Test(arguments: try Self.recordings())
  func `a recorded request is accepted at its time`(_ recorded: RecordedRequest) throws {
    let parameters = try SigningFixtures.parameters(of: recorded.request)
    let date = try #require(parameters.first { $0.name == "Timestamp" })
    let now = try #require(SigningTime(date.value, .extended))
    #expect(recorded.authorization.isEmpty)
    let authorization = try RPCAuthorization(parsing: parameters)
    try RPCSignature.check(authorization, now: now)
    #expect(authorization.nonce != nil)
    func verify(_ parameters: [RPCSignature.Parameter]) throws(SignatureFault) {
      try RPCSignature.verify(
        method: recorded.request.method, parameters: parameters,
        secretKey: RecordedRequest.secretKey, now: now)
    }
    try verify(parameters)
    let fault = #expect(throws: SignatureFault.self) { try verify(parameters + [("x", "")]) }
    #expect(fault?.withoutText == .mismatch)
  }

  // MARK: Changed after signing

  @Test func `parameters may come in any order`() throws {
    #expect(try outcome { _ in } == nil)
    #expect(try outcome { $0.reverse() } == nil)
  }

  @Test func `another method is refused`() throws {
    #expect(try outcome(method: "POST") { _ in } == .mismatch)
    #expect(try outcome(method: "get") { _ in } == .mismatch)
  }

  @Test func `a parameter changed, added, doubled or taken away is refused`() throws {
    for value in ["a b*~+e\u{301}", "a+b*~+é", "a b%2A~+é", "a b*~ é", "A b*~+é", "", "a b*~+é "] {
      #expect(try outcome(["SecretName": value]) == .mismatch)
    }
    #expect(try outcome(["SignatureType": "x"]) == .mismatch)
    for name in ["SecretName", "SignatureType", "Action", "SignatureNonce", "Version"] {
      #expect(try outcome([name: nil]) == .mismatch)
    }
    #expect(try outcome { $0.append(("x", "")) } == .mismatch)
    #expect(try outcome { $0.append(("", "")) } == .mismatch)
    #expect(try outcome { $0.append(("signature", "")) } == .mismatch)
    #expect(try outcome { $0.append(("SecretName", "a b*~+é")) } == .mismatch)
    #expect(try outcome(["SignatureNonce": "nonce-2"]) == .mismatch)
    #expect(try outcome(["Timestamp": "2024-03-15T08:30:46Z"]) == .mismatch)
    #expect(try outcome(["AccessKeyId": "AL"]) == .mismatch)
  }

  @Test func `a signature cut, longer, doubled, in other words or of another key is refused`()
    throws
  {
    let signature = try RPCSignature.sign(
      method: "GET", parameters: Self.draft, secretKey: Self.secretKey)
    #expect(signature.utf8.count == 28)
    for count in 1..<28 {
      #expect(try outcome(["Signature": String(signature.prefix(count))]) == .mismatch)
    }
    for other in [
      signature + "=", signature + " ", " " + signature, signature + signature,
      signature.lowercased(), String(signature.reversed()), String(repeating: "A", count: 28),
    ] {
      #expect(try outcome(["Signature": other]) == .mismatch)
    }
    #expect(try outcome(secretKey: "") { _ in } == .mismatch)
    #expect(try outcome(secretKey: Self.secretKey + "&") { _ in } == .mismatch)
  }

  @Test(arguments: [
    "AccessKeyId", "Timestamp", "SignatureMethod", "SignatureVersion", "Signature",
  ])
  func `a part of the signature that is missing, empty or doubled is named`(_ name: String) throws {
    #expect(try outcome([name: nil]) == .parameterMissing(name))
    #expect(try outcome([name: ""]) == .parameterMissing(name))
    #expect(try outcome { $0.append((name, "x")) } == .parameterRepeated(name))
  }

  @Test func `a nonce may be left out, and not be there twice`() throws {
    let draft = Self.draft.filter { $0.name != "SignatureNonce" }
    let signature = try RPCSignature.sign(
      method: "GET", parameters: draft, secretKey: Self.secretKey)
    let signed = draft + [("Signature", signature)]
    try RPCSignature.verify(
      method: "GET", parameters: signed, secretKey: Self.secretKey,
      now: try #require(SigningTime(Self.date, .extended)))
    #expect(try RPCAuthorization(parsing: signed).nonce == nil)
    #expect(
      try outcome { $0.append(("SignatureNonce", "x")) } == .parameterRepeated("SignatureNonce"))
  }

  @Test(arguments: ["HMAC-SHA256", "hmac-sha1", "HMAC-SM3", "2.0", "1"])
  func `another scheme or version of it is refused`(_ value: String) throws {
    for name in ["SignatureMethod", "SignatureVersion"] {
      #expect(try outcome([name: value]) == .unknownScheme(name))
      let draft = Self.draft.map { $0.name == name ? (name, value) : $0 }
      #expect(throws: SignatureFault.unknownScheme(name)) {
        try RPCSignature.sign(method: "GET", parameters: draft, secretKey: Self.secretKey)
      }
    }
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

  @Test(arguments: ["2024-03-15", "20240315T083045Z", "2024-02-30T08:30:45Z"])
  func `a time that is none is refused`(_ text: String) throws {
    #expect(try outcome(["Timestamp": text]) == .malformedDate)
    let draft = Self.draft.map { $0.name == "Timestamp" ? ("Timestamp", text) : $0 }
    #expect(throws: SignatureFault.malformedDate) {
      try RPCSignature.sign(method: "GET", parameters: draft, secretKey: Self.secretKey)
    }
  }
}
