// Instant: a moment in microseconds, PostgreSQL's own resolution, with RFC 3339 as its text.
//
// Hand-written because Foundation's parser takes trailing garbage, 30 February and 24:00, and
// formats milliseconds only. Pure integer arithmetic; no text makes it trap.

/// A moment, in microseconds since 1970-01-01T00:00:00Z, from year 1 to year 9999.
public struct Instant: Hashable, Comparable, Sendable {
  /// Microseconds since 1970 UTC; negative before.
  public let microseconds: Int64

  /// 0001-01-01T00:00:00Z.
  public static let earliest = Instant(inRange: -62_135_596_800_000_000)
  /// 9999-12-31T23:59:59.999999Z.
  public static let latest = Instant(inRange: 253_402_300_799_999_999)

  /// Takes microseconds since 1970; nil outside year 1 to 9999.
  public init?(microseconds: Int64) {
    guard microseconds >= Instant.earliest.microseconds,
      microseconds <= Instant.latest.microseconds
    else { return nil }
    self.microseconds = microseconds
  }

  private init(inRange microseconds: Int64) { self.microseconds = microseconds }

  /// Whole milliseconds since 1970, rounded down, as the clouds' timestamps are.
  public var milliseconds: Int64 {
    let quotient = microseconds / 1_000
    return microseconds % 1_000 < 0 ? quotient - 1 : quotient
  }

  /// The next moment a clock of this resolution can show.
  public var successor: Instant {
    precondition(self < .latest, "no moment after \(self)")
    return Instant(inRange: microseconds + 1)
  }

  /// The moment `microseconds` later, or the end of time.
  public func advanced(byMicroseconds distance: Int64) -> Instant {
    let (sum, overflow) = microseconds.addingReportingOverflow(distance)
    guard !overflow else { return distance < 0 ? .earliest : .latest }
    return Instant(inRange: min(max(sum, Self.earliest.microseconds), Self.latest.microseconds))
  }

  /// Whether `left` is earlier.
  public static func < (left: Instant, right: Instant) -> Bool {
    left.microseconds < right.microseconds
  }
}

extension Instant {
  /// Parses an RFC 3339 date-time with an offset: `2026-03-04T05:06:07.123456+02:00`.
  ///
  /// Up to nine digits of a fraction; what is finer than a microsecond is cut off. Nil for anything
  /// else: no offset, impossible dates, 24:00, leap seconds, text before or after.
  /// Source: RFC 3339, section 5.6.
  public init?(rfc3339 text: String) {
    var scanner = DigitScanner(bytes: Array(text.utf8))
    guard let year = scanner.number(digits: 4), scanner.take(0x2D),
      let month = scanner.number(digits: 2), scanner.take(0x2D),
      let day = scanner.number(digits: 2), scanner.take(0x54) || scanner.take(0x74),
      let hour = scanner.number(digits: 2), scanner.take(0x3A),
      let minute = scanner.number(digits: 2), scanner.take(0x3A),
      let second = scanner.number(digits: 2),
      let fraction = scanner.take(0x2E) ? scanner.microsecondFraction() : 0,
      let offsetMinutes = scanner.offsetMinutes(), scanner.isAtEnd,
      year >= 1, month >= 1, month <= 12, day >= 1,
      day <= Self.daysInMonth(month, year: year), hour <= 23, minute <= 59, second <= 59
    else { return nil }
    let days = Self.daysSince1970(year: year, month: month, day: day)
    let seconds = ((days * 24 + hour) * 60 + minute - offsetMinutes) * 60 + second
    self.init(microseconds: seconds * 1_000_000 + fraction)
  }

  /// The moment as RFC 3339 in UTC with six digits: `2026-03-04T03:06:07.123456Z`.
  public var rfc3339: String {
    String(decoding: rfc3339Bytes, as: UTF8.self)
  }

