// Responses as bytes.
//
// Called by: the server's connections. Calls: `HTTPFields.write`.
// Invariant: an answer has Content-Length or Transfer-Encoding or neither, never both, and to
// HEAD, with 204 and with 304 it has no content.

/// How the content of an answer follows its head.
public enum HTTPBodyPlan: Hashable, Sendable {
  /// Nothing follows.
  case nothing
  /// The bytes follow as they are; they are written already.
  case whole
  /// The stream follows in chunks.
  case chunks
  /// The stream follows and the end of the connection ends it.
  case untilClose
}

/// What the writer must know of the request and the connection.
public struct HTTPResponseContext: Sendable {
  /// Whether the request was HEAD.
  public var isHead: Bool
  /// Whether the client speaks HTTP/1.0.
  public var isHTTP10: Bool
  /// Whether the connection ends after this answer.
  public var closes: Bool

  /// Sets each fact.
  public init(isHead: Bool, isHTTP10: Bool, closes: Bool) {
    self.isHead = isHead
    self.isHTTP10 = isHTTP10
    self.closes = closes
  }
}

/// The functions that write answers.
public enum HTTPResponseWriter {
  /// The interim answer that asks for the body.
  public static let goOn = Array("HTTP/1.1 100 Continue\r\n\r\n".utf8)
  /// The end of a chunked body.
  public static let lastChunk = Array("0\r\n\r\n".utf8)

  /// Appends the head, and the content where it is in memory; `date` is from `HTTPDate`.
  public static func append(
    _ response: HTTPResponse, context: HTTPResponseContext, date: [UInt8],
    to output: inout [UInt8]
  ) -> HTTPBodyPlan {
    let status = min(max(response.status, 200), 599)
    appendStatusLine(status, to: &output)
    output.append(contentsOf: "Date: ".utf8)
    output.append(contentsOf: date)
    output.append(contentsOf: "\r\nX-Content-Type-Options: nosniff\r\n".utf8)
    response.fields.write(into: &output, skipping: isOwnField)
    let plan = appendFraming(of: response.body, status: status, context, to: &output)
    if context.closes || plan == .untilClose {
      output.append(contentsOf: "Connection: close\r\n".utf8)
    } else if context.isHTTP10 {
      output.append(contentsOf: "Connection: keep-alive\r\n".utf8)
    }
    output.append(contentsOf: "\r\n".utf8)
    if case .bytes(let bytes) = response.body, plan == .whole {
      output.append(contentsOf: bytes)
    }
    return plan
  }

  /// Appends bytes as one chunk; no bytes are no chunk.
  public static func appendChunk(_ bytes: [UInt8], to output: inout [UInt8]) {
    guard !bytes.isEmpty else { return }
    output.append(contentsOf: String(bytes.count, radix: 16).utf8)
    output.append(contentsOf: "\r\n".utf8)
    output.append(contentsOf: bytes)
    output.append(contentsOf: "\r\n".utf8)
  }

  private static func appendFraming(
    of body: HTTPBody, status: Int, _ context: HTTPResponseContext, to output: inout [UInt8]
  ) -> HTTPBodyPlan {
    guard status != 204, status != 304 else { return .nothing }
    let length: Int
    switch body {
    case .none: length = 0
    case .bytes(let bytes): length = bytes.count
    case .stream:
      guard !context.isHead else { return .nothing }
      guard !context.isHTTP10 else { return .untilClose }
      output.append(contentsOf: "Transfer-Encoding: chunked\r\n".utf8)
      return .chunks
    }
    output.append(contentsOf: "Content-Length: ".utf8)
    appendDecimal(length, to: &output)
    output.append(contentsOf: "\r\n".utf8)
    return context.isHead || length == 0 ? .nothing : .whole
  }

  /// Whether a field is the writer's to set.
  private static func isOwnField(_ name: ArraySlice<UInt8>) -> Bool {
    switch name.count {
    case 4: HTTPGrammar.matches(name, "date")
    case 10: HTTPGrammar.matches(name, "connection")
    case 14: HTTPGrammar.matches(name, "content-length")
    case 17: HTTPGrammar.matches(name, "transfer-encoding")
    case 22: HTTPGrammar.matches(name, "x-content-type-options")
    default: false
    }
  }

  private static func appendDecimal(_ number: Int, to output: inout [UInt8]) {
    guard number >= 10 else {
      output.append(UInt8(ascii: "0") &+ UInt8(truncatingIfNeeded: number))
      return
    }
    appendDecimal(number / 10, to: &output)
    output.append(UInt8(ascii: "0") &+ UInt8(truncatingIfNeeded: number % 10))
  }

  private static func appendStatusLine(_ status: Int, to output: inout [UInt8]) {
    guard status != 200 else {
      output.append(contentsOf: "HTTP/1.1 200 OK\r\n".utf8)
      return
    }
    output.append(contentsOf: "HTTP/1.1 ".utf8)
    appendDecimal(status, to: &output)
    output.append(HTTPGrammar.space)
    output.append(contentsOf: reasonPhrase(status).utf8)
    output.append(contentsOf: "\r\n".utf8)
  }

  /// The words of a status; none where HTTP has none.
  public static func reasonPhrase(_ status: Int) -> String {
    switch status {
    case 200: "OK"
    case 201: "Created"
    case 202: "Accepted"
    case 204: "No Content"
    case 206: "Partial Content"
    case 301: "Moved Permanently"
    case 302: "Found"
    case 303: "See Other"
    case 304: "Not Modified"
    case 307: "Temporary Redirect"
    case 308: "Permanent Redirect"
    case 400: "Bad Request"
    case 401: "Unauthorized"
    case 403: "Forbidden"
    case 404: "Not Found"
    case 405: "Method Not Allowed"
    case 406: "Not Acceptable"
    case 408: "Request Timeout"
    case 409: "Conflict"
    case 410: "Gone"
    case 411: "Length Required"
    case 412: "Precondition Failed"
    case 413: "Content Too Large"
    case 414: "URI Too Long"
    case 415: "Unsupported Media Type"
    case 417: "Expectation Failed"
    case 422: "Unprocessable Content"
    case 428: "Precondition Required"
    case 429: "Too Many Requests"
    case 431: "Request Header Fields Too Large"
    case 500: "Internal Server Error"
    case 501: "Not Implemented"
    case 502: "Bad Gateway"
    case 503: "Service Unavailable"
    case 504: "Gateway Timeout"
    case 505: "HTTP Version Not Supported"
    default: ""
    }
  }
}
