// AlibabaClientTests: what is Alibaba Cloud's alone: pages with numbers, and its codes.

import Ledger
import LedgerServices
import Synchronization
import TestLiterals
import TestSupport
import Testing

@testable import Clouds

@Suite(.serialized, .inTurn) struct AlibabaClientTests {
  private static func page(_ names: some Sequence<String>, of total: Int) -> Reply {
    let items = names.map { #"{"SecretName":"\#($0)"}"# }.joined(separator: ",")
    return .json(200, #"{"SecretList":{"Secret":[\#(items)]},"TotalCount":\#(total)}"#)
  }

  /// A cloud that pages two by two through a list that `change` may change before each answer.
  private static func paging(
    _ names: [String],
    change: @escaping @Sendable (_ request: Int, _ names: inout [String]) -> Void = { _, _ in }
  ) throws -> CloudFixture {
    let state = Mutex((names: names, requests: 0))
    return try CloudFixture(.alibaba, settings: .adjusted { $0.pageItemsMax = 2 }) { request in
      state.withLock { state in
        state.requests += 1
        change(state.requests, &state.names)
        let number = Int(request.query["PageNumber"] ?? "") ?? 1
        return page(state.names.dropFirst((number - 1) * 2).prefix(2), of: state.names.count)
      }
    }
  }

  @Test func `pages are asked for by number until all are there`() async throws {
    let fixture = try Self.paging(["a", "b", "c", "d", "e"])
    #expect(try await fixture.names() == ["a", "b", "c", "d", "e"])
    #expect(fixture.server.requests.map { $0.query["PageNumber"] } == ["1", "2", "3"])
    #expect(fixture.server.requests.allSatisfy { $0.query["PageSize"] == "2" })
  }

  @Test func `nothing at all is an empty list`() async throws {
    let fixture = try CloudFixture(.alibaba) { _ in .json(200, #"{"TotalCount":0}"#) }
    #expect(try await fixture.names() == [])
  }

  @Test func `a row that slips onto a page already read is found by reading again`() async throws {
    let fixture = try Self.paging(["a", "b", "c", "d", "e", "f"]) { request, names in
      if request == 2 { names.removeAll { $0 == "a" } }
    }
    #expect(try await Set(fixture.names()) == ["b", "c", "d", "e", "f"])
  }

  @Test func `versions pruned while they are read are read again`() async throws {
    let state = Mutex(0)
    let fixture = try CloudFixture(.alibaba, settings: .adjusted { $0.pageItemsMax = 1 }) {
      request in
      let count = state.withLock { count in
        count += 1
        return count
      }
      let all = count == 1 ? ["v1", "v2", "v3"] : ["v2", "v3"]
      let number = Int(request.query["PageNumber"] ?? "") ?? 1
      let items = all.dropFirst(number - 1).prefix(1).map { #"{"VersionId":"\#($0)"}"# }
      return .json(
        200,
        #"{"VersionIds":{"VersionId":[\#(items.joined())]},"TotalCount":\#(all.count)}"#)
    }
    #expect(
      try await fixture.client.versions(of: "db") == [
        CloudVersion(id: "v2", stages: []), CloudVersion(id: "v3", stages: []),
      ])
  }

  @Test func `a total that never fits is believed once two readings agree`() async throws {
    let fixture = try CloudFixture(.alibaba) { request in
      Self.page(request.query["PageNumber"] == "1" ? ["a", "b"] : [], of: 3)
    }
    #expect(try await fixture.names() == ["a", "b"])
    #expect(fixture.server.requests.count == 4)
  }

  @Test func `pages that never agree are given up`() async throws {
    let count = Counter()
    let fixture = try CloudFixture(.alibaba) { request in
      Self.page(request.query["PageNumber"] == "1" ? ["s\(count.next())"] : [], of: 2)
    }
    await #expect(throws: CloudError.unintelligible("the pages of ListSecrets do not agree")) {
      try await fixture.client.secrets()
    }
    #expect(fixture.server.requests.count == 10)
  }

  @Test(arguments: [
    #"{"SecretList":{"Secret":[]}}"#, #"{"SecretList":{"Secret":[]},"TotalCount":"1"}"#,
    #"{"SecretList":{"Secret":[]},"TotalCount":-1}"#, #"{"SecretList":[],"TotalCount":1}"#,
    #"{"SecretList":{},"TotalCount":1}"#,
  ])
  func `a page that does not say how much there is makes no sense`(_ body: String) async throws {
    let fixture = try CloudFixture(.alibaba) { _ in .json(200, body) }
    let error = await #expect(throws: CloudError.self) { try await fixture.client.secrets() }
    guard case .unintelligible? = error else { throw CancellationError() }
  }

  @Test func `a secret with a date for its deletion waits for it`() async throws {
    let fixture = try CloudFixture(.alibaba) { _ in
      .json(
        200,
        #"{"SecretList":{"Secret":[{"SecretName":"a","PlannedDeleteTime":"2026-03-01T00:00:00Z"},"#
          + #"{"SecretName":"b","PlannedDeleteTime":""},{"SecretName":"c"}]},"TotalCount":3}"#)
    }
    #expect(
      try await fixture.client.secrets().secrets.map(\.life) == [
        .pendingDeletion, .present, .present,
      ])
  }

  @Test(arguments: [
    (404, "Forbidden.ResourceNotFound", CloudError.notFound),
    (
      404, "InvalidAccessKeyId.NotFound",
      .forbidden("status 404, InvalidAccessKeyId.NotFound")
    ), (404, "InvalidAction.NotFound", .unintelligible("status 404, InvalidAction.NotFound")),
    (404, "", .unintelligible("status 404")),
    (400, "MissingParameter", .unintelligible("status 400, MissingParameter")),
    (400, "SignatureDoesNotMatch", .forbidden("status 400, SignatureDoesNotMatch")),
    (403, "Forbidden.NoPermission", .forbidden("status 403, Forbidden.NoPermission")),
    (
      409, "Rejected.ResourceInDeleteWindow",
      .forbidden("status 409, Rejected.ResourceInDeleteWindow")
    ),
  ])
  func `a refusal is told apart from an absence and not repeated`(
    _ status: Int, _ code: String, _ expected: CloudError
  ) async throws {
    let (error, requestCount) = try await CloudFixture.failure(
      of: .json(status, #"{"Code":"\#(code)","Message":"secret/key+EXAMPLE"}"#), from: .alibaba)
    #expect(error == expected)
    #expect(requestCount == 1)
  }

  @Test(arguments: ["SignatureNonceUsed", "Throttling.User"])
  func `a refusal that another try may mend is repeated`(_ code: String) async throws {
    let (_, requestCount) = try await CloudFixture.failure(
      of: .json(400, #"{"Code":"\#(code)"}"#), from: .alibaba)
    #expect(requestCount == 4)
  }
}
