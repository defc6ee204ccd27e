// HMAC against RFC 4231 and RFC 2202.

import Crypto
import Testing

@Suite struct HMACTests {
  static let longKeyText = "Test Using Larger Than Block-Size Key - Hash Key First"
  static let longDataText =
    "This is a test using a larger than block-size key and a larger than block-size data."
    + " The key needs to be hashed before being used by the HMAC algorithm."

  static func bytes(_ byte: UInt8, _ count: Int) -> [UInt8] {
    [UInt8](repeating: byte, count: count)
  }

  @Test(
    arguments: [
      (
        bytes(0x0b, 20), Array("Hi There".utf8),
        "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"
      ),
      (
        Array("Jefe".utf8), Array("what do ya want for nothing?".utf8),
        "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
      ),
      (
        bytes(0xaa, 20), bytes(0xdd, 50),
        "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe"
      ),
      (
        Array(1...25), bytes(0xcd, 50),
        "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b"
      ),
      (
        bytes(0xaa, 131), Array(longKeyText.utf8),
        "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"
      ),
      (
        bytes(0xaa, 131), Array(longDataText.utf8),
        "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2"
      ),
    ] as [([UInt8], [UInt8], String)])
  func `a case of RFC 4231 has its code`(_ key: [UInt8], _ message: [UInt8], _ code: String) {
    #expect(HMACSHA256.authenticate(message, key: key).hex == code)
  }

  @Test func `the truncated case of RFC 4231 has its first bytes`() {
    let message = Array("Test With Truncation".utf8)
    let code = HMACSHA256.authenticate(message, key: Self.bytes(0x0c, 20))
    #expect(code.hex.hasPrefix("a3b6167473100ee06e0c796c2955552b"))
  }

  @Test(
    arguments: [
      (bytes(0x0b, 20), Array("Hi There".utf8), "b617318655057264e28bc0b6fb378c8ef146be00"),
      (
        Array("Jefe".utf8), Array("what do ya want for nothing?".utf8),
        "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79"
      ),
      (bytes(0xaa, 20), bytes(0xdd, 50), "125d7342b9ac11cd91a39af48aa17b4f63f175d3"),
    ] as [([UInt8], [UInt8], String)])
  func `a case of RFC 2202 has its code`(_ key: [UInt8], _ message: [UInt8], _ code: String) {
    #expect(Hex.encode(HMACSHA1.authenticate(message, key: key)) == code)
  }

  @Test func `an HMAC is its two hashes for every length of key and message`() {
    for count in 0...140 {
      let key = Self.bytes(0x5a, count)
      let message = Self.bytes(UInt8(count), 140 - count)
      var block = count > 64 ? SHA256.hash(key).bytes : key
      block += Self.bytes(0, 64 - block.count)
      let inner = SHA256.hash(block.map { $0 ^ 0x36 } + message)
      let outer = SHA256.hash(block.map { $0 ^ 0x5c } + inner.bytes)
      #expect(HMACSHA256.authenticate(message, key: key) == outer, "\(count) bytes of key")
    }
  }
}
