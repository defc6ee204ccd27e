// Slow clients, clients that go away, streams, limits and drains.

import EventLoop
import HTTPServer
import HTTPWire
import TestSupport
import Testing

@Suite(.inTurn) struct HTTPServerBoundsTests {
  private let get = "GET / HTTP/1.1\r\nHost: h\r\n\r\n"

  // MARK: Time

  @Test func `the head has one deadline, however its bytes trickle in`() async throws {
    try await withServer(configured(\.headTimeout, .milliseconds(80))) { server in
      let client = try TestClient(server.address)
      for byte in "GET / HTTP/1.1\r\nHost: h\r\nX: aaaaaaaaaaaaaaaaaaaaaaaaa".utf8 {
        client.send([byte])
        if client.isReadable(withinMilliseconds: 10) { break }
      }
      #expect(client.readAnswers().map(\.status) == [408])
    }
  }

  @Test func `the body has one deadline`() async throws {
    try await withServer(configured(\.bodyTimeout, .milliseconds(60))) { server in
      let client = try TestClient(server.address)
      client.send("POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 100\r\n\r\n")
      for _ in 0..<100 {
        client.send("a")
        if client.isReadable(withinMilliseconds: 10) { break }
      }
      #expect(client.readAnswers().map(\.status) == [408])
      let dropped = try TestClient(server.address)
      dropped.send("POST /early HTTP/1.1\r\nHost: h\r\nContent-Length: 100\r\n\r\nabc")
      #expect(dropped.readAnswers().map(\.status) == [405])
    }
  }

  @Test func `an idle connection is closed without a word`() async throws {
    try await withServer(configured(\.idleTimeout, .milliseconds(50))) { server in
      let silent = try TestClient(server.address)
      #expect(silent.readToEnd() == "")
      let kept = try TestClient(server.address)
      kept.send(get)
      #expect(kept.readAnswers().count == 1)
    }
  }

  @Test func `a client that takes nothing is given up`() async throws {
    try await withServer(configured(\.writeTimeout, .milliseconds(60))) { server in
      let client = try TestClient(server.address, receiveBytes: 4096)
      client.send("GET /endless HTTP/1.1\r\nHost: h\r\n\r\n")
      #expect(await eventually { server.handler.streamFailures.load(ordering: .relaxed) == 1 })
      #expect(await eventually { server.server.statistics.connectionsOpen == 0 })
    }
  }

  @Test func `300 half-sent heads do not delay the next request`() async throws {
    try await withServer { server in
      var slow: [TestClient] = []
      for _ in 0..<300 {
        let client = try TestClient(server.address)
        client.send("GET / HTTP/1.1\r\nHost: h\r\nX")
        slow.append(client)
      }
      let client = try TestClient(server.address)
      let start = ContinuousClock.now
      client.send(get)
      #expect(client.readAnswer()?.status == 200)
      #expect(ContinuousClock.now - start < .seconds(2))
      for client in slow { client.send(": y\r\n\r\n") }
      for client in slow { #expect(client.readAnswer()?.status == 200) }
    }
  }

  @Test func `a close lingers until the client ends, and not for long`() async throws {
    try await withServer(configured(\.lingerTimeout, .milliseconds(80))) { server in
      let client = try TestClient(server.address)
      client.send("GET /\r\n\r\n")
      #expect(client.readAnswers().map(\.status) == [400])
      #expect(await eventually { server.server.statistics.connectionsOpen == 0 })
    }
  }

  // MARK: Clients that go away

  @Test func `a client that disconnects never ends the process`() async throws {
    try await withServer { server in
      for round in 0..<30 {
        let client = try TestClient(server.address)
        client.send(
          "GET \(round.isMultiple(of: 2) ? "/large" : "/endless") HTTP/1.1\r\nHost: h\r\n\r\n")
        if round.isMultiple(of: 3) { client.readMore() }
        client.reset()
      }
      #expect(await eventually { server.server.statistics.connectionsOpen == 0 })
      let client = try TestClient(server.address)
      client.send(get)
      #expect(client.readAnswer()?.status == 200)
    }
  }

  @Test func `a client that leaves while its answer is made disturbs nobody`() async throws {
    try await withServer(loops: 1) { server in
      let gone = try TestClient(server.address)
      gone.send("GET /gate HTTP/1.1\r\nHost: h\r\n\r\n")
      #expect(await eventually { server.handler.waiting == 1 })
      gone.reset()
      let client = try TestClient(server.address)
      client.send(get)
      #expect(client.readAnswer()?.status == 200)
      server.handler.openGate()
      #expect(await eventually { server.server.statistics.connectionsOpen == 1 })
    }
  }

  // MARK: Streams

  @Test func `a stream waits for a client that reads slowly`() async throws {
    try await withServer { server in
      let client = try TestClient(server.address, receiveBytes: 4096)
      client.send("GET /endless HTTP/1.1\r\nHost: h\r\n\r\n")
      func streamed() -> Int { server.handler.streamed.load(ordering: .relaxed) }
      #expect(await eventually { streamed() > 0 })
      var before = -1
      #expect(
        await eventually {
          defer { before = streamed() }
          return before == streamed()
        })
      #expect(streamed() < 50_000_000)
      let stalled = streamed()
      while streamed() == stalled, client.readMore() {}
      #expect(streamed() > stalled)
      client.reset()
      #expect(await eventually { server.handler.streamFailures.load(ordering: .relaxed) == 1 })
    }
  }

