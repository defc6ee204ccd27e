// AWSWorld: a project of AWS with secrets and versions, and a client of the cloud that signs.
//
// Called by the suites about the surface of AWS Secrets Manager.

import CanonicalJSON
import HTTPWire
import Ledger
import LedgerAPI
import LedgerServices
import RequestSigning
import TestSupport
import Testing

/// A service with a signer of a project of AWS.
struct AWSWorld {
  let api: TestAPI
  var accessKey: String
  var secretKey: String

  init(_ provider: Provider = .aws, policy: String = "admin") async throws {
    api = try await TestAPI(provider: provider)
    (accessKey, secretKey) = try await api.ledger.makeSigner(policy: policy)
  }

  init(api: TestAPI, _ signer: (accessKey: String, secretKey: String)) {
    self.api = api
    (accessKey, secretKey) = signer
  }

  /// The id of the `number`th version.
  static func id(_ number: Int) -> String {
    "0a1b2c3d-0000-4000-8000-" + String(repeating: "0", count: 12 - "\(number)".count) + "\(number)"
  }

  /// Makes a secret with so many versions, each labelled as given; nil: by the rule.
  func make(_ secret: String, _ versions: [[String]?]) async {
    let made = await api.own("POST", "/secrets", #"{"name": "\#(secret)"}"#)
    #expect(made.status == 201, "\(made.text)")
    for (index, stages) in versions.enumerated() {
      var members: [String: JSONValue] = ["version_id": .string(Self.id(index + 1))]
      members["stages"] = stages.map { .array($0.map { .string($0) }) }
      let path = "/secrets/\(secret.replacing("/", with: "%2F"))/versions"
      let body = String(decoding: JSONValue.object(members).canonicalBytes(), as: UTF8.self)
      let version = await api.own("POST", path, body)
      #expect(version.status == 201, "\(version.text)")
    }
  }

  /// A call, signed so many seconds from now and not sent yet.
  func signed(
    _ operation: String, _ body: String, seconds: Int64 = 0, region: String = "eu-west-1",
    extra: [(name: String, value: String)] = []
  ) throws -> HTTPRequest {
    let now = SigningTime(seconds: api.ledger.time.now.microseconds / 1_000_000 + seconds)
    var fields = HTTPFields([
      ("Host", "127.0.0.1:8087"), ("X-Amz-Target", "secretsmanager.\(operation)"),
      ("Content-Type", "application/x-amz-json-1.1"), ("X-Amz-Date", now.text),
    ])
    for field in extra { fields.append(field.name, field.value) }
    var request = HTTPRequest(
      method: "POST", target: "/", fields: fields, body: Array(body.utf8))
    let authorization = try SigV4Signature.sign(
      SignableRequest(
        method: "POST", path: "/", query: nil,
        fields: fields.pairs.map { .init(name: $0.name, value: $0.value) }, body: request.body),
      accessKey: accessKey, secretKey: secretKey,
      scope: try #require(SigV4Scope(now, region: region, service: "secretsmanager")))
    request.fields.append("Authorization", authorization.text)
    request.fields.append("User-Agent", "test")
    return request
  }

  func send(_ request: HTTPRequest) async -> Reply {
    api.ledger.time.advance(seconds: 1)
    return Reply(await api.api.respond(to: request))
  }

  func call(
    _ operation: String, _ body: String, extra: [(name: String, value: String)] = []
  ) async throws -> Reply {
    await send(try signed(operation, body, extra: extra))
  }

  /// Moves a label of the secret `s`.
  func move(_ stage: String, to target: Int? = nil, from source: Int? = nil) async throws -> Reply {
    var members: [String: JSONValue] = ["SecretId": "s", "VersionStage": .string(stage)]
    members["MoveToVersionId"] = target.map { .string(Self.id($0)) }
    members["RemoveFromVersionId"] = source.map { .string(Self.id($0)) }
    return try await call(
      "UpdateSecretVersionStage",
      String(decoding: JSONValue.object(members).canonicalBytes(), as: UTF8.self))
  }

  /// Where the labels of the secret `s` sit, by number of version.
  func labels() async throws -> [String: Int] {
    let reply = try await call("DescribeSecret", #"{"SecretId": "s"}"#)
    var labels: [String: Int] = [:]
    for (version, stages) in reply["VersionIdsToStages"].objectValue ?? [:] {
      for stage in stages.arrayValue ?? [] {
        labels[stage.stringValue ?? ""] = Int(version.suffix(6))
      }
    }
    return labels
  }
}

/// Whether an answer is one of the cloud's errors.
func expectAWSError(
  _ reply: Reply, _ type: String, _ message: String? = nil, status: Int = 400,
  sourceLocation: SourceLocation = #_sourceLocation
) {
  #expect(reply.status == status, "\(reply.text)", sourceLocation: sourceLocation)
  #expect(reply["__type"].stringValue == type, "\(reply.text)", sourceLocation: sourceLocation)
  if let message {
    #expect(reply["Message"].stringValue == message, sourceLocation: sourceLocation)
  }
  #expect(reply.json.objectValue?.count == 2, sourceLocation: sourceLocation)
  #expect(
    reply.fields["Content-Type"] == "application/x-amz-json-1.1", sourceLocation: sourceLocation)
  #expect(
    reply.fields["x-amzn-RequestId"]?.utf8.count == 36, sourceLocation: sourceLocation)
}
