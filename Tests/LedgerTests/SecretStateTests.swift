// SecretState: the fold over the events of one secret.

import CanonicalJSON
import Ledger
import TestLiterals
import TestSupport
import Testing

@Suite struct SecretStateTests {
  @Test func `a late fact does not disturb the present`() {
    let state = Story(["+secret", "+v1", "+v2", "canary=v2@100", "canary=v1@50"]).state
    #expect(state.holder(of: "canary") == "v2")
    #expect(
      state.stages["canary"]?.since == SecretState.Moment(effectiveAt: second(100), position: 3))
    #expect(state.streamVersion == 5)
  }

  @Test func `of two changes at one instant the later record holds`() {
    #expect(Story(["a=v1@5", "a=v2@5"]).state.holder(of: "a") == "v2")
    #expect(Story(["a=v1@5", "a=@5"]).state.holder(of: "a") == nil)
    #expect(Story(["a=@5", "a=v1@5", "a=v2@4"]).state.holder(of: "a") == "v1")
  }

  @Test func `a label that was taken away is remembered against late facts`() {
    let state = Story(["a=v1@5", "a=@9", "a=v2@7"]).state
    #expect(state.holder(of: "a") == nil)
    #expect(state.stages["a"]?.since.effectiveAt == second(9))
    #expect(state.stageCount == 0)
  }

  @Test func `labels of a version are told by name`() {
    let state = Story(["b=v1", "a=v1", "c=v2", "d=v1", "d="]).state
    #expect(state.stages(of: "v1") == ["a", "b"])
    #expect(state.stages(of: "v3") == [])
    #expect(state.stageCount == 3)
  }

  @Test func `versions belong to a life`() {
    var story = Story(["+secret", "+v1", "+v5"])
    #expect(story.state.isRegistered("v1"))
    #expect(!story.state.isRegistered("v2"))
    #expect(story.state.versionNumberMax == 5)
    story = Story(["+secret", "+v1", "+v5", "-secret", "+secret"])
    #expect(!story.state.isRegistered("v1"))
    #expect(story.state.versionNumberMax == 0)
    story = Story(["+secret", "+v1", "+v5", "-secret", "+secret", "+v1"])
    #expect(story.state.isRegistered("v1"))
    #expect(!story.state.isRegistered("v5"))
    #expect(story.state.versionNumberMax == 1)
    story = Story(["+secret", "+v1", "-v1"])
    #expect(!story.state.isRegistered("v1"))
    story = Story(["+v1"])
    #expect(!story.state.isRegistered("v1"))
  }

  @Test func `a life is followed`() {
    #expect(Story().state.life == .unregistered)
    #expect(Story(["a=v1"]).state.life == .unregistered)
    #expect(Story(["+secret"]).state.life == .enabled)
    #expect(Story(["+secret", "delete"]).state.life == .pendingDeletion(until: second(1)))
    #expect(Story(["+secret", "delete", "restore"]).state.life == .enabled)
    #expect(Story(["+secret", "-secret"]).state.life == .deleted)
    #expect(Story(["+secret", "-secret", "+secret"]).state.life == .enabled)
    #expect(Story(["+secret", "-secret", "+secret"]).state.registeredAt?.position == 2)
  }

  @Test func `a late fact about a life or a version does not disturb the present`() {
    let given = ["+secret@10", "+v1@20", "-v1@30", "+v1@40", "delete@50"]
    let state = Story(given).state
    for late in ["+secret@5", "restore@45", "-secret@15", "+v1@35", "-v1@39", "+v1@5"] {
      let after = Story(given + [late]).state
      #expect(after.life == state.life, "\(late)")
      #expect(after.isRegistered("v1"), "\(late)")
      #expect(after.versions == state.versions, "\(late)")
      #expect(after.registeredAt == state.registeredAt, "\(late)")
    }
    #expect(!Story(given + ["-secret@45"]).state.isRegistered("v1"))
    #expect(!Story(["-v1@30", "+secret@1", "+v1@20"]).state.isRegistered("v1"))
    #expect(Story(["-v1@30", "+secret@1", "+v1@40"]).state.isRegistered("v1"))
    #expect(Story(["-secret@30", "+secret@40", "+v7@20", "+v2@50"]).state.versionNumberMax == 2)
  }

  @Test(
    arguments: [
      (.string("2026-02-01T00:00:00Z"), "2026-02-01T00:00:00Z"),
      (.string("soon"), "2026-01-01T00:00:05Z"), (.integer(5), "2026-01-01T00:00:05Z"),
      (nil, "2026-01-01T00:00:05Z"),
    ] as [(JSONValue?, String)])
  func `a scheduled deletion without a readable time is due at once`(
    _ time: JSONValue?, _ expected: String
  ) {
    var state = SecretState()
    state.evolve(
      .test(.secretDeletionScheduled, at: second(5), data: time.map { ["delete_at": $0] } ?? [:]))
    #expect(state.life == .pendingDeletion(until: instant(expected)))
  }

  @Test func `the time of change is the latest one, and observations are none`() {
    var state = Story(["+secret@10", "+v1@20", "a=v1@5"]).state
    #expect(state.changedAt == second(20))
    state.evolve(.test(.driftOpened, position: 3, streamVersion: 4, at: second(99)))
    #expect(state.changedAt == second(20))
    #expect(state.streamVersion == 4)
  }

  @Test func `metadata is that of the newest registration`() {
    var state = SecretState()
    state.evolve(.test(.secretRegistered, data: ["a": .integer(1)]))
    state.evolve(.test(.versionRegistered, position: 1, version: "v1", data: ["b": .null]))
    #expect(state.data == ["a": .integer(1)])
    #expect(state.versions["v1"]?.data == ["b": .null])
    state.evolve(.test(.secretRegistered, position: 2))
    #expect(state.data == [:])
  }

  @Test(arguments: testSeeds)
  func `labels stand alike whatever order their facts come in`(_ seed: UInt64) {
    var random = SeededGenerator(seed: seed)
    for _ in 0..<100 {
      let events = (0..<Int64(12)).map { index in
        let version: VersionID? = random.perhaps { $0.pick(["v1", "v2", "v3"]) }
        return Event.test(
          version == nil ? .stageRemoved : .stageAssigned, position: index,
          stage: random.pick(["a", "b"]), version: version,
          at: second(Int64.random(in: 0...5, using: &random)))
      }
      var expected = SecretState()
      for event in events { expected.evolve(event) }
      for _ in 0..<5 {
        var state = SecretState()
        for event in events.shuffled(using: &random) { state.evolve(event) }
        #expect(state.stages == expected.stages)
      }
      for stage: StageName in ["a", "b"] {
        let mine = events.filter { $0.stage == stage }
        let last = mine.max { ($0.effectiveAt, $0.position) < ($1.effectiveAt, $1.position) }
        #expect(expected.holder(of: stage) == last?.versionID)
      }
    }
  }

  @Test(arguments: testSeeds)
  func `any events in any order add up to something`(_ seed: UInt64) {
    var random = SeededGenerator(seed: seed)
    var state = SecretState()
    for _ in 0..<2_000 {
      let event = random.anyEvent()
      state.evolve(event)
      if let number = event.streamVersion { #expect(state.streamVersion == number) }
      if event.type == .stageAssigned, let stage = event.stage {
        #expect(state.stages[stage] != nil)
      }
    }
  }
}
