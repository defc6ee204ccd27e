// AppendPlan, for what is said twice: requests under a key, and observations of drift.

import CanonicalJSON
import Crypto
import Ledger
import LedgerServices
import TestLiterals
import TestSupport
import Testing

@Suite struct AppendRepetitionTests {
  private let automatic = PlanBench.automatic
  private let canary = Change.assignStage("canary", to: "v1")

  @Test func `a key repeated within a batch has one answer`() {
    var bench = PlanBench()
    bench.append(automatic)
    let plan = bench.plan([
      bench.submission(canary, key: "k", body: "a"), bench.submission(canary, key: "k", body: "a"),
      bench.submission(canary, key: "k", body: "b"),
    ])
    #expect(plan.events.count == 1)
    #expect(plan.outcomes[0] == plan.outcomes[1])
    #expect(plan.outcomes[2] == .failure(.idempotencyKeyReused))
    #expect(Array(plan.answers.keys) == ["k"])
  }

  @Test func `a key answered before has that answer`() {
    var bench = PlanBench()
    bench.append(automatic)
    let first = bench.plan([bench.submission(canary, key: "k", body: "a")])
    bench.keep(first)
    bench.append(.removeStage("canary"))
    let again = bench.plan([
      bench.submission(canary, key: "k", body: "a"), bench.submission(canary, key: "k", body: "b"),
      bench.submission(.deleteSecret, key: "k", body: "a"),
    ])
    #expect(again.events.isEmpty)
    #expect(again.isEmpty)
    #expect(again.outcomes[0] == first.outcomes[0])
    #expect(again.outcomes[1] == .failure(.idempotencyKeyReused))
    // The digest is over method, path and body: what the intent says does not matter any more.
    #expect(again.outcomes[2] == first.outcomes[0])
  }

  @Test func `an answer that changed nothing is remembered too`() {
    var bench = PlanBench()
    bench.append(automatic, canary)
    let plan = bench.plan([bench.submission(canary, key: "k", body: "a")])
    #expect(plan.events.isEmpty)
    #expect(!plan.isEmpty)
    #expect(plan.answers["k"]?.outcome.standing?.position == 3)
    bench.keep(plan)
    bench.append(.removeStage("canary"))
    let again = bench.plan([bench.submission(canary, key: "k", body: "a")])
    #expect(again.events.isEmpty)
    #expect(again.outcomes == plan.outcomes)
  }

  @Test func `a refusal is not remembered`() {
    let bench = PlanBench()
    let plan = bench.plan([
      bench.submission(canary, key: "k", body: "a"), bench.submission(automatic),
      bench.submission(canary, key: "k", body: "b"),
    ])
    #expect(plan.outcomes[0] == .failure(.secretNotFound))
    #expect((try? plan.outcomes[2].get().events.count) == 1)
    #expect(plan.answers["k"]?.requestDigest == SHA256.hash(Array("b".utf8)))
  }

  @Test func `the answer comes before the expected stream version`() {
    var bench = PlanBench()
    bench.append(automatic)
    let submission = bench.submission(canary, expecting: .exactly(3), key: "k", body: "a")
    let first = bench.plan([submission])
    bench.keep(first)
    #expect(bench.plan([submission]).outcomes == first.outcomes)
  }

  @Test func `what a batch needs is what its submissions name`() {
    let bench = PlanBench()
    let id = String(repeating: "a", count: 32)
    let note = Note(
      type: .versionRemoved, secret: "n", stage: nil, versionID: "v3", finding: named(id),
      data: [:])
    let needs = AppendNeeds(
      [
        bench.submission(canary, on: "a", key: "k"), bench.submission(canary, on: "a", key: "k"),
        bench.submission(PlanBench.fact("blue", "v2", at: 5), on: "b"),
        bench.submission(PlanBench.fact("blue", nil, at: 6), on: "b"),
        bench.submission(.registerVersion(id: "v9", stages: nil, data: [:]), on: "c"),
        bench.submission(PlanBench.nextVersion, on: "d"), bench.submission(.deleteSecret, on: "e"),
        Submission(intent: .notes([note]), provenance: .test, idempotency: nil),
      ], rules: .huawei)
    #expect(needs.secrets == ["a", "b", "c", "d", "e", "n"])
    #expect(
      needs.versions.map { "\($0.secret)/\($0.version)" }.sorted() == [
        "a/v1", "b/v2", "c/v9", "n/v3",
      ])
    #expect(
      needs.holders.map { "\($0.secret)/\($0.stage?.text ?? "*")/\($0.effectiveAt)" }.sorted() == [
        "b/blue/2026-01-01T00:00:05.000000Z", "b/blue/2026-01-01T00:00:06.000000Z",
      ])
    #expect(needs.keys == ["k"])
    #expect(needs.findings == [named(id)])
  }
}

