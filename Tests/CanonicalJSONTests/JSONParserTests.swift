// What the parser takes, what it refuses, and where it points.

import CanonicalJSON
import Testing

@Suite struct JSONParserTests {
  func parse(_ text: String, _ limits: JSONLimits = .standard) throws(JSONError) -> JSONValue {
    try JSONValue(parsing: Array(text.utf8), limits: limits)
  }

  func error(_ bytes: [UInt8], _ limits: JSONLimits = .standard) -> JSONError? {
    do throws(JSONError) {
      _ = try JSONValue(parsing: bytes, limits: limits)
      return nil
    } catch {
      return error
    }
  }

  @Test(
    arguments: [
      ("null", nil), (" true ", true), ("\t\r\n false", false), ("0", 0), ("-0", 0), ("-12", -12),
      ("1.5", 1.5), ("1E2", 100), ("1e-2", 0.01), ("1.25e+2", 125), ("\"\"", ""), ("[]", []),
      ("{}", [:]), ("[ ]", []), ("{ }", [:]), ("[1 , 2]", [1, 2]), ("[[[]]]", [[[]]]),
      ("{\"a\" : {\"b\":[null]} , \"c\":1}", ["a": ["b": [nil]], "c": 1]),
    ] as [(String, JSONValue)])
  func `a well-formed text is its value`(_ text: String, _ value: JSONValue) throws {
    #expect(try parse(text) == value)
  }

