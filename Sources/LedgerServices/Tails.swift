// Tails: wakes whoever follows a project's log when there is more of it.
//
// Woken by `Appender` after each commit of this instance and, for those of others, by a look at the
// sizes of the logs that are followed, once a tick for all of them; asked by the API's live tails.
// What is told is only that there may be more: a tail reads on from its own position, so a wake-up
// too many or too few costs time and never an event. Invariant: what is kept is a number for each
// project that is followed and a continuation for each tail that waits; there are at most
// `openMax` tails.

public import Ledger
import Synchronization

/// The live tails of one instance.
public final class Tails: Sendable {
  /// How many may be open at once.
  public static let openMax = 1_000
  /// The time between two ticks.
  public static let tickTime: Duration = .seconds(1)

  /// Why a tail goes on.
  public enum Wake: Hashable, Sendable {
    /// The log may hold more.
    case grown
    /// Time has passed: the number of the tick.
    case tick(Int)
    /// The service stops.
    case stopping
  }

  private struct Waiter {
    let size: TreeSize
    let continuation: CheckedContinuation<Wake, Never>
  }

  private struct Log {
    /// The largest size heard of.
    var size = TreeSize.zero
    var tailCount = 0
    var waiters: [Int: Waiter] = [:]
  }

  private struct State {
    var logs: [ProjectID: Log] = [:]
    var openCount = 0
    var nextID = 0
    var tick = 0
    var isStopping = false
  }

  private let state = Mutex(State())

  /// No tails.
  public init() {}

  /// How many are open.
  public var count: Int { state.withLock { $0.openCount } }

  /// How many of them wait.
  public var waitingCount: Int {
    state.withLock { $0.logs.values.reduce(0) { $0 + $1.waiters.count } }
  }

  /// Opens a tail; nil when there are too many already or the service stops.
  public func open(_ project: ProjectID) -> Tail? {
    let id: Int? = state.withLock { state in
      guard state.openCount < Self.openMax, !state.isStopping else { return nil }
      state.openCount += 1
      state.nextID += 1
      state.logs[project, default: Log()].tailCount += 1
      return state.nextID
    }
    return id.map { Tail(id: $0, project: project, tails: self) }
  }

  fileprivate func close(_ tail: Tail) {
    state.withLock { state in
      state.openCount -= 1
      state.logs[tail.project]?.tailCount -= 1
      if state.logs[tail.project]?.tailCount == 0 { state.logs[tail.project] = nil }
    }
  }

  /// Tells that the log of the project holds so many events.
  public func grew(_ project: ProjectID, to size: TreeSize) {
    let woken: [Waiter] = state.withLock { state in
      guard let log = state.logs[project], log.size < size else { return [] }
      state.logs[project]?.size = size
      for (id, waiter) in log.waiters where waiter.size < size {
        state.logs[project]?.waiters[id] = nil
      }
      return log.waiters.values.filter { $0.size < size }
    }
    for waiter in woken { waiter.continuation.resume(returning: .grown) }
  }

  /// Lets time pass for all tails.
  public func pass() {
    let (woken, tick) = state.withLock { state in
      state.tick += 1
      return (Self.takeWaiters(&state), state.tick)
    }
    for waiter in woken { waiter.continuation.resume(returning: .tick(tick)) }
  }

  /// Ends all tails and opens none any more.
  public func stop() {
    let woken = state.withLock { state in
      state.isStopping = true
      return Self.takeWaiters(&state)
    }
    for waiter in woken { waiter.continuation.resume(returning: .stopping) }
  }

  private static func takeWaiters(_ state: inout State) -> [Waiter] {
    var waiters: [Waiter] = []
    for project in state.logs.keys {
      waiters += state.logs[project]?.waiters.values.map { $0 } ?? []
      state.logs[project]?.waiters = [:]
    }
    return waiters
  }

  /// Looks once how long the logs that are followed are, in one round trip.
  public func look(in records: any RecordStore) async throws(StoreError) {
    let projects = state.withLock { Array($0.logs.keys) }
    guard !projects.isEmpty else { return }
    for (project, size) in try await records.sizes(of: projects) { grew(project, to: size) }
  }

  /// Ticks, and looks at the logs that are followed, until the task is cancelled or `stop`.
  ///
  /// A database that does not answer delays the looks and not the ticks.
  public func run(
    over records: any RecordStore, sleep: @escaping @Sendable (Duration) async -> Void
  ) async {
    await withDiscardingTaskGroup { group in
      group.addTask {
        while !self.isOver {
          await sleep(Self.tickTime)
          self.pass()
        }
      }
      while !isOver {
        await sleep(Self.tickTime)
        // Whoever follows finds out by its own reads what is wrong.
        do { try await look(in: records) } catch { continue }
      }
    }
  }

  private var isOver: Bool { Task.isCancelled || state.withLock { $0.isStopping } }

  /// Waits until the log holds more than `size` events, or a tick after `tick`, or the end.
  fileprivate func wait(_ tail: Tail, beyond size: TreeSize, after tick: Int) async -> Wake {
    await withCheckedContinuation { continuation in
      let wake: Wake? = state.withLock { state in
        if state.isStopping { return .stopping }
        if state.tick > tick { return .tick(state.tick) }
        if let log = state.logs[tail.project], log.size > size { return .grown }
        state.logs[tail.project]?.waiters[tail.id] = Waiter(
          size: size, continuation: continuation)
        return nil
      }
      if let wake { continuation.resume(returning: wake) }
    }
  }

  fileprivate var tick: Int { state.withLock { $0.tick } }

  fileprivate func size(of project: ProjectID) -> TreeSize {
    state.withLock { $0.logs[project]?.size ?? .zero }
  }
}

/// One open tail; it closes when nobody holds it any more.
public final class Tail: Sendable {
  fileprivate let id: Int
  fileprivate let project: ProjectID
  private let tails: Tails

  fileprivate init(id: Int, project: ProjectID, tails: Tails) {
    self.id = id
    self.project = project
    self.tails = tails
  }

  deinit { tails.close(self) }

  /// The number of the last tick.
  public var tick: Int { tails.tick }

  /// The largest size of the log anybody has told of.
  public var size: TreeSize { tails.size(of: project) }

  /// Tells how long the log was when it was read.
  public func saw(_ size: TreeSize) { tails.grew(project, to: size) }

  /// Waits until the log holds more than `size` events, or a tick after `tick`, or the end.
  public func wait(beyond size: TreeSize, after tick: Int) async -> Tails.Wake {
    await tails.wait(self, beyond: size, after: tick)
  }
}
