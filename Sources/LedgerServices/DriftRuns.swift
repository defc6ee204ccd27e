// DriftRuns: the one door for drift runs: what is running here, starting one, and making it.
//
// Called by the schedule, the API and the command line; calls what compares a project with its
// cloud and `DriftRunStore`. A run that the API starts is made by `serve`, which the wiring runs.
// Invariant: at most one run of a project is under way in one instance, and every run that began
// has its end remembered, unless the instance dies with it: then it counts as lost.

import Crypto
public import Ledger
import Synchronization

/// Why a run could not be started.
public enum RunStartError: Error, Hashable, Sendable {
  /// The project has no cloud to be compared with.
  case noCloud
  /// Too many runs wait already.
  case overloaded
  /// It could not be remembered.
  case store(StoreError)
}

/// The one door for drift runs.
public final class DriftRuns: Sendable {
  /// What is to be compared.
  public struct Order: Sendable {
    /// The project.
    public let project: Project
    /// The id of the run.
    public let run: RunID
    /// The request that asked for it; nil when none did.
    public let requestID: String?
    /// What it is for.
    public let purpose: RunPurpose
    /// How gently and how long it looks.
    public var settings: Reconciler.Settings
    /// Who is told of it meanwhile.
    public var observer: RunObserver
  }

  /// Compares a project with its cloud and records what it finds.
  public typealias Compare =
    @Sendable (Order) async throws(ReconcileError) -> DriftReport

  /// How many runs may wait to be made or be under way.
  public static let runningMax = 64

  private let store: any DriftRunStore
  private let clock: Clock
  private let identities: Identities
  private let compare: Compare
  private let running = Mutex<[ProjectID: DriftRun]>([:])
  private let orders: AsyncStream<Order>
  private let queue: AsyncStream<Order>.Continuation

  /// Runs that `compare` makes.
  public init(
    store: any DriftRunStore, clock: Clock, identities: Identities, compare: @escaping Compare
  ) {
    self.store = store
    self.clock = clock
    self.identities = identities
    self.compare = compare
    // No more than `runningMax` are ever in it: each has its place in `running`.
    (orders, queue) = AsyncStream.makeStream(bufferingPolicy: .bufferingOldest(Self.runningMax))
  }

  /// Makes one run and waits for its end.
  public func run(
    _ project: Project, for purpose: RunPurpose = .compare,
    settings: Reconciler.Settings = .standard, requestID: String? = nil,
    observer: RunObserver = .nobody
  ) async throws(ReconcileError) -> DriftReport {
    let run = begin(nil)
    guard reserve(run, of: project.id) == .reserved else { throw .underWay }
    let order = Order(
      project: project, run: run.id, requestID: requestID, purpose: purpose, settings: settings,
      observer: observer)
    do throws(StoreError) {
      _ = try await store.begin(run, in: project.id)
    } catch {
      release(project.id)
      throw .store(error)
    }
    return try await make(order).get()
  }

  /// Starts a run that `serve` makes; the one under way, where there is one.
  ///
  /// The same `key` names the same run for ever.
  public func start(
    _ project: Project, key: IdempotencyKey?, requestID: String?
  ) async throws(RunStartError) -> DriftRun {
    guard project.isComparable else { throw .noCloud }
    let run = begin(key.map { Self.id(of: $0, in: project.id) })
    do throws(StoreError) {
      if key != nil, let earlier = try await store.run(run.id, in: project.id).value {
        return earlier
      }
    } catch {
      throw .store(error)
    }
    switch reserve(run, of: project.id) {
    case .reserved: break
    case .taken(let other): return other
    case .full: throw .overloaded
    }
    do throws(StoreError) {
      guard try await store.begin(run, in: project.id) else {
        release(project.id)
        return try await store.run(run.id, in: project.id).value ?? run
      }
    } catch {
      release(project.id)
      throw .store(error)
    }
    queue.yield(
      Order(
        project: project, run: run.id, requestID: requestID, purpose: .compare, settings: .standard,
        observer: .nobody))
    return run
  }

