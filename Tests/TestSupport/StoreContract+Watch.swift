// The clauses about the watch over a cloud: coverage, leases and webhooks.
//
// Called by `StoreContract.check`. Coverage is held against `WatchHistory`, a plain fold.

import CanonicalJSON
import Ledger
import LedgerServices
import Testing

extension StoreContract {
  func coverageEqualsTheFold(_ seed: UInt64) async throws {
    let run = try await ContractRun(store, seed: seed)
    for _ in 0..<40 {
      run.now = run.now.advanced(
        byMicroseconds: Int64.random(in: 0...5, using: &run.random) * 1_000_000)
      let notes = (0..<Int.random(in: 1...3, using: &run.random)).map { _ in run.anyWatchNote() }
      try await run.append([
        Submission(intent: .notes(notes), provenance: .test, idempotency: nil)
      ])
      if run.random.oneIn(2) {
        let version = run.random.pick(["v1", nil])
        let moment = min(run.anyMoment(), run.now)
        try await run.change("s", run.fact("a", version, at: moment))
      }
      try await run.checkWatch()
    }
    let secrets: [SecretName] = [named("s"), named("t"), named("nobody")]
    var seen: Set<Coverage> = []
    for _ in 0..<150 {
      let known = TreeSize(Int64.random(in: 0...run.size.count, using: &run.random)) ?? .zero
      let moments = [run.anyMoment(), run.anyMoment()].sorted()
      let history = WatchHistory(events: run.events, knownSize: known)
      let window = try await store.coverage(
        from: moments[0], until: moments[1], knownSize: known, in: run.project)
      #expect(window == history.coverage(from: moments[0], until: moments[1]), "\(moments)")
      let secret = run.random.pick(secrets)
      let reply = try await store.answer(
        at: moments[0], knownSize: known, stage: named("a"), of: secret, in: run.project)
      let expected = history.coverage(of: named("a"), of: secret, at: moments[0])
      #expect(
        reply.value.coverage == expected, "\(secret) at \(moments[0]) known to \(known.count)")
      seen.insert(expected)
    }
    #expect(seen.count == Coverage.allCases.count, "a history without variety")
  }

  func leasesAreHeldByOne() async throws {
    let run = try await ContractRun(store, seed: 1)
    let other = try await ContractRun(store, seed: 2).project
    let hour = Duration.seconds(3_600)
    func take(
      _ holder: String, _ duration: Duration = .seconds(3_600), _ lease: LeaseName = .drift
    ) async throws -> LeaseHolder {
      try await store.take(lease, of: run.project, for: holder, lasting: duration)
    }
    let first = try await take("one")
    #expect(first.name == "one")
    #expect(try await take("two") == first)
    // Renewed, it is the same lease, since the same moment.
    #expect(try await take("one") == first)
    #expect(try await take("two", hour, .webhook).name == "two")
    let elsewhere = try await store.take(.drift, of: other, for: "two", lasting: hour)
    #expect(elsewhere.name == "two")
    try await store.giveUp(.drift, of: run.project, by: "two")
    #expect(try await take("two") == first)
    try await store.giveUp(.drift, of: run.project, by: "one")
    // A holder that died without a word: its time is over, and the next one has the lease.
    #expect(try await take("three", .zero).name == "three")
    #expect(try await take("four").name == "four")
    #expect(try await take("three").name == "four")
    let holders = try await withThrowingTaskGroup(of: LeaseHolder.self) { group in
      for number in 0..<8 {
        group.addTask { [store] in
          try await store.take(.webhook, of: other, for: "\(number)", lasting: hour)
        }
      }
      return try await group.reduce(into: Set()) { $0.insert($1) }
    }
    #expect(holders.count == 1, "\(holders)")
  }

  func webhooksAreKept() async throws {
    let run = try await ContractRun(store, seed: 1)
    #expect(try await store.webhook(of: run.project) == nil)
    var webhook = Webhook(
      project: run.project, url: "https://news.example/drift", secretFile: "/run/secret",
      next: place(7))
    try await store.set(webhook)
    #expect(try await store.webhook(of: run.project) == webhook)
    #expect(try await store.advance(webhookOf: run.project, from: place(7), to: place(9)))
    #expect(try await !store.advance(webhookOf: run.project, from: place(7), to: place(11)))
    webhook.next = place(9)
    #expect(try await store.webhook(of: run.project) == webhook)
    #expect(try await store.webhooks(after: nil, limit: 100).contains(webhook))
    #expect(try await !store.webhooks(after: run.project, limit: 100).contains(webhook))
    webhook.url = "http://127.0.0.1:1/"
    webhook.next = place(0)
    try await store.set(webhook)
    #expect(try await store.webhook(of: run.project) == webhook)
    try await store.removeWebhook(of: run.project)
    #expect(try await store.webhook(of: run.project) == nil)
    #expect(try await !store.advance(webhookOf: run.project, from: place(0), to: place(1)))
  }
}

extension ContractRun {
  /// Something a watch can say, at any moment near the others.
  fileprivate func anyWatchNote() -> Note {
    let type = random.pick(
      [
        .watchStarted, .watchStopped, .watchGap, .watchGap, .reconciliationCompleted,
        .reconciliationCompleted, .reconciliationCompleted, .changeUnresolved,
      ] as [EventType])
    let effectiveAt = random.oneIn(3) ? nil : min(anyMoment(), now)
    let end = effectiveAt ?? now
    let length = Int64.random(in: 0...8, using: &random) * 1_000_000
    var data: [String: JSONValue] = [:]
    if type == .watchGap, random.oneIn(2) {
      data["secrets"] = .array([.string(random.pick(["s", "t", "\"quoted\"", "u?"]))])
    }
    let isBounded = type == .watchGap || random.oneIn(2)
    return Note(
      type: type, secret: type == .changeUnresolved ? named("s") : nil,
      stage: type == .changeUnresolved ? named(random.pick(["a", "b"])) : nil, versionID: nil,
      finding: nil, effectiveAt: effectiveAt,
      effectiveAfter: isBounded ? end.advanced(byMicroseconds: -length) : nil, data: data)
  }

  /// Holds the last event of each type against the log.
  fileprivate func checkWatch() async throws {
    let types: [EventType] = [.watchStarted, .watchStopped, .watchGap, .reconciliationCompleted]
    let expected = types.compactMap { type in
      events.filter { $0.type == type }
        .max { ($0.effectiveAt, $0.position) < ($1.effectiveAt, $1.position) }?.position
    }
    let read = try await store.watchEvents(in: project)
    #expect(read.value.map(\.position) == expected.sorted())
    #expect(read.size == size)
  }
}
