// Every row of the rules' table, asked of every cloud.
//
// The rows are in `RulesTable.swift`; `Column` puts a row in the words of one cloud and its answer
// back in the words of the table.

import Ledger
import TestLiterals
import TestSupport
import Testing

@Suite struct RulesTableTests {
  @Test(
    arguments: RulesRow.versions + RulesRow.moves + RulesRow.removals + RulesRow.limits
      + RulesRow.names, Provider.allCases)
  func `the clouds side by side`(_ row: RulesRow, _ provider: Provider) {
    #expect(Column(provider).answer(row.given, row.ask) == row.answer(of: provider))
  }

  @Test func `a refusal says where the label sits`() {
    let column = Column(.aws)
    let given = ["+secret", "+v1", "+v2", "blue=v1"]
    #expect(throws: Rejection.sourceRequired("blue", holder: column.version("v1"))) {
      try column.decide(given, .move("blue", to: "v2", from: nil))
    }
    #expect(throws: Rejection.sourceMismatch("blue", holder: column.version("v1"))) {
      try column.decide(given, .take("blue", from: "v2"))
    }
  }

  @Test(arguments: [(Provider.huawei, 12), (.alibaba, 8), (.aws, 20)])
  func `a secret carries so many labels`(_ provider: Provider, _ count: Int) {
    #expect(provider.rules.stagesMax == count)
  }

  @Test(arguments: [Provider.alibaba, .aws])
  func `a cloud that does not count versions wants an id`(_ provider: Provider) {
    let story = Story(["+secret"])
    #expect(throws: Rejection.versionIDRequired) {
      try story.decide(
        .registerVersion(id: nil, stages: nil, data: [:]), rules: provider.rules)
    }
    #expect(throws: Rejection.versionIDRequired) {
      try Story().decide(
        .registerSecret(data: [:], firstVersion: .automatic), rules: provider.rules)
    }
  }

  @Test(arguments: [(31, false), (32, true), (64, true)])
  func `an id at AWS has 32 to 64 characters`(_ count: Int, _ isTaken: Bool) {
    let id: VersionID = named(String(repeating: "a", count: count))
    #expect(Provider.aws.rules.acceptsVersion(id) == isTaken)
    #expect(Provider.alibaba.rules.acceptsVersion(id))
    #expect(!Provider.huawei.rules.acceptsVersion(id))
  }
}

/// The table's words in those of one cloud, and back.
struct Column: Sendable {
  private let provider: Provider
  /// What stands before `v1` in an id of the cloud.
  private let prefix: String

  init(_ provider: Provider) {
    self.provider = provider
    prefix = provider == .aws ? "0a1b2c3d-0000-4000-8000-00000000-" : ""
  }

  func version(_ text: String) -> VersionID { named(prefix + text) }

  private func stage(_ text: String) -> StageName {
    switch text {
    case "CUR": provider.rules.current
    case "PREV": provider.rules.previous
    default: named(text)
    }
  }

  func answer(_ given: [String], _ ask: Ask) -> Answer {
    do throws(Rejection) {
      return .does(try decide(given, ask).map(told))
    } catch { return .refuses(error.code) }
  }

  func decide(_ given: [String], _ ask: Ask) throws(Rejection) -> [Draft] {
    let (secret, change) = asked(ask)
    return try Story(sentences(given)).decide(change, on: secret, rules: provider.rules)
  }

  private func asked(_ ask: Ask) -> (SecretName, Change) {
    let change: Change
    switch ask {
    case .version(let id, let stages):
      change = .registerVersion(id: version(id), stages: stages?.map(stage), data: [:])
    case .move(let label, let target, _) where provider == .huawei:
      change = .assignStage(stage(label), to: version(target))
    case .move(let label, let target, let source):
      change = .moveStage(stage(label), to: version(target), from: source.map(version))
    case .take(let label, _) where provider == .huawei:
      change = .removeStage(stage(label))
    case .take(let label, let source):
      change = .moveStage(stage(label), to: nil, from: version(source))
    case .nowhere(let label):
      change = .moveStage(stage(label), to: nil, from: nil)
    case .secret(let name):
      return (named(name), .registerSecret(data: [:], firstVersion: .none))
    }
    return ("s", change)
  }

  private func sentences(_ given: [String]) -> [String] {
    var sentences: [String] = []
    for sentence in given {
      switch sentence {
      case "fill", "fill-1":
        let sitting = Set(
          sentences.compactMap { $0.contains("=") ? $0.split(separator: "=")[0] : nil })
        let missing = provider.rules.stagesMax - sitting.count - (sentence == "fill" ? 0 : 1)
        sentences += labels(missing).map { "\($0)=\(prefix)v1" }
      case "+secret", "-secret", "delete", "restore": sentences.append(sentence)
      case _ where sentence.hasPrefix("+") || sentence.hasPrefix("-"):
        sentences.append("\(sentence.prefix(1))\(prefix)\(sentence.dropFirst())")
      default:
        let parts = sentence.split(separator: "=")
        sentences.append("\(stage(String(parts[0])))=\(prefix)\(parts[1])")
      }
    }
    return sentences
  }

  /// The draft in the table's words.
  private func told(_ draft: Draft) -> String {
    var draft = draft
    if draft.stage == provider.rules.current { draft.stage = "CUR" }
    if draft.stage == provider.rules.previous { draft.stage = "PREV" }
    draft.versionID = draft.versionID.map(short)
    draft.previousVersionID = draft.previousVersionID.map(short)
    return draft.told
  }

  private func short(_ version: VersionID) -> VersionID {
    named(String(version.text.dropFirst(prefix.count)))
  }
}
