// Instant: every form RFC 3339 has, and the calendar held against Foundation's.

import Foundation
import Ledger
import TestSupport
import Testing

@Suite struct InstantTests {
  @Test(
    arguments: [
      ("1970-01-01T00:00:00Z", 0),
      ("1970-01-01t00:00:00z", 0),
      ("1970-01-01T00:00:00+00:00", 0),
      ("1970-01-01T00:00:00-00:00", 0),
      ("1970-01-01T00:00:00.000001Z", 1),
      ("1969-12-31T23:59:59.999999Z", -1),
      ("1970-01-01T00:00:01.5Z", 1_500_000),
      ("1970-01-01T00:00:00.123456789Z", 123_456),
      ("1970-01-01T00:00:00.999999999Z", 999_999),
      ("1970-01-01T02:00:00+02:00", 0),
      ("1969-12-31T18:30:00-05:30", 0),
      ("1970-01-01T23:59:00+23:59", 0),
      ("2000-02-29T12:00:00Z", 951_825_600_000_000),
      ("2026-03-04T05:06:07.123456+02:00", 1_772_593_567_123_456),
      ("0001-01-01T00:00:00Z", -62_135_596_800_000_000),
      ("9999-12-31T23:59:59.999999Z", 253_402_300_799_999_999),
      ("0001-01-01T00:00:00-01:00", -62_135_593_200_000_000),
      ("9999-12-31T23:59:59.999999+23:59", 253_402_214_459_999_999),
    ] as [(String, Int64)])
  func `a date and time with an offset is a moment`(_ text: String, _ microseconds: Int64) {
    #expect(Instant(rfc3339: text)?.microseconds == microseconds)
  }

  @Test(arguments: [
    "", "2026", "2026-03-04", "2026-03-04T05:06:07", "2026-03-04T05:06Z", "2026-03-04T05Z",
    "2026-03-04 05:06:07Z", "2026-03-04_05:06:07Z", "2026-03-0405:06:07Z", "20260304T050607Z",
    "2026-3-04T05:06:07Z", "2026-03-4T05:06:07Z", "2026-03-04T5:06:07Z", "02026-03-04T05:06:07Z",
    "226-03-04T05:06:07Z", "+2026-03-04T05:06:07Z", "-2026-03-04T05:06:07Z",
    " 2026-03-04T05:06:07Z", "2026-03-04T05:06:07Z ", "2026-03-04T05:06:07Zx",
    "2026-03-04T05:06:07Z\u{0}", "2026-03-04T05:06:07ZZ", "2026-03-04T05:06:07.Z",
    "2026-03-04T05:06:07,5Z", "2026-03-04T05:06:07.1234567890Z", "2026-03-04T05:06:07.1.2Z",
    "2026-03-04T05:06:07.-1Z", "2026-03-04T05:06:07+0200", "2026-03-04T05:06:07+02",
    "2026-03-04T05:06:07+02:0", "2026-03-04T05:06:07+24:00", "2026-03-04T05:06:07+02:60",
    "2026-03-04T05:06:07+-2:00", "2026-03-04T05:06:07−02:00", "2026-03-04T05:06:07 +02:00",
    "2026-00-04T05:06:07Z", "2026-13-04T05:06:07Z", "2026-03-00T05:06:07Z",
    "2026-03-32T05:06:07Z", "2026-04-31T05:06:07Z", "2026-02-29T05:06:07Z",
    "2026-02-30T05:06:07Z", "1900-02-29T00:00:00Z", "2100-02-29T00:00:00Z",
    "2026-03-04T24:00:00Z", "2026-03-04T25:06:07Z", "2026-03-04T05:60:07Z",
    "2026-03-04T05:06:60Z", "2016-12-31T23:59:60Z", "0000-01-01T00:00:00Z",
    "0001-01-01T00:00:00+00:01", "9999-12-31T23:59:59-00:01", "２０26-03-04T05:06:07Z",
    "2026-03-04T05:06:07.٣Z", "1772593567", "now", "null",
  ])
  func `anything else is no moment`(_ text: String) {
    #expect(Instant(rfc3339: text) == nil)
  }

  @Test func `every text cut short is no moment`() {
    let text = "2026-03-04T05:06:07.123456+02:00"
    for count in 0..<text.count { #expect(Instant(rfc3339: String(text.prefix(count))) == nil) }
  }

  @Test(arguments: testSeeds)
  func `a text with one byte changed is refused or is another moment`(_ seed: UInt64) {
    var random = SeededGenerator(seed: seed)
    for _ in 0..<3_000 {
      let moment = random.anyInstant()
      var bytes = moment.rfc3339Bytes
      let index = Int.random(in: bytes.indices, using: &random)
      let old = bytes[index]
      bytes[index] = UInt8(truncatingIfNeeded: random.next())
      // `t` and `z` are the only other spelling of a byte.
      guard bytes[index] | 0x20 != old | 0x20, bytes[index] != old else { continue }
      #expect(
        Instant(rfc3339: String(decoding: bytes, as: UTF8.self)) != moment,
        "\(String(decoding: bytes, as: UTF8.self))")
    }
  }

