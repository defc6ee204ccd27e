// Hexadecimal, base 64 and CRC-32.

import Crypto
import Testing

@Suite struct HexTests {
  @Test func `every byte goes there and back`() {
    let all = Array(UInt8.min ... .max)
    #expect(Hex.decode(Hex.encode(all)) == all)
    #expect(Hex.encode([0x00, 0x9f, 0xa0, 0xff]) == "009fa0ff")
    #expect(Hex.decode("DEADbeef") == [0xde, 0xad, 0xbe, 0xef])
    #expect(Hex.decode("") == [])
  }

  @Test(arguments: ["0", "abc", "0x", "g0", "0g", " 00", "00 ", "é", "00\0"])
  func `anything but pairs of digits is refused`(_ text: String) {
    #expect(Hex.decode(text) == nil)
  }
}

@Suite struct Base64Tests {
  @Test(arguments: [
    ("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg=="),
    ("fooba", "Zm9vYmE="), ("foobar", "Zm9vYmFy"),
  ])
  func `a case of RFC 4648 goes there and back`(_ plain: String, _ text: String) {
    #expect(Base64.encode(Array(plain.utf8)) == text)
    #expect(Base64.decode(text) == Array(plain.utf8))
    let bare = text.filter { $0 != "=" }
    #expect(Base64.encode(Array(plain.utf8), as: .url) == bare)
    #expect(Base64.decode(bare, as: .url) == Array(plain.utf8))
  }

  @Test func `the alphabets differ in their last two characters`() {
    let bytes: [UInt8] = [0xfb, 0xff, 0xbf]
    #expect(Base64.encode(bytes) == "+/+/")
    #expect(Base64.encode(bytes, as: .url) == "-_-_")
    #expect(Base64.decode("+/+/", as: .url) == nil)
    #expect(Base64.decode("-_-_") == nil)
    let all = Array(UInt8.min ... .max)
    #expect(Base64.decode(Base64.encode(all)) == all)
    #expect(Base64.decode(Base64.encode(all, as: .url), as: .url) == all)
  }

  @Test(arguments: [
    "Z", "Zg", "Zg=", "Zg===", "Zh==", "Zm9=", "Zm8", "=", "==", "====", "Zg==Zg==", "Z g=",
    "Zg==\n",
    "Zm9v=", "Zm=v", "é===",
  ])
  func `any other text of the same bytes is refused`(_ text: String) {
    #expect(Base64.decode(text) == nil)
  }

  @Test(arguments: ["Z", "Zg==", "Zh", "Zm9", "Zm9vZ"])
  func `padding and stray bits are refused in the URL alphabet`(_ text: String) {
    #expect(Base64.decode(text, as: .url) == nil)
  }

  @Test func `no two texts of four characters mean the same bytes`() {
    var seen: [[UInt8]: String] = [:]
    for last in "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=" {
      for third in "ABQgw=" {
        let text = "AA\(third)\(last)"
        guard let bytes = Base64.decode(text) else { continue }
        #expect(seen.updateValue(text, forKey: bytes) == nil)
        #expect(Base64.encode(bytes) == text)
      }
    }
    #expect(seen.count > 64)
  }
}

@Suite struct CRC32Tests {
  @Test(
    arguments: [
      ("", 0), ("123456789", 0xCBF4_3926),
      ("The quick brown fox jumps over the lazy dog", 0x414F_A339),
    ] as [(String, UInt32)])
  func `a published text has its checksum`(_ text: String, _ sum: UInt32) {
    #expect(CRC32.checksum(Array(text.utf8)) == sum)
  }

  @Test func `the blocks of RFC 3720 size have their checksums`() {
    #expect(CRC32.checksum([UInt8](repeating: 0, count: 32)) == 0x190A_55AD)
    #expect(CRC32.checksum([UInt8](repeating: 0xFF, count: 32)) == 0xFF6C_AB0B)
    #expect(CRC32.checksum(Array(UInt8(0)..<32)) == 0x9126_7E8A)
  }

  @Test func `the pieces have the checksum of their concatenation`() {
    let bytes = Array(UInt8.min ... .max)
    for place in 0...bytes.count {
      var sum = CRC32()
      sum.update(bytes[..<place])
      sum.update(bytes[place...])
      #expect(sum.value == CRC32.checksum(bytes))
    }
  }
}
