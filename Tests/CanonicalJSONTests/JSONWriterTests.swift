// Canonical text: the published examples of RFC 8785 and the writer's own pieces.

import CanonicalJSON
import Testing

@Suite struct JSONWriterTests {
  func canonical(_ text: String) throws(JSONError) -> String {
    try JSONValue(parsing: Array(text.utf8)).description
  }

  @Test func `the example of RFC 8785 section 3_2_2 has the bytes of 3_2_4`() throws {
    let input = #"""
      {
        "numbers": [333333333.33333329, 1E30, 4.50,
                    2e-3, 0.000000000000000000000000001],
        "string": "\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"\/",
        "literals": [null, true, false]
      }
      """#
    let expected: [UInt8] = [
      0x7b, 0x22, 0x6c, 0x69, 0x74, 0x65, 0x72, 0x61, 0x6c, 0x73, 0x22, 0x3a, 0x5b, 0x6e, 0x75,
      0x6c, 0x6c, 0x2c, 0x74, 0x72, 0x75, 0x65, 0x2c, 0x66, 0x61, 0x6c, 0x73, 0x65, 0x5d, 0x2c,
      0x22, 0x6e, 0x75, 0x6d, 0x62, 0x65, 0x72, 0x73, 0x22, 0x3a, 0x5b, 0x33, 0x33, 0x33, 0x33,
      0x33, 0x33, 0x33, 0x33, 0x33, 0x2e, 0x33, 0x33, 0x33, 0x33, 0x33, 0x33, 0x33, 0x2c, 0x31,
      0x65, 0x2b, 0x33, 0x30, 0x2c, 0x34, 0x2e, 0x35, 0x2c, 0x30, 0x2e, 0x30, 0x30, 0x32, 0x2c,
      0x31, 0x65, 0x2d, 0x32, 0x37, 0x5d, 0x2c, 0x22, 0x73, 0x74, 0x72, 0x69, 0x6e, 0x67, 0x22,
      0x3a, 0x22, 0xe2, 0x82, 0xac, 0x24, 0x5c, 0x75, 0x30, 0x30, 0x30, 0x66, 0x5c, 0x6e, 0x41,
      0x27, 0x42, 0x5c, 0x22, 0x5c, 0x5c, 0x5c, 0x5c, 0x5c, 0x22, 0x2f, 0x22, 0x7d,
    ]
    #expect(try JSONValue(parsing: Array(input.utf8)).canonicalBytes() == expected)
  }

  @Test func `names are sorted by UTF-16 code units as in section 3_2_3`() throws {
    let input = #"""
      {
        "\u20ac": "Euro Sign",
        "\r": "Carriage Return",
        "\ufb33": "Hebrew Letter Dalet With Dagesh",
        "1": "One",
        "\ud83d\ude00": "Emoji: Grinning Face",
        "\u0080": "Control",
        "\u00f6": "Latin Small Letter O With Diaeresis"
      }
      """#
    #expect(
      try canonical(input)
        == #"{"\r":"Carriage Return","1":"One","\#u{80}":"Control","#
        + #""\#u{F6}":"Latin Small Letter O With Diaeresis","\#u{20AC}":"Euro Sign","#
        + #""\#u{1F600}":"Emoji: Grinning Face","\#u{FB33}":"Hebrew Letter Dalet With Dagesh"}"#)
  }

  @Test func `every control character has its one escape`() {
    let short: [UInt32: String] = [8: "\\b", 9: "\\t", 10: "\\n", 12: "\\f", 13: "\\r"]
    let digits = Array("0123456789abcdef")
    for code in UInt32(0)...0x7F {
      let character = Character(Unicode.Scalar(UInt8(code)))
      let escape =
        switch code {
        case 0x22: "\\\""
        case 0x5C: "\\\\"
        case 0..<0x20: short[code] ?? "\\u00\(digits[Int(code >> 4)])\(digits[Int(code & 15)])"
        default: String(character)
        }
      #expect(JSONValue.string("é\(character)x").description == "\"é\(escape)x\"")
    }
  }

  @Test func `pieces put together are a canonical text`() throws {
    var writer = JSONWriter(capacity: 64)
    writer.appendRaw("{\"a\":")
    writer.appendNull()
    writer.appendRaw(",\"b\":")
    writer.appendBool(true)
    writer.appendRaw(Array(",\"c\":".utf8))
    writer.appendInteger(-120)
    writer.appendRaw(",\"d\":")
    writer.appendDouble(0.5)
    writer.appendRaw(",\"e\":")
    writer.append(["y": [], "x": [:], "w": false])
    writer.appendRaw("}")
    let text = #"{"a":null,"b":true,"c":-120,"d":0.5,"e":{"w":false,"x":{},"y":[]}}"#
    #expect(String(decoding: writer.bytes, as: UTF8.self) == text)
    #expect(try canonical(text) == text)
  }

  @Test(
    arguments: [
      0, 1, -1, 9, 10, 99, 100, -100, 1_234_567_890, 9_007_199_254_740_991, -9_007_199_254_740_991,
    ] as [Int64])
  func `an integer is its decimal digits`(_ value: Int64) {
    #expect(JSONValue.integer(value).description == String(value))
  }

  @Test func `an integer beyond 2 to the 53 is written as the nearest double`() {
    #expect(JSONValue.integer(9_007_199_254_740_993).description == "9007199254740992")
    #expect(JSONValue.integer(.max).description == "9223372036854776000")
    #expect(JSONValue.integer(.min).description == "-9223372036854776000")
  }

  @Test(arguments: seeds)
  func `the order of names is that of their UTF-16 code units`(_ seed: UInt64) {
    var random = SplitMix(seed: seed)
    let alphabet: [Unicode.Scalar] = [
      "\0", "a", "b", "\u{7F}", "\u{80}", "\u{7FF}", "\u{800}", "\u{D7FF}", "\u{E000}",
      "\u{EFFF}", "\u{F000}", "\u{FFFF}", "\u{10000}", "\u{FFFFF}", "\u{10FFFF}",
    ]
    for _ in 0..<20_000 {
      var pair = ["", ""]
      for index in 0...1 {
        for _ in 0..<Int.random(in: 0...3, using: &random) {
          pair[index].unicodeScalars.append(alphabet.randomElement(using: &random) ?? "a")
        }
      }
      let expected = pair[0].utf16.lexicographicallyPrecedes(pair[1].utf16)
      #expect(KeyOrder.isBefore(pair[0], pair[1]) == expected)
    }
  }

  @Test(arguments: seeds)
  func `a canonical text reads back as its value and is its own canonical text`(
    _ seed: UInt64
  ) throws {
    var random = SplitMix(seed: seed)
    for _ in 0..<2_000 {
      let value = JSONValue.random(depth: 4, using: &random)
      let bytes = value.canonicalBytes()
      let parsed = try JSONValue(parsing: bytes)
      #expect(parsed == value)
      #expect(parsed.canonicalBytes() == bytes)
    }
  }
}
