// Projects of Alibaba Cloud and AWS, used through the ledger's own API and read through CSMS.

import CanonicalJSON
import HTTPWire
import Ledger
import LedgerServices
import TestSupport
import Testing

@Suite struct OtherCloudsTests {
  private static let awsIDs = (1...3).map { "0a1b2c3d-0000-4000-8000-00000000000\($0)" }

  private static func ids(_ provider: Provider) -> [String] {
    provider == .aws ? awsIDs : ["v1", "v2", "v3"]
  }

  /// A project with the secret `app/db` and two versions, labelled by the rule.
  private static func project(_ provider: Provider) async throws -> TestAPI {
    let api = try await TestAPI(provider: provider)
    let made = await api.own("POST", "/secrets", #"{"name": "app/db"}"#)
    #expect(made.status == 201, "\(made.text)")
    for id in ids(provider).prefix(2) {
      let version = await api.own(
        "POST", "/secrets/app%2Fdb/versions", #"{"version_id": "\#(id)"}"#)
      #expect(version.status == 201, "\(version.text)")
    }
    return api
  }

  private static func holders(_ api: TestAPI) async -> [String: String] {
    let list = await api.own("GET", "/secrets/app%2Fdb/stages")
    return Dictionary(
      uniqueKeysWithValues: zip(list.column("stages", "stage"), list.column("stages", "version_id"))
    )
  }

  @Test func `moving AWSCURRENT takes AWSPREVIOUS along, and the ledger names the source`()
    async throws
  {
    let api = try await Self.project(.aws)
    let ids = Self.awsIDs
    #expect(await Self.holders(api) == ["AWSCURRENT": ids[1], "AWSPREVIOUS": ids[0]])
    let put = await api.own(
      "PUT", "/secrets/app%2Fdb/stages/AWSCURRENT", #"{"version_id": "\#(ids[0])"}"#)
    #expect(put.status == 201, "\(put.text)")
    #expect(put.column("events", "stage") == ["AWSCURRENT", "AWSPREVIOUS"])
    #expect(put["events", "0", "previous_version_id"] == .string(ids[1]))
    #expect(put["events", "1", "version_id"] == .string(ids[1]))
    #expect(put["events", "1", "caused_by"] == put["events", "0", "position"])
    #expect(await Self.holders(api) == ["AWSCURRENT": ids[0], "AWSPREVIOUS": ids[1]])
    let again = await api.own(
      "PUT", "/secrets/app%2Fdb/stages/AWSCURRENT", #"{"version_id": "\#(ids[0])"}"#)
    #expect(again.status == 200)
    #expect(await Self.holders(api) == ["AWSCURRENT": ids[0], "AWSPREVIOUS": ids[1]])
  }

  @Test(arguments: Provider.allCases)
  func `who names the version a label leaves must be right`(_ provider: Provider) async throws {
    let api = try await TestAPI(provider: provider)
    let ids = Self.ids(provider)
    _ = await api.own("POST", "/secrets", #"{"name": "s"}"#)
    for id in ids {
      _ = await api.own("POST", "/secrets/s/versions", #"{"version_id": "\#(id)"}"#)
    }
    let path = "/secrets/s/stages/blue"
    let field = "remove_from_version_id"
    func put(_ version: String, from source: String) async -> Reply {
      await api.own("PUT", path, #"{"version_id": "\#(version)", "\#(field)": "\#(source)"}"#)
    }
    expectProblem(await put(ids[1], from: ids[0]), 409, "source_mismatch", field: field)
    #expect(await api.own("PUT", path, #"{"version_id": "\#(ids[0])"}"#).status == 201)
    expectProblem(await put(ids[1], from: ids[2]), 409, "source_mismatch", field: field)
    let unknown = await put(ids[1], from: "nowhere")
    expectProblem(unknown, 404, "source_not_found", field: field)
    let moved = await put(ids[1], from: ids[0])
    #expect(moved.status == 201, "\(moved.text)")
    #expect(await put(ids[1], from: ids[1]).status == 200)
    let wrong = await api.own("DELETE", path, #"{"\#(field)": "\#(ids[0])"}"#)
    expectProblem(wrong, 409, "source_mismatch", field: field)
    let removed = await api.own("DELETE", path, #"{"\#(field)": "\#(ids[1])"}"#)
    #expect(removed.status == 201, "\(removed.text)")
    let fact = await api.own(
      "PUT", path,
      #"{"version_id": "\#(ids[0])", "\#(field)": "\#(ids[1])", "#
        + #""effective_at": "2026-01-01T00:00:00Z"}"#)
    expectProblem(fact, 400, "malformed", field: field)
    expectProblem(
      await api.own("PUT", path, #"{"version_id": "\#(ids[0])", "\#(field)": 7}"#), 400,
      "wrong_type", field: field)
  }

  @Test(arguments: [
    (Provider.alibaba, "ACSCurrent", 409), (.alibaba, "ACSPrevious", 409),
    (.aws, "AWSCURRENT", 409), (.aws, "AWSPREVIOUS", 201),
  ])
  func `a built-in label is taken away where the cloud does so`(
    _ provider: Provider, _ stage: String, _ status: Int
  ) async throws {
    let api = try await Self.project(provider)
    let reply = await api.own("DELETE", "/secrets/app%2Fdb/stages/\(stage)")
    #expect(reply.status == status, "\(reply.text)")
    if status == 409 { expectProblem(reply, 409, "stage_permanent") }
    let fact = await api.own(
      "DELETE", "/secrets/app%2Fdb/stages/\(stage)",
      #"{"effective_at": "\#(api.ledger.time.now.rfc3339)"}"#)
    #expect(fact.status == (status == 409 ? 201 : 200), "\(fact.text)")
  }

  @Test(arguments: [(Provider.alibaba, 8), (.aws, 20)])
  func `labels end at the limit of the cloud`(_ provider: Provider, _ limit: Int) async throws {
    let api = try await Self.project(provider)
    let body = #"{"version_id": "\#(Self.ids(provider)[0])"}"#
    for number in 3...limit {
      let reply = await api.own("PUT", "/secrets/app%2Fdb/stages/L\(number)", body)
      #expect(reply.status == 201, "\(reply.text)")
    }
    expectProblem(
      await api.own("PUT", "/secrets/app%2Fdb/stages/one-more", body), 409, "too_many_stages")
  }

  @Test func `an id the cloud could not have given is refused`() async throws {
    let api = try await Self.project(.aws)
    expectProblem(
      await api.own("POST", "/secrets/app%2Fdb/versions", #"{"version_id": "v1"}"#), 400,
      "name_not_allowed", field: "version_id")
    let alibaba = try await Self.project(.alibaba)
    let free = await alibaba.own(
      "POST", "/secrets/app%2Fdb/versions", #"{"version_id": "2026-11 blue", "stages": []}"#)
    #expect(free.status == 201, "\(free.text)")
    expectProblem(
      await alibaba.own("POST", "/secrets", #"{"name": "acs/ram/user/u1"}"#), 400,
      "name_not_allowed", field: "name")
  }

  @Test(arguments: [Provider.alibaba, .aws])
  func `the surface of CSMS reads projects of other clouds and changes none`(
    _ provider: Provider
  ) async throws {
    let api = try await Self.project(provider)
    let ids = Self.ids(provider)
    let current = provider.rules.current.text
    let list = await api.csms("GET", "")
    #expect(list.column("secrets", "name") == ["app/db"])
    #expect(await api.csms("GET", "/app%2Fdb")["secret", "state"] == .string("ENABLED"))
    let versions = await api.csms("GET", "/app%2Fdb/versions")
    #expect(versions.column("version_metadatas", "id") == Array(ids.prefix(2)))
    let version = await api.csms("GET", "/app%2Fdb/versions/\(ids[1])")
    #expect(version["version", "version_metadata", "id"] == .string(ids[1]))
    let stage = await api.csms("GET", "/app%2Fdb/stages/\(current)")
    #expect(stage["stage", "version_id"] == .string(ids[1]))
    let count = api.eventCount
    for (method, path, body) in [
      ("POST", "", #"{"name": "x"}"#), ("DELETE", "/app%2Fdb", nil),
      ("POST", "/app%2Fdb/versions", "{}"),
      ("PUT", "/app%2Fdb/stages/blue", #"{"version_id": "\#(ids[0])"}"#),
      ("POST", "/app%2Fdb/stages", #"{"name": "blue", "version_id": "\#(ids[0])"}"#),
      ("DELETE", "/app%2Fdb/stages/\(current)", nil),
      ("POST", "/app%2Fdb/scheduled-deleted-tasks/create", "{}"),
    ] as [(String, String, String?)] {
      let reply = await api.csms(method, path, body)
      expectError(reply, 400, "CSMS.0003")
      #expect(reply["error_msg"].stringValue?.contains("/ledger/v1") == true, "\(reply.text)")
    }
    #expect(api.eventCount == count)
  }
}
