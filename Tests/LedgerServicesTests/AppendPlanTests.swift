// AppendPlan: what one batch appends, worked out without any input or output.

import Crypto
import Ledger
import LedgerServices
import TestLiterals
import TestSupport
import Testing
import TransparencyLog

/// A log in hand, on which batches are planned one after another.
struct PlanBench {
  var basis = AppendBasis(head: LogHead(edge: TreeEdge(), lastRecordedAt: nil))
  var now = second(100)
  var leaves: [Digest] = []

  func submission(
    _ change: Change, on secret: SecretName = "s", expecting: Ledger.Expectation = .any,
    key: IdempotencyKey? = nil, body: String = "", provenance: Provenance = .test
  ) -> Submission {
    Submission(
      intent: .change(secret, change, expecting), provenance: provenance,
      idempotency: key.map {
        Submission.Idempotency(key: $0, requestDigest: SHA256.hash(Array(body.utf8)))
      })
  }

  /// Plans the batch and keeps nothing.
  func plan(_ submissions: [Submission]) -> AppendPlan {
    AppendPlan(
      submissions, project: "p1", rules: .huawei, basis: basis, now: now, identities: .seeded(1))
  }

  /// Plans the batch and stands on it from then on.
  @discardableResult
  mutating func append(_ changes: Change...) -> AppendPlan {
    let plan = plan(changes.map { submission($0) })
    keep(plan)
    return plan
  }

  mutating func keep(_ plan: AppendPlan) {
    basis.head = plan.head
    basis.states.merge(plan.states) { _, new in new }
    basis.findings.merge(plan.findings) { _, new in new }
    basis.earlier.merge(plan.answers) { _, new in new }
    leaves += plan.events.map(\.leafHash)
  }

  /// Lets the log hold a change of a label of secret `s`.
  mutating func know(_ stage: StageName, _ version: VersionID?, since: SecretState.Moment) {
    basis.add(
      StagePast.Change(
        subject: since.position, versionID: version, since: since, after: nil, source: nil),
      of: stage, of: "s", named: nil)
  }

  static let automatic = Change.registerSecret(data: [:], firstVersion: .automatic)
  static let nextVersion = Change.registerVersion(id: nil, stages: nil, data: [:])

  static func fact(_ stage: StageName, _ version: VersionID?, at time: Int64) -> Change {
    .recordFact(StageFact(stage: stage, versionID: version, effectiveAt: second(time)))
  }
}

@Suite struct AppendPlanTests {
  private let automatic = PlanBench.automatic
  private let nextVersion = PlanBench.nextVersion

