// ClockSkew: whether this machine's clock and a cloud's agree, by the `Date` of an answer.
//
// Called by `UpstreamClient` for every answer; pure. A clock that is wrong makes a cloud refuse
// signatures, and dates what the ledger records wrongly.

import RequestSigning

/// How far two clocks are apart.
enum ClockSkew {
  /// The difference that is not worth a word: an answer takes its time.
  static let secondsMax: Int64 = 5 * 60

  /// A sentence about clocks that are too far apart; nil when they are not, or the date is none.
  static func remark(date: String, now: Int64) -> String? {
    guard let date = moment(date) else { return nil }
    let difference = date.seconds - now
    guard abs(difference) > secondsMax else { return nil }
    let minutes = (abs(difference) + 30) / 60
    return
      "this machine's clock is \(minutes) minutes \(difference > 0 ? "behind" : "ahead of") "
      + "the cloud's"
  }

  /// Reads a date like `Sun, 06 Nov 1994 08:49:37 GMT`.
  ///
  /// Source: RFC 9110, section 5.6.7.
  private static func moment(_ text: String) -> SigningTime? {
    let words = text.split(separator: " ")
    guard words.count == 6, words[5] == "GMT", let month = months.firstIndex(of: String(words[2]))
    else { return nil }
    let number = month + 1 < 10 ? "0\(month + 1)" : "\(month + 1)"
    return SigningTime("\(words[3])-\(number)-\(words[1])T\(words[4])Z", .extended)
  }

  private static let months = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
  ]
}
