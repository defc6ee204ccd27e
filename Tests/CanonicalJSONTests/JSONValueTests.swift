// What a JSON value answers, and when two of them are equal.

import CanonicalJSON
import Testing

@Suite struct JSONValueTests {
  let document: JSONValue = [
    "name": "db", "parts": [1, 2.5, nil], "isLive": true, "size": 1e2,
  ]

  @Test func `a member is found by its name`() {
    #expect(document["name"]?.stringValue == "db")
    #expect(document["isLive"]?.boolValue == true)
    #expect(document["parts"]?.arrayValue?.count == 3)
    #expect(document["parts"]?.arrayValue?.last?.isNull == true)
    #expect(document.objectValue?.count == 4)
    #expect(document["none"] == nil)
  }

  @Test func `a whole number is an integer however it is written`() {
    #expect(document["size"]?.integerValue == 100)
    #expect(document["size"]?.doubleValue == 100)
    #expect(JSONValue.double(2.5).integerValue == nil)
    #expect(JSONValue.double(1e300).integerValue == nil)
    #expect(JSONValue.integer(-7).doubleValue == -7)
  }

  @Test func `a value of another kind answers nil`() {
    let values: [JSONValue] = [nil, true, 1, 1.5, "", [], [:]]
    #expect(values.compactMap(\.boolValue).count == 1)
    #expect(values.compactMap(\.integerValue).count == 1)
    #expect(values.compactMap(\.doubleValue).count == 2)
    #expect(values.compactMap(\.stringValue).count == 1)
    #expect(values.compactMap(\.arrayValue).count == 1)
    #expect(values.compactMap(\.objectValue).count == 1)
    #expect(values.filter(\.isNull).count == 1)
    #expect(values.allSatisfy { $0["key"] == nil })
  }

  @Test func `numbers are equal by value and hash alike`() {
    #expect(JSONValue.integer(1) == .double(1))
    #expect(JSONValue.double(0) == .double(-0.0))
    #expect(JSONValue.integer(0) == .double(-0.0))
    #expect(JSONValue.integer(1) != .bool(true))
    #expect(Set<JSONValue>([.integer(1), .double(1), .integer(0), .double(-0.0)]).count == 2)
  }

  @Test func `strings are equal by scalars and not by canonical equivalence`() {
    #expect(JSONValue.string("\u{E9}") != .string("e\u{301}"))
    #expect(JSONValue.object(["\u{E9}": 1]) != .object(["e\u{301}": 1]))
    #expect(JSONValue.object(["\u{E9}": 1]) == .object(["\u{E9}": 1]))
    #expect(JSONValue.object(["a": 1]) != .object(["b": 1]))
    #expect(JSONValue.object(["a": 1]) != .object(["a": 1, "b": 1]))
  }

  @Test(arguments: seeds)
  func `values are equal exactly when their canonical bytes are`(_ seed: UInt64) {
    var random = SplitMix(seed: seed)
    let values = (0..<120).map { _ in JSONValue.random(depth: 2, using: &random) }
    for left in values {
      for right in values {
        #expect((left == right) == (left.canonicalBytes() == right.canonicalBytes()))
        if left == right { #expect(left.hashValue == right.hashValue) }
      }
    }
  }
}

extension JSONValue {
  /// A value of any kind, small enough to collide often at depth 0.
  static func random(depth: Int, using random: inout SplitMix) -> JSONValue {
    switch Int.random(in: 0..<(depth > 0 ? 9 : 6), using: &random) {
    case 0: .null
    case 1: .bool(Bool.random(using: &random))
    case 2: .integer(Int64.random(in: -3...3, using: &random))
    case 3: .double([0, -0.0, 1, 2.5, -1e-7, 1e21].randomElement(using: &random) ?? 0)
    case 4: .double(randomDouble(using: &random))
    case 5: .string(randomText(using: &random))
    case 6, 7:
      .array(
        (0..<Int.random(in: 0...4, using: &random)).map { _ in
          JSONValue.random(depth: depth - 1, using: &random)
        })
    default:
      .object(
        Dictionary(
          (0..<Int.random(in: 0...4, using: &random)).map { _ in
            (randomText(using: &random), JSONValue.random(depth: depth - 1, using: &random))
          }, uniquingKeysWith: { first, _ in first }))
    }
  }

  /// A finite number with any bits.
  private static func randomDouble(using random: inout SplitMix) -> Double {
    let value = Double(bitPattern: random.next())
    return value.isFinite ? value : 0
  }

  /// Up to five scalars: ASCII, controls, accents, private use, astral.
  private static func randomText(using random: inout SplitMix) -> String {
    let ranges: [ClosedRange<UInt32>] = [
      0x61...0x63, 0x00...0x7F, 0xC0...0x17F, 0x300...0x310, 0xE000...0xFFFF, 0x1_0000...0x10_FFFF,
    ]
    var text = ""
    for _ in 0..<Int.random(in: 0...5, using: &random) {
      guard let range = ranges.randomElement(using: &random),
        let scalar = Unicode.Scalar(UInt32.random(in: range, using: &random))
      else { continue }
      text.unicodeScalars.append(scalar)
    }
    return text
  }
}
