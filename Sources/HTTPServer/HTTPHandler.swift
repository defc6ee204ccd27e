// What the server asks of whoever answers requests.
//
// Called by: `Connection`. Calls: the handler's own code.
// Invariant: every method is called on the loop of the connection and must not block it.

public import HTTPWire

/// What a handler says to a head, before the body is read.
public enum HTTPAdmission: Sendable {
  /// Read the body, refuse it beyond this size, then call `respond`.
  case read(bodyBytesMax: Int)
  /// Call `respond` without a body; one that comes is dropped, or the connection closes.
  case ignoreBody
  /// This is the answer; the body is dropped, or the connection closes.
  case answer(HTTPResponse)
}

/// The answering side of a server.
public protocol HTTPHandler: Sendable {
  /// Decides on a head that announces a body, before the client is asked to go on with it.
  func admit(_ head: HTTPRequest) -> HTTPAdmission

  /// Answers a request.
  func respond(to request: HTTPRequest) async -> HTTPResponse

  /// Puts a refusal into the shape of the surface its target belongs to.
  ///
  /// `target` is nil where the request line was not understood.
  func refusal(_ refusal: HTTPRefusal, target: String?) -> HTTPResponse
}
