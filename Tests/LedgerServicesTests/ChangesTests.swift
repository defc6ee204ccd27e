// Changes: labels that are moved in a cloud first, over a store in memory.
//
// Each step is broken twice, not done and done but reported otherwise, and the record and the cloud
// agree in the end.

import CanonicalJSON
import Crypto
import Ledger
import LedgerServices
import Synchronization
import TestLiterals
import TestSupport
import Testing

/// A project whose changes are passed on to a cloud in memory; waiting moves the clock.
private struct World {
  let gate = ScriptedGate()
  let ledger: TestLedger
  let project: Project
  let other: Changes

  init(provider: Provider = .huawei, mode: Upstream.Mode = .write) async throws {
    let time = Mutex<ManualClock?>(nil)
    var settings = Changes.Settings()
    settings.waitPause = .seconds(1)
    settings.waitingMax = 2
    settings.sleep = { duration in
      time.withLock { $0 }?.advance(seconds: max(1, duration.components.seconds))
      await Task.yield()
    }
    ledger = TestLedger(clouds: gate, changes: settings)
    let clock = ledger.time
    time.withLock { $0 = clock }
    project = try await ledger.makeProject(
      provider: provider,
      upstream: Upstream(
        mode: mode, url: "https://cloud.example", project: "p", region: nil, credential: nil))
    // A second instance over the same record.
    other = Changes(
      appender: Appender(store: ledger.store, clock: ledger.time.clock, identities: .seeded(9)),
      records: ledger.store, clouds: gate, clock: ledger.time.clock, identities: .seeded(9),
      settings: settings)
    for version: VersionID in ["v1", "v2"] {
      _ = try? await ledger.append(
        .registerSecret(data: [:], firstVersion: .none), to: "s")
      try await ledger.append(.registerVersion(id: version, stages: [], data: [:]), to: "s")
    }
  }

  var changes: Changes { ledger.services.changes }
  var events: [Event] { ledger.store.allEvents(of: named("p1")) }
  var types: [EventType] { events.map(\.type).filter { !$0.isOfRegistration } }

  func submission(_ change: Change, key: IdempotencyKey? = nil, body: String = "") -> Submission {
    var provenance = Provenance.test
    provenance.requestID = Identities.random.uuid(at: second(0))
    return Submission(
      intent: .change("s", change, .any), provenance: provenance,
      idempotency: key.map {
        Submission.Idempotency(key: $0, requestDigest: SHA256.hash(Array(body.utf8)))
      })
  }

  @discardableResult
  func make(
    _ change: Change, key: IdempotencyKey? = nil, body: String = "", by changes: Changes? = nil
  ) async throws(ChangeError) -> AppendOutcome {
    ledger.time.advance(seconds: 1)
    return try await (changes ?? self.changes)
      .append(submission(change, key: key, body: body), to: project)
  }

  /// What went wrong with a change.
  func fault(
    _ change: Change, key: IdempotencyKey? = nil, by changes: Changes? = nil
  ) async -> ChangeFault? {
    do throws(ChangeError) {
      try await self.make(change, key: key, by: changes)
      return nil
    } catch {
      guard case .fault(let fault) = error else { return nil }
      return fault
    }
  }

  /// Settles everything nobody drives any more.
  func settle(by changes: Changes? = nil) async throws {
    let changes = changes ?? self.changes
    for request in try await changes.abandoned(in: project) {
      try await changes.settle(request, in: project)
    }
  }

  /// Whether the record says of the label what the cloud says.
  func agree(on stage: StageName = "canary") async throws -> Bool {
    let standing = try await ledger.store.standing(of: stage, of: "s", in: project.id)
    return standing.value.stage?.versionID == gate.holder(of: stage, of: "s")
  }
}

extension EventType {
  fileprivate var isOfRegistration: Bool { self == .secretRegistered || self == .versionRegistered }
}

