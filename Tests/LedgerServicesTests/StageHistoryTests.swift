// StageHistory: what the moments of a question mean.

import Ledger
import LedgerServices
import TestLiterals
import TestSupport
import Testing

@Suite struct StageHistoryTests {
  /// A secret with a version at second 0, another at second 100, and now is second 200.
  private func ledger() async throws -> TestLedger {
    let ledger = TestLedger()
    ledger.time.set(second(0))
    try await ledger.makeProject()
    try await ledger.append(PlanBench.automatic, to: "s")
    ledger.time.set(second(100))
    try await ledger.append(PlanBench.nextVersion, to: "s")
    ledger.time.set(second(200))
    return ledger
  }

  private func ask(
    _ ledger: TestLedger, _ stage: StageName = "SYSCURRENT", of secret: SecretName = "s",
    effectiveAt: Instant? = nil, knownAt: Instant? = nil
  ) async -> Result<(moments: ResolvedMoments, reply: Reading<StageReply>), QuestionError> {
    do throws(QuestionError) {
      return .success(
        try await ledger.services.history.answer(
          stage, of: secret, in: "p1",
          at: MomentPair(effectiveAt: effectiveAt, known: knownAt.map { .at($0) })))
    } catch { return .failure(error) }
  }

  private func error(
    _ result: Result<(moments: ResolvedMoments, reply: Reading<StageReply>), QuestionError>
  ) -> QuestionError? {
    guard case .failure(let error) = result else { return nil }
    return error
  }

  @Test func `what was known is also told by position`() async throws {
    let ledger = TestLedger()
    try await ledger.makeProject()
    #expect(error(await askThrough(0, ledger)) == .beyondLog(last: nil))
    try await ledger.append(
      .registerSecret(data: [:], firstVersion: .automatic), to: "s")
    let size = Int64(ledger.store.allEvents(of: named("p1")).count)
    let last = try await askThrough(size - 1, ledger).get()
    #expect(last.reply.value.answer.versionID == "v1")
    #expect(last.moments.known.isFinal)
    #expect(last.moments.known.size.count == size)
    let first = try await askThrough(0, ledger).get()
    #expect(first.reply.value.answer.versionID == nil)
    #expect(first.moments.known.recordedAt == ledger.time.now)
    #expect(error(await askThrough(size, ledger)) == .beyondLog(last: place(size - 1)))
  }

  private func askThrough(
    _ position: Int64, _ ledger: TestLedger
  ) async -> Result<(moments: ResolvedMoments, reply: Reading<StageReply>), QuestionError> {
    do throws(QuestionError) {
      return .success(
        try await ledger.services.history.answer(
          "SYSCURRENT", of: "s", in: named("p1"),
          at: MomentPair(effectiveAt: nil, known: .through(place(position)))))
    } catch {
      return .failure(error)
    }
  }

  @Test func `a question without moments is about now`() async throws {
    let ledger = try await ledger()
    let (moments, reply) = try await ask(ledger).get()
    #expect(moments.effectiveAt == second(200))
    #expect(moments.known.size == 6)
    #expect(!moments.known.isFinal)
    #expect(reply.value.answer.versionID == "v2")
    #expect(reply.size == 6)
  }

  @Test(arguments: [(0, "v1"), (99, "v1"), (100, "v2"), (200, "v2")] as [(Int64, VersionID)])
  func `a question about the past is answered of the past`(
    _ time: Int64, _ version: VersionID
  ) async throws {
    let ledger = try await ledger()
    let reply = try await ask(ledger, effectiveAt: second(time)).get().reply
    #expect(reply.value.answer.versionID == version)
  }

  @Test func `before the first change no version held the label`() async throws {
    let ledger = try await ledger()
    let reply = try await ask(ledger, effectiveAt: second(-1)).get().reply
    #expect(reply.value.answer == StageAnswer(last: nil, firstChange: second(0)))
  }

