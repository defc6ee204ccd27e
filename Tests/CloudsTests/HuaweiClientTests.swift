// HuaweiClientTests: the client against a server that answers well, and against one that does not.

import CanonicalJSON
import Foundation
import Ledger
import LedgerServices
import Synchronization
import TestLiterals
import TestSupport
import Testing

@testable import Clouds

@Suite(.serialized, .inTurn) struct HuaweiClientTests {
  /// A client with a token file of its own, without waits between tries.
  final class Fixture: Sendable {
    let server: ScriptedServer
    let client: HuaweiClient
    let tokenPath: String
    let waits: Waits

    final class Waits: Sendable {
      let all = Mutex<[Duration]>([])
    }

    init(
      settings: UpstreamSettings = UpstreamSettings(),
      _ script: @escaping @Sendable (SeenRequest) -> Reply
    ) throws {
      server = try ScriptedServer(script)
      tokenPath = NSTemporaryDirectory() + "token-\(UUID().uuidString)"
      try Data("secret-token\n".utf8).write(to: URL(fileURLWithPath: tokenPath))
      let waits = Waits()
      self.waits = waits
      var settings = settings
      settings.requestsPerSecondMax = 10_000
      settings.sleep = { wait in waits.all.withLock { $0.append(wait) } }
      settings.jitter = { 1 }
      client = try HuaweiClient(
        Upstream(
          mode: .read, url: server.url, project: "cn-project", region: nil, tokenFile: tokenPath),
        settings: settings)
    }

    deinit {
      client.close()
      server.close()
      try? FileManager.default.removeItem(atPath: tokenPath)
    }
  }

  static func list(_ names: [String], next: String?) -> Reply {
    let secrets = names.map { #"{"name":"\#($0)","state":"ENABLED"}"# }.joined(separator: ",")
    let marker = next.map { "\"\($0)\"" } ?? "null"
    return .json(
      200, #"{"secrets":[\#(secrets)],"page_info":{"next_marker":\#(marker),"current_count":1}}"#)
  }

  private func names(_ fixture: Fixture) async throws -> [String] {
    try await fixture.client.secrets().secrets.map(\.name.text)
  }

  private func failure(
    of reply: Reply, settings: UpstreamSettings = UpstreamSettings()
  ) async throws -> (error: CloudError, requestCount: Int) {
    let fixture = try Fixture(settings: settings) { _ in reply }
    do {
      _ = try await fixture.client.versions(of: "db")
    } catch {
      return (error, fixture.server.requests.count)
    }
    throw CancellationError()
  }

  // MARK: What is asked

  @Test func `only the two calls that list are made, with the token and the project`() async throws
  {
    let fixture = try Fixture { request in
      request.path.hasSuffix("versions")
        ? .json(200, #"{"version_metadatas":[{"id":"v1","version_stages":["SYSCURRENT"]}]}"#)
        : Self.list(["db"], next: nil)
    }
    #expect(try await names(fixture) == ["db"])
    #expect(
      try await fixture.client.versions(of: "a b/c?d")
        == [CloudVersion(id: "v1", stages: ["SYSCURRENT"])])
    let requests = fixture.server.requests
    #expect(
      requests.map(\.path) == [
        "/v1/cn-project/secrets", "/v1/cn-project/secrets/a%20b%2Fc%3Fd/versions",
      ])
    #expect(requests.allSatisfy { $0.method == "GET" })
    #expect(requests.allSatisfy { $0.query == ["limit": "50"] })
    #expect(requests.allSatisfy { $0.fields["x-auth-token"] == "secret-token" })
    #expect(requests.allSatisfy { $0.fields["x-project-id"] == "cn-project" })
  }

  @Test(arguments: ["..", "."])
  func `a name made of dots is never part of a path`(_ name: String) async throws {
    let fixture = try Fixture { _ in .json(200, "{}") }
    await #expect(throws: CloudError.unintelligible("a name made of dots")) {
      try await fixture.client.versions(of: try SecretName(name: name))
    }
    #expect(fixture.server.requests.isEmpty)
  }

