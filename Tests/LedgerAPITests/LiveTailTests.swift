// The live tail: every event once and in order, and no longer than its reader may read.

import HTTPWire
import Ledger
import LedgerAPI
import LedgerServices
import Synchronization
import TestSupport
import Testing

@Suite struct LiveTailTests {
  private let project: ProjectID = named("p1")

  /// The text of an event as it is sent.
  private func text(_ event: Event) -> String {
    let data = String(decoding: event.canonicalBytes, as: UTF8.self)
    return "id: \(event.position.index)\nevent: \(event.type.rawValue)\ndata: \(data)\n\n"
  }

  private func texts(_ api: TestAPI) -> [String] {
    api.ledger.store.allEvents(of: project).map(text)
  }

  /// Opens a tail, runs `body` beside it, and ends it.
  private func following(
    _ api: TestAPI, _ query: String = "", _ extra: [(name: String, value: String)] = [],
    _ body: (TailReader) async throws -> Void
  ) async throws {
    let response = await open(api, query, extra)
    try #require(response.status == 200)
    guard case .stream(let stream) = response.body else {
      Issue.record("no stream")
      return
    }
    let reader = TailReader()
    async let reading: Void = reader.read(stream)
    do { try await body(reader) } catch { Issue.record(error) }
    api.ledger.services.tails.stop()
    await reading
    #expect(reader.hasEnded)
  }

  private func open(
    _ api: TestAPI, _ query: String = "", _ extra: [(name: String, value: String)] = [],
    method: String = "GET"
  ) async -> HTTPResponse {
    let fields = [("Accept", "text/event-stream"), ("X-Auth-Token", api.token)] + extra
    return await api.api.respond(
      to: HTTPRequest(
        method: method, target: "/ledger/v1/p1/events\(query)", fields: HTTPFields(fields)))
  }

