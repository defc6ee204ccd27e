// StageTimeline: the fold that answers time travel, held against the question asked from scratch.

import Ledger
import TestLiterals
import TestSupport
import Testing

@Suite struct StageTimelineTests {
  private func timeline(_ sentences: [String], knownSize: TreeSize? = nil) -> StageTimeline {
    let events = Story(sentences).events
    return StageTimeline(
      events: events, knownSize: knownSize ?? place(Int64(events.count)).size)
  }

  private func holders(_ timeline: StageTimeline, _ times: ClosedRange<Int64>) -> [String] {
    times.map { timeline.answer(at: second($0)).versionID?.text ?? "-" }
  }

  @Test func `before the first change nobody holds the label`() {
    let timeline = timeline(["a=v1@10"])
    let answer = timeline.answer(at: second(9))
    #expect(answer.interval == nil)
    #expect(answer.versionID == nil)
    #expect(answer.firstChange == second(10))
    #expect(timeline.answer(at: second(10)).firstChange == nil)
  }

  @Test func `without a change there is nothing to tell`() {
    let answer = timeline([]).answer(at: second(0))
    #expect(answer == StageAnswer(last: nil, firstChange: nil))
  }

  @Test func `stretches are half open`() {
    let timeline = timeline(["a=v1@10", "a=v2@20", "a=@30"])
    #expect(timeline.answer(at: instant("2026-01-01T00:00:19.999999Z")).versionID == "v1")
    #expect(timeline.answer(at: second(20)).versionID == "v2")
    #expect(timeline.answer(at: second(30)).versionID == nil)
    #expect(timeline.intervals.map(\.since) == [second(10), second(20), second(30)])
    #expect(timeline.intervals.map(\.until) == [second(20), second(30), nil])
    #expect(timeline.intervals.map(\.decidedBy) == [0, 1, 2])
  }

  @Test func `a late fact changes the past from its own record on`() {
    let story = ["a=v1@10", "a=v2@20", "a=v3@12"]
    #expect(holders(timeline(story, knownSize: 2), 9...13) == ["-", "v1", "v1", "v1", "v1"])
    #expect(holders(timeline(story, knownSize: 3), 9...13) == ["-", "v1", "v1", "v3", "v3"])
    #expect(timeline(story, knownSize: 3).answer(at: second(20)).versionID == "v2")
    #expect(timeline(story, knownSize: 0).intervals.isEmpty)
  }

  @Test func `a change of no length decides nothing but ends what was before`() {
    let timeline = timeline(["a=v1@10", "a=v2@20", "a=v3@20", "a=@20"])
    #expect(timeline.intervals.map { $0.versionID?.text ?? "-" } == ["v1", "-"])
    #expect(timeline.intervals.map(\.until) == [second(20), nil])
    #expect(timeline.intervals.map(\.decidedBy) == [0, 3])
  }

  @Test func `the order events are handed in does not matter`() {
    let events = Story(["a=v1@10", "a=v2@20", "a=v3@12", "a=@12"]).events
    let expected = StageTimeline(events: events, knownSize: 4)
    #expect(StageTimeline(events: events.reversed(), knownSize: 4) == expected)
  }

  @Test(arguments: testSeeds)
  func `the fold equals the question asked from scratch`(_ seed: UInt64) throws {
    var random = SeededGenerator(seed: seed)
    for _ in 0..<200 {
      let events = (0..<Int64.random(in: 0...14, using: &random)).map { index in
        let version: VersionID? = random.perhaps { $0.pick(["v1", "v2", "v3"]) }
        // Few moments, so that many changes fall on one.
        let time = second(Int64.random(in: 0...6, using: &random))
        return Event.test(
          version == nil ? .stageRemoved : .stageAssigned, position: index, stage: "a",
          version: version, at: time, recordedAt: second(10 + index))
      }
      for size in 0...Int64(events.count) {
        let size = try #require(TreeSize(size))
        let timeline = StageTimeline(events: events.shuffled(using: &random), knownSize: size)
        for half in -1...14 {
          let time = second(0).advanced(byMicroseconds: Int64(half) * 500_000)
          #expect(timeline.answer(at: time) == scratch(events, time, size))
        }
        #expect(timeline.intervals.allSatisfy { $0.until.map { $0 > second(-1) } ?? true })
        for (earlier, later) in zip(timeline.intervals, timeline.intervals.dropFirst()) {
          #expect(earlier.until == later.since)
          #expect(earlier.since < later.since)
        }
        #expect(timeline.intervals.last?.until == nil)
      }
    }
  }

  /// The answer without any order: the greatest known change not after the moment.
  private func scratch(_ events: [Event], _ time: Instant, _ size: TreeSize) -> StageAnswer {
    let known = events.filter { $0.position < size.next }
    let past = known.filter { $0.effectiveAt <= time }
    let next = known.filter { $0.effectiveAt > time }.map(\.effectiveAt).min()
    guard let moment = past.map(\.effectiveAt).max(),
      let event = past.filter({ $0.effectiveAt == moment }).max(by: { $0.position < $1.position })
    else { return StageAnswer(last: nil, firstChange: next) }
    return StageAnswer(
      last: StageInterval(
        versionID: event.versionID, since: moment, sinceAfter: nil, until: next,
        decidedBy: event.position, recordedAt: event.recordedAt),
      firstChange: nil)
  }
}