  @Test func `the token is read anew at each use`() async throws {
    let fixture = try Fixture { _ in Self.list([], next: nil) }
    _ = try await names(fixture)
    try Data("renewed\r\n".utf8).write(to: URL(fileURLWithPath: fixture.tokenPath))
    _ = try await names(fixture)
    #expect(
      fixture.server.requests.map { $0.fields["x-auth-token"] } == ["secret-token", "renewed"])
  }

  @Test(arguments: ["", "\n", "a\nX-Other: b", "a b", "ключ", "a\u{0}"])
  func `a file that holds no token is refused before anything is sent`(_ text: String) async throws
  {
    let fixture = try Fixture { _ in Self.list([], next: nil) }
    try Data(text.utf8).write(to: URL(fileURLWithPath: fixture.tokenPath))
    let error = await #expect(throws: CloudError.self) { try await fixture.client.secrets() }
    guard case .forbidden(let words)? = error else { throw CancellationError() }
    #expect(!words.contains(fixture.tokenPath))
    #expect(fixture.server.requests.isEmpty)
  }

  @Test func `a token file that is not there is refused`() async throws {
    let fixture = try Fixture { _ in Self.list([], next: nil) }
    try FileManager.default.removeItem(atPath: fixture.tokenPath)
    await #expect(throws: CloudError.forbidden("the token file cannot be read")) {
      try await fixture.client.secrets()
    }
  }

  @Test(arguments: [
    "", "db", "ftp://h", "http://", "http://u:p@h", "http://h/path", "http://h?q=1", "http://h#f",
    "https:h",
  ])
  func `an address that is not scheme, host and port is refused`(_ url: String) {
    #expect(throws: UpstreamConfigurationError.badURL) {
      try HuaweiClient(
        Upstream(mode: .read, url: url, project: "p", region: nil, tokenFile: "/dev/null"),
        settings: UpstreamSettings())
    }
  }

  // MARK: What is understood

  @Test func `states, missing labels and unknown members are understood`() async throws {
    let fixture = try Fixture { request in
      guard request.path.hasSuffix("versions") else {
        return .json(
          200,
          #"{"secrets":[{"name":"a","state":"ENABLED","event_subscriptions":[""]},"#
            + #"{"name":"b","state":"PENDING_DELETE"},{"name":"c"},{"state":"ENABLED"},"#
            + #"{"name":"d\u0000"},{"name":""},7]}"#)
      }
      return .json(
        200,
        #"{"version_metadatas":[{"id":"v1"},{"id":"v2","version_stages":null},"#
          + #"{"id":"v3","version_stages":["a.b","SYSCURRENT"],"kms_key_id":"k"}]}"#)
    }
    let listing = try await fixture.client.secrets()
    #expect(
      listing.secrets == [
        CloudSecret(name: "a", life: .present), CloudSecret(name: "b", life: .pendingDeletion),
        CloudSecret(name: "c", life: .present),
      ])
    #expect(listing.unreadable.count == 4)
    #expect(
      try await fixture.client.versions(of: "db") == [
        CloudVersion(id: "v1", stages: []), CloudVersion(id: "v2", stages: []),
        CloudVersion(id: "v3", stages: ["a.b", "SYSCURRENT"]),
      ])
  }

  @Test(arguments: [
    "", "garbage", "[]", "7", "null", "{}", #"{"version_metadatas":{}}"#,
    #"{"version_metadatas":[{}]}"#, #"{"version_metadatas":["v1"]}"#,
    #"{"version_metadatas":[{"id":""}]}"#, #"{"version_metadatas":[{"id":7}]}"#,
    #"{"version_metadatas":[{"id":"v1","version_stages":"A"}]}"#,
    #"{"version_metadatas":[{"id":"v1","version_stages":[7]}]}"#,
    #"{"version_metadatas":[{"id":"v1","version_stages":["\u0001"]}]}"#,
    #"{"version_metadatas":[{"id":"v1"}],"page_info":{"next_marker":7}}"#,
    #"{"version_metadatas":[{"id":"v1"}],"page_info":{"next_marker":"http://h/?limit=1"}}"#,
    String(repeating: "[", count: 100_000), #"{"version_metadatas":[],"version_metadatas":[]}"#,
  ])
  func `an answer that makes no sense is said to make none`(_ body: String) async throws {
    let (error, requestCount) = try await failure(of: .json(200, body))
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
    let (error, requestCount) = try await failure(of: .json(status, body))
    #expect(error == expected)
    #expect(requestCount == 1)
  }

  // MARK: When a label came

  private func changeTime(_ body: String, status: Int = 200) async throws -> Instant? {
    let fixture = try Fixture { _ in .json(status, body) }
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
    let fixture = try Fixture { request in
      switch request.query["marker"] {
      case nil: Self.list(["a", "b"], next: "b")
      case "b": Self.list(["c", "d"], next: "http://elsewhere.invalid/x?limit=2&marker=d%20e")
      case "d e": Self.list(["e"], next: "")
      default: .json(500, "{}")
      }
    }
    #expect(try await names(fixture) == ["a", "b", "c", "d", "e"])
    #expect(fixture.server.requests.count == 3)
  }

  @Test func `a marker on the last page ends at the empty page behind it`() async throws {
    let fixture = try Fixture { request in
      request.query["marker"] == nil ? Self.list(["a"], next: "a") : Self.list([], next: "a")
    }
    #expect(try await names(fixture) == ["a"])
    #expect(fixture.server.requests.count == 2)
  }

  @Test func `an inclusive marker repeats an item and skips none`() async throws {
    let all = ["a", "b", "c", "d", "e"]
    let fixture = try Fixture { request in
      let start = request.query["marker"].flatMap { all.firstIndex(of: $0) } ?? 0
      let page = Array(all[start..<min(start + 2, all.count)])
      return Self.list(page, next: page.last)
    }
    #expect(try await names(fixture) == all)
  }

  @Test func `a marker that repeats ends the list`() async throws {
    let fixture = try Fixture { request in
      request.query["marker"] == nil ? Self.list(["a"], next: "m") : Self.list(["b"], next: "m")
    }
    #expect(try await names(fixture) == ["a", "b"])
  }

  @Test func `a cloud that does not page at all is an error, not a shorter list`() async throws {
    let fixture = try Fixture(settings: .adjusted { $0.pageItemsMax = 2 }) { _ in
      Self.list(["a", "b"], next: "b")
    }
    await #expect(throws: CloudError.unintelligible("paging does not advance")) {
      try await fixture.client.secrets()
    }
    #expect(fixture.server.requests.count == 2)
  }

  @Test func `endless pages are given up`() async throws {
    let count = Mutex(0)
    let fixture = try Fixture(settings: .adjusted { $0.pagesMax = 10 }) { _ in
      let number = count.withLock { count in
        count += 1
        return count
      }
      return Self.list(["s\(number)"], next: "m\(number)")
    }
    await #expect(throws: CloudError.unintelligible("more than 10 pages")) {
      try await fixture.client.secrets()
    }
    #expect(fixture.server.requests.count == 10)
  }

  @Test func `an item on two pages counts once, as it was read last`() async throws {
    let fixture = try Fixture { request in
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

  // MARK: Trouble on the way

  @Test(arguments: [500, 502, 503, 429])
  func `trouble that passes is waited out, longer each time`(_ status: Int) async throws {
    let count = Mutex(0)
    let fixture = try Fixture { _ in
      let number = count.withLock { count in
        count += 1
        return count
      }
      return number <= 3 ? .json(status, "{}") : Self.list(["a"], next: nil)
    }
    #expect(try await names(fixture) == ["a"])
    #expect(
      fixture.waits.all.withLock { $0 } == [
        .milliseconds(250), .milliseconds(500), .milliseconds(1_000),
      ])
  }

  @Test(arguments: [(500, CloudError.unreachable("status 500")), (429, .throttled)])
  func `trouble that stays is told after three more tries`(
    _ status: Int, _ expected: CloudError
  ) async throws {
    let (error, requestCount) = try await failure(of: .json(status, "{}"))
    #expect(error == expected)
    #expect(requestCount == 4)
  }

  @Test func `the wait the cloud asks for is kept, within a bound`() async throws {
    let count = Mutex(0)
    let fixture = try Fixture { _ in
      let number = count.withLock { count in
        count += 1
        return count
      }
      return number == 1
        ? .json(429, "{}", fields: ["Retry-After: 7"]) : Self.list(["a"], next: nil)
    }
    #expect(try await names(fixture) == ["a"])
    #expect(fixture.waits.all.withLock { $0 } == [.seconds(7)])
    let (error, requestCount) = try await failure(
      of: .json(429, "{}", fields: ["Retry-After: 3600"]))
    #expect(error == .throttled)
    #expect(requestCount == 1)
  }

  @Test func `a redirect is not followed`() async throws {
    let other = try ScriptedServer { _ in Self.list([], next: nil) }
    let (error, requestCount) = try await failure(
      of: .json(302, "{}", fields: ["Location: \(other.url)/v1/cn-project/secrets"]))
    #expect(error == .unintelligible("a redirect, which is not followed"))
    #expect(requestCount == 1)
    #expect(other.requests.isEmpty)
  }

  @Test func `a challenge for a password is a refusal`() async throws {
    let (error, requestCount) = try await failure(
      of: .json(401, "{}", fields: ["WWW-Authenticate: Basic realm=\"x\""]))
    #expect(error == .forbidden("status 401"))
    #expect(requestCount == 1)
  }

  @Test func `an answer too large is cut off while it arrives`() async throws {
    let fixture = try Fixture { _ in .endless(0x20) }
    await #expect(throws: CloudError.unintelligible("more than 1048576 bytes")) {
      try await fixture.client.secrets()
    }
    #expect(fixture.server.requests.count == 1)
    // The server stops only because its reader has left.
    while fixture.server.readersLeft == 0 { try await Task.sleep(for: .milliseconds(1)) }
  }

  @Test func `an answer that says it is too large is not read`() async throws {
    let head = "HTTP/1.1 200 OK\r\nContent-Length: 9999999999\r\n\r\n"
    let (error, _) = try await failure(of: .stall(Array(head.utf8)))
    #expect(error == .unintelligible("more than 1048576 bytes"))
  }

  @Test(arguments: ["", "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{"])
  func `an answer that never ends is given up in time`(_ start: String) async throws {
    let (error, requestCount) = try await failure(
      of: .stall(Array(start.utf8)),
      settings: .adjusted {
        $0.requestTimeout = .milliseconds(500)
        $0.retriesMax = 1
      })
    #expect(error == .unreachable("no answer in time"))
    #expect(requestCount == 2)
  }

  @Test func `an answer that pauses too long is given up`() async throws {
    let began = ContinuousClock.now
    let (error, _) = try await failure(
      of: .stall([]),
      settings: .adjusted {
        $0.idleTimeout = .seconds(1)
        $0.requestTimeout = .seconds(600)
        $0.operationTimeout = .seconds(600)
        $0.retriesMax = 0
      })
    #expect(error == .unreachable("no answer in time"))
    #expect(began.duration(to: .now) < .seconds(300))
  }

  @Test(arguments: [
    "", "SSH-2.0-OpenSSH_9.2\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{",
    "HTTP/9.9 999 X\r\n\r\n",
  ])
  func `what is no HTTP answer is no answer`(_ text: String) async throws {
    let (error, requestCount) = try await failure(of: .bytes(Array(text.utf8)))
    guard case .unreachable = error else { throw error }
    #expect(requestCount == 4)
  }

  @Test func `a cloud that is not there is unreachable`() async throws {
    let fixture = try Fixture { _ in .json(200, "{}") }
    fixture.server.close()
    let error = await #expect(throws: CloudError.self) { try await fixture.client.secrets() }
    guard case .unreachable? = error else { throw CancellationError() }
    #expect(fixture.waits.all.withLock { $0 }.count == 3)
  }

  @Test func `one question has one deadline for all its pages and tries`() async throws {
    let (error, requestCount) = try await failure(
      of: .json(503, "{}"),
      settings: .adjusted {
        $0.operationTimeout = .seconds(60)
        $0.backoff = .seconds(61)
      })
    #expect(error == .unreachable("status 503"))
    #expect(requestCount == 1)
  }

  @Test func `a call that is called off ends at once`() async throws {
    let fixture = try Fixture { _ in .stall([]) }
    let call = Task { try await fixture.client.secrets() }
    while fixture.server.requests.isEmpty { await Task.yield() }
    call.cancel()
    await #expect(throws: CloudError.unreachable("called off")) { try await call.value }
  }

  @Test func `a closed client answers that it is closed`() async throws {
    let fixture = try Fixture { _ in Self.list([], next: nil) }
    fixture.client.close()
    fixture.client.close()
    await #expect(throws: CloudError.unreachable("called off")) {
      try await fixture.client.secrets()
    }
  }

  @Test func `many calls at once each get their own answer`() async throws {
    let fixture = try Fixture { request in
      .json(200, #"{"version_metadatas":[{"id":"\#(request.path.split(separator: "/")[3])"}]}"#)
    }
    let answers = await withTaskGroup(of: (Int, [CloudVersion]?).self) { group in
      for number in 0..<40 {
        group.addTask {
          let name = try? SecretName(name: "s\(number)")
          return (number, try? await fixture.client.versions(of: name ?? "none"))
        }
      }
      return await group.reduce(into: [:]) { $0[$1.0] = $1.1 }
    }
    for number in 0..<40 { #expect(answers[number]?.first?.id.text == "s\(number)") }
  }
}

extension SecretName {
  /// A name that is no literal.
  fileprivate init(name: String) throws(IdentifierError) { try self.init(name) }
}

extension UpstreamSettings {
  /// The settings of production, but for what the test changes.
  fileprivate static func adjusted(_ adjust: (inout UpstreamSettings) -> Void) -> UpstreamSettings {
    var settings = UpstreamSettings()
    adjust(&settings)
    return settings
  }
}
