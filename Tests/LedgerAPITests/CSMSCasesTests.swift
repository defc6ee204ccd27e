// The cloud's surface case by case: what clients send besides, and the edge cases of label calls.
//
// The rules behind the codes have tests of their own in Ledger; here is which code a client meets.

import HTTPWire
import Ledger
import LedgerServices
import TestSupport
import Testing

@Suite struct CSMSCasesTests {
  /// The secret `s` with two versions, `full` with twelve labels, `leaving` that awaits its
  /// deletion.
  private static func world() async throws -> TestAPI {
    let api = try await TestAPI()
    for name in ["s", "full", "leaving"] { await api.makeSecret(name, versions: 2) }
    for number in 3...12 {
      let put = await api.csms("PUT", "/full/stages/L\(number)", #"{"version_id":"v1"}"#)
      #expect(put.status == 200, "\(put.text)")
    }
    #expect(await api.csms("PUT", "/s/stages/canary", #"{"version_id":"v1"}"#).status == 200)
    let task = await api.csms("POST", "/leaving/scheduled-deleted-tasks/create", "{}")
    #expect(task.status == 200)
    return api
  }

  /// Method, path, body, status and code; an empty code where the call is taken.
  private static let cases: [(String, String, String?, Int, String)] = [
    ("PUT", "/s/stages/canary", #"{"version_id":"v1"}"#, 200, ""),
    ("PUT", "/s/stages/SYSCURRENT", #"{"version_id":"v1"}"#, 200, ""),
    ("PUT", "/s/stages/SYSPREVIOUS", #"{"version_id":"v2"}"#, 200, ""),
    ("PUT", "/full/stages/L3", #"{"version_id":"v2"}"#, 200, ""),
    ("PUT", "/full/stages/L13", #"{"version_id":"v1"}"#, 400, "CSMS.0203"),
    ("POST", "/full/stages", #"{"name":"L13","version_id":"v1"}"#, 400, "CSMS.0203"),
    ("POST", "/full/versions", #"{"version_stages":["L13"]}"#, 400, "CSMS.0203"),
    ("POST", "/full/versions", #"{"version_stages":["L3"]}"#, 200, ""),
    ("DELETE", "/s/stages/canary", nil, 204, ""),
    ("DELETE", "/s/stages/SYSCURRENT", nil, 400, "CSMS.0105"),
    ("DELETE", "/s/stages/SYSPREVIOUS", nil, 400, "CSMS.0105"),
    ("DELETE", "/s/stages/absent", nil, 400, "CSMS.0005"),
    ("DELETE", "/s/stages/Canary", nil, 400, "CSMS.0005"),
    ("GET", "/s/stages/absent", nil, 400, "CSMS.0005"),
    ("GET", "/absent/stages/canary", nil, 400, "CSMS.0106"),
    ("PUT", "/absent/stages/canary", #"{"version_id":"v1"}"#, 400, "CSMS.0106"),
    ("DELETE", "/absent/stages/canary", nil, 400, "CSMS.0106"),
    ("POST", "/absent/stages", #"{"name":"canary","version_id":"v1"}"#, 400, "CSMS.0106"),
    ("PUT", "/s/stages/canary", #"{"version_id":"v3"}"#, 400, "CSMS.0005"),
    ("PUT", "/s/stages/canary", #"{"version_id":"latest"}"#, 400, "CSMS.0002"),
    ("PUT", "/s/stages/canary", "{}", 400, "CSMS.0002"),
    ("PUT", "/s/stages/canary", nil, 400, "CSMS.0004"),
    ("PUT", "/s/stages/a.b", #"{"version_id":"v1"}"#, 400, "CSMS.0002"),
    ("PUT", "/a.b/stages/canary", #"{"version_id":"v1"}"#, 400, "CSMS.0002"),
    ("PUT", "/leaving/stages/canary", #"{"version_id":"v1"}"#, 400, "CSMS.0103"),
    ("POST", "/leaving/stages", #"{"name":"canary","version_id":"v1"}"#, 400, "CSMS.0103"),
    ("POST", "/leaving/versions", "{}", 400, "CSMS.0103"),
    ("DELETE", "/leaving/stages/canary", nil, 400, "CSMS.0103"),
    ("GET", "/leaving/stages/SYSCURRENT", nil, 400, "CSMS.0103"),
    ("GET", "/leaving/versions/latest", nil, 400, "CSMS.0103"),
    ("GET", "/leaving/versions", nil, 200, ""),
    ("GET", "/leaving", nil, 200, ""),
    ("POST", "/leaving/scheduled-deleted-tasks/create", nil, 400, "CSMS.0107"),
    ("POST", "/s/scheduled-deleted-tasks/cancel", nil, 400, "CSMS.0108"),
    ("GET", "/s/versions/latest", nil, 200, ""), ("GET", "/s/versions/v9", nil, 400, "CSMS.0005"),
    ("GET", "/s/versions/9", nil, 400, "CSMS.0002"),
    ("GET", "/s/stages/%63anary", nil, 200, ""), ("GET", "/%73/stages/canary/", nil, 200, ""),
    ("GET", "/s%2Fstages/canary", nil, 404, "APIGW.0101"),
    (
      "GET", "/s/stages/canary?effective_at=2026-01-01T00:00:00Z&effective_at=x", nil, 400,
      "CSMS.0002"
    ),
    ("POST", "/s/rotate", "{}", 404, "APIGW.0101"), ("PUT", "/s", "{}", 405, "CSMS.0003"),
    // A marker nobody has: names are ordered, versions begin anew.
    ("GET", "?marker=sa&limit=00001", nil, 200, ""), ("GET", "/s/versions?marker=v9", nil, 200, ""),
  ]

  @Test func `each case has the cloud's own answer, by token and by signature`() async throws {
    for (method, path, body, status, code) in Self.cases {
      for isSigned in [false, true] {
        let api = try await Self.world()
        let count = api.eventCount
        let reply: Reply
        if isSigned {
          let keys = try await api.ledger.makeSigner()
          let request = try api.signed(method, "/v1/p1/secrets\(path)", body, by: keys)
          reply = Reply(await api.api.respond(to: request))
        } else {
          reply = await api.csms(method, path, body)
        }
        #expect(reply.status == status, "\(method) \(path) \(body ?? ""): \(reply.text)")
        if code.isEmpty { continue }
        expectError(reply, status, code)
        #expect(api.eventCount == count, "\(method) \(path)")
        #expect((reply["request_id"].stringValue != nil) == code.hasPrefix("APIGW."))
      }
    }
  }

  @Test(
    arguments: [
      ("Host", "kms.cn-north-4.myhuaweicloud.com"), ("Host", "csms.cn-north-4.myhuaweicloud.com"),
      ("X-Language", "en-us"), ("Content-Type", "application/json;charset=UTF-8"),
      ("Content-Type", "text/plain"), ("Accept", "application/xml"), ("X-Project-Id", "p1"),
      ("X-Security-Token", "t"), ("User-Agent", "huaweicloud-usdk-python/3.0"),
      ("X-Request-Id", "mine"), ("Accept-Encoding", "gzip"), ("x_under_score", "1"),
    ])
  func `what clients send besides is passed over`(_ name: String, _ value: String) async throws {
    let api = try await Self.world()
    let keys = try await api.ledger.makeSigner()
    for (method, path, body) in [
      ("PUT", "/s/stages/canary", #"{"version_id":"v2"}"#), ("GET", "/s/stages/canary", nil),
      ("DELETE", "/s/stages/canary", "{}"),
    ] as [(String, String, String?)] {
      let expected = method == "DELETE" ? 204 : 200
      let target = "/v1/p1/secrets\(path)"
      let request = try api.signed(method, target, body, by: keys, extra: [(name, value)])
      let reply = Reply(await api.api.respond(to: request))
      #expect(reply.status == expected, "\(method): \(reply.text)")
      #expect(reply.fields["X-Request-Id"]?.utf8.count == 36)
      if method != "DELETE" { #expect(reply.fields["Content-Type"] == "application/json") }
    }
  }
}
