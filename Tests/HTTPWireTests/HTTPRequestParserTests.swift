// What the parser takes and what it refuses.

import HTTPWire
import Testing

@Suite struct HTTPRequestParserTests {
  @Test func `a request is taken apart`() throws {
    let found = events(
      "POST /a/b?x=1&y HTTP/1.1\r\nHost: example.org:80\r\nX-Empty:\r\nX-Two: \t a b \t\r\n"
        + "content-LENGTH: 5\r\nx-two: c\r\n\r\nhello")
    let head = try #require(heads(found).first)
    #expect(head.request.method == "POST")
    #expect(head.request.target == "/a/b?x=1&y")
    #expect(head.request.path == "/a/b")
    #expect(head.request.query == "x=1&y")
    #expect(head.request.fields["X-EMPTY"] == "")
    #expect(head.request.fields.values("X-Two") == ["a b", "c"])
    #expect(head.request.fields["absent"] == nil)
    #expect(head.framing == .length(5))
    #expect(head.keepsAlive)
    #expect(!head.request.isHTTP10)
    #expect(bodies(found) == ["hello"])
  }

  @Test func `pipelined requests come out in order`() {
    let found = events(
      "GET /1 HTTP/1.1\r\nHost: a\r\n\r\nPOST /2 HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nok"
        + "POST /3 HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: Chunked\r\n\r\n"
        + "3;a;b=c;d=\"e;\\\"\"\r\nabc\r\n00A\r\n0123456789\r\n0\r\nTrailer: dropped\r\n\r\n"
        + "\r\nGET /4 HTTP/1.0\r\n\r\n")
    #expect(heads(found).map(\.request.target) == ["/1", "/2", "/3", "/4"])
    #expect(bodies(found) == ["", "ok", "abc0123456789", ""])
    #expect(heads(found)[2].request.fields["Trailer"] == nil)
  }

  @Test(arguments: [
    ("GET http://h.example/p?q HTTP/1.1\r\nHost: other\r\n\r\n", "/p?q", "h.example"),
    ("GET HTTPS://h:8443 HTTP/1.1\r\nHost: h\r\n\r\n", "/", "h:8443"),
    ("GET http://[::1]:1?q HTTP/1.1\r\nHost: h\r\n\r\n", "/?q", "[::1]:1"),
    ("OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n", "*", "h"),
  ])
  func `every form of a target is reduced`(_ text: String, _ target: String, _ host: String) {
    let head = heads(events(text)).first
    #expect(head?.request.target == target)
    #expect(head?.request.fields.values("host") == [host])
  }

  @Test(arguments: [
    ("HTTP/1.1\r\nHost: h", true), ("HTTP/1.1\r\nHost: h\r\nConnection: close", false),
    ("HTTP/1.1\r\nHost: h\r\nConnection: x , CLOSE", false), ("HTTP/1.0", false),
    ("HTTP/1.0\r\nConnection: Keep-Alive", true),
    ("HTTP/1.1\r\nHost: h\r\nConnection: keep-alive\r\nConnection: close", false),
    ("HTTP/1.2\r\nHost: h", true),
  ])
  func `the connection lasts if the client wants it`(_ rest: String, _ keepsAlive: Bool) {
    #expect(heads(events("GET / \(rest)\r\n\r\n")).first?.keepsAlive == keepsAlive)
  }

  @Test(arguments: [
    ("HTTP/1.1\r\nHost: h\r\nExpect: 100-Continue", HTTPExpectation.goOn),
    ("HTTP/1.1\r\nHost: h\r\nExpect: 200-ok", .unknown),
    ("HTTP/1.1\r\nHost: h\r\nExpect: 200-ok\r\nExpect: 100-continue", .unknown),
    ("HTTP/1.0\r\nExpect: 100-continue", .none), ("HTTP/1.1\r\nHost: h", .none),
  ])
  func `an expectation is told`(_ rest: String, _ expectation: HTTPExpectation) {
    #expect(heads(events("POST / \(rest)\r\n\r\n")).first?.expectation == expectation)
  }

