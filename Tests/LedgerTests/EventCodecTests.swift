// EventCodec: the stored bytes of events, held against the generic canonical writer.

import CanonicalJSON
import Ledger
import TestLiterals
import TestSupport
import Testing

@Suite struct EventCodecTests {
  private static let memberNames = [
    "caused_by", "correlation_id", "data", "effective_after", "effective_at", "event_id",
    "evidence", "idempotency_key", "position", "previous_version_id", "principal", "project",
    "reason", "recorded_at", "request_id", "schema", "secret", "source", "stage",
    "stream_version", "ticket", "type", "version_id",
  ]
  private static let required = [
    "data", "effective_at", "event_id", "position", "principal", "project", "recorded_at",
    "schema", "source", "type",
  ]

  private func error(_ bytes: [UInt8]) -> EventCodecError? {
    do throws(EventCodecError) {
      _ = try Event(canonicalBytes: bytes)
      return nil
    } catch { return error }
  }

  private func error(_ members: [String: JSONValue]) -> EventCodecError? {
    error(JSONValue.object(members).canonicalBytes())
  }

  private func members(of event: Event) throws -> [String: JSONValue] {
    try #require(JSONValue(parsing: event.canonicalBytes).objectValue)
  }

  /// An event with every field in use.
  private var full: Event {
    var event = Event.test(
      .stageAssigned, position: 7, stage: "canary", version: "v2", previous: "v1",
      at: second(1), data: ["a": 1])
    event.effectiveAfter = second(0)
    event.principal = Principal(kind: .cloud, id: "i", name: "n", sourceIP: "192.0.2.1")
    event.reason = "why"
    event.ticket = "T-1"
    event.requestID = "r"
    event.idempotencyKey = "k"
    event.correlationID = "c"
    event.causedBy = 3
    event.evidence = Evidence(sha256: String(repeating: "0", count: 64), locator: "file:x")
    return event
  }