@Suite struct AppendNotesTests {
  private let finding = String(repeating: "a", count: 32)

  private func note(_ type: EventType, secret: SecretName? = nil) -> Note {
    Note(
      type: type, secret: secret, stage: "canary", versionID: nil, finding: named(finding),
      data: ["finding": .string(finding)])
  }

  private func submission(_ notes: Note...) -> Submission {
    Submission(intent: .notes(notes), provenance: .test, idempotency: nil)
  }

  @Test func `drift that is open is not opened again`() {
    let bench = PlanBench()
    let plan = bench.plan([
      submission(note(.driftOpened), note(.driftOpened)), submission(note(.driftOpened)),
    ])
    #expect(plan.events.count == 1)
    #expect((try? plan.outcomes[1].get()) == AppendOutcome(events: [], standing: nil))
    #expect(plan.findings[named(finding)]?.openedBy == 0)
  }

  @Test func `drift that is not open does not resolve`() {
    var bench = PlanBench()
    #expect(bench.plan([submission(note(.driftResolved))]).events.isEmpty)
    bench.keep(bench.plan([submission(note(.driftOpened))]))
    let resolved = bench.plan([submission(note(.driftResolved), note(.driftResolved))])
    #expect(resolved.events.map(\.event.type) == [.driftResolved])
    bench.keep(resolved)
    #expect(bench.plan([submission(note(.driftResolved))]).events.isEmpty)
    #expect(bench.plan([submission(note(.driftOpened))]).events.count == 1)
  }

  @Test func `drift may resolve and come back in one batch`() {
    let plan = PlanBench().plan([
      submission(note(.driftOpened), note(.driftResolved), note(.driftOpened))
    ])
    #expect(plan.events.map(\.event.type) == [.driftOpened, .driftResolved, .driftOpened])
    #expect(
      plan.findings[named(finding)]
        == FindingState(openedBy: 2, resolvedBy: nil, data: ["finding": .string(finding)]))
  }

  @Test func `other notes are written as often as they are made`() {
    let plan = PlanBench().plan([
      submission(note(.driftAcknowledged), note(.driftAcknowledged)), submission(note(.watchGap)),
    ])
    #expect(plan.events.count == 3)
  }

  @Test func `the notes of one submission are true at one moment`() {
    let plan = PlanBench().plan([submission(note(.driftOpened), note(.watchGap))])
    #expect(Set(plan.events.map(\.event.effectiveAt)).count == 1)
    #expect(plan.events.map(\.event.recordedAt) == [second(100), second(100).successor])
  }

  @Test func `a note about a secret counts in its stream and leaves its state alone`() {
    var bench = PlanBench()
    bench.append(PlanBench.automatic)
    let before = bench.basis.states["s"]
    let plan = bench.plan([
      submission(note(.driftOpened, secret: "s")), submission(note(.watchGap)),
    ])
    #expect(plan.events.map(\.event.streamVersion) == [4, nil])
    var expected = before
    expected?.streamVersion = 4
    #expect(plan.states == ["s": expected].compactMapValues { $0 })
    #expect(plan.stages.isEmpty)
  }

  @Test func `the finding a note speaks of is in its event`() {
    let bare = Note(
      type: .driftOpened, secret: nil, stage: nil, versionID: nil, finding: named(finding),
      data: ["kind": "label_missing"])
    let plan = PlanBench().plan([submission(bare, bare)])
    #expect(plan.events.count == 1)
    #expect(plan.events.first?.event.finding?.text == finding)
    #expect(plan.findings[named(finding)]?.isOpen == true)
  }
}