@Suite struct ChangesTests {
  @Test func `a change is recorded, sent as recorded, and recorded as done`() async throws {
    let world = try await World()
    let outcome = try await world.make(.assignStage("canary", to: "v1"))
    #expect(world.types == [.changeRequested, .stageAssigned])
    let (request, done) = (world.events[3], world.events[4])
    #expect(
      world.gate.edit(\.moves)
        == [CloudMove(secret: "s", stage: "canary", target: "v1", source: nil)])
    #expect(request.versionID == "v1" && request.stage == "canary")
    #expect(done.causedBy == request.position)
    #expect(done.data["cloud"]?["request_id"]?.stringValue == "r-1")
    #expect(done.principal == request.principal && done.requestID == request.requestID)
    #expect(outcome.events.map(\.event) == [done])
    #expect(try await world.agree())
    #expect(world.changes.counts.done == 1)
  }

  @Test func `the cloud's own time is the time of the change`() async throws {
    let world = try await World()
    let moment = world.ledger.time.now.advanced(byMicroseconds: 1_000_000)
    world.gate.edit { $0.moment = moment }
    let outcome = try await world.make(.assignStage("canary", to: "v1"))
    #expect(outcome.events.first?.event.effectiveAt == moment)
  }

  @Test func `in other modes nothing is sent`() async throws {
    for mode: Upstream.Mode in [.off, .read] {
      let world = try await World(mode: mode)
      try await world.make(.assignStage("canary", to: "v1"))
      #expect(world.types == [.stageAssigned])
      #expect(world.gate.edit(\.moves).isEmpty)
    }
  }

  @Test func `what happened elsewhere is recorded and not sent`() async throws {
    let world = try await World()
    let fact = StageFact(stage: "canary", versionID: "v1", effectiveAt: world.ledger.time.now)
    try await world.make(.recordFact(fact))
    #expect(world.types == [.stageAssigned])
    #expect(world.gate.edit(\.moves).isEmpty)
  }

  @Test func `a label is taken away in the cloud too`() async throws {
    let world = try await World()
    try await world.make(.assignStage("canary", to: "v1"))
    let outcome = try await world.make(.removeStage("canary"))
    #expect(outcome.events.map(\.event.type) == [.stageRemoved])
    #expect(world.gate.holder(of: "canary", of: "s") == nil)
    #expect(try await world.agree())
  }

  @Test func `the cloud's refusal is told in its own words, and changes nothing`() async throws {
    let world = try await World()
    let refusal = CloudRefusal(
      status: 400, code: "CSMS.0203", message: "Too many.", requestID: "r-9")
    world.gate.edit { $0.refusal = refusal }
    let fault = await world.fault(.assignStage("canary", to: "v1"))
    #expect(fault == ChangeFault(.refused(refusal), at: 3))
    #expect(world.types == [.changeRequested, .changeRejected])
    #expect(try await world.agree())
    world.gate.edit { $0.refusal = nil }
    try await world.make(.assignStage("canary", to: "v1"))
    #expect(try await world.agree())
  }

  @Test func `what only our rules would refuse is asked for, and flagged when done`() async throws {
    let world = try await World()
    let outcome = try await world.make(.assignStage("canary", to: "v77"))
    #expect(outcome.events.first?.event.versionID == "v77")
    #expect(
      outcome.events.first?.event.data["contradicts"] == .array([.string("version_not_found")]))
    let removed = try await world.make(.removeStage("SYSCURRENT"))
    #expect(removed.events.isEmpty)
    #expect(world.types.last == .changeConfirmed)
  }

  @Test func `what the record says already is confirmed, and keeps its time`() async throws {
    let world = try await World()
    let first = try await world.make(.assignStage("canary", to: "v1"))
    let second = try await world.make(.assignStage("canary", to: "v1"))
    #expect(second.events.isEmpty)
    #expect(second.standing?.effectiveAt == first.events.first?.event.effectiveAt)
    #expect(second.standing?.position == first.events.first?.event.position)
    #expect(world.types.suffix(2) == [.changeRequested, .changeConfirmed])
    #expect(world.gate.edit(\.moves).count == 2)
    // The next one is not held up by it.
    try await world.make(.assignStage("canary", to: "v2"))
  }

  @Test(arguments: ScriptedGate.Fault.allCases)
  func `a broken sending is settled by reading, and the record and the cloud agree`(
    _ fault: ScriptedGate.Fault
  ) async throws {
    let world = try await World()
    try await world.make(.assignStage("canary", to: "v1"))
    for change: Change in [.assignStage("canary", to: "v2"), .removeStage("canary")] {
      world.gate.edit { $0.faults = [fault] }
      let told = await world.fault(change, key: named("key-\(world.events.count)"))
      let doubt: CloudDoubt =
        fault == .nonsense || fault == .nonsenseAfterDone ? .nonsense : .silence
      #expect(told?.kind == .unresolved(doubt))
      let isDone = fault == .answerLost || fault == .nonsenseAfterDone
      let key = named("key-\(world.events.count - 2)") as IdempotencyKey
      #expect(world.types.last == .changeUnresolved)
      world.ledger.time.advance(seconds: 1)
      try await world.settle()
      #expect(try await world.agree())
      let settled = try #require(world.events.last)
      #expect(settled.causedBy == told?.position)
      #expect(settled.type == .changeRejected ? !isDone : isDone)
      if isDone {
        #expect(settled.effectiveAfter == world.events[Int(told?.position?.index ?? 0)].recordedAt)
      }
      // The same key gets the settled outcome, and nothing is sent again.
      let sent = world.gate.edit(\.moves).count
      if isDone {
        let outcome = try await world.make(change, key: key)
        #expect(outcome.events.map(\.event) == [settled])
      } else {
        #expect(await world.fault(change, key: key)?.kind == .notDone)
      }
      #expect(world.gate.edit(\.moves).count == sent)
    }
    #expect(world.changes.counts.unresolved == 2)
    #expect(world.changes.counts.settled == 2)
  }

  @Test func `a cloud that cannot be read is read until it can`() async throws {
    let world = try await World()
    world.gate.edit {
      $0.faults = [.answerLost]
      $0.unreadable = 5
    }
    _ = await world.fault(.assignStage("canary", to: "v1"))
    try await world.settle()
    #expect(world.types == [.changeRequested, .changeUnresolved, .stageAssigned])
    #expect(world.changes.counts.unreadable == 5)
    #expect(try await world.agree())
  }

  @Test func `a request nobody drives is taken over by another instance`() async throws {
    let world = try await World()
    let store = world.ledger.store
    // The answer of the cloud cannot be recorded.
    world.gate.before { _ in store.failNext(with: .unavailable(reason: "gone")) }
    let fault = await world.fault(.assignStage("canary", to: "v1"))
    #expect(fault == ChangeFault(.unrecorded, at: 3))
    world.gate.before(nil)
    #expect(world.types == [.changeRequested])
    try await world.settle(by: world.other)
    #expect(world.types == [.changeRequested], "who sent it may be at work yet")
    world.ledger.time.advance(seconds: 20)
    try await world.settle(by: world.other)
    #expect(world.types == [.changeRequested, .stageAssigned])
    #expect(try await world.agree())
    try await world.settle()
    #expect(world.events.count == 5)
  }

  @Test func `an answer that comes after another instance has settled is passed over`() async throws
  {
    let world = try await World()
    let (time, other, project) = (world.ledger.time, world.other, world.project)
    world.gate.before { _ in
      time.advance(seconds: 60)
      for request in (try? await other.abandoned(in: project)) ?? [] {
        try? await other.settle(request, in: project)
      }
    }
    let fault = await world.fault(.assignStage("canary", to: "v1"))
    // Read before the change arrived: it was not done then, and drift will tell that it is now.
    #expect(fault?.kind == .notDone)
    #expect(world.types == [.changeRequested, .changeRejected])
  }

  @Test func `the same key asks once, for ever, and another body is refused`() async throws {
    let world = try await World()
    let first = try await world.make(.assignStage("canary", to: "v1"), key: "k", body: "a")
    try await world.make(.assignStage("canary", to: "v2"))
    let again = try await world.make(.assignStage("canary", to: "v1"), key: "k", body: "a")
    #expect(again.events == first.events)
    #expect(world.gate.edit(\.moves).count == 2)
    await #expect(throws: ChangeError.append(.rejected(.idempotencyKeyReused))) {
      try await world.make(.assignStage("canary", to: "v2"), key: "k", body: "b")
    }
    let refusal = CloudRefusal(status: 400, code: "CSMS.0005", message: "No.", requestID: nil)
    world.gate.edit { $0.refusal = refusal }
    #expect(
      await world.fault(.assignStage("canary", to: "v1"), key: "r")?.kind == .refused(refusal))
    world.gate.edit { $0.refusal = nil }
    #expect(
      await world.fault(.assignStage("canary", to: "v1"), key: "r")?.kind == .refused(refusal))
    #expect(world.gate.edit(\.moves).count == 3)
  }

  @Test func `a repeated key waits for the first, and is told when that takes too long`()
    async throws
  {
    let world = try await World()
    world.gate.edit { $0.faults = [.answerLost] }
    _ = await world.fault(.assignStage("canary", to: "v1"), key: "k")
    let repeated = await world.fault(.assignStage("canary", to: "v1"), key: "k", by: world.other)
    #expect(repeated == ChangeFault(.unsettled, at: 3))
    #expect(world.gate.edit(\.moves).count == 1)
  }

  @Test func `a second change waits for its turn in a bounded line`() async throws {
    let world = try await World()
    let gate = Gate()
    world.gate.before { _ in await gate.pass() }
    async let first = world.make(.assignStage("canary", to: "v1"))
    await gate.waitForGuest()
    // In this instance by the line, in another by the record.
    #expect(await world.fault(.assignStage("canary", to: "v2"))?.kind == .underWay)
    let elsewhere = await world.fault(.assignStage("canary", to: "v2"), by: world.other)
    #expect(elsewhere == ChangeFault(.underWay, at: 3))
    #expect(world.gate.edit(\.moves).isEmpty)
    world.gate.before(nil)
    await gate.open()
    #expect(try await first.events.count == 1)
    try await world.make(.assignStage("canary", to: "v2"))
    #expect(try await world.agree())
  }

  @Test func `a move of the current label takes the previous one along, where the cloud does`()
    async throws
  {
    let versions: [VersionID] = ["v1", "v2"].map {
      named($0 + String(repeating: "-", count: 30))
    }
    let world = try await World(provider: .aws)
    try await world.make(.moveStage("AWSCURRENT", to: versions[0], from: nil))
    let outcome = try await world.make(
      .moveStage("AWSCURRENT", to: versions[1], from: versions[0]))
    #expect(outcome.events.map(\.event.stage) == ["AWSCURRENT", "AWSPREVIOUS"])
    let (current, previous) = (outcome.events[0].event, outcome.events[1].event)
    #expect(previous.versionID == versions[0] && previous.causedBy == current.position)
    #expect(world.gate.edit(\.moves).last?.source == versions[0])
  }

  @Test func `the ledger tells a cloud that asks where a label sits there`() async throws {
    let world = try await World(provider: .aws)
    world.gate.edit { $0.labels["s"] = ["canary": "v1"] }
    try await world.make(.assignStage("canary", to: "v2"))
    #expect(world.gate.edit(\.moves).last?.source == "v1")
    #expect(world.events[3].data["remove_from_version_id"] == .string("v1"))
    try await world.make(.removeStage("canary"))
    #expect(world.gate.edit(\.moves).last?.source == "v2")
    #expect(try await world.agree())
  }

  @Test func `a cloud that is not set up is not asked, and that is recorded`() async throws {
    let ledger = TestLedger()
    let project = try await ledger.makeProject(
      upstream: Upstream(
        mode: .write, url: "https://cloud.example", project: "p", region: nil, credential: nil))
    let submission = Submission(
      intent: .change("s", .assignStage("canary", to: "v1"), .any), provenance: .test,
      idempotency: nil)
    await #expect(throws: ChangeError.fault(ChangeFault(.notSent, at: 0))) {
      try await ledger.services.changes.append(submission, to: project)
    }
    let types = ledger.store.allEvents(of: project.id).map(\.type)
    #expect(types == [.changeRequested, .changeRejected])
  }
}

/// A gate somebody waits at.
private actor Gate {
  private var isOpen = false
  private var guests: [CheckedContinuation<Void, Never>] = []
  private var watchers: [CheckedContinuation<Void, Never>] = []

  func pass() async {
    if isOpen { return }
    for watcher in watchers { watcher.resume() }
    watchers = []
    await withCheckedContinuation { guests.append($0) }
  }

  func waitForGuest() async {
    if !guests.isEmpty { return }
    await withCheckedContinuation { watchers.append($0) }
  }

  func open() {
    isOpen = true
    for guest in guests { guest.resume() }
    guests = []
  }
}