  /// Makes the runs that were started until its task is cancelled, which calls those under way off;
  /// `warn` is told what is amiss with a project without being in the way of its run.
  public func serve(
    warn: @escaping @Sendable (ProjectID, String) -> Void = { _, _ in }
  ) async {
    await withDiscardingTaskGroup { group in
      for await order in orders {
        var order = order
        let project = order.project.id
        order.observer.warn = { warn(project, $0) }
        let observed = order
        group.addTask { _ = await self.make(observed) }
      }
      group.cancelAll()
    }
  }

  /// How many runs are under way here, or wait to be made.
  public var count: Int { running.withLock { $0.count } }

  private func begin(_ id: RunID?) -> DriftRun {
    let now = clock.now
    return DriftRun(
      id: id ?? Self.id(identities.uuid(at: now)), startedAt: now, endedAt: nil, outcome: nil)
  }

  private enum Place: Equatable {
    case reserved
    case taken(DriftRun)
    case full
  }

  private func reserve(_ run: DriftRun, of project: ProjectID) -> Place {
    running.withLock { running in
      if let other = running[project] { return .taken(other) }
      guard running.count < Self.runningMax else { return .full }
      running[project] = run
      return .reserved
    }
  }

  private func release(_ project: ProjectID) { running.withLock { $0[project] = nil } }

  /// Makes the run and remembers how it ended; what cannot be remembered is lost, and told as such.
  private func make(_ order: Order) async -> Result<DriftReport, ReconcileError> {
    let result: Result<DriftReport, ReconcileError>
    let outcome: DriftRun.Outcome
    do throws(ReconcileError) {
      let report = try await compare(order)
      result = .success(report)
      outcome = .completed(report.position)
    } catch {
      result = .failure(error)
      outcome = .failed(error.sentence)
    }
    release(order.project.id)
    do throws(StoreError) {
      try await store.end(order.run, in: order.project.id, at: clock.now, outcome)
    } catch {
      if case .success = result { return .failure(.store(error)) }
    }
    return result
  }

  private static func id(_ text: String) -> RunID {
    do { return try RunID(text) } catch { preconditionFailure("run id \(text): \(error)") }
  }

  /// A UUID of version 8 made of a SHA-256.
  ///
  /// Source: RFC 9562, section 5.8.
  private static func id(of key: IdempotencyKey, in project: ProjectID) -> RunID {
    var bytes = Array(
      SHA256.hash(Array("drift-run\n\(project.text)\n\(key.text)".utf8)).bytes.prefix(16))
    bytes[6] = bytes[6] & 0x0F | 0x80
    bytes[8] = bytes[8] & 0x3F | 0x80
    let hex = Hex.encode(bytes)
    var text = ""
    for (offset, digit) in hex.enumerated() {
      if offset == 8 || offset == 12 || offset == 16 || offset == 20 { text.append("-") }
      text.append(digit)
    }
    return id(text)
  }
}

extension Project {
  /// Whether there is a cloud to compare with.
  public var isComparable: Bool {
    switch upstream?.mode {
    case .read, .write: true
    case .off, nil: false
    }
  }
}

extension ReconcileError {
  /// The reason, as it is kept with the run.
  public var sentence: String {
    switch self {
    case .cloud(.notFound): "the cloud has no such project"
    case .cloud(.forbidden(let why)): "the cloud will not list its secrets: \(why)"
    case .cloud(.unreachable(let why)): "the cloud does not answer: \(why)"
    case .cloud(.throttled(let why)): "the cloud asks us to come later: \(why)"
    case .cloud(.unintelligible(let why)): "the cloud's answer makes no sense: \(why)"
    case .store, .append(.store): "the record cannot be read or written"
    case .append(.overloaded): "too many changes wait to be recorded"
    case .append(.rejected(let rejection)): "refused: \(rejection.code)"
    case .underWay: "another run of the project is under way"
    case .held(let holder):
      "another run is under way, made by \(holder.name) since \(holder.since.rfc3339)"
    case .cancelled: "the run was called off"
    }
  }
}
