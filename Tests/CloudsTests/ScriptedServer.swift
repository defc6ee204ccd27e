// ScriptedServer: a small TCP server that answers as the test says, also with what is no HTTP.
//
// Called by the tests of the cloud clients. One thread accepts, one thread a connection answers one
// request and closes. Invariant: `close` ends them all; nothing listens outside this machine.

import Foundation
import Glibc
import Synchronization

/// A request as it was received.
struct SeenRequest: Sendable {
  let method: String
  let path: String
  let query: [String: String]
  /// The query as it stood on the wire.
  let rawQuery: String?
  let fields: [String: String]
  var body: [UInt8] = []
}

/// What to send back.
enum Reply: Sendable {
  /// An answer with a JSON body.
  case json(Int, String, fields: [String] = [])
  /// These bytes, then the end.
  case bytes([UInt8])
  /// A head without a length, then this byte until the reader leaves.
  case endless(UInt8)
  /// The first bytes, then silence until the reader leaves.
  case stall([UInt8])
}

/// A small TCP server on this machine.
final class ScriptedServer: Sendable {
  let port: UInt16
  private let listener: Int32
  private let script: @Sendable (SeenRequest) -> Reply
  private let seen = Mutex<[SeenRequest]>([])
  private let left = Mutex(0)
  private let isClosed = Mutex(false)

  /// Starts a server that answers by `script`.
  init(_ script: @escaping @Sendable (SeenRequest) -> Reply) throws {
    self.script = script
    listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    let descriptor = listener
    let isBound = withUnsafeMutablePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
        bind(descriptor, address, length) == 0 && listen(descriptor, 64) == 0
          && getsockname(descriptor, address, &length) == 0
      }
    }
    guard isBound else { throw POSIXError(.EADDRNOTAVAIL) }
    port = UInt16(bigEndian: address.sin_port)
    Thread.detachNewThread { [self] in acceptAll() }
  }

  /// The requests so far.
  var requests: [SeenRequest] { seen.withLock { $0 } }
  /// How many readers of endless answers have left.
  var readersLeft: Int { left.withLock { $0 } }
  /// The server's address.
  var url: String { "http://127.0.0.1:\(port)" }

  /// Stops listening.
  func close() {
    let isFirst = isClosed.withLock { isClosed in
      defer { isClosed = true }
      return !isClosed
    }
    if isFirst { shutdown(listener, Int32(SHUT_RDWR)) }
  }

  /// Only this thread closes what it accepts from: closed by another, the number could name the
  /// listener of the next server by the time it is used here.
  private func acceptAll() {
    defer { Glibc.close(listener) }
    while true {
      let connection = accept(listener, nil, nil)
      guard connection >= 0 else { return }
      Thread.detachNewThread { [self] in
        serve(connection)
        shutdown(connection, Int32(SHUT_RDWR))
        Glibc.close(connection)
      }
    }
  }

  private func serve(_ connection: Int32) {
    var head: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 4_096)
    while !String(decoding: head, as: UTF8.self).contains("\r\n\r\n") {
      let count = recv(connection, &buffer, buffer.count, 0)
      guard count > 0 else { return }
      head += buffer[..<count]
    }
    guard var request = Self.parse(head) else { return }
    let length = request.fields["content-length"].flatMap { Int($0) } ?? 0
    var body = Array(head.suffix(from: Self.endOfHead(head)))
    while body.count < length {
      let count = recv(connection, &buffer, buffer.count, 0)
      guard count > 0 else { return }
      body += buffer[..<count]
    }
    request.body = body
    seen.withLock { $0.append(request) }
    switch script(request) {
    case .json(let status, let body, let fields):
      let lines =
        ["HTTP/1.1 \(status) Scripted", "Content-Type: application/json"]
        + ["Content-Length: \(body.utf8.count)", "Connection: close"] + fields
      _ = write(connection, Array((lines.joined(separator: "\r\n") + "\r\n\r\n" + body).utf8))
    case .bytes(let bytes):
      _ = write(connection, bytes)
    case .endless(let byte):
      let block = [UInt8](repeating: byte, count: 65_536)
      var isRead = write(connection, Array("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n".utf8))
      while isRead {
        // A pause, so that a reader that gets no turn does not fill its memory.
        usleep(1_000)
        isRead = write(connection, block)
      }
      left.withLock { $0 += 1 }
    case .stall(let bytes):
      guard write(connection, bytes) else { return }
      while recv(connection, &buffer, buffer.count, 0) > 0 {}
    }
  }

  private func write(_ connection: Int32, _ bytes: [UInt8]) -> Bool {
    var rest = bytes[...]
    while !rest.isEmpty {
      let count = rest.withUnsafeBytes {
        send(connection, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
      }
      guard count > 0 else { return false }
      rest = rest.dropFirst(count)
    }
    return true
  }

  private static func endOfHead(_ bytes: [UInt8]) -> Int {
    let end = Array("\r\n\r\n".utf8)
    let start = bytes.indices.first { bytes[$0...].starts(with: end) }
    return start.map { $0 + end.count } ?? bytes.count
  }

  private static func parse(_ head: [UInt8]) -> SeenRequest? {
    let lines = String(decoding: head, as: UTF8.self).components(separatedBy: "\r\n")
    let words = lines[0].split(separator: " ")
    guard words.count == 3, let target = URLComponents(string: String(words[1])) else { return nil }
    var fields: [String: String] = [:]
    for line in lines.dropFirst() {
      guard let colon = line.firstIndex(of: ":") else { break }
      fields[line[..<colon].lowercased()] = line[line.index(after: colon)...]
        .trimmingCharacters(in: .whitespaces)
    }
    let items = (target.queryItems ?? []).map { ($0.name, $0.value ?? "") }
    return SeenRequest(
      method: String(words[0]), path: target.percentEncodedPath,
      query: Dictionary(items, uniquingKeysWith: { $1 }), rawQuery: target.percentEncodedQuery,
      fields: fields)
  }
}
