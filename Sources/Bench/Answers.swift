// Answers: finds the end of an HTTP answer in what has been received.
//
// Called by `Load` for each piece that arrives. Pure. It knows the service's own way of writing: a
// length in `Content-Length`, no chunks for what is small. Invariant: bytes past the answer are
// never touched.

/// An answer at the beginning of some bytes.
struct AnswerHead: Equatable {
  /// Its status.
  var status: Int
  /// How many bytes it has, head and content.
  var length: Int

  /// Looks at the first `count` bytes; nil while the head is not complete or makes no sense.
  init?(_ bytes: [UInt8], count: Int) {
    guard let end = Self.headEnd(bytes, count), end >= 16 else { return nil }
    var status = 0
    for byte in bytes[9..<12] {
      guard 0x30...0x39 ~= byte else { return nil }
      status = status * 10 + Int(byte - 0x30)
    }
    self.status = status
    guard let content = Self.contentLength(bytes, end) else { return nil }
    length = end + content
  }

  private static func headEnd(_ bytes: [UInt8], _ count: Int) -> Int? {
    var index = 3
    while index < count {
      // Only the last of the four can stand where none of the others does.
      if bytes[index] == 0x0A, bytes[index - 2] == 0x0A { return index + 1 }
      index += 1
    }
    return nil
  }

  private static let name = Array("content-length:".utf8)

  private static func contentLength(_ bytes: [UInt8], _ end: Int) -> Int? {
    var index = 0
    while index < end {
      var matched = 0
      while matched < name.count, index + matched < end,
        bytes[index + matched] | 0x20 == name[matched] || bytes[index + matched] == name[matched]
      {
        matched += 1
      }
      if matched == name.count {
        var value = 0
        for byte in bytes[(index + matched)..<end] where byte != 0x20 {
          guard 0x30...0x39 ~= byte else { return value }
          value = value * 10 + Int(byte - 0x30)
        }
        return value
      }
      while index < end, bytes[index] != 0x0A { index += 1 }
      index += 1
    }
    return 0
  }
}