  @Test(arguments: [
    "example.org", "example.org:80", "h:", "a_b-c~1.x", "127.0.0.1:1", "[::1]", "[fe80::1]:65535",
  ])
  func `a name or an address is a host`(_ host: String) {
    #expect(heads(events("GET / HTTP/1.1\r\nHost: \(host)\r\n\r\n")).count == 1)
  }

  static let refused: [(String, HTTPRefusal.Reason)] = [
    ("GET /\r\n", .malformedRequestLine), ("GET  / HTTP/1.1\r\n", .malformedRequestLine),
    ("GET /  HTTP/1.1\r\n", .malformedRequestLine), (" GET / HTTP/1.1\r\n", .malformedRequestLine),
    ("GET / HTTP/1.1 \r\n", .malformedRequestLine), ("GET\t/ HTTP/1.1\r\n", .malformedRequestLine),
    ("GET / http/1.1\r\n", .malformedRequestLine), ("GET / HTTP/1.10\r\n", .malformedRequestLine),
    ("GET / HTTP/11\r\n", .malformedRequestLine), ("G(T / HTTP/1.1\r\n", .malformedRequestLine),
    ("\r\n\r\n", .malformedRequestLine), ("\(m(33)) / HTTP/1.1\r\n", .malformedRequestLine),
    ("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", .http2Preface),
    ("GET / HTTP/2.0\r\n", .unsupportedVersion),
    ("GET / HTTP/0.9\r\n", .unsupportedVersion), ("\u{16}\u{3}\u{1}", .controlByte),
    ("GET /\u{0} HTTP/1.1\r\n", .controlByte), ("GET /é HTTP/1.1\r\n", .invalidTarget),
    ("GET /a#b HTTP/1.1\r\n", .invalidTarget), ("GET /a\\b HTTP/1.1\r\n", .invalidTarget),
    ("GET a HTTP/1.1\r\n", .invalidTarget), ("GET * HTTP/1.1\r\n", .invalidTarget),
    ("CONNECT h:1 HTTP/1.1\r\n", .invalidTarget), ("GET ftp://h/ HTTP/1.1\r\n", .invalidTarget),
    ("GET http:///p HTTP/1.1\r\n", .invalidTarget),
    ("GET http://u@h/ HTTP/1.1\r\n", .invalidTarget),
    ("GET /\(m(8192)) HTTP/1.1\r\n", .targetTooLong(limitBytes: 8192)),
    (m(9000), .targetTooLong(limitBytes: 8192)),
    ("GET / HTTP/1.1\n", .invalidLineEnd), ("GET / HTTP/1.1\r\r\n", .invalidLineEnd),
    ("GET / HTTP/1.1\r\nHost: h\n", .invalidLineEnd), ("\n", .invalidLineEnd),
  ]

