// Which API a request speaks: the path decides, and at `/` the header fields and the query.

import HTTPWire
import Testing

@testable import LedgerAPI

@Suite struct SurfaceTests {
  private func surface(
    _ method: String, _ target: String, _ fields: [(name: String, value: String)] = []
  ) -> Surface {
    Surface(of: HTTPRequest(method: method, target: target, fields: HTTPFields(fields)))
  }

  @Test(arguments: [
    ("/v1", Surface.csms), ("/v1/p/secrets", .csms), ("/v12", .operations),
    ("/ledger", .ledger), ("/ledger/v1/p", .ledger), ("/ledgers", .operations),
    ("/healthz", .operations), ("//", .operations), ("/index.html", .operations),
  ])
  func `a path is enough everywhere else`(_ path: String, _ expected: Surface) {
    let fields = [(name: "X-Amz-Target", value: "secretsmanager.ListSecrets")]
    #expect(surface("POST", path, fields) == expected)
    #expect(surface("GET", "\(path)?Action=ListSecrets") == expected)
  }

  @Test(arguments: [
    [("X-Amz-Target", "secretsmanager.ListSecrets")], [("X-Amz-Target", "other.Call")],
    [("Content-Type", "application/x-amz-json-1.1")], [("Authorization", "AWS4-HMAC-SHA256 x")],
  ])
  func `a call of AWS is known by its head`(_ fields: [(String, String)]) {
    let fields = fields.map { (name: $0.0, value: $0.1) }
    #expect(surface("POST", "/", fields) == .aws)
    #expect(surface("POST", "/?Action=ListSecrets", fields) == .aws)
  }

  @Test(arguments: [
    [("x-acs-action", "ListSecrets")], [("x-acs-version", "2016-01-20")],
    [("Authorization", "ACS3-HMAC-SHA256 x")],
    [("Content-Type", "application/x-www-form-urlencoded")],
    [("content-type", "Application/X-WWW-Form-URLEncoded; charset=utf-8")],
  ])
  func `a call of KMS is known by its head`(_ fields: [(String, String)]) {
    #expect(surface("POST", "/", fields.map { (name: $0.0, value: $0.1) }) == .kms)
  }

  @Test(arguments: ["Action=ListSecrets", "a=b&AccessKeyId=", "Signature=x"])
  func `a call of KMS is known by its query`(_ query: String) {
    #expect(surface("GET", "/?\(query)") == .kms)
    #expect(surface("POST", "/?\(query)") == .kms)
  }

  @Test func `anything else there is the page`() async throws {
    let api = try await TestAPI()
    for target in ["/", "/?", "/?action=ListSecrets", "/?q=%zz", "/?lang=en"] {
      let reply = await api.send("GET", target, token: nil)
      #expect(reply.status == 200, "\(target)")
      #expect(reply.fields["Content-Type"] == "text/html; charset=utf-8")
      #expect(reply.text.hasPrefix("<!doctype html>"))
    }
    let reply = await api.send("POST", "/", "{}", token: nil)
    expectProblem(reply, 405, "method_not_allowed")
  }
}
