// WebhookSenderTests: what goes to a receiver, what counts as taken, and where nothing goes.

import Foundation
import Ledger
import LedgerServices
import Synchronization
import TestLiterals
import TestSupport
import Testing

@testable import Clouds

@Suite(.inTurn) struct WebhookSenderTests {
  /// A file with a secret, readable by its owner alone unless said.
  private func secretFile(_ text: String, mode: Int = 0o600) throws -> String {
    let path = FileManager.default.temporaryDirectory.path + "/webhook-\(UUID().uuidString)"
    try Data(text.utf8).write(to: URL(fileURLWithPath: path))
    try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: path)
    return path
  }

  private func webhook(_ url: String, _ file: String) -> Webhook {
    Webhook(project: "p1", url: url, secretFile: file, next: 0)
  }

  // The example of the Standard Webhooks specification; the value is that of Python's hmac.
  @Test func `the signature is that of the specification`() {
    #expect(
      WebhookSender.signature(
        of: Array(#"{"test": 2432232314}"#.utf8), id: "msg_p5jXN8AQM9LWM0D4loKWxJek",
        at: 1_614_265_330, secret: "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
        == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=")
    #expect(WebhookSender.signature(of: [], id: "a", at: 1, secret: "whsec_%") == nil)
    #expect(WebhookSender.signature(of: [], id: "a", at: 1, secret: "plain") != nil)
  }

  @Test func `news arrive signed, and a 2xx takes them`() async throws {
    let server = try ScriptedServer { _ in .json(204, "") }
    defer { server.close() }
    let file = try secretFile("a secret of my own\n".replacing(" ", with: "-"))
    let sender = WebhookSender()
    defer { sender.close() }
    let body = Array(#"{"a":1}"#.utf8)
    try await sender.send(
      body, id: "e-1", at: 1_700_000_000,
      to: webhook("http://127.0.0.1:\(server.port)/hook?x=1", file))
    let seen = try #require(server.requests.first)
    #expect(seen.method == "POST" && seen.path == "/hook" && seen.body == body)
    let fields = Dictionary(
      uniqueKeysWithValues: seen.fields.map { ($0.key.lowercased(), $0.value) })
    #expect(fields["webhook-id"] == "e-1")
    #expect(fields["webhook-timestamp"] == "1700000000")
    #expect(
      fields["webhook-signature"]
        == WebhookSender.signature(
          of: body, id: "e-1", at: 1_700_000_000, secret: "a-secret-of-my-own"))
    #expect(fields["content-type"]?.hasPrefix("application/cloudevents+json") == true)
  }

  @Test(arguments: [
    (Reply.json(500, "{}"), DeliveryError.refused(status: 500)),
    (.json(302, "{}", fields: ["Location: http://127.0.0.1:1/"]), .unreachable),
    (.bytes([]), .unreachable), (.json(404, "{}"), .refused(status: 404)),
  ])
  func `anything else does not take them`(_ reply: Reply, _ expected: DeliveryError) async throws {
    let server = try ScriptedServer { _ in reply }
    defer { server.close() }
    let sender = WebhookSender()
    defer { sender.close() }
    let hook = webhook("http://127.0.0.1:\(server.port)/", try secretFile("secret"))
    await #expect(throws: expected) { try await sender.send([1], id: "e", at: 1, to: hook) }
  }

  @Test func `nothing is sent without a secret only its owner can read`() async throws {
    let server = try ScriptedServer { _ in .json(204, "") }
    defer { server.close() }
    let sender = WebhookSender()
    defer { sender.close() }
    let url = "http://127.0.0.1:\(server.port)/"
    for file in ["/none/at/all", try secretFile("secret", mode: 0o644), try secretFile("")] {
      await #expect(throws: DeliveryError.self) {
        try await sender.send([1], id: "e", at: 1, to: webhook(url, file))
      }
    }
    #expect(server.requests.isEmpty)
  }

  @Test(arguments: [
    ("https://news.example/x", true), ("http://127.0.0.1:80/", true), ("http://localhost/", true),
    ("http://[::1]:9/", true), ("http://news.example/", false),
    ("http://127.0.0.1.example/", false),
    ("http://10.0.0.1/", false), ("ftp://127.0.0.1/", false), ("https://u:p@news.example/", false),
    ("https://", false), ("", false), ("http://127.evil.0.1/", false),
  ])
  func `news go over https or stay on this machine`(_ url: String, _ isAllowed: Bool) {
    #expect(WebhookSender.isAllowed(url) == isAllowed)
  }
}
