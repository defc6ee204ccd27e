// The time of signing against known moments and against the calendar.

import Foundation
import RequestSigning
import Testing

@Suite struct SigningTimeTests {
  @Test(
    arguments: [
      ("19700101T000000Z", 0), ("20240229T235959Z", 1_709_251_199),
      ("20240315T083045Z", 1_710_491_445), ("99991231T235959Z", 253_402_300_799),
    ] as [(String, Int64)])
  func `a moment is read and written`(_ text: String, _ seconds: Int64) throws {
    #expect(try #require(SigningTime(text)).seconds == seconds)
    #expect(SigningTime(seconds: seconds).text == text)
  }

  @Test(
    arguments: [
      "", "20240315T083045", "20240315t083045Z", "20240315T083045z", "20240315 083045Z",
      "20240015T083045Z", "20241315T083045Z", "20240300T083045Z", "20240332T083045Z",
      "20230229T083045Z", "20240431T083045Z", "20240315T243045Z", "20240315T086045Z",
      "20240315T083060Z", "19691231T235959Z", "00000101T000000Z", "2024031٥T083045Z",
      "-0240315T083045Z", "20240315T083045ZZ",
    ])
  func `a text that is no moment is refused`(_ text: String) {
    #expect(SigningTime(text) == nil)
  }

  @Test(
    arguments: [
      ("1970-01-01T00:00:00Z", 0), ("2024-03-15T08:30:45Z", 1_710_491_445),
      ("9999-12-31T23:59:59Z", 253_402_300_799),
    ] as [(String, Int64)])
  func `a moment is read and written in the extended form`(
    _ text: String, _ seconds: Int64
  ) throws {
    #expect(try #require(SigningTime(text, .extended)).seconds == seconds)
    #expect(SigningTime(seconds: seconds).text(.extended) == text)
    #expect(SigningTime(text) == nil)
    #expect(SigningTime(SigningTime(seconds: seconds).text, .extended) == nil)
  }

  @Test(
    arguments: [
      "", "2024-03-15T08:30:45", "2024-03-15T08:30:45z", "2024-03-15 08:30:45Z",
      "2024-02-30T08:30:45Z", "2024-03-15T24:30:45Z", "2024-03-15T08:30:45+00:00",
      "2024-03-15T08:30:45.0Z", "2024-0315T08:30:45Z", "2024-03-15T0830:45Z",
      "2024:03:15T08-30-45Z", "-2024-03-15T08:30:45Z", "2024-03-15T08:30:4-5Z",
      "2024-03-15T08:30:45Z-", "20240-3-15T08:30:45Z", "1969-12-31T23:59:59Z",
    ])
  func `a text that is no moment in the extended form is refused`(_ text: String) {
    #expect(SigningTime(text, .extended) == nil)
  }

  @Test func `every day of four centuries has its text`() throws {
    let style = Date.ISO8601FormatStyle(dateSeparator: .omitted, timeSeparator: .omitted)
    for day in stride(from: Int64(0), to: 146_097, by: 1) {
      let seconds = day * 86_400 + day * 7_919 % 86_400
      let text = SigningTime(seconds: seconds).text
      #expect(try #require(SigningTime(text)).seconds == seconds)
      guard day % 97 == 0 else { continue }
      #expect(text == Date(timeIntervalSince1970: TimeInterval(seconds)).formatted(style))
    }
  }

  @Test func `moments that cannot be written are held at the ends`() {
    #expect(SigningTime(seconds: .min).text == "19700101T000000Z")
    #expect(SigningTime(seconds: .max).text == "99991231T235959Z")
  }
}
