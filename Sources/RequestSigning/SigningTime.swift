// SigningTime: the moment a request was signed, to the second.
//
// Read from and written into requests by every scheme. Calls nothing. Invariant: each text is one
// moment, and reading what was written gives the moment back.

/// A second in UTC, written in a form of ISO 8601; years 1970 to 9999.
public struct SigningTime: Hashable, Sendable {
  /// How a moment is written.
  public enum Form: Hashable, Sendable {
    /// `YYYYMMDDTHHMMSSZ`.
    case basic
    /// `YYYY-MM-DDTHH:MM:SSZ`.
    case extended
  }
  /// How far the clocks of both sides may be apart, in seconds.
  public static let toleranceSeconds: Int64 = 15 * 60

  /// Seconds since 1970, UTC.
  public let seconds: Int64

  /// The moment that many seconds after 1970, held within the years that can be written.
  public init(seconds: Int64) {
    self.seconds = min(max(seconds, 0), Self.secondsMax)
  }

  /// Reads a moment in that form; nil for any other text and for days that never were.
  public init?(_ text: String, _ form: Form = .basic) {
    let bytes = text.utf8.filter { $0 != UInt8(ascii: "-") && $0 != UInt8(ascii: ":") }
    guard bytes.count == 16, bytes[8] == UInt8(ascii: "T"), bytes[15] == UInt8(ascii: "Z") else {
      return nil
    }
    func number(_ range: Range<Int>) -> Int64? {
      var value: Int64 = 0
      for byte in bytes[range] {
        guard 0x30...0x39 ~= byte else { return nil }
        value = value * 10 + Int64(byte - 0x30)
      }
      return value
    }
    guard let year = number(0..<4), let month = number(4..<6), let day = number(6..<8),
      let hour = number(9..<11), let minute = number(11..<13), let second = number(13..<15),
      year >= 1970, 1...12 ~= month, 1...31 ~= day, hour < 24, minute < 60, second < 60
    else { return nil }
    let days = Self.days(year: year, month: month, day: day)
    seconds = ((days * 24 + hour) * 60 + minute) * 60 + second
    // A day the month does not have comes out as another one, a mark amiss in its place.
    guard self.text(form) == text else { return nil }
  }

  /// The moment in the basic form.
  public var text: String { text(.basic) }

  /// The moment in that form.
  public func text(_ form: Form) -> String {
    let (day, time) = (seconds / 86_400, seconds % 86_400)
    let date = Self.date(days: day)
    let days = [Self.padded(date.year, 4), Self.padded(date.month, 2), Self.padded(date.day, 2)]
    let hours = [time / 3_600, time / 60 % 60, time % 60].map { Self.padded($0, 2) }
    return switch form {
    case .basic: "\(days.joined())T\(hours.joined())Z"
    case .extended: "\(days.joined(separator: "-"))T\(hours.joined(separator: ":"))Z"
    }
  }

  /// The moment in that form, if it is within the tolerance of this one.
  func near(_ text: String, _ form: Form) throws(SignatureFault) -> SigningTime {
    guard let date = SigningTime(text, form) else { throw .malformedDate }
    guard abs(date.seconds - seconds) <= Self.toleranceSeconds else {
      throw .expired(signedAt: date.text(form), now: self.text(form))
    }
    return date
  }

  private static let secondsMax: Int64 = 253_402_300_799

  private static func padded(_ number: Int64, _ digits: Int) -> String {
    let text = String(number)
    return String(repeating: "0", count: max(0, digits - text.utf8.count)) + text
  }

  /// Days since 1970-01-01 in the Gregorian calendar, with years that begin in March.
  private static func days(year: Int64, month: Int64, day: Int64) -> Int64 {
    let year = month <= 2 ? year - 1 : year
    let month = (month + 9) % 12
    return 365 * year + year / 4 - year / 100 + year / 400 + (153 * month + 2) / 5 + day - 1
      - 719_468
  }

  private static func date(days: Int64) -> (year: Int64, month: Int64, day: Int64) {
    let days = days + 719_468
    let era = days / 146_097
    let dayOfEra = days % 146_097
    let yearOfEra =
      (dayOfEra - dayOfEra / 1_460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
    let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
    let month = (5 * dayOfYear + 2) / 153
    let day = dayOfYear - (153 * month + 2) / 5 + 1
    let isAfterNewYear = month >= 10
    return (
      era * 400 + yearOfEra + (isAfterNewYear ? 1 : 0), isAfterNewYear ? month - 9 : month + 3, day
    )
  }
}
