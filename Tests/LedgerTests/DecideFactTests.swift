// Decide, for facts: recorded as reported, flagged where the rules say otherwise.

import CanonicalJSON
import Ledger
import TestLiterals
import TestSupport
import Testing

extension DecideCase {
  private static func fact(_ stage: StageName, _ version: VersionID?, at time: Int64) -> Change {
    .recordFact(StageFact(stage: stage, versionID: version, effectiveAt: second(time)))
  }

  static let moved = one + ["+v2", "+v3", "canary=v1@100", "canary=v2@200", "canary=@300"]

  static let facts: [DecideCase] = [
    DecideCase(
      "a fact about today changes today", given: moved, when: fact("canary", "v3", at: 400),
      then: ["canary: none -> v3 at 400"]),
    DecideCase(
      "a late fact took the label from whoever held it then", given: moved,
      when: fact("canary", "v3", at: 150), then: ["canary: v1 -> v3 at 150"]),
    DecideCase(
      "a fact before all others took the label from nobody", given: moved,
      when: fact("canary", "v3", at: 50), then: ["canary: none -> v3 at 50"]),
    DecideCase(
      "a late fact may take the label away", given: moved, when: fact("canary", nil, at: 250),
      then: ["canary: v2 -> none at 250"]),
    DecideCase(
      "at the very instant of a change the new version holds", given: moved,
      when: fact("canary", "v1", at: 200), then: ["canary: v2 -> v1 at 200"]),
    DecideCase(
      "a fact that says what is known adds nothing", given: moved,
      when: fact("canary", "v1", at: 199), then: []),
    DecideCase(
      "a fact that says again that a label was taken away adds nothing", given: moved,
      when: fact("canary", nil, at: 500), then: []),
    DecideCase(
      "a fact that a label nobody had was taken away adds nothing", given: moved,
      when: fact("blue", nil, at: 500), then: []),
    DecideCase(
      "a fact may be true at this very moment", given: moved, when: fact("canary", "v1", at: 1_000),
      then: ["canary: none -> v1 at 1000"]),
    DecideCase(
      "a fact is not of the future", given: moved, when: fact("canary", "v1", at: 1_001),
      refused: .effectiveInFuture(now: second(1_000))),
    DecideCase(
      "a fact of the future is refused also when it says nothing", given: moved,
      when: fact("canary", nil, at: 1_001), refused: .effectiveInFuture(now: second(1_000))),
    DecideCase(
      "a fact about SYSCURRENT implies nothing else", given: one + ["+v2"],
      when: fact("SYSCURRENT", "v2", at: 500), then: ["SYSCURRENT: v1 -> v2 at 500"]),
    DecideCase(
      "a fact about an unknown secret is flagged", given: [], when: fact("canary", "v1", at: 5),
      then: ["canary: none -> v1 at 5 although secret_not_found, version_not_found"]),
    DecideCase(
      "a fact about a deleted secret is flagged", given: deleted,
      when: fact("canary", "v1", at: 500),
      then: ["canary: none -> v1 at 500 although secret_not_found, version_not_found"]),
    DecideCase(
      "a fact of before the deletion is not", given: deleted, when: fact("canary", "v1", at: 3),
      then: ["canary: none -> v1 at 3"]),
    DecideCase(
      "a fact about a secret that waits for deletion is flagged", given: pending,
      when: fact("canary", "v1", at: 500),
      then: ["canary: none -> v1 at 500 although secret_pending_deletion"]),
    DecideCase(
      "a fact about an unknown version is flagged", given: two, when: fact("canary", "v9", at: 5),
      then: ["canary: none -> v9 at 5 although version_not_found"]),
    DecideCase(
      "a fact about a pruned version is flagged", given: two + ["-v1"],
      when: fact("canary", "v1", at: 7),
      then: ["canary: none -> v1 at 7 although version_not_found"]),
    DecideCase(
      "a fact about a label with an impossible name is flagged", given: two,
      when: fact("a.b", "v1", at: 5), then: ["a.b: none -> v1 at 5 although name_not_allowed"]),
    DecideCase(
      "a fact that makes a thirteenth label is flagged", given: full,
      when: fact("l11", "v1", at: 50),
      then: ["l11: none -> v1 at 50 although too_many_stages"]),
    DecideCase(
      "a fact that moves one of twelve labels is not", given: full, when: fact("l1", "v2", at: 50),
      then: ["l1: v1 -> v2 at 50"]),
    DecideCase(
      "a fact that SYSCURRENT was taken away is flagged", given: two,
      when: fact("SYSCURRENT", nil, at: 50),
      then: ["SYSCURRENT: v2 -> none at 50 although stage_permanent"]),
    DecideCase(
      "everything a fact contradicts is told", given: [], when: fact("a.b", "v1", at: 5),
      then: [
        "a.b: none -> v1 at 5 although secret_not_found, name_not_allowed, version_not_found"
      ]),
  ]
}

@Suite struct DecideFactTests {
  @Test(arguments: DecideCase.facts)
  func `a fact is recorded`(_ row: DecideCase) {
    #expect(row.outcome == row.then)
  }

  @Test(arguments: testSeeds)
  func `no fact of the past is refused`(_ seed: UInt64) throws {
    var random = SeededGenerator(seed: seed)
    for given in [[], DecideCase.one, DecideCase.full, DecideCase.pending, DecideCase.deleted] {
      for _ in 0..<300 {
        let stage: StageName = random.oneIn(4) ? "SYSCURRENT" : named(random.text(scalarsMax: 256))
        let version: VersionID? = random.perhaps {
          $0.oneIn(2) ? "v1" : named($0.text(scalarsMax: 64))
        }
        let fact = StageFact(
          stage: stage, versionID: version,
          effectiveAt: second(Int64.random(in: -1_000...1_000, using: &random)))
        let drafts = try Story(given).decide(.recordFact(fact))
        #expect(drafts.count <= 1)
        if let draft = drafts.first {
          #expect(draft.effectiveAt == fact.effectiveAt)
          #expect(draft.versionID == version)
          #expect(draft.stage == stage)
        }
      }
    }
  }

  @Test func `every refusal has a word of its own`() {
    let refusals: [Rejection] = [
      .secretNotFound, .secretExists, .secretPendingDeletion, .secretNotPendingDeletion,
      .versionNotFound("v1"), .versionExists("v1"), .versionNumbersExhausted,
      .stageNotFound("a"), .stagePermanent("a"), .sourceRequired("a", holder: "v1"),
      .sourceNotFound("v1"), .sourceMismatch("a", holder: nil), .noVersionGiven, .versionIDRequired,
      .tooManyStages(limit: 1),
      .tooManyStagesRequested(limit: 1), .nameNotAllowed(.stage), .recoveryDaysOutOfRange(7...30),
      .effectiveInFuture(now: second(0)), .streamVersionMismatch(expected: 1, actual: 2),
      .findingNotOpen, .acknowledgementOver(now: second(0)), .idempotencyKeyReused,
      .eventIDReused(named("e")), .changeUnderWay(place(0)),
    ]
    #expect(Set(refusals.map(\.code)).count == refusals.count)
  }
}
