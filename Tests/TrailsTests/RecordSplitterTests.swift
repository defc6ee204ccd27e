// Cutting records out of files: every container, every break, in chunks of every size.

import CanonicalJSON
import Foundation
import Testing
import Trails

@Suite struct RecordSplitterTests {
  /// What is found in a text, in short: records as they are, faults in angle brackets.
  private func found(
    _ text: String, _ format: TrailFormat = .cloudtrail, chunk: Int = .max,
    bytesMax: Int = RecordSplitter.recordBytesMax
  ) -> [String] {
    Array(text.utf8).pieces(format, chunk: chunk, bytesMax: bytesMax).map { piece in
      switch piece {
      case .record(let bytes, let place):
        "\(place.line)#\(place.number) \(String(decoding: bytes, as: UTF8.self))"
      case .fault(let fault, let place): "\(place.line)#\(place.number) <\(fault)>"
      }
    }
  }

  @Test(arguments: [
    "{\"a\":1}\n{\"b\":{}}\n", "{\"a\":1}\r\n\r\n{\"b\":{}}", "{\"a\":1} {\"b\":{}}",
  ])
  func `an object a line`(_ text: String) {
    #expect(found(text).map { $0.drop { $0 != "{" } } == ["{\"a\":1}", "{\"b\":{}}"])
  }

  @Test(arguments: [
    "[{\"a\":1},{\"b\":{}}]", "{\"Records\":[{\"a\":1},{\"b\":{}}]}",
    "{\"Events\":[{\"a\":1},{\"b\":{}}],\"NextToken\":\"}]{\"}",
    "{\"NextToken\":\"Records\", \"Records\" : [{\"a\":1}\n,{\"b\":{}}]}\n",
    "\u{FEFF}[{\"a\":1},{\"b\":{}}]", "[{\"a\":1}]\n[{\"b\":{}}]",
    "{\"Records\":[{\"a\":1}]}\n{\"Records\":[]}\n{\"Records\":[{\"b\":{}}],\"more\":[{}]}",
  ])
  func `an array, alone or in a member`(_ text: String) {
    for chunk in [1, 2, 3, 5, 8, 1_000] {
      #expect(
        found(text, chunk: chunk).map { $0.drop { $0 != "{" } } == ["{\"a\":1}", "{\"b\":{}}"])
    }
  }

  @Test func `each trail has its own containers`() {
    #expect(found("{\"traces\":[{}]}", .cts) == ["1#1 {}"])
    #expect(found("{\"traces\":[{}]}", .cloudtrail) == ["1#1 {\"traces\":[{}]}"])
    #expect(found("{\"x\":{\"Records\":[{}]}}") == ["1#1 {\"x\":{\"Records\":[{}]}}"])
    #expect(found("{\"Record\":[1]}") == ["1#1 {\"Record\":[1]}"])
  }

  @Test func `a record of many lines is one, and its line the first`() {
    let text = "[\n  {\n    \"a\": [\n{\"b\": \"]}\\\"\"},\n{}\n]\n  },\n  {}\n]"
    #expect(
      found(text) == ["2#1 {\n    \"a\": [\n{\"b\": \"]}\\\"\"},\n{}\n]\n  }", "8#2 {}"])
  }

  @Test func `a broken line costs itself`() {
    #expect(
      found("{\"a\":\"x\n{\"b\":1}\n{\"c\":1}\n")
        == ["1#1 <brokenOff>", "2#2 {\"b\":1}", "3#3 {\"c\":1}"])
    #expect(
      found("{\"a\":1\n{\"b\":1}\n") == ["1#1 <brokenOff>", "2#2 {\"b\":1}"])
    #expect(
      found("{\"a\":{\"x\":1},\n{\"b\":1}\n") == ["1#1 <brokenOff>", "2#2 {\"b\":1}"])
    #expect(
      found("{}\nnot JSON {}\n\n{\"b\":1}\n") == ["1#1 {}", "2#2 <notAnObject>", "4#3 {\"b\":1}"])
    #expect(
      found("[\n{\"a\":\"x\n,{\"b\":1}\n]\n{}") == [
        "2#1 <brokenOff>", "3#2 {\"b\":1}", "5#3 {}",
      ])
  }

  @Test func `what breaks where an object may stand costs one more`() {
    #expect(
      found("{\"a\":\n{\"b\":1}\n{\"c\":1}\n{\"d\":1}\n")
        == ["1#1 <brokenOff>", "3#2 {\"c\":1}", "4#3 {\"d\":1}"])
  }

  @Test func `a file that ends early says so`() {
    #expect(found("{\"Records\":[{\"a\":1},{\"b") == ["1#1 {\"a\":1}", "1#2 <endsEarly>"])
    #expect(found("[{\"a\":1},\n") == ["1#1 {\"a\":1}", "2#2 <endsEarly>"])
    #expect(found("{\"Records\":[{\"a\":1}]") == ["1#1 {\"a\":1}", "1#2 <endsEarly>"])
    #expect(found("").isEmpty)
    #expect(found(" \n ").isEmpty)
  }

  @Test func `a record that is too long is passed over alone`() {
    let long = "{\"a\":\"\(String(repeating: "x", count: 100))\"}"
    for chunk in [1, 7, 1_000] {
      #expect(
        found("[\(long),{\"b\":1}]", chunk: chunk, bytesMax: 64)
          == ["1#1 <tooLong(bytesMax: 64)>", "1#2 {\"b\":1}"])
      #expect(
        found("\(long)\n{\"b\":1}\n", chunk: chunk, bytesMax: 64)
          == ["1#1 <tooLong(bytesMax: 64)>", "2#2 {\"b\":1}"])
    }
  }

  @Test func `a compressed file is told from one that is not JSON`() {
    #expect(found("\u{1F}\u{8B}") == ["1#1 <compressed>"])
    #expect(found("<xml/>") == ["1#1 <notAnObject>"])
  }

  @Test(arguments: TrailFormat.allCases)
  func `chunks of any size give the same`(_ format: TrailFormat) throws {
    let bytes = try TrailFixture.bytes(format)
    let whole = bytes.pieces(format)
    #expect(whole.count >= 15)
    for chunk in [1, 2, 3, 64, 4_095] { #expect(bytes.pieces(format, chunk: chunk) == whole) }
  }

  @Test(arguments: [1, 2, UInt64.random(in: .min ... .max)])
  func `no bytes trap, and chunks do not matter`(_ seed: UInt64) {
    var random = Numbers(state: seed)
    let alphabet = Array("{}[]\",:\\\n a1Records".utf8)
    for _ in 0..<2_000 {
      let bytes = (0..<Int.random(in: 0..<60, using: &random)).map { _ in
        alphabet[Int.random(in: 0..<alphabet.count, using: &random)]
      }
      let whole = bytes.pieces(.cloudtrail)
      let chunk = Int.random(in: 1...7, using: &random)
      #expect(bytes.pieces(.cloudtrail, chunk: chunk) == whole, "\(bytes)")
      for case .record(let record, _) in whole {
        #expect(record.first == UInt8(ascii: "{"), "\(bytes)")
      }
    }
  }
}

/// Numbers from a seed.
private struct Numbers: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
    return state ^ (state >> 29)
  }
}
