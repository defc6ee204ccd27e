// Addresses as text.

import EventLoop
import Testing

@Suite struct SocketAddressTests {
  @Test(arguments: [
    ("127.0.0.1:8087", "127.0.0.1:8087"), ("[::1]:0", "[::1]:0"),
    ("localhost:8087", "127.0.0.1:8087"), ("0.0.0.0:65535", "0.0.0.0:65535"),
    ("[2001:db8::0:1]:443", "[2001:db8::1]:443"),
  ])
  func `an address reads and writes`(_ text: String, _ canonical: String) throws {
    let address = try SocketAddress(text)
    #expect(address.description == canonical)
    #expect(try SocketAddress(canonical) == address)
  }

  @Test(arguments: [
    ("127.0.0.1", SocketAddressError.missingPort("127.0.0.1")),
    ("127.0.0.1:", .invalidPort("")), ("127.0.0.1:65536", .invalidPort("65536")),
    ("127.0.0.1:+1", .invalidPort("+1")), ("127.0.0.1:1x", .invalidPort("1x")),
    (":80", .invalidHost("")), ("::1:80", .invalidHost("::1")), ("[::1:80", .invalidHost("[::1")),
    ("256.0.0.1:80", .invalidHost("256.0.0.1")), ("example.org:80", .invalidHost("example.org")),
    ("[127.0.0.1]:80", .invalidHost("[127.0.0.1]")), ("[]:80", .invalidHost("[]")),
  ])
  func `what is no address is refused with its fault`(_ text: String, _ fault: SocketAddressError) {
    #expect(throws: fault) { try SocketAddress(text) }
  }

  @Test func `the host and port can be taken apart`() throws {
    let address = try SocketAddress("[::1]:80")
    #expect(address.host == "::1")
    #expect(address.withPort(81).description == "[::1]:81")
  }
}
