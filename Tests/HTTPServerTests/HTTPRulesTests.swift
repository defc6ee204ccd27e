// Every rule of the protocol as bytes over a socket.

import EventLoop
import HTTPServer
import HTTPWire
import TestSupport
import Testing

/// Bytes that are sent, and what must come back.
struct RuleCase: Sendable, CustomTestStringConvertible {
  var sent: String
  var statuses: [Int]
  /// Whether the request that follows in the same bytes is answered too.
  var goesOn: Bool
  /// The places of answers to HEAD.
  var heads: Set<Int>
  var testDescription: String { "\(sent.prefix(120).debugDescription) → \(statuses)" }

  static func closes(_ sent: String, _ statuses: Int...) -> RuleCase {
    RuleCase(sent: sent, statuses: statuses, goesOn: false, heads: [])
  }

  static func goesOn(_ sent: String, _ statuses: Int..., heads: Set<Int> = []) -> RuleCase {
    RuleCase(sent: sent, statuses: statuses, goesOn: true, heads: heads)
  }
}

@Suite(.inTurn) struct HTTPRulesTests {
  private static let get = "GET / HTTP/1.1\r\nHost: h\r\n"
  private static let post = "POST /echo HTTP/1.1\r\nHost: h\r\n"
  private static let chunked =
    "POST /echo HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
  private static func m(_ count: Int) -> String { String(repeating: "m", count: count) }

