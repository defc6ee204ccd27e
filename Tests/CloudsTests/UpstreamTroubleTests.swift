// UpstreamTroubleTests: every cloud's client before a server that does not answer well.

import Foundation
import Ledger
import LedgerServices
import Synchronization
import TestLiterals
import TestSupport
import Testing

@testable import Clouds

@Suite(.serialized, .inTurn) struct UpstreamTroubleTests {
  @Test(arguments: TestedCloud.allCases, [500, 502, 503, 429])
  func `trouble that passes is waited out, longer each time`(
    _ cloud: TestedCloud, _ status: Int
  ) async throws {
    let count = Counter()
    let fixture = try CloudFixture(cloud) { _ in
      count.next() <= 3 ? .json(status, "{}") : .json(200, cloud.secrets(["a"]))
    }
    #expect(try await fixture.names() == ["a"])
    #expect(fixture.waits == [.milliseconds(250), .milliseconds(500), .milliseconds(1_000)])
  }

  @Test(arguments: TestedCloud.allCases)
  func `trouble that stays is told after three more tries`(_ cloud: TestedCloud) async throws {
    let (error, requestCount) = try await CloudFixture.failure(of: .json(500, "{}"), from: cloud)
    #expect(error == .unreachable("status 500"))
    #expect(requestCount == 4)
    let throttling = cloud.throttling
    let (other, otherCount) = try await CloudFixture.failure(
      of: .json(throttling.status, throttling.body), from: cloud)
    guard case .throttled(let words) = other else { throw other }
    #expect(words.hasPrefix("status \(throttling.status), "))
    #expect(otherCount == 4)
  }

  @Test(arguments: TestedCloud.allCases)
  func `the wait the cloud asks for is kept, within a bound`(_ cloud: TestedCloud) async throws {
    let count = Counter()
    let (status, body) = cloud.throttling
    let fixture = try CloudFixture(cloud) { _ in
      count.next() == 1
        ? .json(status, body, fields: ["Retry-After: 7"]) : .json(200, cloud.secrets(["a"]))
    }
    #expect(try await fixture.names() == ["a"])
    #expect(fixture.waits == [.seconds(7)])
    let (error, requestCount) = try await CloudFixture.failure(
      of: .json(status, body, fields: ["Retry-After: 3600"]), from: cloud)
    guard case .throttled = error else { throw error }
    #expect(requestCount == 1)
  }

  @Test(arguments: TestedCloud.allCases)
  func `a redirect is not followed`(_ cloud: TestedCloud) async throws {
    let other = try ScriptedServer { _ in .json(200, cloud.secrets([])) }
    defer { other.close() }
    for status in [302, 307] {
      let (error, requestCount) = try await CloudFixture.failure(
        of: .json(status, "{}", fields: ["Location: \(other.url)/v1/cn-project/secrets"]),
        from: cloud)
      #expect(error == .unintelligible("a redirect, which is not followed"))
      #expect(requestCount == 1)
    }
    #expect(other.requests.isEmpty)
  }

  @Test(arguments: TestedCloud.allCases)
  func `a challenge for a password is a refusal`(_ cloud: TestedCloud) async throws {
    let (error, requestCount) = try await CloudFixture.failure(
      of: .json(401, "{}", fields: ["WWW-Authenticate: Basic realm=\"x\""]), from: cloud)
    #expect(error == .forbidden("status 401"))
    #expect(requestCount == 1)
  }

