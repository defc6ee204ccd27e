// WebhookCourier: brings news of drift to a project's receiver, in order of position.
//
// Called by the running service, one instance at a time; calls `RecordStore` and `WebhookStore`.
// Invariant: the position goes past an event only once the receiver has said yes to it, so each is
// delivered at least once and none is left out; a receiver that is away stops nothing but its own
// news.

public import Ledger

/// Why news was not taken.
public enum DeliveryError: Error, Hashable, Sendable {
  /// The receiver answered with this status, which is no 2xx.
  case refused(status: Int)
  /// The receiver does not answer, or not in time.
  case unreachable
  /// Nothing can be sent: the address or the file of the secret is not as it must be.
  case notReady(String)
}

/// What a round of deliveries came to.
public struct DeliveryRound: Sendable {
  /// How much was delivered.
  public var deliveredCount: Int
  /// What stopped it; nil when there was nothing more to tell.
  public var error: DeliveryError?
}

/// Brings news of drift to receivers.
public struct WebhookCourier: Sendable {
  /// Sends one event, its stored bytes, and returns once the receiver has taken it.
  public typealias Send =
    @Sendable (Event, [UInt8], Webhook) async throws(DeliveryError) -> Void

  /// How many events are read at once.
  private static let pageSize = 100

  private let webhooks: any WebhookStore
  private let records: any RecordStore
  private let send: Send

  /// A courier over the record that sends by `send`.
  public init(webhooks: any WebhookStore, records: any RecordStore, send: @escaping Send) {
    self.webhooks = webhooks
    self.records = records
    self.send = send
  }

  /// Whether there is anything to tell.
  public func hasNews(for webhook: Webhook) async throws(StoreError) -> Bool {
    try await !records.driftEvents(in: webhook.project, from: webhook.next, limit: 1).value.isEmpty
  }

  /// Delivers what there is to tell until there is no more, or the receiver does not take it.
  ///
  /// Somebody who sets the position meanwhile is obeyed at once.
  public func deliver(to project: ProjectID) async throws(StoreError) -> DeliveryRound {
    var round = DeliveryRound(deliveredCount: 0, error: nil)
    while !Task.isCancelled, let webhook = try await webhooks.webhook(of: project) {
      let page = try await records.driftEvents(
        in: project, from: webhook.next, limit: Self.pageSize)
      guard !page.value.isEmpty else { return round }
      var position = webhook.next
      for stored in page.value where !Task.isCancelled {
        let event: Event
        do { event = try Event(canonicalBytes: stored.bytes) } catch {
          throw .corrupt("event \(stored.position.index)")
        }
        switch event.type {
        case .driftOpened, .driftResolved:
          do throws(DeliveryError) { try await send(event, stored.bytes, webhook) } catch {
            round.error = error
            return round
          }
          round.deliveredCount += 1
        case .driftAcknowledged, .secretRegistered, .secretDeletionScheduled, .secretRestored,
          .secretDeleted, .versionRegistered, .versionRemoved, .stageAssigned, .stageRemoved,
          .changeRequested, .changeRejected, .changeUnresolved, .changeConfirmed, .changeRefined,
          .watchStarted,
          .watchGap, .watchStopped, .reconciliationCompleted, .projectionSwitched:
          break
        }
        let next = stored.position.size.next
        guard try await webhooks.advance(webhookOf: project, from: position, to: next) else {
          break
        }
        position = next
      }
    }
    return round
  }
}

/// When a receiver that did not take its news is tried again; pure.
public struct DeliveryBackoff: Hashable, Sendable {
  /// The longest pause between two attempts.
  public static let pauseMax: Duration = .seconds(300)

  /// How many attempts failed since the last that did not.
  public private(set) var failureCount = 0
  private var notBefore = Instant.earliest

  /// A receiver that can be tried at once.
  public init() {}

  /// Whether it can be tried now.
  public func isDue(at now: Instant) -> Bool { notBefore <= now }

  /// Takes in what an attempt came to: after each failure the pause doubles, from one second on,
  /// and up to a tenth is added so that several receivers do not stay in step.
  public mutating func take(
    _ error: DeliveryError?, at now: Instant, using random: inout some RandomNumberGenerator
  ) {
    guard error != nil else {
      self = DeliveryBackoff()
      return
    }
    let pause = min(Duration.seconds(1 << min(failureCount, 9)), Self.pauseMax)
    failureCount += 1
    notBefore = now.advanced(by: pause + pause * Int.random(in: 0...100, using: &random) / 1_000)
  }
}
