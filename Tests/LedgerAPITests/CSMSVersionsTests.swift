// The version calls of the cloud's surface.

import CanonicalJSON
import Ledger
import LedgerServices
import TestSupport
import Testing

@Suite struct CSMSVersionsTests {
  @Test func `a version takes the current label and hands the previous one on`() async throws {
    let api = try await TestAPI()
    _ = await api.csms("POST", "", #"{"name": "s", "kms_key_id": "k-1"}"#)
    let made = await api.csms("POST", "/s/versions", #"{"expire_time": 1799999999999}"#)
    #expect(made.status == 200, "\(made.text)")
    let metadata = made["version_metadata"]
    #expect(metadata["id"] == .string("v2"))
    #expect(metadata["create_time"] == .integer(api.ledger.time.now.milliseconds))
    #expect(metadata["expire_time"] == .integer(1_799_999_999_999))
    #expect(metadata["kms_key_id"] == .string("k-1"))
    #expect(metadata["secret_name"] == .string("s"))
    #expect(metadata["version_stages"] == .array([.string("SYSCURRENT")]))
    let shown = await api.csms("GET", "/s/versions/v2")
    #expect(shown["version", "version_metadata"] == metadata)
    #expect(shown["version"].objectValue?.count == 1)
    #expect(await api.csms("GET", "/s/versions/latest").body == shown.body)
    let first = await api.csms("GET", "/s/versions/v1")
    #expect(
      first["version", "version_metadata", "version_stages"] == .array([.string("SYSPREVIOUS")]))
  }

  @Test func `labels that are named replace the rule`() async throws {
    let api = try await TestAPI()
    await api.makeSecret()
    let made = await api.csms("POST", "/s/versions", #"{"version_stages": ["B", "A"]}"#)
    #expect(made["version_metadata", "version_stages"] == .array([.string("A"), .string("B")]))
    let current = await api.csms("GET", "/s/stages/SYSCURRENT")
    #expect(current["stage", "version_id"] == .string("v1"))
  }

  @Test func `a version without a body is labelled by the rule`() async throws {
    let api = try await TestAPI()
    await api.makeSecret()
    let made = await api.csms("POST", "/s/versions")
    #expect(made["version_metadata", "version_stages"] == .array([.string("SYSCURRENT")]))
  }

  @Test func `versions are listed by marker in order of registration`() async throws {
    let api = try await TestAPI()
    await api.makeSecret(versions: 11)
    let all = await api.csms("GET", "/s/versions")
    #expect(all.column("version_metadatas", "id") == (1...11).map { "v\($0)" })
    let page = await api.csms("GET", "/s/versions?limit=10")
    #expect(page["page_info", "next_marker"] == .string("v10"))
    #expect(page["page_info", "previous_marker"] == .string("v1"))
    #expect(page["page_info", "current_count"] == .integer(10))
    let last = await api.csms("GET", "/s/versions?limit=10&marker=v10")
    #expect(last.column("version_metadatas", "id") == ["v11"])
    #expect(last["page_info", "next_marker"].isNull)
  }

  @Test(arguments: [
    (#"{"version_stages": []}"#, "CSMS.0002"), (#"{"version_stages": "A"}"#, "CSMS.0002"),
    (#"{"version_stages": [1]}"#, "CSMS.0002"), (#"{"version_stages": ["a.b"]}"#, "CSMS.0002"),
    (#"{"version_stages": [""]}"#, "CSMS.0002"), (#"{"expire_time": "x"}"#, "CSMS.0002"),
    (#"{"expire_time": -1}"#, "CSMS.0002"), (#"{"colour": "red"}"#, "CSMS.0002"),
    ("[]", "CSMS.0004"), ("{", "CSMS.0004"),
    (
      #"{"version_stages": ["A","B","C","D","E","F","G","H","I","J","K","L","M"]}"#, "CSMS.0204"
    ),
    (#"{"version_stages": ["A","B","C","D","E","F","G","H","I","J","K","L"]}"#, "CSMS.0203"),
  ])
  func `a version that cannot be is refused`(_ body: String, _ code: String) async throws {
    let api = try await TestAPI()
    await api.makeSecret()
    expectError(await api.csms("POST", "/s/versions", body), 400, code)
    #expect(api.eventCount == 3)
  }

  @Test func `an id that is none is refused and waiting secrets show no versions`() async throws {
    let api = try await TestAPI()
    await api.makeSecret()
    expectError(await api.csms("GET", "/s/versions/x1"), 400, "CSMS.0002")
    expectError(await api.csms("POST", "/none/versions", "{}"), 400, "CSMS.0106")
    _ = await api.csms("POST", "/s/scheduled-deleted-tasks/create")
    expectError(await api.csms("GET", "/s/versions/v1"), 400, "CSMS.0103")
    #expect(await api.csms("GET", "/s/versions").status == 200)
  }
}
