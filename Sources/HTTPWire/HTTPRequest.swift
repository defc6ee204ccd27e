// A request as the handlers see it, and its head as the server sees it.
//
// Called by: the parser, which makes them; the server and the handlers, which read them.
// Calls: `HTTPTarget` for decoding.
// Invariant: the target begins with `/`, or is `*`, and is visible ASCII.

/// A request, its body whole.
public struct HTTPRequest: Sendable, Equatable {
  /// The method as it was sent; methods are case-sensitive.
  public var method: String
  /// The path and the query, not decoded; the absolute form is reduced to this.
  public var target: String
  /// The path, not decoded.
  public var path: String
  /// What follows the `?`, not decoded; nil where there is none.
  public var query: String?
  /// The header fields; trailers never join them.
  public var fields: HTTPFields
  /// The body, empty until it has arrived whole.
  public var body: [UInt8]
  /// Whether the client speaks HTTP/1.0.
  public var isHTTP10: Bool
  /// The numeric address the request came from, set by the server; nil when it is not known.
  public var peer: String?

  /// Makes a request of a target in origin form, as tests do.
  public init(
    method: String, target: String, fields: HTTPFields = HTTPFields(), body: [UInt8] = [],
    isHTTP10: Bool = false
  ) {
    self.method = method
    self.target = target
    (path, query) = HTTPTarget.split(target)
    self.fields = fields
    self.body = body
    self.isHTTP10 = isHTTP10
  }

  /// The segments of the path, split at `/` and then percent-decoded once; `/` has none.
  ///
  /// Refuses empty and dot segments, encoded slashes unless they are to be kept, controls and what
  /// is not UTF-8 (400), and a segment of more than `segmentBytesMax` decoded bytes (414).
  public func pathSegments(
    segmentBytesMax: Int = 256, encodedSlash: HTTPEncodedSlash = .refused
  ) throws(HTTPRefusal) -> [String] {
    try HTTPTarget.segments(
      of: path, segmentBytesMax: segmentBytesMax, encodedSlash: encodedSlash)
  }

  /// The names and values of the query, form-decoded, in order; none where there is no query.
  public func queryItems() throws(HTTPRefusal) -> [(name: String, value: String)] {
    guard let query else { return [] }
    return try HTTPTarget.formItems(query.utf8)
  }

  /// The names and values of a body of type `application/x-www-form-urlencoded`, in order.
  public func formItems() throws(HTTPRefusal) -> [(name: String, value: String)] {
    try HTTPTarget.formItems(body)
  }
}

/// How the end of a body is told.
public enum HTTPFraming: Hashable, Sendable {
  /// There is no body.
  case none
  /// The body has this many bytes.
  case length(Int)
  /// The body comes in chunks.
  case chunked
}

/// What the client wants to hear before it sends the body.
public enum HTTPExpectation: Hashable, Sendable {
  /// Nothing.
  case none
  /// 100 (Continue), or the final answer.
  case goOn
  /// Something this server does not know.
  case unknown
}

/// A head that kept every rule.
public struct HTTPHead: Sendable, Equatable {
  /// The request, its body empty.
  public var request: HTTPRequest
  /// How the end of the body is told.
  public var framing: HTTPFraming
  /// What the client waits for; always `.none` in HTTP/1.0.
  public var expectation: HTTPExpectation
  /// Whether the client wants the connection to last.
  public var keepsAlive: Bool
}
