// KMSWorld: a project of Alibaba Cloud with a signer, and calls of KMS as clients make them.
//
// Used by every suite of the KMS surface. Each call comes a second after the one before, with a
// nonce of its own.

import Crypto
import Foundation
import HTTPWire
import Ledger
import LedgerAPI
import LedgerServices
import RequestSigning
import TestSupport
import Testing

/// A service with a signer of the alibaba project `p1`, and calls signed by it.
struct KMSWorld {
  /// How a call is signed.
  enum Scheme: CaseIterable {
    case acs3
    case rpc
  }

  /// Where the parameters of a call stand.
  enum Place: CaseIterable {
    case get
    case query
    case form
    case mixed
  }

  typealias Parameters = [(name: String, value: String)]

  let api: TestAPI
  var accessKey: String
  var secretKey: String

  init(policy: String = "admin", provider: Provider = .alibaba) async throws {
    api = try await TestAPI(provider: provider)
    (accessKey, secretKey) = try await api.ledger.makeSigner(policy: policy)
  }

  /// Makes a secret with versions, the last of which is in use.
  func makeSecret(_ name: String = "s", versions: [String] = ["v1", "v2"]) async {
    let made = await api.own("POST", "/secrets", #"{"name": "\#(name)"}"#)
    #expect(made.status == 201, "\(made.text)")
    for version in versions {
      let path = "/secrets/\(name.replacing("/", with: "%2F"))/versions"
      let made = await api.own(
        "POST", path, #"{"version_id": "\#(version.replacing("\"", with: "\\\""))"}"#)
      #expect(made.status == 201, "\(made.text)")
    }
  }

  /// A call, signed so many seconds from now, not sent yet.
  func signed(
    _ action: String, _ parameters: Parameters = [], as scheme: Scheme = .acs3,
    in place: Place = .query, nonce: String? = UUID().uuidString, seconds: Int64 = 0,
    version: String = "2016-01-20", extra: Parameters = []
  ) throws -> HTTPRequest {
    let now = SigningTime(
      seconds: api.ledger.time.now.microseconds / 1_000_000 + seconds
    ).text(.extended)
    let method = place == .get ? "GET" : "POST"
    var all = parameters
    if scheme == .rpc {
      all += [
        ("Action", action), ("Version", version), ("AccessKeyId", accessKey),
        ("SignatureMethod", "HMAC-SHA1"), ("SignatureVersion", "1.0"), ("Timestamp", now),
      ]
      if let nonce { all.append(("SignatureNonce", nonce)) }
      all.append(
        ("Signature", try RPCSignature.sign(method: method, parameters: all, secretKey: secretKey)))
    }
    let inForm = place == .form ? all.count : place == .mixed ? (all.count + 1) / 2 : 0
    let form = Self.encoded(all.prefix(inForm))
    let query = Self.encoded(all.dropFirst(inForm))
    var fields = HTTPFields([("Host", "kms.example.com:8087")])
    if inForm > 0 { fields.append("Content-Type", "application/x-www-form-urlencoded") }
    for field in extra { fields.append(field.name, field.value) }
    if scheme == .acs3 {
      fields.append("x-acs-action", action)
      fields.append("x-acs-version", version)
      fields.append("x-acs-date", now)
      if let nonce { fields.append("x-acs-signature-nonce", nonce) }
      fields.append("x-acs-content-sha256", sha256(form))
    }
    var request = HTTPRequest(
      method: method, target: query.isEmpty ? "/" : "/?\(query)", fields: fields,
      body: Array(form.utf8))
    if scheme == .acs3 {
      let authorization = try ACS3Signature.sign(
        SignableRequest(
          method: method, path: request.path, query: request.query,
          fields: fields.pairs.map { .init(name: $0.name, value: $0.value) }, body: request.body),
        accessKey: accessKey, secretKey: secretKey)
      request.fields.append("Authorization", authorization.text)
    }
    return request
  }

  func send(_ request: HTTPRequest) async -> Reply {
    Reply(await api.api.respond(to: request))
  }

  /// The answer to a call.
  func call(
    _ action: String, _ parameters: Parameters = [], as scheme: Scheme = .acs3,
    in place: Place = .query, extra: Parameters = []
  ) async throws -> Reply {
    api.ledger.time.advance(seconds: 1)
    return await send(
      try signed(action, parameters, as: scheme, in: place, extra: extra))
  }

  /// The answer to a move of a label of the secret `s`.
  func move(
    _ stage: String, to target: String? = nil, from source: String? = nil, of secret: String = "s",
    as scheme: Scheme = .acs3, extra: Parameters = []
  ) async throws -> Reply {
    var parameters: Parameters = [("SecretName", secret), ("VersionStage", stage)]
    if let target { parameters.append(("MoveToVersion", target)) }
    if let source { parameters.append(("RemoveFromVersion", source)) }
    return try await call("UpdateSecretVersionStage", parameters, as: scheme, extra: extra)
  }

  /// Which version carries the label now; nil: none.
  func holder(of stage: String) async throws -> String? {
    try await api.ledger.store.standing(of: named(stage), of: named("s"), in: named("p1"))
      .value.stage?.versionID?.text
  }

  /// A form as a client without `+` writes it.
  static func encoded(_ parameters: some Sequence<(name: String, value: String)>) -> String {
    let plain = CharacterSet(
      charactersIn: "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")
    func encoded(_ text: String) -> String {
      text.addingPercentEncoding(withAllowedCharacters: plain) ?? ""
    }
    return parameters.map { "\(encoded($0.name))=\(encoded($0.value))" }.joined(separator: "&")
  }

  private func sha256(_ text: String) -> String {
    SHA256.hash(Array(text.utf8)).hex
  }
}

/// Whether an answer is one of the cloud's errors, in JSON.
func expectKMSError(
  _ reply: Reply, _ status: Int, _ code: String, _ message: String? = nil,
  sourceLocation: SourceLocation = #_sourceLocation
) {
  #expect(reply.status == status, "\(reply.text)", sourceLocation: sourceLocation)
  #expect(reply["Code"].stringValue == code, "\(reply.text)", sourceLocation: sourceLocation)
  if let message {
    #expect(reply["Message"].stringValue == message, sourceLocation: sourceLocation)
  }
  #expect(reply["Recommend"].stringValue?.isEmpty == false, sourceLocation: sourceLocation)
  #expect(
    reply["RequestId"].stringValue == reply.fields["X-Request-Id"], sourceLocation: sourceLocation)
  #expect(reply["HostId"].stringValue == "kms.example.com", sourceLocation: sourceLocation)
  #expect(reply.fields["Content-Type"] == "application/json", sourceLocation: sourceLocation)
}
