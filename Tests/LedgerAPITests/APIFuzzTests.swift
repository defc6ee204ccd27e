// Requests at random: whatever is sent, there is one answer with an id and a body that can be read.

import CanonicalJSON
import HTTPWire
import Ledger
import LedgerServices
import TestSupport
import Testing

@Suite struct APIFuzzTests {
  private static let pieces = [
    "v1", "ledger", "p1", "secrets", "s", "versions", "v1", "latest", "stages", "SYSCURRENT", "G",
    "events", "0", "history", "scheduled-deleted-tasks", "create", "cancel", "healthz", "metrics",
    "%2F", "%2e%2e", "%00", "%", "%E4%B8%AD", "a%2Fb", "", ".", "..", "a b", "é",
  ]
  private static let queries = [
    "limit", "marker", "cursor", "after", "effective_at", "known_at", "x", "%", "secret_string",
  ]
  private static let values = [
    "", "1", "0", "-1", "99999999999999999999", "2026-03-04T05:06:07Z", "v1", "WzFd", "%zz",
    "9007199254740991", "\u{0}",
  ]
  private static let bodies = [
    "", "{}", "[]", "null", "{", #"{"name": "s"}"#, #"{"name": "s2"}"#, #"{"version_id": "v1"}"#,
    #"{"version_id": "v2", "stages": []}"#, #"{"version_stages": ["A"]}"#,
    #"{"version_id": "v1", "effective_at": "2026-01-01T00:00:00Z"}"#, #"{"version_id": 1e400}"#,
    #"{"recovery_window_in_days": 9223372036854775807}"#, #"{"expire_time": 1e15}"#,
    #"{"version_id": "\ud800"}"#, "\u{FEFF}{}",
  ]

  @Test(arguments: testSeeds)
  func `whatever is sent has one answer`(_ seed: UInt64) async throws {
    var generator = SeededGenerator(seed: seed)
    let api = try await TestAPI()
    await api.makeSecret(versions: 2)
    func pick<T>(_ items: [T]) -> T { items[Int.random(in: 0..<items.count, using: &generator)] }
    for _ in 0..<2_000 {
      let path: String
      if Bool.random(using: &generator) {
        let start = pick(["/v1/p1/secrets", "/ledger/v1/p1", "/ledger/v1/p1/secrets"])
        path =
          start
          + (0..<Int.random(in: 0...4, using: &generator)).map { _ in "/\(pick(Self.pieces))" }
          .joined()
      } else {
        path = (0..<Int.random(in: 1...7, using: &generator)).map { _ in "/\(pick(Self.pieces))" }
          .joined()
      }
      let query = (0..<Int.random(in: 0...2, using: &generator))
        .map { _ in "\(pick(Self.queries))=\(pick(Self.values))" }.joined(separator: "&")
      let method = pick(["GET", "PUT", "POST", "DELETE", "HEAD", "PATCH", "", "é"])
      let extra: [(name: String, value: String)] = pick([
        [], [], [("If-Match", pick(Self.values))], [("Idempotency-Key", pick(Self.values))],
        [("If-None-Match", pick(Self.values))], [("Accept", pick(Self.values))],
        [("Content-Type", pick(["", "text/plain", "application/json"]))],
      ])
      let target = query.isEmpty ? path : "\(path)?\(query)"
      let reply = await api.send(method, target, pick(Self.bodies), extra)
      let context = "seed \(seed): \(method) \(target)"
      #expect((200..<500).contains(reply.status), "\(context): \(reply.text)")
      #expect(reply.fields["X-Request-Id"]?.utf8.count == 36, "\(context)")
      switch reply.status {
      case 204, 304: #expect(reply.body.isEmpty, "\(context)")
      default:
        let isJSON = reply.fields["Content-Type"]?.contains("json") == true
        #expect(!isJSON || !reply.json.isNull, "\(context): \(reply.text)")
        #expect(!reply.body.isEmpty || reply.fields["Content-Type"] == "application/x-ndjson")
      }
    }
  }
}
