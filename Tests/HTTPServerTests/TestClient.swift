// A small blocking client that sends any bytes and reads answers strictly.

import EventLoop
import Foundation
import Glibc
import Testing

/// An answer as it came over the wire.
struct Answer: Equatable {
  var status: Int
  var fields: [String: String]
  var body: String
  /// The head as it was sent.
  var head: String
}

/// A connection to a server under test; every wait ends after some seconds.
final class TestClient {
  private let descriptor: Int32
  private var received: [UInt8] = []
  private(set) var isEnded = false
  private static let patienceMilliseconds: Int32 = 10_000

  init(_ address: SocketAddress, receiveBytes: Int32? = nil) throws {
    descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    if var size = receiveBytes {
      setsockopt(descriptor, SOL_SOCKET, SO_RCVBUF, &size, socklen_t(MemoryLayout<Int32>.size))
    }
    var target = sockaddr_in()
    target.sin_family = sa_family_t(AF_INET)
    target.sin_port = address.port.bigEndian
    inet_pton(AF_INET, address.host, &target.sin_addr)
    let status = withUnsafePointer(to: &target) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
      }
    }
    guard status == 0 else { throw SystemError("connect") }
  }

  deinit { close(descriptor) }

  func send(_ text: String) { send(Array(text.utf8)) }

  /// Sends what the server takes; a server that has closed is no error.
  func send(_ bytes: [UInt8]) {
    var sent = 0
    while sent < bytes.count {
      let count = bytes[sent...].withUnsafeBytes {
        Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
      }
      guard count > 0 else { return }
      sent += count
    }
  }

  func endWriting() { shutdown(descriptor, Int32(SHUT_WR)) }

  /// Closes with a reset in place of an end.
  func reset() {
    var abortive = linger(l_onoff: 1, l_linger: 0)
    setsockopt(
      descriptor, SOL_SOCKET, SO_LINGER, &abortive, socklen_t(MemoryLayout<linger>.size))
    shutdown(descriptor, Int32(SHUT_RDWR))
  }

  /// Whether bytes or an end arrive within the time.
  func isReadable(withinMilliseconds time: Int32) -> Bool {
    var entry = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
    return poll(&entry, 1, time) > 0
  }

  /// Reads once; false at the end, after a reset, and when nothing comes for long.
  @discardableResult
  func readMore() -> Bool {
    guard !isEnded else { return false }
    guard isReadable(withinMilliseconds: Self.patienceMilliseconds) else {
      Issue.record("the server neither answered nor closed")
      return false
    }
    var buffer = [UInt8](repeating: 0, count: 65_536)
    let count = recv(descriptor, &buffer, buffer.count, 0)
    guard count > 0 else {
      isEnded = true
      return false
    }
    received.append(contentsOf: buffer[..<count])
    return true
  }

  /// Everything up to the end of the connection.
  func readToEnd() -> String {
    while readMore() {}
    defer { received = [] }
    return String(decoding: received, as: UTF8.self)
  }

  /// One answer, or nil where the connection ends first.
  func readAnswer(toHead: Bool = false) -> Answer? {
    while true {
      if let (answer, count) = Self.parse(received, toHead: toHead, isEnded: isEnded) {
        received.removeFirst(count)
        return answer
      }
      guard readMore() else {
        guard isEnded, let (answer, count) = Self.parse(received, toHead: toHead, isEnded: true)
        else { return nil }
        received.removeFirst(count)
        return answer
      }
    }
  }

  /// Every answer up to the end of the connection; `heads` are the places of answers to HEAD.
  func readAnswers(heads: Set<Int> = []) -> [Answer] {
    while readMore() {}
    var answers: [Answer] = []
    while let (answer, count) = Self.parse(
      received, toHead: heads.contains(answers.count), isEnded: true)
    {
      answers.append(answer)
      received.removeFirst(count)
    }
    if !received.isEmpty { Issue.record("left over: \(String(decoding: received, as: UTF8.self))") }
    return answers
  }

  private static func parse(
    _ bytes: [UInt8], toHead: Bool, isEnded: Bool
  ) -> (Answer, Int)? {
    let text = String(decoding: bytes, as: UTF8.self)
    guard let end = text.range(of: "\r\n\r\n") else { return nil }
    let head = String(text[..<end.lowerBound])
    let lines = head.components(separatedBy: "\r\n")
    let parts = lines[0].split(separator: " ", maxSplits: 2, omittingEmptySubsequences: false)
    guard parts.count == 3, parts[0] == "HTTP/1.1", let status = Int(parts[1]) else {
      Issue.record("not an answer: \(lines[0])")
      return nil
    }
    var fields: [String: String] = [:]
    for line in lines.dropFirst() {
      guard let colon = line.range(of: ": ") else { continue }
      fields[line[..<colon.lowerBound].lowercased()] = String(line[colon.upperBound...])
    }
    let start = head.utf8.count + 4
    var answer = Answer(status: status, fields: fields, body: "", head: head)
    if status < 200 || status == 204 || status == 304 || toHead { return (answer, start) }
    if fields["transfer-encoding"] == "chunked" {
      guard let (body, count) = chunked(Array(bytes[start...])) else { return nil }
      answer.body = body
      return (answer, start + count)
    }
    guard let length = fields["content-length"].flatMap(Int.init) else {
      guard isEnded else { return nil }
      answer.body = String(decoding: bytes[start...], as: UTF8.self)
      return (answer, bytes.count)
    }
    guard bytes.count >= start + length else { return nil }
    answer.body = String(decoding: bytes[start..<(start + length)], as: UTF8.self)
    return (answer, start + length)
  }

  private static func chunked(_ bytes: [UInt8]) -> (String, Int)? {
    var body: [UInt8] = []
    var place = 0
    while let end = bytes[place...].firstIndex(of: 0x0A) {
      let line = String(decoding: bytes[place..<(end - 1)], as: UTF8.self)
      guard let size = Int(line, radix: 16), bytes.count >= end + 1 + size + 2 else { return nil }
      body += bytes[(end + 1)..<(end + 1 + size)]
      place = end + 1 + size + 2
      if size == 0 { return (String(decoding: body, as: UTF8.self), place) }
    }
    return nil
  }
}
