// Load: many clients on connections of their own, driven by one thread.
//
// Called by the scenarios; calls epoll and sockets. In a closed loop each client asks again as soon
// as it is answered. In an open loop requests come at their times whatever the answers do, and a
// time is measured from the moment a request was meant to leave: who waits for a slow answer is not
// left out. Invariant: every request that was counted was answered as expected, or is told.

import CLinux
import Foundation
import Glibc

/// When requests leave.
enum Pace {
  /// As soon as the client has its answer.
  case closed
  /// So many a second, at equal distances.
  case open(perSecond: Double)
}

/// What a load came to.
struct LoadOutcome {
  /// How long the answers took.
  var latencies = Latencies()
  /// How many answers came within the time that counts.
  var answered = 0
  /// How many answers came in all.
  var total = 0
  /// How many answers had another status than was expected.
  var unexpected = 0
  /// The first of those, as it came.
  var firstUnexpected: String?
  /// The time that counts.
  var seconds: Double
  /// Answers a second.
  var perSecond: Double { Double(answered) / seconds }
}

/// A load to put on a service.
struct Load {
  /// The service's port on the loopback address.
  var port: UInt16
  /// How many connections there are.
  var clients: Int
  /// When requests leave.
  var pace: Pace
  /// How long the load runs before it counts.
  var warmUp: Double
  /// How long it counts.
  var seconds: Double
  /// The statuses that are expected.
  var statuses: Set<Int>
  /// The bytes of the next request; nil: no more of them, and the load ends early.
  var next: () throws(BenchError) -> [UInt8]?

  private final class Client {
    let descriptor: Int32
    var input = [UInt8](repeating: 0, count: 16_384)
    var filled = 0
    /// When the request under way was meant to leave; nil: the client is free.
    var askedAt: UInt64?

    init(descriptor: Int32) { self.descriptor = descriptor }
  }

  /// Runs the load.
  func run() throws(BenchError) -> LoadOutcome {
    let epoll = epoll_create1(Int32(EPOLL_CLOEXEC))
    guard epoll >= 0 else { throw .system("epoll_create1", code: errno) }
    defer { close(epoll) }
    var all: [Client] = []
    defer { for client in all { close(client.descriptor) } }
    for index in 0..<clients {
      let client = Client(descriptor: try Self.connect(port))
      all.append(client)
      var event = epoll_event()
      event.events = EPOLLIN.rawValue
      event.data.u64 = UInt64(index)
      guard epoll_ctl(epoll, EPOLL_CTL_ADD, client.descriptor, &event) == 0 else {
        throw .system("epoll_ctl", code: errno)
      }
    }
    var run = Run(load: self, clients: all, epoll: epoll)
    return try run.go()
  }

