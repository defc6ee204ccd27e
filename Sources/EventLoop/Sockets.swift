// Nonblocking sockets: the few system calls the server and its peers make.
//
// Called by: the HTTP server's listeners and streams. Calls: the system.
// Invariant: no call blocks, a signal repeats the call, and writing to a closed peer is an error
// value, never a signal that ends the process.

import CLinux
import Glibc

/// What a read gave.
public enum ReadOutcome: Hashable, Sendable {
  /// This many bytes, at least one, at the front of the buffer.
  case bytes(Int)
  /// Nothing yet.
  case wouldBlock
  /// The peer has ended its side.
  case ended
}

/// The system calls on TCP sockets, by descriptor.
public enum Sockets {
  /// Whom a listening socket may find at its address.
  public enum Claim: Sendable {
    /// Nobody: an address where something listens already is refused.
    case first
    /// Sockets of this user that listen there already.
    case further
  }

  /// Opens a listening socket that others of this user may share the address with from then on.
  ///
  /// The kernel spreads connections over all sockets that listen on one address this way. The
  /// first one of a server is bound before it shares, so that a second server does not take half
  /// of another's connections unnoticed.
  public static func listen(
    on address: SocketAddress, claim: Claim, backlog: Int32
  ) throws(SystemError) -> Int32 {
    let descriptor = try open(address.family)
    do throws(SystemError) {
      try setOption(descriptor, SOL_SOCKET, SO_REUSEADDR)
      if claim == .further { try setOption(descriptor, SOL_SOCKET, SO_REUSEPORT) }
      if address.isIPv6 { try setOption(descriptor, Int32(IPPROTO_IPV6), IPV6_V6ONLY) }
      let bound = unsafe address.withSystemAddress { pointer, length in
        unsafe Glibc.bind(descriptor, pointer, length)
      }
      guard bound == 0 else { throw SystemError("bind") }
      if claim == .first { try setOption(descriptor, SOL_SOCKET, SO_REUSEPORT) }
      guard Glibc.listen(descriptor, backlog) == 0 else { throw SystemError("listen") }
    } catch {
      close(descriptor)
      throw error
    }
    return descriptor
  }

  /// Begins a connection; it is made, or has failed, when the descriptor becomes writable.
  public static func connect(to address: SocketAddress) throws(SystemError) -> Int32 {
    let descriptor = try open(address.family)
    let status = unsafe address.withSystemAddress { pointer, length in
      unsafe Glibc.connect(descriptor, pointer, length)
    }
    guard status == 0 || errno == EINPROGRESS || errno == EINTR else {
      let error = SystemError("connect")
      close(descriptor)
      throw error
    }
    noDelay(descriptor)
    return descriptor
  }

  /// Takes a waiting connection, nonblocking and without delay; nil where none waits.
  public static func accept(_ listener: Int32) throws(SystemError) -> Int32? {
    while true {
      let flags = Int32(SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue)
      let descriptor = accept4(listener, nil, nil, flags)
      if descriptor >= 0 {
        noDelay(descriptor)
        return descriptor
      }
      switch errno {
      case EINTR, ECONNABORTED: continue
      case EAGAIN: return nil
      default: throw SystemError("accept")
      }
    }
  }

  /// Reads once, over the front of `buffer`.
  public static func receive(
    _ descriptor: Int32, into buffer: inout [UInt8]
  ) throws(SystemError) -> ReadOutcome {
    while true {
      let count = unsafe buffer.withUnsafeMutableBytes { bytes in
        unsafe recv(descriptor, bytes.baseAddress, bytes.count, 0)
      }
      if count > 0 { return .bytes(count) }
      if count == 0 { return .ended }
      switch errno {
      case EINTR: continue
      case EAGAIN: return .wouldBlock
      default: throw SystemError("recv")
      }
    }
  }

  /// Writes `bytes` from `offset` on and returns how many were taken; 0 means: not yet.
  public static func send(
    _ descriptor: Int32, _ bytes: [UInt8], from offset: Int
  ) throws(SystemError) -> Int {
    precondition(offset >= 0 && offset <= bytes.count, "offset \(offset) of \(bytes.count)")
    guard offset < bytes.count else { return 0 }
    while true {
      let count = unsafe bytes.withUnsafeBytes { buffer in
        let rest = unsafe UnsafeRawBufferPointer(rebasing: buffer[offset...])
        return unsafe Glibc.send(
          descriptor, rest.baseAddress, rest.count, Int32(MSG_NOSIGNAL))
      }
      if count >= 0 { return count }
      switch errno {
      case EINTR: continue
      case EAGAIN: return 0
      default: throw SystemError("send")
      }
    }
  }

  /// Tells the peer that nothing more will be written.
  public static func shutdownWriting(_ descriptor: Int32) {
    shutdown(descriptor, Int32(SHUT_WR))
  }

  /// Closes the descriptor; a watch on it must have been cancelled before.
  public static func close(_ descriptor: Int32) {
    Glibc.close(descriptor)
  }

  /// Closes the descriptor so that the peer sees a reset and not an end.
  public static func reset(_ descriptor: Int32) {
    var abortive = linger(l_onoff: 1, l_linger: 0)
    let size = socklen_t(MemoryLayout<linger>.size)
    unsafe setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &abortive, size)
    Glibc.close(descriptor)
  }

  /// The error a pending connection ended with, or nil.
  public static func pendingError(_ descriptor: Int32) -> SystemError? {
    var code: Int32 = 0
    var length = socklen_t(MemoryLayout<Int32>.size)
    let status = unsafe getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &code, &length)
    guard status == 0 else { return SystemError("getsockopt") }
    return code == 0 ? nil : SystemError("connect", code: code)
  }

  /// The address a socket is bound to.
  public static func localAddress(_ descriptor: Int32) throws(SystemError) -> SocketAddress {
    try unsafe address(of: descriptor, call: "getsockname") { unsafe getsockname($0, $1, $2) }
  }

  /// The address of the other end of a connection.
  public static func peerAddress(_ descriptor: Int32) throws(SystemError) -> SocketAddress {
    try unsafe address(of: descriptor, call: "getpeername") { unsafe getpeername($0, $1, $2) }
  }

  private static func address(
    of descriptor: Int32, call: String,
    _ ask: (Int32, UnsafeMutablePointer<sockaddr>, UnsafeMutablePointer<socklen_t>) -> Int32
  ) throws(SystemError) -> SocketAddress {
    var storage = sockaddr_storage()
    var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
    let status = unsafe withUnsafeMutablePointer(to: &storage) { pointer in
      unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
        unsafe ask(descriptor, address, &length)
      }
    }
    guard status == 0 else { throw SystemError(call) }
    guard let address = SocketAddress(storage) else {
      throw SystemError(call, code: EAFNOSUPPORT)
    }
    return address
  }

  private static func open(_ family: Int32) throws(SystemError) -> Int32 {
    let kind = SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue
    let descriptor = socket(family, Int32(kind), 0)
    guard descriptor >= 0 else { throw SystemError("socket") }
    return descriptor
  }

  private static func noDelay(_ descriptor: Int32) {
    var one: Int32 = 1
    unsafe setsockopt(
      descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &one, socklen_t(MemoryLayout<Int32>.size))
  }

  private static func setOption(
    _ descriptor: Int32, _ level: Int32, _ option: Int32
  ) throws(SystemError) {
    var one: Int32 = 1
    let status = unsafe setsockopt(
      descriptor, level, option, &one, socklen_t(MemoryLayout<Int32>.size))
    guard status == 0 else { throw SystemError("setsockopt") }
  }
}