  static let refusedFields: [(String, HTTPRefusal.Reason)] = [
    ("Host: h\r\n folded\r\n", .foldedField), ("\tx: y\r\n", .foldedField),
    ("Host : h\r\n", .malformedField), ("Host\r\n", .malformedField), (": x\r\n", .malformedField),
    ("H(st: x\r\n", .malformedField), ("X: a\u{1}\r\n", .controlByte),
    ("X: a\u{7F}\r\n", .controlByte), ("X: a\u{0}\r\n", .controlByte),
    ("X\u{0}: a\r\n", .controlByte),
    ("X: a\rb\r\n", .invalidLineEnd), ("\r\n", .missingHost),
    ("Host: h\r\nHost: h\r\n", .duplicateHost),
    ("Host:\r\n", .invalidHost), ("Host: a b\r\n", .invalidHost), ("Host: a/b\r\n", .invalidHost),
    ("Host: u@h\r\n", .invalidHost), ("Host: h:x\r\n", .invalidHost),
    ("Host: h:65536\r\n", .invalidHost),
    ("Host: :80\r\n", .invalidHost), ("Host: [::1\r\n", .invalidHost),
    ("Host: [::g]\r\n", .invalidHost),
    ("Host: [::1]x\r\n", .invalidHost), ("Host: a,b\r\n", .invalidHost),
    ("Content-Length: +1\r\n", .invalidContentLength),
    ("Content-Length: -1\r\n", .invalidContentLength),
    ("Content-Length: 1, 1\r\n", .invalidContentLength),
    ("Content-Length:\r\n", .invalidContentLength),
    ("Content-Length: 0x1\r\n", .invalidContentLength),
    ("Content-Length: 1 \r\n\r\n", .missingHost),
    ("Content-Length: 1\r\nContent-Length: 2\r\n", .invalidContentLength),
    ("Content-Length: 9223372036854775808\r\n", .invalidContentLength),
    ("Content-Length: 99999999999999999999999\r\n", .invalidContentLength),
    ("Host: h\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", .conflictingFraming),
    ("Host: h\r\nTransfer-Encoding: gzip\r\n\r\n", .unsupportedTransferEncoding),
    ("Host: h\r\nTransfer-Encoding: identity\r\n\r\n", .unsupportedTransferEncoding),
    ("Host: h\r\nTransfer-Encoding: chunked, chunked\r\n\r\n", .invalidTransferEncoding),
    ("Host: h\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", .invalidTransferEncoding),
    ("Host: h\r\nTransfer-Encoding: \u{B}chunked\r\n\r\n", .controlByte),
    ("Host: h\r\nTransfer-Encoding:\r\n\r\n", .invalidTransferEncoding),
    (
      "Host: h\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n",
      .invalidTransferEncoding
    ),
    ("X: \(m(16_400))\r\n", .headTooLarge(limitBytes: 16_384)),
    (m(16_400), .headTooLarge(limitBytes: 16_384)),
    (String(repeating: "X:\r\n", count: 101), .tooManyFields(limit: 100)),
    ("Host: h\r\nContent-Length: 1001\r\n\r\n", .bodyTooLarge(limitBytes: 1000)),
  ]

  static let refusedChunks: [(String, HTTPRefusal.Reason)] = [
    ("\r\n", .invalidChunk), ("x\r\n", .invalidChunk), ("0x1\r\n", .invalidChunk),
    ("-1\r\n", .invalidChunk),
    ("+1\r\n", .invalidChunk), (" 1\r\n", .invalidChunk), ("1 \r\n", .invalidChunk),
    ("1;\r\n", .invalidChunk), ("1 ;a\r\n", .invalidChunk), ("1;a=\r\n", .invalidChunk),
    ("1;a=\"b\r\n", .invalidChunk), ("1;a b\r\n", .invalidChunk), ("1;a\n", .invalidLineEnd),
    ("1\n", .invalidLineEnd), ("1;a=\u{1}", .controlByte), ("1\r\naX", .invalidChunk),
    ("1\r\na\rX", .invalidChunk), ("1\r\na\n", .invalidChunk), ("1\r\nab\r\n", .invalidChunk),
    ("8000000000000000\r\n", .invalidChunk), ("fffffffffffffffff\r\n", .invalidChunk),
    ("7fffffffffffffff\r\n", .bodyTooLarge(limitBytes: 1000)),
    ("3e9\r\n", .bodyTooLarge(limitBytes: 1000)),
    ("1;\(m(300))", .invalidChunk), ("0\r\n folded\r\n", .foldedField),
    ("0\r\nX\r\n", .malformedField),
    ("0\r\nX: \(m(5000))", .trailerTooLarge(limitBytes: 4096)),
    (
      "0\r\n" + String(repeating: "X:\r\n", count: 101), .trailerTooLarge(limitBytes: 4096)
    ),
    (
      String(repeating: "1;\(m(200))\r\na\r\n", count: 30), .invalidChunk
    ),
  ]

