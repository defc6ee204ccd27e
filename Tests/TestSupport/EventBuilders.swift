// EventBuilders: events for tests, one by one or at random.
//
// Called by the tests of the domain and by the contract of the ports. Random values come from a
// seeded generator and reach into the corners of what each field may hold.

import CanonicalJSON
import Ledger

/// The position with that index.
public func place(_ index: Int64) -> Position {
  guard let position = Position(index) else { preconditionFailure("no position: \(index)") }
  return position
}

extension Event {
  /// An event of secret `s` in project `p1`, by default recorded when it was true.
  public static func test(
    _ type: EventType, position: Int64 = 0, secret: SecretName? = named("s"),
    streamVersion: Int64 = 1, stage: StageName? = nil, version: VersionID? = nil,
    previous: VersionID? = nil, at effectiveAt: Instant = second(0), after: Instant? = nil,
    recordedAt: Instant? = nil, data: [String: JSONValue] = [:]
  ) -> Event {
    Event(
      id: named("00000000-0000-7000-8000-000000000000"), project: named("p1"),
      position: place(position), type: type, secret: secret,
      streamVersion: secret == nil ? nil : StreamVersion(streamVersion), stage: stage,
      versionID: version, previousVersionID: previous, effectiveAt: effectiveAt,
      effectiveAfter: after, recordedAt: recordedAt ?? effectiveAt, principal: .unknown,
      source: .ledgerAPI, reason: nil, ticket: nil, requestID: nil, idempotencyKey: nil,
      correlationID: nil, causedBy: nil, evidence: nil, data: data)
  }
}

extension SeededGenerator {
  /// True once in `count` times.
  public mutating func oneIn(_ count: Int) -> Bool { Int.random(in: 0..<count, using: &self) == 0 }

  /// Any one of the elements, of which there must be some.
  public mutating func pick<T>(_ elements: [T]) -> T {
    elements[Int.random(in: elements.indices, using: &self)]
  }

  /// Nil half of the time.
  public mutating func perhaps<T>(_ make: (inout SeededGenerator) -> T) -> T? {
    oneIn(2) ? nil : make(&self)
  }

  /// A text of 1 to `scalarsMax` scalars, some of them awkward, none a control.
  public mutating func text(scalarsMax: Int) -> String {
    let awkward: [Unicode.Scalar] = [
      "\"", "\\", "/", " ", "é", "\u{301}", "e", "\u{80}", "\u{2028}", "\u{FFFD}",
      "\u{FFFF}", "\u{10FFFF}", "日", "😀", "{", "<", "'",
    ]
    var text = String.UnicodeScalarView()
    let longest = oneIn(6) ? scalarsMax : min(scalarsMax, 16)
    for _ in 0..<Int.random(in: 1...longest, using: &self) {
      if oneIn(3) {
        text.append(pick(awkward))
      } else {
        text.append(Unicode.Scalar(UInt8.random(in: 0x21...0x7E, using: &self)))
      }
    }
    return String(text)
  }

  /// A text of 1 to `count` visible ASCII characters.
  public mutating func ascii(_ count: Int) -> String {
    let length = Int.random(in: 1...count, using: &self)
    return String(
      decoding: (0..<length).map { _ in UInt8.random(in: 0x21...0x7E, using: &self) },
      as: UTF8.self)
  }

  /// Any moment, the first and the last more often than others.
  public mutating func anyInstant() -> Instant {
    switch Int.random(in: 0..<10, using: &self) {
    case 0: return .earliest
    case 1: return .latest
    default:
      let range = Instant.earliest.microseconds...Instant.latest.microseconds
      return Instant(microseconds: Int64.random(in: range, using: &self)) ?? .earliest
    }
  }

  /// Any JSON value at most `depth` deep.
  public mutating func json(depth: Int = 3) -> JSONValue {
    switch Int.random(in: 0..<(depth > 0 ? 7 : 5), using: &self) {
    case 0: return .null
    case 1: return .bool(oneIn(2))
    case 2: return .integer(Int64.random(in: -wholeNumberMax...wholeNumberMax, using: &self))
    case 3: return .double(Double.random(in: -1e9...1e9, using: &self))
    case 4: return .string(text(scalarsMax: 12))
    case 5:
      return .array((0..<Int.random(in: 0...3, using: &self)).map { _ in json(depth: depth - 1) })
    default: return .object(members(depth: depth - 1))
    }
  }

  /// Some members of an object.
  public mutating func members(depth: Int = 2) -> [String: JSONValue] {
    var members: [String: JSONValue] = [:]
    for _ in 0..<Int.random(in: 0...3, using: &self) {
      members[text(scalarsMax: 8)] = json(depth: depth)
    }
    return members
  }

  private mutating func whole() -> Int64 {
    oneIn(8) ? wholeNumberMax : Int64.random(in: 0...wholeNumberMax, using: &self)
  }

  /// An event with every field drawn on its own; its fields need not make sense together.
  public mutating func anyEvent() -> Event {
    Event(
      id: named(ascii(128)), project: named(pick(["p1", "a.b", "x_-Z09"])),
      position: place(whole()), type: pick(EventType.allCases),
      secret: perhaps { named($0.text(scalarsMax: 128)) },
      streamVersion: perhaps { StreamVersion($0.whole()) ?? .zero },
      stage: perhaps { named($0.text(scalarsMax: 256)) },
      versionID: perhaps { named($0.text(scalarsMax: 64)) },
      previousVersionID: perhaps { named($0.text(scalarsMax: 64)) },
      effectiveAt: anyInstant(), effectiveAfter: perhaps { $0.anyInstant() },
      recordedAt: anyInstant(),
      principal: Principal(
        kind: pick(Principal.Kind.allCases), id: perhaps { $0.text(scalarsMax: 9) },
        name: perhaps { $0.text(scalarsMax: 9) }, sourceIP: perhaps { $0.ascii(15) }),
      source: pick(EventSource.allCases), reason: perhaps { $0.text(scalarsMax: 1_024) },
      ticket: perhaps { $0.text(scalarsMax: 20) }, requestID: perhaps { $0.ascii(36) },
      idempotencyKey: perhaps { named($0.ascii(255)) },
      correlationID: perhaps { $0.ascii(36) },
      causedBy: perhaps { place($0.whole()) },
      evidence: perhaps { Evidence(sha256: $0.ascii(64), locator: $0.text(scalarsMax: 30)) },
      data: members())
  }
}
