// Answers about changes whose time is open, held against all the ways things can have happened.

import Ledger
import TestLiterals
import TestSupport
import Testing

@Suite struct StageDoubtTests {
  private func timeline(_ sentences: [String]) -> StageTimeline {
    let events = Story(sentences).events
    return StageTimeline(events: events, knownSize: place(Int64(events.count)).size)
  }

  /// The answers at whole seconds: a version, `-` for none, or the candidates.
  private func told(_ timeline: StageTimeline, _ seconds: ClosedRange<Int64>) -> [String] {
    seconds.map { time in
      let answer = timeline.answer(at: second(time))
      guard let doubt = answer.doubt else { return answer.versionID?.text ?? "-" }
      return doubt.candidates.map { $0?.text ?? "-" }.joined(separator: "|")
    }
  }

  @Test func `within the bounds of a change either side may hold`() {
    let timeline = timeline(["a=v1@1", "a=v2@3,6"])
    #expect(told(timeline, 0...7) == ["-", "v1", "v1", "v1", "v1|v2", "v1|v2", "v2", "v2"])
    let before = timeline.answer(at: second(2))
    #expect(before.interval?.until == second(3).advanced(byMicroseconds: 1))
    let within = timeline.answer(at: second(4))
    #expect(within.doubt?.earliest == second(1))
    #expect(within.doubt?.latest == second(6))
    #expect(within.doubt?.decidedBy == [0, 1])
    #expect(within.interval == nil)
    let after = timeline.answer(at: second(6))
    #expect(after.interval?.since == second(6))
    #expect(after.interval?.sinceAfter == second(3))
  }

  @Test func `a first change that is open may not have come yet`() {
    let timeline = timeline(["a=v1@2,5"])
    #expect(told(timeline, 1...6) == ["-", "-", "-|v1", "-|v1", "v1", "v1"])
    #expect(timeline.answer(at: second(2)).firstChange == second(2).advanced(byMicroseconds: 1))
  }

  @Test func `changes that cannot be ordered leave doubt until the next one`() {
    let timeline = timeline(["a=v1@2,6", "a=v2@4,8", "a=v3@10"])
    #expect(
      told(timeline, 2...10)
        == ["-", "-|v1", "-|v1", "-|v1|v2", "v1|v2", "v1|v2", "v1|v2", "v1|v2", "v3"])
  }

  @Test func `versions that agree leave no doubt`() {
    let timeline = timeline(["a=v1@1", "a=v1@3,6", "a=@8,9", "a=@8,9"])
    #expect(told(timeline, 1...9) == ["v1", "v1", "v1", "v1", "v1", "v1", "v1", "v1", "-"])
  }

  @Test func `an exact change after the bounds settles it`() {
    let timeline = timeline(["a=v1@1,5", "a=v2@3", "a=v3@5"])
    #expect(told(timeline, 1...6) == ["-", "-|v1", "v2", "v1|v2", "v3", "v3"])
  }

  @Test func `exact changes at one instant go by position`() {
    #expect(told(timeline(["a=v1@3", "a=v2@3"]), 2...3) == ["-", "v2"])
    // The first may have come at the very instant of the second, or before it, but never after.
    #expect(told(timeline(["a=v1@1,3", "a=v2@3"]), 3...3) == ["v2"])
    #expect(told(timeline(["a=v2@3", "a=v1@1,3"]), 3...3) == ["v1|v2"])
  }

  @Test(arguments: testSeeds)
  func `an answer holds in every way things can have happened, and each candidate in one`(
    _ seed: UInt64
  ) {
    var random = SeededGenerator(seed: seed)
    for _ in 0..<60 {
      let events = (0..<Int64.random(in: 0...5, using: &random)).map { index in
        let at = Int64.random(in: 0...4, using: &random)
        // At most three are open, for the sake of the number of ways.
        let after = index % 2 == 0 ? at - Int64.random(in: 1...3, using: &random) : nil
        let version: VersionID? = random.oneIn(5) ? nil : random.pick(["v1", "v2", "v3"])
        return Event.test(
          version == nil ? .stageRemoved : .stageAssigned, position: index, stage: "a",
          version: version, at: second(at), after: after.map { second($0) },
          recordedAt: second(10 + index))
      }
      let timeline = StageTimeline(
        events: events.shuffled(using: &random), knownSize: place(Int64(events.count)).size)
      let worlds = worlds(events)
      for half in -1...9 {
        let moment = second(0).advanced(byMicroseconds: Int64(half) * 500_000)
        let holders = Set(worlds.map { holder(in: $0, at: moment) })
        let answer = timeline.answer(at: moment)
        if let doubt = answer.doubt {
          #expect(Set(doubt.candidates) == holders)
          #expect(doubt.candidates.count == holders.count)
        } else {
          #expect(holders == [answer.versionID])
        }
      }
    }
  }

  /// Every way to put the changes on moments they can have come at: the first and the last of each,
  /// and the half seconds between.
  private func worlds(_ events: [Event]) -> [[(at: Instant, event: Event)]] {
    var worlds: [[(at: Instant, event: Event)]] = [[]]
    for event in events {
      var moments: Set<Instant> = [event.effectiveAt]
      if let after = event.effectiveAfter {
        moments.insert(after.successor)
        for half in -6...8 {
          let moment = second(0).advanced(byMicroseconds: Int64(half) * 500_000)
          if moment > after, moment < event.effectiveAt { moments.insert(moment) }
        }
      }
      worlds = worlds.flatMap { world in moments.map { world + [($0, event)] } }
    }
    return worlds
  }

  private func holder(in world: [(at: Instant, event: Event)], at moment: Instant) -> VersionID? {
    world.filter { $0.at <= moment }
      .max { ($0.at, $0.event.position) < ($1.at, $1.event.position) }?.event.versionID
  }
}