  @Test func `positions go on from the head without gaps`() {
    var bench = PlanBench()
    #expect(bench.append(automatic).events.map(\.event.position) == [0, 1, 2])
    #expect(
      bench.append(nextVersion, nextVersion).events.map(\.event.position) == [3, 4, 5, 6, 7, 8])
    #expect(bench.basis.head.edge.size == 9)
  }

  @Test func `recorded times rise while the clock stands still`() {
    var bench = PlanBench()
    let plan = bench.append(automatic, nextVersion)
    let times = plan.events.map(\.event.recordedAt)
    #expect(times == (0..<6).map { second(100).advanced(byMicroseconds: $0) })
    let next = bench.append(nextVersion)
    #expect(next.events.first?.event.recordedAt == second(100).advanced(byMicroseconds: 6))
    #expect(next.head.lastRecordedAt == second(100).advanced(byMicroseconds: 8))
  }

  @Test func `recorded times rise while the clock goes back`() {
    var bench = PlanBench()
    bench.append(automatic)
    bench.now = second(50)
    let plan = bench.append(nextVersion)
    #expect(
      plan.events.map(\.event.recordedAt)
        == (3..<6).map {
          second(100).advanced(byMicroseconds: $0)
        })
    bench.now = second(200)
    #expect(bench.append(nextVersion).events.first?.event.recordedAt == second(200))
  }

  @Test func `all events of a command are true at one moment`() {
    var bench = PlanBench()
    let plan = bench.append(automatic, nextVersion)
    for outcome in plan.outcomes {
      let events = (try? outcome.get().events.map(\.event)) ?? []
      #expect(events.count == 3)
      #expect(Set(events.map(\.effectiveAt)).count == 1)
      #expect(events.first?.effectiveAt == events.first?.recordedAt)
    }
  }

  @Test func `a fact is true when it says and recorded now`() {
    var bench = PlanBench()
    bench.append(automatic)
    let event = bench.append(PlanBench.fact("canary", "v1", at: 7)).events.first?.event
    #expect(event?.effectiveAt == second(7))
    #expect(event?.recordedAt == second(100).advanced(byMicroseconds: 3))
  }

  @Test func `a fact may be as new as the time it is recorded at`() {
    var bench = PlanBench()
    bench.append(automatic)
    // The next recorded time is later than the clock: the fact is held against it.
    let ahead = second(100).advanced(byMicroseconds: 3)
    let fact = StageFact(stage: "canary", versionID: "v1", effectiveAt: ahead)
    #expect(throws: Never.self) {
      try bench.plan([bench.submission(.recordFact(fact))]).outcomes[0].get()
    }
    let later = StageFact(stage: "canary", versionID: "v1", effectiveAt: ahead.successor)
    #expect(throws: Rejection.effectiveInFuture(now: ahead)) {
      try bench.plan([bench.submission(.recordFact(later))]).outcomes[0].get()
    }
  }

  @Test func `implied events name what implied them`() {
    var bench = PlanBench()
    bench.append(automatic)
    let events = bench.append(nextVersion).events.map(\.event)
    #expect(events.map(\.type) == [.versionRegistered, .stageAssigned, .stageAssigned])
    #expect(events.map(\.causedBy) == [nil, 3, 4])
    #expect(events.map(\.stage) == [nil, "SYSCURRENT", "SYSPREVIOUS"])
    #expect(events.map(\.previousVersionID) == [nil, "v1", nil])
  }

  @Test func `stream versions count within each secret`() {
    let bench = PlanBench()
    let plan = bench.plan([
      bench.submission(automatic, on: "a"), bench.submission(automatic, on: "b"),
      bench.submission(nextVersion, on: "a"),
    ])
    #expect(plan.events.map { $0.event.streamVersion?.number } == [1, 2, 3, 1, 2, 3, 4, 5, 6])
    #expect(plan.states["a"]?.streamVersion == 6)
    #expect(plan.states["b"]?.streamVersion == 3)
  }

  @Test func `a refused command leaves its neighbours as they are`() throws {
    let bench = PlanBench()
    let good = [
      bench.submission(automatic), bench.submission(nextVersion),
      bench.submission(.assignStage("canary", to: "v2")),
    ]
    let bad = [
      bench.submission(automatic), bench.submission(.removeStage("SYSCURRENT")),
      bench.submission(.assignStage("canary", to: "v9")), bench.submission(nextVersion, on: "t"),
    ]
    let alone = bench.plan(good)
    let mixed = bench.plan([good[0], bad[0], bad[1], good[1], bad[2], good[2], bad[3]])
    #expect(mixed.events == alone.events)
    #expect(mixed.head == alone.head)
    #expect(mixed.states == alone.states)
    #expect(
      mixed.outcomes.map { (try? $0.get()) != nil } == [
        true, false, false, true, false, true, false,
      ])
    #expect(mixed.outcomes[1] == .failure(.secretExists))
    #expect(mixed.outcomes[2] == .failure(.stagePermanent("SYSCURRENT")))
    #expect(mixed.outcomes[4] == .failure(.versionNotFound("v9")))
    #expect(mixed.outcomes[6] == .failure(.secretNotFound))
  }

  @Test func `an expected stream version is held against the batch so far`() {
    var bench = PlanBench()
    bench.append(automatic)
    let canary = Change.assignStage("canary", to: "v1")
    let blue = Change.assignStage("blue", to: "v1")
    let plan = bench.plan([
      bench.submission(canary, expecting: .exactly(2)),
      bench.submission(canary, expecting: .exactly(3)),
      bench.submission(blue, expecting: .exactly(3)),
      bench.submission(blue, expecting: .exactly(4)),
    ])
    #expect(plan.outcomes[0] == .failure(.streamVersionMismatch(expected: 2, actual: 3)))
    #expect((try? plan.outcomes[1].get().events.count) == 1)
    #expect(plan.outcomes[2] == .failure(.streamVersionMismatch(expected: 3, actual: 4)))
    #expect((try? plan.outcomes[3].get().events.count) == 1)
    let new = bench.plan([bench.submission(automatic, on: "t", expecting: .exactly(.zero))])
    #expect((try? new.outcomes[0].get().events.count) == 3)
  }

  @Test func `what changes nothing names the change that stands`() throws {
    var bench = PlanBench()
    bench.append(automatic)
    let plan = bench.append(.assignStage("SYSCURRENT", to: "v1"))
    let outcome = try plan.outcomes[0].get()
    #expect(outcome.events.isEmpty)
    #expect(outcome.standing == SecretState.Moment(effectiveAt: second(100), position: 2))
    #expect(plan.events.isEmpty)
    #expect(plan.isEmpty)
    #expect(plan.head == bench.basis.head)
    #expect(plan.states.isEmpty)
  }

  @Test func `a fact that is known names the change that said so`() throws {
    var bench = PlanBench()
    let stood = SecretState.Moment(effectiveAt: second(5), position: 0)
    bench.know("canary", "v1", since: stood)
    let plan = bench.append(PlanBench.fact("canary", "v1", at: 9))
    #expect(try plan.outcomes[0].get() == AppendOutcome(events: [], standing: stood))
  }

  @Test func `facts see the earlier facts of their batch`() throws {
    var bench = PlanBench()
    let plan = bench.append(
      PlanBench.fact("canary", "v1", at: 10), PlanBench.fact("canary", "v2", at: 30),
      PlanBench.fact("canary", "v3", at: 20), PlanBench.fact("canary", "v1", at: 5),
      PlanBench.fact("canary", "v3", at: 25), PlanBench.fact("canary", nil, at: 30),
      PlanBench.fact("canary", "v4", at: 30), PlanBench.fact("blue", "v1", at: 40))
    let told = plan.outcomes.map { outcome in
      (try? outcome.get().events.first?.event).map { event in
        event.map { "\($0.previousVersionID?.text ?? "-")>\($0.versionID?.text ?? "-")" } ?? ""
      }
    }
    #expect(told == ["->v1", "v1>v2", "v1>v3", "->v1", "", "v2>-", "->v4", "->v1"])
    #expect(plan.states["s"]?.holder(of: "canary") == "v4")
  }

  @Test func `facts see the commands of their batch and the log before it`() throws {
    var bench = PlanBench()
    bench.append(automatic, nextVersion)
    bench.know(
      "SYSCURRENT", "v7", since: SecretState.Moment(effectiveAt: second(40), position: 0))
    // The command of this batch is true at second 100 only; at 50 the log's holder stands.
    let plan = bench.append(
      .assignStage("SYSCURRENT", to: "v1"), PlanBench.fact("SYSCURRENT", "v9", at: 50))
    #expect(plan.events.last?.event.previousVersionID == "v7")
  }

  @Test func `the edge has the root of the recursive definition`() {
    var bench = PlanBench()
    for round in 0..<30 {
      bench.now = second(100 + Int64(round))
      let plan = round == 0 ? bench.append(automatic) : bench.append(nextVersion, nextVersion)
      #expect(plan.head.edge.root == MerkleTree.root(ofLeaves: bench.leaves))
      for recorded in plan.events {
        #expect(recorded.bytes == recorded.event.canonicalBytes)
        #expect(recorded.leafHash == MerkleTree.leafHash(recorded.bytes))
      }
    }
  }

  @Test func `what changed is named for the projection`() {
    var bench = PlanBench()
    bench.append(automatic)
    let plan = bench.append(nextVersion, .assignStage("canary", to: "v1"))
    #expect(plan.versions == ["s": ["v2"]])
    #expect(plan.stages == ["s": ["SYSCURRENT", "SYSPREVIOUS", "canary"]])
    #expect(plan.states["s"]?.holder(of: "canary") == "v1")
  }

  @Test func `an event carries where it came from`() throws {
    let bench = PlanBench()
    let provenance = Provenance(
      principal: Principal(kind: .cloud, id: "u", name: "n", sourceIP: "192.0.2.1"),
      source: .csmsAPI, reason: "why", ticket: "T-1", requestID: "r", correlationID: "c")
    let plan = bench.plan([bench.submission(automatic, key: "k", provenance: provenance)])
    for event in plan.events.map(\.event) {
      #expect(event.project == "p1")
      #expect(event.principal == provenance.principal)
      #expect(event.source == .csmsAPI)
      #expect(event.reason == "why")
      #expect(event.ticket == "T-1")
      #expect(event.requestID == "r")
      #expect(event.correlationID == "c")
      #expect(event.idempotencyKey == "k")
    }
    #expect(Set(plan.events.map(\.event.id)).count == 3)
  }

  @Test func `a batch of nothing plans nothing`() {
    let plan = PlanBench().plan([])
    #expect(plan.isEmpty)
    #expect(plan.outcomes.isEmpty)
  }
}
