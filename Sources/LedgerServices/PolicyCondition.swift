// PolicyCondition: what a statement of a policy asks of a request beside its action and its secret.
//
// Part of `Policy`, in the clouds' own form: an operator, a key of the request, and values.
// Invariant: every operator and key that can be written is one this file understands; a policy with
// any other is refused when it is read, so none is stored that means less than it says.

import Ledger

/// One operator, one key and its values.
struct PolicyCondition: Hashable, Sendable {
  /// The operator as it was written.
  let name: String
  /// The key as it was written.
  let key: String
  /// The values as they were written.
  let values: [String]

  private let test: Test
  private let isNegated: Bool
  private let holdsWithoutKey: Bool

  /// What is asked of the value a request has for the key: to fit any of these.
  private enum Test: Hashable, Sendable {
    case stage(TextRule, [String])
    case source([AddressRange])
    case time(TimeRule, [Instant])
  }

  private enum TextRule: Hashable, Sendable {
    case same
    case sameInAnyCase
    case like
  }

  private enum TimeRule: Hashable, Sendable {
    case at
    case before
    case beforeOrAt
    case after
    case afterOrAt
  }

  private enum Rule: Hashable, Sendable {
    case text(TextRule)
    case address
    case time(TimeRule)
  }

  /// The operators; the two `Match` are Huawei Cloud's names for what the others call `Like`.
  private static let operators: [String: (rule: Rule, isNegated: Bool)] = [
    "StringEquals": (.text(.same), false),
    "StringNotEquals": (.text(.same), true),
    "StringEqualsIgnoreCase": (.text(.sameInAnyCase), false),
    "StringNotEqualsIgnoreCase": (.text(.sameInAnyCase), true),
    "StringLike": (.text(.like), false),
    "StringNotLike": (.text(.like), true),
    "StringMatch": (.text(.like), false),
    "StringNotMatch": (.text(.like), true),
    "IpAddress": (.address, false),
    "NotIpAddress": (.address, true),
    "DateEquals": (.time(.at), false),
    "DateNotEquals": (.time(.at), true),
    "DateLessThan": (.time(.before), false),
    "DateLessThanEquals": (.time(.beforeOrAt), false),
    "DateGreaterThan": (.time(.after), false),
    "DateGreaterThanEquals": (.time(.afterOrAt), false),
  ]

  private enum Subject {
    case stage
    case source
    case time
  }

  /// The keys, in lower case, since the clouds take them in any.
  private static let subjects: [String: Subject] = [
    "csms:versionstage": .stage, "kms:versionstage": .stage,
    "secretsmanager:versionstage": .stage, "ledger:versionstage": .stage,
    "g:sourceip": .source, "acs:sourceip": .source, "aws:sourceip": .source,
    "g:currenttime": .time, "acs:currenttime": .time, "aws:currenttime": .time,
  ]

  private static let keysKnown =
    "one of csms:, kms:, secretsmanager: or ledger:VersionStage, g:, acs: or aws:SourceIp, "
    + "g:, acs: or aws:CurrentTime"

  /// A condition; an error says what was expected of the member at `path`.
  init(_ name: String, _ key: String, _ values: [String], path: String) throws(PolicyError) {
    let suffix = "IfExists"
    let bare = name.hasSuffix(suffix) ? String(name.dropLast(suffix.count)) : name
    guard let (rule, isNegated) = Self.operators[bare] else {
      let names = Self.operators.keys.sorted().joined(separator: ", ")
      throw .badMember(path, expected: "one of \(names), each also with IfExists")
    }
    let path = "\(path).\(key)"
    guard let subject = Self.subjects[key.lowercased()] else {
      throw .badMember(path, expected: Self.keysKnown)
    }
    switch (rule, subject) {
    case (.text(let rule), .stage):
      test = .stage(rule, values)
    case (.address, .source):
      test = .source(
        try Self.parsed(values, path, "an address or a range such as 192.0.2.0/24") {
          AddressRange($0)
        })
    case (.time(let rule), .time):
      test = .time(
        rule,
        try Self.parsed(values, path, "an RFC 3339 date-time with an offset") {
          Instant(rfc3339: $0)
        })
    case (.text, _), (.address, _), (.time, _):
      throw .badMember(
        path,
        expected: "a key for \(name): String for VersionStage, IpAddress for SourceIp, Date for "
          + "CurrentTime")
    }
    self.name = name
    self.key = key
    self.values = values
    self.isNegated = isNegated
    holdsWithoutKey = isNegated || bare != name
  }

  private static func parsed<T>(
    _ values: [String], _ path: String, _ form: String, _ parse: (String) -> T?
  ) throws(PolicyError) -> [T] {
    var parsed: [T] = []
    for value in values {
      guard let value = parse(value) else { throw .badMember(path, expected: form) }
      parsed.append(value)
    }
    return parsed
  }

  /// Whether the request is as the condition asks.
  ///
  /// One of the values must fit, for a negated operator none. A request without the key fits no
  /// value: a negated operator holds then, and one that ends in `IfExists`, and no other. Source:
  /// AWS, "IAM JSON policy elements: Condition operators".
  func holds(for request: PolicyRequest) -> Bool {
    switch test {
    case .stage(let rule, let values):
      guard let stage = request.stage?.text else { return holdsWithoutKey }
      return values.contains { Self.fits(stage, rule, $0) } != isNegated
    case .source(let ranges):
      guard let source = request.sourceIP.flatMap({ InternetAddress($0) }) else {
        return holdsWithoutKey
      }
      return ranges.contains { $0.contains(source) } != isNegated
    case .time(let rule, let moments):
      return moments.contains { Self.fits(request.moment, rule, $0) } != isNegated
    }
  }

  private static func fits(_ text: String, _ rule: TextRule, _ value: String) -> Bool {
    switch rule {
    case .same: text.utf8.elementsEqual(value.utf8)
    case .sameInAnyCase: text.lowercased().utf8.elementsEqual(value.lowercased().utf8)
    case .like: Wildcard.matches(value, text)
    }
  }

  private static func fits(_ moment: Instant, _ rule: TimeRule, _ value: Instant) -> Bool {
    switch rule {
    case .at: moment == value
    case .before: moment < value
    case .beforeOrAt: moment <= value
    case .after: moment > value
    case .afterOrAt: moment >= value
    }
  }
}
