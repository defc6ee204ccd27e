// Token: a text that can be told from a mistyped one without asking anybody.

import Crypto
import LedgerServices
import TestSupport
import Testing

@Suite struct TokenTests {
  // Base 32 and CRC-32 of the bytes, worked out by another program.
  @Test func `a token is this text`() {
    let token = Token(randomBytes: Array(0..<20))
    #expect(token.text == "slt_aaaqeayeaudaocajbifqydiob4ibceqthpo77ja")
    #expect(Token.digest(of: token.text) == SHA256.hash(Array(token.text.utf8)).bytes)
  }

  @Test(arguments: testSeeds)
  func `every token is recognised and has its own digest`(_ seed: UInt64) throws {
    var random = SeededGenerator(seed: seed)
    var digests: Set<[UInt8]> = []
    for _ in 0..<200 {
      let token = Token(randomBytes: random.bytes(20))
      #expect(token.text.utf8.count == 43)
      #expect(token.text.hasPrefix("slt_"))
      digests.insert(try #require(Token.digest(of: token.text)))
    }
    #expect(digests.count == 200)
  }

  @Test(arguments: testSeeds)
  func `one character changed is no token`(_ seed: UInt64) {
    var random = SeededGenerator(seed: seed)
    let bytes = Array(Token(randomBytes: random.bytes(20)).text.utf8)
    for index in bytes.indices {
      for byte in UInt8(0)...0x7F where byte != bytes[index] {
        var changed = bytes
        changed[index] = byte
        #expect(Token.digest(of: String(decoding: changed, as: UTF8.self)) == nil)
      }
    }
  }

  @Test(arguments: testSeeds)
  func `two characters swapped are no token`(_ seed: UInt64) {
    var random = SeededGenerator(seed: seed)
    let bytes = Array(Token(randomBytes: random.bytes(20)).text.utf8)
    for index in 1..<bytes.count where bytes[index] != bytes[index - 1] {
      var changed = bytes
      changed.swapAt(index, index - 1)
      #expect(Token.digest(of: String(decoding: changed, as: UTF8.self)) == nil)
    }
  }

  @Test func `a token cut short, made longer or written otherwise is none`() {
    let text = Token(randomBytes: [UInt8](repeating: 0xA5, count: 20)).text
    for count in 0..<43 { #expect(Token.digest(of: String(text.prefix(count))) == nil) }
    for other in [
      text + "a", " " + text, text + "\n", text.uppercased(), "slt-" + text.dropFirst(4),
      String(text.dropFirst(4)), "Bearer " + text, String(text.dropLast()) + "é", text + text,
      String(repeating: "slt_", count: 1_000_000),
    ] {
      #expect(Token.digest(of: other) == nil)
    }
  }
}
