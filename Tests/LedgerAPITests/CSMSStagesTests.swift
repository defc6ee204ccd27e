// The label calls of the cloud's surface, with their errors and their questions about the past.

import CanonicalJSON
import Ledger
import LedgerServices
import TestSupport
import Testing

@Suite struct CSMSStagesTests {
  @Test func `a label is put on a version and read back`() async throws {
    let api = try await TestAPI()
    await api.makeSecret(versions: 2)
    let put = await api.csms("PUT", "/s/stages/GREEN", #"{"version_id": "v2"}"#)
    #expect(put.status == 200)
    #expect(put.fields["Content-Type"] == "application/json")
    #expect(put["stage", "name"] == .string("GREEN"))
    #expect(put["stage", "version_id"] == .string("v2"))
    #expect(put["stage", "secret_name"] == .string("s"))
    #expect(put["stage", "update_time"] == .integer(api.ledger.time.now.milliseconds))
    let get = await api.csms("GET", "/s/stages/GREEN")
    #expect(get.status == 200)
    #expect(get.body == put.body)
  }

  @Test func `putting a label elsewhere takes it off the version it was on`() async throws {
    let api = try await TestAPI()
    await api.makeSecret(versions: 2)
    _ = await api.csms("PUT", "/s/stages/GREEN", #"{"version_id": "v1"}"#)
    _ = await api.csms("PUT", "/s/stages/GREEN", #"{"version_id": "v2"}"#)
    let versions = await api.csms("GET", "/s/versions")
    #expect(
      versions["version_metadatas", "0", "version_stages"] == .array([.string("SYSPREVIOUS")]))
    #expect(
      versions["version_metadatas", "1", "version_stages"]
        == .array([.string("GREEN"), .string("SYSCURRENT")]))
  }

  @Test func `putting a label where it is keeps its time and appends nothing`() async throws {
    let api = try await TestAPI()
    await api.makeSecret()
    let first = await api.csms("PUT", "/s/stages/GREEN", #"{"version_id": "v1"}"#)
    let count = api.eventCount
    let again = await api.csms("PUT", "/s/stages/GREEN", #"{"version_id": "v1"}"#)
    #expect(again.status == 200)
    #expect(again.body == first.body)
    #expect(api.eventCount == count)
  }

  @Test func `a label is made by a call of its own`() async throws {
    let api = try await TestAPI()
    await api.makeSecret()
    let post = await api.csms("POST", "/s/stages", #"{"name": "BLUE", "version_id": "v1"}"#)
    #expect(post.status == 200)
    #expect(post["stage", "name"] == .string("BLUE"))
    expectError(
      await api.csms("POST", "/s/stages", #"{"name": "a.b", "version_id": "v1"}"#), 400,
      "CSMS.0002")
    expectError(
      await api.csms("POST", "/s/stages", #"{"version_id": "v1"}"#), 400, "CSMS.0002")
  }

  @Test func `a label that is deleted is gone and built in ones stay`() async throws {
    let api = try await TestAPI()
    await api.makeSecret()
    _ = await api.csms("PUT", "/s/stages/GREEN", #"{"version_id": "v1"}"#)
    let deleted = await api.csms("DELETE", "/s/stages/GREEN")
    #expect(deleted.status == 204)
    #expect(deleted.body.isEmpty)
    expectError(await api.csms("GET", "/s/stages/GREEN"), 400, "CSMS.0005")
    expectError(await api.csms("DELETE", "/s/stages/GREEN"), 400, "CSMS.0005")
    expectError(await api.csms("DELETE", "/s/stages/SYSCURRENT"), 400, "CSMS.0105")
    expectError(await api.csms("DELETE", "/s/stages/SYSPREVIOUS"), 400, "CSMS.0105")
  }

  @Test func `a deletion takes a body older clients send`() async throws {
    let api = try await TestAPI()
    await api.makeSecret()
    _ = await api.csms("PUT", "/s/stages/GREEN", #"{"version_id": "v1"}"#)
    #expect(await api.csms("DELETE", "/s/stages/GREEN", "{}").status == 204)
  }

  @Test func `twelve labels fit and a thirteenth does not but one of them still moves`()
    async throws
  {
    let api = try await TestAPI()
    await api.makeSecret(versions: 2)
    for number in 1...10 {
      let put = await api.csms("PUT", "/s/stages/L\(number)", #"{"version_id": "v1"}"#)
      #expect(put.status == 200)
    }
    expectError(
      await api.csms("PUT", "/s/stages/L11", #"{"version_id": "v1"}"#), 400, "CSMS.0203")
    #expect(await api.csms("PUT", "/s/stages/L1", #"{"version_id": "v2"}"#).status == 200)
  }

  @Test(arguments: [NotFoundStatus.badRequest, .notFound])
  func `what does not exist has the status the project chose`(
    _ status: NotFoundStatus
  ) async throws {
    let api = try await TestAPI(notFoundStatus: status)
    let number = status == .notFound ? 404 : 400
    expectError(await api.csms("GET", "/none/stages/GREEN"), number, "CSMS.0106")
    expectError(
      await api.csms("PUT", "/none/stages/GREEN", #"{"version_id": "v1"}"#), number, "CSMS.0106")
    expectError(await api.csms("DELETE", "/none/stages/GREEN"), number, "CSMS.0106")
    expectError(await api.csms("GET", "/none"), number, "CSMS.0106")
    expectError(await api.csms("GET", "/none/versions"), number, "CSMS.0106")
    await api.makeSecret()
    expectError(await api.csms("GET", "/s/stages/GREEN"), number, "CSMS.0005")
    expectError(
      await api.csms("PUT", "/s/stages/GREEN", #"{"version_id": "v9"}"#), number, "CSMS.0005")
    expectError(await api.csms("GET", "/s/versions/v9"), number, "CSMS.0005")
    expectError(
      await api.csms("GET", "/s/stages/GREEN?effective_at=2026-03-04T05:06:07Z"), 404,
      "CSMS.0005")
    expectError(
      await api.csms("GET", "/none/stages/GREEN?effective_at=2026-03-04T05:06:07Z"), 404,
      "CSMS.0106")
  }

  @Test(arguments: [
    ("", "CSMS.0004"), ("{", "CSMS.0004"), ("[]", "CSMS.0004"), ("\"v1\"", "CSMS.0004"),
    (#"{"version_id": "v1", "version_id": "v1"}"#, "CSMS.0004"), ("{}", "CSMS.0002"),
    (#"{"version_id": null}"#, "CSMS.0002"), (#"{"version_id": 1}"#, "CSMS.0002"),
    (#"{"version_id": ""}"#, "CSMS.0002"), (#"{"version_id": "x1"}"#, "CSMS.0002"),
    (#"{"version_id": "v\u4e2d2"}"#, "CSMS.0002"),
    (#"{"version_id": "v1", "colour": "red"}"#, "CSMS.0002"),
  ])
  func `a body that is not a version id is refused`(_ body: String, _ code: String) async throws {
    let api = try await TestAPI()
    await api.makeSecret()
    expectError(await api.csms("PUT", "/s/stages/GREEN", body), 400, code)
    #expect(api.eventCount == 3)
  }

  @Test(arguments: [
    "/na%20me/stages/GREEN", "/s/stages/a.b", "/s/stages/a%2Fb~c%25d%E4%B8%AD", "/a%2Fb/stages/G",
    "/s/stages/\(String(repeating: "a", count: 65))",
    "/\(String(repeating: "a", count: 65))/stages/G",
    "/s%2Fversions/stages/G",
  ])
  func `a name the cloud does not have is an invalid value`(_ path: String) async throws {
    let api = try await TestAPI()
    await api.makeSecret()
    expectError(await api.csms("GET", path), 400, "CSMS.0002")
    expectError(await api.csms("PUT", path, #"{"version_id": "v1"}"#), 400, "CSMS.0002")
    expectError(await api.csms("DELETE", path), 400, "CSMS.0002")
  }

  @Test func `a slash at the end is the same route`() async throws {
    let api = try await TestAPI()
    await api.makeSecret()
    #expect(await api.csms("PUT", "/s/stages/GREEN/", #"{"version_id": "v1"}"#).status == 200)
    #expect(await api.csms("GET", "/s/stages/GREEN/").status == 200)
  }

  @Test func `a secret that waits for its deletion shows no labels`() async throws {
    let api = try await TestAPI()
    await api.makeSecret()
    _ = await api.csms("POST", "/s/scheduled-deleted-tasks/create", "{}")
    expectError(await api.csms("GET", "/s/stages/SYSCURRENT"), 400, "CSMS.0103")
    expectError(
      await api.csms("PUT", "/s/stages/GREEN", #"{"version_id": "v1"}"#), 400, "CSMS.0103")
    expectError(await api.csms("DELETE", "/s/stages/GREEN"), 400, "CSMS.0103")
    let now = api.ledger.time.now.rfc3339
    #expect(await api.csms("GET", "/s/stages/SYSCURRENT?effective_at=\(now)").status == 200)
  }

  @Test func `a label answers as it was`() async throws {
    let api = try await TestAPI()
    await api.makeSecret(versions: 2)
    let first = await api.csms("PUT", "/s/stages/GREEN", #"{"version_id": "v1"}"#)
    let between = api.ledger.time.now.rfc3339
    _ = await api.csms("PUT", "/s/stages/GREEN", #"{"version_id": "v2"}"#)
    let then = await api.csms("GET", "/s/stages/GREEN?effective_at=\(between)")
    #expect(then.status == 200)
    #expect(then.body == first.body)
    let known = await api.csms("GET", "/s/stages/GREEN?known_at=\(between)")
    #expect(known.body == first.body)
    let both = await api.csms(
      "GET", "/s/stages/GREEN?effective_at=\(between)&known_at=\(between)")
    #expect(both.body == first.body)
    expectError(
      await api.csms("GET", "/s/stages/GREEN?effective_at=2026-03-01T00:00:00Z"), 404, "CSMS.0005")
  }

  @Test func `a moment may have an offset whose plus came as a blank`() async throws {
    let api = try await TestAPI()
    await api.makeSecret()
    for offset in ["%2B02:00", "+02:00"] {
      let reply = await api.csms(
        "GET", "/s/stages/SYSCURRENT?effective_at=2026-03-04T07:06:08.5\(offset)")
      #expect(reply.status == 200, "\(reply.text)")
    }
  }

  @Test(arguments: [
    ("effective_at=yesterday", "effective_at"), ("effective_at=", "effective_at"),
    ("known_at=2026-03-04", "known_at"), ("effective_at=2030-01-01T00:00:00Z", "effective_at"),
    ("known_at=2030-01-01T00:00:00Z", "known_at"),
    ("known_at=2026-02-30T00:00:00Z", "known_at"),
    ("known_at=2026-01-01T00:00:00Z&known_at=2026-01-01T00:00:00Z", "known_at"),
  ])
  func `a moment that is none or ahead is refused by name`(
    _ query: String, _ name: String
  ) async throws {
    let api = try await TestAPI()
    await api.makeSecret()
    let reply = await api.csms("GET", "/s/stages/SYSCURRENT?\(query)")
    expectError(reply, 400, "CSMS.0002")
    #expect(reply["error_msg"].stringValue?.contains(name) == true)
  }

  @Test func `parameters the cloud does not know are passed over`() async throws {
    let api = try await TestAPI()
    await api.makeSecret()
    let reply = await api.csms("GET", "/s/stages/SYSCURRENT?at=a~b&at=b%20c&z=1")
    #expect(reply.status == 200)
  }
}
