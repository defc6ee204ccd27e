// Readers that follow the log while it is written and whatever serves it is killed.
//
// Invariant: each of them ends with the log itself: every event, once, in order.

import CanonicalJSON
import Foundation
import FoundationNetworking
import PostgresCluster
import Synchronization
import TestSupport
import Testing

extension EndToEndTests {
  @Suite struct FollowerTests {
    @Test func `every follower ends with the log whatever is killed`() async throws {
      try await withTestCluster { cluster in
        let database = try TestDatabase(cluster: cluster)
        let options = ["--database-url", database.url]
        #expect(try await Program.run(["migrate"] + options).status == 0)
        let token = try await RunningService.makeProject(options)
        let fleet = try await Fleet(count: 2, options)
        for number in 0..<8 { try await fleet.service(0).makeSecret("s\(number)", token: token) }
        let seed = UInt64.random(in: .min ... .max)
        var random = SeededGenerator(seed: seed)
        let logs = FollowedLogs()
        let course = Course()
        await withTaskGroup(of: Void.self) { group in
          for number in 0..<8 {
            group.addTask {
              var turn = number
              while course.isWriting {
                turn += 1
                // What a kill makes of one write does not matter: what is in the log does.
                _ = try? await fleet.service(turn).send(
                  "PUT", ledger: "/secrets/s\(number)/stages/canary",
                  ["version_id": turn.isMultiple(of: 2) ? "v1" : "v2"], token: token)
              }
            }
          }
          for follower in Follower.allCases {
            group.addTask {
              await follower.run(over: fleet, token: token, logs) { course.end }
            }
          }
          do {
            // Each service dies at least once, so every tail is cut, and in between the database.
            let victims = [0, 1, Int(random.next() % 2)].shuffled(using: &random)
            for (round, victim) in [victims[0], victims[1], nil, victims[2]].enumerated() {
              let before = await logs.shortest
              let areUnderWay = await eventually { await logs.shortest >= before + 40 }
              let complaints = await fleet.complaints
              #expect(areUnderWay, "round \(round) of seed \(seed): \(complaints)")
              if let victim {
                try await fleet.restart(victim)
              } else {
                try killBackend(of: cluster)
              }
            }
            let before = await logs.shortest
            #expect(await eventually { await logs.shortest >= before + 40 })
          } catch { Issue.record(error) }
          course.stopWriting()
          do {
            // A write under way may still come: the log is whole when two reads of it agree.
            var count = -1
            while true {
              let events = try await fleet.service(0).events(token: token)
              if events.count == count { break }
              count = events.count
              try await Task.sleep(for: .milliseconds(200))
            }
            let log = try await wholeLog(of: fleet.service(0), token: token)
            #expect(log.count == count)
            course.stopFollowing(at: count)
            for follower in Follower.allCases {
              #expect(await eventually { await logs.events(of: follower).count >= count })
              let followed = await logs.events(of: follower)
              #expect(followed == log, "\(follower) with seed \(seed)")
            }
            // Nothing more comes: a tail would sit there until its next comment.
            await logs.stream?.stop()
          } catch {
            Issue.record(error)
            course.stopFollowing(at: 0)
          }
        }
        #expect(await logs.connections > 1)
        for number in 0..<2 { #expect(await fleet.service(number).stop() == 0) }
      }
    }

    @Test func `a tail ends when its service does and not before`() async throws {
      let database = try TestDatabase.create(label: "tail")
      defer { database.drop() }
      let options = ["--database-url", database.url]
      #expect(try await Program.run(["migrate"] + options).status == 0)
      let token = try await RunningService.makeProject(options)
      let service = try await RunningService(options)
      try await service.makeSecret("s", token: token)
      let stream = EventStream(url: service.url, token: token, after: nil)
      var received = ""
      for await piece in stream.pieces {
        received += piece
        if received.contains("id: 5\n") { break }
      }
      async let status = service.stop()
      for await piece in stream.pieces { received += piece }
      #expect(await status == 0)
      #expect(stream.error == nil)
      #expect(received.hasPrefix("retry: 1000\n\nid: 0\nevent: secret.registered\ndata: {"))
      #expect(received.hasSuffix("}\n\n"))
    }

    /// Kills one of the server's connections, which makes the server start anew.
    private func killBackend(of cluster: PostgresCluster) throws {
      let server = try #require(cluster.processID)
      let backend = try #require(
        family(of: server).dropFirst().first { number in
          let words = FileManager.default.contents(atPath: "/proc/\(number)/cmdline") ?? Data()
          return String(decoding: words, as: UTF8.self).contains("test_")
        })
      kill(backend, SIGKILL)
    }

    /// The log as it is when nobody writes, an event each.
    private func wholeLog(of service: RunningService, token: String) async throws -> [String] {
      var log: [String] = []
      while true {
        let text = try await service.text(
          "/events?limit=1000\(log.isEmpty ? "" : "&after=\(log.count - 1)")",
          accept: "application/x-ndjson", token: token)
        let lines = text.split(separator: "\n").map(String.init)
        if lines.isEmpty { return log }
        log += lines
      }
    }
  }
}

