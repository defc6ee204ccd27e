// LineStream: an answer of lines, taken while it arrives.
//
// Called by the commands that ask about all labels. Invariant: a stream that was cut short is an
// error, never the end; the token goes to the address it was meant for and nowhere else.

import CanonicalJSON
import Foundation
import FoundationNetworking
import Synchronization

/// The reading of one answer.
final class LineStream: NSObject, URLSessionDataDelegate, Sendable {
  /// The longest line, and the longest text of a refusal.
  private static let bytesMax = 4 << 20

  private struct State {
    var status = 0
    var rest: [UInt8] = []
    var failure: ClientError?
    var continuation: CheckedContinuation<Result<Void, ClientError>, Never>?
  }

  private let state = Mutex(State())
  private let take: @Sendable ([JSONValue]) -> Void

  private init(_ take: @escaping @Sendable ([JSONValue]) -> Void) { self.take = take }

  /// Sends the request and gives the lines of its answer to `take`, in order, as many as have come.
  static func read(
    _ request: URLRequest, _ take: @escaping @Sendable ([JSONValue]) -> Void
  ) async throws(ClientError) {
    let stream = LineStream(take)
    let configuration = URLSessionConfiguration.ephemeral
    configuration.timeoutIntervalForRequest = 30
    configuration.httpShouldSetCookies = false
    let session = URLSession(configuration: configuration, delegate: stream, delegateQueue: nil)
    defer { session.finishTasksAndInvalidate() }
    let result = await withCheckedContinuation { continuation in
      stream.state.withLock { $0.continuation = continuation }
      session.dataTask(with: request).resume()
    }
    try result.get()
  }

  func urlSession(
    _ session: URLSession, dataTask: URLSessionDataTask, didReceive response: URLResponse,
    completionHandler: @escaping (URLSession.ResponseDisposition) -> Void
  ) {
    state.withLock { $0.status = (response as? HTTPURLResponse)?.statusCode ?? 0 }
    completionHandler(.allow)
  }

  func urlSession(_ session: URLSession, dataTask: URLSessionDataTask, didReceive data: Data) {
    let lines = state.withLock { state -> [JSONValue] in
      guard state.failure == nil else { return [] }
      state.rest += data
      guard state.status == 200, let end = state.rest.lastIndex(of: 0x0A) else {
        if state.rest.count > Self.bytesMax {
          state.failure = .unintelligible(status: state.status)
        }
        return []
      }
      var lines: [JSONValue] = []
      for line in state.rest[..<end].split(separator: 0x0A) {
        guard let value = try? JSONValue(parsing: Array(line), limits: .standard) else {
          state.failure = .unintelligible(status: state.status)
          break
        }
        lines.append(value)
      }
      state.rest.removeSubrange(...end)
      return lines
    }
    if !lines.isEmpty { take(lines) }
  }

  func urlSession(
    _ session: URLSession, task: URLSessionTask, didCompleteWithError error: (any Error)?
  ) {
    let address = origin(of: task.originalRequest)
    let (continuation, result) = state.withLock { state in
      (state.continuation.take(), Self.result(state, error, address))
    }
    continuation?.resume(returning: result)
  }

  private static func result(
    _ state: State, _ error: (any Error)?, _ address: String
  ) -> Result<Void, ClientError> {
    if let failure = state.failure { return .failure(failure) }
    if let error {
      return .failure(.unreachable(address, reason: error.localizedDescription))
    }
    guard state.status == 200 else {
      let json = (try? JSONValue(parsing: state.rest, limits: .standard)) ?? .null
      let reply = Reply(status: state.status, json: json, next: nil)
      return .failure(.refused(status: state.status, text: reply.refusal))
    }
    return state.rest.isEmpty ? .success(()) : .failure(.unintelligible(status: 200))
  }

  /// A redirect is taken for the answer instead of being followed with the token in hand.
  func urlSession(
    _ session: URLSession, task: URLSessionTask,
    willPerformHTTPRedirection response: HTTPURLResponse, newRequest request: URLRequest,
    completionHandler: @escaping (URLRequest?) -> Void
  ) {
    completionHandler(nil)
  }
}
