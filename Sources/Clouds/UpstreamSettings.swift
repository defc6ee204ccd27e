// UpstreamSettings: how gently, how long and how often a cloud is asked.
//
// Made by the wiring and by tests; read by `UpstreamClient` and the clouds' clients. Invariant:
// every wait and every answer has a bound here.

import Foundation
public import Ledger

/// How a cloud is asked.
public struct UpstreamSettings: Sendable {
  /// How long a connection may take to open, or an answer may pause.
  public var idleTimeout: Duration = .seconds(10)
  /// How long one request may take with its whole answer.
  public var requestTimeout: Duration = .seconds(30)
  /// How long one question may take with all its pages and retries.
  public var operationTimeout: Duration = .seconds(90)
  /// How large one answer may be.
  public var bodyBytesMax = 4 << 20
  /// How often a request is repeated.
  public var retriesMax = 3
  /// How long to wait before the first repetition, at most; each next wait may be twice as long.
  public var backoff: Duration = .milliseconds(250)
  /// How long a cloud may ask us to wait; when it asks for more, we give up at once.
  public var retryAfterMax: Duration = .seconds(10)
  /// How many requests may start in a second, in the long run.
  public var requestsPerSecondMax = 20
  /// How many requests may start at once after a rest.
  public var requestsBurstMax = 5
  /// How many requests are under way at once; others wait.
  public var connectionsMax = 8
  /// How many items to ask for in one page.
  public var pageItemsMax = 50
  /// How many pages one question may have.
  public var pagesMax = 400
  /// Returns after the time, or early when its task is called off.
  public var sleep: @Sendable (Duration) async -> Void = { try? await Task.sleep(for: $0) }
  /// A number from 0 to 1, different each time.
  public var jitter: @Sendable () -> Double = { Double.random(in: 0...1) }
  /// This machine's clock, in seconds since 1970.
  public var now: @Sendable () -> Int64 = { Int64(Date().timeIntervalSince1970) }

  /// Settings of no cloud in particular.
  public init() {}

  /// The settings for the cloud of a provider in production.
  ///
  /// The rates are half of what each cloud publishes for an account: it has other clients too.
  /// Source: AWS, Secrets Manager quotas (ListSecretVersionIds 50 a second); Alibaba Cloud,
  /// Performance data for KMS (lists and metadata of secrets 40 a second); Huawei Cloud publishes
  /// none.
  public static func standard(for provider: Provider) -> UpstreamSettings {
    var settings = UpstreamSettings()
    switch provider {
    case .huawei: settings.requestsPerSecondMax = 20
    case .alibaba:
      settings.requestsPerSecondMax = 20
      settings.pageItemsMax = 100
    case .aws:
      settings.requestsPerSecondMax = 25
      settings.pageItemsMax = 100
    }
    return settings
  }
}