/// Services over one database, of which each may be killed and started again.
private actor Fleet {
  private var services: [RunningService] = []
  private let options: [String]

  init(count: Int, _ options: [String]) async throws {
    self.options = options
    for _ in 0..<count { services.append(try await RunningService(options)) }
  }

  func service(_ number: Int) -> RunningService { services[number % services.count] }

  func restart(_ number: Int) async throws {
    services[number].program.signal(SIGKILL)
    _ = await services[number].program.status()
    services[number] = try await RunningService(options)
  }

  var complaints: String { services.map(\.program.complaints).joined() }
}

/// How far the test is: whether writers go on, and how many events there are in the end.
private final class Course: Sendable {
  private let state = Mutex<(isWriting: Bool, end: Int?)>((true, nil))

  var isWriting: Bool { state.withLock { $0.isWriting } }
  var end: Int? { state.withLock { $0.end } }
  func stopWriting() { state.withLock { $0.isWriting = false } }
  func stopFollowing(at end: Int) { state.withLock { $0.end = end } }
}

/// What each follower has got so far.
private actor FollowedLogs {
  private var logs: [Follower: [String]] = [:]
  /// How many live tails were opened.
  private(set) var connections = 0
  /// The last of them.
  private(set) var stream: EventStream?

  var shortest: Int { Follower.allCases.map { logs[$0]?.count ?? 0 }.min() ?? 0 }
  func events(of follower: Follower) -> [String] { logs[follower] ?? [] }
  func note(_ events: [String], of follower: Follower) { logs[follower, default: []] += events }
  func note(_ stream: EventStream) {
    connections += 1
    self.stream = stream
  }
}

/// The ways to follow.
private enum Follower: CaseIterable {
  case pages
  case lines
  case tail

  /// Follows until it has as many events as `end` says, turning from one service to the other.
  func run(
    over fleet: Fleet, token: String, _ logs: FollowedLogs, end: @escaping @Sendable () -> Int?
  ) async {
    var turn = 0
    while await logs.events(of: self).count < end() ?? .max {
      turn += 1
      let service = await fleet.service(turn)
      let count = await logs.events(of: self).count
      let after = count == 0 ? nil : count - 1
      let query = "/events?limit=50\(after.map { "&after=\($0)" } ?? "")"
      switch self {
      case .pages:
        guard let page = try? await service.send("GET", ledger: query, token: token),
          page.status == 200
        else { break }
        let events = page.json["events"]?.arrayValue ?? []
        await logs.note(
          events.map { String(decoding: $0.canonicalBytes(), as: UTF8.self) }, of: self)
      case .lines:
        guard
          let text = try? await service.text(query, accept: "application/x-ndjson", token: token)
        else { break }
        await logs.note(text.split(separator: "\n").map(String.init), of: self)
      case .tail:
        await tail(of: service, token: token, after: after, logs, end: end)
      }
      try? await Task.sleep(for: .milliseconds(20))
    }
  }

  /// Reads one connection to its end.
  private func tail(
    of service: RunningService, token: String, after: Int?, _ logs: FollowedLogs,
    end: @escaping @Sendable () -> Int?
  ) async {
    let stream = EventStream(url: service.url, token: token, after: after)
    await logs.note(stream)
    var rest = ""
    var next = after.map { $0 + 1 } ?? 0
    for await piece in stream.pieces {
      rest += piece
      while let blank = rest.firstRange(of: "\n\n") {
        let lines = rest[..<blank.lowerBound].split(separator: "\n")
        rest = String(rest[blank.upperBound...])
        guard let data = lines.first(where: { $0.hasPrefix("data: ") }) else { continue }
        #expect(lines.first == "id: \(next)")
        next += 1
        await logs.note([String(data.dropFirst(6))], of: self)
      }
      if next >= end() ?? .max { break }
    }
    stream.stop()
  }
}

/// A connection that reads server-sent events.
private final class EventStream: NSObject, URLSessionDataDelegate {
  let pieces: AsyncStream<String>
  private let continuation: AsyncStream<String>.Continuation
  private let session = Mutex<URLSession?>(nil)
  private let trouble = Mutex<(any Error)?>(nil)

  /// Why the connection broke; nil when it ended as it should.
  var error: (any Error)? { trouble.withLock { $0 } }

  init(url: String, token: String, after: Int?) {
    (pieces, continuation) = AsyncStream.makeStream(of: String.self)
    super.init()
    guard let url = URL(string: "\(url)/ledger/v1/\(RunningService.project)/events") else {
      continuation.finish()
      return
    }
    var request = URLRequest(url: url)
    request.setValue(token, forHTTPHeaderField: "X-Auth-Token")
    request.setValue("text/event-stream", forHTTPHeaderField: "Accept")
    if let after { request.setValue("\(after)", forHTTPHeaderField: "Last-Event-ID") }
    let session = URLSession(configuration: .ephemeral, delegate: self, delegateQueue: nil)
    self.session.withLock { $0 = session }
    session.dataTask(with: request).resume()
  }

  func urlSession(_ session: URLSession, dataTask: URLSessionDataTask, didReceive data: Data) {
    guard (dataTask.response as? HTTPURLResponse)?.statusCode == 200 else { return }
    continuation.yield(String(decoding: data, as: UTF8.self))
  }

  func urlSession(
    _ session: URLSession, task: URLSessionTask, didCompleteWithError error: (any Error)?
  ) {
    trouble.withLock { $0 = error }
    continuation.finish()
    session.finishTasksAndInvalidate()
  }

  /// Ends the connection.
  func stop() { session.withLock { $0?.invalidateAndCancel() } }
}