  @Test func `the bytes are these`() {
    let text = String(decoding: full.canonicalBytes, as: UTF8.self)
    #expect(
      text == """
        {"caused_by":3,"correlation_id":"c","data":{"a":1},\
        "effective_after":"2026-01-01T00:00:00.000000Z",\
        "effective_at":"2026-01-01T00:00:01.000000Z",\
        "event_id":"00000000-0000-7000-8000-000000000000",\
        "evidence":{"locator":"file:x",\
        "sha256":"0000000000000000000000000000000000000000000000000000000000000000"},\
        "idempotency_key":"k","position":7,"previous_version_id":"v1",\
        "principal":{"id":"i","name":"n","source_ip":"192.0.2.1","type":"cloud"},\
        "project":"p1","reason":"why","recorded_at":"2026-01-01T00:00:01.000000Z",\
        "request_id":"r","schema":1,"secret":"s","source":"ledger-api","stage":"canary",\
        "stream_version":1,"ticket":"T-1","type":"stage.assigned","version_id":"v2"}
        """)
  }

  @Test(arguments: testSeeds)
  func `any event survives its bytes, and they are canonical`(_ seed: UInt64) throws {
    var random = SeededGenerator(seed: seed)
    for _ in 0..<150 {
      let event = random.anyEvent()
      let bytes = event.canonicalBytes
      #expect(try Event(canonicalBytes: bytes) == event)
      let generic = try JSONValue(parsing: bytes)
      #expect(generic.canonicalBytes() == bytes)
      #expect(generic.objectValue?.keys.sorted() == Self.memberNames)
    }
  }

  @Test func `every type, source and kind of principal survives`() throws {
    for type in EventType.allCases {
      let event = Event.test(type)
      #expect(try Event(canonicalBytes: event.canonicalBytes) == event)
    }
    for source in EventSource.allCases {
      var event = full
      event.source = source
      #expect(try Event(canonicalBytes: event.canonicalBytes) == event)
    }
    for kind in Principal.Kind.allCases {
      var event = full
      event.principal.kind = kind
      #expect(try Event(canonicalBytes: event.canonicalBytes) == event)
    }
  }

  @Test(arguments: memberNames)
  func `a missing member is refused by name`(_ name: String) throws {
    var members = try members(of: full)
    members[name] = nil
    #expect(error(members) == .badMember(name))
  }

  @Test(arguments: memberNames)
  func `a member of another type is refused by name`(_ name: String) throws {
    let original = try members(of: full)
    let values: [JSONValue] = [true, 1, 1.5, "", "x", [], [:], ["x": 1], -1]
    for value in values {
      var members = original
      guard let old = original[name], !isSameKind(old, value) else { continue }
      members[name] = value
      #expect(error(members) == .badMember(name), "\(value)")
    }
  }

  private func isSameKind(_ left: JSONValue, _ right: JSONValue) -> Bool {
    switch (left, right) {
    case (.string, .string), (.object, .object): true
    case (.integer, .integer(let number)): number >= 0
    default: false
    }
  }

  @Test(arguments: memberNames)
  func `null stands only where a member does not apply`(_ name: String) throws {
    var members = try members(of: full)
    members[name] = .null
    #expect(error(members) == (Self.required.contains(name) ? .badMember(name) : nil))
  }

  @Test(arguments: ["aaa", "event", "zzz", "Type", ""])
  func `a member too many is refused by name`(_ name: String) throws {
    var members = try members(of: full)
    members[name] = .null
    #expect(error(members) == .unknownMember(name))
  }

  @Test(arguments: ["id", "name", "source_ip", "type"])
  func `a principal has exactly its members`(_ name: String) throws {
    var members = try members(of: full)
    var principal = try #require(members["principal"]?.objectValue)
    principal[name] = nil
    members["principal"] = .object(principal)
    #expect(error(members) == .badMember(name))
    principal[name] = .integer(1)
    members["principal"] = .object(principal)
    #expect(error(members) == .badMember(name))
    principal = ["id": nil, "name": nil, "source_ip": nil, "type": "unknown", "more": 1]
    members["principal"] = .object(principal)
    #expect(error(members) == .unknownMember("more"))
  }

  @Test func `evidence has exactly its members`() throws {
    var members = try members(of: full)
    members["evidence"] = ["locator": "x"]
    #expect(error(members) == .badMember("sha256"))
    members["evidence"] = ["sha256": "x"]
    #expect(error(members) == .badMember("locator"))
    members["evidence"] = ["locator": nil, "sha256": "x"]
    #expect(error(members) == .badMember("evidence"))
    members["evidence"] = ["locator": "x", "sha256": "x", "more": 1]
    #expect(error(members) == .unknownMember("more"))
  }

  @Test(
    arguments: [
      ("schema", 2), ("schema", 0), ("schema", "1"), ("type", "stage.moved"),
      ("type", "Stage.assigned"), ("source", "api"), ("position", -1),
      ("position", .double(9_007_199_254_740_992)), ("position", 1.5), ("stream_version", -1),
      ("caused_by", -1), ("effective_at", "2026-01-01"), ("effective_at", "yesterday"),
      ("recorded_at", "2026-01-01T00:00:00"), ("effective_after", "2026-02-30T00:00:00Z"),
      ("project", ".."), ("project", ""), ("event_id", "a b"), ("secret", "a\u{0}"),
      ("stage", "a\n"), ("version_id", ""), ("previous_version_id", "\u{7F}"),
      ("idempotency_key", "é"),
    ] as [(String, JSONValue)])
  func `a value outside its range is refused by name`(_ name: String, _ value: JSONValue) throws {
    var members = try members(of: full)
    members[name] = value
    #expect(error(members) == .badMember(name))
  }

  @Test(arguments: [
    ("2026-01-01T00:00:01.000000Z", "2026-01-01T00:00:01Z"),
    ("2026-01-01T00:00:01.000000Z", "2026-01-01T01:00:01.000000+01:00"),
    ("2026-01-01T00:00:01.000000Z", "2026-01-01T00:00:01.0000009Z"),
    ("\"position\":7", "\"position\": 7"), ("\"r\"", "\"\\u0072\""), ("\"why\"", "\"wh\\u0079\""),
    ("{\"caused_by\":3,", "{ \"caused_by\":3,"),
    ("\"schema\":1,\"secret\":\"s\"", "\"secret\":\"s\",\"schema\":1"),
    ("\"data\":{\"a\":1}", "\"data\":{\"a\":1.0}"), ("\"data\":{\"a\":1}", "\"data\":{ }"),
    ("\"data\":{\"a\":1}", "\"data\":{\"b\":1,\"a\":1}"),
  ])
  func `another spelling of an event is refused`(_ old: String, _ new: String) throws {
    let text = String(decoding: full.canonicalBytes, as: UTF8.self)
    let parts = text.split(separator: old, maxSplits: 1, omittingEmptySubsequences: false)
    try #require(parts.count == 2)
    #expect(error(Array((parts[0] + new + parts[1]).utf8)) == .notCanonical)
  }

  @Test(arguments: ["7.0", "70e-1", "\"7\"", "07"])
  func `another spelling of a position is refused`(_ spelling: String) throws {
    let text = String(decoding: full.canonicalBytes, as: UTF8.self)
    let parts = text.split(separator: "\"position\":7")
    try #require(parts.count == 2)
    #expect(error(Array("\(parts[0])\"position\":\(spelling)\(parts[1])".utf8)) != nil)
  }

  @Test(arguments: ["", "null", "[]", "{", "1", "\"a\"", "{}x", "\u{FEFF}{}", "{\"a\":1,\"a\":1}"])
  func `what is no JSON object is refused`(_ text: String) {
    #expect(error(Array(text.utf8)) == .notJSON)
  }

  @Test func `bytes around an event are refused`() {
    let bytes = full.canonicalBytes
    #expect(error(bytes + [0x20]) == .notCanonical)
    #expect(error(bytes + [0x0A]) == .notCanonical)
    #expect(error([0x20] + bytes) == .notCanonical)
    #expect(error(bytes + [0x00]) == .notJSON)
    #expect(error(Array(bytes.dropLast())) == .notJSON)
    #expect(error([0xEF, 0xBB, 0xBF] + bytes) == .notJSON)
  }

  @Test(arguments: testSeeds)
  func `one byte changed is another event or none`(_ seed: UInt64) throws {
    var random = SeededGenerator(seed: seed)
    let event = full
    let bytes = event.canonicalBytes
    for index in bytes.indices {
      var changed = bytes
      changed[index] ^= UInt8.random(in: 1...255, using: &random)
      guard let read = try? Event(canonicalBytes: changed) else { continue }
      #expect(read != event, "byte \(index)")
      #expect(read.canonicalBytes == changed)
    }
  }

  @Test func `names with equal looks keep their bytes`() throws {
    var event = full
    event.secret = "cafe\u{301}"
    event.stage = "caf\u{E9}"
    let read = try Event(canonicalBytes: event.canonicalBytes)
    #expect(read.secret == "cafe\u{301}")
    #expect(read.stage == "caf\u{E9}")
    #expect(read.secret?.text.utf8.count == 6)
  }
}
