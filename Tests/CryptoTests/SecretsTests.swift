// Comparing and drawing secret bytes.

import Crypto
import Testing

@Suite struct SecretsTests {
  @Test func `only the same bytes are equal`() {
    let secret = Array("correct horse".utf8)
    #expect(constantTimeEquals(secret, secret))
    #expect(constantTimeEquals([], []))
    for index in secret.indices {
      var other = secret
      other[index] ^= 0x01
      #expect(!constantTimeEquals(secret, other))
    }
    #expect(!constantTimeEquals(secret, Array(secret.dropLast())))
    #expect(!constantTimeEquals(secret, secret + [0]))
    #expect(!constantTimeEquals(secret, []))
  }

  @Test func `random bytes are as many as asked for and never the same`() {
    #expect(SecureRandom.bytes(0).isEmpty)
    for count in [1, 16, 1000] { #expect(SecureRandom.bytes(count).count == count) }
    let drawn = Set((0..<1000).map { _ in SecureRandom.bytes(16) })
    #expect(drawn.count == 1000)
    let distinct = Set(SecureRandom.bytes(10_000))
    #expect(distinct.count == 256)
  }
}
