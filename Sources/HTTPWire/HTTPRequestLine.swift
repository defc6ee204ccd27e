// The first line of a request.
//
// Called by: `HTTPRequestParser`. Calls: `HTTPGrammar`.
// Invariant: exactly two spaces, and a target that holds visible ASCII without `#` and `\`.

/// A request line that kept every rule.
struct HTTPRequestLine {
  static let methodBytesMax = 32
  /// What a line may have beyond its target: a method, two spaces and a version.
  static let overheadBytesMax = methodBytesMax + 2 + 8

  let method: String
  /// The target in origin form.
  let target: String
  /// The authority of a target in absolute form, which stands above the Host field.
  let authority: String?
  let isHTTP10: Bool

  init(_ line: ArraySlice<UInt8>, targetBytesMax: Int) throws(HTTPRefusal) {
    guard let first = line.firstIndex(of: HTTPGrammar.space),
      let second = line[(first + 1)...].firstIndex(of: HTTPGrammar.space)
    else { throw HTTPRefusal(.malformedRequestLine) }
    let methodBytes = line[line.startIndex..<first]
    let targetBytes = line[(first + 1)..<second]
    let version = line[(second + 1)...]
    guard !methodBytes.isEmpty, methodBytes.count <= Self.methodBytesMax,
      methodBytes.allSatisfy(HTTPGrammar.isToken), !targetBytes.isEmpty
    else { throw HTTPRefusal(.malformedRequestLine) }
    let minor = try Self.minorVersion(version, isPreface: methodBytes.elementsEqual("PRI".utf8))
    guard targetBytes.count <= targetBytesMax else {
      throw HTTPRefusal(.targetTooLong(limitBytes: targetBytesMax))
    }
    guard targetBytes.allSatisfy(Self.isTargetByte) else { throw HTTPRefusal(.invalidTarget) }
    method = String(decoding: methodBytes, as: UTF8.self)
    (target, authority) = try Self.originForm(targetBytes, method: method)
    isHTTP10 = minor == 0
  }

  private static func minorVersion(
    _ version: ArraySlice<UInt8>, isPreface: Bool
  ) throws(HTTPRefusal) -> UInt8 {
    let start = version.startIndex
    guard version.count == 8, version.prefix(5).elementsEqual("HTTP/".utf8),
      HTTPGrammar.isDigit(version[start + 5]), version[start + 6] == UInt8(ascii: "."),
      HTTPGrammar.isDigit(version[start + 7])
    else { throw HTTPRefusal(.malformedRequestLine) }
    guard version[start + 5] == UInt8(ascii: "1") else {
      throw HTTPRefusal(isPreface ? .http2Preface : .unsupportedVersion)
    }
    return version[start + 7] &- 0x30
  }

  private static func isTargetByte(_ byte: UInt8) -> Bool {
    byte > 0x20 && byte < 0x7F && byte != UInt8(ascii: "#") && byte != UInt8(ascii: "\\")
  }

  /// Reduces a target to its path and query, and tells the authority it named.
  private static func originForm(
    _ bytes: ArraySlice<UInt8>, method: String
  ) throws(HTTPRefusal) -> (target: String, authority: String?) {
    guard bytes.first != HTTPGrammar.slash else {
      return (String(decoding: bytes, as: UTF8.self), nil)
    }
    if method == "OPTIONS", bytes.elementsEqual("*".utf8) { return ("*", nil) }
    let rest: ArraySlice<UInt8>
    if HTTPGrammar.matches(bytes.prefix(7), "http://") {
      rest = bytes.dropFirst(7)
    } else if HTTPGrammar.matches(bytes.prefix(8), "https://") {
      rest = bytes.dropFirst(8)
    } else {
      throw HTTPRefusal(.invalidTarget)
    }
    let authority = rest.prefix { $0 != HTTPGrammar.slash && $0 != HTTPGrammar.question }
    guard HTTPGrammar.isHost(authority) else { throw HTTPRefusal(.invalidTarget) }
    let path = String(decoding: rest[authority.endIndex...], as: UTF8.self)
    let target = path.utf8.first == HTTPGrammar.slash ? path : "/" + path
    return (target, String(decoding: authority, as: UTF8.self))
  }
}
