// Both axes of time at once; the contract of the store holds them against the timeline.

import Ledger
import TestLiterals
import TestSupport
import Testing

@Suite struct StageKnowledgeTests {
  /// What was told and what is told still, in short.
  private func told(_ sentences: [String]) -> [String] {
    var knowledge = StageKnowledge()
    let events = Story(sentences).events
    let ended = events.flatMap { knowledge.add($0) }
    return (ended + knowledge.standing).map { known in
      let position = { (moment: Instant?) in
        moment.map { moment in "\(events.firstIndex { $0.recordedAt == moment } ?? -1)" } ?? ""
      }
      let seconds = { (moment: Instant?) in
        moment.map { "\(($0.microseconds - second(0).microseconds) / 1_000_000)" } ?? ""
      }
      let interval = known.interval
      return "\(interval.versionID?.text ?? "-") \(seconds(interval.since))"
        + "..\(seconds(interval.until)) known \(position(known.knownSince))"
        + "..\(position(known.knownUntil))"
    }
  }

  @Test func `a change ends what was told to last`() {
    #expect(
      told(["a=v1@10", "a=v2@20"]) == [
        "v1 10.. known 0..1", "v1 10..20 known 1..", "v2 20.. known 1..",
      ])
  }

  @Test func `a late fact changes the past from its own record on`() {
    #expect(
      told(["a=v1@10", "a=v2@20", "a=v3@12"]) == [
        "v1 10.. known 0..1", "v1 10..20 known 1..2", "v1 10..12 known 2..",
        "v3 12..20 known 2..", "v2 20.. known 1..",
      ])
  }

  @Test func `what another change replaced at once is told until then`() {
    #expect(
      told(["a=v1@10", "a=v2@20", "a=v3@20"]) == [
        "v1 10.. known 0..1", "v2 20.. known 1..2", "v1 10..20 known 1..", "v3 20.. known 2..",
      ])
  }
}
