// Decide: given a past, when a change is asked for, then these events or this refusal.
//
// Each row is one sentence about what Huawei Cloud CSMS allows and implies.

import CanonicalJSON
import Ledger
import TestLiterals
import TestSupport
import Testing

/// One row of the table.
struct DecideCase: CustomTestStringConvertible, Sendable {
  enum Outcome: Equatable, Sendable {
    case appends([String])
    case refused(Rejection)
  }

  var name: String
  var given: [String]
  var when: Change
  var then: Outcome
  var testDescription: String { name }

  init(_ name: String, given: [String], when: Change, then told: [String]) {
    self.init(name, given: given, when: when, .appends(told))
  }

  init(_ name: String, given: [String], when: Change, refused: Rejection) {
    self.init(name, given: given, when: when, .refused(refused))
  }

  private init(_ name: String, given: [String], when: Change, _ then: Outcome) {
    self.name = name
    self.given = given
    self.when = when
    self.then = then
  }

  var outcome: Outcome {
    do throws(Rejection) {
      return .appends(try Story(given).decide(when).map(\.told))
    } catch { return .refused(error) }
  }

  static let one = ["+secret", "+v1", "SYSCURRENT=v1"]
  static let two = one + ["+v2", "SYSCURRENT=v2", "SYSPREVIOUS=v1"]
  static let pending = two + ["delete"]
  static let deleted = two + ["-secret", "SYSCURRENT=", "SYSPREVIOUS="]
  /// Ten labels besides the two built in: twelve.
  static let full = two + (1...10).map { "l\($0)=v1" }

  static let secrets: [DecideCase] = [
    DecideCase(
      "a secret made in the cloud's way has a first version in use", given: [],
      when: .registerSecret(data: [:], firstVersion: .automatic),
      then: ["+secret", "+v1 by 0", "SYSCURRENT: none -> v1 by 1"]),
    DecideCase(
      "a secret may be registered without versions", given: [],
      when: .registerSecret(data: [:], firstVersion: .none), then: ["+secret"]),
    DecideCase(
      "a secret is registered once", given: one,
      when: .registerSecret(data: [:], firstVersion: .automatic), refused: .secretExists),
    DecideCase(
      "a secret that waits for deletion keeps its name", given: pending,
      when: .registerSecret(data: [:], firstVersion: .none), refused: .secretPendingDeletion),
    DecideCase(
      "a deleted secret can be registered again and counts from one", given: deleted,
      when: .registerSecret(data: [:], firstVersion: .automatic),
      then: ["+secret", "+v1 by 0", "SYSCURRENT: none -> v1 by 1"]),
    DecideCase(
      "a label that facts left behind is taken over", given: deleted + ["SYSCURRENT=v9"],
      when: .registerSecret(data: [:], firstVersion: .automatic),
      then: ["+secret", "+v1 by 0", "SYSCURRENT: v9 -> v1 by 1"]),
    DecideCase(
      "a secret that only facts spoke of can be registered", given: ["canary=v1"],
      when: .registerSecret(data: [:], firstVersion: .none), then: ["+secret"]),
    DecideCase(
      "deletion can be scheduled", given: two, when: .scheduleDeletion(days: 7),
      then: ["delete"]),
    DecideCase(
      "deletion waits thirty days at most", given: two, when: .scheduleDeletion(days: 30),
      then: ["delete"]),
    DecideCase(
      "deletion need not say its days", given: two, when: .scheduleDeletion(days: nil),
      then: ["delete"]),
    DecideCase(
      "six days are too few", given: two, when: .scheduleDeletion(days: 6),
      refused: .recoveryDaysOutOfRange(7...30)),
    DecideCase(
      "thirty-one days are too many", given: two, when: .scheduleDeletion(days: 31),
      refused: .recoveryDaysOutOfRange(7...30)),
    DecideCase(
      "an absurd number of days is too many", given: two, when: .scheduleDeletion(days: .max),
      refused: .recoveryDaysOutOfRange(7...30)),
    DecideCase(
      "a negative number of days is too few", given: two, when: .scheduleDeletion(days: .min),
      refused: .recoveryDaysOutOfRange(7...30)),
    DecideCase(
      "deletion is scheduled once", given: pending, when: .scheduleDeletion(days: 7),
      refused: .secretPendingDeletion),
    DecideCase(
      "an unknown secret cannot be scheduled", given: [], when: .scheduleDeletion(days: 7),
      refused: .secretNotFound),
    DecideCase(
      "a deleted secret cannot be scheduled", given: deleted, when: .scheduleDeletion(days: 7),
      refused: .secretNotFound),
    DecideCase(
      "a scheduled deletion can be called off", given: pending, when: .restoreSecret,
      then: ["restore"]),
    DecideCase(
      "what is not scheduled cannot be called off", given: two, when: .restoreSecret,
      refused: .secretNotPendingDeletion),
    DecideCase(
      "a deletion is called off once", given: pending + ["restore"], when: .restoreSecret,
      refused: .secretNotPendingDeletion),
    DecideCase(
      "an unknown secret cannot be restored", given: [], when: .restoreSecret,
      refused: .secretNotFound),
    DecideCase(
      "a deleted secret cannot be restored", given: deleted, when: .restoreSecret,
      refused: .secretNotFound),
    DecideCase(
      "deleting takes every label away, by name",
      given: two + ["b=v1", "a=v2", "gone=v1", "gone="],
      when: .deleteSecret,
      then: [
        "-secret", "SYSCURRENT: v2 -> none by 0", "SYSPREVIOUS: v1 -> none by 0",
        "a: v2 -> none by 0", "b: v1 -> none by 0",
      ]),
    DecideCase(
      "a secret without labels is deleted alone", given: ["+secret", "+v1"], when: .deleteSecret,
      then: ["-secret"]),
    DecideCase(
      "a secret that waits can be deleted at once", given: pending, when: .deleteSecret,
      then: ["-secret", "SYSCURRENT: v2 -> none by 0", "SYSPREVIOUS: v1 -> none by 0"]),
    DecideCase(
      "an unknown secret cannot be deleted", given: [], when: .deleteSecret,
      refused: .secretNotFound),
    DecideCase(
      "a secret is deleted once", given: deleted, when: .deleteSecret, refused: .secretNotFound),
    DecideCase(
      "a secret only facts spoke of is not registered", given: ["canary=v1"], when: .deleteSecret,
      refused: .secretNotFound),
  ]

