// The ways people write a moment, the good and the bad.

import Ledger
import Testing

@testable import stageledger

@Suite struct MomentTextTests {
  private let now = Instant(rfc3339: "2026-03-04T05:06:07Z") ?? .earliest

  @Test(arguments: [
    ("2026-03-04T05:06:07.5+02:00", "2026-03-04T03:06:07.500000Z", false),
    ("2026-03-04", "2026-03-04T00:00:00.000000Z", true),
    ("2024-02-29", "2024-02-29T00:00:00.000000Z", true),
    ("2h ago", "2026-03-04T03:06:07.000000Z", true),
    ("1w ago", "2026-02-25T05:06:07.000000Z", true),
    ("0s ago", "2026-03-04T05:06:07.000000Z", true),
  ])
  func `a moment is understood and said back`(_ text: String, _ time: String, _ isSaid: Bool) throws
  {
    let moment = try MomentText(text, option: "known-at", now: now)
    #expect(moment.instant.rfc3339 == time)
    #expect((moment.understood != nil) == isSaid)
  }

  @Test(arguments: [
    "", "yesterday", "2026-02-30", "2026-3-4", "2026-03-04T05:06:07", "2h", "h ago", "-2h ago",
    "9223372036854775807w ago", "2y ago", "2026-03-04 05:06:07Z", "2h  later",
  ])
  func `what is no moment is refused`(_ text: String) {
    #expect(throws: UsageError.self) { try MomentText(text, option: "known-at", now: now) }
  }
}
