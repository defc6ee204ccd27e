// ReconcilerMotionTests: what moves while it is looked at is not drift.

import Ledger
import LedgerServices
import Synchronization
import TestLiterals
import TestSupport
import Testing

@Suite struct ReconcilerMotionTests {
  @Test func `a label that moves in the ledger before the cloud answers is no drift`() async throws
  {
    let world = try await DriftWorld()
    try await world.makeSecret("db")
    let isMoved = Mutex(false)
    world.cloud.before { call in
      guard call == .versions("db"), isMoved.withLock({ !$0 }) else { return }
      isMoved.withLock { $0 = true }
      _ = try? await world.change(.assignStage("SYSCURRENT", to: "v1"), "db")
    }
    // The cloud never follows: the answer is one the ledger held when the look began.
    #expect(try await world.run().verdict == .clean)
    world.cloud.before(nil)
    #expect(try await world.run().open.map(\.kind) == [.labelElsewhere])
  }

  @Test func `a cloud that runs ahead of the ledger during the look is no drift`() async throws {
    let world = try await DriftWorld()
    try await world.makeSecret("db")
    world.cloud.move("SYSCURRENT", of: "db", to: "v1")
    world.duringGrace { _ = try? await world.change(.assignStage("SYSCURRENT", to: "v1"), "db") }
    #expect(try await world.run().verdict == .clean)
    #expect(world.events(.driftOpened).isEmpty)
  }

  @Test func `drift mended in the grace time is not found`() async throws {
    let world = try await DriftWorld()
    try await world.makeSecret("db")
    world.cloud.move("SYSCURRENT", of: "db", to: "v1")
    world.duringGrace { world.mirror("db") }
    #expect(try await world.run().verdict == .clean)
  }

  @Test func `drift that changes its versions between the looks is unsettled`() async throws {
    let world = try await DriftWorld()
    try await world.makeSecret("db")
    world.cloud.move("SYSCURRENT", of: "db", to: "v1")
    world.duringGrace { world.cloud.move("SYSCURRENT", of: "db", to: "v2") }
    let report = try await world.run()
    #expect(report.findings.isEmpty)
    #expect(report.unobservable.map(\.reason) == [.unsettled])
    #expect(report.exitCode == 3)
  }

  @Test func `a secret that moves resolves none of its findings`() async throws {
    let world = try await DriftWorld()
    try await world.makeSecret("db")
    world.cloud.move("canary", of: "db", to: "v1")
    _ = try await world.run()
    world.cloud.move("canary", of: "db", to: nil)
    world.cloud.move("SYSCURRENT", of: "db", to: "v1")
    world.duringGrace { world.cloud.move("SYSCURRENT", of: "db", to: "v2") }
    let report = try await world.run()
    #expect(report.findings.isEmpty)
    #expect(world.events(.driftResolved).isEmpty)
  }

  @Test func `a secret registered or deleted during the look is no drift`() async throws {
    let world = try await DriftWorld()
    try await world.makeSecret("old")
    try await world.makeSecret("db")
    let isDone = Mutex(false)
    world.cloud.before { call in
      guard call == .versions("old"), isDone.withLock({ !$0 }) else { return }
      isDone.withLock { $0 = true }
      _ = try? await world.change(.deleteSecret, "old")
      _ = try? await world.makeSecret("new")
    }
    let report = try await world.run(concurrencyMax: 1)
    #expect(report.findings.isEmpty)
    world.mirror("old")
    #expect(try await world.run().verdict == .clean)
  }

