// Requests: the bytes of each request the bench sends.
//
// Called by the scenarios; signs as the clouds' own clients do with `RequestSigning`. Pure.
// Invariant: whatever differs from one request to the next comes in as a parameter.

import Crypto
import RequestSigning

/// Who asks: a project and a credential of it.
struct Tenant {
  /// The cloud whose rules the project keeps.
  var provider: String
  /// The project.
  var project: String
  /// The credential's token.
  var token: String
  /// The credential's access key.
  var accessKey: String
  /// The secret key of it.
  var secretKey: String
}

/// Requests as they stand on the wire.
enum Requests {
  private static let host = "127.0.0.1"

  /// The secret with that number.
  static func secret(_ number: Int) -> String { "secret-\(number)" }

  /// Reads a path of a tenant.
  static func get(_ path: String, _ tenant: Tenant) -> [UInt8] {
    Array("GET \(path) HTTP/1.1\r\nHost: \(host)\r\nX-Auth-Token: \(tenant.token)\r\n\r\n".utf8)
  }

  /// Sends JSON to a path of a tenant.
  static func send(
    _ method: String, _ path: String, _ tenant: Tenant, _ body: String,
    type: String = "application/json"
  ) -> [UInt8] {
    Array(
      """
      \(method) \(path) HTTP/1.1\r\nHost: \(host)\r\nX-Auth-Token: \(tenant.token)\r\n\
      Content-Type: \(type)\r\nContent-Length: \(body.utf8.count)\r\n\r\n\(body)
      """.utf8)
  }

  /// Asks where a label sits, as a client of Huawei Cloud does.
  static func label(of secret: Int, _ tenant: Tenant) -> [UInt8] {
    get("/v1/\(tenant.project)/secrets/\(Self.secret(secret))/stages/canary", tenant)
  }

  /// Asks the ledger about a label, at a moment or now.
  static func question(of secret: Int, at moment: String?, _ tenant: Tenant) -> [UInt8] {
    let query = moment.map { "?effective_at=\($0)" } ?? ""
    return get(
      "/ledger/v1/\(tenant.project)/secrets/\(Self.secret(secret))/stages/canary\(query)", tenant)
  }

  /// Moves the label to one of the two versions.
  static func move(of secret: Int, to version: Int, _ tenant: Tenant) -> [UInt8] {
    send(
      "PUT", "/ledger/v1/\(tenant.project)/secrets/\(Self.secret(secret))/stages/canary", tenant,
      #"{"version_id":"\#(Self.version(version, of: tenant))"}"#)
  }

  /// Tells of many moves of the label, each with its moment, oldest first.
  static func facts(
    _ moves: [(secret: Int, version: Int, moment: String)], _ tenant: Tenant
  ) -> [UInt8] {
    let lines = moves.map { move in
      """
      {"type":"stage.assigned","secret":"\(secret(move.secret))","stage":"canary",\
      "version_id":"\(version(move.version, of: tenant))","effective_at":"\(move.moment)"}

      """
    }
    return send(
      "POST", "/ledger/v1/\(tenant.project)/facts", tenant, lines.joined(),
      type: "application/x-ndjson")
  }

  /// The id of the version with that number, as the tenant's cloud makes them.
  static func version(_ number: Int, of tenant: Tenant) -> String {
    tenant.provider == "huawei" ? "v\(number)" : "00000000-0000-4000-8000-00000000000\(number)"
  }

  /// The same as `label`, signed instead of with a token.
  static func huawei(
    of secret: Int, _ tenant: Tenant, at now: SigningTime
  ) throws(SignatureFault) -> [UInt8] {
    let path = "/v1/\(tenant.project)/secrets/\(Self.secret(secret))/stages/canary"
    let fields = [("Host", host), ("X-Sdk-Date", now.text)]
    let request = signable("GET", path, fields, "")
    let authorization = try SDKSignature.sign(
      request, accessKey: tenant.accessKey, secretKey: tenant.secretKey)
    return bytes("GET", path, fields + [("Authorization", authorization.text)], "")
  }

  /// Describes a secret, as a client of Alibaba Cloud does.
  static func alibaba(
    of secret: Int, _ tenant: Tenant, at now: SigningTime, nonce: Int
  ) throws(SignatureFault) -> [UInt8] {
    let body = "SecretName=\(Self.secret(secret))"
    let fields = [
      ("Host", host), ("Content-Type", "application/x-www-form-urlencoded"),
      ("x-acs-action", "DescribeSecret"), ("x-acs-version", "2016-01-20"),
      ("x-acs-date", now.text(.extended)), ("x-acs-signature-nonce", "nonce-\(nonce)"),
      ("x-acs-content-sha256", SHA256.hash(Array(body.utf8)).hex),
    ]
    let authorization = try ACS3Signature.sign(
      signable("POST", "/", fields, body), accessKey: tenant.accessKey,
      secretKey: tenant.secretKey)
    return bytes("POST", "/", fields + [("Authorization", authorization.text)], body)
  }

  /// Describes a secret, as a client of AWS does.
  static func aws(
    of secret: Int, _ tenant: Tenant, at now: SigningTime
  ) throws(SignatureFault) -> [UInt8] {
    let body = #"{"SecretId":"\#(Self.secret(secret))"}"#
    let fields = [
      ("Host", host), ("X-Amz-Target", "secretsmanager.DescribeSecret"),
      ("Content-Type", "application/x-amz-json-1.1"), ("X-Amz-Date", now.text),
    ]
    guard let scope = SigV4Scope(now, region: "eu-west-1", service: SigV4Signature.service) else {
      throw .malformedDate
    }
    let authorization = try SigV4Signature.sign(
      signable("POST", "/", fields, body), accessKey: tenant.accessKey,
      secretKey: tenant.secretKey, scope: scope)
    return bytes("POST", "/", fields + [("Authorization", authorization.text)], body)
  }

  private static func signable(
    _ method: String, _ path: String, _ fields: [(String, String)], _ body: String
  ) -> SignableRequest {
    SignableRequest(
      method: method, path: path, query: nil,
      fields: fields.map { SignableRequest.Field(name: $0.0, value: $0.1) },
      body: Array(body.utf8))
  }

  private static func bytes(
    _ method: String, _ path: String, _ fields: [(String, String)], _ body: String
  ) -> [UInt8] {
    var text = "\(method) \(path) HTTP/1.1\r\n"
    for (name, value) in fields { text += "\(name): \(value)\r\n" }
    if !body.isEmpty { text += "Content-Length: \(body.utf8.count)\r\n" }
    return Array("\(text)\r\n\(body)".utf8)
  }
}
