// Query: the parameters of a request, each at most once.
//
// Made from the route's own list of parameters before the endpoint runs. Calls `HTTPRequest`'s form
// decoding. Invariant: an endpoint can only read parameters its route declares.

import HTTPWire
import Ledger
import LedgerServices

/// The parameters of a request.
struct Query: Sendable {
  /// What becomes of parameters the route does not declare.
  enum Strays: Hashable, Sendable {
    /// They are refused by name.
    case refused
    /// They are passed over, as the cloud does.
    case tolerated
  }

  private var values: [String: String] = [:]

  /// Reads the parameters `names` of the request.
  init(_ request: HTTPRequest, names: [String], strays: Strays) throws(Failure) {
    let items: [(name: String, value: String)]
    do { items = try request.queryItems() } catch { throw .refused(error) }
    try self.init(items, names: names, strays: strays)
  }

  /// Takes the parameters `names` out of a list.
  init(
    _ items: [(name: String, value: String)], names: [String], strays: Strays
  ) throws(Failure) {
    for (name, value) in items {
      guard !SecretValue.isName(name) else { throw .secretValue }
      guard names.contains(name) else {
        guard strays == .refused else { continue }
        throw .input(name.utf8.count <= 64 ? name : "a parameter", .unknown)
      }
      guard values.updateValue(value, forKey: name) == nil else {
        throw .input(name, .repeated)
      }
    }
  }

  /// Every parameter that is there, by name; no two lists of parameters give the same texts.
  var texts: [[UInt8]] {
    values.sorted { $0.key < $1.key }.flatMap { name, value in
      [Array(name.utf8), Array("\(value.utf8.count)".utf8), Array(value.utf8)]
    }
  }

  /// The text of a parameter; nil where it is absent.
  subscript(_ name: String) -> String? { values[name] }

  /// What an instant must look like.
  static let instantForm =
    "an RFC 3339 date-time with an offset, such as 2026-03-04T05:06:07Z"

  /// A moment; nil where it is absent.
  ///
  /// A blank where the offset's sign belongs is a `+` that form decoding has taken away.
  func instant(_ name: String) throws(Failure) -> Instant? {
    guard let text = values[name] else { return nil }
    let repaired = text.utf8.dropFirst(19).contains(0x20) ? Self.signed(text) : text
    guard let instant = Instant(rfc3339: repaired) else {
      throw .input(name, .malformed(Self.instantForm))
    }
    return instant
  }

  private static func signed(_ text: String) -> String {
    String(decoding: text.utf8.map { $0 == 0x20 ? 0x2B : $0 }, as: UTF8.self)
  }

  /// Both moments of a question about time.
  func moments() throws(Failure) -> MomentPair {
    MomentPair(effectiveAt: try instant("effective_at"), known: try knowledge("known_at"))
  }

  /// A moment, or `pos:` and a position; nil where it is absent.
  func knowledge(_ name: String) throws(Failure) -> Knowledge? {
    let prefix = "pos:"
    guard let text = values[name], text.hasPrefix(prefix) else {
      return try instant(name).map { .at($0) }
    }
    guard let position = Self.number(String(text.dropFirst(prefix.count))).flatMap({ Position($0) })
    else { throw .input(name, .malformed("\(Self.instantForm), or a position such as pos:41")) }
    return .through(position)
  }

  /// What `read` makes of a parameter that must be there.
  func required<T>(
    _ name: String, _ read: (String) throws(Failure) -> T?
  ) throws(Failure) -> T {
    guard let value = try read(name) else { throw .input(name, .missing) }
    return value
  }

  /// The longest span: longer than from the first moment there is to the last.
  private static let spanSecondsMax: Int64 = 1_000_000_000_000

  /// A span such as `24h`, in microseconds; nil where it is absent.
  func duration(_ name: String) throws(Failure) -> Int64? {
    guard let text = values[name] else { return nil }
    let seconds: [Character: Int64] = ["s": 1, "m": 60, "h": 3_600, "d": 86_400, "w": 604_800]
    guard let unit = text.last.flatMap({ seconds[$0] }),
      let count = Self.number(String(text.dropLast())), count <= Self.spanSecondsMax / unit
    else { throw .input(name, .malformed("a span such as 30s, 15m, 24h, 90d or 2w")) }
    return count * unit * 1_000_000
  }

  /// A whole number of digits alone; nil where it is absent or too large to be one of ours.
  func number(_ name: String) throws(Failure) -> Int64? {
    guard let text = values[name] else { return nil }
    guard let number = Self.number(text) else {
      throw .input(name, .malformed("a whole number from 0 to \(wholeNumberMax)"))
    }
    return number
  }

  /// Digits as a whole number up to 2⁵³ - 1.
  static func number(_ text: String) -> Int64? {
    guard !text.isEmpty, text.utf8.count <= 16 else { return nil }
    var number: Int64 = 0
    for digit in text.utf8 {
      guard digit >= 0x30, digit <= 0x39 else { return nil }
      number = number * 10 + Int64(digit - 0x30)
    }
    return number <= wholeNumberMax ? number : nil
  }

  /// How many items a page of the ledger's own API has: 1 to 1,000, 100 unless said.
  func limit() throws(Failure) -> Int {
    guard let text = values["limit"] else { return 100 }
    guard let number = Self.number(text), number >= 1, number <= 1_000 else {
      throw .input("limit", .malformed("a whole number from 1 to 1000"))
    }
    return Int(number)
  }
}