  @Test(arguments: testSeeds)
  func `a moment survives its text`(_ seed: UInt64) {
    var random = SeededGenerator(seed: seed)
    for _ in 0..<5_000 {
      let moment = random.anyInstant()
      #expect(moment.rfc3339.utf8.count == 27)
      #expect(Instant(rfc3339: moment.rfc3339) == moment)
    }
  }

  @Test(arguments: testSeeds)
  func `an offset only shifts`(_ seed: UInt64) {
    var random = SeededGenerator(seed: seed)
    for _ in 0..<2_000 {
      let minutes = Int64.random(in: -1_439...1_439, using: &random)
      let moment = random.anyInstant()
      let local = moment.advanced(byMicroseconds: minutes * 60_000_000)
      guard local != .earliest, local != .latest else { continue }
      let digits = [minutes.magnitude / 60, minutes.magnitude % 60]
        .map { ($0 < 10 ? "0" : "") + "\($0)" }
      let text =
        local.rfc3339.dropLast() + (minutes < 0 ? "-" : "+") + digits.joined(separator: ":")
      #expect(Instant(rfc3339: String(text)) == moment, "\(text)")
    }
  }

  @Test func `dates up to 9999 are Foundation's dates`() throws {
    var calendar = Calendar(identifier: .iso8601)
    calendar.timeZone = try #require(TimeZone(identifier: "UTC"))
    // Foundation changes calendars in 1582; before that the next test counts on its own.
    var date = try #require(
      calendar.date(from: DateComponents(year: 1583, month: 1, day: 1)))
    while date.timeIntervalSince1970 < 253_402_300_800 {
      let parts = calendar.dateComponents([.year, .month, .day], from: date)
      let seconds = Int64(date.timeIntervalSince1970)
      let moment = try #require(Instant(microseconds: seconds * 1_000_000))
      let expected = text(
        try #require(parts.year), try #require(parts.month), try #require(parts.day))
      guard moment.rfc3339.hasPrefix(expected) else {
        Issue.record("\(moment) is not \(expected)")
        return
      }
      date += 86_400 * 11
    }
  }

  @Test func `counting days from year 1 on meets every date once`() {
    var moment: Instant? = .earliest
    let lengths = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
    for year in 1...9_999 {
      let isLeap = year % 400 == 0 || (year % 4 == 0 && year % 100 != 0)
      for month in 1...12 {
        for day in 1...(lengths[month - 1] + (month == 2 && isLeap ? 1 : 0)) {
          // Two days of each month show its bounds; the days between follow.
          if day == 1 || day >= 28 {
            let expected = text(year, month, day) + "T00:00:00.000000Z"
            guard moment?.rfc3339 == expected, Instant(rfc3339: expected) == moment else {
              Issue.record("\(String(describing: moment)) is not \(expected)")
              return
            }
          }
          moment = moment.flatMap { Instant(microseconds: $0.microseconds + 86_400_000_000) }
        }
      }
    }
    #expect(moment == nil)
  }

  private func text(_ year: Int, _ month: Int, _ day: Int) -> String {
    func padded(_ number: Int, _ count: Int) -> String {
      String(repeating: "0", count: count - String(number).count) + String(number)
    }
    return "\(padded(year, 4))-\(padded(month, 2))-\(padded(day, 2))"
  }

  @Test func `nothing lies outside year 1 to 9999`() {
    #expect(Instant(microseconds: Instant.earliest.microseconds - 1) == nil)
    #expect(Instant(microseconds: Instant.latest.microseconds + 1) == nil)
    #expect(Instant(microseconds: .min) == nil)
    #expect(Instant(microseconds: .max) == nil)
    #expect(Instant.latest.advanced(byMicroseconds: 1) == .latest)
    #expect(Instant.latest.advanced(byMicroseconds: .max) == .latest)
    #expect(Instant.earliest.advanced(byMicroseconds: .min) == .earliest)
    #expect(
      Instant.earliest.advanced(byMicroseconds: 5).microseconds + 0 == -62_135_596_799_999_995)
  }

  @Test(
    arguments: [
      (0, 0), (999, 0), (1_000, 1), (-1, -1), (-999, -1), (-1_000, -1), (-1_001, -2),
    ] as [(Int64, Int64)])
  func `milliseconds are rounded down`(_ microseconds: Int64, _ milliseconds: Int64) {
    #expect(Instant(microseconds: microseconds)?.milliseconds == milliseconds)
  }

  @Test func `moments are ordered by time`() {
    #expect(second(1) < second(2))
    #expect(second(1).successor.microseconds == second(1).microseconds + 1)
    #expect("\(second(1))" == "2026-01-01T00:00:01.000000Z")
  }
}
