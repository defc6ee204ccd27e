// Killed processes: ours, the database's, and a database that stands still.
//
// Invariant: whatever is killed, nothing that was acknowledged is lost.

import Foundation
import PostgresCluster
import TestSupport
import Testing

extension EndToEndTests {
  @Suite struct CrashTests {
    @Test func `twenty kill -9 under load lose nothing that was acknowledged`() async throws {
      let database = try TestDatabase.create(label: "killed")
      defer { database.drop() }
      let options = ["--database-url", database.url]
      #expect(try await Program.run(["migrate"] + options).status == 0)
      let token = try await RunningService.makeProject(options)
      let writers = Writers()
      for round in 1...20 {
        let service = try await RunningService(options)
        if round == 1 {
          for number in 0..<6 { try await service.makeSecret("s\(number)", token: token) }
        }
        let before = await writers.promises.count
        async let writing: Void = writers.write(to: service, token: token, count: 6) {
          !service.program.isRunning
        }
        let isUnderWay = await eventually { await writers.promises.count >= before + 20 }
        #expect(isUnderWay, "round \(round): \(service.program.complaints)")
        service.program.signal(SIGKILL)
        #expect(await service.program.status() == 128 + SIGKILL)
        await writing
      }
      let service = try await RunningService(options)
      let events = try await service.events(token: token)
      let promises = await writers.promises
      let lost = promises.filter { events[$0.key] != $0.value }
      #expect(lost.isEmpty, "\(lost.count) of \(promises.count) lost")
      #expect(promises.count >= 400)
      #expect(await service.stop() == 0)
      let verified = try await Program.run(["verify"] + options)
      #expect(verified.status == 0, "\(verified.output)")
    }

    /// How long the database is away.
    private enum Outage {
      /// So short that all writers may have been between two requests.
      case brief
      /// Long enough for somebody to be refused.
      case long
    }

    /// Breaks the database under load and looks at what the service makes of it.
    private func breakDatabase(
      for outage: Outage, _ harm: (PostgresCluster) throws -> Void,
      mend: (PostgresCluster) -> Void = { _ in }
    ) async throws {
      try await withTestCluster { cluster in
        let database = try TestDatabase(cluster: cluster)
        let options = ["--database-url", database.url]
        #expect(try await Program.run(["migrate"] + options).status == 0)
        let token = try await RunningService.makeProject(options)
        let service = try await RunningService(options)
        for number in 0..<4 { try await service.makeSecret("s\(number)", token: token) }
        let writers = Writers()
        let isOver = Flag()
        async let writing: Void = writers.write(to: service, token: token, count: 4) {
          await isOver.isSet
        }
        #expect(await eventually { await writers.promises.count >= 20 })
        try harm(cluster)
        // Writers go on all the while: first they are refused, then served again.
        if outage == .long {
          let wereRefused = await eventually(within: .seconds(20)) {
            await !writers.refusals.isEmpty
          }
          #expect(wereRefused)
        }
        mend(cluster)
        let broken = await writers.promises.count
        let isBack = await eventually(within: .seconds(10)) {
          await writers.promises.count >= broken + 20
        }
        #expect(isBack, "\(service.program.complaints)")
        await isOver.set()
        await writing
        let refusals = await writers.refusals
        #expect(refusals.allSatisfy { $0 == 503 || $0 == 504 }, "\(Set(refusals))")
        #expect(await writers.refusalsWithoutHint == 0)
        // A write waits at most 5 s, and as long again to learn what became of a commit.
        #expect(await writers.slowest < .seconds(15))
        // Some connections may come back later than those the writers used.
        let isReady = await eventually(within: .seconds(10)) {
          (try? await service.send("GET", "/readyz", token: token))?.status == 200
        }
        #expect(isReady)
        let events = try await service.events(token: token)
        let promises = await writers.promises
        #expect(promises.allSatisfy { events[$0.key] == $0.value })
        #expect(await service.stop() == 0)
        #expect(try await Program.run(["verify"] + options).status == 0)
      }
    }

    @Test func `a killed backend is a short pause`() async throws {
      try await breakDatabase(for: .brief) { cluster in
        let server = try #require(cluster.processID)
        let backend = try #require(
          family(of: server).dropFirst().first { number in
            let words = FileManager.default.contents(atPath: "/proc/\(number)/cmdline") ?? Data()
            return String(decoding: words, as: UTF8.self).contains("stageledger")
              || String(decoding: words, as: UTF8.self).contains("test_")
          })
        kill(backend, SIGKILL)
      }
    }

    @Test func `a killed server is a short pause once it is started again`() async throws {
      try await breakDatabase(for: .long) { cluster in
        kill(try #require(cluster.processID), SIGKILL)
      }
    }

    @Test func `a server that stands still keeps nobody waiting past the deadline`() async throws {
      let stopped = Stopped()
      try await breakDatabase(for: .long) { cluster in
        stopped.stop(family(of: try #require(cluster.processID)))
      } mend: { _ in
        stopped.goOn()
      }
    }
  }
}

/// Something that becomes true.
private actor Flag {
  private(set) var isSet = false
  func set() { isSet = true }
}

/// Processes that were stopped.
private final class Stopped {
  private var numbers: [Int32] = []

  func stop(_ numbers: [Int32]) {
    self.numbers = numbers
    for number in numbers { kill(number, SIGSTOP) }
  }

  func goOn() {
    for number in numbers { kill(number, SIGCONT) }
    numbers = []
  }

  deinit { goOn() }
}
