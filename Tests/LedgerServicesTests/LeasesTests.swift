// LeasesTests: work that only one instance may do, and what becomes of it when the lease is lost.

import Ledger
import LedgerServices
import Synchronization
import TestLiterals
import TestSupport
import Testing

@Suite struct LeasesTests {
  private let store = MemoryStore()

  /// Leases of an instance; `sleep` is called for each renewal and decides when it is due.
  private func leases(
    _ holder: String, lasting duration: Duration = .seconds(3_600),
    sleep: @escaping @Sendable (Duration) async -> Void = { _ in
      try? await Task.sleep(for: .seconds(3_600))
    }
  ) -> Leases {
    Leases(
      store: store, holder: holder, identities: .random, duration: duration, sleep: sleep)
  }

  @Test func `what one instance does no other begins`() async throws {
    let one = leases("one")
    let two = leases("two")
    let outcome = await one.holding(.drift, of: "p", at: second(0)) {
      let other = await two.holding(.drift, of: "p", at: second(0)) {
        Issue.record("both are at it")
      }
      let own = await one.holding(.drift, of: "p", at: second(0)) {
        Issue.record("the same one twice")
      }
      for outcome in [other, own] {
        guard case .held(let holder) = outcome else {
          Issue.record("\(outcome)")
          continue
        }
        #expect(holder.name.hasPrefix("one ("))
      }
      guard case .done = await two.holding(.drift, of: "q", at: second(0), {}) else {
        Issue.record("another project is held")
        return 0
      }
      return 7
    }
    guard case .done(7) = outcome else {
      Issue.record("\(outcome)")
      return
    }
    // Given up at the end, it is free at once.
    guard case .done = await two.holding(.drift, of: "p", at: second(0), {}) else {
      Issue.record("not given up")
      return
    }
  }

  @Test func `work whose lease another has taken is called off`() async throws {
    let store = store
    let one = leases(
      "one", lasting: .seconds(3_600),
      sleep: { _ in
        // The time of the lease is over without a renewal, and another instance is there first.
        do {
          let holder = try await store.take(
            .drift, of: "p", for: "thief", lasting: .seconds(3_600))
          if holder.name != "thief" {
            try await store.giveUp(.drift, of: "p", by: holder.name)
            _ = try await store.take(.drift, of: "p", for: "thief", lasting: .seconds(3_600))
          }
        } catch { Issue.record(error) }
      })
    let outcome = await one.holding(.drift, of: "p", at: second(0)) {
      try? await Task.sleep(for: .seconds(3_600))
      return Task.isCancelled
    }
    guard case .done(true) = outcome else {
      Issue.record("\(outcome)")
      return
    }
    // What another holds is not given up.
    let holder = try await store.take(.drift, of: "p", for: "three", lasting: .seconds(1))
    #expect(holder.name == "thief")
  }

  @Test func `work goes on while renewals fail for less than the time of the lease`() async throws {
    let store = store
    let renewals = Mutex(0)
    let (isOver, over) = AsyncStream.makeStream(of: Void.self)
    let one = leases(
      "one",
      sleep: { _ in
        let count = renewals.withLock { renewals in
          renewals += 1
          return renewals
        }
        if count < 4 { return store.failNext(with: .unavailable(reason: "away")) }
        over.yield()
        try? await Task.sleep(for: .seconds(3_600))
      })
    let outcome = await one.holding(.drift, of: "p", at: second(0)) {
      for await _ in isOver { break }
      return Task.isCancelled
    }
    guard case .done(false) = outcome else {
      Issue.record("\(outcome)")
      return
    }
  }

  @Test func `work whose lease cannot be renewed in time is called off`() async throws {
    let store = store
    let one = leases(
      "one", lasting: .milliseconds(60),
      sleep: { duration in
        store.failNext(with: .unavailable(reason: "away"))
        try? await Task.sleep(for: duration)
      })
    let outcome = await one.holding(.drift, of: "p", at: second(0)) {
      try? await Task.sleep(for: .seconds(3_600))
      return Task.isCancelled
    }
    guard case .done(true) = outcome else {
      Issue.record("\(outcome)")
      return
    }
  }

  @Test func `a store that is away holds nothing and says so`() async throws {
    store.failNext(with: .unavailable(reason: "away"))
    let outcome = await leases("one").holding(.drift, of: "p", at: second(0)) {
      Issue.record("without a lease")
    }
    guard case .failed(.unavailable) = outcome else {
      Issue.record("\(outcome)")
      return
    }
  }
}