  @Test func `what is there comes first and then what happens`() async throws {
    let api = try await TestAPI()
    // More than a page.
    await api.makeSecret(versions: 60)
    #expect(api.eventCount > LiveTailTests.pageSize)
    try await following(api) { reader in
      await reader.wait(for: texts(api).count)
      #expect(reader.text == "retry: 1000\n\n" + texts(api).joined())
      for version in ["v1", "v2"] {
        let moved = await api.own(
          "PUT", "/secrets/s/stages/canary", #"{"version_id": "\#(version)"}"#)
        #expect(moved.status == 201)
        await reader.wait(for: texts(api).count)
      }
      #expect(reader.text == "retry: 1000\n\n" + texts(api).joined())
    }
    #expect(api.ledger.services.tails.count == 0)
  }

  private static let pageSize = 100
  /// More than any log here holds.
  private var farSize: TreeSize { get throws { try #require(TreeSize(999)) } }

  @Test(arguments: [
    ("?after=2", [], 3), ("", [("Last-Event-ID", "4")], 5),
    ("?after=2", [("Last-Event-ID", "4")], 5),
  ])
  func `it begins after the last event the reader has`(
    _ query: String, _ fields: [(name: String, value: String)], _ first: Int
  ) async throws {
    let api = try await TestAPI()
    await api.makeSecret(versions: 4)
    try await following(api, query, fields) { reader in
      await reader.wait(for: api.eventCount - first)
      #expect(reader.text == "retry: 1000\n\n" + texts(api)[first...].joined())
    }
  }

  @Test func `its head is not to be kept`() async throws {
    let api = try await TestAPI()
    await api.makeSecret()
    for method in ["GET", "HEAD"] {
      let response = await open(api, method: method)
      #expect(response.status == 200)
      #expect(response.fields["Content-Type"] == "text/event-stream")
      #expect(response.fields["Cache-Control"] == "no-store")
      #expect(response.fields["Vary"] == "Accept")
      #expect(response.fields["X-Accel-Buffering"] == "no")
      #expect(response.fields["ETag"] == nil)
      #expect(response.fields["Ledger-Position"] == "\(api.eventCount - 1)")
    }
    #expect(api.ledger.services.tails.count == 0)
  }

  @Test func `fifteen silent seconds are a comment`() async throws {
    let api = try await TestAPI()
    await api.makeSecret()
    try await following(api) { reader in
      await reader.wait(for: api.eventCount)
      let sent = reader.text
      for tick in 1...30 {
        await reader.settle(api.ledger.services.tails)
        #expect(reader.text == sent + String(repeating: ":\n\n", count: tick / 15))
      }
    }
  }

  @Test func `a revoked credential ends it`() async throws {
    let api = try await TestAPI()
    await api.makeSecret()
    let count = api.eventCount
    try await following(api) { reader in
      await reader.wait(for: count)
      let isRevoked = try await api.ledger.store.revokeCredential(
        named: "tester", of: project, at: api.ledger.time.now)
      #expect(isRevoked)
      api.ledger.time.advance(seconds: 3)
      api.ledger.services.tails.pass()
      await reader.waitForEnd()
      try await api.ledger.append(.scheduleDeletion(days: nil), to: "s")
      #expect(reader.text == "retry: 1000\n\n" + texts(api)[..<count].joined())
    }
  }

  @Test func `a policy that allows no longer ends it`() async throws {
    var api = try await TestAPI()
    await api.makeSecret()
    let until = api.ledger.time.now.advanced(byMicroseconds: 10_000_000).rfc3339
    let policy = """
      {"Version": "5.0", "Statement": [{"Effect": "Allow", "Action": ["ledger:event:list"],
        "Resource": ["*"],
        "Condition": {"DateLessThan": {"g:CurrentTime": ["\(until)"]}}}]}
      """
    let token = try await api.ledger.makeToken("guest", policy: policy)
    api = TestAPI(over: api.ledger, token: token)
    try await following(api) { reader in
      await reader.wait(for: api.eventCount)
      api.ledger.time.advance(seconds: 5)
      await reader.settle(api.ledger.services.tails)
      #expect(!reader.hasEnded)
      api.ledger.time.advance(seconds: 5)
      api.ledger.services.tails.pass()
      await reader.waitForEnd()
    }
  }

  @Test func `a record that is away for a while is waited for`() async throws {
    let api = try await TestAPI()
    await api.makeSecret()
    try await following(api) { reader in
      await reader.wait(for: api.eventCount)
      for _ in 0..<3 { api.ledger.store.failNext(with: .unavailable(reason: "test")) }
      api.ledger.services.tails.grew(project, to: try farSize)
      for _ in 0..<3 { await reader.settle(api.ledger.services.tails) }
      try await api.ledger.append(.scheduleDeletion(days: nil), to: "s")
      api.ledger.services.tails.pass()
      await reader.wait(for: api.eventCount)
      #expect(reader.text == "retry: 1000\n\n" + texts(api).joined())
    }
  }

  @Test func `a record that stays away ends it`() async throws {
    let api = try await TestAPI()
    await api.makeSecret()
    try await following(api) { reader in
      await reader.wait(for: api.eventCount)
      for _ in 0..<1_000 { api.ledger.store.failNext(with: .deadlineExceeded) }
      api.ledger.services.tails.grew(project, to: try farSize)
      for _ in 0..<290 { await reader.settle(api.ledger.services.tails) }
      #expect(!reader.hasEnded)
      for _ in 0..<10 { api.ledger.services.tails.pass() }
      await reader.waitForEnd()
      #expect(reader.text.hasSuffix(":\n\n"))
    }
  }

  @Test func `one too many is told to come later`() async throws {
    let api = try await TestAPI()
    await api.makeSecret()
    let others = (0..<Tails.openMax).compactMap { _ in api.ledger.services.tails.open(project) }
    let refused = Reply(await open(api))
    expectProblem(refused, 503, "overloaded")
    #expect(refused.fields["Retry-After"] == "1")
    #expect(others.count == Tails.openMax)
  }

  @Test(arguments: [
    ("?limit=5", [], "limit"), ("?after=x", [], "after"),
    ("?after=x", [("Last-Event-ID", "1")], "after"),
    ("", [("Last-Event-ID", "x")], "Last-Event-ID"), ("", [("Last-Event-ID", "")], "Last-Event-ID"),
    ("", [("Last-Event-ID", "9007199254740991")], "Last-Event-ID"),
  ])
  func `a beginning that is none is refused by name`(
    _ query: String, _ fields: [(name: String, value: String)], _ field: String
  ) async throws {
    let api = try await TestAPI()
    await api.makeSecret()
    expectProblem(Reply(await open(api, query, fields)), 400, "malformed", field: field)
  }

  @Test func `a reader that is gone frees its place`() async throws {
    let api = try await TestAPI()
    await api.makeSecret()
    var response: HTTPResponse? = await open(api)
    guard case .stream(let stream)? = response?.body else {
      Issue.record("no stream")
      return
    }
    #expect(api.ledger.services.tails.count == 1)
    await #expect(throws: HTTPStreamError.disconnected) {
      try await stream.write(
        HTTPBodyWriter { _ async throws(HTTPStreamError) in throw .disconnected })
    }
    response = nil
    withExtendedLifetime(stream) {}
  }
}

/// Reads one stream and lets a test wait for what comes.
private final class TailReader: Sendable {
  private struct State {
    var bytes: [UInt8] = []
    var hasEnded = false
    var waiters: [CheckedContinuation<Void, Never>] = []
  }

  private let state = Mutex(State())

  var text: String { state.withLock { String(decoding: $0.bytes, as: UTF8.self) } }
  var hasEnded: Bool { state.withLock { $0.hasEnded } }

  func read(_ stream: HTTPBodyStream) async {
    do {
      try await stream.write(
        HTTPBodyWriter { bytes async throws(HTTPStreamError) in
          self.note { $0.bytes += bytes }
        })
    } catch { Issue.record(error) }
    note { $0.hasEnded = true }
  }

  private func note(_ change: (inout State) -> Void) {
    let waiters = state.withLock { state in
      change(&state)
      defer { state.waiters = [] }
      return state.waiters
    }
    for waiter in waiters { waiter.resume() }
  }

  private func wait(until isSo: @Sendable (State) -> Bool) async {
    while !state.withLock({ $0.hasEnded || isSo($0) }) {
      await withCheckedContinuation { continuation in
        let isThere = state.withLock { state in
          guard !state.hasEnded, !isSo(state) else { return true }
          state.waiters.append(continuation)
          return false
        }
        if isThere { continuation.resume() }
      }
    }
  }

  /// Waits until so many events have come.
  func wait(for count: Int) async {
    await wait { state in
      String(decoding: state.bytes, as: UTF8.self).split(separator: "\n")
        .count { $0.hasPrefix("id: ") } >= count
    }
  }

  func waitForEnd() async { await wait { $0.hasEnded } }

  /// Lets a tick pass and the tail deal with it.
  func settle(_ tails: Tails) async {
    tails.pass()
    while tails.waitingCount == 0, !hasEnded { await Task.yield() }
  }
}
