// AWSClientTests: what is AWS's alone: its tokens of pages, and its codes.

import CanonicalJSON
import Ledger
import LedgerServices
import TestLiterals
import TestSupport
import Testing

@testable import Clouds

@Suite(.serialized, .inTurn) struct AWSClientTests {
  private static func body(_ request: SeenRequest) -> JSONValue {
    (try? JSONValue(parsing: request.body, limits: .standard)) ?? .null
  }

  @Test func `what waits for deletion and what has no label is asked for too`() async throws {
    let fixture = try CloudFixture(.aws) { request in
      TestedCloud.aws.listsSecrets(request)
        ? .json(200, #"{"SecretList":[{"Name":"a","DeletedDate":1.7e9},{"Name":"b"}]}"#)
        : .json(200, #"{"Versions":[{"VersionId":"v1"}]}"#)
    }
    #expect(try await fixture.client.secrets().secrets.map(\.life) == [.pendingDeletion, .present])
    #expect(try await fixture.client.versions(of: "b") == [CloudVersion(id: "v1", stages: [])])
    let bodies = fixture.server.requests.map(Self.body)
    #expect(bodies[0]["IncludePlannedDeletion"] == .bool(true))
    #expect(bodies[1]["IncludeDeprecated"] == .bool(true))
    #expect(bodies[1]["SecretId"] == .string("b"))
  }

  @Test func `pages are followed by token, through an empty one too`() async throws {
    let fixture = try CloudFixture(.aws) { request in
      switch Self.body(request)["NextToken"]?.stringValue {
      case nil: .json(200, TestedCloud.aws.secrets(["a", "b"], next: "t1"))
      case "t1": .json(200, TestedCloud.aws.secrets([], next: "t2"))
      case "t2": .json(200, TestedCloud.aws.secrets(["b", "c"], next: ""))
      default: .json(500, "{}")
      }
    }
    #expect(try await fixture.names() == ["a", "b", "c"])
    #expect(fixture.server.requests.count == 3)
  }

  @Test(arguments: [#""t""#, "7", "{}", #"""# + String(repeating: "x", count: 4_097) + #"""#])
  func `a token that leads nowhere is an error, not a shorter list`(_ token: String) async throws {
    let fixture = try CloudFixture(.aws) { _ in
      .json(200, #"{"SecretList":[{"Name":"a"}],"NextToken":\#(token)}"#)
    }
    let error = await #expect(throws: CloudError.self) { try await fixture.client.secrets() }
    guard case .unintelligible? = error else { throw CancellationError() }
    #expect(fixture.server.requests.count <= 2)
  }

  @Test(arguments: [
    (400, "ResourceNotFoundException", CloudError.notFound),
    (404, "com.amazonaws.secretsmanager#ResourceNotFoundException", .notFound),
    (404, "", .unintelligible("status 404")),
    (400, "AccessDeniedException", .forbidden("status 400, AccessDeniedException")),
    (400, "UnrecognizedClientException", .forbidden("status 400, UnrecognizedClientException")),
    (400, "InvalidRequestException", .forbidden("status 400, InvalidRequestException")),
    (
      400, "InvalidParameterException",
      .unintelligible("status 400, InvalidParameterException")
    ), (403, "", .forbidden("status 403")), (204, "", .unintelligible("status 204")),
  ])
  func `a refusal is told apart from an absence and not repeated`(
    _ status: Int, _ code: String, _ expected: CloudError
  ) async throws {
    let body = status == 204 ? "" : #"{"__type":"\#(code)","Message":"secret/key+EXAMPLE"}"#
    let (error, requestCount) = try await CloudFixture.failure(
      of: .json(status, body), from: .aws)
    #expect(error == expected)
    #expect(requestCount == 1)
  }
}
