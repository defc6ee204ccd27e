// Feeding the parser from tests: whole, split anywhere, and with a stand-in for the server.

import HTTPWire

/// A small generator with a seed, for tests that can be replayed.
struct SplitMix: RandomNumberGenerator {
  var state: UInt64
  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var mixed = state
    mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
    return mixed ^ (mixed >> 31)
  }
}

/// Everything the parser says about `pieces`; bodies are read up to `bodyBytesMax`.
///
/// A target that begins with `/drop` stands for a handler that does not want the body.
func events(
  _ pieces: [[UInt8]], limits: HTTPLimits = HTTPLimits(), bodyBytesMax: Int = 1000
) -> [HTTPEvent] {
  var parser = HTTPRequestParser(limits: limits)
  var found: [HTTPEvent] = []
  for piece in pieces {
    parser.receive(piece[...])
    while let event = parser.next() {
      if case .refused = event, case .refused = found.last { break }
      found.append(event)
      if case .refused = event { break }
      guard case .head(let head) = event else { continue }
      if head.request.target.hasPrefix("/drop") {
        parser.dropBody(bytesMax: bodyBytesMax)
      } else {
        parser.readBody(bytesMax: bodyBytesMax)
      }
    }
  }
  return found
}

func events(_ text: String, limits: HTTPLimits = HTTPLimits()) -> [HTTPEvent] {
  events([Array(text.utf8)], limits: limits)
}

/// The reason of the refusal the events end with.
func refusal(_ events: [HTTPEvent]) -> HTTPRefusal.Reason? {
  guard case .refused(let refusal) = events.last else { return nil }
  return refusal.reason
}

/// The heads among the events.
func heads(_ events: [HTTPEvent]) -> [HTTPHead] {
  events.compactMap { event in
    guard case .head(let head) = event else { return nil }
    return head
  }
}

/// The bodies among the events, as text.
func bodies(_ events: [HTTPEvent]) -> [String] {
  events.compactMap { event in
    guard case .body(let bytes) = event else { return nil }
    return String(decoding: bytes, as: UTF8.self)
  }
}

/// `bytes` cut at random places.
func split(_ bytes: [UInt8], using generator: inout SplitMix) -> [[UInt8]] {
  var pieces: [[UInt8]] = []
  var rest = bytes[...]
  let largest = [1, 2, 7, 64, 5000].randomElement(using: &generator) ?? 1
  while !rest.isEmpty {
    let count = min(rest.count, Int.random(in: 1...largest, using: &generator))
    pieces.append(Array(rest.prefix(count)))
    rest = rest.dropFirst(count)
  }
  return pieces
}