  /// The 27 bytes of `rfc3339`.
  public var rfc3339Bytes: [UInt8] {
    let microsecondsOfDay = Int64(86_400_000_000)
    var days = microseconds / microsecondsOfDay
    var rest = microseconds % microsecondsOfDay
    if rest < 0 {
      days -= 1
      rest += microsecondsOfDay
    }
    let (year, month, day) = Self.civil(daysSince1970: days)
    var bytes: [UInt8] = []
    bytes.reserveCapacity(27)
    func append(_ number: Int64, digits: Int) {
      var divisor: Int64 = 1
      for _ in 1..<digits { divisor *= 10 }
      while divisor > 0 {
        bytes.append(UInt8(0x30 + number / divisor % 10))
        divisor /= 10
      }
    }
    append(year, digits: 4)
    bytes.append(0x2D)
    append(month, digits: 2)
    bytes.append(0x2D)
    append(day, digits: 2)
    bytes.append(0x54)
    append(rest / 3_600_000_000, digits: 2)
    bytes.append(0x3A)
    append(rest / 60_000_000 % 60, digits: 2)
    bytes.append(0x3A)
    append(rest / 1_000_000 % 60, digits: 2)
    bytes.append(0x2E)
    append(rest % 1_000_000, digits: 6)
    bytes.append(0x5A)
    return bytes
  }

  private static func daysInMonth(_ month: Int64, year: Int64) -> Int64 {
    switch month {
    case 4, 6, 9, 11: 30
    case 2: year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) ? 29 : 28
    default: 31
    }
  }

  /// Days from 1970-01-01 in the Gregorian calendar.
  ///
  /// Years are counted from March, so that the leap day is the last one, in eras of 400 years.
  private static func daysSince1970(year: Int64, month: Int64, day: Int64) -> Int64 {
    let shifted = month <= 2 ? year - 1 : year
    let era = shifted / 400
    let yearOfEra = shifted % 400
    let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
    return era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719_468
  }

  private static func civil(daysSince1970 days: Int64) -> (year: Int64, month: Int64, day: Int64) {
    let shifted = days + 719_468
    let era = shifted / 146_097
    let dayOfEra = shifted % 146_097
    let yearOfEra = (dayOfEra - dayOfEra / 1_460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
    let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
    let shiftedMonth = (5 * dayOfYear + 2) / 153
    let month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9
    let year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
    return (year, month, dayOfYear - (153 * shiftedMonth + 2) / 5 + 1)
  }
}

extension Instant: CustomStringConvertible {
  /// The moment as RFC 3339 in UTC.
  public var description: String { rfc3339 }
}

/// Reads fixed groups of digits from left to right.
private struct DigitScanner {
  let bytes: [UInt8]
  var index = 0

  var isAtEnd: Bool { index == bytes.count }

  mutating func take(_ byte: UInt8) -> Bool {
    guard index < bytes.count, bytes[index] == byte else { return false }
    index += 1
    return true
  }

  private mutating func digit() -> Int64? {
    guard index < bytes.count, bytes[index] >= 0x30, bytes[index] <= 0x39 else { return nil }
    defer { index += 1 }
    return Int64(bytes[index] - 0x30)
  }

  mutating func number(digits: Int) -> Int64? {
    var number: Int64 = 0
    for _ in 0..<digits {
      guard let digit = digit() else { return nil }
      number = number * 10 + digit
    }
    return number
  }

  mutating func microsecondFraction() -> Int64? {
    var fraction: Int64 = 0
    var count = 0
    while let digit = digit() {
      guard count < 9 else { return nil }
      if count < 6 { fraction = fraction * 10 + digit }
      count += 1
    }
    guard count > 0 else { return nil }
    while count < 6 {
      fraction *= 10
      count += 1
    }
    return fraction
  }

  mutating func offsetMinutes() -> Int64? {
    if take(0x5A) || take(0x7A) { return 0 }
    let sign: Int64
    if take(0x2B) { sign = 1 } else if take(0x2D) { sign = -1 } else { return nil }
    guard let hours = number(digits: 2), take(0x3A), let minutes = number(digits: 2),
      hours <= 23, minutes <= 59
    else { return nil }
    return sign * (hours * 60 + minutes)
  }
}
