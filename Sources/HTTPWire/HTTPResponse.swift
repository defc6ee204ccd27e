// A response as the handlers make it.
//
// Called by: handlers; the server writes it out with `HTTPResponseWriter`. Calls: nothing.
// Invariant: framing and connection fields are the writer's, whatever a handler sets.

/// A final answer.
public struct HTTPResponse: Sendable {
  /// The status, 200 to 599.
  public var status: Int
  /// The fields, but for those of framing, connection and date, which the server writes.
  public var fields: HTTPFields
  /// The content.
  public var body: HTTPBody

  /// Makes an answer.
  public init(status: Int, fields: HTTPFields = HTTPFields(), body: HTTPBody = .none) {
    self.status = status
    self.fields = fields
    self.body = body
  }
}

/// The content of an answer.
public enum HTTPBody: Sendable {
  /// Nothing; where content is allowed its length is told as 0.
  case none
  /// Bytes in memory.
  case bytes([UInt8])
  /// Bytes made while they are sent.
  case stream(HTTPBodyStream)
}

/// Why a stream ended before its time.
public enum HTTPStreamError: Error, Hashable, Sendable {
  /// The client has gone, or takes nothing within the write time-out.
  case disconnected
  /// The producer cannot go on; the connection is cut so that the client sees it.
  case abandoned
}

/// Content made while it is sent; called on the connection's loop.
///
/// The answer is chunked, or for HTTP/1.0 ends with the connection. A throw ends the connection
/// without the end of the content, so that nobody takes a part for the whole.
public struct HTTPBodyStream: Sendable {
  /// Writes the whole content.
  public let write: @Sendable (HTTPBodyWriter) async throws(HTTPStreamError) -> Void

  /// Makes a stream of its producer.
  public init(
    _ write: @escaping @Sendable (HTTPBodyWriter) async throws(HTTPStreamError) -> Void
  ) {
    self.write = write
  }
}

/// The sink of a stream.
public struct HTTPBodyWriter {
  private let send: ([UInt8]) async throws(HTTPStreamError) -> Void

  /// Makes a writer of what takes the bytes.
  public init(_ send: @escaping ([UInt8]) async throws(HTTPStreamError) -> Void) {
    self.send = send
  }

  /// Sends bytes and returns once the client's side has room for more.
  public func write(_ bytes: [UInt8]) async throws(HTTPStreamError) {
    guard !bytes.isEmpty else { return }
    try await send(bytes)
  }
}
