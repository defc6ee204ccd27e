// AccessLog: who read what and who was refused, noted at once and written once a second.
//
// `note` is called by the API for each request, on its way out; `flush` by a task of the wiring;
// calls `AccessStore`. A request never waits for the log: what cannot be written yet is kept, up to
// a bound, and grows together meanwhile. Invariant: every request noted is in a row that is
// written, in memory, or counted as dropped.

public import Ledger
import Synchronization

/// The one door of the access log.
public final class AccessLog: Sendable {
  /// How many rows may gather; as many again may wait to be written.
  public static let rowsMax = 8_192
  /// How many addresses of people nobody knows are told apart in one flush.
  public static let strangersMax = 64
  /// How many rows are written in one transaction.
  public static let batchMax = 1_000

  private struct State: Sendable {
    var tally = AccessTally(rowsMax: rowsMax, strangersMax: strangersMax)
    /// What is being written, project by project; kept until it is there.
    var unwritten: ArraySlice<AccessRow> = []
    var isFlushing = false
  }

  private let store: any AccessStore
  private let state = Mutex(State())

  /// A log kept in `store`.
  public init(store: any AccessStore) { self.store = store }

  /// How many requests were neither written nor will be.
  public var droppedCount: Int64 { state.withLock { $0.tally.droppedCount } }

  /// Notes a request that has been answered.
  public func note(_ access: Access, requestID: String, at moment: Instant) {
    state.withLock { $0.tally.note(access, requestID: requestID, at: moment) }
  }

  /// Writes what could not be written before, then all that has gathered; one flush at a time.
  ///
  /// While the database is away everything is kept. Rows it will not have are dropped.
  public func flush() async throws(StoreError) {
    let isAlone = state.withLock { state in
      defer { state.isFlushing = true }
      return !state.isFlushing
    }
    guard isAlone else { return }
    defer { state.withLock { $0.isFlushing = false } }
    try await write()
    state.withLock { $0.unwritten = $0.tally.take()[...] }
    try await write()
  }

  private func write() async throws(StoreError) {
    while let batch = next() {
      do throws(StoreError) {
        try await store.add(Array(batch), to: batch.first?.access.project)
      } catch {
        guard !error.isOfTheDatabase else { throw error }
        state.withLock { $0.tally.drop(batch) }
      }
      state.withLock { $0.unwritten.removeFirst(batch.count) }
    }
  }

  /// The rows of one transaction: of one project, as they stand; nil when all is written.
  private func next() -> ArraySlice<AccessRow>? {
    state.withLock { state in
      guard let first = state.unwritten.first else { return nil }
      return state.unwritten.prefix(Self.batchMax).prefix { row in
        row.access.project == first.access.project
      }
    }
  }
}
