// Single records: wrappings, names, times, calls that failed, and what is sent of them.

import CanonicalJSON
import Ledger
import Testing

@testable import Trails

@Suite struct TrailRecordTests {
  private func record(_ format: TrailFormat, _ bytes: [UInt8]) throws -> TrailRecord {
    let reading = format.read(bytes)
    guard case .record(let record) = reading else {
      Issue.record("\(reading)")
      throw TrailFixtureError.noRecord
    }
    return record
  }

  private func first(_ format: TrailFormat) throws -> String {
    try #require(try TrailFixture.records(format).first)
  }

  // MARK: Wrappings

  @Test func `an event of LookupEvents is the record in it`() throws {
    let plain = try first(.cloudtrail)
    let wrapped: JSONValue = ["EventId": "x", "CloudTrailEvent": .string(plain)]
    #expect(
      try record(.cloudtrail, wrapped.canonicalBytes())
        == record(.cloudtrail, Array(plain.utf8)))
  }

  @Test func `an event of EventBridge or Log Service is the record in it`() throws {
    for (format, name) in [(TrailFormat.cloudtrail, "detail"), (.actiontrail, "event")] {
      let plain = try first(format)
      let inner = try JSONValue(parsing: Array(plain.utf8))
      for member in [inner, .string(plain)] {
        let wrapped: JSONValue = .object([name: member, "account": "1"])
        #expect(
          try record(format, wrapped.canonicalBytes()) == record(format, Array(plain.utf8)))
      }
    }
  }

  @Test func `objects may be texts of objects`() throws {
    for (format, names) in [
      (TrailFormat.actiontrail, ["requestParameters", "responseElements"]),
      (.cts, ["request", "response", "user"]),
    ] {
      for text in try TrailFixture.records(format) {
        let value = try JSONValue(parsing: Array(text.utf8))
        var other: [String: JSONValue] = [:]
        for name in names {
          guard let member = value[name] else { continue }
          if let text = member.stringValue {
            other[name] = try JSONValue(parsing: Array(text.utf8))
          } else {
            other[name] = .string(member.description)
          }
        }
        #expect(
          format.read(try TrailFixture.changed(text, other)) == format.read(Array(text.utf8)))
      }
    }
  }

  // MARK: Names

  @Test(arguments: [
    ("arn:aws:secretsmanager:eu-west-1:123456789012:secret:app/db-AbC12d", "app/db"),
    ("arn:aws-cn:secretsmanager:cn-north-1:1:secret:a-b-c-AbC12d", "a-b-c"),
    ("arn:aws:secretsmanager:eu-west-1:123456789012:secret:app/db", "app/db"),
    ("arn:aws:secretsmanager:eu-west-1:123456789012:secret:-AbC12d", "-AbC12d"),
    ("arn:aws:secretsmanager:eu-west-1:123456789012:secret:app:db-AbC12d", "app:db"),
    ("arn:aws:kms:eu-west-1:123456789012:key/x", "arn:aws:kms:eu-west-1:123456789012:key/x"),
  ])
  func `an ARN ends in the name and six characters`(_ arn: String, _ name: String) {
    #expect(CloudTrailEvent.name(ofARN: arn) == name)
  }

  @Test func `the answer's name is taken before the request's`() throws {
    let text = try TrailFixture.records(.cloudtrail)[4]
    let bytes = try TrailFixture.changed(
      text,
      [
        "requestParameters": [
          "secretId": "arn:aws:secretsmanager:eu-west-1:123456789012:secret:my-secret",
          "versionStage": "canary", "moveToVersionId": "00000002-1111-4222-8333-444444444442",
        ], "responseElements": ["aRN": "x", "name": "my-secret"],
      ])
    #expect(try record(.cloudtrail, bytes).secret.text == "my-secret")
  }

  // MARK: Times

  @Test(arguments: [
    (JSONValue.integer(1_480_561_648_123), "2016-12-01T03:07:28.123000Z"),
    ("1480561648123", "2016-12-01T03:07:28.123000Z"),
    ("2016/12/01 11:07:28 GMT+08:00", "2016-12-01T03:07:28.000000Z"),
    ("Dec 8, 2016 11:24:04 GMT+08:00", "2016-12-08T03:24:04.000000Z"),
    ("2016/12/01 03:07:28 GMT", "2016-12-01T03:07:28.000000Z"),
  ])
  func `a trace has milliseconds or a date with an offset`(_ value: JSONValue, _ text: String) {
    #expect(CTSTime.read(value)?.rfc3339 == text)
  }

  @Test(
    arguments: [
      1_480_561_648, "2016/12/01 11:07:28", "2016/13/01 11:07:28 GMT+08:00", "GMT", "",
      "Foo 8, 2016 11:24:04 GMT+08:00", nil, 1.5, "99999999999999999999",
    ] as [JSONValue])
  func `what may be another unit or zone is no time`(_ value: JSONValue) {
    #expect(CTSTime.read(value) == nil)
  }

  // MARK: What is known

  @Test func `a value with the call makes a version, its token alone does not`() throws {
    let text = try TrailFixture.records(.cloudtrail)[0]
    let request: [String: JSONValue] = [
      "name": "app/db", "clientRequestToken": "00000001-1111-4222-8333-444444444441",
    ]
    let answer: JSONValue = [
      "arn": "arn:aws:secretsmanager:eu-west-1:123456789012:secret:app/db-AbC12d"
    ]
    let bare = try TrailFixture.changed(
      text, ["requestParameters": .object(request), "responseElements": answer])
    #expect(
      try record(.cloudtrail, bare).facts.map(\.type) == [.secretRegistered, .changeUnresolved])
    let withheld = request.merging(["secretString": "***"]) { first, _ in first }
    let full = try TrailFixture.changed(
      text, ["requestParameters": .object(withheld), "responseElements": answer])
    let read = try record(.cloudtrail, full)
    #expect(read.facts.map(\.type) == [.secretRegistered, .versionRegistered])
    let lines = String(
      decoding: read.lines(of: full, format: .cloudtrail, locator: "x"), as: UTF8.self)
    #expect(!lines.contains("***"))
  }

  @Test func `a change of settings alone is passed over`() throws {
    let text = try TrailFixture.records(.cloudtrail)[13]
    let bytes = try TrailFixture.changed(
      text, ["requestParameters": ["secretId": "app/db", "description": "x"]])
    #expect(TrailFormat.cloudtrail.read(bytes) == .passedOver)
  }

  @Test func `an operation nobody knows is not taken for harmless`() throws {
    for (format, name) in [
      (TrailFormat.cloudtrail, "eventName"), (.actiontrail, "eventName"), (.cts, "trace_name"),
    ] {
      let bytes = try TrailFixture.changed(first(format), [name: "MoveSecretLabels"])
      #expect(
        format.read(bytes)
          == .skipped("an operation \"MoveSecretLabels\", which is not known"))
    }
    let read = try TrailFixture.changed(
      first(.cloudtrail), ["eventName": "ShowSecretLabels", "readOnly": true])
    #expect(TrailFormat.cloudtrail.read(read) == .passedOver)
  }

  @Test(
    arguments: [
      (["code": nil], EventType.stageAssigned), (["code": 200], .stageAssigned),
      (["code": nil, "trace_rating": nil], .changeUnresolved), (["code": "500"], .changeRejected),
      (["code": nil, "trace_rating": "incident"], .changeRejected),
    ] as [([String: JSONValue], EventType)])
  func `a trace says by status, else by rating, whether it was done`(
    _ members: [String: JSONValue], _ type: EventType
  ) throws {
    let text = try TrailFixture.records(.cts)[4]
    let bytes = try TrailFixture.changed(text, members)
    #expect(try record(.cts, bytes).facts.map(\.type) == [type])
  }

  @Test func `a name twice in one object could mean two things`() {
    let text = #"{"eventName":"GetSecretValue","eventName":"PutSecretValue"}"#
    #expect(
      TrailFormat.cloudtrail.read(Array(text.utf8))
        == .malformed("the name \"eventName\" stands twice in one object (byte 30)"))
  }

  // MARK: What is sent

  @Test func `a fact is a line with its evidence`() throws {
    let bytes = Array(try TrailFixture.records(.cts)[4].utf8)
    let lines = try record(.cts, bytes).lines(of: bytes, format: .cts, locator: "t.json:6#5")
    let value = try JSONValue(parsing: lines.dropLast())
    let expected: JSONValue = [
      "type": "stage.assigned", "secret": "app-db", "stage": "canary", "version_id": "v2",
      "effective_at": "2026-02-10T11:00:00.500000Z", "apply_rules": true,
      "event_id": value["event_id"] ?? nil,
      "principal": [
        "type": "cloud", "id": "user-1", "name": "rotator", "source_ip": "192.0.2.20",
      ], "source": "import:cts", "request_id": "40000000-0000-4000-8000-000000000005",
      "correlation_id": "30000000-0000-4000-8000-000000000005",
      "evidence": ["sha256": value["evidence"]?["sha256"] ?? nil, "locator": "t.json:6#5"],
      "data": ["operation": "createSecretStage"],
    ]
    #expect(value == expected)
    #expect(value["evidence"]?["sha256"]?.stringValue?.count == 64)
  }

  /// Computed apart: SHA-256 of `stageledger import\ncts\nabc\n0`, cut to 16 bytes, version 8.
  @Test func `an event id is made of the trail's own`() throws {
    #expect(TrailFormat.cts.eventID(of: "abc", index: 0) == "c910ff91-3668-810e-bbdd-a0e5ddeb44f6")
    #expect(
      TrailFormat.cts.eventID(of: "abc", index: 0)
        != TrailFormat.cloudtrail.eventID(of: "abc", index: 0))
    let bytes = Array(try first(.cloudtrail).utf8)
    let read = try record(.cloudtrail, bytes)
    let one = read.lines(of: bytes, format: .cloudtrail, locator: "a:1#1")
    let other = read.lines(of: bytes + [0x20], format: .cloudtrail, locator: "b:9#9")
    let ids = try [one, other].map { lines in
      try lines.split(separator: 0x0A).map {
        try JSONValue(parsing: Array($0))["event_id"]?.stringValue
      }
    }
    #expect(ids[0] == ids[1])
    #expect(Set(ids[0]).count == 2)
  }

  @Test func `without an id of the trail the bytes are the id`() throws {
    let text = try TrailFixture.records(.cts)[4]
    let bytes = try TrailFixture.changed(text, ["trace_id": nil])
    let read = try record(.cts, bytes)
    #expect(read.id == nil)
    let one = read.lines(of: bytes, format: .cts, locator: "a")
    #expect(one == read.lines(of: bytes, format: .cts, locator: "a"))
    #expect(one != read.lines(of: bytes + [0x20], format: .cts, locator: "a"))
  }
}
