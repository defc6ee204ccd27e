// Sockets over the loopback interface.

import EventLoop
import Glibc
import Testing

@Suite struct SocketsTests {
  /// A connected pair over TCP: what connected and what was accepted.
  private func connectedPair() throws -> (client: Int32, server: Int32) {
    let listener = try Sockets.listen(on: SocketAddress("127.0.0.1:0"), claim: .first, backlog: 8)
    defer { Sockets.close(listener) }
    let client = try Sockets.connect(to: Sockets.localAddress(listener))
    waitUntil(listener, POLLIN)
    let server = try #require(try Sockets.accept(listener))
    waitUntil(client, POLLOUT)
    #expect(Sockets.pendingError(client) == nil)
    return (client, server)
  }

  private func waitUntil(_ descriptor: Int32, _ events: Int32) {
    var entry = pollfd(fd: descriptor, events: Int16(events), revents: 0)
    _ = poll(&entry, 1, 5000)
  }

  @Test func `bytes go both ways and an end is told`() throws {
    let (client, server) = try connectedPair()
    defer { Sockets.close(server) }
    var buffer = [UInt8](repeating: 0, count: 16)
    #expect(try Sockets.receive(server, into: &buffer) == .wouldBlock)
    #expect(try Sockets.send(client, Array("hello".utf8), from: 1) == 4)
    waitUntil(server, POLLIN)
    #expect(try Sockets.receive(server, into: &buffer) == .bytes(4))
    #expect(buffer.prefix(4) == Array("ello".utf8)[...])
    Sockets.shutdownWriting(client)
    waitUntil(server, POLLIN)
    #expect(try Sockets.receive(server, into: &buffer) == .ended)
    Sockets.close(client)
  }

  @Test func `writing to a closed peer is an error and no signal`() throws {
    let (client, server) = try connectedPair()
    Sockets.close(client)
    waitUntil(server, POLLIN)
    var failure: SystemError?
    for _ in 0..<10 where failure == nil {
      do {
        _ = try Sockets.send(server, [1, 2, 3], from: 0)
      } catch {
        failure = error
      }
      waitUntil(server, POLLERR)
    }
    #expect(failure?.code == EPIPE || failure?.code == ECONNRESET)
    Sockets.close(server)
  }

  @Test func `a full peer takes nothing more and does not block`() throws {
    let (client, server) = try connectedPair()
    defer {
      Sockets.close(client)
      Sockets.close(server)
    }
    let block = [UInt8](repeating: 7, count: 1 << 20)
    var sent = 0
    while true {
      let count = try Sockets.send(server, block, from: 0)
      guard count > 0, sent < 1 << 30 else { break }
      sent += count
    }
    #expect(sent > 0 && sent < 1 << 30)
  }

  @Test func `two listeners of one process share a port`() throws {
    let first = try Sockets.listen(on: SocketAddress("[::1]:0"), claim: .first, backlog: 8)
    let address = try Sockets.localAddress(first)
    let second = try Sockets.listen(on: address, claim: .further, backlog: 8)
    #expect(try Sockets.localAddress(second) == address)
    #expect(try Sockets.accept(first) == nil)
    Sockets.close(first)
    Sockets.close(second)
  }

  @Test func `a second server does not share the port of the first`() throws {
    let first = try Sockets.listen(on: SocketAddress("127.0.0.1:0"), claim: .first, backlog: 8)
    let address = try Sockets.localAddress(first)
    let further = try Sockets.listen(on: address, claim: .further, backlog: 8)
    #expect(throws: SystemError("bind", code: EADDRINUSE)) {
      try Sockets.listen(on: address, claim: .first, backlog: 8)
    }
    Sockets.close(first)
    Sockets.close(further)
    let next = try Sockets.listen(on: address, claim: .first, backlog: 8)
    Sockets.close(next)
  }

  @Test func `a failed call says which and why`() throws {
    #expect(throws: SystemError("bind", code: EADDRNOTAVAIL)) {
      try Sockets.listen(on: SocketAddress("192.0.2.1:0"), claim: .first, backlog: 8)
    }
    let text = SystemError("bind", code: EADDRINUSE).description
    #expect(text == "bind: Address already in use")
  }
}