  static let stages: [DecideCase] = [
    DecideCase(
      "a label goes on a version", given: one, when: .assignStage("canary", to: "v1"),
      then: ["canary: none -> v1"]),
    DecideCase(
      "a label moves without saying from where", given: two + ["canary=v1"],
      when: .assignStage("canary", to: "v2"), then: ["canary: v1 -> v2"]),
    DecideCase(
      "a label put where it is changes nothing", given: two,
      when: .assignStage("SYSCURRENT", to: "v2"),
      then: []),
    DecideCase(
      "SYSCURRENT moved by hand moves alone", given: two,
      when: .assignStage("SYSCURRENT", to: "v1"), then: ["SYSCURRENT: v2 -> v1"]),
    DecideCase(
      "SYSPREVIOUS can be moved by hand", given: two, when: .assignStage("SYSPREVIOUS", to: "v2"),
      then: ["SYSPREVIOUS: v1 -> v2"]),
    DecideCase(
      "SYSPREVIOUS can be put by hand where there was none", given: one,
      when: .assignStage("SYSPREVIOUS", to: "v1"), then: ["SYSPREVIOUS: none -> v1"]),
    DecideCase(
      "a version may carry several labels", given: two, when: .assignStage("blue", to: "v2"),
      then: ["blue: none -> v2"]),
    DecideCase(
      "the twelfth label fits", given: Array(full.dropLast()), when: .assignStage("l10", to: "v2"),
      then: ["l10: none -> v2"]),
    DecideCase(
      "the thirteenth label does not", given: full, when: .assignStage("l11", to: "v2"),
      refused: .tooManyStages(limit: 12)),
    DecideCase(
      "a label moves also when twelve are there", given: full, when: .assignStage("l10", to: "v2"),
      then: ["l10: v1 -> v2"]),
    DecideCase(
      "a label put where it is changes nothing, at the limit too", given: full,
      when: .assignStage("l10", to: "v1"), then: []),
    DecideCase(
      "a label that was taken away makes room", given: full + ["l3="],
      when: .assignStage("l11", to: "v2"), then: ["l11: none -> v2"]),
    DecideCase(
      "a label that was taken away needs room to come back", given: full + ["l3=", "l11=v1"],
      when: .assignStage("l3", to: "v2"), refused: .tooManyStages(limit: 12)),
    DecideCase(
      "labels differ by case", given: two, when: .assignStage("syscurrent", to: "v1"),
      then: ["syscurrent: none -> v1"]),
    DecideCase(
      "a label needs a version that is registered", given: two,
      when: .assignStage("canary", to: "v3"), refused: .versionNotFound("v3")),
    DecideCase(
      "a pruned version takes no label", given: two + ["-v1"],
      when: .assignStage("canary", to: "v1"), refused: .versionNotFound("v1")),
    DecideCase(
      "a version of an earlier life takes no label", given: deleted + ["+secret"],
      when: .assignStage("canary", to: "v1"), refused: .versionNotFound("v1")),
    DecideCase(
      "a version only facts spoke of takes no label", given: two + ["canary=v9"],
      when: .assignStage("blue", to: "v9"), refused: .versionNotFound("v9")),
    DecideCase(
      "versions differ by case", given: two, when: .assignStage("canary", to: "V1"),
      refused: .versionNotFound("V1")),
    DecideCase(
      "a label has no dot", given: two, when: .assignStage("a.b", to: "v1"),
      refused: .nameNotAllowed(.stage)),
    DecideCase(
      "a label has no space", given: two, when: .assignStage("a b", to: "v1"),
      refused: .nameNotAllowed(.stage)),
    DecideCase(
      "a label is ASCII", given: two, when: .assignStage("é", to: "v1"),
      refused: .nameNotAllowed(.stage)),
    DecideCase(
      "a label has at most 64 characters", given: two,
      when: .assignStage(named(String(repeating: "a", count: 65)), to: "v1"),
      refused: .nameNotAllowed(.stage)),
    DecideCase(
      "a label of 64 characters fits", given: two,
      when: .assignStage(named("_-Z9" + String(repeating: "a", count: 60)), to: "v1"),
      then: ["_-Z9" + String(repeating: "a", count: 60) + ": none -> v1"]),
    DecideCase(
      "an unknown secret takes no label", given: [], when: .assignStage("canary", to: "v1"),
      refused: .secretNotFound),
    DecideCase(
      "a secret that waits for deletion takes no label", given: pending,
      when: .assignStage("canary", to: "v1"), refused: .secretPendingDeletion),
    DecideCase(
      "a restored secret takes labels again", given: pending + ["restore"],
      when: .assignStage("canary", to: "v1"), then: ["canary: none -> v1"]),
    DecideCase(
      "a deleted secret takes no label", given: deleted, when: .assignStage("canary", to: "v1"),
      refused: .secretNotFound),
    DecideCase(
      "a custom label can be taken away", given: two + ["canary=v1"],
      when: .removeStage("canary"), then: ["canary: v1 -> none"]),
    DecideCase(
      "the last label of a version can be taken away", given: two + ["+v3", "canary=v3"],
      when: .removeStage("canary"), then: ["canary: v3 -> none"]),
    DecideCase(
      "SYSCURRENT stays", given: two, when: .removeStage("SYSCURRENT"),
      refused: .stagePermanent("SYSCURRENT")),
    DecideCase(
      "SYSPREVIOUS stays", given: two, when: .removeStage("SYSPREVIOUS"),
      refused: .stagePermanent("SYSPREVIOUS")),
    DecideCase(
      "a built-in label cannot be taken away where it is not either", given: one,
      when: .removeStage("SYSPREVIOUS"), refused: .stagePermanent("SYSPREVIOUS")),
    DecideCase(
      "a label in other letters is not built in", given: two + ["sysCurrent=v1"],
      when: .removeStage("sysCurrent"), then: ["sysCurrent: v1 -> none"]),
    DecideCase(
      "a label nobody put cannot be taken away", given: two, when: .removeStage("canary"),
      refused: .stageNotFound("canary")),
    DecideCase(
      "a label is taken away once", given: two + ["canary=v1", "canary="],
      when: .removeStage("canary"), refused: .stageNotFound("canary")),
    DecideCase(
      "a label no rule allows can be taken away if a fact put it", given: two + ["a.b=v1"],
      when: .removeStage("a.b"), then: ["a.b: v1 -> none"]),
    DecideCase(
      "an unknown secret loses no label", given: [], when: .removeStage("canary"),
      refused: .secretNotFound),
    DecideCase(
      "a secret that waits for deletion loses no label", given: two + ["canary=v1", "delete"],
      when: .removeStage("canary"), refused: .secretPendingDeletion),
  ]
}

