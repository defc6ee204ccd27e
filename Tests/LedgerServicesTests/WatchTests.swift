// WatchTests: what runs vouch for between them, and what they say they cannot.
//
// A run every ten minutes of a clock the tests move; each run takes four seconds, in the middle of
// which the cloud is looked at. At most 20 minutes may pass between two runs.

import Ledger
import LedgerServices
import TestLiterals
import TestSupport
import Testing

@Suite struct WatchTests {
  private let world: DriftWorld
  private let begin: Instant

  init() async throws {
    world = try await DriftWorld()
    begin = world.ledger.time.now
    try await world.makeSecret("db")
    try await world.makeSecret("api")
  }

  /// Makes the run that begins so many minutes after the start.
  @discardableResult
  private func run(_ minute: Int64) async throws(ReconcileError) -> DriftReport {
    let time = world.ledger.time
    time.set(moment(minute * 60))
    world.cloud.before { call in if call == .secrets { time.advance(seconds: 2) } }
    let id: RunID
    do { id = try RunID("00000000-0000-4000-8000-\(100_000_000_000 + minute)") } catch {
      preconditionFailure("\(error)")
    }
    return try await world.run(silenceMax: .seconds(1_200), as: id)
  }

  private func moment(_ seconds: Int64) -> Instant {
    begin.advanced(byMicroseconds: seconds * 1_000_000)
  }

  /// What is said of the label of a secret so many seconds after the start, as known now or then.
  private func coverage(
    _ seconds: Int64, of secret: SecretName = "db", knownSize: TreeSize? = nil
  ) async throws -> Coverage {
    let size = try await world.ledger.store.events(
      in: world.project.id, from: place(0), limit: 1
    ).size
    return try await world.ledger.store.answer(
      at: moment(seconds), knownSize: knownSize ?? size, stage: "SYSCURRENT", of: secret,
      in: world.project.id
    ).value.coverage
  }

  @Test func `what lies between two looks is covered, and what comes after is not yet`()
    async throws
  {
    try await run(10)
    #expect(world.events(.watchStarted).count == 1)
    #expect(try await coverage(700) == .notWatched)
    let size = try #require(world.events.last?.position.size)
    try await run(20)
    #expect(world.events(.watchStarted).count == 1)
    #expect(world.events(.watchGap).isEmpty)
    // The first run was over two seconds after minute 10; the second began at minute 20.
    #expect(try await coverage(601) == .notWatched)
    #expect(try await coverage(602) == .complete)
    #expect(try await coverage(1_199) == .complete)
    #expect(try await coverage(1_200) == .notWatched)
    #expect(try await coverage(700, knownSize: size) == .notWatched)
    try await run(30)
    #expect(try await coverage(1_201) == .complete)
  }

  @Test func `a silence that is too long is a gap from look to look`() async throws {
    try await run(10)
    try await run(20)
    try await run(41)
    let gap = try #require(world.events(.watchGap).first)
    #expect(gap.data["reason"] == "silence")
    #expect(gap.data["secrets"] == nil)
    #expect(gap.effectiveAfter == moment(1_200))
    #expect(gap.effectiveAt == moment(41 * 60 + 2))
    #expect(try await coverage(1_199) == .complete)
    #expect(try await coverage(1_200) == .gap)
    #expect(try await coverage(41 * 60 + 1) == .gap)
    try await run(51)
    #expect(try await coverage(41 * 60 + 2) == .complete)
    #expect(world.events(.watchGap).count == 1)
  }

  @Test func `a secret that a run did not see has a gap on both sides, and no other has`()
    async throws
  {
    try await run(10)
    try await run(20)
    let forbidden = CloudError.forbidden("status 403")
    world.cloud.fail(.versions("db"), with: forbidden)
    try await run(30)
    #expect(try await coverage(1_300) == .gap)
    #expect(try await coverage(1_300, of: "api") == .complete)
    let size = try #require(world.events.last?.position.size)
    try await run(40)
    #expect(try await coverage(1_199) == .complete)
    #expect(try await coverage(1_900) == .gap)
    #expect(try await coverage(1_900, of: "api") == .complete)
    #expect(try await coverage(1_900, knownSize: size) == .notWatched)
    try await run(50)
    #expect(try await coverage(2_500) == .complete)
    #expect(world.events(.watchGap).map(\.data["secrets"]) == [["db"], ["db"]])
  }

