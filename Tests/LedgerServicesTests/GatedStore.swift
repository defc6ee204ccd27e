// GatedStore: a store whose every transaction waits until the test lets it go.
//
// Called by the tests of `Appender`. Invariant: a call that was let go runs on the memory store
// behind it, a call that was failed writes nothing.

import Ledger
import LedgerServices
import Synchronization
import TestSupport

/// An append store that waits to be told what becomes of each call.
final class GatedStore: AppendStore {
  private struct State: Sendable {
    var calls: [CheckedContinuation<StoreError?, Never>] = []
    var watchers: [CheckedContinuation<Void, Never>] = []
    var batchSizes: [Int] = []
  }

  private let inner: MemoryStore
  private let state = Mutex(State())

  init(_ inner: MemoryStore) { self.inner = inner }

  /// How many submissions each transaction had that was let go.
  var batchSizes: [Int] { state.withLock { $0.batchSizes } }

  func append(
    to project: ProjectID, needs: AppendNeeds, plan: @Sendable (AppendBasis) -> AppendPlan
  ) async throws(StoreError) -> AppendPlan {
    let error = await withCheckedContinuation { call in
      let watchers = state.withLock { state in
        state.calls.append(call)
        defer { state.watchers = [] }
        return state.watchers
      }
      for watcher in watchers { watcher.resume() }
    }
    if let error { throw error }
    let planned = try await inner.append(to: project, needs: needs, plan: plan)
    state.withLock { $0.batchSizes.append(planned.outcomes.count) }
    return planned
  }

  /// Waits until `count` calls wait at the gate.
  func waitForCalls(_ count: Int = 1) async {
    while state.withLock({ $0.calls.count }) < count {
      await withCheckedContinuation { watcher in
        let isThere = state.withLock { state in
          if state.calls.count < count { state.watchers.append(watcher) }
          return state.calls.count >= count
        }
        if isThere { watcher.resume() }
      }
    }
  }

  /// Waits for a call and lets the oldest one go, or fails it.
  func letGo(failing error: StoreError? = nil) async {
    await waitForCalls()
    let call = state.withLock { $0.calls.removeFirst() }
    call.resume(returning: error)
  }
}
