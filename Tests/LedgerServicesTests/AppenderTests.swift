// Appender: who leads, who waits, and that everybody hears exactly once.

import Foundation
import Ledger
import LedgerServices
import TestLiterals
import TestSupport
import Testing

@Suite struct AppenderTests {
  typealias Verdict = Result<AppendOutcome, AppendError>

  /// An appender over a store that waits to be let go.
  private struct Bench {
    let memory = MemoryStore()
    let gate: GatedStore
    let appender: Appender

    init() async throws {
      gate = GatedStore(memory)
      appender = Appender(store: gate, clock: ManualClock().clock, identities: .seeded(1))
      for id in ["p1", "p2"] {
        try await memory.create(
          Project(
            id: try ProjectID(id), provider: .huawei, notFoundStatus: .badRequest, upstream: nil,
            createdAt: second(0)))
      }
    }

    func append(
      _ change: Change, secret: SecretName = "s", to project: ProjectID = "p1"
    ) async
      -> Verdict
    {
      do throws(AppendError) {
        return .success(
          try await appender.append(
            Submission(
              intent: .change(secret, change, .any), provenance: .test, idempotency: nil),
            to: project, rules: .huawei))
      } catch { return .failure(error) }
    }

    /// Starts a submission and waits until it stands in line.
    func enqueue(_ change: Change, secret: SecretName = "s") async -> Task<Verdict, Never> {
      let before = await appender.waitingCount
      let task = Task { await append(change, secret: secret) }
      while await appender.waitingCount == before { await Task.yield() }
      return task
    }

    /// Starts a submission that finds its lane free, and waits until it is at the gate.
    func lead(_ change: Change, secret: SecretName = "s") async -> Task<Verdict, Never> {
      let task = Task { await append(change, secret: secret) }
      await gate.waitForCalls()
      return task
    }
  }

  private let automatic = PlanBench.automatic
  /// A change that is refused without a secret, so that it writes nothing.
  private let refused = Change.restoreSecret

  @Test func `a submission alone is a batch of its own`() async throws {
    let bench = try await Bench()
    let task = await bench.lead(automatic)
    await bench.gate.letGo()
    #expect(try await task.value.get().events.count == 3)
    #expect(bench.gate.batchSizes == [1])
    #expect(bench.appender.batchCount == 1)
    #expect(bench.appender.eventCount == 3)
    #expect(await bench.appender.waitingCount == 0)
  }

  @Test func `what comes meanwhile shares the next batch, in order`() async throws {
    let bench = try await Bench()
    let first = await bench.lead(automatic)
    var tasks: [Task<Verdict, Never>] = []
    for _ in 0..<5 { tasks.append(await bench.enqueue(PlanBench.nextVersion)) }
    #expect(await bench.appender.waitingCount == 5)
    await bench.gate.letGo()
    await bench.gate.letGo()
    #expect(try await first.value.get().events.count == 3)
    for (index, task) in tasks.enumerated() {
      let events = try await task.value.get().events
      #expect(events.first?.event.position == place(Int64(3 + 3 * index)))
      #expect(events.first?.event.versionID?.text == "v\(index + 2)")
    }
    #expect(bench.gate.batchSizes == [1, 5])
  }

  @Test func `a batch has a bound`() async throws {
    let bench = try await Bench()
    let first = await bench.lead(refused)
    var tasks: [Task<Verdict, Never>] = []
    for _ in 0..<600 { tasks.append(Task { await bench.append(refused) }) }
    while await bench.appender.waitingCount < 600 { await Task.yield() }
    for _ in 0..<3 { await bench.gate.letGo() }
    for task in [first] + tasks {
      #expect(await task.value == .failure(.rejected(.secretNotFound)))
    }
    #expect(bench.gate.batchSizes == [1, 512, 88])
    #expect(Appender.batchMax == 512)
  }

  @Test func `the lane is handed on until nobody waits`() async throws {
    let bench = try await Bench()
    let first = await bench.lead(automatic)
    let second = await bench.enqueue(.assignStage("a", to: "v1"))
    await bench.gate.letGo()
    await bench.gate.waitForCalls()
    let third = await bench.enqueue(.assignStage("b", to: "v1"))
    let fourth = await bench.enqueue(.assignStage("c", to: "v1"))
    await bench.gate.letGo()
    await bench.gate.letGo()
    for task in [first, second, third, fourth] {
      #expect(try await !task.value.get().events.isEmpty)
    }
    let fifth = await bench.lead(.assignStage("d", to: "v1"))
    await bench.gate.letGo()
    #expect(try await fifth.value.get().events.first?.event.position == 6)
    #expect(bench.gate.batchSizes == [1, 1, 2, 1])
  }

  @Test func `a refusal is its own submission's alone`() async throws {
    let bench = try await Bench()
    let first = await bench.lead(automatic)
    let bad = await bench.enqueue(.removeStage("SYSCURRENT"))
    let good = await bench.enqueue(.assignStage("a", to: "v1"))
    let late = await bench.enqueue(.assignStage("b", to: "v9"))
    await bench.gate.letGo()
    await bench.gate.letGo()
    #expect(try await first.value.get().events.count == 3)
    #expect(await bad.value == .failure(.rejected(.stagePermanent("SYSCURRENT"))))
    #expect(try await good.value.get().events.count == 1)
    #expect(await late.value == .failure(.rejected(.versionNotFound("v9"))))
  }

