// WebhookSender: sends news of drift to a receiver, signed, over a connection nobody else uses.
//
// Called by the courier in the wiring. Signs as the Standard Webhooks specification (version 1.0.0)
// says: `webhook-id` names the event, `webhook-timestamp` is the second of this attempt, and
// `webhook-signature` is `v1,` and the base 64 of HMAC-SHA256 over `id.timestamp.body`. Invariant:
// the address is https, or http on this machine; no redirect is followed and every wait ends.

import Crypto
import Foundation
import FoundationNetworking
public import LedgerServices
import Synchronization

/// Sends news to receivers; close it when done.
public final class WebhookSender: Sendable {
  /// How long a receiver may take to answer.
  public static let requestTimeout: Duration = .seconds(10)
  private static let answerBytesMax = 65_536

  private let transfers = UpstreamTransfers(bodyBytesMax: answerBytesMax)
  private let session: Mutex<URLSession?>

  /// A sender with connections of its own.
  public init() {
    let configuration = URLSessionConfiguration.ephemeral
    configuration.httpCookieStorage = nil
    configuration.httpShouldSetCookies = false
    configuration.urlCache = nil
    configuration.urlCredentialStorage = nil
    let queue = OperationQueue()
    queue.maxConcurrentOperationCount = 1
    session = Mutex(
      URLSession(configuration: configuration, delegate: transfers, delegateQueue: queue))
  }

  deinit { close() }

  /// Ends what is under way and lets the connections go.
  public func close() {
    session.withLock { session in
      session?.invalidateAndCancel()
      session = nil
    }
  }

  /// Whether news may go there: https to anywhere, http to this machine only.
  public static func isAllowed(_ text: String) -> Bool {
    guard let url = URLComponents(string: text), let host = url.host, !host.isEmpty,
      url.user == nil, url.password == nil, url.fragment == nil
    else { return false }
    switch url.scheme {
    case "https": return true
    case "http":
      let numbers = host.split(separator: ".", omittingEmptySubsequences: false)
      let isLoopback =
        numbers.count == 4 && numbers[0] == "127" && numbers.allSatisfy { UInt8($0) != nil }
      return isLoopback || host == "localhost" || host == "::1" || host == "[::1]"
    default: return false
    }
  }

  /// Sends one message and returns once it is taken, which a status of 2xx says.
  public func send(
    _ body: [UInt8], id: String, at second: Int64, to webhook: Webhook
  ) async throws(DeliveryError) {
    guard Self.isAllowed(webhook.url), let url = URL(string: webhook.url) else {
      throw .notReady("the address is neither https nor on this machine")
    }
    let secret: String
    do { secret = try CredentialFile(kind: .secretKey, path: webhook.secretFile).read() } catch {
      guard case .forbidden(let why) = error else { throw .notReady("no secret") }
      throw .notReady(why)
    }
    var request = URLRequest(url: url)
    request.httpMethod = "POST"
    request.timeoutInterval = Self.requestTimeout / .seconds(1)
    request.setValue(
      "application/cloudevents+json; charset=utf-8", forHTTPHeaderField: "Content-Type")
    request.setValue(id, forHTTPHeaderField: "webhook-id")
    request.setValue(String(second), forHTTPHeaderField: "webhook-timestamp")
    guard let signature = Self.signature(of: body, id: id, at: second, secret: secret) else {
      throw .notReady("what follows whsec_ in the file of the secret is no base 64")
    }
    request.setValue(signature, forHTTPHeaderField: "webhook-signature")
    request.httpBody = Data(body)
    let wire = request
    let answer = await withTaskGroup(of: Result<UpstreamAnswer, UpstreamFailure>?.self) { group in
      group.addTask { await self.transfer(wire) }
      group.addTask {
        do { try await Task.sleep(for: Self.requestTimeout) } catch { return nil }
        return .failure(.timedOut)
      }
      let first = await group.next() ?? nil
      group.cancelAll()
      return first ?? .failure(.cancelled)
    }
    switch answer {
    case .success(let answer) where (200..<300).contains(answer.status): return
    case .success(let answer): throw .refused(status: answer.status)
    case .failure: throw .unreachable
    }
  }

  /// The signature; nil when the secret begins with `whsec_` and goes on with no base 64.
  ///
  /// Another secret is taken as it stands.
  static func signature(
    of body: [UInt8], id: String, at second: Int64, secret: String
  ) -> String? {
    var key: [UInt8]? = Array(secret.utf8)
    if secret.hasPrefix("whsec_") { key = Base64.decode(secret.dropFirst(6)) }
    guard let key else { return nil }
    let digest = HMACSHA256.authenticate(Array("\(id).\(second).".utf8) + body, key: key)
    return "v1,\(Base64.encode(digest.bytes))"
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
