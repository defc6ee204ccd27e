// ReconcilerFailureTests: what cannot be seen is named, and decides nothing.

import Ledger
import LedgerServices
import TestLiterals
import TestSupport
import Testing

@Suite struct ReconcilerFailureTests {
  @Test(arguments: [
    (CloudError.forbidden("status 403"), Unobservable.Reason.forbidden),
    (.unreachable("status 503"), .unreachable), (.throttled("status 429"), .throttled),
    (.unintelligible("no JSON"), .unintelligible), (.notFound, .unintelligible),
  ])
  func `what the cloud does not show is named and makes the run incomplete`(
    _ error: CloudError, _ reason: Unobservable.Reason
  ) async throws {
    let world = try await DriftWorld()
    try await world.makeSecret("db")
    try await world.makeSecret("api")
    world.cloud.fail(.versions("db"), with: error, error)
    let report = try await world.run()
    #expect(report.findings.isEmpty)
    #expect(report.unobservable.map(\.secret) == ["db"])
    #expect(report.unobservable.map(\.reason) == [reason])
    #expect(report.counts[.unobservable] == 1)
    #expect(report.exitCode == 3)
    #expect(report.scope.secrets == 2)
    #expect(world.events(.driftOpened).isEmpty)
    let event = try #require(world.events.last)
    #expect(event.data["unobservable"]?.arrayValue?.count == 1)
  }

  @Test func `what could not be seen resolves no finding`() async throws {
    let world = try await DriftWorld()
    try await world.makeSecret("db")
    world.cloud.move("SYSCURRENT", of: "db", to: "v1")
    _ = try await world.run()
    world.mirror("db")
    world.cloud.fail(.versions("db"), with: .forbidden("status 403"))
    let blind = try await world.run()
    #expect(blind.findings.isEmpty)
    #expect(blind.exitCode == 3)
    #expect(world.events(.driftResolved).isEmpty)
    #expect(try await world.run().resolved.map(\.kind) == [.labelElsewhere])
  }

  @Test func `drift is found beside what could not be seen`() async throws {
    let world = try await DriftWorld()
    try await world.makeSecret("db")
    try await world.makeSecret("api")
    world.cloud.move("SYSCURRENT", of: "db", to: "v1")
    world.cloud.fail(.versions("api"), with: .forbidden("status 403"))
    let report = try await world.run()
    #expect(report.open.count == 1)
    #expect(report.unobservable.count == 1)
    #expect(report.exitCode == 2)
  }

  @Test func `a first look that failed is made good by a second that agrees`() async throws {
    let world = try await DriftWorld()
    try await world.makeSecret("db")
    world.cloud.fail(.versions("db"), with: .unreachable("status 503"))
    #expect(try await world.run().verdict == .clean)
  }

  @Test func `drift only one look could see is unsettled`() async throws {
    let world = try await DriftWorld()
    try await world.makeSecret("db")
    world.cloud.move("SYSCURRENT", of: "db", to: "v1")
    world.cloud.fail(.versions("db"), with: .unreachable("status 503"))
    let first = try await world.run()
    #expect(first.findings.isEmpty)
    #expect(first.unobservable.map(\.reason) == [.unsettled])
    let callsBefore = world.cloud.edit { $0.calls.count }
    world.duringGrace {
      world.cloud.fail(.versions("db"), with: .unreachable("status 503"))
    }
    let second = try await world.run()
    #expect(second.findings.isEmpty)
    #expect(second.unobservable.map(\.reason) == [.unreachable])
    #expect(world.cloud.edit { $0.calls.count } == callsBefore + 4)
  }

  @Test func `a second listing that fails confirms nothing`() async throws {
    let world = try await DriftWorld()
    try await world.makeSecret("db")
    world.cloud.move("SYSCURRENT", of: "db", to: "v1")
    world.duringGrace { world.cloud.fail(.secrets, with: .unreachable("status 503")) }
    let report = try await world.run()
    #expect(report.findings.isEmpty)
    #expect(report.unobservable.map(\.reason) == [.unreachable])
  }

  @Test func `nothing in scope is incomplete`() async throws {
    let world = try await DriftWorld()
    let report = try await world.run()
    #expect(report.scope == DriftReport.Scope(secrets: 0, versions: 0, labels: 0))
    #expect(report.exitCode == 3)
    #expect(world.events.map(\.type) == [.reconciliationCompleted])
  }

  @Test func `a name that cannot be read makes the run incomplete`() async throws {
    let world = try await DriftWorld()
    try await world.makeSecret("db")
    world.cloud.edit { $0.unreadable = ["a secret without a name"] }
    let report = try await world.run()
    #expect(report.unobservable.map(\.secret) == [nil])
    #expect(report.exitCode == 3)
    #expect(report.scope.secrets == 2)
  }

  @Test func `a cloud that cannot be listed is no run and leaves no event`() async throws {
    let world = try await DriftWorld()
    try await world.makeSecret("db")
    let before = world.events
    world.cloud.fail(.secrets, with: .forbidden("status 401"))
    await #expect(throws: ReconcileError.cloud(.forbidden("status 401"))) {
      try await world.run()
    }
    #expect(world.events == before)
  }

  @Test func `a record that cannot be read is no run`() async throws {
    let world = try await DriftWorld()
    try await world.makeSecret("db")
    let before = world.events
    world.cloud.before { call in
      guard call == .secrets else { return }
      world.ledger.store.failNext(with: .deadlineExceeded)
    }
    await #expect(throws: ReconcileError.store(.deadlineExceeded)) { try await world.run() }
    #expect(world.events == before)
  }

  @Test func `a run that is called off leaves no event`() async throws {
    let world = try await DriftWorld()
    try await world.makeSecret("db")
    world.cloud.move("SYSCURRENT", of: "db", to: "v1")
    let before = world.events
    world.duringGrace { withUnsafeCurrentTask { $0?.cancel() } }
    let result = await Task { try await world.run() }.result
    #expect(throws: ReconcileError.cancelled) { try result.get() }
    #expect(world.events == before)
  }

  @Test func `secrets left when the time is over are not observable`() async throws {
    let world = try await DriftWorld()
    try await world.makeSecret("a")
    try await world.makeSecret("b")
    world.cloud.before { call in
      if call == .versions("a") { world.ledger.time.advance(seconds: 30) }
    }
    let report = try await world.run(concurrencyMax: 1, runTimeout: .seconds(30))
    #expect(report.unobservable == [Unobservable(secret: "b", reason: .deadline, detail: nil)])
    #expect(report.exitCode == 3)
  }

  @Test func `a label on two versions makes no sense`() async throws {
    let world = try await DriftWorld()
    try await world.makeSecret("db")
    world.cloud.edit { $0.versions["db"]?["v1"] = ["SYSCURRENT"] }
    let report = try await world.run()
    #expect(report.unobservable.map(\.reason) == [.unintelligible])
  }

  @Test func `a secret the listing misses is asked for by name`() async throws {
    let world = try await DriftWorld()
    try await world.makeSecret("db")
    let cloud = world.cloud
    // The listing lacks it, but it comes back before its versions are read.
    cloud.before { call in
      cloud.edit { $0.lives["db"] = call == .secrets ? nil : .present }
    }
    #expect(try await world.run().verdict == .clean)
  }
}
