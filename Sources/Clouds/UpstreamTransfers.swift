// UpstreamTransfers: the requests under way in a session, and what arrived of their answers.
//
// Fed by `URLSession`, awaited by `UpstreamClient`. Invariants: each transfer ends once; what comes
// beyond the bound of a body is dropped and the connection closed; no redirect is followed.

import Foundation
import FoundationNetworking
import Synchronization

/// Why a request has no answer.
enum UpstreamFailure: Error, Hashable, Sendable {
  /// It took too long.
  case timedOut
  /// The connection could not be made or broke, with `URLError`'s number.
  case transport(Int)
  /// The answer has more than `bytesMax` bytes.
  case tooLarge(bytesMax: Int)
  /// The answer sends us elsewhere.
  case redirected
  /// The answer is no HTTP, or a redirect to nowhere.
  case notHTTP
  /// The task was called off, or the client closed.
  case cancelled
}

/// A whole answer.
struct UpstreamAnswer: Sendable {
  let status: Int
  /// The header fields by their names in lower case.
  let fields: [String: String]
  let body: [UInt8]
}

/// The transfers under way, fed by the session.
final class UpstreamTransfers: NSObject, URLSessionDataDelegate {
  private struct Transfer {
    var status = 0
    var fields: [String: String] = [:]
    var body = Data()
    let continuation: CheckedContinuation<Result<UpstreamAnswer, UpstreamFailure>, Never>
  }

  private let bodyBytesMax: Int
  private let underWay = Mutex<[Int: Transfer]>([:])

  init(bodyBytesMax: Int) { self.bodyBytesMax = bodyBytesMax }

  func begin(
    _ identifier: Int,
    _ continuation: CheckedContinuation<Result<UpstreamAnswer, UpstreamFailure>, Never>
  ) {
    underWay.withLock { $0[identifier] = Transfer(continuation: continuation) }
  }

  /// Ends a transfer; later news of it is ignored.
  func end(_ identifier: Int, _ result: Result<UpstreamAnswer, UpstreamFailure>) {
    let transfer = underWay.withLock { $0.removeValue(forKey: identifier) }
    transfer?.continuation.resume(returning: result)
  }

  func urlSession(
    _ session: URLSession, dataTask: URLSessionDataTask, didReceive response: URLResponse,
    completionHandler: @escaping (URLSession.ResponseDisposition) -> Void
  ) {
    guard let answer = response as? HTTPURLResponse else {
      end(dataTask.taskIdentifier, .failure(.notHTTP))
      dataTask.cancel()
      return completionHandler(.cancel)
    }
    guard answer.expectedContentLength <= Int64(bodyBytesMax) else {
      end(dataTask.taskIdentifier, .failure(.tooLarge(bytesMax: bodyBytesMax)))
      // On Linux the disposition is ignored.
      dataTask.cancel()
      return completionHandler(.cancel)
    }
    let fields = Self.fields(of: answer)
    underWay.withLock {
      $0[dataTask.taskIdentifier]?.status = answer.statusCode
      $0[dataTask.taskIdentifier]?.fields = fields
    }
    completionHandler(.allow)
  }

  func urlSession(_ session: URLSession, dataTask: URLSessionDataTask, didReceive data: Data) {
    let isWithinBound = underWay.withLock { transfers in
      guard let count = transfers[dataTask.taskIdentifier]?.body.count else { return false }
      guard data.count <= bodyBytesMax - count else { return false }
      transfers[dataTask.taskIdentifier]?.body.append(data)
      return true
    }
    guard !isWithinBound else { return }
    end(dataTask.taskIdentifier, .failure(.tooLarge(bytesMax: bodyBytesMax)))
    dataTask.cancel()
  }

  func urlSession(
    _ session: URLSession, task: URLSessionTask,
    willPerformHTTPRedirection response: HTTPURLResponse, newRequest request: URLRequest,
    completionHandler: @escaping (URLRequest?) -> Void
  ) {
    // The handler is not called: on Linux it traps when the task was cancelled meanwhile, as a
    // time-out may do at any moment. A cancelled task does not wait for it.
    end(task.taskIdentifier, .failure(.redirected))
    task.cancel()
  }

  func urlSession(
    _ session: URLSession, task: URLSessionTask, didReceive challenge: URLAuthenticationChallenge,
    completionHandler: @escaping (URLSession.AuthChallengeDisposition, URLCredential?) -> Void
  ) {
    // We have nothing to offer but what was sent: the answer is the refusal itself. Left to the
    // default, the task waits until its time is over.
    let refusal = challenge.failureResponse as? HTTPURLResponse
    let body = underWay.withLock { $0[task.taskIdentifier]?.body } ?? Data()
    let answer = UpstreamAnswer(
      status: refusal?.statusCode ?? 401, fields: refusal.map(Self.fields) ?? [:],
      body: Array(body))
    end(task.taskIdentifier, .success(answer))
    completionHandler(.cancelAuthenticationChallenge, nil)
  }

  func urlSession(
    _ session: URLSession, task: URLSessionTask, didCompleteWithError error: (any Error)?
  ) {
    let identifier = task.taskIdentifier
    switch (error as? URLError)?.code {
    case .timedOut?: end(identifier, .failure(.timedOut))
    case .cancelled?: end(identifier, .failure(.cancelled))
    case let code?: end(identifier, .failure(.transport(code.rawValue)))
    case nil:
      guard error == nil else { return end(identifier, .failure(.transport(0))) }
      let answer = underWay.withLock { transfers in
        transfers[identifier].map {
          UpstreamAnswer(status: $0.status, fields: $0.fields, body: Array($0.body))
        }
      }
      guard let answer, answer.status != 0 else { return end(identifier, .failure(.notHTTP)) }
      end(identifier, .success(answer))
    }
  }

  private static func fields(of answer: HTTPURLResponse) -> [String: String] {
    var fields: [String: String] = [:]
    for (name, value) in answer.allHeaderFields {
      guard let name = name as? String, let value = value as? String else { continue }
      fields[name.lowercased()] = value
    }
    return fields
  }
}