  @Test func `nobody knows the future`() async throws {
    let ledger = try await ledger()
    let ahead = second(200).successor
    #expect(
      error(await ask(ledger, effectiveAt: ahead))
        == .inFuture(field: "effective_at", now: second(200)))
    #expect(
      error(await ask(ledger, knownAt: ahead)) == .inFuture(field: "known_at", now: second(200)))
    #expect(error(await ask(ledger, effectiveAt: second(200), knownAt: second(200))) == nil)
  }

  @Test func `what was known then stays what was known then`() async throws {
    let ledger = try await ledger()
    let before = try await ask(ledger, effectiveAt: second(50), knownAt: second(150)).get()
    #expect(before.reply.value.answer.versionID == "v1")
    try await ledger.append(PlanBench.fact("SYSCURRENT", "v7", at: 40), to: "s")
    ledger.time.set(second(300))
    let after = try await ask(ledger, effectiveAt: second(50), knownAt: second(150)).get()
    #expect(after.reply.value == before.reply.value)
    #expect(after.moments.known.size == before.moments.known.size)
    let now = try await ask(ledger, effectiveAt: second(50)).get()
    #expect(now.reply.value.answer.versionID == "v7")
    #expect(now.reply.value.answer.interval?.until == second(100))
  }

  @Test func `knowledge is final once something later is recorded`() async throws {
    let ledger = try await ledger()
    #expect(try await !ask(ledger, knownAt: second(150)).get().moments.known.isFinal)
    #expect(try await ask(ledger, knownAt: second(99)).get().moments.known.isFinal)
    try await ledger.append(.assignStage("a", to: "v1"), to: "s")
    #expect(try await ask(ledger, knownAt: second(150)).get().moments.known.isFinal)
  }

  @Test func `now reaches to the newest event when its clock ran ahead`() async throws {
    let ledger = try await ledger()
    ledger.time.set(second(50))
    let (moments, reply) = try await ask(ledger).get()
    #expect(moments.effectiveAt == second(100).advanced(byMicroseconds: 2))
    #expect(reply.value.answer.versionID == "v2")
  }

  @Test func `a secret nobody spoke of is not found`() async throws {
    let ledger = try await ledger()
    #expect(error(await ask(ledger, of: "t")) == .secretNotFound)
  }

  @Test func `a secret nobody had spoken of then is not found then, for ever`() async throws {
    let ledger = try await ledger()
    ledger.time.set(second(300))
    #expect(error(await ask(ledger, of: "t", knownAt: second(200))) == .secretNotFound)
    try await ledger.append(PlanBench.automatic, to: "t")
    #expect(error(await ask(ledger, of: "t", knownAt: second(200))) == .secretNotFound)
    #expect(error(await ask(ledger, of: "t")) == nil)
  }

  @Test func `a label nobody spoke of is held by no version`() async throws {
    let ledger = try await ledger()
    let reply = try await ask(ledger, "canary").get().reply
    #expect(reply.value.answer == StageAnswer(last: nil, firstChange: nil))
    #expect(!reply.value.isDeprecated)
  }

  @Test func `a version that lost its last label is deprecated`() async throws {
    let ledger = try await ledger()
    try await ledger.append(PlanBench.nextVersion, to: "s")
    let reply = try await ask(ledger, effectiveAt: second(50)).get().reply
    #expect(reply.value.answer.versionID == "v1")
    #expect(reply.value.isDeprecated)
  }

  @Test func `a store that fails is said to have failed`() async throws {
    let ledger = try await ledger()
    ledger.store.failNext(with: .deadlineExceeded)
    #expect(error(await ask(ledger)) == .store(.deadlineExceeded))
    let question = MomentPair(effectiveAt: nil, known: nil)
    await #expect(throws: QuestionError.store(.projectNotFound)) {
      try await ledger.services.history.resolve(question, in: "p9")
    }
  }
}
