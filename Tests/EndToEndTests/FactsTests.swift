// A share of random histories over real HTTP, from one process to another.
//
// `FactHistoriesTests` holds ten thousand of them against a model; here the events come back out of
// the log, and what the service answers must be what the plain fold over them says.

import CanonicalJSON
import Foundation
import Ledger
import TestSupport
import Testing

extension EndToEndTests {
  @Suite struct FactsTests {
    @Test func `facts sent over the wire are answered as the plain fold answers them`()
      async throws
    {
      let database = try TestDatabase.create(label: "facts")
      defer { database.drop() }
      let options = ["--database-url", database.url]
      #expect(try await Program.run(["migrate"] + options).status == 0)
      let token = try await RunningService.makeProject(options)
      let service = try await RunningService(options)
      let seed = UInt64.random(in: .min ... .max)
      var random = SeededGenerator(seed: seed)
      let facts = (0..<600).map { _ -> JSONValue in
        let at = Int64.random(in: 0...9, using: &random)
        let version: JSONValue = random.oneIn(4) ? .null : .string(random.pick(["v1", "v2"]))
        return [
          "type": version.isNull ? "stage.removed" : "stage.assigned", "secret": "s",
          "stage": .string("l\(Int64.random(in: 0..<100, using: &random))"),
          "version_id": version, "effective_at": .string(second(at).rfc3339),
          "effective_after": random.oneIn(3) ? .string(second(at - 2).rfc3339) : .null,
        ]
      }
      let reply = try await service.send("POST", ledger: "/facts", .array(facts), token: token)
      #expect(reply.status == 201, "\(reply.json)")
      let log = try await service.text(
        "/events?limit=1000", accept: "application/x-ndjson", token: token)
      let events = try log.split(separator: "\n").map {
        try Event(canonicalBytes: Array($0.utf8))
      }
      #expect(reply.json["appended"]?.integerValue == Int64(events.count))
      for _ in 0..<60 {
        let stage: StageName = named("l\(Int64.random(in: 0..<100, using: &random))")
        let moment = second(Int64.random(in: -2...10, using: &random))
        let known = random.pick(events).position
        let answer = try await service.send(
          "GET",
          ledger: "/secrets/s/stages/\(stage)?effective_at=\(moment.rfc3339)"
            + "&known_at=pos:\(known.index)", token: token)
        let expected = StageTimeline(
          events: events.filter { $0.stage == stage }, knownSize: known.size
        ).answer(at: moment)
        #expect(
          answer.json["version_id"]?.stringValue == expected.versionID?.text, "seed \(seed)")
        let candidates = answer.json["candidates"]?.arrayValue?.map(\.stringValue)
        #expect(
          candidates == (expected.doubt?.candidates ?? []).map { $0?.text }, "seed \(seed)")
      }
      #expect(await service.stop() == 0)
      #expect(try await Program.run(["verify"] + options).status == 0)
    }
  }
}