  @Test(arguments: TestedCloud.allCases)
  func `an answer too large is cut off while it arrives`(_ cloud: TestedCloud) async throws {
    let fixture = try CloudFixture(cloud, settings: .adjusted { $0.bodyBytesMax = 1 << 20 }) { _ in
      .endless(0x20)
    }
    await #expect(throws: CloudError.unintelligible("more than 1048576 bytes")) {
      try await fixture.client.secrets()
    }
    #expect(fixture.server.requests.count == 1)
    // The server stops only because its reader has left.
    while fixture.server.readersLeft == 0 { try await Task.sleep(for: .milliseconds(1)) }
  }

  @Test(arguments: TestedCloud.allCases)
  func `an answer that says it is too large is not read`(_ cloud: TestedCloud) async throws {
    let head = "HTTP/1.1 200 OK\r\nContent-Length: 9999999999\r\n\r\n"
    let (error, _) = try await CloudFixture.failure(of: .stall(Array(head.utf8)), from: cloud)
    #expect(error == .unintelligible("more than \(UpstreamSettings().bodyBytesMax) bytes"))
  }

  @Test(
    arguments: [TestedCloud.huaweiByToken, .aws],
    ["", "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{"])
  func `an answer that never ends is given up in time`(
    _ cloud: TestedCloud, _ start: String
  ) async throws {
    let (error, requestCount) = try await CloudFixture.failure(
      of: .stall(Array(start.utf8)), from: cloud,
      settings: .adjusted {
        $0.requestTimeout = .milliseconds(500)
        $0.retriesMax = 1
      })
    #expect(error == .unreachable("no answer in time"))
    #expect(requestCount == 2)
  }

  @Test func `an answer that pauses too long is given up`() async throws {
    let began = ContinuousClock.now
    let (error, _) = try await CloudFixture.failure(
      of: .stall([]), from: .alibaba,
      settings: .adjusted {
        $0.idleTimeout = .seconds(1)
        $0.requestTimeout = .seconds(600)
        $0.operationTimeout = .seconds(600)
        $0.retriesMax = 0
      })
    #expect(error == .unreachable("no answer in time"))
    #expect(began.duration(to: .now) < .seconds(300))
  }

  @Test(
    arguments: TestedCloud.allCases,
    [
      "", "SSH-2.0-OpenSSH_9.2\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{",
      "HTTP/9.9 999 X\r\n\r\n",
    ])
  func `what is no HTTP answer is no answer`(_ cloud: TestedCloud, _ text: String) async throws {
    let (error, requestCount) = try await CloudFixture.failure(
      of: .bytes(Array(text.utf8)), from: cloud)
    guard case .unreachable = error else { throw error }
    #expect(requestCount == 4)
  }

  @Test(arguments: TestedCloud.allCases)
  func `a cloud that is not there is unreachable`(_ cloud: TestedCloud) async throws {
    let fixture = try CloudFixture(cloud) { _ in .json(200, "{}") }
    fixture.server.close()
    let error = await #expect(throws: CloudError.self) { try await fixture.client.secrets() }
    guard case .unreachable? = error else { throw CancellationError() }
    #expect(fixture.waits.count == 3)
  }

  @Test(arguments: TestedCloud.allCases)
  func `one question has one deadline for all its pages and tries`(
    _ cloud: TestedCloud
  ) async throws {
    let (error, requestCount) = try await CloudFixture.failure(
      of: .json(503, "{}"), from: cloud,
      settings: .adjusted {
        $0.operationTimeout = .seconds(60)
        $0.backoff = .seconds(61)
      })
    #expect(error == .unreachable("status 503"))
    #expect(requestCount == 1)
  }

  @Test(arguments: TestedCloud.allCases)
  func `a call that is called off ends at once`(_ cloud: TestedCloud) async throws {
    let fixture = try CloudFixture(cloud) { _ in .stall([]) }
    let call = Task { try await fixture.client.secrets() }
    while fixture.server.requests.isEmpty { await Task.yield() }
    call.cancel()
    await #expect(throws: CloudError.unreachable("called off")) { try await call.value }
  }

  @Test(arguments: TestedCloud.allCases)
  func `a closed client answers that it is closed`(_ cloud: TestedCloud) async throws {
    let fixture = try CloudFixture(cloud) { _ in .json(200, cloud.secrets([])) }
    fixture.client.close()
    fixture.client.close()
    await #expect(throws: CloudError.unreachable("called off")) {
      try await fixture.client.secrets()
    }
  }

  /// Each of the server's threads counts itself while it answers.
  @Test(arguments: TestedCloud.allCases)
  func `many calls at once each get their own answer, a few at a time`(
    _ cloud: TestedCloud
  ) async throws {
    let crowd = Crowd()
    let fixture = try CloudFixture(cloud, settings: .adjusted { $0.connectionsMax = 3 }) {
      request in
      crowd.within {
        let name =
          request.query["SecretName"] ?? request.path.split(separator: "/").dropFirst(3).first
          .map { String($0) } ?? Self.secretID(request)
        return .json(200, cloud.versions([(id: name, labels: "[]")]))
      }
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
    #expect(1...3 ~= crowd.largest)
  }

  private static func secretID(_ request: SeenRequest) -> String {
    let text = String(decoding: request.body, as: UTF8.self)
    return text.firstMatch(of: #/"SecretId":"(\w+)"/#).map { String($0.1) } ?? ""
  }

  // MARK: Clocks

  /// What the cloud's clock shows 20 minutes after and before the client's.
  static let later = "Date: Fri, 02 Jan 2026 03:24:05 GMT"
  static let earlier = "Date: Fri, 02 Jan 2026 02:44:05 GMT"

  @Test(arguments: TestedCloud.allCases)
  func `a clock that is 20 minutes off is noticed, also where all is well`(
    _ cloud: TestedCloud
  ) async throws {
    let behind = try CloudFixture(cloud) { _ in
      .json(200, cloud.secrets(["a"]), fields: [Self.later])
    }
    #expect(try await behind.names() == ["a"])
    #expect(
      behind.client.clockRemark == "this machine's clock is 20 minutes behind the cloud's")
    let ahead = try CloudFixture(cloud) { _ in
      .json(200, cloud.secrets(["a"]), fields: [Self.earlier])
    }
    #expect(try await ahead.names() == ["a"])
    #expect(
      ahead.client.clockRemark == "this machine's clock is 20 minutes ahead of the cloud's")
  }

  @Test(arguments: TestedCloud.allCases)
  func `a signature that is refused for the clock is told with the clock`(
    _ cloud: TestedCloud
  ) async throws {
    let (error, requestCount) = try await CloudFixture.failure(
      of: .json(cloud.expiry.status, cloud.expiry.body, fields: [Self.later]), from: cloud)
    guard case .forbidden(let words) = error else { throw error }
    #expect(words.hasSuffix(", this machine's clock is 20 minutes behind the cloud's"))
    #expect(requestCount == 1)
  }
}

/// How many are within at once.
private final class Crowd: Sendable {
  private let counts = Mutex((now: 0, largest: 0))
  var largest: Int { counts.withLock { $0.largest } }

  func within<Value>(_ body: () -> Value) -> Value {
    counts.withLock { counts in
      counts.now += 1
      counts.largest = max(counts.largest, counts.now)
    }
    // Others get the time to come in, if they may.
    usleep(2_000)
    defer { counts.withLock { $0.now -= 1 } }
    return body()
  }
}

extension SecretName {
  /// A name that is no literal.
  init(name: String) throws(IdentifierError) { try self.init(name) }
}
