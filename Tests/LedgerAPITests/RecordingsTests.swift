// What the official Python client of the cloud puts on the wire, answered in the order of a story.
//
// `Fixtures` holds its requests byte by byte, with a token where the signature was.

import CanonicalJSON
import Foundation
import HTTPWire
import Ledger
import LedgerServices
import TestSupport
import Testing

@Suite struct RecordingsTests {
  private static let project = "0123456789abcdef0123456789abcdef"

  private func request(_ name: String, _ token: String) throws -> HTTPRequest {
    let folder = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "Fixtures")
    let recorded = try Data(contentsOf: folder.appending(path: "\(name).http"))
    let bytes = String(decoding: recorded, as: UTF8.self).replacing("{token}", with: token)
    return try HTTPRequest(recorded: Array(bytes.utf8))
  }

  @Test func `the official client's calls are answered as the cloud answers them`() async throws {
    let ledger = TestLedger()
    try await ledger.makeProject(Self.project)
    let token = try await ledger.makeToken(project: Self.project)
    let api = TestAPI(over: ledger, token: token)
    func reply(_ name: String) async throws -> Reply {
      ledger.time.advance(seconds: 1)
      return Reply(await api.api.respond(to: try request(name, token)))
    }

    let secret = try await reply("01-create_secret")
    #expect(secret["secret", "name"] == .string("secret-name-demo"))
    #expect(secret["secret", "description"] == .string("d"))
    let version = try await reply("02-create_secret_version")
    #expect(version["version_metadata", "id"] == .string("v2"))
    #expect(version["version_metadata", "version_stages"] == .array([.string("SYSCURRENT")]))
    let stage = try await reply("03-update_secret_stage")
    #expect(stage["stage", "name"] == .string("GREEN"))
    #expect(stage["stage", "version_id"] == .string("v2"))
    for name in [
      "04-show_secret_stage", "05-show_secret_stage_extra_query_at_ms",
      "06-show_secret_stage_extra_query_at_rfc3339",
      "07-show_secret_stage_extra_query_repeated_key", "08-show_secret_stage_extra_headers",
      "09-show_secret_stage_with_token_header",
      "10-show_secret_stage_token_and_empty_authorization",
    ] {
      let shown = try await reply(name)
      #expect(shown.status == 200, "\(name): \(shown.text)")
      #expect(shown.body == stage.body)
    }
    let listed = try await reply("12-list_secrets")
    #expect(listed.column("secrets", "name") == ["secret-name-demo"])
    #expect(try await reply("13-list_secrets_no_params").body == listed.body)
    let versions = try await reply("14-list_secret_versions")
    #expect(versions.column("version_metadatas", "id") == ["v2"])
    #expect(versions["page_info", "next_marker"].isNull)
    let shownVersion = try await reply("15-show_secret_version")
    #expect(shownVersion["version", "version_metadata", "id"] == .string("v2"))
    #expect(try await reply("16-show_secret").status == 200)
    expectError(try await reply("17-update_secret_stage_missing_version_id"), 400, "CSMS.0002")
    expectError(try await reply("18-update_secret_stage_no_body"), 400, "CSMS.0004")
    expectError(try await reply("19-update_secret_stage_odd_names"), 400, "CSMS.0002")
    let deleted = try await reply("11-delete_secret_stage")
    #expect(deleted.status == 204)
    expectError(try await reply("04-show_secret_stage"), 400, "CSMS.0005")
    #expect(ledger.store.allEvents(of: named(Self.project)).count == 7)
  }
}
