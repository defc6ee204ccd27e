// UpstreamClient: careful GETs to a cloud, whose answers are hostile until read.
//
// Called by the client of each cloud; the one place that uses `URLSession`. Invariants: what comes
// beyond the bound of a body is dropped and the connection closed, no redirect is followed, every
// request ends within its time, and what is retried is only a GET that failed on the way or that
// the cloud itself asked to repeat.

import Foundation
import FoundationNetworking
import Synchronization

/// How a cloud is asked.
public struct UpstreamSettings: Sendable {
  /// How long a connection may take to open, or an answer may pause.
  public var idleTimeout: Duration = .seconds(10)
  /// How long one request may take with its whole answer.
  public var requestTimeout: Duration = .seconds(30)
  /// How long one question may take with all its pages and retries.
  public var operationTimeout: Duration = .seconds(90)
  /// How large one answer may be.
  public var bodyBytesMax = 1 << 20
  /// How often a request is repeated.
  public var retriesMax = 3
  /// How long to wait before the first repetition, at most; each next wait may be twice as long.
  public var backoff: Duration = .milliseconds(250)
  /// How long a cloud may ask us to wait; when it asks for more, we give up at once.
  public var retryAfterMax: Duration = .seconds(10)
  /// How many requests may start in a second.
  public var requestsPerSecondMax = 50
  /// How many items to ask for in one page.
  public var pageItemsMax = 50
  /// How many pages one question may have.
  public var pagesMax = 400
  /// Returns after the time, or early when its task is called off.
  public var sleep: @Sendable (Duration) async -> Void = { try? await Task.sleep(for: $0) }
  /// A number from 0 to 1, different each time.
  public var jitter: @Sendable () -> Double = { Double.random(in: 0...1) }

  /// The settings for a cloud in production.
  public init() {}
}

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
  let retryAfter: Duration?
  let body: [UInt8]
}

/// Sends GETs to a cloud; close it when done, or its connections stay.
public final class UpstreamClient: Sendable {
  private let settings: UpstreamSettings
  private let transfers: Transfers
  private let session: Mutex<URLSession?>
  private let nextStart = Mutex(ContinuousClock.now)

  /// A client with connections of its own.
  public init(settings: UpstreamSettings) {
    let configuration = URLSessionConfiguration.ephemeral
    configuration.httpCookieStorage = nil
    configuration.httpShouldSetCookies = false
    configuration.urlCache = nil
    configuration.urlCredentialStorage = nil
    configuration.requestCachePolicy = .reloadIgnoringLocalCacheData
    let queue = OperationQueue()
    queue.maxConcurrentOperationCount = 1
    let transfers = Transfers(bodyBytesMax: settings.bodyBytesMax)
    self.settings = settings
    self.transfers = transfers
    session = Mutex(
      URLSession(configuration: configuration, delegate: transfers, delegateQueue: queue))
  }

  deinit { close() }

  /// Ends what is under way and lets the connections go; later requests are cancelled.
  public func close() {
    session.withLock { session in
      session?.invalidateAndCancel()
      session = nil
    }
  }

  /// Asks for `url`, again if need be, until `deadline`.
  ///
  /// Gives the first answer that is not worth repeating, or the last one.
  func get(
    _ url: URL, headers: [String: String], deadline: ContinuousClock.Instant
  ) async throws(UpstreamFailure) -> UpstreamAnswer {
    var retries = 0
    while true {
      let result = await once(url, headers, deadline)
      guard retries < settings.retriesMax, let wait = wait(after: result, retries: retries),
        !Task.isCancelled, ContinuousClock.now.advanced(by: wait) < deadline
      else { return try result.get() }
      await settings.sleep(wait)
      retries += 1
    }
  }

