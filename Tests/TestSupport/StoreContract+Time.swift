// The clauses of the contract about time travel, repetition and refusal.

import Crypto
import Ledger
import LedgerServices
import Testing

extension StoreContract {
  func randomHistoriesEqualTheFold(_ seed: UInt64) async throws {
    let run = try await ContractRun(store, seed: seed)
    for _ in 0..<4 {
      try await run.appendRandomHistory(batches: 8)
      try await run.checkEverything()
    }
  }

  func timeTravelEqualsTheFold(_ seed: UInt64) async throws {
    let run = try await ContractRun(store, seed: seed)
    try await run.appendRandomHistory(batches: 30)
    run.checkChanges()
    let secrets: [SecretName] = [named("s"), named("t"), named("u"), named("nobody")]
    for _ in 0..<60 {
      let known = TreeSize(Int64.random(in: 0...run.size.count, using: &run.random)) ?? .zero
      try await run.checkAnswers(
        about: run.random.pick(secrets), at: run.anyMoment(), knownSize: known)
    }
    for moment in [Instant.earliest, .latest] {
      try await run.checkAnswers(about: secrets[0], at: moment, knownSize: run.size)
    }
    // The very instants of change, and one microsecond to either side.
    for event in run.events where run.random.oneIn(4) {
      guard let secret = event.secret, event.stage != nil else { continue }
      for step in -1...1 as ClosedRange<Int64> {
        try await run.checkAnswers(
          about: secret, at: event.effectiveAt.advanced(byMicroseconds: step),
          knownSize: run.random.oneIn(2) ? run.size : event.position.size)
      }
    }
    for secret in secrets {
      for limit in [1, 3, 1_000] {
        let known = TreeSize(Int64.random(in: 0...run.size.count, using: &run.random)) ?? .zero
        try await run.checkHistory(
          of: secret, knownSize: limit == 3 ? run.size : known, limit: limit)
        try await run.checkStageEvents(of: secret, knownSize: limit == 3 ? run.size : known)
      }
      run.checkKnowledge(of: secret)
    }
    for _ in 0..<20 { try await run.checkKnown(at: run.anyMoment()) }
    try await run.checkLabels()
    for delay in [1_000_000, 5_000_000, 3_600_000_000] as [Int64] {
      try await run.checkLate(delay: delay)
    }
  }

