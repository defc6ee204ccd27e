// HuaweiClientTests: what is Huawei Cloud's alone: its markers, its codes, and when a label came.

import Ledger
import LedgerServices
import TestLiterals
import TestSupport
import Testing

@testable import Clouds

@Suite(.serialized, .inTurn) struct HuaweiClientTests {
  static func list(_ names: [String], next: String?) -> Reply {
    .json(200, TestedCloud.huaweiByToken.secrets(names, next: next))
  }

  // MARK: What is asked

  @Test func `a token and the project go with each request`() async throws {
    let fixture = try CloudFixture(.huaweiByToken) { _ in Self.list(["db"], next: nil) }
    #expect(try await fixture.names() == ["db"])
    let request = try #require(fixture.server.requests.first)
    #expect(request.query == ["limit": "50"])
    #expect(request.fields["x-auth-token"] == "secret-token")
    #expect(request.fields["x-project-id"] == "cn-project")
    #expect(request.fields["authorization"] == nil)
  }

  @Test(arguments: ["..", "."])
  func `a name made of dots is never part of a path`(_ name: String) async throws {
    let fixture = try CloudFixture(.huaweiByToken) { _ in .json(200, "{}") }
    await #expect(throws: CloudError.unintelligible("a name made of dots")) {
      try await fixture.client.versions(of: try SecretName(name: name))
    }
    #expect(fixture.server.requests.isEmpty)
  }

  // MARK: What is understood

  @Test func `states and unknown members are understood`() async throws {
    let fixture = try CloudFixture(.huaweiByToken) { _ in
      .json(
        200,
        #"{"secrets":[{"name":"a","state":"ENABLED","event_subscriptions":[""]},"#
          + #"{"name":"b","state":"PENDING_DELETE"},{"name":"c"},{"state":"ENABLED"},7]}"#)
    }
    let listing = try await fixture.client.secrets()
    #expect(
      listing.secrets == [
        CloudSecret(name: "a", life: .present), CloudSecret(name: "b", life: .pendingDeletion),
        CloudSecret(name: "c", life: .present),
      ])
    #expect(listing.unreadable.count == 2)
  }

  @Test(arguments: [
    #"{"version_metadatas":[{"id":""}]}"#, #"{"version_metadatas":[{"id":7}]}"#,
    #"{"version_metadatas":[{"id":"v1"}],"page_info":{"next_marker":7}}"#,
    #"{"version_metadatas":[{"id":"v1"}],"page_info":{"next_marker":"http://h/?limit=1"}}"#,
  ])
  func `an answer that makes no sense is said to make none`(_ body: String) async throws {
    let (error, requestCount) = try await CloudFixture.failure(
      of: .json(200, body), from: .huaweiByToken)
    guard case .unintelligible = error else { throw error }
    #expect(requestCount == 1)
  }

  @Test(arguments: [
    (404, "", CloudError.notFound),
    (404, #"{"error_code":"CSMS.0005","error_msg":"x"}"#, .notFound),
    (400, #"{"error_code":"CSMS.0005","error_msg":"x"}"#, .notFound),
    (400, #"{"error":{"error_code":"CSMS.0106","error_msg":"x"}}"#, .notFound),
    (404, #"{"error_code":"APIGW.0101"}"#, .unintelligible("status 404, APIGW.0101")),
    (400, #"{"error_code":"CSMS.0002"}"#, .unintelligible("status 400, CSMS.0002")),
    (400, #"{"error_code":"CSMS.0301"}"#, .forbidden("status 400, CSMS.0301")),
    (
      401, #"{"error_code":"APIGW.0301","error_msg":"token secret-token"}"#,
      .forbidden("status 401, APIGW.0301")
    ),
    (403, "no json", .forbidden("status 403")),
    (403, #"{"error_code":"a\nb"}"#, .forbidden("status 403")),
    (204, "", .unintelligible("status 204")), (304, "", .unintelligible("status 304")),
  ])
  func `a refusal is told apart from an absence and not repeated`(
    _ status: Int, _ body: String, _ expected: CloudError
  ) async throws {
    let (error, requestCount) = try await CloudFixture.failure(
      of: .json(status, body), from: .huaweiByToken)
    #expect(error == expected)
    #expect(requestCount == 1)
  }

  // MARK: When a label came

  private func changeTime(_ body: String, status: Int = 200) async throws -> Instant? {
    let fixture = try CloudFixture(.huaweiByToken) { _ in .json(status, body) }
    defer {
      #expect(fixture.server.requests.map(\.path) == ["/v1/cn-project/secrets/db/stages/a%2Fb"])
      #expect(fixture.server.requests.map(\.method) == ["GET"])
    }
    return try await fixture.client.changeTime(of: "a/b", on: "v2", of: "db")
  }

  @Test func `the time a label came is read in milliseconds`() async throws {
    let body =
      #"{"stage":{"name":"a","version_id":"v2","update_time":1581507580123,"secret_name":"db"}}"#
    #expect(try await changeTime(body) == Instant(rfc3339: "2020-02-12T11:39:40.123Z"))
  }

  @Test(arguments: [
    #"{"stage":{"version_id":"v1","update_time":1581507580000}}"#,
    #"{"stage":{"version_id":"v2"}}"#, #"{"stage":{"version_id":"v2","update_time":null}}"#,
  ])
  func `a label that sits elsewhere or tells no time has none`(_ body: String) async throws {
    #expect(try await changeTime(body) == nil)
  }

  @Test(arguments: [
    "{}", #"{"stage":{"update_time":1581507580000}}"#,
    #"{"stage":{"version_id":"v2","update_time":"1581507580000"}}"#,
    #"{"stage":{"version_id":"v2","update_time":-1}}"#,
    #"{"stage":{"version_id":"v2","update_time":0}}"#,
    #"{"stage":{"version_id":"v2","update_time":9223372036854775807}}"#,
    #"{"stage":{"version_id":"v2","update_time":999999999999999}}"#,
    #"{"stage":{"version_id":"v2","update_time":1.5}}"#,
  ])
  func `a label whose time is none is not understood`(_ body: String) async throws {
    let error = await #expect(throws: CloudError.self) { try await changeTime(body) }
    guard case .unintelligible? = error else { throw CancellationError() }
  }

  @Test func `a label the cloud does not have is not found`() async throws {
    await #expect(throws: CloudError.notFound) {
      try await changeTime(#"{"error_code":"CSMS.0005"}"#, status: 400)
    }
  }

  // MARK: Paging

  @Test func `pages are followed by marker, also out of an address`() async throws {
    let fixture = try CloudFixture(.huaweiByToken) { request in
      switch request.query["marker"] {
      case nil: Self.list(["a", "b"], next: "b")
      case "b": Self.list(["c", "d"], next: "http://elsewhere.invalid/x?limit=2&marker=d%20e")
      case "d e": Self.list(["e"], next: "")
      default: .json(500, "{}")
      }
    }
    #expect(try await fixture.names() == ["a", "b", "c", "d", "e"])
    #expect(fixture.server.requests.count == 3)
  }

  @Test func `a marker on the last page ends at the empty page behind it`() async throws {
    let fixture = try CloudFixture(.huaweiByToken) { request in
      request.query["marker"] == nil ? Self.list(["a"], next: "a") : Self.list([], next: "a")
    }
    #expect(try await fixture.names() == ["a"])
    #expect(fixture.server.requests.count == 2)
  }

  @Test func `an inclusive marker repeats an item and skips none`() async throws {
    let all = ["a", "b", "c", "d", "e"]
    let fixture = try CloudFixture(.huaweiByToken) { request in
      let start = request.query["marker"].flatMap { all.firstIndex(of: $0) } ?? 0
      let page = Array(all[start..<min(start + 2, all.count)])
      return Self.list(page, next: page.last)
    }
    #expect(try await fixture.names() == all)
  }

  @Test func `a marker that repeats ends the list`() async throws {
    let fixture = try CloudFixture(.huaweiByToken) { request in
      request.query["marker"] == nil ? Self.list(["a"], next: "m") : Self.list(["b"], next: "m")
    }
    #expect(try await fixture.names() == ["a", "b"])
  }

  @Test func `a cloud that does not page at all is an error, not a shorter list`() async throws {
    let fixture = try CloudFixture(
      .huaweiByToken, settings: .adjusted { $0.pageItemsMax = 2 }
    ) { _ in
      Self.list(["a", "b"], next: "b")
    }
    await #expect(throws: CloudError.unintelligible("paging does not advance")) {
      try await fixture.client.secrets()
    }
    #expect(fixture.server.requests.count == 2)
  }

  @Test func `an item on two pages counts once, as it was read last`() async throws {
    let fixture = try CloudFixture(.huaweiByToken) { request in
      let first =
        #"{"version_metadatas":[{"id":"v1","version_stages":["A"]}],"#
        + #""page_info":{"next_marker":"v1"}}"#
      let second =
        #"{"version_metadatas":[{"id":"v1","version_stages":[]},"#
        + #"{"id":"v2","version_stages":["A"]}]}"#
      return .json(200, request.query["marker"] == nil ? first : second)
    }
    #expect(
      try await fixture.client.versions(of: "db") == [
        CloudVersion(id: "v1", stages: []), CloudVersion(id: "v2", stages: ["A"]),
      ])
  }
}
