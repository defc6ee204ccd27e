// The wake-ups of live tails: none is lost, none is kept, and there is a bound.

import Ledger
import LedgerServices
import TestSupport
import Testing

@Suite struct TailsTests {
  private let project: ProjectID = named("p1")

  private func size(_ count: Int64) throws -> TreeSize { try #require(TreeSize(count)) }

  @Test func `a tail is told of what came before it waited`() async throws {
    let tails = Tails()
    let tail = try #require(tails.open(project))
    tails.grew(project, to: try size(3))
    #expect(try await tail.wait(beyond: size(2), after: 0) == .grown)
    tails.pass()
    #expect(try await tail.wait(beyond: size(3), after: 0) == .tick(1))
    tails.stop()
    #expect(try await tail.wait(beyond: size(3), after: 1) == .stopping)
  }

  @Test func `only a log that grew past what a tail has wakes it`() async throws {
    let tails = Tails()
    let tail = try #require(tails.open(project))
    let three = try size(3)
    async let wake = tail.wait(beyond: three, after: 0)
    tails.grew(project, to: try size(3))
    tails.grew(named("p2"), to: try size(9))
    tails.grew(project, to: try size(2))
    tails.pass()
    #expect(await wake == .tick(1))
  }

  @Test func `a commit wakes every tail of its project`() async throws {
    let ledger = TestLedger()
    try await ledger.makeProject()
    let tails = ledger.services.tails
    let one = try #require(tails.open(project))
    let other = try #require(tails.open(project))
    async let wakes = (one.wait(beyond: .zero, after: 0), other.wait(beyond: .zero, after: 0))
    try await ledger.append(.registerSecret(data: [:], firstVersion: .automatic), to: "s")
    #expect(await wakes == (.grown, .grown))
    #expect(one.size == ledger.store.allEvents(of: project).last?.position.size)
  }

  @Test func `a look finds what others have committed`() async throws {
    let ledger = TestLedger()
    try await ledger.makeProject()
    try await ledger.append(.registerSecret(data: [:], firstVersion: .automatic), to: "s")
    let tails = Tails()
    try await tails.look(in: ledger.store)
    let tail = try #require(tails.open(project))
    #expect(tail.size == .zero)
    try await tails.look(in: ledger.store)
    #expect(await tail.wait(beyond: .zero, after: 0) == .grown)
  }

  @Test func `a tail that nobody holds is closed`() async throws {
    let tails = Tails()
    var open = (0..<Tails.openMax).compactMap { _ in tails.open(project) }
    #expect(open.count == Tails.openMax)
    #expect(tails.open(project) == nil)
    open.removeLast()
    #expect(tails.count == Tails.openMax - 1)
    open = []
    #expect(tails.count == 0)
    #expect(tails.open(project) != nil)
    tails.stop()
    #expect(tails.open(project) == nil)
  }

  @Test func `time passes until the end, also while the record is away`() async throws {
    let ledger = TestLedger()
    try await ledger.makeProject()
    let tails = Tails()
    let tail = try #require(tails.open(project))
    for _ in 0..<1_000 { ledger.store.failNext(with: .deadlineExceeded) }
    async let running: Void = tails.run(over: ledger.store) { _ in await Task.yield() }
    var tick = 0
    while tick < 3 {
      guard case .tick(let next) = await tail.wait(beyond: .zero, after: tick) else { break }
      #expect(next > tick)
      tick = next
    }
    tails.stop()
    await running
    #expect(tick >= 3)
  }
}
