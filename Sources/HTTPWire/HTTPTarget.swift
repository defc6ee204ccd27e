// Decoding of paths, queries and forms.
//
// Called by: `HTTPRequest` and the request-line parser. Calls: nothing.
// Invariant: a path is split before it is decoded and decoded once, so an encoded slash or dot
// never reaches another route.

/// What becomes of an encoded slash inside a segment of a path.
public enum HTTPEncodedSlash: Hashable, Sendable {
  /// The segment is refused.
  case refused
  /// It stays a character of its segment, which it neither ends nor splits.
  case kept
}

/// The functions that read a target.
enum HTTPTarget {
  /// The path and the query of a target in origin form.
  static func split(_ target: String) -> (path: String, query: String?) {
    var target = target
    let mark = target.withUTF8 { unsafe $0.firstIndex(of: HTTPGrammar.question) }
    guard let mark else { return (target, nil) }
    let utf8 = target.utf8
    let index = utf8.index(utf8.startIndex, offsetBy: mark)
    return (String(target[..<index]), String(target[utf8.index(after: index)...]))
  }

  static func segments(
    of path: String, segmentBytesMax: Int, encodedSlash: HTTPEncodedSlash
  ) throws(HTTPRefusal) -> [String] {
    let bytes = Array(path.utf8)
    guard bytes.first == HTTPGrammar.slash else { throw HTTPRefusal(.invalidPathSegment) }
    guard bytes.count > 1 else { return [] }
    var segments: [String] = []
    var start = 1
    while start <= bytes.count {
      let end = bytes[start...].firstIndex(of: HTTPGrammar.slash) ?? bytes.count
      segments.append(try segment(bytes[start..<end], bytesMax: segmentBytesMax, encodedSlash))
      start = end + 1
    }
    return segments
  }

  private static func segment(
    _ raw: ArraySlice<UInt8>, bytesMax: Int, _ encodedSlash: HTTPEncodedSlash
  ) throws(HTTPRefusal) -> String {
    let decoded =
      raw.contains(HTTPGrammar.percent) ? percentDecoded(raw, plusIsBlank: false)?[...] : raw
    guard let bytes = decoded, !isEmptyOrDots(bytes),
      !bytes.contains(where: { $0 < 0x20 || $0 == 0x7F }),
      encodedSlash == .kept || !bytes.contains(HTTPGrammar.slash),
      let text = String(validating: bytes, as: UTF8.self)
    else { throw HTTPRefusal(.invalidPathSegment) }
    guard bytes.count <= bytesMax else {
      throw HTTPRefusal(.pathSegmentTooLong(limitBytes: bytesMax))
    }
    return text
  }

  private static func isEmptyOrDots(_ bytes: ArraySlice<UInt8>) -> Bool {
    bytes.count <= 2 && bytes.allSatisfy { $0 == UInt8(ascii: ".") }
  }

  static func formItems(
    _ bytes: some Collection<UInt8>
  ) throws(HTTPRefusal) -> [(name: String, value: String)] {
    var items: [(name: String, value: String)] = []
    for piece in bytes.split(separator: UInt8(ascii: "&")) {
      let name = piece.prefix { $0 != UInt8(ascii: "=") }
      let value = piece[name.endIndex...].dropFirst()
      items.append((try formText(name), try formText(value)))
    }
    return items
  }

  private static func formText(_ raw: some Collection<UInt8>) throws(HTTPRefusal) -> String {
    guard let bytes = percentDecoded(raw, plusIsBlank: true),
      let text = String(validating: bytes, as: UTF8.self), !bytes.contains(0)
    else { throw HTTPRefusal(.invalidForm) }
    return text
  }

  /// The bytes with `%XX` resolved once, or nil where a `%` is not followed by two digits.
  private static func percentDecoded(
    _ raw: some Collection<UInt8>, plusIsBlank: Bool
  ) -> [UInt8]? {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(raw.count)
    var rest = raw.makeIterator()
    while let byte = rest.next() {
      if byte == HTTPGrammar.percent {
        guard let high = rest.next().flatMap(HTTPGrammar.hexValue),
          let low = rest.next().flatMap(HTTPGrammar.hexValue)
        else { return nil }
        bytes.append(high << 4 | low)
      } else {
        bytes.append(plusIsBlank && byte == UInt8(ascii: "+") ? HTTPGrammar.space : byte)
      }
    }
    return bytes
  }
}