  static let framing: [RuleCase] = [
    .goesOn(post + "Content-Length: 3\r\n\r\nabc", 200),
    .goesOn(post + "Content-Length: 0\r\n\r\n", 200),
    .goesOn(post + "\r\n", 200),
    .goesOn(post + "Content-Length: 003\r\n\r\nabc", 200),
    .closes(post + "Content-Length: +3\r\n\r\nabc", 400),
    .closes(post + "Content-Length: -3\r\n\r\nabc", 400),
    .closes(post + "Content-Length: 3, 3\r\n\r\nabc", 400),
    .closes(post + "Content-Length: 3 3\r\n\r\nabc", 400),
    .closes(post + "Content-Length: 0x3\r\n\r\nabc", 400),
    .closes(post + "Content-Length:\r\n\r\nabc", 400),
    .closes(post + "Content-Length: 18446744073709551619\r\n\r\nabc", 400),
    .closes(post + "Content-Length: 3\r\nContent-Length: 4\r\n\r\nabc", 400),
    .closes(post + "Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc", 400),
    .closes(post + "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
    .closes(post + "Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n", 400),
    .goesOn(post + "transfer-encoding: CHUNKED\r\n\r\n0\r\n\r\n", 200),
    .closes(post + "Transfer-Encoding: gzip\r\n\r\n0\r\n\r\n", 501),
    .closes(post + "Transfer-Encoding: identity\r\n\r\n", 501),
    .closes(post + "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 400),
    .closes(post + "Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n", 400),
    .closes(post + "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", 501),
    .closes(post + "Transfer-Encoding: \"chunked\"\r\n\r\n0\r\n\r\n", 400),
    .closes(post + "Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n", 400),
    .closes(post + "Transfer-Encoding: chunked\r\nTransfer-Encoding: x\r\n\r\n0\r\n\r\n", 400),
    .closes("POST /echo HTTP/1.0\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
    .goesOn(chunked + "3\r\nabc\r\n0\r\n\r\n", 200),
    .goesOn(chunked + "3;x=y;z=\"q;\"\r\nabc\r\n0;l\r\n\r\n", 200),
    .goesOn(chunked + "3\r\nabc\r\n0\r\nHost: evil\r\nX: y\r\n\r\n", 200),
    .closes(chunked + "0x3\r\nabc\r\n0\r\n\r\n", 400),
    .closes(chunked + "-3\r\nabc\r\n0\r\n\r\n", 400),
    .closes(chunked + "3 \r\nabc\r\n0\r\n\r\n", 400),
    .closes(chunked + " 3\r\nabc\r\n0\r\n\r\n", 400),
    .closes(chunked + "3;\r\nabc\r\n0\r\n\r\n", 400),
    .closes(chunked + "3;=\r\nabc\r\n0\r\n\r\n", 400),
    .closes(chunked + "3\nabc\r\n0\r\n\r\n", 400),
    .closes(chunked + "3;a\nabc\r\n0\r\n\r\n", 400),
    .closes(chunked + "3\r\nabcXX0\r\n\r\n", 400),
    .closes(chunked + "3\r\nabc\n0\r\n\r\n", 400),
    .closes(chunked + "3\r\nabcd\r\n0\r\n\r\n", 400),
    .closes(chunked + "10000000000000003\r\nabc\r\n0\r\n\r\n", 400),
    .closes(chunked + "8000000000000000\r\nabc\r\n0\r\n\r\n", 400),
    .closes(chunked + "3;\(m(300))\r\nabc\r\n0\r\n\r\n", 400),
    .closes(chunked + "0\r\nX: \(m(5000))\r\n\r\n", 431),
    .closes(chunked + "0\r\nX : y\r\n\r\n", 400),
    .closes(chunked + "0\r\n\n", 400),
    .closes(chunked + "3e9\r\n", 413),
  ]

  static let heads: [RuleCase] = [
    .goesOn(get + "\r\n", 200),
    .goesOn("\r\n" + get + "\r\n", 200),
    .closes("\r\n\r\n" + get + "\r\n", 400),
    .closes("GET / HTTP/1.1\r\n\r\n", 400),
    .closes("GET / HTTP/1.1\r\nHost:\r\n\r\n", 400),
    .closes("GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", 400),
    .closes("GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", 400),
    .closes("GET / HTTP/1.1\r\nHost: u@a\r\n\r\n", 400),
    .closes("GET / HTTP/1.1\r\nHost: a b\r\n\r\n", 400),
    .closes("GET / HTTP/1.1\r\nHost: a,b\r\n\r\n", 400),
    .closes("GET / HTTP/1.1\r\nHost: a:99999\r\n\r\n", 400),
    .closes("GET / HTTP/1.1\r\nHost: a:8x\r\n\r\n", 400),
    .goesOn("GET / HTTP/1.1\r\nHost: [::1]:80\r\n\r\n", 200),
    .closes("GET / HTTP/1.1\r\nHost : h\r\n\r\n", 400),
    .closes("GET / HTTP/1.1\r\nHost\t: h\r\n\r\n", 400),
    .closes(get + "X Y: z\r\n\r\n", 400), .closes(get + "X@: z\r\n\r\n", 400),
    .closes(get + ": z\r\n\r\n", 400), .closes(get + "nothing\r\n\r\n", 400),
    .closes(get + "X: a\r\n b\r\n\r\n", 400), .closes(get + "X: a\r\n\tb\r\n\r\n", 400),
    .closes("GET / HTTP/1.1\r\n Host: h\r\n\r\n", 400),
    .closes(get + "X: a\u{0}b\r\n\r\n", 400), .closes(get + "X: a\u{1}\r\n\r\n", 400),
    .closes(get + "X: a\u{7F}\r\n\r\n", 400), .closes(get + "X: a\rb\r\n\r\n", 400),
    .closes(get + "X: a\nY: b\r\n\r\n", 400), .closes(get + "\n", 400),
    .closes("GET / HTTP/1.1\nHost: h\n\n", 400), .closes("GET / HTTP/1.1\r\nHost: h\n\r\n", 400),
    .closes("GET  / HTTP/1.1\r\nHost: h\r\n\r\n", 400),
    .closes("GET /  HTTP/1.1\r\nHost: h\r\n\r\n", 400),
    .closes("GET / HTTP/1.1 \r\nHost: h\r\n\r\n", 400),
    .closes(" GET / HTTP/1.1\r\nHost: h\r\n\r\n", 400),
    .closes("GET\t/ HTTP/1.1\r\nHost: h\r\n\r\n", 400),
    .closes("GET /a b HTTP/1.1\r\nHost: h\r\n\r\n", 400),
    .closes("GET / HTTP/1.1\u{B}\r\nHost: h\r\n\r\n", 400),
    .closes("GET /é HTTP/1.1\r\nHost: h\r\n\r\n", 400),
    .closes("GET /#x HTTP/1.1\r\nHost: h\r\n\r\n", 400),
    .closes("GET /a\\b HTTP/1.1\r\nHost: h\r\n\r\n", 400),
    .closes("GET x HTTP/1.1\r\nHost: h\r\n\r\n", 400),
    .closes("CONNECT h:443 HTTP/1.1\r\nHost: h\r\n\r\n", 400),
    .closes("G(T / HTTP/1.1\r\nHost: h\r\n\r\n", 400),
    .closes("GET /\r\n", 400), .closes("GET /\r\n\r\n", 400),
    .closes("GET / HTTP/0.9\r\n\r\n", 505), .closes("GET / HTTP/3.0\r\nHost: h\r\n\r\n", 505),
    .closes("GET / HTTP/1\r\nHost: h\r\n\r\n", 400),
    .closes("GET / http/1.1\r\nHost: h\r\n\r\n", 400),
    .closes("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400),
    .closes("\u{16}\u{3}\u{1}\u{2}\u{0}\u{1}\u{0}\u{1}", 400),
    .closes("GET /\(m(8192)) HTTP/1.1\r\nHost: h\r\n\r\n", 414), .closes(m(9000), 414),
    .goesOn("GET /\(m(8191)) HTTP/1.1\r\nHost: h\r\n\r\n", 200),
    .closes(get + "X: \(m(16_384))\r\n\r\n", 431), .closes(get + m(16_384), 431),
    .closes(get + String(repeating: "X: y\r\n", count: 100) + "\r\n", 431),
    .goesOn(get + String(repeating: "X: y\r\n", count: 99) + "\r\n", 200),
    .goesOn(get + "Upgrade: websocket\r\nConnection: Upgrade\r\n\r\n", 200),
    .goesOn(
      get + "Upgrade: h2c\r\nHTTP2-Settings: AAA\r\nConnection: Upgrade, HTTP2-Settings\r\n\r\n",
      200),
    .goesOn("GET http://other:1/x?y HTTP/1.1\r\nHost: h\r\n\r\n", 200),
    .closes("GET http://u@other/ HTTP/1.1\r\nHost: h\r\n\r\n", 400),
    .goesOn("OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n", 200),
    .goesOn("BREW / HTTP/1.1\r\nHost: h\r\n\r\n", 200),
    .goesOn("GET / HTTP/1.9\r\nHost: h\r\n\r\n", 200),
  ]

  static let connections: [RuleCase] = [
    .closes(get + "Connection: close\r\n\r\n", 200),
    .closes(get + "Connection: x, Close\r\n\r\n", 200),
    .closes("GET / HTTP/1.0\r\n\r\n", 200),
    .closes("GET / HTTP/1.0\r\nHost: h\r\nConnection: close\r\n\r\n", 200),
    .goesOn("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", 200),
    .closes("GET /stream HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", 200),
    .goesOn("GET /stream HTTP/1.1\r\nHost: h\r\n\r\n", 200),
    .goesOn("HEAD / HTTP/1.1\r\nHost: h\r\n\r\n", 200, heads: [0]),
    .goesOn("HEAD /stream HTTP/1.1\r\nHost: h\r\n\r\n", 200, heads: [0]),
    .goesOn("GET /204 HTTP/1.1\r\nHost: h\r\n\r\n", 204),
    .goesOn("GET /304 HTTP/1.1\r\nHost: h\r\n\r\n", 304),
    .goesOn(get + "\r\n" + post + "Content-Length: 1\r\n\r\nx" + get + "\r\n", 200, 200, 200),
    .closes(get + "\r\n" + get + "\r\n" + "GET /\r\n\r\n", 200, 200, 400),
    .closes(get + "\r\n" + post + "Content-Length: x\r\n\r\n", 200, 400),
    // A body nobody wants is dropped, up to a bound.
    .goesOn("GET / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello", 200),
    .goesOn("HEAD / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello", 200, heads: [0]),
    .goesOn("POST /early HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello", 405),
    .goesOn(
      "POST /early HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n",
      405),
    .closes("POST /early HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\nz\r\n", 405),
    .closes("POST /early HTTP/1.1\r\nHost: h\r\nContent-Length: 65537\r\n\r\nhello", 405),
    .closes(
      "POST /early HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n10001\r\nab", 405),
    // A body past its limit is refused from the head alone.
    .closes("POST /small HTTP/1.1\r\nHost: h\r\nContent-Length: 11\r\n\r\nhello world", 413),
    .closes("POST /huge HTTP/1.1\r\nHost: h\r\nContent-Length: 1048577\r\n\r\n", 413),
    // Expectations.
    .goesOn(post + "Expect: 100-continue\r\nContent-Length: 2\r\n\r\nok", 200),
    .goesOn(post + "Expect: 100-continue\r\n\r\n", 200),
    .goesOn(post + "Expect: tea\r\nContent-Length: 2\r\n\r\nok", 417),
    .goesOn("POST /echo HTTP/1.0\r\nConnection: keep-alive\r\nExpect: tea\r\n\r\n", 200),
    .closes(
      "POST /small HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 11\r\n\r\n", 413),
  ]

  private func check(_ rule: RuleCase) async throws {
    try await withServer(loops: 1) { server in
      let client = try TestClient(server.address)
      client.send(rule.sent + "GET /after HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
      let answers = client.readAnswers(heads: rule.heads)
      #expect(answers.map(\.status) == rule.statuses + (rule.goesOn ? [200] : []))
      let isAfterRun = server.handler.requests.contains("GET /after ")
      #expect(isAfterRun == rule.goesOn)
      for answer in answers {
        #expect(answer.fields["date"]?.hasSuffix(" GMT") == true)
        #expect(answer.fields["x-content-type-options"] == "nosniff")
        #expect(answer.fields["server"] == nil)
        let isBoth =
          answer.fields["content-length"] != nil && answer.fields["transfer-encoding"] != nil
        #expect(!isBoth)
        guard [400, 413, 414, 417, 431, 501, 505].contains(answer.status) else { continue }
        #expect(answer.fields["content-type"] == "application/problem+json")
        #expect(!answer.body.isEmpty)
        #expect(answer.status == 417 || answer.fields["connection"] == "close")
      }
      if case .some(let last) = answers.last, !rule.goesOn {
        // Only what was wrong after the answer had gone out ends without a word.
        let isAnnounced = last.fields["connection"] == "close"
        #expect(isAnnounced || last.status == 405)
      }
    }
  }

  @Test(arguments: framing)
  func `a message has one reading of its length or none`(_ rule: RuleCase) async throws {
    try await check(rule)
  }

  @Test(arguments: heads)
  func `a head keeps every rule or is refused`(_ rule: RuleCase) async throws {
    try await check(rule)
  }

  @Test(arguments: connections)
  func `a connection goes on or ends as told`(_ rule: RuleCase) async throws {
    try await check(rule)
  }
}