  @Test func `a stream that breaks off is not taken for whole`() async throws {
    try await withServer { server in
      let client = try TestClient(server.address)
      client.send("GET /broken HTTP/1.1\r\nHost: h\r\n\r\n")
      #expect(!client.readToEnd().contains("0\r\n\r\n"))
    }
  }

  // MARK: Limits and drains

  @Test func `a connection past the limit is answered 503`() async throws {
    try await withServer(configured(\.connectionsMax, 2)) { server in
      let first = try TestClient(server.address)
      let second = try TestClient(server.address)
      for client in [first, second] {
        client.send(get)
        #expect(client.readAnswer()?.status == 200)
      }
      let third = try TestClient(server.address)
      third.send(get)
      let answers = third.readAnswers()
      #expect(answers.map(\.status) == [503])
      #expect(answers.first?.fields["retry-after"] == "1")
      first.send("GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
      #expect(first.readAnswers().count == 1)
      #expect(await eventually { server.server.statistics.connectionsOpen <= 2 })
      second.send(get)
      #expect(second.readAnswer()?.status == 200)
    }
  }

  @Test func `a drain lets requests in progress end and says so`() async throws {
    try await withServer { server in
      let idle = try TestClient(server.address)
      idle.send(get)
      #expect(idle.readAnswer()?.status == 200)
      let busy = try TestClient(server.address)
      busy.send("GET /gate HTTP/1.1\r\nHost: h\r\n\r\n" + get)
      #expect(await eventually { server.handler.waiting == 1 })
      async let drained: Void = server.server.drain(deadline: .now.advanced(by: .seconds(20)))
      // To block here at once could keep the drain itself from a thread to begin on.
      #expect(await eventually { idle.isReadable(withinMilliseconds: 0) })
      #expect(idle.readToEnd() == "")
      #expect(await eventually { (try? TestClient(server.address)) == nil })
      server.handler.openGate()
      let answers = busy.readAnswers()
      #expect(answers.map(\.body) == ["through"])
      #expect(answers.first?.fields["connection"] == "close")
      await drained
      #expect(server.server.statistics.connectionsOpen == 0)
    }
  }

  @Test func `a drain ends at its deadline`() async throws {
    try await withServer { server in
      let busy = try TestClient(server.address)
      busy.send("GET /gate HTTP/1.1\r\nHost: h\r\n\r\n")
      #expect(await eventually { server.handler.waiting == 1 })
      await server.server.drain(deadline: .now.advanced(by: .milliseconds(50)))
      #expect(busy.readToEnd() == "")
      server.handler.openGate()
    }
  }

  @Test func `a port that is taken is an error`() async throws {
    let loop = try EventLoop(name: "unused")
    loop.start()
    let handler = TestHandler(loops: [loop])
    let server = HTTPServer(
      address: try SocketAddress("192.0.2.1:1"), loops: [loop],
      configuration: HTTPServerConfiguration(), handler: handler)
    #expect(throws: SystemError.self) { try server.start() }
    await server.drain(deadline: .now)
    loop.stop()
    loop.join()
  }
}
