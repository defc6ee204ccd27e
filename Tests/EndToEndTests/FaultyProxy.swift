// FaultyProxy: a small TCP proxy between a service and the one that plays its cloud, which breaks
// what changes something as a test says.
//
// Used by the tests of write-through. Everything that only reads passes. One thread accepts, one
// thread a connection; a faulty one answers one request and closes. Invariant: nothing listens
// outside this machine, and `close` ends the listener.

import Foundation
import Glibc
import Synchronization

/// A proxy that breaks changes.
final class FaultyProxy: Sendable {
  /// How one change goes wrong.
  enum Fault: CaseIterable, Sendable {
    /// It never arrives.
    case requestLost
    /// It is done, and the connection ends without an answer.
    case answerLost
    /// It is done, and the answer is no HTTP.
    case garbage
    /// It is done, and the answer is an error of the server.
    case serverError
    /// It is done, and no answer comes.
    case silence
    /// It does not arrive and nothing comes back.
    case blackHole
  }

  let port: UInt16
  private let upstream: UInt16
  private let listener: Int32
  private let faults = Mutex<[(word: String, fault: Fault)]>([])
  private let broken = Mutex<[Fault]>([])

  /// A proxy to a port of this machine.
  init(to upstream: UInt16) throws {
    self.upstream = upstream
    listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    let descriptor = listener
    let bound = Self.withAddress(0) { address, length -> UInt16? in
      guard bind(descriptor, address, length) == 0, listen(descriptor, 64) == 0 else { return nil }
      var actual = sockaddr_in()
      var size = socklen_t(MemoryLayout<sockaddr_in>.size)
      let isNamed = withUnsafeMutablePointer(to: &actual) { pointer in
        pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
          getsockname(descriptor, $0, &size) == 0
        }
      }
      return isNamed ? UInt16(bigEndian: actual.sin_port) : nil
    }
    guard let bound else { throw POSIXError(.EADDRNOTAVAIL) }
    port = bound
    Thread.detachNewThread { [self] in acceptAll() }
  }

  /// Breaks the next change whose head holds the word.
  func breakNext(holding word: String, _ fault: Fault) {
    faults.withLock { $0.append((word, fault)) }
  }

  /// How many changes were broken so far.
  var brokenCount: Int { broken.withLock { $0.count } }

  /// Ends the listener.
  func close() { _ = shutdown(listener, Int32(SHUT_RDWR)) }

  private func acceptAll() {
    while true {
      let client = accept(listener, nil, nil)
      guard client >= 0 else { break }
      Thread.detachNewThread { [self] in serve(client) }
    }
    _ = Glibc.close(listener)
  }

  private func serve(_ client: Int32) {
    defer { _ = Glibc.close(client) }
    var head: [UInt8] = []
    while !String(decoding: head, as: UTF8.self).contains("\r\n\r\n") {
      guard let more = Self.read(client) else { return }
      head += more
    }
    let text = String(decoding: head, as: UTF8.self)
    let fault = faults.withLock { faults -> Fault? in
      guard let index = faults.firstIndex(where: { Self.isChange(text) && text.contains($0.word) })
      else { return nil }
      return faults.remove(at: index).fault
    }
    guard fault != .requestLost else { return note(.requestLost) }
    guard fault != .blackHole else {
      note(.blackHole)
      return Self.waitForEnd(of: client)
    }
    guard let server = Self.connect(to: upstream) else { return }
    defer { _ = Glibc.close(server) }
    Self.write(head, to: server)
    guard let fault else { return Self.pipe(client, server) }
    // The body may come after the head; the answer's first bytes say that the change is done.
    let forward = Thread { while let more = Self.read(client) { Self.write(more, to: server) } }
    forward.start()
    _ = Self.read(server)
    switch fault {
    case .requestLost, .blackHole, .answerLost: break
    case .garbage: Self.write(Array("no HTTP at all\r\n\r\n".utf8), to: client)
    case .serverError:
      Self.write(
        Array("HTTP/1.1 500 Oops\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}".utf8),
        to: client)
    case .silence: break
    }
    note(fault)
    if fault == .silence { Self.waitForEnd(of: server) }
    _ = shutdown(client, Int32(SHUT_RDWR))
  }

  private func note(_ fault: Fault) { broken.withLock { $0.append(fault) } }

  private static func isChange(_ head: String) -> Bool {
    head.hasPrefix("PUT ") || head.hasPrefix("DELETE ")
      || head.contains("UpdateSecretVersionStage")
  }

  /// Passes bytes both ways until both sides have ended.
  private static func pipe(_ client: Int32, _ server: Int32) {
    let back = Thread {
      while let more = read(server) { write(more, to: client) }
      _ = shutdown(client, Int32(SHUT_WR))
    }
    back.start()
    while let more = read(client) { write(more, to: server) }
    _ = shutdown(server, Int32(SHUT_RDWR))
    while !back.isFinished { usleep(1_000) }
  }

  private static func waitForEnd(of descriptor: Int32) { while read(descriptor) != nil {} }

  private static func read(_ descriptor: Int32) -> [UInt8]? {
    var buffer = [UInt8](repeating: 0, count: 65_536)
    let count = recv(descriptor, &buffer, buffer.count, 0)
    return count > 0 ? Array(buffer[..<count]) : nil
  }

  private static func write(_ bytes: [UInt8], to descriptor: Int32) {
    var sent = 0
    while sent < bytes.count {
      let count = bytes[sent...].withUnsafeBytes {
        send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
      }
      guard count > 0 else { return }
      sent += count
    }
  }

  private static func connect(to port: UInt16) -> Int32? {
    let descriptor = socket(
      AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    let isConnected = withAddress(port) { Glibc.connect(descriptor, $0, $1) == 0 }
    guard isConnected else {
      _ = Glibc.close(descriptor)
      return nil
    }
    return descriptor
  }

  private static func withAddress<Value>(
    _ port: UInt16, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Value
  ) -> Value {
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = port.bigEndian
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    return withUnsafePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        body($0, socklen_t(MemoryLayout<sockaddr_in>.size))
      }
    }
  }
}
