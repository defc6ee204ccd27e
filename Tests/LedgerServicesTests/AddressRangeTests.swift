// AddressRange: addresses and prefixes, held against the system's own parser.

import Foundation
import TestSupport
import Testing

@testable import LedgerServices

@Suite struct AddressRangeTests {
  @Test(
    arguments: [
      ("192.0.2.1", "192.0.2.1", true), ("192.0.2.1", "192.0.2.2", false),
      ("192.0.2.0/24", "192.0.2.255", true), ("192.0.2.0/24", "192.0.3.0", false),
      ("192.0.2.77/24", "192.0.2.1", true), ("192.0.2.0/31", "192.0.2.1", true),
      ("192.0.2.0/32", "192.0.2.1", false), ("0.0.0.0/0", "255.255.255.255", true),
      ("128.0.0.0/1", "127.255.255.255", false), ("0.0.0.0/0", "::1", false),
      ("0.0.0.0/0", "::ffff:1.2.3.4", true), ("::ffff:1.2.3.4", "1.2.3.4", true),
      ("::ffff:1.2.3.0/120", "1.2.3.9", true), ("::/0", "::1", true), ("::/0", "1.2.3.4", false),
      ("::", "::", true), ("2001:db8::/32", "2001:db8:ffff::", true),
      ("2001:DB8::/32", "2001:db9::", false), ("2001:db8::1/128", "2001:db8:0:0:0:0:0:1", true),
      ("fe80::/10", "febf::1", true), ("fe80::/10", "fec0::1", false),
    ])
  func `a range holds what begins alike`(
    _ range: String, _ address: String, _ isIn: Bool
  ) throws {
    let address = try #require(InternetAddress(address))
    #expect(try #require(AddressRange(range)).contains(address) == isIn)
  }

  @Test(
    arguments: [
      "", "/", "1", "1.2.3", "1.2.3.4.5", "1.2.3.256", "01.2.3.4", "1.2.3.4 ", "1..3.4", "1.2.3.+4",
      "1.2.3.4/", "1.2.3.4/33", "1.2.3.4/-1", "1.2.3.4/024", "1.2.3.4/8/8", "1.2.3.4/99999999999",
      "localhost", "*", ":", ":::", "1::2::3", "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9", "12345::",
      "1:2:3:4:5:6:7:8::", "::1:2:3:4:5:6:7:8", "g::", "::1%lo", "[::1]", "1:", ":1", "::1:",
      "::1.2.3", "1.2.3.4::", "::1.2.3.4:5", "::/129", "::1/ 8", "é", "1.2.3.4/é", "::é",
      "1111:1111:1111:1111:1111:1111:1111:1111:1111:1111",
    ])
  func `other texts are none`(_ text: String) {
    #expect(AddressRange(text) == nil)
  }

  @Test(arguments: testSeeds)
  func `every address is read as the system reads it`(_ seed: UInt64) throws {
    var random = SeededGenerator(seed: seed)
    for _ in 0..<20_000 {
      let text = (0..<Int.random(in: 1...9, using: &random)).map { _ in
        random.pick(["0", "1", "a", "FFFF", "255", "1.2.3.4", ":", ":", "::", "."])
      }.joined()
      #expect(InternetAddress(text)?.bits == system(text), "\(text)")
    }
  }

  private func system(_ text: String) -> UInt128? {
    var bytes = [UInt8](repeating: 0, count: 16)
    if unsafe inet_pton(AF_INET6, text, &bytes) == 1 {
      return bytes.reduce(0) { $0 << 8 | UInt128($1) }
    }
    guard unsafe inet_pton(AF_INET, text, &bytes) == 1 else { return nil }
    return bytes[..<4].reduce(UInt128(0xFFFF)) { $0 << 8 | UInt128($1) }
  }

  @Test(arguments: testSeeds)
  func `no bytes are too strange`(_ seed: UInt64) {
    var random = SeededGenerator(seed: seed)
    for _ in 0..<5_000 {
      let count = Int.random(in: 0...60, using: &random)
      let text = String(decoding: random.bytes(count), as: UTF8.self)
      _ = AddressRange(text)
      _ = AddressRange("1.2.3.4/\(text)")
      _ = AddressRange("::\(text)")
    }
  }
}
