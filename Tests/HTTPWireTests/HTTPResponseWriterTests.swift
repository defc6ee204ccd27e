// Answers as bytes.

import HTTPWire
import Testing

@Suite struct HTTPResponseWriterTests {
  private func written(
    _ response: HTTPResponse, isHead: Bool = false, isHTTP10: Bool = false, closes: Bool = false
  ) -> (text: String, plan: HTTPBodyPlan) {
    var output: [UInt8] = []
    let context = HTTPResponseContext(isHead: isHead, isHTTP10: isHTTP10, closes: closes)
    let plan = HTTPResponseWriter.append(
      response, context: context, date: Array("D".utf8), to: &output)
    return (String(decoding: output, as: UTF8.self), plan)
  }

  private let opening = "Date: D\r\nX-Content-Type-Options: nosniff\r\n"

  @Test func `bytes are sent with their length`() {
    let fields = HTTPFields([("Content-Type", "text/plain")])
    let (text, plan) = written(
      HTTPResponse(status: 200, fields: fields, body: .bytes([0x68, 0x69])))
    #expect(
      text == "HTTP/1.1 200 OK\r\n\(opening)Content-Type: text/plain\r\nContent-Length: 2\r\n\r\nhi"
    )
    #expect(plan == .whole)
  }

  @Test func `HEAD is told the length and sent nothing`() {
    let (text, plan) = written(HTTPResponse(status: 200, body: .bytes([1, 2])), isHead: true)
    #expect(text == "HTTP/1.1 200 OK\r\n\(opening)Content-Length: 2\r\n\r\n")
    #expect(plan == .nothing)
  }

  @Test(arguments: [204, 304])
  func `statuses without content have neither length nor content`(_ status: Int) {
    let (text, plan) = written(HTTPResponse(status: status, body: .bytes([1])))
    #expect(!text.contains("Content-Length"))
    #expect(text.hasSuffix("\r\n\r\n"))
    #expect(plan == .nothing)
  }

  @Test func `an empty answer says so`() {
    #expect(written(HTTPResponse(status: 404)).text.hasSuffix("Content-Length: 0\r\n\r\n"))
    #expect(written(HTTPResponse(status: 404)).text.hasPrefix("HTTP/1.1 404 Not Found\r\n"))
    #expect(written(HTTPResponse(status: 299)).text.hasPrefix("HTTP/1.1 299 \r\n"))
  }

  @Test func `streams are chunked, or last until the end in HTTP 1_0`() {
    let stream = HTTPBody.stream(HTTPBodyStream { _ async throws(HTTPStreamError) in })
    let (text, plan) = written(HTTPResponse(status: 200, body: stream))
    #expect(text.contains("\r\nTransfer-Encoding: chunked\r\n"))
    #expect(!text.contains("Content-Length"))
    #expect(plan == .chunks)
    let old = written(HTTPResponse(status: 200, body: stream), isHTTP10: true)
    #expect(old.plan == .untilClose)
    #expect(old.text.contains("\r\nConnection: close\r\n"))
    #expect(!old.text.contains("Transfer-Encoding"))
    #expect(written(HTTPResponse(status: 200, body: stream), isHead: true).plan == .nothing)
  }

  @Test func `the connection field says what happens`() {
    let response = HTTPResponse(status: 200)
    #expect(!written(response).text.contains("Connection"))
    #expect(written(response, closes: true).text.contains("\r\nConnection: close\r\n"))
    #expect(written(response, isHTTP10: true).text.contains("\r\nConnection: keep-alive\r\n"))
  }

  @Test func `a handler can neither frame nor split an answer`() {
    let fields = HTTPFields([
      ("content-length", "99"), ("Transfer-Encoding", "chunked"), ("CONNECTION", "upgrade"),
      ("Date", "x"), ("X", "a\r\nSet-Cookie: b"), ("Y: z\r\n", "c"),
    ])
    let (text, _) = written(HTTPResponse(status: 200, fields: fields))
    #expect(
      text == "HTTP/1.1 200 OK\r\n\(opening)X: a  Set-Cookie: b\r\nY--z--: c\r\n"
        + "Content-Length: 0\r\n\r\n")
  }

  @Test func `chunks have a size in hexadecimal`() {
    var output: [UInt8] = []
    HTTPResponseWriter.appendChunk([], to: &output)
    #expect(output.isEmpty)
    HTTPResponseWriter.appendChunk(Array(repeating: 0x61, count: 26), to: &output)
    let text = String(decoding: output, as: UTF8.self)
    #expect(text == "1a\r\n\(String(repeating: "a", count: 26))\r\n")
  }

  @Test(arguments: [
    (0, "Thu, 01 Jan 1970 00:00:00 GMT"), (784_111_777, "Sun, 06 Nov 1994 08:49:37 GMT"),
    (1_709_164_800, "Thu, 29 Feb 2024 00:00:00 GMT"), (-1, "Wed, 31 Dec 1969 23:59:59 GMT"),
    (253_402_300_799, "Fri, 31 Dec 9999 23:59:59 GMT"),
    (4_107_542_400, "Mon, 01 Mar 2100 00:00:00 GMT"),
    (Int64.max, "Fri, 31 Dec 9999 23:59:59 GMT"), (Int64.min, "Sat, 01 Jan 0000 00:00:00 GMT"),
  ])
  func `dates are written as HTTP wants them`(_ seconds: Int64, _ text: String) {
    #expect(String(decoding: HTTPDate.bytes(secondsSince1970: seconds), as: UTF8.self) == text)
  }
}