  /// How long to wait before repeating; nil when that is no use.
  private func wait(
    after result: Result<UpstreamAnswer, UpstreamFailure>, retries: Int
  ) -> Duration? {
    let backoff = settings.backoff * (1 << min(retries, 10)) * settings.jitter()
    switch result {
    case .success(let answer):
      guard answer.status == 429 || answer.status >= 500 else { return nil }
      guard let asked = answer.retryAfter else { return backoff }
      return asked <= settings.retryAfterMax ? max(asked, backoff) : nil
    case .failure(.timedOut), .failure(.transport), .failure(.notHTTP): return backoff
    case .failure(.tooLarge), .failure(.redirected), .failure(.cancelled): return nil
    }
  }

  private func once(
    _ url: URL, _ headers: [String: String], _ deadline: ContinuousClock.Instant
  ) async -> Result<UpstreamAnswer, UpstreamFailure> {
    await pace()
    let left = min(settings.requestTimeout, ContinuousClock.now.duration(to: deadline))
    guard left > .zero else { return .failure(.timedOut) }
    let request = makeRequest(url, headers, idleTimeout: min(settings.idleTimeout, left))
    return await withTaskGroup(of: Result<UpstreamAnswer, UpstreamFailure>?.self) { group in
      group.addTask { await self.transfer(request) }
      group.addTask {
        do { try await Task.sleep(for: left) } catch { return nil }
        return .failure(.timedOut)
      }
      let first = await group.next() ?? nil
      group.cancelAll()
      return first ?? .failure(.cancelled)
    }
  }

  private func makeRequest(
    _ url: URL, _ headers: [String: String], idleTimeout: Duration
  ) -> URLRequest {
    var request = URLRequest(url: url)
    request.httpMethod = "GET"
    // On Linux whole seconds count, and none of them means at once.
    request.timeoutInterval = (idleTimeout / .seconds(1)).rounded(.up)
    for (name, value) in headers { request.setValue(value, forHTTPHeaderField: name) }
    return request
  }

  /// Waits for this request's turn, so that no more than the agreed number start in a second.
  private func pace() async {
    let interval = Duration.seconds(1) / max(1, settings.requestsPerSecondMax)
    let now = ContinuousClock.now
    let start = nextStart.withLock { next in
      let start = max(next, now)
      next = start.advanced(by: interval)
      return start
    }
    guard start > now else { return }
    try? await Task.sleep(until: start, clock: .continuous)
  }

  private func transfer(_ request: URLRequest) async -> Result<UpstreamAnswer, UpstreamFailure> {
    // A session that was invalidated traps when asked for a task: only under the lock is it known.
    guard let task = session.withLock({ $0?.dataTask(with: request) }) else {
      return .failure(.cancelled)
    }
    let identifier = task.taskIdentifier
    let transfers = transfers
    return await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        transfers.begin(identifier, continuation)
        task.resume()
        if Task.isCancelled { transfers.end(identifier, .failure(.cancelled)) }
      }
    } onCancel: {
      transfers.end(identifier, .failure(.cancelled))
      task.cancel()
    }
  }
}

/// The transfers under way, fed by the session.
private final class Transfers: NSObject, URLSessionDataDelegate {
  private struct Transfer {
    var status = 0
    var retryAfter: Duration?
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
    let retryAfter = answer.value(forHTTPHeaderField: "Retry-After").flatMap { Int64($0) }
    underWay.withLock {
      $0[dataTask.taskIdentifier]?.status = answer.statusCode
      $0[dataTask.taskIdentifier]?.retryAfter = retryAfter.map { .seconds(min(max($0, 0), 86_400)) }
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
    // We have nothing to offer but the token that was sent: the answer is the refusal itself. Left
    // to the default, the task waits until its time is over.
    let status = (challenge.failureResponse as? HTTPURLResponse)?.statusCode ?? 401
    let body = underWay.withLock { $0[task.taskIdentifier]?.body } ?? Data()
    let answer = UpstreamAnswer(status: status, retryAfter: nil, body: Array(body))
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
          UpstreamAnswer(status: $0.status, retryAfter: $0.retryAfter, body: Array($0.body))
        }
      }
      guard let answer, answer.status != 0 else { return end(identifier, .failure(.notHTTP)) }
      end(identifier, .success(answer))
    }
  }
}
