// Any bytes, split anywhere: no trap, and the same events.

import HTTPWire
import Testing

@Suite struct HTTPParserFuzzTests {
  static let samples: [String] = [
    "GET / HTTP/1.1\r\nHost: h\r\n\r\n",
    "GET http://h:80/p?q=%41 HTTP/1.1\r\nHost: h\r\nConnection: close, x\r\n\r\n",
    "POST /a HTTP/1.1\r\nHost: [::1]:9\r\nContent-Length: 11\r\nExpect: 100-continue\r\n\r\n"
      + "hello world",
    "POST /b HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n5;a=\"b\"\r\nhello\r\n"
      + "0\r\nT: x\r\n\r\n",
    "POST /drop HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc",
    "POST /drop HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\nA\r\n0123456789\r\n"
      + "0\r\n\r\n",
    "\r\nHEAD /c/%2e/d HTTP/1.0\r\nX-Y: \t z \t\r\n\r\n",
  ]

  static let interesting: [UInt8] =
    Array(
      "\r\n\r\n\t :;,=\"\\/%?#0123456789abcdefxHTTP/1.\u{0}\u{1}\u{7F}".utf8) + [0x80, 0xFF]

  private func mutated(_ bytes: [UInt8], using generator: inout SplitMix) -> [UInt8] {
    var bytes = bytes
    for _ in 0..<Int.random(in: 0...4, using: &generator) where !bytes.isEmpty {
      let place = Int.random(in: 0..<bytes.count, using: &generator)
      let byte = Self.interesting.randomElement(using: &generator) ?? 0
      switch Int.random(in: 0..<5, using: &generator) {
      case 0: bytes[place] = byte
      case 1: bytes.insert(byte, at: place)
      case 2: bytes.remove(at: place)
      case 3: bytes.removeSubrange(place..<min(bytes.count, place + 9))
      default: bytes.insert(contentsOf: bytes[place..<min(bytes.count, place + 9)], at: place)
      }
    }
    return bytes
  }

  @Test func `mutated requests give the same events however they are split`() {
    let seed = UInt64.random(in: .min ... .max)
    print("seed \(seed)")
    var generator = SplitMix(state: seed)
    let limits = HTTPLimits(
      headBytesMax: 150, fieldsMax: 4, targetBytesMax: 24, trailerBytesMax: 20)
    for round in 0..<4000 {
      var input: [UInt8] = []
      for _ in 0..<Int.random(in: 1...3, using: &generator) {
        let sample = Self.samples.randomElement(using: &generator) ?? ""
        input += mutated(Array(sample.utf8), using: &generator)
      }
      let bounds = round.isMultiple(of: 2) ? limits : HTTPLimits()
      let whole = events([input], limits: bounds, bodyBytesMax: 16)
      let pieces = split(input, using: &generator)
      let cut = events(pieces, limits: bounds, bodyBytesMax: 16)
      #expect(whole == cut, "seed \(seed), round \(round), input \(input)")
      let single = events(input.map { [$0] }, limits: bounds, bodyBytesMax: 16)
      #expect(whole == single, "seed \(seed), round \(round), input \(input)")
    }
  }

  @Test func `random bytes never trap and never make a request of garbage`() {
    let seed = UInt64.random(in: .min ... .max)
    print("seed \(seed)")
    var generator = SplitMix(state: seed)
    for round in 0..<2000 {
      let count = Int.random(in: 0...400, using: &generator)
      let isText = round.isMultiple(of: 2)
      let input = (0..<count).map { _ in
        isText
          ? Self.interesting.randomElement(using: &generator) ?? 0
          : UInt8.random(in: .min ... .max, using: &generator)
      }
      let whole = events([input])
      #expect(whole == events(split(input, using: &generator)), "seed \(seed), round \(round)")
      #expect(heads(whole).isEmpty, "seed \(seed), round \(round)")
    }
  }

  @Test func `decoders never trap`() {
    let seed = UInt64.random(in: .min ... .max)
    print("seed \(seed)")
    var generator = SplitMix(state: seed)
    for _ in 0..<2000 {
      let count = Int.random(in: 0...40, using: &generator)
      let bytes = (0..<count).map { _ in Self.interesting.randomElement(using: &generator) ?? 0 }
      let text = "/" + String(decoding: bytes, as: UTF8.self)
      let request = HTTPRequest(method: "GET", target: text, body: bytes)
      _ = try? request.pathSegments()
      _ = try? request.queryItems()
      _ = try? request.formItems()
    }
  }
}
