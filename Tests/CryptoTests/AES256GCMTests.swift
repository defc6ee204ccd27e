// AES-256-GCM against the test cases of its specification that have a 96-bit nonce.

import Crypto
import Testing

@Suite struct AES256GCMTests {
  struct Vector: Sendable {
    var key: String
    var nonce: String
    var plaintext = ""
    var data = ""
    var ciphertext = ""
    var tag: String
  }

  static let zeroKey = String(repeating: "00", count: 32)
  static let zeroNonce = String(repeating: "00", count: 12)
  static let longKey = String(repeating: "feffe9928665731c6d6a8f9467308308", count: 2)
  static let longPlaintext =
    "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72"
    + "1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b391aafd255"
  static let longCiphertext =
    "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa"
    + "8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662898015ad"

  /// Cases 13 to 16 of the specification submitted to NIST.
  static let vectors = [
    Vector(key: zeroKey, nonce: zeroNonce, tag: "530f8afbc74536b9a963b4f1c4cb738b"),
    Vector(
      key: zeroKey, nonce: zeroNonce, plaintext: String(repeating: "00", count: 16),
      ciphertext: "cea7403d4d606b6e074ec5d3baf39d18", tag: "d0d1c8a799996bf0265b98b5d48ab919"),
    Vector(
      key: longKey, nonce: "cafebabefacedbaddecaf888", plaintext: longPlaintext,
      ciphertext: longCiphertext, tag: "b094dac5d93471bdec1a502270e3cc6c"),
    Vector(
      key: longKey, nonce: "cafebabefacedbaddecaf888", plaintext: String(longPlaintext.dropLast(8)),
      data: "feedfacedeadbeeffeedfacedeadbeefabaddad2",
      ciphertext: String(longCiphertext.dropLast(8)), tag: "76fc6ece0f4e1768cddf8853bb2d551b"),
  ]

  private func cipher() throws -> AES256GCM {
    try #require(AES256GCM(key: SecureRandom.bytes(AES256GCM.keyByteCount)))
  }

  @Test(arguments: vectors)
  func `a case of the specification is sealed and opened`(_ vector: Vector) throws {
    let cipher = try #require(AES256GCM(key: Hex.decode(vector.key) ?? []))
    let nonce = try #require(Hex.decode(vector.nonce))
    let plaintext = try #require(Hex.decode(vector.plaintext))
    let data = try #require(Hex.decode(vector.data))
    let sealed = cipher.seal(plaintext, associatedData: data, nonce: nonce)
    #expect(Hex.encode(sealed) == vector.nonce + vector.ciphertext + vector.tag)
    #expect(cipher.open(sealed, associatedData: data) == plaintext)
  }

  @Test func `a sealed text is opened with its own key and data only`() throws {
    let cipher = try cipher()
    let sealed = cipher.seal(Array("secret".utf8), associatedData: Array("name".utf8))
    #expect(cipher.open(sealed, associatedData: Array("name".utf8)) == Array("secret".utf8))
    #expect(cipher.open(sealed, associatedData: Array("nama".utf8)) == nil)
    #expect(cipher.open(sealed, associatedData: []) == nil)
    #expect(try self.cipher().open(sealed, associatedData: Array("name".utf8)) == nil)
  }

  @Test func `a sealed text with any bit turned is not opened`() throws {
    let cipher = try cipher()
    let sealed = cipher.seal(Array("a secret".utf8), associatedData: [1])
    for bit in 0..<(sealed.count * 8) {
      var changed = sealed
      changed[bit / 8] ^= 1 << UInt8(bit % 8)
      #expect(cipher.open(changed, associatedData: [1]) == nil, "bit \(bit)")
    }
  }

  @Test func `a sealed text cut short or made longer is not opened`() throws {
    let cipher = try cipher()
    let sealed = cipher.seal(Array("a secret".utf8), associatedData: [])
    for count in 0..<sealed.count {
      #expect(cipher.open(Array(sealed.prefix(count)), associatedData: []) == nil)
    }
    #expect(cipher.open(sealed + [0], associatedData: []) == nil)
  }

  @Test func `one text is sealed differently each time`() throws {
    let cipher = try cipher()
    let sealed = Set((0..<100).map { _ in cipher.seal([1, 2, 3], associatedData: []) })
    #expect(sealed.count == 100)
    #expect(Set(sealed.map { $0.prefix(AES256GCM.nonceByteCount) }).count == 100)
  }

  @Test(arguments: [0, 16, 31, 33]) func `a key of another length is refused`(_ count: Int) {
    #expect(AES256GCM(key: SecureRandom.bytes(count)) == nil)
  }
}
