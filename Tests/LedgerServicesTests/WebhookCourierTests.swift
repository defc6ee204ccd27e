// WebhookCourierTests: news of drift, each at least once and in order, whatever fails.

import Ledger
import LedgerServices
import Synchronization
import TestLiterals
import TestSupport
import Testing

@Suite struct WebhookCourierTests {
  private let world: DriftWorld
  private let told = Told()

  /// What a receiver was told, and what it says to it.
  private final class Told: Sendable {
    private let state = Mutex((positions: [Int64](), answers: [DeliveryError?]()))
    var positions: [Int64] { state.withLock { $0.positions } }
    func answer(_ answers: DeliveryError?...) { state.withLock { $0.answers += answers } }
    func take(_ event: Event) throws(DeliveryError) {
      let error = state.withLock { state in
        state.positions.append(event.position.index)
        return state.answers.isEmpty ? nil : state.answers.removeFirst()
      }
      if let error { throw error }
    }
  }

  init() async throws {
    world = try await DriftWorld()
    for secret in ["a", "b", "c"] as [SecretName] {
      try await world.makeSecret(secret)
      world.cloud.move("SYSCURRENT", of: secret, to: "v1")
    }
    _ = try await world.run()
    for secret in ["a", "b"] as [SecretName] { world.mirror(secret) }
    _ = try await world.run()
    try await world.ledger.store.set(
      Webhook(project: world.project.id, url: "https://x", secretFile: "/x", next: 0))
  }

  private var courier: WebhookCourier {
    let told = told
    return WebhookCourier(webhooks: world.ledger.store, records: world.ledger.store) {
      (event, bytes, webhook) async throws(DeliveryError) in
      #expect(event.canonicalBytes == bytes)
      try told.take(event)
    }
  }

  private var news: [Int64] {
    world.events.filter { $0.type == .driftOpened || $0.type == .driftResolved }
      .map(\.position.index)
  }

  private func next() async throws -> Int64? {
    try await world.ledger.store.webhook(of: world.project.id)?.next.index
  }

  @Test func `news come in order of position, each once while all goes well`() async throws {
    #expect(news.count == 5)
    let round = try await courier.deliver(to: world.project.id)
    #expect(round.deliveredCount == 5)
    #expect(round.error == nil)
    #expect(told.positions == news)
    #expect(try await next() == news.last.map { $0 + 1 })
    let again = try await courier.deliver(to: world.project.id)
    #expect(again.deliveredCount == 0)
    let webhook = try #require(
      try await world.ledger.store.webhook(of: world.project.id))
    #expect(try await !courier.hasNews(for: webhook))
  }

  @Test func `what is not taken is told again, and nothing after it before`() async throws {
    told.answer(nil, .refused(status: 503))
    let first = try await courier.deliver(to: world.project.id)
    #expect(first.deliveredCount == 1)
    #expect(first.error == .refused(status: 503))
    #expect(try await next() == news[0] + 1)
    let second = try await courier.deliver(to: world.project.id)
    #expect(second.deliveredCount == 4)
    #expect(told.positions == [news[0], news[1]] + news[1...])
  }

  @Test func `an instance that dies after telling tells it again from where it is kept`()
    async throws
  {
    // The receiver has it, and the position could not be kept.
    let store = world.ledger.store
    let told = told
    let dying = WebhookCourier(webhooks: store, records: store) {
      (event, _, _) async throws(DeliveryError) in
      try told.take(event)
      store.failNext(with: .outcomeUnknown)
    }
    await #expect(throws: StoreError.outcomeUnknown) {
      try await dying.deliver(to: world.project.id)
    }
    #expect(try await next() == 0)
    _ = try await courier.deliver(to: world.project.id)
    #expect(told.positions == [news[0]] + news)
  }

  @Test func `who sets the position is obeyed at once`() async throws {
    _ = try await courier.deliver(to: world.project.id)
    let store = world.ledger.store
    let project = world.project.id
    let from = try #require(Position(news[2]))
    let told = told
    try await store.set(
      Webhook(project: project, url: "https://x", secretFile: "/x", next: 0))
    let isSet = Mutex(false)
    let disturbed = WebhookCourier(webhooks: store, records: store) {
      (event, _, _) async throws(DeliveryError) in
      try told.take(event)
      let isFirst = isSet.withLock { isSet in
        defer { isSet = true }
        return !isSet
      }
      if isFirst {
        do {
          try await store.set(
            Webhook(project: project, url: "https://x", secretFile: "/x", next: from))
        } catch { Issue.record(error) }
      }
    }
    _ = try await disturbed.deliver(to: project)
    #expect(told.positions == news + [news[0]] + news[2...])
  }

  @Test func `pauses double up to a bound and end with a success`() {
    var random = SeededGenerator(seed: 1)
    var backoff = DeliveryBackoff()
    var pauses: [Int64] = []
    for _ in 0..<12 {
      backoff.take(.unreachable, at: second(0), using: &random)
      #expect(!backoff.isDue(at: second(0)))
      pauses.append((0...400).first { backoff.isDue(at: second(Int64($0))) } ?? -1)
    }
    #expect(
      zip(pauses, [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300, 300] as [Int64]).allSatisfy {
        $0 >= $1 && $0 <= $1 + $1 / 10 + 1
      }, "\(pauses)")
    backoff.take(nil, at: second(0), using: &random)
    #expect(backoff.isDue(at: second(0)))
    #expect(backoff.failureCount == 0)
  }
}
