// The log over HTTP: verbatim, paged, as one object or as lines.

import CanonicalJSON
import Ledger
import LedgerServices
import TestSupport
import Testing

@Suite struct LedgerEventsTests {
  @Test func `events are the stored bytes`() async throws {
    let api = try await TestAPI()
    await api.makeSecret(versions: 2)
    let events = api.ledger.store.allEvents(of: named("p1"))
    let page = await api.own("GET", "/events")
    #expect(page.status == 200)
    let expected = events.map { String(decoding: $0.canonicalBytes, as: UTF8.self) }
    #expect(page.text == #"{"events":[\#(expected.joined(separator: ","))],"next":null}"#)
    for (index, text) in expected.enumerated() {
      #expect(await api.own("GET", "/events/\(index)").text == text)
    }
    #expect(page.fields["Ledger-Position"] == "\(events.count - 1)")
  }

  @Test func `pages follow one another without gaps`() async throws {
    let api = try await TestAPI()
    await api.makeSecret(versions: 4)
    var positions: [Int64] = []
    var target: String? = "/ledger/v1/p1/events?limit=5"
    while let asked = target {
      let page = await api.send("GET", asked)
      positions += page["events"].arrayValue?.compactMap { $0["position"]?.integerValue } ?? []
      target = page.fields["Link"].map { String($0.dropFirst().prefix { $0 != ">" }) }
      #expect(page["next"].integerValue == (target == nil ? nil : positions.last))
    }
    #expect(positions == (0..<Int64(api.eventCount)).map { $0 })
    let after = await api.own("GET", "/events?after=10")
    #expect(after["events", "0", "position"] == .integer(11))
    let beyond = await api.own("GET", "/events?after=9007199254740990")
    #expect(beyond["events"] == .array([]))
    #expect(beyond["next"].isNull)
  }

  @Test func `an empty log has no position`() async throws {
    let api = try await TestAPI()
    let page = await api.own("GET", "/events")
    #expect(page.text == #"{"events":[],"next":null}"#)
    #expect(page.fields["Ledger-Position"] == nil)
    expectProblem(await api.own("GET", "/events/0"), 404, "event_not_found")
  }

  @Test func `lines are for those who ask for them`() async throws {
    let api = try await TestAPI()
    await api.makeSecret()
    let lines = await api.own(
      "GET", "/events?limit=2", nil, [("Accept", "application/x-ndjson")])
    #expect(lines.fields["Content-Type"] == "application/x-ndjson")
    #expect(lines.fields["Vary"] == "Accept")
    let split = lines.text.split(separator: "\n", omittingEmptySubsequences: false)
    #expect(split.count == 3 && split[2].isEmpty)
    #expect(lines.fields["Link"] == #"</ledger/v1/p1/events?after=1&limit=2>; rel="next""#)
    #expect(await api.own("GET", "/events/1").text == String(split[1]))
  }

  @Test func `CloudEvents carry the stored bytes in their envelope`() async throws {
    let api = try await TestAPI()
    await api.makeSecret()
    api.ledger.time.advance(seconds: 60)
    let fact = await api.own(
      "PUT", "/secrets/s/stages/canary",
      #"{"version_id": "v1", "effective_at": "2026-01-02T03:04:05Z"}"#)
    #expect(fact.status == 201, "\(fact.text)")
    let last = api.eventCount - 1
    let batch = await api.own(
      "GET", "/events?after=\(last - 2)&limit=1", nil,
      [("Accept", "application/cloudevents-batch+json")])
    #expect(batch.fields["Vary"] == "Accept")
    let link = #"</ledger/v1/p1/events?after=\#(last - 1)&limit=1>; rel="next""#
    #expect(batch.fields["Link"] == link)
    let newest = await api.own(
      "GET", "/events?after=\(last - 1)", nil, [("Accept", "application/cloudevents-batch+json")])
    let event = api.ledger.store.allEvents(of: named("p1"))[last]
    let digits = "000000000000000\(last)"
    let expected = """
      [{"specversion":"1.0","id":"\(event.id.text)","source":"urn:stageledger:project:p1",\
      "type":"stageledger.stage.assigned","subject":"s","time":"2026-01-02T03:04:05.000000Z",\
      "recordedtime":"\(event.recordedAt.rfc3339)","sequence":"\(digits)",\
      "datacontenttype":"application/json","data":\
      \(String(decoding: event.canonicalBytes, as: UTF8.self))}]
      """
    #expect(newest.text == expected)
    let beyond = await api.own(
      "GET", "/events?after=999", nil, [("Accept", "application/cloudevents-batch+json")])
    #expect(beyond.text == "[]")
  }

  @Test(arguments: [
    ("application/json", "application/json"), ("*/*", "application/json"),
    ("application/*", "application/json"), ("text/html, */*;q=0.1", "application/json"),
    ("application/x-ndjson, */*", "application/x-ndjson"),
    ("application/x-ndjson;q=0.5, application/json", "application/json"),
    ("application/json;q=0.5, application/x-ndjson", "application/x-ndjson"),
    ("APPLICATION/X-NDJSON", "application/x-ndjson"),
    ("application/json;q=0, */*", "application/x-ndjson"), ("", "application/json"),
    ("application/cloudevents-batch+json", "application/cloudevents-batch+json"),
    ("application/cloudevents-batch+json, */*", "application/cloudevents-batch+json"),
    ("application/cloudevents-batch+json, application/json", "application/json"),
    ("application/cloudevents+json", nil),
    ("text/event-stream", "text/event-stream"), ("text/*", nil), ("application/json;q=0", nil),
    ("text/event-stream, */*", "text/event-stream"), ("*/*;q=0.1, text/*", "application/json"),
    ("text/event-stream;q=0.5, */*", "application/json"),
  ])
  func `the type is what the client would rather have`(
    _ accept: String, _ type: String?
  ) async throws {
    let api = try await TestAPI()
    let reply = await api.own("GET", "/events", nil, [("Accept", accept)])
    if let type {
      #expect(reply.status == 200)
      #expect(reply.fields["Content-Type"] == type)
    } else {
      expectProblem(reply, 406, "not_acceptable")
    }
  }

  @Test(arguments: [
    ("?after=-1", "after"), ("?after=x", "after"), ("?after=9007199254740991", "after"),
    ("?after=9007199254740992", "after"), ("?after=", "after"), ("?limit=0", "limit"),
    ("/x", "position"), ("/-1", "position"), ("/9007199254740992", "position"),
  ])
  func `a position that is none is refused by name`(_ path: String, _ field: String) async throws {
    let api = try await TestAPI()
    await api.makeSecret()
    expectProblem(await api.own("GET", "/events\(path)"), 400, "malformed", field: field)
  }
}
