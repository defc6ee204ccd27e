// The rules of the three clouds side by side: one row a case, one column a cloud.
//
// A row is told in the words of `Story`, with CUR and PREV for the labels built into each cloud and
// v1, v2, ... for versions, also where the cloud's ids look otherwise. `fill` puts labels on v1
// until there are as many as the cloud allows, `fill-1` until one is missing. Asked and held by
// `RulesTableTests`. Cases no public document settles are marked as chosen: they are this ledger's
// defaults, not facts of a cloud.

import Ledger
import Testing

/// What is asked of a cloud, in the operation that cloud has for it.
enum Ask: Sendable {
  /// A version comes; nil `stages`: none are named.
  case version(String, stages: [String]?)
  /// A label goes to a version; the source is said where the cloud has a place for it.
  case move(String, to: String, from: String?)
  /// A label is taken off a version.
  case take(String, from: String)
  /// A label should move, with neither a target nor a source.
  case nowhere(String)
  /// A secret is registered under a name.
  case secret(String)
}

/// What a cloud does.
enum Answer: Equatable, Sendable, ExpressibleByArrayLiteral, ExpressibleByStringLiteral {
  /// It does this, and nothing else.
  case does([String])
  /// It refuses, with the ledger's word for the reason.
  case refuses(String)

  init(arrayLiteral told: String...) { self = .does(told) }
  init(stringLiteral code: String) { self = .refuses(code) }
}

/// One row of the table.
struct RulesRow: CustomTestStringConvertible, Sendable {
  var name: String
  var given: [String]
  var ask: Ask
  var huawei: Answer
  var alibaba: Answer
  var aws: Answer
  var testDescription: String { name }

  /// A row; with `all` the three clouds agree.
  init(
    _ name: String, _ given: [String], _ ask: Ask, huawei: Answer, alibaba: Answer, aws: Answer
  ) {
    self.name = name
    self.given = given
    self.ask = ask
    self.huawei = huawei
    self.alibaba = alibaba
    self.aws = aws
  }

  init(_ name: String, _ given: [String], _ ask: Ask, all: Answer) {
    self.init(name, given, ask, huawei: all, alibaba: all, aws: all)
  }

  func answer(of provider: Provider) -> Answer {
    switch provider {
    case .huawei: huawei
    case .alibaba: alibaba
    case .aws: aws
    }
  }

  private static let bare = ["+secret"]
  private static let one = bare + ["+v1", "CUR=v1"]
  private static let two = one + ["+v2", "CUR=v2", "PREV=v1"]
  private static let blue = two + ["blue=v1"]

  static let versions: [RulesRow] = [
    RulesRow(
      "the first version is current", bare, .version("v1", stages: nil),
      all: ["+v1", "CUR: none -> v1 by 0"]),
    RulesRow(
      "the second hands the previous label to the first", one, .version("v2", stages: nil),
      all: ["+v2", "CUR: v1 -> v2 by 0", "PREV: none -> v1 by 1"]),
    RulesRow(
      "a new version takes the previous label from whoever had it", two,
      .version("v3", stages: nil),
      all: ["+v3", "CUR: v2 -> v3 by 0", "PREV: v1 -> v2 by 1"]),
    RulesRow(
      "the pending label leaves the version that stops being current",
      two + ["AWSPENDING=v2", "blue=v2"], .version("v3", stages: nil),
      huawei: ["+v3", "CUR: v2 -> v3 by 0", "PREV: v1 -> v2 by 1"],
      alibaba: ["+v3", "CUR: v2 -> v3 by 0", "PREV: v1 -> v2 by 1"],
      aws: [
        "+v3", "CUR: v2 -> v3 by 0", "PREV: v1 -> v2 by 1", "AWSPENDING: v2 -> none by 1",
      ]),
    RulesRow(
      "the pending label of another version stays", two + ["AWSPENDING=v1"],
      .version("v3", stages: nil),
      all: ["+v3", "CUR: v2 -> v3 by 0", "PREV: v1 -> v2 by 1"]),
    RulesRow(
      "labels that are named replace the rule", blue, .version("v3", stages: ["blue", "green"]),
      all: ["+v3", "blue: v1 -> v3 by 0", "green: none -> v3 by 0"]),
    RulesRow(
      "no label may be named", two, .version("v3", stages: []), all: ["+v3"]),
    RulesRow(
      "the current label that is named", two, .version("v3", stages: ["CUR"]),
      huawei: ["+v3", "CUR: v2 -> v3 by 0"], alibaba: ["+v3", "CUR: v2 -> v3 by 0"],
      aws: ["+v3", "CUR: v2 -> v3 by 0", "PREV: v1 -> v2 by 1"]),
    RulesRow(
      "named labels leave the pending label alone", two + ["AWSPENDING=v2"],
      .version("v3", stages: ["CUR", "PREV"]),
      all: ["+v3", "CUR: v2 -> v3 by 0", "PREV: v1 -> v3 by 0"]),
    RulesRow(
      "chosen: both built-in labels that are named stay on the new version", two,
      .version("v3", stages: ["PREV", "CUR"]),
      all: ["+v3", "PREV: v1 -> v3 by 0", "CUR: v2 -> v3 by 0"]),
    RulesRow(
      "an id is taken once", two, .version("v1", stages: nil), all: "version_exists"),
  ]