  func knowledgeHasExactBounds() async throws {
    let run = try await ContractRun(store, seed: 1)
    run.now = second(10)
    try await run.change("s", .registerSecret(data: [:], firstVersion: .automatic))
    run.now = second(20)
    try await run.change("s", .registerVersion(id: nil, stages: nil, data: [:]))
    for event in run.events {
      for step in -1...1 as ClosedRange<Int64> {
        try await run.checkKnown(at: event.recordedAt.advanced(byMicroseconds: step))
      }
    }
    try await run.checkKnown(at: .earliest)
    try await run.checkKnown(at: .latest)
    let all = try await store.known(at: nil, in: run.project)
    #expect(
      all.value
        == KnownAt(size: run.size, recordedAt: run.events.last?.recordedAt, isFinal: false))
    let last = try #require(run.events.last?.recordedAt)
    let then = try await store.known(at: last, in: run.project)
    #expect(then.value.isFinal)
    let later = try await store.known(at: last.successor, in: run.project)
    #expect(!later.value.isFinal)
  }

  func lateFactsAnswerByKnowledge() async throws {
    let run = try await ContractRun(store, seed: 1)
    run.now = second(1_000)
    try await run.change("s", .registerSecret(data: [:], firstVersion: .automatic))
    let steps: [(version: String?, at: Int64)] = [
      ("v1", 100), ("v2", 300), (nil, 200), ("v3", 200), ("v4", 200), (nil, 900), ("v5", 50),
      ("v5", 60), ("v6", 1_000), ("v1", 300), ("v9", -1_000_000_000),
    ]
    for step in steps {
      run.now = run.now.advanced(byMicroseconds: 1_000_000)
      try await run.change("s", run.fact("canary", step.version, at: second(step.at)))
      try await run.checkEverything()
    }
    for count in 0...run.size.count {
      let known = TreeSize(count) ?? .zero
      for moment in [-1_000_000_001, 49, 50, 100, 150, 199, 200, 201, 299, 300, 900, 1_000, 2_000]
        as [Int64]
      {
        try await run.checkAnswers(about: named("s"), at: second(moment), knownSize: known)
      }
      try await run.checkHistory(of: named("s"), knownSize: known, limit: 2)
    }
  }

  func repeatedKeysGetTheFirstAnswer() async throws {
    let run = try await ContractRun(store, seed: 1)
    // An empty log has answers to remember too.
    let nothing = run.fact("canary", nil, at: second(-5))
    let nought = try await run.change("s", nothing, key: "nought", body: "a")
    #expect(nought == AppendOutcome(events: [], standing: nil))
    let other = try await run.append([run.submission("s", nothing, key: "nought", body: "b")])
    #expect(other == [.failure(.idempotencyKeyReused)])
    let automatic = Change.registerSecret(data: [:], firstVersion: .automatic)
    let first = try await run.change("s", automatic, key: "k \"1\"", body: "a")
    #expect(first.events.count == 3)
    let size = run.size
    run.now = second(50)
    #expect(try await run.change("s", automatic, key: "k \"1\"", body: "a") == first)
    let otherBody = try await run.append([run.submission("s", automatic, key: "k \"1\"", body: "b")]
    )
    #expect(otherBody == [.failure(.idempotencyKeyReused)])
    // A change that alters nothing has an answer too, and keeps it when things have moved on.
    let assign = Change.assignStage(named("SYSCURRENT"), to: named("v1"))
    let standing = try await run.change("s", assign, key: "k2", body: "a")
    #expect(standing.events.isEmpty)
    #expect(standing.standing?.position == first.events.last?.event.position)
    #expect(run.size == size)
    try await run.change("s", .registerVersion(id: nil, stages: nil, data: [:]))
    #expect(try await run.change("s", assign, key: "k2", body: "a") == standing)
    // A refusal is not an answer: the key may be used again.
    let blue = Change.assignStage(named("blue"), to: named("v3"))
    let refused = try await run.append([run.submission("s", blue, key: "k3", body: "a")])
    #expect(refused == [.failure(.versionNotFound(named("v3")))])
    try await run.change("s", .registerVersion(id: nil, stages: [], data: [:]))
    let accepted = try await run.change("s", blue, key: "k3", body: "a")
    #expect(accepted.events.count == 1)
    // Facts are answered one by one, again as they were.
    let assigned = Fact(
      eventID: named("fact"), secret: named("s"),
      .stageAssigned(named("canary"), to: named("v1")), effectiveAt: second(3))
    var removed = assigned
    removed.eventID = nil
    removed.happening = .stageRemoved(named("canary"))
    let facts = Submission(
      intent: .facts([removed, assigned, assigned]), provenance: .test,
      idempotency: Submission.Idempotency(
        key: named("facts"), requestDigest: SHA256.hash(Array("a".utf8))))
    let position = run.size.next
    let told = try await run.append([facts]).first?.get()
    #expect(
      told?.facts == [
        FactOutcome(.unchanged, at: nil), FactOutcome(.recorded, at: position),
        FactOutcome(.duplicate, at: position),
      ])
    try await run.change("s", .registerVersion(id: nil, stages: [], data: [:]))
    #expect(try await run.append([facts]).first?.get() == told)
    // Twice in one batch.
    let green = run.submission(
      "s", .assignStage(named("green"), to: named("v1")), key: "k4", body: "a")
    let twice = try await run.append([green, green])
    #expect(twice.count == 2)
    #expect(twice.first == twice.last)
    #expect(try twice.first?.get().events.count == 1)
    // A key the answers of which are read beside others.
    let mixed = try await run.append([
      run.submission("s", automatic, key: "k \"1\"", body: "a"),
      run.submission("s", blue, key: "k3", body: "a"),
      run.submission("s", .removeStage(named("green")), key: "k5", body: "a"),
    ])
    #expect(mixed.prefix(2) == [.success(first), .success(accepted)])
    #expect(try mixed.last?.get().events.count == 1)
    try await run.checkEverything()
  }

  func refusalsLeaveNothing() async throws {
    let run = try await ContractRun(store, seed: 1)
    let refused = try await run.append([
      run.submission("s", .deleteSecret, key: "k"),
      run.submission("s", .registerVersion(id: nil, stages: nil, data: [:])),
    ])
    #expect(refused == [.failure(.secretNotFound), .failure(.secretNotFound)])
    try await run.checkEverything()
    let mixed = try await run.append([
      run.submission("s", .removeStage(named("canary"))),
      run.submission("s", .registerSecret(data: [:], firstVersion: .automatic)),
      run.submission("s", .removeStage(named("SYSCURRENT"))),
      run.submission("s", .assignStage(named("canary"), to: named("v1"))),
      run.submission("s", .assignStage(named("canary"), to: named("v2"))),
    ])
    #expect(mixed.map { (try? $0.get()) != nil } == [false, true, false, true, false])
    #expect(run.size.count == 4)
    try await run.checkEverything()
  }

  func findingsOpenAndClose() async throws {
    let run = try await ContractRun(store, seed: 1)
    func note(_ type: EventType, _ digit: String, _ text: String) -> Submission {
      let id: FindingID = named(String(repeating: digit, count: 32))
      return Submission(
        intent: .notes([
          Note(
            type: type, secret: nil, stage: nil, versionID: nil, finding: id,
            data: ["finding": .string(id.text), "text": .string(text)])
        ]), provenance: .test, idempotency: nil)
    }
    let story: [[Submission]] = [
      [note(.driftOpened, "a", "first"), note(.driftOpened, "b", "\u{1}\"\\é")],
      [note(.driftOpened, "a", "again")], [note(.driftResolved, "c", "never opened")],
      [note(.driftResolved, "a", "gone"), note(.driftAcknowledged, "b", "seen")],
      [
        note(.driftOpened, "a", "back"), note(.driftResolved, "a", "gone"),
        note(.driftOpened, "a", "x"),
      ],
      [note(.driftResolved, "b", "gone")],
    ]
    for batch in story {
      run.now = run.now.advanced(byMicroseconds: 1_000_000)
      try await run.append(batch)
      try await run.checkEverything()
    }
    #expect(run.size.count == 8)
    let open = try await store.openFindings(in: run.project)
    #expect(open.value.keys.map(\.text) == [String(repeating: "a", count: 32)])
  }
}
