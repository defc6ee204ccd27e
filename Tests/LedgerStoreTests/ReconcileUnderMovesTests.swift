// ReconcileUnderMovesTests: drift runs over the real store while labels move all the time.

import Ledger
import LedgerServices
import LedgerStore
import Synchronization
import TestSupport
import Testing

@Suite(.inTurn) struct ReconcileUnderMovesTests {
  private static let secrets: [SecretName] = [named("a"), named("b")]
  private static let versions: [VersionID] = [named("v1"), named("v2"), named("v3")]

  /// The mover writes to both, the ledger first; the cloud lags behind for one answer at most.
  @Test func `none is invented in a hundred runs while labels move in ledger and cloud`()
    async throws
  {
    try await withStore { fixture in
      let project = try await fixture.makeProject()
      let cloud = LaggingCloud()
      for secret in Self.secrets {
        try await fixture.append(
          .registerSecret(data: [:], firstVersion: .automatic), to: secret.text, in: project.id)
        for _ in 1..<Self.versions.count {
          try await fixture.append(
            .registerVersion(id: nil, stages: nil, data: [:]), to: secret.text, in: project.id)
        }
        cloud.place(
          ["SYSCURRENT": Self.versions[2], "SYSPREVIOUS": Self.versions[1]], on: secret)
      }
      let reconciler = Reconciler(
        records: fixture.store, appender: fixture.services.appender, clock: fixture.clock.clock,
        settings: Reconciler.Settings(
          concurrencyMax: 2, graceTime: .milliseconds(1), runTimeout: .seconds(1_000_000),
          pageSize: 50), sleep: { try? await Task.sleep(for: $0) })
      func run() async throws -> DriftReport {
        let id = try RunID(Identities.random.uuid(at: fixture.clock.now))
        return try await reconciler.run(project, as: id, against: cloud, requestID: nil)
      }
      #expect(try await run().verdict == .clean)
      let isDone = Mutex(false)
      async let moved = keepMoving(fixture, cloud, project.id) { isDone.withLock { $0 } }
      var findings: [DriftFinding] = []
      for _ in 0..<100 { findings += try await run().findings }
      isDone.withLock { $0 = true }
      #expect(try await moved > 100)
      #expect(findings.isEmpty)
      #expect(cloud.staleAnswers > 0, "the cloud never lagged behind")

      // The same world, once it rests, shows real drift at once.
      #expect(try await run().verdict == .clean)
      cloud.place(["stray": Self.versions[0]], on: Self.secrets[0])
      #expect(try await run().findings.map(\.difference.kind) == [.labelExtra])
    }
  }

  private func keepMoving(
    _ fixture: StoreFixture, _ cloud: LaggingCloud, _ project: ProjectID,
    _ isDone: @Sendable () -> Bool
  ) async throws -> Int {
    var count = 0
    while !isDone() {
      let secret = Self.secrets[count % Self.secrets.count]
      let stage: StageName = count % 3 == 0 ? named("canary") : named("SYSCURRENT")
      let version = Self.versions[count / 2 % Self.versions.count]
      cloud.begin(secret)
      try await fixture.append(
        .assignStage(stage, to: version), to: secret.text, in: project)
      cloud.end(secret, stage, version)
      count += 1
    }
    return count
  }
}

/// A live cloud that follows a ledger, and shows what it had before at most once for each move.
private final class LaggingCloud: LiveCloud {
  private struct Contents {
    var holders: [SecretName: [StageName: VersionID]] = [:]
    /// The secrets that are being moved, and whether that was shown.
    var moving: [SecretName: Bool] = [:]
    var staleAnswers = 0
  }

  private let contents = Mutex(Contents())

  /// How many answers came while the ledger was ahead.
  var staleAnswers: Int { contents.withLock { $0.staleAnswers } }

  func place(_ stages: [String: VersionID], on secret: SecretName) {
    contents.withLock { contents in
      for (stage, version) in stages {
        contents.holders[secret, default: [:]][named(stage)] = version
      }
    }
  }

  func begin(_ secret: SecretName) { contents.withLock { $0.moving[secret] = false } }

  func end(_ secret: SecretName, _ stage: StageName, _ version: VersionID) {
    contents.withLock { contents in
      contents.holders[secret, default: [:]][stage] = version
      contents.moving[secret] = nil
    }
  }

  func secrets() async throws(CloudError) -> CloudListing {
    let names = contents.withLock { $0.holders.keys.sorted() }
    return CloudListing(
      secrets: names.map { CloudSecret(name: $0, life: .present) }, unreadable: [])
  }

  func versions(of secret: SecretName) async throws(CloudError) -> [CloudVersion] {
    while true {
      let holders: [StageName: VersionID]? = contents.withLock { contents in
        if let wasShown = contents.moving[secret] {
          guard !wasShown else { return nil }
          contents.moving[secret] = true
          contents.staleAnswers += 1
        }
        return contents.holders[secret] ?? [:]
      }
      if let holders {
        return ["v1", "v2", "v3"].map { text in
          let version: VersionID = named(text)
          return CloudVersion(
            id: version, stages: holders.filter { $0.value == version }.keys.sorted())
        }
      }
      do { try await Task.sleep(for: .milliseconds(1)) } catch { throw .unreachable("called off") }
    }
  }
}
