// Answers, expectations and bodies over whole conversations.

import EventLoop
import HTTPServer
import HTTPWire
import TestSupport
import Testing

@Suite(.inTurn) struct HTTPServerTests {
  private let get = "GET / HTTP/1.1\r\nHost: h\r\n\r\n"

  // MARK: Answers

  @Test func `answers have the content of their requests`() async throws {
    try await withServer { server in
      let client = try TestClient(server.address)
      client.send("GET http://other:1/x?y HTTP/1.1\r\nHost: h\r\n\r\n")
      #expect(client.readAnswer()?.body == "/x?y@other:1")
      client.send("POST /echo HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n")
      client.send("2\r\nab\r\n1\r\nc\r\n0\r\nX: dropped\r\n\r\n")
      #expect(client.readAnswer()?.body == "[abc]")
      client.send("GET /stream HTTP/1.1\r\nHost: h\r\n\r\n")
      #expect(client.readAnswer()?.body == "abc")
      client.send("HEAD / HTTP/1.1\r\nHost: h\r\n\r\n")
      let head = client.readAnswer(toHead: true)
      #expect(head?.fields["content-length"] == "3")
      client.send("POST /early HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\nhi")
      #expect(client.readAnswer()?.fields["allow"] == "GET")
      client.send("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
      #expect(client.readAnswer()?.fields["connection"] == "keep-alive")
      client.send("GET /stream HTTP/1.0\r\n\r\n")
      let last = client.readAnswers().first
      #expect(last?.body == "abc")
      #expect(last?.fields["transfer-encoding"] == nil)
      #expect(server.handler.offLoop.load(ordering: .relaxed) == 0)
    }
  }

  @Test func `a refusal is told in the shape of its target`() async throws {
    try await withServer { server in
      let known = try TestClient(server.address)
      known.send("GET /v1/x HTTP/1.1\r\nHost:\r\n\r\n")
      #expect(known.readAnswer()?.body.hasSuffix("|/v1/x}") == true)
      let unknown = try TestClient(server.address)
      unknown.send("nonsense\r\n")
      #expect(unknown.readAnswer()?.body.hasSuffix("|-}") == true)
      let head = try TestClient(server.address)
      head.send("HEAD / HTTP/1.1\r\nHost:\r\n\r\n")
      #expect(head.readToEnd().hasSuffix("\r\n\r\n"))
    }
  }

  @Test func `requests that arrive byte by byte are served`() async throws {
    try await withServer { server in
      let client = try TestClient(server.address)
      for byte in "POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc".utf8 {
        client.send([byte])
      }
      #expect(client.readAnswer()?.body == "[abc]")
    }
  }

  @Test func `many requests on many connections are all answered`() async throws {
    try await withServer { server in
      var clients: [TestClient] = []
      for _ in 0..<40 { clients.append(try TestClient(server.address)) }
      for round in 0..<25 {
        for (index, client) in clients.enumerated() {
          client.send("GET /\(index)/\(round) HTTP/1.1\r\nHost: h\r\n\r\n")
        }
        for (index, client) in clients.enumerated() {
          #expect(client.readAnswer()?.body == "/\(index)/\(round)@h")
        }
      }
      #expect(server.server.statistics.requests == 1000)
      #expect(server.server.statistics.connectionsOpen == 40)
    }
  }

  @Test func `pipelined requests are answered in order, however long each takes`() async throws {
    try await withServer { server in
      let client = try TestClient(server.address)
      client.send("GET /gate HTTP/1.1\r\nHost: h\r\n\r\n" + get + "GET /\r\n")
      #expect(await eventually { server.handler.waiting == 1 })
      #expect(!client.isReadable(withinMilliseconds: 20))
      server.handler.openGate()
      #expect(client.readAnswers().map(\.status) == [200, 200, 400])
    }
  }

  // MARK: Expectations

  @Test func `100 comes before the body and only once`() async throws {
    try await withServer { server in
      let client = try TestClient(server.address)
      client.send(
        "POST /echo HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n")
      #expect(client.readAnswer()?.status == 100)
      client.send("a")
      #expect(!client.isReadable(withinMilliseconds: 20))
      client.send("bc")
      #expect(client.readAnswer()?.body == "[abc]")
      client.send(get)
      #expect(client.readAnswer()?.status == 200)
    }
  }

  @Test func `100 is never sent to HTTP 1_0`() async throws {
    try await withServer { server in
      let client = try TestClient(server.address)
      client.send("POST /echo HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\n")
      #expect(!client.isReadable(withinMilliseconds: 30))
      client.send("a")
      #expect(client.readAnswers().map(\.status) == [200])
    }
  }

  @Test(arguments: [
    ("/small", "Content-Length: 11", 413), ("/early", "Content-Length: 2", 405),
    ("/early", "Transfer-Encoding: chunked", 405), ("/", "Content-Length: 2", 200),
    ("/huge", "Content-Length: 9999999999", 413),
  ])
  func `a final answer takes the place of 100 and ends the connection`(
    _ path: String, _ framing: String, _ status: Int
  ) async throws {
    try await withServer { server in
      let client = try TestClient(server.address)
      client.send("POST \(path) HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\n\(framing)\r\n\r\n")
      let answers = client.readAnswers()
      #expect(answers.map(\.status) == [status])
      #expect(answers.first?.fields["connection"] == "close")
    }
  }

  // MARK: Bodies

  @Test func `an incomplete body is never acted on`() async throws {
    try await withServer { server in
      let client = try TestClient(server.address)
      client.send("POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\nhalf")
      client.endWriting()
      #expect(client.readToEnd() == "")
      let chunked = try TestClient(server.address)
      chunked.send(
        "POST /echo HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n")
      chunked.endWriting()
      #expect(chunked.readToEnd() == "")
      #expect(server.handler.requests.isEmpty)
    }
  }

  @Test func `a client that ends its side still gets its answer`() async throws {
    try await withServer { server in
      let client = try TestClient(server.address)
      client.send(get)
      client.endWriting()
      #expect(client.readAnswers().map(\.status) == [200])
    }
  }

  @Test func `the answer to a body that is too large survives its bytes`() async throws {
    try await withServer { server in
      let client = try TestClient(server.address)
      client.send("POST /small HTTP/1.1\r\nHost: h\r\nContent-Length: 3000000\r\n\r\n")
      client.send([UInt8](repeating: 0x61, count: 3_000_000))
      #expect(client.readAnswer()?.status == 413)
    }
  }

  @Test func `a body of the largest size is read`() async throws {
    try await withServer { server in
      let client = try TestClient(server.address)
      client.send("POST /huge HTTP/1.1\r\nHost: h\r\nContent-Length: 1048576\r\n\r\n")
      client.send([UInt8](repeating: 0x61, count: 1_048_576))
      #expect(client.readAnswer()?.body == "1048576")
    }
  }

  @Test func `a large answer arrives whole`() async throws {
    try await withServer { server in
      let client = try TestClient(server.address)
      client.send("GET /large HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
      let text = client.readToEnd()
      #expect(text.utf8.count > 20_000_000)
      #expect(text.hasSuffix("xxxx"))
    }
  }
}
