// SHA-256 against the published vectors, and its routes against each other.

import Crypto
import Testing

@Suite struct SHA256Tests {
  @Test(arguments: [
    ("", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
    ("abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
    (
      "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
      "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"
    ),
    (
      "abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmn"
        + "hijklmnoijklmnopjklmnopqklmnopqrlmnopqrsmnopqrstnopqrstu",
      "cf5b16a778af8380036ce59e7b0492370b249b11e8f07a51afac45037afee9d1"
    ),
    (
      String(repeating: "a", count: 1_000_000),
      "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"
    ),
  ])
  func `an example of FIPS 180 has its hash`(_ text: String, _ hash: String) {
    #expect(SHA256.hash(Array(text.utf8)).hex == hash)
  }

  @Test(
    arguments: [
      ([0xbd], "68325720aabd7c82f30f554b313d0570c95accbb7dc4b5aae11204c08ffe732b"),
      (
        [0xc9, 0x8c, 0x8e, 0x55],
        "7abc22c0ae5af26ce93dbb94433a0e0b2e119d014f8e7f65bd56c61ccccd9504"
      ),
      (
        [UInt8](repeating: 0, count: 55),
        "02779466cdec163811d078815c633f21901413081449002f24aa3e80f0b88ef7"
      ),
      (
        [UInt8](repeating: 0, count: 56),
        "d4817aa5497628e7c77e6b606107042bbba3130888c5f47a375e6179be789fbb"
      ),
      (
        [UInt8](repeating: 0, count: 57),
        "65a16cb7861335d5ace3c60718b5052e44660726da4cd13bb745381b235a1785"
      ),
      (
        [UInt8](repeating: 0, count: 64),
        "f5a5fd42d16a20302798ef6ed309979b43003d2320d9f0e8ea9831a92759fb4b"
      ),
      (
        [UInt8](repeating: 0, count: 1000),
        "541b3e9daa09b20bf85fa273e5cbd3e80185aa4ec298e765db87742b70138a53"
      ),
      (
        [UInt8](repeating: 0x41, count: 1000),
        "c2e686823489ced2017f6059b8b239318b6364f6dcd835d0a519105a1eadd6e4"
      ),
    ] as [([UInt8], String)])
  func `an additional NIST example has its hash`(_ bytes: [UInt8], _ hash: String) {
    #expect(SHA256.hash(bytes).hex == hash)
  }

  @Test func `a hash with a domain byte is that of the concatenation`() {
    for count in 0...200 {
      let bytes = (0..<count).map { UInt8(truncatingIfNeeded: $0) }
      let domain = UInt8(truncatingIfNeeded: count)
      #expect(SHA256.hash(domain: domain, bytes) == SHA256.hash([domain] + bytes))
    }
    let left = SHA256.hash([1])
    let right = SHA256.hash([2])
    #expect(
      SHA256.hash(domain: 1, left: left, right: right)
        == SHA256.hash([1] + left.bytes + right.bytes))
  }

  @Test(arguments: [1, 2, .random(in: .min ... .max)] as [UInt64])
  func `the pieces have the hash of their concatenation`(_ seed: UInt64) {
    var state = seed | 1
    func below(_ bound: UInt64) -> Int {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return Int((state >> 33) % bound)
    }
    for _ in 0..<200 {
      let bytes = (0..<below(400)).map { _ in UInt8(below(256)) }
      var hasher = SHA256Hasher()
      var rest = bytes[...]
      while !rest.isEmpty {
        let piece = rest.prefix(below(90))
        if below(2) == 0 { hasher.update(piece) } else { hasher.update(Array(piece)) }
        rest = rest.dropFirst(piece.count)
      }
      let digest = hasher.finish()
      #expect(digest == SHA256.hash(bytes))
    }
  }

  @Test func `hashes begun together do not disturb each other`() {
    var first = SHA256Hasher()
    first.update(Array("a".utf8))
    var second = SHA256Hasher()
    second.update(Array("ab".utf8))
    #expect(SHA256.hash(Array("abc".utf8)).hex.hasPrefix("ba7816bf"))
    first.update(Array("bc".utf8))
    second.update(Array("c".utf8))
    let digests = (first.finish(), second.finish())
    #expect(digests.0 == digests.1)
  }

  @Test func `many threads hash at once`() async {
    let expected = (0..<64).map { SHA256.hash([UInt8](repeating: 7, count: $0)) }
    await withTaskGroup(of: Bool.self) { group in
      for _ in 0..<8 {
        group.addTask {
          (0..<20_000).allSatisfy { turn in
            SHA256.hash([UInt8](repeating: 7, count: turn % 64)) == expected[turn % 64]
          }
        }
      }
      for await isRight in group { #expect(isRight) }
    }
  }

  @Test func `an abandoned hash leaves the next one clean`() {
    var abandoned = SHA256Hasher()
    abandoned.update([1, 2, 3])
    _ = consume abandoned
    #expect(SHA256.hash([]).hex.hasPrefix("e3b0c442"))
  }
}
