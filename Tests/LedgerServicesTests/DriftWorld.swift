// DriftWorld: a ledger, a scripted cloud that agrees with it, and a reconciler between them.
//
// Called by the tests of the reconciler. Time moves only when the test moves it; the grace time
// between the looks passes at once, after whatever `duringGrace` does.

import CanonicalJSON
import Ledger
import LedgerServices
import Synchronization
import TestLiterals
import TestSupport

/// A ledger, a cloud, and a reconciler between them.
final class DriftWorld: Sendable {
  let ledger = TestLedger()
  let cloud = ScriptedCloud()
  let project: Project
  private let grace = Mutex<(@Sendable () async -> Void)?>(nil)

  /// The id of every run here.
  static let run: RunID = "00000000-0000-4000-8000-000000000001"

  init() async throws { project = try await ledger.makeProject() }

  /// Sets what happens in the grace time.
  func duringGrace(_ body: (@Sendable () async -> Void)?) { grace.withLock { $0 = body } }

  /// Makes one run.
  func run(
    concurrencyMax: Int = 4, runTimeout: Duration = .seconds(600), pageSize: Int = 3,
    silenceMax: Duration? = nil, purpose: RunPurpose = .compare, as id: RunID = DriftWorld.run
  ) async throws(ReconcileError) -> DriftReport {
    var settings = Reconciler.Settings(
      concurrencyMax: concurrencyMax, graceTime: .seconds(2), runTimeout: runTimeout,
      pageSize: pageSize)
    settings.silenceMax = silenceMax
    let reconciler = Reconciler(
      records: ledger.store, appender: ledger.services.appender, clock: ledger.time.clock,
      settings: settings,
      sleep: { _ in if let grace = self.grace.withLock({ $0 }) { await grace() } })
    return try await reconciler.run(project, as: id, for: purpose, against: cloud, requestID: "r1")
  }

  /// Registers a secret with `versionCount` versions in the ledger and in the cloud.
  func makeSecret(_ secret: SecretName, versionCount: Int = 3) async throws {
    try await change(.registerSecret(data: [:], firstVersion: .automatic), secret)
    for _ in 1..<versionCount {
      try await change(.registerVersion(id: nil, stages: nil, data: [:]), secret)
    }
    mirror(secret)
  }

  /// Changes the ledger alone.
  @discardableResult
  func change(_ change: Change, _ secret: SecretName) async throws -> AppendOutcome {
    try await ledger.append(change, to: secret.text)
  }

  /// Makes the cloud have what the ledger has of the secret.
  func mirror(_ secret: SecretName) {
    var state = SecretState()
    for event in events where event.secret == secret { state.evolve(event) }
    let folded = state
    cloud.edit { contents in
      switch folded.life {
      case .enabled: contents.lives[secret] = .present
      case .pendingDeletion: contents.lives[secret] = .pendingDeletion
      case .unregistered, .deleted: contents.lives[secret] = nil
      }
      contents.versions[secret] = Dictionary(
        uniqueKeysWithValues: folded.versions.keys.filter { folded.isRegistered($0) }
          .map { ($0, Set(folded.stages(of: $0))) })
    }
  }

  /// Every event of the ledger.
  var events: [Event] { ledger.store.allEvents(of: project.id) }

  /// The events of a type.
  func events(_ type: EventType) -> [Event] { events.filter { $0.type == type } }
}

extension DriftReport {
  /// The open differences.
  var open: [Difference] { findings.filter { $0.state == .open }.map(\.difference) }
  /// The resolved differences.
  var resolved: [Difference] { findings.filter { $0.state == .resolved }.map(\.difference) }
}