  static let moves: [RulesRow] = [
    RulesRow(
      "a label nobody has goes on a version", two, .move("blue", to: "v1", from: nil),
      all: ["blue: none -> v1"]),
    RulesRow(
      "a label moves without its source", blue, .move("blue", to: "v2", from: nil),
      huawei: ["blue: v1 -> v2"], alibaba: ["blue: v1 -> v2"], aws: "source_required"),
    RulesRow(
      "a label moves with its source", blue, .move("blue", to: "v2", from: "v1"),
      all: ["blue: v1 -> v2"]),
    RulesRow(
      "a source that is wrong", blue + ["+v3"], .move("blue", to: "v3", from: "v2"),
      huawei: ["blue: v1 -> v3"], alibaba: "source_mismatch", aws: "source_mismatch"),
    RulesRow(
      "a source for a label that sits nowhere", two, .move("blue", to: "v2", from: "v1"),
      huawei: ["blue: none -> v2"], alibaba: "source_mismatch", aws: "source_mismatch"),
    RulesRow(
      "chosen: a source the secret does not have", blue, .move("blue", to: "v2", from: "v9"),
      huawei: ["blue: v1 -> v2"], alibaba: "source_not_found", aws: "source_not_found"),
    RulesRow(
      "chosen: a label stays where it is", blue, .move("blue", to: "v1", from: nil), all: []),
    RulesRow(
      "chosen: a label stays where it is and is said to be", blue,
      .move("blue", to: "v1", from: "v1"), all: []),
    RulesRow(
      "chosen: the current label stays and the previous with it", two,
      .move("CUR", to: "v2", from: "v2"), all: []),
    RulesRow(
      "chosen for two clouds: the current label moves alone", two + ["+v3"],
      .move("CUR", to: "v3", from: "v2"),
      huawei: ["CUR: v2 -> v3"], alibaba: ["CUR: v2 -> v3"],
      aws: ["CUR: v2 -> v3", "PREV: v1 -> v2 by 0"]),
    RulesRow(
      "the current label goes back to the previous version", two,
      .move("CUR", to: "v1", from: "v2"),
      huawei: ["CUR: v2 -> v1"], alibaba: ["CUR: v2 -> v1"],
      aws: ["CUR: v2 -> v1", "PREV: v1 -> v2 by 0"]),
    RulesRow(
      "the current label moves without its source", two, .move("CUR", to: "v1", from: nil),
      huawei: ["CUR: v2 -> v1"], alibaba: ["CUR: v2 -> v1"], aws: "source_required"),
    RulesRow(
      "a move by hand leaves the pending label alone", two + ["AWSPENDING=v2"],
      .move("CUR", to: "v1", from: "v2"),
      huawei: ["CUR: v2 -> v1"], alibaba: ["CUR: v2 -> v1"],
      aws: ["CUR: v2 -> v1", "PREV: v1 -> v2 by 0"]),
    RulesRow(
      "the current label comes where none was", bare + ["+v1", "+v2", "PREV=v1"],
      .move("CUR", to: "v2", from: nil), all: ["CUR: none -> v2"]),
    RulesRow(
      "the previous label moves by hand", two, .move("PREV", to: "v2", from: "v1"),
      all: ["PREV: v1 -> v2"]),
    RulesRow(
      "neither a target nor a source", blue, .nowhere("blue"), all: "no_version_given"),
    RulesRow(
      "a version the secret does not have", blue, .move("blue", to: "v9", from: nil),
      all: "version_not_found"),
    RulesRow(
      "a version that was pruned", two + ["-v1"], .move("blue", to: "v1", from: nil),
      all: "version_not_found"),
    RulesRow(
      "a secret nobody registered", [], .move("blue", to: "v1", from: nil),
      all: "secret_not_found"),
    RulesRow(
      "a secret that waits for its deletion", blue + ["delete"],
      .move("blue", to: "v2", from: "v1"), all: "secret_pending_deletion"),
  ]

  static let removals: [RulesRow] = [
    RulesRow(
      "a custom label is taken away", blue, .take("blue", from: "v1"), all: ["blue: v1 -> none"]),
    RulesRow(
      "the last label of a version is taken away", blue + ["PREV=v2"], .take("blue", from: "v1"),
      all: ["blue: v1 -> none"]),
    RulesRow(
      "a custom label is taken off another version", blue, .take("blue", from: "v2"),
      huawei: ["blue: v1 -> none"], alibaba: "source_mismatch", aws: "source_mismatch"),
    RulesRow(
      "a label nobody has is taken away", two, .take("blue", from: "v1"),
      huawei: "stage_not_found", alibaba: "source_mismatch", aws: "source_mismatch"),
    RulesRow(
      "the current label is taken away", two, .take("CUR", from: "v2"), all: "stage_permanent"),
    RulesRow(
      "the current label is taken off another version", two, .take("CUR", from: "v1"),
      all: "stage_permanent"),
    RulesRow(
      "the previous label is taken away", two, .take("PREV", from: "v1"),
      huawei: "stage_permanent", alibaba: "stage_permanent", aws: ["PREV: v1 -> none"]),
  ]