@Suite struct DecideTests {
  @Test(arguments: DecideCase.secrets)
  func `the life of a secret`(_ row: DecideCase) {
    #expect(row.outcome == row.then)
  }

  @Test(arguments: DecideCase.stages)
  func `the moves of a label`(_ row: DecideCase) {
    #expect(row.outcome == row.then)
  }

  @Test(arguments: ["a.b", "a b", "é", "a/b", String(repeating: "a", count: 65)])
  func `a secret name the cloud would refuse is refused`(_ name: String) {
    #expect(throws: Rejection.nameNotAllowed(.secret)) {
      try Story().decide(
        .registerSecret(data: [:], firstVersion: .none), on: try SecretName(name))
    }
  }

  @Test func `a secret name of 64 characters fits`() throws {
    let name = try SecretName("_-Z9" + String(repeating: "a", count: 60))
    let drafts = try Story().decide(.registerSecret(data: [:], firstVersion: .none), on: name)
    #expect(drafts.count == 1)
  }

  @Test func `the metadata goes with what was registered`() throws {
    let data: [String: JSONValue] = ["description": "payments"]
    let secret = try Story().decide(.registerSecret(data: data, firstVersion: .automatic))
    #expect(secret.map(\.data) == [data, [:], [:]])
    let version = try Story(DecideCase.two).decide(
      .registerVersion(id: nil, stages: nil, data: data))
    #expect(version.map(\.data) == [data, [:], [:]])
  }

  @Test(
    arguments: [(7, "2026-01-08"), (30, "2026-01-31"), (nil, "2026-01-31")] as [(Int?, String)])
  func `a scheduled deletion says when it takes place`(_ days: Int?, _ date: String) throws {
    let drafts = try Story(DecideCase.two).decide(.scheduleDeletion(days: days), now: second(60))
    #expect(
      drafts.first?.data == [
        "delete_at": .string("\(date)T00:01:00.000000Z"),
        "recovery_window_in_days": .integer(Int64(days ?? 30)),
      ])
  }
}
