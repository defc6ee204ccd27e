// Decide, for facts about the life of a secret and its versions, for what facts imply, and for
// those that are about a change the reconciler saw.

import CanonicalJSON
import Ledger
import TestLiterals
import TestSupport
import Testing

@Suite struct DecideFactsTests {
  private func decide(
    _ given: [String], _ happening: Fact.Happening, at time: Int64, after: Int64? = nil,
    _ implications: Fact.Implications = .asSaid, rules: LabelRules = .huawei
  ) throws(Rejection) -> [String] {
    let story = Story(given)
    let fact = Fact(
      secret: "s", happening, effectiveAt: second(time), effectiveAfter: after.map { second($0) },
      implications: implications)
    return try Ledger.decide(
      fact, story.state, rules: rules, past: story.past, now: second(1_000)
    ).map(\.told)
  }

  @Test func `life is recorded as reported, and flagged where it cannot have been so`() throws {
    #expect(try decide([], .secretRegistered, at: 5) == ["+secret at 5"])
    #expect(
      try decide(["+secret"], .secretRegistered, at: 5) == ["+secret at 5 although secret_exists"])
    #expect(try decide(["+secret@9"], .secretRegistered, at: 5) == ["+secret at 5"])
    #expect(
      try decide([], .secretDeleted, at: 5) == ["-secret at 5 although secret_not_found"])
    #expect(
      try decide(["+secret"], .secretRestored, at: 5)
        == ["restore at 5 although secret_not_pending_deletion"])
    #expect(
      try decide(["+secret", "delete"], .secretDeletionScheduled, at: 5)
        == ["delete at 5 although secret_pending_deletion"])
    #expect(try decide(["+secret", "delete"], .secretRestored, at: 5) == ["restore at 5"])
  }

  @Test func `a version is recorded as reported, and flagged where it cannot have been so`()
    throws
  {
    let given = ["+secret", "+v1@10", "-v1@20"]
    #expect(try decide(given, .versionRegistered("v2", stages: nil), at: 5) == ["+v2 at 5"])
    #expect(
      try decide(given, .versionRegistered("v1", stages: nil), at: 15)
        == ["+v1 at 15 although version_exists"])
    #expect(try decide(given, .versionRegistered("v1", stages: nil), at: 25) == ["+v1 at 25"])
    #expect(
      try decide(given, .versionRemoved("v1"), at: 30)
        == ["version.removed at 30 although version_not_found"])
    #expect(try decide(given, .versionRemoved("v1"), at: 15) == ["version.removed at 15"])
    #expect(
      try decide(given, .versionRegistered("blue", stages: nil), at: 25)
        == ["+blue at 25 although name_not_allowed"])
  }

  @Test(
    arguments: [
      (.secretRegistered, 1), (.versionRegistered("v1", stages: nil), 2),
      (.stageAssigned("a", to: "v1"), 7), (.stageRemoved("a"), 9), (.versionRemoved("v2"), 5),
      (.secretDeleted, 20),
    ] as [(Fact.Happening, Int64)])
  func `what the log says already is not recorded again`(
    _ happening: Fact.Happening, _ time: Int64
  ) throws {
    let given = [
      "+secret@1", "+v1@2", "+v2@2", "-v2@5", "a=v1@6", "a=@9", "-secret@20",
    ]
    #expect(try decide(given, happening, at: time) == [])
  }

  @Test func `evidence of what changed nothing is kept`() throws {
    #expect(
      try decide(["+secret"], .changeRejected("a", "v1"), at: 5) == ["change.rejected at 5"])
    #expect(
      try decide(["+secret"], .changeUnresolved(nil, nil), at: 5, after: 3)
        == ["change.unresolved after 3 at 5"])
  }

  @Test func `a version that came took the current label, at its own time`() throws {
    let given = ["+secret", "+v1", "SYSCURRENT=v1@10", "SYSCURRENT=v3@50"]
    #expect(
      try decide(given, .versionRegistered("v2", stages: nil), at: 30, .byRules) == [
        "+v2 at 30", "SYSCURRENT: v1 -> v2 by 0 at 30", "SYSPREVIOUS: none -> v1 by 1 at 30",
      ])
    #expect(
      try decide(given, .versionRegistered("v2", stages: nil), at: 30) == ["+v2 at 30"])
    #expect(
      try decide(given, .versionRegistered("v2", stages: ["a", "a"]), at: 30, .byRules)
        == ["+v2 at 30", "a: none -> v2 by 0 at 30"])
    #expect(
      try decide(given, .versionRegistered("v2", stages: []), at: 30, .byRules) == ["+v2 at 30"])
  }

  @Test func `on AWS the previous label follows, and the pending one goes`() throws {
    let given = ["+secret", "+v1", "AWSCURRENT=v1@10", "AWSPENDING=v1@20", "AWSCURRENT=v3@50"]
    let (v2, v3): (VersionID, VersionID) = (
      named(String(repeating: "2", count: 32)), named("v3")
    )
    #expect(
      try decide(given, .versionRegistered(v2, stages: nil), at: 30, .byRules, rules: .aws) == [
        "+\(v2) at 30", "AWSCURRENT: v1 -> \(v2) by 0 at 30", "AWSPREVIOUS: none -> v1 by 1 at 30",
        "AWSPENDING: v1 -> none by 1 at 30",
      ])
    let named: [StageName] = ["AWSCURRENT", "x"]
    #expect(
      try decide(given, .versionRegistered(v2, stages: named), at: 30, .byRules, rules: .aws) == [
        "+\(v2) at 30", "AWSCURRENT: v1 -> \(v2) by 0 at 30", "AWSPREVIOUS: none -> v1 by 1 at 30",
        "x: none -> \(v2) by 0 at 30",
      ])
    #expect(
      try decide(given, .stageAssigned("AWSCURRENT", to: v3), at: 30, .byRules, rules: .aws) == [
        "AWSCURRENT: v1 -> v3 at 30 although version_not_found",
        "AWSPREVIOUS: none -> v1 by 0 at 30",
      ])
    #expect(
      try decide(given, .stageAssigned("AWSCURRENT", to: v3), at: 30, rules: .aws)
        == ["AWSCURRENT: v1 -> v3 at 30 although version_not_found"])
  }

  @Test func `the labels of a deleted secret go at the time of its deletion`() throws {
    let given = ["+secret", "+v1", "a=v1@10", "b=v1@20", "b=@30", "c=v1@90"]
    #expect(
      try decide(given, .secretDeleted, at: 25, .byRules) == [
        "-secret at 25", "a: v1 -> none by 0 at 25", "b: v1 -> none by 0 at 25",
      ])
    #expect(try decide(given, .secretDeleted, at: 25) == ["-secret at 25"])
  }

  /// A story in which the reconciler saw the change of label `a` at position 3, after second 20 and
  /// by second 40.
  private var seen: ([StageName: StagePast], SecretState) {
    let story = Story(["+secret", "+v1", "a=v1@10", "a=v2@20,40", "a=v3@60"])
    var past: [StageName: StagePast] = [:]
    for var event in story.events where event.type.changesStage {
      if event.effectiveAfter != nil { event.source = .reconciler }
      if let stage = event.stage { past[stage, default: StagePast()].add(event) }
    }
    return (past, story.state)
  }

  private func decideSeen(
    _ version: VersionID?, at time: Int64, after: Int64? = nil
  ) throws
    -> [String]
  {
    let (past, state) = seen
    let fact = Fact(
      StageFact(
        stage: "a", versionID: version, effectiveAt: second(time),
        effectiveAfter: after.map { second($0) }), of: "s")
    return try Ledger.decide(fact, state, rules: .huawei, past: past, now: second(1_000))
      .map(\.told)
  }

  @Test func `a change seen between two looks is refined by the fact that tells its time`() throws {
    #expect(try decideSeen("v2", at: 30) == ["a refines 3 last 4 at 30"])
    #expect(try decideSeen("v2", at: 40) == ["a refines 3 last 4 at 40"])
    #expect(try decideSeen("v2", at: 35, after: 25) == ["a refines 3 last 4 after 25 at 35"])
    // Outside of the window, or to another version, it is another change.
    #expect(
      try decideSeen("v2", at: 20) == ["a: v1 -> v2 at 20 although version_not_found"])
    #expect(try decideSeen("v2", at: 41) == [])
    #expect(try decideSeen(nil, at: 30) == ["a: v1 -> none at 30"])
    // The same bounds, and wider ones, know nothing better.
    #expect(try decideSeen("v2", at: 40, after: 20) == [])
    #expect(
      try decideSeen("v2", at: 35, after: 15)
        == ["a: v1 -> v2 after 15 at 35 although version_not_found"])
  }

  @Test func `a change of people is never taken for one the reconciler saw`() throws {
    let given = ["+secret", "+v1", "+v2", "a=v1@10", "a=v2@20,40"]
    #expect(
      try decide(given, .stageAssigned("a", to: "v2"), at: 30) == ["a: v1 -> v2 at 30"])
  }

  @Test(arguments: testSeeds)
  func `what is known of a label does not depend on the order it was learned in`(
    _ seed: UInt64
  ) {
    var random = SeededGenerator(seed: seed)
    for _ in 0..<50 {
      let changes = (0..<12).map { index in
        StagePast.Change(
          subject: place(Int64(index)), versionID: random.perhaps { $0.pick(["v1", "v2"]) },
          since: SecretState.Moment(
            effectiveAt: second(Int64.random(in: 0...6, using: &random)),
            position: place(Int64(index))),
          after: nil, source: nil)
      }
      var past = StagePast()
      for change in changes.shuffled(using: &random) { past.add(change) }
      for time in -1...7 {
        let expected = changes.filter { $0.since.effectiveAt <= second(Int64(time)) }
          .max { $0.since < $1.since }
        #expect(past.last(at: second(Int64(time))) == expected)
        let others = changes.filter {
          $0.since.effectiveAt <= second(Int64(time)) && $0.subject != expected?.subject
        }
        #expect(
          past.last(at: second(Int64(time)), besides: expected?.subject)
            == others.max { $0.since < $1.since })
      }
    }
  }
}