  @Test func `a batch the database refuses is tried one by one`() async throws {
    let bench = try await Bench()
    let first = await bench.lead(automatic)
    let good = await bench.enqueue(.assignStage("a", to: "v1"))
    let bad = await bench.enqueue(.assignStage("b", to: "v1"))
    let better = await bench.enqueue(.assignStage("c", to: "v1"))
    await bench.gate.letGo()
    await bench.gate.letGo(failing: .corrupt("refused"))
    await bench.gate.letGo()
    await bench.gate.letGo(failing: .corrupt("refused"))
    await bench.gate.letGo()
    #expect(try await !first.value.get().events.isEmpty)
    #expect(try await !good.value.get().events.isEmpty)
    #expect(await bad.value == .failure(.store(.corrupt("refused"))))
    #expect(try await !better.value.get().events.isEmpty)
    #expect(bench.gate.batchSizes == [1, 1, 1])
  }

  @Test func `a batch that fails takes what waited with it`() async throws {
    let bench = try await Bench()
    let first = await bench.lead(automatic)
    let waiting = [await bench.enqueue(refused), await bench.enqueue(refused)]
    await bench.gate.letGo(failing: .deadlineExceeded)
    for task in [first] + waiting {
      #expect(await task.value == .failure(.store(.deadlineExceeded)))
    }
    #expect(bench.memory.allEvents(of: "p1").isEmpty)
    #expect(bench.appender.batchCount == 0)
    // The lane is free again.
    let next = await bench.lead(automatic)
    await bench.gate.letGo()
    #expect(try await next.value.get().events.count == 3)
  }

  @Test func `an unknown outcome is that of the batch only`() async throws {
    let bench = try await Bench()
    let first = await bench.lead(automatic)
    let batch = [await bench.enqueue(refused), await bench.enqueue(refused)]
    await bench.gate.letGo()
    await bench.gate.waitForCalls()
    let behind = [await bench.enqueue(refused), await bench.enqueue(refused)]
    await bench.gate.letGo(failing: .outcomeUnknown)
    #expect(try await first.value.get().events.count == 3)
    for task in batch { #expect(await task.value == .failure(.store(.outcomeUnknown))) }
    // What was never sent is known not to be written.
    for task in behind {
      guard case .failure(.store(.unavailable)) = await task.value else {
        Issue.record("\(await task.value)")
        continue
      }
    }
  }

  @Test func `a full line refuses and the line moves on`() async throws {
    let bench = try await Bench()
    let first = await bench.lead(refused)
    let count = Appender.waitingMax
    let before = try residentMebibytes()
    let tasks = (0..<count).map { _ in Task { await bench.append(refused) } }
    while await bench.appender.waitingCount < count { await Task.yield() }
    // A line that is copied for each who joins it takes gigabytes.
    #expect(try residentMebibytes() - before < 512)
    #expect(await bench.append(refused) == .failure(.overloaded))
    // Another project has its own line.
    let other = Task { await bench.append(automatic, to: "p2") }
    await bench.gate.waitForCalls(2)
    for _ in 0..<(2 + count / Appender.batchMax) { await bench.gate.letGo() }
    for task in [first] + tasks {
      #expect(await task.value == .failure(.rejected(.secretNotFound)))
    }
    #expect(try await other.value.get().events.count == 3)
    #expect(await bench.appender.waitingCount == 0)
  }

  /// How much memory this process takes.
  private func residentMebibytes() throws -> Int {
    let status = try String(contentsOfFile: "/proc/self/status", encoding: .utf8)
    let line = try #require(status.split(separator: "\n").first { $0.hasPrefix("VmRSS:") })
    return try #require(Int(line.filter(\.isNumber))) / 1_024
  }

  @Test func `projects do not wait for each other`() async throws {
    let bench = try await Bench()
    let one = await bench.lead(automatic)
    let two = Task { await bench.append(automatic, to: "p2") }
    await bench.gate.waitForCalls(2)
    await bench.gate.letGo()
    await bench.gate.letGo()
    #expect(try await one.value.get().events.first?.event.project == "p1")
    #expect(try await two.value.get().events.first?.event.project == "p2")
  }

  @Test func `a thousand at once get one verdict each`() async throws {
    let ledger = TestLedger()
    let project = try await ledger.makeProject().id
    try await ledger.append(.registerSecret(data: [:], firstVersion: .none), to: "s")
    let appender = ledger.services.appender
    let change = Change.registerVersion(id: nil, stages: [], data: [:])
    let verdicts = await withTaskGroup(of: Verdict.self, returning: [Verdict].self) { group in
      for _ in 0..<1_000 {
        group.addTask {
          do throws(AppendError) {
            return .success(
              try await appender.append(
                Submission(intent: .change("s", change, .any), provenance: .test, idempotency: nil),
                to: project, rules: .huawei))
          } catch { return .failure(error) }
        }
      }
      return await group.reduce(into: []) { $0.append($1) }
    }
    let events = try verdicts.map { try #require(try $0.get().events.first).event }
    #expect(Set(events.map(\.position)).count == 1_000)
    #expect(Set(events.compactMap(\.versionID)).count == 1_000)
    #expect(Set(events.map(\.id)).count == 1_000)
    #expect(ledger.store.allEvents(of: project).count == 1_001)
    #expect(appender.eventCount == 1_001)
  }
}
