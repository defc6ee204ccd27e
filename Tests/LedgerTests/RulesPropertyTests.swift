// Random commands on random states of each cloud: what can be said of every rule at once.
//
// The model here is a second, plain telling of what a command does to the map from label to
// version; `decide` and `evolve` must come to the same map whenever the command is not refused.

import Ledger
import TestLiterals
import TestSupport
import Testing

@Suite struct RulesPropertyTests {
  @Test(arguments: Provider.allCases, testSeeds)
  func `no command breaks what holds for every label`(_ provider: Provider, _ seed: UInt64) {
    var random = SeededGenerator(seed: seed)
    let world = World(provider)
    var story = Story()
    var accepted = 0
    for step in 0..<4_000 {
      let change = world.anyCommand(&random)
      let before = story.state
      guard let drafts = try? story.decide(change, rules: provider.rules, now: second(Int64(step)))
      else { continue }
      accepted += 1
      story.add(drafts, at: second(Int64(step)))
      let state = story.state
      #expect(
        state.map == world.promised(change, before.map), "\(provider) \(seed): \(change)")
      #expect(state.stageCount <= provider.rules.stagesMax, "\(provider) \(seed): \(change)")
      for (stage, holder) in state.map {
        #expect(state.isRegistered(holder), "\(provider) \(seed): \(stage) after \(change)")
      }
      if state.life == .enabled, change != .deleteSecret {
        for stage in provider.rules.permanent where before.map[stage] != nil {
          #expect(state.map[stage] != nil, "\(provider) \(seed): \(stage) after \(change)")
        }
      }
      for (index, draft) in drafts.enumerated() {
        if let cause = draft.cause { #expect(cause < index) }
        if let stage = draft.stage {
          #expect(draft.previousVersionID != draft.versionID, "\(provider) \(seed): \(stage)")
        }
      }
    }
    #expect(accepted > 400, "\(provider) \(seed)")
  }

  @Test(arguments: Provider.allCases, testSeeds)
  func `no command after any facts traps or overfills`(_ provider: Provider, _ seed: UInt64) {
    var random = SeededGenerator(seed: seed)
    let world = World(provider)
    var story = Story()
    for step in 1..<1_500 {
      let now = second(Int64(step))
      let change = random.oneIn(3) ? world.anyFact(before: now, &random) : world.anyCommand(&random)
      let before = story.state
      guard let drafts = try? story.decide(change, rules: provider.rules, now: now) else {
        continue
      }
      story.add(drafts, at: now)
      for (index, draft) in drafts.enumerated() {
        if let cause = draft.cause { #expect(cause < index, "\(provider) \(seed): \(change)") }
      }
      if case .recordFact = change { continue }
      #expect(
        story.state.stageCount <= max(provider.rules.stagesMax, before.stageCount),
        "\(provider) \(seed): \(change)")
    }
  }
}

extension SecretState {
  /// The version of every label that sits on one.
  fileprivate var map: [StageName: VersionID] { stages.compactMapValues(\.versionID) }
}

/// Names a cloud would take, and the plain telling of its rules.
private struct World {
  let provider: Provider
  let stages: [StageName]
  let versions: [VersionID]

  init(_ provider: Provider) {
    self.provider = provider
    let rules = provider.rules
    stages =
      [rules.current, rules.current, rules.previous, "AWSPENDING", "a.b"]
      + labels(rules.stagesMax)
    let prefix = provider == .aws ? String(repeating: "0", count: 32) : ""
    versions =
      (1...5).map { named("\(prefix)v\($0)") }.filter(rules.acceptsVersion)
      + [provider == .huawei ? "v10" : named(prefix + "x")]
  }

  func anyFact(before now: Instant, _ random: inout SeededGenerator) -> Change {
    .recordFact(
      StageFact(
        stage: random.pick(stages), versionID: random.perhaps { $0.pick(versions) },
        effectiveAt: now.advanced(byMicroseconds: -Int64.random(in: 0...3, using: &random))))
  }

  func anyCommand(_ random: inout SeededGenerator) -> Change {
    switch Int.random(in: 0..<100, using: &random) {
    case 0..<20: return .assignStage(random.pick(stages), to: random.pick(versions))
    case 20..<30: return .removeStage(random.pick(stages))
    case 30..<70:
      return .moveStage(
        random.pick(stages), to: random.perhaps { $0.pick(versions) },
        from: random.perhaps { $0.pick(versions) })
    case 70..<84:
      let named = random.perhaps { random in
        (0..<Int.random(in: 0...3, using: &random)).map { _ in random.pick(stages) }
      }
      return .registerVersion(id: random.pick(versions), stages: named, data: [:])
    case 84..<86: return .scheduleDeletion(days: 7)
    case 86..<92: return .restoreSecret
    case 92: return .deleteSecret
    default: return .registerSecret(data: [:], firstVersion: .none)
    }
  }

  /// The map after a command that was not refused.
  func promised(
    _ change: Change, _ before: [StageName: VersionID]
  ) -> [StageName: VersionID] {
    let rules = provider.rules
    var after = before
    switch change {
    case .assignStage(let stage, let target), .moveStage(let stage, let target?, _):
      after[stage] = target
      if provider == .aws, stage == "AWSCURRENT", let left = before[stage], left != target {
        after["AWSPREVIOUS"] = left
      }
    case .removeStage(let stage), .moveStage(let stage, nil, _):
      after[stage] = nil
    case .registerVersion(let id, let stages?, _):
      for stage in stages { after[stage] = id }
      if provider == .aws, stages.contains("AWSCURRENT"), !stages.contains("AWSPREVIOUS"),
        let left = before["AWSCURRENT"]
      {
        after["AWSPREVIOUS"] = left
      }
    case .registerVersion(let id, nil, _):
      after[rules.current] = id
      if let left = before[rules.current] {
        after[rules.previous] = left
        if provider == .aws, before["AWSPENDING"] == left { after["AWSPENDING"] = nil }
      }
    case .deleteSecret: after = [:]
    case .registerSecret, .scheduleDeletion, .restoreSecret, .recordFact, .refineChange:
      return before
    }
    return after
  }
}