  @Test func `a secret the first run did not see is covered from the second on`() async throws {
    world.cloud.fail(.versions("db"), with: .forbidden("status 403"))
    try await run(10)
    try await run(20)
    #expect(try await coverage(700) == .gap)
    #expect(try await coverage(700, of: "api") == .complete)
    try await run(30)
    #expect(try await coverage(1_300) == .complete)
  }

  @Test func `a run that could not be made is a gap until the next that could`() async throws {
    // Nothing is watched yet, so nothing is lost.
    world.cloud.fail(.secrets, with: .unreachable("status 503"))
    await #expect(throws: ReconcileError.self) { try await run(5) }
    #expect(world.events(.watchGap).isEmpty)
    try await run(10)
    world.cloud.fail(.secrets, with: .unreachable("status 503"))
    await #expect(throws: ReconcileError.self) { try await run(20) }
    #expect(world.events(.watchGap).map(\.data["reason"]) == ["run_failed"])
    #expect(try await coverage(700) == .gap)
    try await run(25)
    #expect(try await coverage(700) == .gap)
    #expect(try await coverage(1_300) == .gap)
    try await run(35)
    #expect(try await coverage(1_600) == .complete)
    #expect(world.events(.watchGap).count == 2)
  }

  @Test func `a watch that was stopped covers what it saw, and begins anew`() async throws {
    try await run(10)
    try await run(20)
    world.ledger.time.set(moment(1_500))
    _ = try await world.ledger.services.appender.append(
      Submission(
        intent: .notes([
          Note(
            type: .watchStopped, secret: nil, stage: nil, versionID: nil, finding: nil,
            data: [:])
        ]), provenance: .test, idempotency: nil), to: world.project.id, rules: .huawei)
    #expect(try await coverage(700) == .complete)
    try await run(30)
    #expect(world.events(.watchStarted).count == 2)
    #expect(world.events(.watchGap).isEmpty)
    for seconds in [1_201, 1_499, 1_501, 1_801] as [Int64] {
      #expect(try await coverage(seconds) == .notWatched, "\(seconds)")
    }
    try await run(40)
    #expect(try await coverage(1_802) == .complete)
    #expect(try await coverage(1_499) == .notWatched)
  }

  @Test func `a change nobody knows the details of is a gap until the next known one`()
    async throws
  {
    try await run(10)
    try await run(20)
    let unresolved = Note(
      type: .changeUnresolved, secret: "db", stage: "SYSCURRENT", versionID: nil, finding: nil,
      effectiveAt: moment(700), effectiveAfter: nil, data: [:])
    _ = try await world.ledger.services.appender.append(
      Submission(intent: .notes([unresolved]), provenance: .test, idempotency: nil),
      to: world.project.id, rules: .huawei)
    try await world.change(
      .recordFact(
        StageFact(stage: "SYSCURRENT", versionID: "v1", effectiveAt: moment(900))), "db")
    #expect(try await coverage(699) == .complete)
    #expect(try await coverage(700) == .gap)
    #expect(try await coverage(899) == .gap)
    #expect(try await coverage(900) == .complete)
    #expect(try await coverage(800, of: "api") == .complete)
    let history = WatchHistory(
      events: world.events, knownSize: try #require(world.events.last?.position.size))
    #expect(history.coverage(from: moment(602), until: moment(650)) == .complete)
    #expect(history.coverage(from: moment(602), until: moment(702)) == .gap)
    #expect(history.coverage(from: moment(900), until: moment(1_200)) == .complete)
    #expect(history.coverage(from: moment(900), until: moment(1_201)) == .gap)
    #expect(history.coverage(from: moment(0), until: moment(602)) == .notWatched)
  }

  @Test func `more secrets unseen than a gap names are a gap of all`() async throws {
    try await run(10)
    for number in 0..<1_001 {
      let secret: SecretName = named("many-\(number)")
      world.cloud.edit { contents in
        contents.lives[secret] = .present
        contents.failures[.versions(secret)] = [.forbidden("status 403")]
      }
    }
    try await run(20)
    #expect(world.events(.watchGap).map(\.data["secrets"]) == [nil])
    #expect(try await coverage(700) == .gap)
  }
}
