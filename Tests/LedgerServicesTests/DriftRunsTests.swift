// DriftRunsTests: the one door for drift runs: what is remembered of each, and that none overlap.
//
// The comparison is scripted; where runs are kept is the memory store.

import Ledger
import LedgerServices
import Synchronization
import TestLiterals
import TestSupport
import Testing

@Suite struct DriftRunsTests {
  /// A comparison that waits until it is let go, then gives what it was told to.
  final class ScriptedComparison: Sendable {
    private let result = Mutex<Result<Position, ReconcileError>>(.success(7))
    private let orders = Mutex<[DriftRuns.Order]>([])
    private let gate: AsyncStream<Void>
    private let key: AsyncStream<Void>.Continuation

    init() { (gate, key) = AsyncStream.makeStream() }

    var seen: [DriftRuns.Order] { orders.withLock { $0 } }
    func answer(_ result: Result<Position, ReconcileError>) { self.result.withLock { $0 = result } }
    func letGo() { key.yield() }

    func compare(_ order: DriftRuns.Order) async throws(ReconcileError) -> DriftReport {
      orders.withLock { $0.append(order) }
      for await _ in gate { break }
      guard !Task.isCancelled else { throw .cancelled }
      return DriftReport(
        project: order.project.id, run: order.run, startedAt: second(0), finishedAt: second(1),
        position: try result.withLock { $0 }.get(),
        scope: DriftReport.Scope(secrets: 1, versions: 1, labels: 1), findings: [],
        notSeen: [], unobservable: [])
    }
  }

  let comparison = ScriptedComparison()
  let ledger: TestLedger
  var runs: DriftRuns { ledger.services.runs }

  init() {
    let comparison = comparison
    ledger = TestLedger { (order, _) async throws(ReconcileError) in
      try await comparison.compare(order)
    }
  }

  private func makeProject() async throws -> Project {
    try await ledger.makeProject(
      upstream: Upstream(
        mode: .read, url: "https://cloud", project: "p", region: nil,
        credential: .token(file: "/none")))
  }

  /// Waits until so many comparisons have begun.
  private func begun(_ count: Int) async {
    while comparison.seen.count < count { await Task.yield() }
  }

  @Test func `a run has its end remembered`() async throws {
    let project = try await makeProject()
    comparison.letGo()
    let report = try await runs.run(project)
    let kept = try await ledger.store.runs(in: project.id, after: nil, limit: 10).value
    #expect(kept.map(\.outcome) == [.completed(report.position)])
    #expect(kept.map(\.id) == comparison.seen.map(\.run))
    #expect(runs.count == 0)
    comparison.answer(.failure(.cloud(.forbidden("status 401"))))
    comparison.letGo()
    await #expect(throws: ReconcileError.cloud(.forbidden("status 401"))) {
      try await runs.run(project)
    }
    let outcomes = try await ledger.store.runs(in: project.id, after: nil, limit: 10).value
      .compactMap(\.outcome)
    #expect(outcomes.contains(.failed("the cloud will not list its secrets: status 401")))
    #expect(outcomes.count == 2)
  }

  @Test func `a run that is started is made once and named by its key`() async throws {
    let project = try await makeProject()
    let serving = Task { await runs.serve() }
    let first = try await runs.start(project, key: "k", requestID: "r1")
    await begun(1)
    #expect(try await runs.start(project, key: nil, requestID: "r2") == first)
    await #expect(throws: ReconcileError.underWay) { try await runs.run(project) }
    comparison.letGo()
    while runs.count > 0 { await Task.yield() }
    var kept: DriftRun?
    while kept?.outcome == nil {
      kept = try await ledger.store.run(first.id, in: project.id).value
      await Task.yield()
    }
    #expect(kept?.outcome == .completed(7))
    #expect(try await runs.start(project, key: "k", requestID: "r3").id == first.id)
    #expect(comparison.seen.map(\.requestID) == ["r1"])
    let second = try await runs.start(project, key: "l", requestID: "r4")
    #expect(second.id != first.id)
    await begun(2)
    serving.cancel()
    await serving.value
    let end = try await ledger.store.run(second.id, in: project.id).value?.outcome
    #expect(end == .failed("the run was called off"))
  }

  @Test func `a project without a cloud has no runs`() async throws {
    let project = try await ledger.makeProject()
    await #expect(throws: RunStartError.noCloud) {
      try await runs.start(project, key: nil, requestID: nil)
    }
    #expect(try await ledger.store.runs(in: project.id, after: nil, limit: 10).value.isEmpty)
  }

  @Test func `a run that cannot be remembered does not begin`() async throws {
    let project = try await makeProject()
    ledger.store.failNext(with: .deadlineExceeded)
    await #expect(throws: ReconcileError.store(.deadlineExceeded)) { try await runs.run(project) }
    ledger.store.failNext(with: .deadlineExceeded)
    await #expect(throws: RunStartError.store(.deadlineExceeded)) {
      try await runs.start(project, key: nil, requestID: nil)
    }
    #expect(comparison.seen.isEmpty)
    #expect(runs.count == 0)
  }

  @Test func `a run without an end is running, then lost`() {
    let run = DriftRun(
      id: DriftWorld.run, startedAt: second(0), endedAt: nil, outcome: nil)
    #expect(run.state(at: second(1_800)) == .running)
    #expect(run.state(at: second(1_801)) == .lost)
  }
}