  @Test(arguments: [
    (#""\"\\\/\b\f\n\r\t""#, "\"\\/\u{8}\u{C}\n\r\t"),
    (#""\u0041\u00e9\u20AC\u0000""#, "A\u{E9}€\0"),
    (#""\ud83d\ude00 \uD83D\uDE00""#, "😀 😀"),
    (#""\ufffe\uffff\udbff\udfff""#, "\u{FFFE}\u{FFFF}\u{10FFFF}"),
    (#""é€😀\u0065\u0301""#, "\u{E9}€😀e\u{301}"),
    ("\"\u{7F}\u{80}\u{2028}\"", "\u{7F}\u{80}\u{2028}"),
  ])
  func `a string holds exactly its scalars`(_ text: String, _ value: String) throws {
    #expect(try parse(text) == .string(value))
  }

  @Test func `a whole number below 2 to the 53 is an integer and any other a double`() throws {
    guard case .integer(9_007_199_254_740_991) = try parse("9007199254740991"),
      case .integer(-9_007_199_254_740_991) = try parse("-9007199254740991"),
      case .double(9_007_199_254_740_992) = try parse("9007199254740992"),
      case .double(-1e19) = try parse("-10000000000000000000"),
      case .double(1) = try parse("1.0"), case .double(100) = try parse("1e2")
    else {
      Issue.record("a number came out as another kind")
      return
    }
  }

  @Test func `a number too small for a double is zero`() throws {
    #expect(try parse("1e-999999999") == 0)
    #expect(try parse("-0.0") == 0)
    #expect(try parse("4.9e-324").doubleValue == .leastNonzeroMagnitude)
  }

  @Test(
    arguments: [
      ("", .unexpectedEnd, 0), ("  ", .unexpectedEnd, 2), ("[", .unexpectedEnd, 1),
      ("[1", .unexpectedEnd, 2), ("[1,", .unexpectedEnd, 3), ("{\"a\"", .unexpectedEnd, 4),
      ("{\"a\":", .unexpectedEnd, 5), ("\"a", .unexpectedEnd, 2), ("\"\\", .unexpectedEnd, 2),
      ("\"\\u12", .unexpectedEnd, 5), ("tru", .unexpectedEnd, 3), ("-", .unexpectedEnd, 1),
      ("1.", .unexpectedEnd, 2), ("1e", .unexpectedEnd, 2), ("1e+", .unexpectedEnd, 3),
      ("[1,]", .unexpectedByte(0x5D), 3), ("[,1]", .unexpectedByte(0x2C), 1),
      ("[1 2]", .unexpectedByte(0x32), 3), ("{\"a\":1,}", .unexpectedByte(0x7D), 7),
      ("{,}", .unexpectedByte(0x2C), 1), ("{a:1}", .unexpectedByte(0x61), 1),
      ("{'a':1}", .unexpectedByte(0x27), 1), ("{1:1}", .unexpectedByte(0x31), 1),
      ("{\"a\" 1}", .unexpectedByte(0x31), 5), ("{\"a\":1]", .unexpectedByte(0x5D), 6),
      ("[1}", .unexpectedByte(0x7D), 2), ("]", .unexpectedByte(0x5D), 0),
      ("NaN", .unexpectedByte(0x4E), 0), ("Infinity", .unexpectedByte(0x49), 0),
      ("-Infinity", .invalidNumber, 1), ("+1", .unexpectedByte(0x2B), 0),
      (".5", .unexpectedByte(0x2E), 0), ("nul1", .unexpectedByte(0x31), 3),
      ("True", .unexpectedByte(0x54), 0), ("/**/1", .unexpectedByte(0x2F), 0),
      ("\u{C}1", .unexpectedByte(0x0C), 0), ("\u{A0}1", .unexpectedByte(0xC2), 0),
      ("1 1", .trailingBytes, 2), ("{}x", .trailingBytes, 2), ("1\0", .trailingBytes, 1),
      ("[]]", .trailingBytes, 2), ("0x10", .trailingBytes, 1), ("1_000", .trailingBytes, 1),
      ("01", .invalidNumber, 0), ("-01", .invalidNumber, 0), ("00", .invalidNumber, 0),
      ("1.e1", .invalidNumber, 2), ("1.5.", .trailingBytes, 3), ("1ee2", .invalidNumber, 2),
      ("--1", .invalidNumber, 1), ("-a", .invalidNumber, 1),
      ("1e400", .numberOutOfRange, 0), ("[-1e400]", .numberOutOfRange, 1),
      ("1e99999999999999999999", .numberOutOfRange, 0),
      ("\u{FEFF}1", .byteOrderMark, 0),
      ("{\"a\":1,\"a\":1}", .duplicateKey("a"), 7),
      (#"{"a":1,"\u0061":2}"#, .duplicateKey("a"), 7),
      ("{\"\u{E9}\":1,\"e\u{301}\":2}", .duplicateKey("e\u{301}"), 8),
      (#"{"x":{"a":1,"b":2,"a":3}}"#, .duplicateKey("a"), 18),
      (#""\x""#, .invalidEscape, 1), (#""\U0041""#, .invalidEscape, 1),
      (#""\u00g0""#, .invalidEscape, 1), (#""a\u+041""#, .invalidEscape, 2),
      (#""\ud83d""#, .loneSurrogate, 1), (#""\ude00""#, .loneSurrogate, 1),
      (#""\ud83d\ud83d""#, .loneSurrogate, 1), (#""\ud83dx""#, .loneSurrogate, 1),
      (#""\ud83d\n""#, .loneSurrogate, 1), (#""\ude00\ud83d""#, .loneSurrogate, 1),
      (#"{"\ud83d":1}"#, .loneSurrogate, 2),
      ("\"a\nb\"", .controlCharacter(0x0A), 2), ("\"\0\"", .controlCharacter(0), 1),
      ("\"\\\u{1F}\"", .invalidEscape, 1), ("{\"\t\":1}", .controlCharacter(9), 2),
    ] as [(String, JSONError.Kind, Int)])
  func `an ill-formed text is refused at its place`(
    _ text: String, _ kind: JSONError.Kind, _ offset: Int
  ) {
    #expect(error(Array(text.utf8)) == JSONError(kind, at: offset))
  }

  @Test(
    arguments: [
      [0x80], [0xC0, 0xAF], [0xC3], [0xE2, 0x82], [0xED, 0xA0, 0x80], [0xF0, 0x80, 0x80, 0xAF],
      [0xF4, 0x90, 0x80, 0x80], [0xFF], [0xFE],
    ] as [[UInt8]])
  func `bytes that are not UTF-8 are refused`(_ bytes: [UInt8]) {
    let plain = Array("\"é".utf8) + bytes + Array("\"".utf8)
    #expect(error(plain) == JSONError(.invalidUTF8, at: 3))
    let escaped = Array("\"é\\n".utf8) + bytes + Array("\"".utf8)
    #expect(error(escaped)?.kind == .invalidUTF8)
    let key = Array("{\"".utf8) + bytes + Array("\":1}".utf8)
    #expect(error(key) == JSONError(.invalidUTF8, at: 2))
    #expect(error(bytes)?.offset == 0)
  }

  @Test func `nesting is counted and bounded`() throws {
    func nested(_ depth: Int, _ open: String, _ close: String) -> [UInt8] {
      Array(String(repeating: open, count: depth).utf8)
        + Array((open == "[" ? "" : "1").utf8)
        + Array(String(repeating: close, count: depth).utf8)
    }
    _ = try JSONValue(parsing: nested(32, "[", "]"))
    _ = try JSONValue(parsing: nested(32, "{\"a\":", "}"))
    #expect(error(nested(33, "[", "]")) == JSONError(.tooDeep(depthMax: 32), at: 32))
    #expect(error(nested(33, "{\"a\":", "}")) == JSONError(.tooDeep(depthMax: 32), at: 160))
    let open = [UInt8](repeating: UInt8(ascii: "["), count: 1_000_000)
    #expect(error(open)?.kind == .tooDeep(depthMax: 32))
    let deep = JSONLimits(depthMax: .max, bytesMax: .max)
    #expect(error(open, deep) == JSONError(.tooDeep(depthMax: 512), at: 512))
    #expect(error(Array("1".utf8), JSONLimits(depthMax: 0, bytesMax: 1)) == nil)
    #expect(error(Array("[]".utf8), JSONLimits(depthMax: 0, bytesMax: 2))?.offset == 0)
    _ = try parse("[[],[],[[]],{}]", JSONLimits(depthMax: 3, bytesMax: 100))
  }

  @Test func `length is bounded`() throws {
    let limits = JSONLimits(depthMax: 1, bytesMax: 4)
    #expect(try parse("1234", limits) == 1234)
    #expect(error(Array("1234 ".utf8), limits) == JSONError(.tooLong(bytesMax: 4), at: 4))
    let long = [UInt8](repeating: UInt8(ascii: "1"), count: 1_000_000)
    #expect(error(long) == JSONError(.invalidNumber, at: 0))
    #expect(error([], JSONLimits(depthMax: 0, bytesMax: -1))?.offset == 0)
  }
}
