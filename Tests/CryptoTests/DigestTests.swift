// A digest as a value: made, shown, ordered.

import Crypto
import Testing

@Suite struct DigestTests {
  let rising = Array(UInt8(1)...32)

  @Test func `a digest gives back its bytes and digits`() throws {
    let digest = try #require(Digest(bytes: rising))
    #expect(digest.bytes == rising)
    #expect(digest.hex == "0102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f20")
    #expect(Digest(hex: digest.hex) == digest)
    #expect(Digest(hex: digest.hex.uppercased()) == digest)
    #expect(Digest(bytes: rising[...]) == digest)
    #expect("\(digest)" == digest.hex)
    var bytes: [UInt8] = [9]
    digest.append(to: &bytes)
    #expect(bytes == [9] + rising)
  }

  @Test(arguments: [0, 1, 31, 33, 64])
  func `another count of bytes is refused`(_ count: Int) {
    #expect(Digest(bytes: [UInt8](repeating: 1, count: count)) == nil)
    #expect(Digest(hex: String(repeating: "01", count: count)) == nil)
  }

  @Test func `text that is no digits is refused`() {
    #expect(Digest(hex: String(repeating: "0g", count: 32)) == nil)
    #expect(Digest(hex: String(repeating: "0", count: 63)) == nil)
  }

  @Test func `digests are ordered and told apart by every byte`() throws {
    let base = try #require(Digest(bytes: [UInt8](repeating: 0x80, count: 32)))
    for index in 0..<32 {
      var bytes = base.bytes
      bytes[index] = 0x81
      if index < 31 { bytes[index + 1] = 0 }
      let other = try #require(Digest(bytes: bytes))
      #expect(base < other)
      #expect(base != other)
    }
    #expect(!(base < base))
    #expect(MemoryLayout<Digest>.size == 32)
  }
}