  static func m(_ count: Int) -> String { String(repeating: "M", count: count) }

  @Test(arguments: refused)
  func `a bad request line is refused`(_ text: String, _ reason: HTTPRefusal.Reason) {
    #expect(refusal(events(text)) == reason)
  }

  @Test(arguments: refusedFields)
  func `bad fields are refused`(_ text: String, _ reason: HTTPRefusal.Reason) {
    #expect(refusal(events("POST / HTTP/1.1\r\n\(text)")) == reason)
  }

  @Test(arguments: refusedChunks)
  func `a bad chunk is refused`(_ text: String, _ reason: HTTPRefusal.Reason) {
    let head = "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
    #expect(refusal(events(head + text)) == reason)
    #expect(bodies(events(head + text)).isEmpty)
  }

  @Test func `chunks in HTTP 1_0 are refused`() {
    let found = events("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n")
    #expect(refusal(found) == .invalidTransferEncoding)
  }

  @Test func `a bad request does not take the good ones before it away`() {
    let found = events(
      "GET /1 HTTP/1.1\r\nHost: h\r\n\r\nGET /2\r\nGET /3 HTTP/1.1\r\nHost: h\r\n\r\n")
    #expect(heads(found).map(\.request.target) == ["/1"])
    #expect(refusal(found) == .malformedRequestLine)
  }

  @Test func `an incomplete body is never given out`() {
    let head = "POST / HTTP/1.1\r\nHost: h\r\n"
    #expect(bodies(events(head + "Content-Length: 3\r\n\r\nab")).isEmpty)
    #expect(bodies(events(head + "Transfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n")).isEmpty)
  }

  @Test func `a body nobody wants goes by, and the next request is read`() {
    let next = "GET /next HTTP/1.1\r\nHost: h\r\n\r\n"
    let found = events("POST /drop HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc" + next)
    #expect(found.contains(.dropped))
    #expect(heads(found).last?.request.target == "/next")
  }

  @Test func `limits are exact`() {
    let limits = HTTPLimits(headBytesMax: 60, fieldsMax: 3, targetBytesMax: 20, trailerBytesMax: 10)
    func refused(_ text: String) -> HTTPRefusal.Reason? { refusal(events(text, limits: limits)) }
    let target = "/" + Self.m(19)
    #expect(refused("GET \(target) HTTP/1.1\r\nHost: h\r\n\r\n") == nil)
    #expect(refused("GET \(target)M HTTP/1.1\r\n") == .targetTooLong(limitBytes: 20))
    // 16 bytes of request line, 9 of Host, 5 around the value, 2 at the end.
    let head = "GET / HTTP/1.1\r\nHost: h\r\n"
    #expect(refused(head + "X: \(Self.m(28))\r\n\r\n") == nil)
    #expect(refused(head + "X: \(Self.m(29))\r\n\r\n") == .headTooLarge(limitBytes: 60))
    #expect(refused(head + "A:\r\nB:\r\n\r\n") == nil)
    #expect(refused(head + "A:\r\nB:\r\nC:\r\n") == .tooManyFields(limit: 3))
  }

  @Test func `the target of a refused message is known once it was read`() {
    var parser = HTTPRequestParser(limits: HTTPLimits())
    parser.receive(Array("GET /v1/x HTTP/1.1\r\nHost:\r\n".utf8)[...])
    #expect(parser.next() == .refused(HTTPRefusal(.invalidHost)))
    #expect(parser.target == "/v1/x")
    #expect(parser.next() == .refused(HTTPRefusal(.invalidHost)))
  }

  @Test func `the parser is idle only between messages`() {
    var parser = HTTPRequestParser(limits: HTTPLimits())
    #expect(parser.isIdle)
    parser.receive([UInt8(ascii: "G")])
    #expect(parser.next() == nil)
    #expect(!parser.isIdle)
  }
}
