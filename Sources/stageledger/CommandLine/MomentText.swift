// MomentText: the ways people write a moment on the command line.
//
// Called by the commands that ask about time. Invariant: whatever is not plainly RFC 3339 is said
// back on standard error as it was understood.

import Ledger

/// A moment as somebody wrote it and as it was understood.
struct MomentText: Sendable {
  /// The moment.
  let instant: Instant
  /// What to tell about it; nil when it was written in full.
  let understood: String?

  /// Reads RFC 3339, a date (midnight UTC), or `2h ago` (s, m, h, d, w).
  init(_ text: String, option: String, now: Instant) throws(UsageError) {
    if let instant = Instant(rfc3339: text) {
      self.instant = instant
      understood = nil
      return
    }
    guard let instant = Instant(rfc3339: text + "T00:00:00Z") ?? Self.past(text, now: now) else {
      throw .badValue(
        of: spell(option), given: text,
        expected: "a time such as 2026-03-04T05:06:07Z, 2026-03-04 or \"2h ago\"")
    }
    self.instant = instant
    understood = "\(spell(option)) \(text) is \(instant.rfc3339)"
  }

  private static func past(_ text: String, now: Instant) -> Instant? {
    let words = text.split(separator: " ")
    guard words.count == 2, words[1] == "ago", let unit = words[0].last,
      let microseconds = microseconds(of: unit), let count = Int64(words[0].dropLast()), count >= 0
    else { return nil }
    let (distance, overflow) = count.multipliedReportingOverflow(by: microseconds)
    return overflow ? nil : now.advanced(byMicroseconds: -distance)
  }

  private static func microseconds(of unit: Character) -> Int64? {
    switch unit {
    case "s": 1_000_000
    case "m": 60_000_000
    case "h": 3_600_000_000
    case "d": 86_400_000_000
    case "w": 604_800_000_000
    default: nil
    }
  }
}
