// Decide, for new versions: who takes which label.

import Ledger
import TestLiterals
import TestSupport
import Testing

extension DecideCase {
  private static func version(_ id: VersionID? = nil, _ stages: [StageName]? = nil) -> Change {
    .registerVersion(id: id, stages: stages, data: [:])
  }

  static let versions: [DecideCase] = [
    DecideCase(
      "the first version takes the current label", given: ["+secret"], when: version(),
      then: ["+v1", "SYSCURRENT: none -> v1 by 0"]),
    DecideCase(
      "the second version hands the previous label to the first", given: one, when: version(),
      then: ["+v2", "SYSCURRENT: v1 -> v2 by 0", "SYSPREVIOUS: none -> v1 by 1"]),
    DecideCase(
      "the third version moves both labels on", given: two, when: version(),
      then: ["+v3", "SYSCURRENT: v2 -> v3 by 0", "SYSPREVIOUS: v1 -> v2 by 1"]),
    DecideCase(
      "a previous label already where it belongs stays", given: one + ["SYSPREVIOUS=v1"],
      when: version(), then: ["+v2", "SYSCURRENT: v1 -> v2 by 0"]),
    DecideCase(
      "without a current label there is no version to hand the previous label to",
      given: ["+secret", "+v1", "SYSPREVIOUS=v1"], when: version(),
      then: ["+v2", "SYSCURRENT: none -> v2 by 0"]),
    DecideCase(
      "a version that a fact has labelled already takes what it lacks",
      given: ["+secret", "SYSCURRENT=v2", "SYSPREVIOUS=v1"], when: version("v2"), then: ["+v2"]),
    DecideCase(
      "labels that are named replace the rule", given: two + ["blue=v1"],
      when: version(nil, ["blue", "green"]),
      then: ["+v3", "blue: v1 -> v3 by 0", "green: none -> v3 by 0"]),
    DecideCase(
      "the current label that is named moves alone", given: two,
      when: version(nil, ["SYSCURRENT"]), then: ["+v3", "SYSCURRENT: v2 -> v3 by 0"]),
    DecideCase(
      "the previous label can be named", given: two, when: version(nil, ["SYSPREVIOUS"]),
      then: ["+v3", "SYSPREVIOUS: v1 -> v3 by 0"]),
    DecideCase(
      "no label can be named", given: two, when: version(nil, []), then: ["+v3"]),
    DecideCase(
      "a label named twice moves once", given: two, when: version(nil, ["blue", "blue"]),
      then: ["+v3", "blue: none -> v3 by 0"]),
    DecideCase(
      "twelve labels can be named", given: ["+secret"], when: version(nil, labels(12)),
      then: ["+v1"] + (1...12).map { "l\($0): none -> v1 by 0" }),
    DecideCase(
      "thirteen labels in one request are too many", given: ["+secret"],
      when: version(nil, labels(13)), refused: .tooManyStagesRequested(limit: 12)),
    DecideCase(
      "labels that are named must fit with those there", given: two,
      when: version(nil, labels(11)), refused: .tooManyStages(limit: 12)),
    DecideCase(
      "labels that are named may fill the secret", given: two, when: version(nil, labels(10)),
      then: ["+v3"] + (1...10).map { "l\($0): none -> v3 by 0" }),
    DecideCase(
      "labels that are there move also when twelve are there", given: full,
      when: version(nil, ["SYSCURRENT", "l1"]),
      then: ["+v3", "SYSCURRENT: v2 -> v3 by 0", "l1: v1 -> v3 by 0"]),
    DecideCase(
      "the rule moves both labels also when twelve are there", given: full, when: version(),
      then: ["+v3", "SYSCURRENT: v2 -> v3 by 0", "SYSPREVIOUS: v1 -> v2 by 1"]),
    DecideCase(
      "the rule refuses to make a thirteenth label", given: one + (1...11).map { "l\($0)=v1" },
      when: version(), refused: .tooManyStages(limit: 12)),
    DecideCase(
      "a secret that facts have overfilled takes versions that add no label",
      given: full + ["l11=v1", "l12=v1"], when: version(nil, ["l12"]),
      then: ["+v3", "l12: v1 -> v3 by 0"]),
    DecideCase(
      "a label named for a version has no dot", given: two, when: version(nil, ["ok", "a.b"]),
      refused: .nameNotAllowed(.stage)),
    DecideCase(
      "a version may bring its id", given: one, when: version("v7", []), then: ["+v7"]),
    DecideCase(
      "counting goes on after the highest id", given: one + ["+v7"], when: version(nil, []),
      then: ["+v8"]),
    DecideCase(
      "counting goes on after a version that was pruned", given: one + ["+v7", "-v7"],
      when: version(nil, []), then: ["+v8"]),
    DecideCase(
      "counting knows leading zeros", given: one + ["+v007"], when: version(nil, []),
      then: ["+v8"]),
    DecideCase(
      "counting passes over ids too long to count", given: one + ["+v9999999999999999"],
      when: version(nil, []), then: ["+v2"]),
    DecideCase(
      "counting ends", given: one + ["+v999999999999999"], when: version(nil, []),
      refused: .versionNumbersExhausted),
    DecideCase(
      "counting starts anew in a new life", given: deleted + ["+secret"], when: version(),
      then: ["+v1", "SYSCURRENT: none -> v1 by 0"]),
    DecideCase(
      "an id is registered once", given: two, when: version("v1"), refused: .versionExists("v1")),
    DecideCase(
      "a pruned version can be registered again", given: two + ["-v1"],
      when: version("v1", []), then: ["+v1"]),
    DecideCase(
      "a version of an earlier life can be registered again", given: deleted + ["+secret"],
      when: version("v2", []), then: ["+v2"]),
    DecideCase(
      "an id is v and digits", given: two, when: version("a1"),
      refused: .nameNotAllowed(.version)),
    DecideCase(
      "an id has digits only", given: two, when: version("v1a"),
      refused: .nameNotAllowed(.version)),
    DecideCase(
      "an id has ASCII digits", given: two, when: version("v１"),
      refused: .nameNotAllowed(.version)),
    DecideCase(
      "an id may be v alone", given: two, when: version("v", []), then: ["+v"]),
    DecideCase(
      "an id may have 63 digits", given: two,
      when: version(named("v" + String(repeating: "9", count: 63)), []),
      then: ["+v" + String(repeating: "9", count: 63)]),
    DecideCase(
      "an unknown secret takes no version", given: [], when: version(), refused: .secretNotFound),
    DecideCase(
      "a secret that waits for deletion takes no version", given: pending, when: version(),
      refused: .secretPendingDeletion),
    DecideCase(
      "a deleted secret takes no version", given: deleted, when: version(),
      refused: .secretNotFound),
  ]
}

