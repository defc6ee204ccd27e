// Wiring+Webhooks: a running service's round over the projects that have somebody to tell of drift.
//
// Started by `Serve`; calls `WebhookCourier` under the lease of each project, so that one instance
// delivers at a time. Invariant: a receiver that is away holds up no other and nothing of the log.

import CanonicalJSON
import Clouds
import Foundation
import Ledger
import LedgerAPI
import LedgerServices
import Synchronization

/// Tells receivers of drift while the service runs.
final class Deliveries: Sendable {
  /// How long news may wait for the next round.
  private static let pause: Duration = .seconds(1)

  private let task: Task<Void, Never>

  /// Starts the rounds.
  static func start(over backend: Backend, service: Service, log: Log) -> Deliveries {
    let sender = WebhookSender()
    let rounds = DeliveryRounds(backend, service.services, sender, log)
    return Deliveries(
      task: Task(executorPreference: backend.loops[0]) {
        defer { sender.close() }
        await withDiscardingTaskGroup { group in
          while !Task.isCancelled {
            for webhook in await rounds.due() {
              group.addTask { await rounds.deliver(webhook.project) }
            }
            do { try await Task.sleep(for: pause) } catch { break }
          }
          group.cancelAll()
        }
      })
  }

  private init(task: Task<Void, Never>) { self.task = task }

  /// Calls off what is under way and waits for its end.
  func stop() async {
    task.cancel()
    await task.value
  }
}

/// The state of the rounds of one instance.
private final class DeliveryRounds: Sendable {
  private struct State: Sendable {
    var running: Set<ProjectID> = []
    var backoffs: [ProjectID: DeliveryBackoff] = [:]
    var random = SystemRandomNumberGenerator()
  }

  private let state = Mutex(State())
  private let backend: Backend
  private let clock: Clock
  private let log: Log
  private let courier: WebhookCourier

  init(_ backend: Backend, _ services: Services, _ sender: WebhookSender, _ log: Log) {
    self.backend = backend
    self.log = log
    let clock = services.clock
    self.clock = clock
    courier = WebhookCourier(webhooks: backend.webhooks, records: services.records) {
      (event, bytes, webhook) async throws(DeliveryError) in
      guard let body = CloudEvent.text(of: bytes) else { throw .notReady("no event") }
      try await sender.send(
        body, id: event.id.text, at: clock.now.microseconds / 1_000_000, to: webhook)
    }
  }

  /// The webhooks with something to tell now; they count as running from here on.
  func due() async -> [Webhook] {
    do throws(StoreError) {
      var due: [Webhook] = []
      for webhook in try await backend.allWebhooks() {
        let isFree = state.withLock { state in
          !state.running.contains(webhook.project)
            && (state.backoffs[webhook.project]?.isDue(at: clock.now) ?? true)
        }
        guard isFree, try await courier.hasNews(for: webhook) else { continue }
        state.withLock { _ = $0.running.insert(webhook.project) }
        due.append(webhook)
      }
      return due
    } catch {
      // The service says in its log and at `/readyz` that the database is away.
      return []
    }
  }

  /// Delivers what one project has to tell, if no other instance does.
  func deliver(_ project: ProjectID) async {
    let courier = courier
    let outcome = await backend.leases.holding(.webhook, of: project, at: clock.now) {
      do throws(StoreError) {
        return Result<DeliveryRound, StoreError>.success(try await courier.deliver(to: project))
      } catch {
        return .failure(error)
      }
    }
    defer { state.withLock { _ = $0.running.remove(project) } }
    guard case .done(.success(let round)) = outcome else { return }
    let now = clock.now
    let (before, after) = state.withLock { state in
      var backoff = state.backoffs[project] ?? DeliveryBackoff()
      let before = backoff.failureCount
      backoff.take(round.error, at: now, using: &state.random)
      state.backoffs[project] = backoff
      return (before, backoff.failureCount)
    }
    backend.deliveryNews.tell(project, round)
    if before == 0, after > 0, let error = round.error {
      log(
        .warning, "news of drift is not taken",
        [("project", .string(project.text)), ("why", .string("\(error)"))])
    } else if before > 0, after == 0 {
      log(.info, "news of drift is taken again", [("project", .string(project.text))])
    }
  }
}

/// What the deliveries of this instance tell of each project.
final class DeliveryNews: Sendable {
  private struct Line: Sendable {
    var deliveredCount = 0
    var failedCount = 0
    var isFailing = false
  }

  private let lines = Mutex<[ProjectID: Line]>([:])

  fileprivate func tell(_ project: ProjectID, _ round: DeliveryRound) {
    lines.withLock { lines in
      lines[project, default: Line()].deliveredCount += round.deliveredCount
      lines[project, default: Line()].failedCount += round.error == nil ? 0 : 1
      lines[project, default: Line()].isFailing = round.error != nil
    }
  }

  /// The news as numbers.
  var samples: [MetricSample] {
    lines.withLock { $0.sorted { $0.key < $1.key } }.flatMap { project, line in
      let label = [["project", project.text]]
      return [
        MetricSample(
          name: "stageledger_webhook_delivered_total", help: "News of drift that were taken.",
          kind: .counter, labels: label, value: Double(line.deliveredCount)),
        MetricSample(
          name: "stageledger_webhook_failed_total", help: "Attempts to tell of drift that failed.",
          kind: .counter, labels: label, value: Double(line.failedCount)),
        MetricSample(
          name: "stageledger_webhook_up",
          help: "Whether the last attempt to tell of drift was taken.", kind: .gauge,
          labels: label, value: line.isFailing ? 0 : 1),
      ]
    }
  }
}
