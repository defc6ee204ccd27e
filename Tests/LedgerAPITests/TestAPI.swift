// TestAPI: the API over a ledger in memory, and the answers it gives as a test reads them.
//
// Called by every test here. Invariant: each request comes a second after the one before.

import CanonicalJSON
import Foundation
import HTTPWire
import Ledger
import LedgerAPI
import LedgerServices
import RequestSigning
import TestSupport
import Testing

/// An answer, read.
struct Reply {
  let status: Int
  let fields: HTTPFields
  let body: [UInt8]

  var text: String { String(decoding: body, as: UTF8.self) }

  /// The content as JSON; null when it is none.
  var json: JSONValue { (try? JSONValue(parsing: body)) ?? .null }

  subscript(_ path: String...) -> JSONValue {
    path.reduce(json) { value, name in
      if let index = Int(name), let items = value.arrayValue {
        return items.indices.contains(index) ? items[index] : .null
      }
      return value[name] ?? .null
    }
  }

  /// The texts of a list of objects, by member.
  func column(_ list: String, _ member: String) -> [String] {
    self[list].arrayValue?.compactMap { $0[member]?.stringValue } ?? []
  }

  init(_ response: HTTPResponse) {
    status = response.status
    fields = response.fields
    body = if case .bytes(let bytes) = response.body { bytes } else { [] }
  }
}

extension HTTPRequest {
  /// A request as it was on the wire.
  init(recorded bytes: [UInt8]) throws {
    var parser = HTTPRequestParser(limits: HTTPLimits())
    parser.receive(bytes[...])
    guard case .head(let head) = parser.next() else { throw CocoaError(.fileReadCorruptFile) }
    self = head.request
    parser.readBody(bytesMax: 1 << 20)
    if case .body(let body) = parser.next() { self.body = body }
  }
}

/// The API over a ledger with the project `p1` and a token of an administrator.
struct TestAPI {
  let ledger: TestLedger
  var api: API
  let token: String

  init(
    provider: Provider = .huawei, notFoundStatus: NotFoundStatus = .badRequest
  ) async throws {
    ledger = TestLedger()
    try await ledger.makeProject(provider: provider, notFoundStatus: notFoundStatus)
    token = try await ledger.makeToken()
    api = API(services: ledger.services)
  }

  /// The API over a ledger that is there already.
  init(over ledger: TestLedger, token: String) {
    self.ledger = ledger
    self.token = token
    api = API(services: ledger.services)
  }

  /// Sends a request with the administrator's token, or another's, or none.
  func send(
    _ method: String, _ target: String, _ body: String? = nil,
    _ extra: [(name: String, value: String)] = [], token: String?
  ) async -> Reply {
    ledger.time.advance(seconds: 1)
    var fields = HTTPFields(extra)
    if let token { fields.append("X-Auth-Token", token) }
    if body != nil, fields["Content-Type"] == nil {
      fields.append("Content-Type", "application/json")
    }
    let request = HTTPRequest(
      method: method, target: target, fields: fields, body: Array((body ?? "").utf8))
    return Reply(await api.respond(to: request))
  }

  func send(
    _ method: String, _ target: String, _ body: String? = nil,
    _ extra: [(name: String, value: String)] = []
  ) async -> Reply {
    await send(method, target, body, extra, token: token)
  }

  /// A call of the cloud's surface, below the project.
  func csms(
    _ method: String, _ path: String, _ body: String? = nil,
    _ extra: [(name: String, value: String)] = []
  ) async -> Reply {
    await send(method, "/v1/p1/secrets\(path)", body, extra)
  }

  /// A call of the ledger's own surface, below the project.
  func own(
    _ method: String, _ path: String, _ body: String? = nil,
    _ extra: [(name: String, value: String)] = []
  ) async -> Reply {
    await send(method, "/ledger/v1/p1\(path)", body, extra)
  }

  /// A request signed as Huawei Cloud's clients sign, so many seconds from now, and not sent yet.
  func signed(
    _ method: String, _ target: String, _ body: String? = nil,
    by keys: (accessKey: String, secretKey: String), seconds: Int64 = 0,
    extra: [(name: String, value: String)] = []
  ) throws -> HTTPRequest {
    let now = ledger.time.now.microseconds / 1_000_000
    var fields = HTTPFields([
      ("Host", "127.0.0.1:8087"), ("Content-Type", "application/json"),
      ("X-Sdk-Date", SigningTime(seconds: now + seconds).text),
    ])
    for field in extra { fields.set(field.name, field.value) }
    var request = HTTPRequest(
      method: method, target: target, fields: fields, body: Array((body ?? "").utf8))
    let authorization = try SDKSignature.sign(
      SignableRequest(
        method: method, path: request.path, query: request.query,
        fields: fields.pairs.map { .init(name: $0.name, value: $0.value) }, body: request.body),
      accessKey: keys.accessKey, secretKey: keys.secretKey)
    request.fields.append("Authorization", authorization.text)
    request.fields.set("Accept", fields["Accept"] ?? "*/*")
    return request
  }

  /// Makes the secret `s` with `versions` versions.
  func makeSecret(_ name: String = "s", versions: Int = 1) async {
    let made = await csms("POST", "", #"{"name": "\#(name)"}"#)
    #expect(made.status == 200, "\(made.text)")
    for _ in 1..<max(versions, 1) {
      let version = await csms("POST", "/\(name)/versions", "{}")
      #expect(version.status == 200, "\(version.text)")
    }
  }

  /// How many events the log holds.
  var eventCount: Int { ledger.store.allEvents(of: named("p1")).count }
}

/// Whether an answer is one of the cloud's errors.
func expectError(
  _ reply: Reply, _ status: Int, _ code: String,
  sourceLocation: SourceLocation = #_sourceLocation
) {
  #expect(reply.status == status, "\(reply.text)", sourceLocation: sourceLocation)
  #expect(reply["error_code"].stringValue == code, sourceLocation: sourceLocation)
  let text = reply["error_msg"].stringValue ?? ""
  #expect((2...512).contains(text.utf8.count), sourceLocation: sourceLocation)
  #expect(reply.fields["X-Request-Id"]?.utf8.count == 36, sourceLocation: sourceLocation)
}

/// Whether an answer is a problem of the ledger's own surface.
func expectProblem(
  _ reply: Reply, _ status: Int, _ code: String, field: String? = nil,
  sourceLocation: SourceLocation = #_sourceLocation
) {
  #expect(reply.status == status, "\(reply.text)", sourceLocation: sourceLocation)
  #expect(reply["code"].stringValue == code, sourceLocation: sourceLocation)
  #expect(reply["field"].stringValue == field, sourceLocation: sourceLocation)
  #expect(reply["status"].integerValue == Int64(status), sourceLocation: sourceLocation)
  #expect(
    reply.fields["Content-Type"] == "application/problem+json", sourceLocation: sourceLocation)
  #expect(
    reply["request_id"].stringValue == reply.fields["X-Request-Id"],
    sourceLocation: sourceLocation)
}