@Suite struct DecideVersionTests {
  @Test(arguments: DecideCase.versions)
  func `a version is registered`(_ row: DecideCase) {
    #expect(row.outcome == row.then)
  }

  @Test(arguments: testSeeds)
  func `no run of commands breaks a rule`(_ seed: UInt64) {
    var random = SeededGenerator(seed: seed)
    var story = Story()
    for step in 0..<3_000 {
      let change = anyCommand(&random)
      let before = story.state
      guard let drafts = try? story.decide(change, now: second(Int64(step))) else { continue }
      story.add(drafts, at: second(Int64(step)))
      let state = story.state
      #expect(state.stageCount <= 12)
      for (stage, label) in state.stages {
        guard let holder = label.versionID else { continue }
        #expect(state.isRegistered(holder), "\(stage) on \(holder) after \(change)")
      }
      if drafts.isEmpty { #expect(state == before) }
      if before.holder(of: "SYSCURRENT") != nil, case .enabled = state.life,
        before.registeredAt == state.registeredAt
      {
        #expect(state.holder(of: "SYSCURRENT") != nil, "\(change)")
      }
      for (index, draft) in drafts.enumerated() {
        if let cause = draft.cause { #expect(cause < index) }
        #expect(draft.versionID == nil || draft.versionID != draft.previousVersionID)
      }
    }
  }

  private func anyCommand(_ random: inout SeededGenerator) -> Change {
    let stages: [StageName] = ["SYSCURRENT", "SYSPREVIOUS", "a", "b"] + labels(12)
    let versions: [VersionID] = ["v1", "v2", "v3", "v4", "v10"]
    switch Int.random(in: 0..<100, using: &random) {
    case 0..<50: return .assignStage(random.pick(stages), to: random.pick(versions))
    case 50..<70: return .removeStage(random.pick(stages))
    case 70..<80:
      let named = random.perhaps { random in
        (0..<Int.random(in: 0...3, using: &random)).map { _ in random.pick(stages) }
      }
      return .registerVersion(id: random.perhaps { $0.pick(versions) }, stages: named, data: [:])
    case 80..<84: return .scheduleDeletion(days: 7)
    case 84..<90: return .restoreSecret
    case 90..<92: return .deleteSecret
    default:
      return .registerSecret(data: [:], firstVersion: random.oneIn(2) ? .automatic : .none)
    }
  }
}