  static func connect(_ port: UInt16) throws(BenchError) -> Int32 {
    let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
    guard descriptor >= 0 else { throw .system("socket", code: errno) }
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = port.bigEndian
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    let result = withUnsafePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        Glibc.connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
      }
    }
    guard result == 0 else {
      let code = errno
      close(descriptor)
      throw .system("connect", code: code)
    }
    var one: Int32 = 1
    setsockopt(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &one, 4)
    return descriptor
  }

  /// Sends all bytes; the socket blocks.
  static func send(_ bytes: [UInt8], to descriptor: Int32) throws(BenchError) {
    var sent = 0
    while sent < bytes.count {
      let count = bytes.withUnsafeBytes {
        Glibc.send(
          descriptor, $0.baseAddress?.advanced(by: sent), $0.count - sent,
          Int32(MSG_NOSIGNAL))
      }
      guard count > 0 else { throw .system("send", code: errno) }
      sent += count
    }
  }

  /// Nanoseconds of a clock that only goes forward.
  static func now() -> UInt64 { monotonicNanoseconds() }

  /// One run of a load.
  private struct Run {
    let load: Load
    let clients: [Client]
    let epoll: Int32
    var outcome: LoadOutcome
    var free: [Client]
    /// When those were meant to leave for which no client is free yet.
    var late: [UInt64] = []
    var lateHead = 0
    var issued = 0
    var isExhausted = false
    let begin: UInt64
    let countFrom: UInt64
    let end: UInt64
    var events = [epoll_event](repeating: epoll_event(), count: 256)

    init(load: Load, clients: [Client], epoll: Int32) {
      self.load = load
      self.clients = clients
      self.epoll = epoll
      outcome = LoadOutcome(seconds: load.seconds)
      free = clients
      begin = Load.now()
      countFrom = begin + UInt64(load.warmUp * 1e9)
      end = countFrom + UInt64(load.seconds * 1e9)
    }

    mutating func go() throws(BenchError) -> LoadOutcome {
      if case .closed = load.pace {
        for client in clients { try ask(client, at: begin) }
        free = []
      }
      var now = begin
      // What is under way at the end is waited for, within reason.
      let limit = end + 5_000_000_000
      while (now < end && !isExhausted) || (isBusy && now < limit) {
        try issueDue(now)
        if isExhausted, !isBusy { break }
        let count = wait(now)
        now = Load.now()
        for index in 0..<count {
          try receive(clients[Int(events[index].data.u64)], now)
        }
      }
      for client in clients { if let at = client.askedAt { count(at, now) } }
      for at in late[lateHead...] { count(at, now) }
      return outcome
    }

    private var isBusy: Bool {
      lateHead < late.count || clients.contains { $0.askedAt != nil }
    }

    private mutating func issueDue(_ now: UInt64) throws(BenchError) {
      guard case .open(let perSecond) = load.pace, now < end else { return }
      let due = Int(Double(now - begin) / 1e9 * perSecond)
      while issued < due {
        let at = begin + UInt64(Double(issued) / perSecond * 1e9)
        issued += 1
        if let client = free.popLast() { try ask(client, at: at) } else { late.append(at) }
      }
    }

    private mutating func wait(_ now: UInt64) -> Int {
      var patience: UInt64 = 5_000_000
      if case .open(let perSecond) = load.pace, now < end {
        let next = begin + UInt64(Double(issued + 1) / perSecond * 1e9)
        patience = next > now ? min(patience, next - now) : 0
      }
      var span = timespec(tv_sec: 0, tv_nsec: Int(patience))
      return max(0, Int(epoll_pwait2(epoll, &events, Int32(events.count), &span, nil)))
    }

    private mutating func ask(_ client: Client, at moment: UInt64) throws(BenchError) {
      guard !isExhausted, let bytes = try load.next() else {
        isExhausted = true
        return
      }
      client.askedAt = moment
      try Load.send(bytes, to: client.descriptor)
    }

    private mutating func receive(_ client: Client, _ now: UInt64) throws(BenchError) {
      if client.filled == client.input.count {
        client.input.append(contentsOf: repeatElement(0, count: client.input.count))
      }
      let filled = client.filled
      let count = client.input.withUnsafeMutableBytes {
        recv(
          client.descriptor, $0.baseAddress?.advanced(by: filled), $0.count - filled,
          Int32(MSG_DONTWAIT))
      }
      guard count != 0 else { throw .answer("the connection was closed") }
      guard count > 0 else {
        guard errno == EAGAIN || errno == EINTR else { throw .system("recv", code: errno) }
        return
      }
      client.filled += count
      guard let head = AnswerHead(client.input, count: client.filled),
        client.filled >= head.length, let at = client.askedAt
      else { return }
      if !load.statuses.contains(head.status) {
        outcome.unexpected += 1
        if outcome.firstUnexpected == nil {
          outcome.firstUnexpected = String(decoding: client.input[..<client.filled], as: UTF8.self)
        }
      }
      client.filled = 0
      client.askedAt = nil
      outcome.total += 1
      self.count(at, now)
      try goOn(client, now)
    }

    private mutating func goOn(_ client: Client, _ now: UInt64) throws(BenchError) {
      switch load.pace {
      case .closed: if now < end { try ask(client, at: now) }
      case .open:
        guard lateHead < late.count else {
          free.append(client)
          return
        }
        let at = late[lateHead]
        lateHead += 1
        try ask(client, at: at)
      }
    }

    /// Counts an answer: towards the rate by when it came, towards the times by when it was asked.
    private mutating func count(_ at: UInt64, _ now: UInt64) {
      if now >= countFrom, now < end { outcome.answered += 1 }
      if at >= countFrom, at < end { outcome.latencies.add(nanoseconds: now - at) }
    }
  }
}

private func monotonicNanoseconds() -> UInt64 {
  var time = timespec()
  clock_gettime(CLOCK_MONOTONIC, &time)
  return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
}
