// UpstreamClient: asks a cloud, whose answers are hostile until read.
//
// Called by the client of each cloud; the one place that sends anything. Invariants: every request
// is signed anew, goes to the one address and ends within its time; no more start in a second and
// no more are under way than agreed; what is repeated is only what failed on the way or what the
// cloud itself asks to repeat, and never what changes something (`CloudTelling`).

import CanonicalJSON
import Foundation
import FoundationNetworking
import LedgerServices
import RequestSigning
import Synchronization

/// Sends requests to a cloud; close it when done, or its connections stay.
final class UpstreamClient: Sendable {
  private let address: UpstreamAddress
  private let settings: UpstreamSettings
  private let transfers: UpstreamTransfers
  private let session: Mutex<URLSession?>
  private let bucket: Mutex<TokenBucket>
  private let lastClockRemark = Mutex<String?>(nil)

  /// A client with connections of its own.
  init(_ address: UpstreamAddress, settings: UpstreamSettings) {
    let configuration = URLSessionConfiguration.ephemeral
    configuration.httpCookieStorage = nil
    configuration.httpShouldSetCookies = false
    configuration.urlCache = nil
    configuration.urlCredentialStorage = nil
    configuration.requestCachePolicy = .reloadIgnoringLocalCacheData
    configuration.httpMaximumConnectionsPerHost = settings.connectionsMax
    let queue = OperationQueue()
    queue.maxConcurrentOperationCount = 1
    let transfers = UpstreamTransfers(bodyBytesMax: settings.bodyBytesMax)
    self.address = address
    self.settings = settings
    self.transfers = transfers
    bucket = Mutex(
      TokenBucket(perSecond: settings.requestsPerSecondMax, burst: settings.requestsBurstMax))
    session = Mutex(
      URLSession(configuration: configuration, delegate: transfers, delegateQueue: queue))
  }

  deinit { close() }

  /// Ends what is under way and lets the connections go; later requests are cancelled.
  func close() {
    session.withLock { session in
      session?.invalidateAndCancel()
      session = nil
    }
  }

  /// What is to be said about this machine's clock, by the last answer; nil when that is right.
  var clockRemark: String? { lastClockRemark.withLock { $0 } }

  /// When a question asked now must have its answer.
  var deadline: ContinuousClock.Instant {
    ContinuousClock.now.advanced(by: settings.operationTimeout)
  }

  /// Asks, again if need be, until `deadline`.
  ///
  /// Gives the first answer that is not worth repeating, or the last one.
  func ask<Dialect: CloudDialect>(
    _ request: SignableRequest, as dialect: Dialect, deadline: ContinuousClock.Instant
  ) async throws(CloudError) -> CloudAnswer {
    var retries = 0
    while true {
      let result = try await once(request, as: dialect, deadline)
      let (outcome, pause) = read(result, as: Dialect.self, retries: retries)
      guard retries < settings.retriesMax, let pause, !Task.isCancelled,
        ContinuousClock.now.advanced(by: pause) < deadline
      else { return try outcome.get() }
      await settings.sleep(pause)
      retries += 1
    }
  }

  /// What an attempt comes to, and how long to wait before another; nil when that is no use.
  private func read<Dialect: CloudDialect>(
    _ result: Result<UpstreamAnswer, UpstreamFailure>, as _: Dialect.Type, retries: Int
  ) -> (outcome: Result<CloudAnswer, CloudError>, pause: Duration?) {
    let backoff = settings.backoff * (1 << min(retries, 10)) * settings.jitter()
    let answer: UpstreamAnswer
    switch result {
    case .success(let success): answer = success
    case .failure(let failure):
      switch failure {
      case .timedOut, .transport, .notHTTP: return (.failure(CloudError(failure)), backoff)
      case .tooLarge, .redirected, .cancelled: return (.failure(CloudError(failure)), nil)
      }
    }
    let remark = answer.fields["date"].flatMap { ClockSkew.remark(date: $0, now: settings.now()) }
    lastClockRemark.withLock { $0 = remark }
    let outcome = meaning(of: answer, as: Dialect.self, remark)
    guard case .failure(let error) = outcome, answer.status != 200 else { return (outcome, nil) }
    switch error {
    case .throttled, .unreachable:
      guard let asked = Self.retryAfter(answer) else { return (outcome, backoff) }
      return (outcome, asked <= settings.retryAfterMax ? max(asked, backoff) : nil)
    case .notFound, .forbidden, .unintelligible: return (outcome, nil)
    }
  }

