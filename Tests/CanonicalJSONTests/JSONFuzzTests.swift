// Damaged and random input: the parser answers, whatever comes.

import CanonicalJSON
import Testing

@Suite struct JSONFuzzTests {
  /// Parses, and holds what comes out against what must be true of it.
  func check(_ bytes: [UInt8]) {
    do throws(JSONError) {
      let value = try JSONValue(parsing: bytes)
      let again = try JSONValue(parsing: value.canonicalBytes())
      #expect(again == value)
    } catch {
      #expect(0...bytes.count ~= error.offset, "\(error) in \(bytes)")
    }
  }

  @Test(arguments: seeds)
  func `a damaged text is a value or an error with a place`(_ seed: UInt64) {
    var random = SplitMix(seed: seed)
    for _ in 0..<3_000 {
      var bytes = JSONValue.random(depth: 4, using: &random).canonicalBytes()
      for _ in 0...Int.random(in: 0...2, using: &random) {
        let place = Int.random(in: 0...bytes.count, using: &random)
        switch Int.random(in: 0...2, using: &random) {
        case 0: bytes.insert(UInt8.random(in: 0...255, using: &random), at: place)
        case 1 where place < bytes.count: bytes.remove(at: place)
        case 2 where place < bytes.count: bytes[place] = .random(in: 0...255, using: &random)
        default: bytes.removeLast(bytes.count - place)
        }
      }
      check(bytes)
    }
  }

  @Test(arguments: seeds)
  func `random punctuation is a value or an error with a place`(_ seed: UInt64) {
    var random = SplitMix(seed: seed)
    let alphabet = Array(#"{}[]:,"\u0123456789abcdefDd8+-.eE tfn"#.utf8) + [0, 0x80, 0xC3, 0xF0]
    for _ in 0..<20_000 {
      check(
        (0..<Int.random(in: 0...24, using: &random)).map { _ in
          alphabet.randomElement(using: &random) ?? 0
        })
    }
  }

  @Test func `every text of up to two bytes is a value or an error with a place`() {
    for first in UInt8.min ... .max {
      check([first])
      for second in UInt8.min ... .max { check([first, second]) }
    }
  }
}