  /// The cloud follows at most three steps later, or goes a little ahead.
  ///
  /// Labels move all the time, before each answer of the cloud and in the grace time. There are so
  /// few secrets, labels and versions that both looks often see the same difference.
  @Test(arguments: testSeeds)
  func `no drift is invented in a hundred runs of a ledger in motion`(_ seed: UInt64) async throws {
    let world = try await DriftWorld()
    let secrets: [SecretName] = ["a", "b"]
    for secret in secrets { try await world.makeSecret(secret) }
    let motion = Motion(seed: seed, world: world, secrets: secrets)
    world.cloud.before { _ in await motion.step() }
    world.duringGrace { for _ in 0..<6 { await motion.step() } }
    for _ in 0..<100 {
      world.ledger.time.advance(seconds: 1)
      let report = try await world.run(pageSize: 50)
      #expect(report.findings.isEmpty, "seed \(seed)")
    }
    #expect(world.events(.driftOpened).isEmpty, "seed \(seed)")
    #expect(world.events(.reconciliationCompleted).count == 100)
    #expect(world.events(.stageAssigned).count > 100, "seed \(seed): nothing moved")

    // The same world, once it rests, shows real drift at once.
    world.cloud.before(nil)
    world.duringGrace(nil)
    await motion.settle()
    #expect(try await world.run().verdict == .clean, "seed \(seed)")
    world.cloud.move("stray", of: "a", to: "v1")
    #expect(try await world.run().open.map(\.kind) == [.labelExtra], "seed \(seed)")
  }

  @Test(arguments: testSeeds)
  func `drift is found while everything else moves`(_ seed: UInt64) async throws {
    let world = try await DriftWorld()
    let secrets: [SecretName] = ["a", "b"]
    for secret in secrets + ["still"] { try await world.makeSecret(secret) }
    let motion = Motion(seed: seed, world: world, secrets: secrets)
    world.cloud.move("SYSPREVIOUS", of: "still", to: "v1")
    world.cloud.before { _ in await motion.step() }
    world.duringGrace { for _ in 0..<6 { await motion.step() } }
    for _ in 0..<10 {
      let report = try await world.run(pageSize: 50)
      #expect(report.open.map(\.secret) == ["still"], "seed \(seed)")
    }
    #expect(world.events(.driftOpened).count == 1, "seed \(seed)")
  }
}

/// Rotations that never rest: each step changes one secret in the ledger and, a little before or
/// after, in the cloud.
private actor Motion {
  private var random: SeededGenerator
  private let world: DriftWorld
  private let secrets: [SecretName]
  private var due: [SecretName: Int] = [:]
  private var steps = 0

  init(seed: UInt64, world: DriftWorld, secrets: [SecretName]) {
    random = SeededGenerator(seed: seed)
    self.world = world
    self.secrets = secrets
  }

  func step() async {
    steps += 1
    for (secret, step) in due where step <= steps {
      world.mirror(secret)
      due[secret] = nil
    }
    guard let secret = secrets.randomElement(using: &random) else { return }
    let stages: [StageName] = ["SYSCURRENT", "SYSCURRENT", "canary"]
    let versions: [VersionID] = ["v1", "v2"]
    guard let stage = stages.randomElement(using: &random),
      let version = versions.randomElement(using: &random)
    else { return }
    let isRemoval = stage == "canary" && Bool.random(using: &random)
    let target = isRemoval ? nil : version
    switch Int.random(in: 0..<4, using: &random) {
    case 0:
      // The ledger first, the cloud at once.
      await change(secret, stage, target)
      world.mirror(secret)
    case 1, 2:
      // The ledger first, the cloud some steps later.
      await change(secret, stage, target)
      if due[secret] == nil { due[secret] = steps + Int.random(in: 1...3, using: &random) }
    default:
      // The cloud first, the ledger right after.
      world.mirror(secret)
      world.cloud.move(stage, of: secret, to: target)
      await Task.yield()
      await change(secret, stage, target)
      world.mirror(secret)
    }
  }

  func settle() {
    for secret in secrets { world.mirror(secret) }
    due = [:]
  }

  private func change(_ secret: SecretName, _ stage: StageName, _ version: VersionID?) async {
    let change: Change = version.map { .assignStage(stage, to: $0) } ?? .removeStage(stage)
    _ = try? await world.change(change, secret)
  }
}
