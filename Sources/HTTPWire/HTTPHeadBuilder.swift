// From lines to a head: what each field means for the framing of the message.
//
// Called by: `HTTPRequestParser`, line by line. Calls: `HTTPGrammar`, `HTTPRequestLine`.
// Invariant: `finish` gives a head only if exactly one reading of its framing exists.

/// A head under construction.
struct HTTPHeadBuilder {
  private let line: HTTPRequestLine
  private let fieldsMax: Int
  private var fields = HTTPFields()
  private var hosts = 0
  private var contentLength: Int?
  private var transferEncodings = 0
  private var isChunked = false
  private var isUnknownEncoding = false
  private var expectation = HTTPExpectation.none
  private var wantsClose = false
  private var wantsKeepAlive = false

  init(line: HTTPRequestLine, fieldsMax: Int) {
    self.line = line
    self.fieldsMax = fieldsMax
  }

  /// The name and the value of a field line, without the blanks around the value.
  static func split(
    _ bytes: [UInt8], _ range: Range<Int>
  ) throws(HTTPRefusal) -> (name: Range<Int>, value: Range<Int>) {
    guard let first = bytes[range].first, !HTTPGrammar.isBlank(first) else {
      throw HTTPRefusal(.foldedField)
    }
    var end = range.lowerBound
    while end < range.upperBound, HTTPGrammar.isToken(bytes[end]) { end += 1 }
    guard end > range.lowerBound, end < range.upperBound, bytes[end] == HTTPGrammar.colon else {
      throw HTTPRefusal(.malformedField)
    }
    return (range.lowerBound..<end, HTTPGrammar.trimmed(bytes, (end + 1)..<range.upperBound))
  }

  mutating func add(_ bytes: [UInt8], _ range: Range<Int>) throws(HTTPRefusal) {
    guard fields.count < fieldsMax else { throw HTTPRefusal(.tooManyFields(limit: fieldsMax)) }
    let (name, value) = try Self.split(bytes, range)
    fields.append(checked: bytes, name: name, value: value)
    try interpret(bytes[name], bytes[value])
  }

  private mutating func interpret(
    _ name: ArraySlice<UInt8>, _ value: ArraySlice<UInt8>
  ) throws(HTTPRefusal) {
    switch name.count {
    case 4 where HTTPGrammar.matches(name, "host"):
      hosts += 1
      guard hosts == 1 else { throw HTTPRefusal(.duplicateHost) }
      guard HTTPGrammar.isHost(value) else { throw HTTPRefusal(.invalidHost) }
    case 6 where HTTPGrammar.matches(name, "expect"):
      let isKnown = HTTPGrammar.matches(value, "100-continue") && expectation != .unknown
      expectation = isKnown ? .goOn : .unknown
    case 10 where HTTPGrammar.matches(name, "connection"):
      for option in value.split(separator: UInt8(ascii: ",")) {
        let token = option.drop(while: HTTPGrammar.isBlank).prefix { !HTTPGrammar.isBlank($0) }
        wantsClose = wantsClose || HTTPGrammar.matches(token, "close")
        wantsKeepAlive = wantsKeepAlive || HTTPGrammar.matches(token, "keep-alive")
      }
    case 14 where HTTPGrammar.matches(name, "content-length"):
      guard contentLength == nil, let length = HTTPGrammar.decimal(value) else {
        throw HTTPRefusal(.invalidContentLength)
      }
      contentLength = length
    case 17 where HTTPGrammar.matches(name, "transfer-encoding"):
      transferEncodings += 1
      isChunked = HTTPGrammar.matches(value, "chunked")
      isUnknownEncoding = !value.isEmpty && value.allSatisfy(HTTPGrammar.isToken)
    default:
      break
    }
  }

  func finish() throws(HTTPRefusal) -> HTTPHead {
    guard hosts == 1 || line.isHTTP10 else { throw HTTPRefusal(.missingHost) }
    let framing = try framing()
    var fields = fields
    if let authority = line.authority { fields.set("Host", authority) }
    return HTTPHead(
      request: HTTPRequest(
        method: line.method, target: line.target, fields: fields, isHTTP10: line.isHTTP10),
      framing: framing,
      expectation: line.isHTTP10 ? .none : expectation,
      keepsAlive: !wantsClose && (!line.isHTTP10 || wantsKeepAlive))
  }

  private func framing() throws(HTTPRefusal) -> HTTPFraming {
    guard transferEncodings > 0 else {
      guard let contentLength, contentLength > 0 else { return .none }
      return .length(contentLength)
    }
    guard contentLength == nil else { throw HTTPRefusal(.conflictingFraming) }
    guard transferEncodings == 1, !line.isHTTP10 else {
      throw HTTPRefusal(.invalidTransferEncoding)
    }
    guard isChunked else {
      throw HTTPRefusal(isUnknownEncoding ? .unsupportedTransferEncoding : .invalidTransferEncoding)
    }
    return .chunked
  }
}
