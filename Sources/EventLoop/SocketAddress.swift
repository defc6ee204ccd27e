// Where to listen or connect: a numeric address and a port.
//
// Called by: configuration, the server, tests. Calls: inet_pton, inet_ntop.
// Invariant: an address is a valid IPv4 or IPv6 number; no name is ever looked up.

import Glibc

/// Why a text is not an address.
public enum SocketAddressError: Error, Hashable, Sendable {
  /// There is no `:` before a port.
  case missingPort(String)
  /// The port is not a number from 0 to 65,535.
  case invalidPort(String)
  /// The host is neither a numeric address nor `localhost`.
  case invalidHost(String)
}

/// A TCP address such as `127.0.0.1:8087` or `[::1]:8087`.
public struct SocketAddress: Hashable, Sendable, CustomStringConvertible {
  /// The number of the host: 4 bytes are IPv4, 16 are IPv6.
  public let hostBytes: [UInt8]
  /// The port; 0 lets the system choose.
  public let port: UInt16

  /// Parses `HOST:PORT`, where the host is IPv4, IPv6 in brackets, or `localhost` (127.0.0.1).
  public init(_ text: String) throws(SocketAddressError) {
    guard let colon = text.lastIndex(of: ":") else { throw .missingPort(text) }
    let portText = text[text.index(after: colon)...]
    guard !portText.isEmpty, portText.utf8.allSatisfy({ $0 >= 0x30 && $0 <= 0x39 }),
      let port = UInt16(portText)
    else { throw .invalidPort(String(portText)) }
    let host = text[..<colon]
    let parsed: [UInt8]?
    if host == "localhost" {
      parsed = [127, 0, 0, 1]
    } else if host.hasPrefix("["), host.hasSuffix("]") {
      parsed = Self.parse(String(host.dropFirst().dropLast()), family: AF_INET6, count: 16)
    } else {
      parsed = Self.parse(String(host), family: AF_INET, count: 4)
    }
    guard let parsed else { throw .invalidHost(String(host)) }
    hostBytes = parsed
    self.port = port
  }

  /// The same host with another port.
  public func withPort(_ port: UInt16) -> SocketAddress {
    SocketAddress(hostBytes: hostBytes, port: port)
  }

  /// The text `init(_:)` takes.
  public var description: String { isIPv6 ? "[\(host)]:\(port)" : "\(host):\(port)" }

  /// The host alone, without brackets.
  public var host: String {
    var text = [CChar](repeating: 0, count: Int(INET6_ADDRSTRLEN))
    let size = socklen_t(text.count)
    let made = unsafe text.withUnsafeMutableBufferPointer { buffer in
      unsafe hostBytes.withUnsafeBytes { bytes in
        unsafe inet_ntop(family, bytes.baseAddress, buffer.baseAddress, size) != nil
      }
    }
    guard made else { return "" }
    return String(
      decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }

  var isIPv6: Bool { hostBytes.count == 16 }
  var family: Int32 { isIPv6 ? AF_INET6 : AF_INET }

  private init(hostBytes: [UInt8], port: UInt16) {
    self.hostBytes = hostBytes
    self.port = port
  }

  private static func parse(_ text: String, family: Int32, count: Int) -> [UInt8]? {
    var bytes = [UInt8](repeating: 0, count: count)
    let status = unsafe bytes.withUnsafeMutableBytes { buffer in
      unsafe inet_pton(family, text, buffer.baseAddress)
    }
    return status == 1 ? bytes : nil
  }

  // MARK: The system's form

  /// Reads an address back from the system; nil where it is of another family.
  init?(_ storage: sockaddr_storage) {
    var storage = storage
    switch Int32(storage.ss_family) {
    case AF_INET:
      let address = unsafe withUnsafeBytes(of: &storage) { bytes in
        unsafe bytes.load(as: sockaddr_in.self)
      }
      var number = address.sin_addr
      hostBytes = unsafe withUnsafeBytes(of: &number) { unsafe Array($0) }
      port = UInt16(bigEndian: address.sin_port)
    case AF_INET6:
      let address = unsafe withUnsafeBytes(of: &storage) { bytes in
        unsafe bytes.load(as: sockaddr_in6.self)
      }
      var number = address.sin6_addr
      hostBytes = unsafe withUnsafeBytes(of: &number) { unsafe Array($0) }
      port = UInt16(bigEndian: address.sin6_port)
    default:
      return nil
    }
  }

  /// Calls `body` with the address as the system takes it.
  func withSystemAddress<R>(_ body: (UnsafePointer<sockaddr>, socklen_t) -> R) -> R {
    isIPv6 ? unsafe withIPv6(body) : unsafe withIPv4(body)
  }

  private func withIPv4<R>(_ body: (UnsafePointer<sockaddr>, socklen_t) -> R) -> R {
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = port.bigEndian
    unsafe withUnsafeMutableBytes(of: &address.sin_addr) { unsafe $0.copyBytes(from: hostBytes) }
    return unsafe withUnsafePointer(to: &address) { pointer in
      unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
        unsafe body(address, socklen_t(MemoryLayout<sockaddr_in>.size))
      }
    }
  }

  private func withIPv6<R>(_ body: (UnsafePointer<sockaddr>, socklen_t) -> R) -> R {
    var address = sockaddr_in6()
    address.sin6_family = sa_family_t(AF_INET6)
    address.sin6_port = port.bigEndian
    unsafe withUnsafeMutableBytes(of: &address.sin6_addr) { unsafe $0.copyBytes(from: hostBytes) }
    return unsafe withUnsafePointer(to: &address) { pointer in
      unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
        unsafe body(address, socklen_t(MemoryLayout<sockaddr_in6>.size))
      }
    }
  }
}