  static let limits: [RulesRow] = [
    RulesRow(
      "the last label that fits", two + ["fill-1"], .move("blue", to: "v2", from: nil),
      all: ["blue: none -> v2"]),
    RulesRow(
      "one label too many", two + ["fill"], .move("blue", to: "v2", from: nil),
      all: "too_many_stages"),
    RulesRow(
      "a label moves also when the secret is full", two + ["fill"],
      .move("l1", to: "v2", from: "v1"), all: ["l1: v1 -> v2"]),
    RulesRow(
      "the current label moves also when the secret is full", two + ["fill"],
      .move("CUR", to: "v1", from: "v2"),
      huawei: ["CUR: v2 -> v1"], alibaba: ["CUR: v2 -> v1"],
      aws: ["CUR: v2 -> v1", "PREV: v1 -> v2 by 0"]),
    RulesRow(
      "chosen: a previous label that would be one too many", one + ["+v2", "fill"],
      .move("CUR", to: "v2", from: "v1"),
      huawei: ["CUR: v1 -> v2"], alibaba: ["CUR: v1 -> v2"], aws: "too_many_stages"),
    RulesRow(
      "chosen: a new version whose rule needs one label too many", one + ["fill"],
      .version("v2", stages: nil), all: "too_many_stages"),
    RulesRow(
      "chosen: the pending label makes room for the previous one",
      one + ["AWSPENDING=v1", "fill"], .version("v2", stages: nil),
      huawei: "too_many_stages", alibaba: "too_many_stages",
      aws: [
        "+v2", "CUR: v1 -> v2 by 0", "PREV: none -> v1 by 1", "AWSPENDING: v1 -> none by 1",
      ]),
    RulesRow(
      "nine labels for one version", bare,
      .version("v1", stages: ["a", "b", "c", "d", "e", "f", "g", "h", "i"]),
      huawei: .does(["+v1"] + "abcdefghi".map { "\($0): none -> v1 by 0" }),
      alibaba: "too_many_stages_requested",
      aws: .does(["+v1"] + "abcdefghi".map { "\($0): none -> v1 by 0" })),
  ]

  static let names: [RulesRow] = [
    RulesRow(
      "names of labels differ by case", two, .move("cur", to: "v1", from: nil),
      all: ["cur: none -> v1"]),
    RulesRow(
      "chosen: a label of letters, digits, - and _", two, .move("a_B-9", to: "v1", from: nil),
      all: ["a_B-9: none -> v1"]),
    RulesRow(
      "chosen: a label with a dot", two, .move("a.b", to: "v1", from: nil),
      huawei: "name_not_allowed", alibaba: ["a.b: none -> v1"], aws: ["a.b: none -> v1"]),
    RulesRow(
      "chosen: a label with a slash", two, .move("a/b", to: "v1", from: nil),
      huawei: "name_not_allowed", alibaba: "name_not_allowed", aws: ["a/b: none -> v1"]),
    RulesRow(
      "chosen: a label of 65 characters", two, .move(long(65), to: "v1", from: nil),
      huawei: "name_not_allowed", alibaba: "name_not_allowed",
      aws: .does(["\(long(65)): none -> v1"])),
    RulesRow(
      "chosen: a label that begins like the built-in ones", two,
      .move("ACSNext", to: "v1", from: nil), all: ["ACSNext: none -> v1"]),
    RulesRow("a plain secret", [], .secret("db-password_1"), all: ["+secret"]),
    RulesRow(
      "a secret in folders", [], .secret("app/db+a=b@c.d"),
      huawei: "name_not_allowed", alibaba: ["+secret"], aws: ["+secret"]),
    RulesRow(
      "chosen: a secret another service manages", [], .secret("rds!db-1"),
      huawei: "name_not_allowed", alibaba: "name_not_allowed", aws: ["+secret"]),
    RulesRow(
      "chosen: a managed secret, whose labels nobody can move", [], .secret("acs/ram/user/u1"),
      huawei: "name_not_allowed", alibaba: "name_not_allowed", aws: ["+secret"]),
    RulesRow(
      "a secret in Chinese", [], .secret("数据库-1"),
      huawei: "name_not_allowed", alibaba: ["+secret"], aws: "name_not_allowed"),
    RulesRow(
      "a secret in too much Chinese", [], .secret(String(repeating: "库", count: 65)),
      all: "name_not_allowed"),
    RulesRow(
      "a secret with a space", [], .secret("a b"), all: "name_not_allowed"),
    RulesRow(
      "a secret of 65 characters", [], .secret(long(65)),
      huawei: "name_not_allowed", alibaba: ["+secret"], aws: ["+secret"]),
    RulesRow(
      "a secret of 193 characters", [], .secret(long(193)),
      huawei: "name_not_allowed", alibaba: "name_not_allowed", aws: ["+secret"]),
  ]

  private static func long(_ count: Int) -> String { String(repeating: "x", count: count) }
}
