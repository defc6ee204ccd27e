// The time as HTTP writes it.
//
// Called by: the server, once a second. Calls: nothing.
// Invariant: the text has 29 bytes for any time of the years 0 to 9999.

/// Dates such as `Sun, 06 Nov 1994 08:49:37 GMT`.
public enum HTTPDate {
  /// The date of a number of seconds since 1970-01-01 UTC, as bytes; outside the years 0 to 9999
  /// the nearest of them.
  ///
  /// Source: RFC 9110, section 5.6.7; Hinnant, chrono-compatible low-level date algorithms.
  public static func bytes(secondsSince1970: Int64) -> [UInt8] {
    let seconds = min(max(secondsSince1970, -62_167_219_200), 253_402_300_799)
    let days = Int((seconds - (seconds % 86_400 + 86_400) % 86_400) / 86_400)
    let second = Int((seconds % 86_400 + 86_400) % 86_400)
    let (year, month, day) = civil(days)
    var text: [UInt8] = []
    text.reserveCapacity(29)
    text.append(contentsOf: weekdays[((days + 4) % 7 + 7) % 7].utf8)
    text.append(contentsOf: ", ".utf8)
    append(day, digits: 2, to: &text)
    text.append(contentsOf: months[month - 1].utf8)
    append(year, digits: 4, to: &text)
    text.append(UInt8(ascii: " "))
    append(second / 3600, digits: 2, to: &text)
    text.append(UInt8(ascii: ":"))
    append(second / 60 % 60, digits: 2, to: &text)
    text.append(UInt8(ascii: ":"))
    append(second % 60, digits: 2, to: &text)
    text.append(contentsOf: " GMT".utf8)
    return text
  }

  private static let weekdays = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"]
  private static let months = [
    " Jan ", " Feb ", " Mar ", " Apr ", " May ", " Jun ", " Jul ", " Aug ", " Sep ", " Oct ",
    " Nov ", " Dec ",
  ]

  private static func append(_ number: Int, digits: Int, to text: inout [UInt8]) {
    var scale = digits == 4 ? 1000 : 10
    while scale > 0 {
      text.append(UInt8(ascii: "0") &+ UInt8(truncatingIfNeeded: number / scale % 10))
      scale /= 10
    }
  }

  /// The civil date of a day counted from 1970-01-01.
  private static func civil(_ days: Int) -> (year: Int, month: Int, day: Int) {
    let shifted = days + 719_468
    let era = (shifted >= 0 ? shifted : shifted - 146_096) / 146_097
    let dayOfEra = shifted - era * 146_097
    let yearOfEra =
      (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
    let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
    let part = (5 * dayOfYear + 2) / 153
    let month = part < 10 ? part + 3 : part - 9
    let year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
    return (year, month, dayOfYear - (153 * part + 2) / 5 + 1)
  }
}
