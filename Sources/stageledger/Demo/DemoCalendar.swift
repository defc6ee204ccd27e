// DemoCalendar: the past year of the demo: moments on the first of each of the last twelve months.
//
// Used by `DemoStory`. Everything lies in the past, whatever the date is.

import Ledger

/// The last twelve whole months before now.
struct DemoCalendar: Sendable {
  /// Year and month of each, the oldest first.
  private let months: [(year: Int, month: Int)]

  /// The year before the moment.
  init(before now: Instant) {
    let digits = now.rfc3339.split { !$0.isNumber }
    let year = digits.first.flatMap { Int($0) } ?? 2_000
    let month = digits.dropFirst().first.flatMap { Int($0) } ?? 1
    let last = year * 12 + month - 2
    months = (0..<12).map { index in
      let count = last - 11 + index
      return (count / 12, count % 12 + 1)
    }
  }

  /// A moment in the `number`th month, from 1, in RFC 3339.
  func moment(month number: Int, day: Int, time: String) -> String {
    let (year, month) = months[(number - 1) % 12]
    return "\(year)-\(two(month))-\(two(day))T\(time)Z"
  }

  private func two(_ number: Int) -> String { number < 10 ? "0\(number)" : "\(number)" }
}