  private func meaning<Dialect: CloudDialect>(
    of answer: UpstreamAnswer, as _: Dialect.Type, _ clockRemark: String?
  ) -> Result<CloudAnswer, CloudError> {
    let requestID = Refusal.wellFormed(answer.fields[Dialect.requestIDHeader])
    let limits = JSONLimits(depthMax: 32, bytesMax: settings.bodyBytesMax)
    let json: Result<JSONValue, JSONError>
    do { json = .success(try JSONValue(parsing: answer.body, limits: limits)) } catch {
      json = .failure(error)
    }
    guard answer.status == 200 else {
      let code = (try? json.get()).flatMap(Dialect.code)
      return .failure(
        Dialect.meaning(
          of: Refusal(
            status: answer.status, code: Refusal.wellFormed(code), requestID: requestID,
            clockRemark: clockRemark)))
    }
    switch json {
    case .success(let json): return .success(CloudAnswer(json: json, requestID: requestID))
    case .failure(let error):
      let nothing = CloudAnswer(json: .null, requestID: requestID)
      return .failure(nothing.nonsense("no JSON: \(error.kind)"))
    }
  }

  private static func retryAfter(_ answer: UpstreamAnswer) -> Duration? {
    answer.fields["retry-after"].flatMap { Int64($0) }.map { .seconds(min(max($0, 0), 86_400)) }
  }

  /// Sends one request, signed anew, and waits for its answer.
  func once(
    _ request: SignableRequest, as dialect: some CloudDialect, _ deadline: ContinuousClock.Instant
  ) async throws(CloudError) -> Result<UpstreamAnswer, UpstreamFailure> {
    let turn = bucket.withLock { $0.take(at: ContinuousClock.now) }
    if turn > .zero { try? await Task.sleep(for: turn) }
    let left = min(settings.requestTimeout, ContinuousClock.now.duration(to: deadline))
    guard left > .zero else { return .failure(.timedOut) }
    var signed = request
    signed.set("Host", address.host)
    try dialect.sign(&signed, at: SigningTime(seconds: settings.now()))
    let wire = try wireRequest(signed, idleTimeout: min(settings.idleTimeout, left))
    return await withTaskGroup(of: Result<UpstreamAnswer, UpstreamFailure>?.self) { group in
      group.addTask { await self.transfer(wire) }
      group.addTask {
        do { try await Task.sleep(for: left) } catch { return nil }
        return .failure(.timedOut)
      }
      let first = await group.next() ?? nil
      group.cancelAll()
      return first ?? .failure(.cancelled)
    }
  }

  private func wireRequest(
    _ request: SignableRequest, idleTimeout: Duration
  ) throws(CloudError) -> URLRequest {
    let query = request.query.map { "?\($0)" } ?? ""
    guard let url = URL(string: address.text + request.path + query) else {
      throw .unintelligible("no address")
    }
    var wire = URLRequest(url: url)
    wire.httpMethod = request.method
    // On Linux whole seconds count, and none of them means at once.
    wire.timeoutInterval = (idleTimeout / .seconds(1)).rounded(.up)
    for field in request.fields where field.name != "Host" {
      wire.setValue(field.value, forHTTPHeaderField: field.name)
    }
    if !request.body.isEmpty { wire.httpBody = Data(request.body) }
    return wire
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
