// What the surfaces say where the record cannot tell which version held a label.

import CanonicalJSON
import Testing

@Suite struct LedgerDoubtTests {
  /// A label on v1 since 01:00, moved to v2 between 02:00 and 03:00 as somebody saw.
  private func doubtful() async throws -> TestAPI {
    let api = try await TestAPI()
    await api.makeSecret(versions: 2)
    for body in [
      #"{"version_id":"v1","effective_at":"2026-01-01T01:00:00Z"}"#,
      #"{"version_id":"v2","effective_at":"2026-01-01T03:00:00Z","#
        + #""effective_after":"2026-01-01T02:00:00Z"}"#,
    ] {
      let made = await api.own("PUT", "/secrets/s/stages/blue", body)
      #expect(made.status == 201, "\(made.text)")
    }
    return api
  }

  private func at(_ time: String) -> String {
    "/secrets/s/stages/blue?effective_at=2026-01-01T\(time)Z"
  }

  @Test func `an open moment is told with its candidates and no version`() async throws {
    let api = try await doubtful()
    let log = api.eventCount
    let reply = await api.own("GET", at("02:30:00"))
    #expect(reply.status == 200)
    #expect(reply["version_id"].isNull)
    #expect(reply["reason"] == "uncertain")
    #expect(reply["certainty"] == "bounded")
    #expect(reply["candidates"] == ["v1", "v2"])
    #expect(
      reply["changed_between"] == [
        "earliest": "2026-01-01T01:00:00.000000Z", "latest": "2026-01-01T03:00:00.000000Z",
      ])
    let positions: [JSONValue] = [.integer(Int64(log) - 2), .integer(Int64(log) - 1)]
    #expect(reply["decided_by"] == .array(positions))
  }

  @Test func `outside of the bounds the answer is exact`() async throws {
    let api = try await doubtful()
    let before = await api.own("GET", at("02:00:00"))
    #expect(before["version_id"] == "v1")
    #expect(before["certainty"] == "exact")
    #expect(before["until"] == "2026-01-01T02:00:00.000001Z")
    #expect(before["changed_between"].isNull)
    let after = await api.own("GET", at("03:00:00"))
    #expect(after["version_id"] == "v2")
    #expect(after["certainty"] == "exact")
    #expect(after["since"] == "2026-01-01T03:00:00.000000Z")
    #expect(after["changed_between", "earliest"] == "2026-01-01T02:00:00.000001Z")
  }

  @Test func `lists tell of doubt and of open times`() async throws {
    let api = try await doubtful()
    let list = await api.own("GET", "/secrets/s/stages?effective_at=2026-01-01T02:30:00Z")
    #expect(list.column("stages", "certainty") == ["bounded"])
    #expect(list["stages", "0", "candidates"] == ["v1", "v2"])
    #expect(list["stages", "0", "since"].isNull)
    let history = await api.own("GET", "/secrets/s/stages/blue/history")
    #expect(history.column("intervals", "version_id") == ["v1", "v2"])
    #expect(history["intervals", "1", "since_after"] == "2026-01-01T02:00:00.000000Z")
  }

  @Test func `the cloud's surface refuses to guess`() async throws {
    let api = try await doubtful()
    let query = "?effective_at=2026-01-01T02:30:00Z"
    expectError(await api.csms("GET", "/s/stages/blue\(query)"), 409, "LEDGER.0410")
    #expect(await api.csms("GET", "/s/stages/blue").status == 200)
  }

  @Test func `bounds must be bounds`() async throws {
    let api = try await doubtful()
    let alone = await api.own(
      "PUT", "/secrets/s/stages/blue",
      #"{"version_id":"v1","effective_after":"2026-01-01T01:00:00Z"}"#)
    expectProblem(alone, 400, "malformed", field: "effective_after")
    let reversed = await api.own(
      "PUT", "/secrets/s/stages/blue",
      #"{"version_id":"v1","effective_at":"2026-01-01T01:00:00Z","#
        + #""effective_after":"2026-01-01T01:00:00Z"}"#)
    expectProblem(reversed, 400, "effective_after_too_late", field: "effective_after")
  }
}
