// The clauses about findings that people answer for, and about drift runs.
//
// Called by `StoreContract.check`. Findings are held against the fold of their events.

import Ledger
import LedgerServices
import Testing

extension StoreContract {
  func findingsAreAcknowledged() async throws {
    let run = try await ContractRun(store, seed: 1)
    let ids = ["a", "b", "c"].map { digit -> FindingID in
      named(String(repeating: digit, count: 32))
    }
    func opened(_ id: FindingID, cloud version: String = "v1") -> Submission {
      Submission(
        intent: .notes([
          Note(
            type: .driftOpened, secret: named("s"), stage: named("SYSCURRENT"), versionID: nil,
            finding: id,
            data: ["finding": .string(id.text), "cloud_version": .string(version)])
        ]), provenance: .test, idempotency: nil)
    }
    func acknowledged(
      _ id: FindingID, _ reason: String, until: Instant?
    ) -> Submission {
      var provenance = Provenance.test
      provenance.reason = reason
      return Submission(
        intent: .acknowledge(
          AcknowledgementDraft(finding: id, secret: named("s"), until: until)),
        provenance: provenance, idempotency: nil)
    }
    run.now = second(10)
    try await run.append(ids.map { opened($0) })
    run.now = second(20)
    let outcomes = try await run.append([
      acknowledged(ids[0], "by design", until: nil),
      acknowledged(ids[1], "today", until: second(60)),
      acknowledged(named(String(repeating: "d", count: 32)), "nothing", until: nil),
      acknowledged(ids[2], "late", until: second(20)),
    ])
    #expect(outcomes.map { (try? $0.get().events.count) } == [1, 1, nil, nil])
    #expect(outcomes[2] == .failure(.findingNotOpen))
    guard case .failure(.acknowledgementOver) = outcomes[3] else {
      Issue.record("\(outcomes[3])")
      return
    }
    try await run.checkEverything()
    func standing(_ standing: FindingState.Standing, at moment: Instant) async throws -> [FindingID]
    {
      try await store.findings(
        in: run.project, standing, at: moment, after: nil, limit: 10
      ).value.map(\.id)
    }
    #expect(try await standing(.acknowledged, at: second(59)) == [ids[0], ids[1]])
    #expect(try await standing(.open, at: second(59)) == [ids[2]])
    #expect(try await standing(.acknowledged, at: second(60)) == [ids[0]])
    #expect(try await standing(.open, at: second(60)) == [ids[1], ids[2]])
    let one = try await store.finding(ids[0], in: run.project)
    #expect(one.value?.acknowledgement?.reason == "by design")
    #expect(one.value?.acknowledgement?.principal == Provenance.test.principal)
    #expect(one.size == run.size)
    // The same word again says nothing; another one takes its place; a changed finding has none.
    run.now = second(30)
    let again = try await run.append([
      acknowledged(ids[0], "by design", until: nil), acknowledged(ids[1], "longer", until: nil),
      opened(ids[0]), opened(ids[1], cloud: "v2"),
    ])
    #expect(try again.map { try $0.get().events.count } == [0, 1, 0, 1])
    try await run.checkEverything()
    #expect(try await standing(.acknowledged, at: second(60)) == [ids[0]])
    let page = try await store.findings(
      in: run.project, nil, at: second(60), after: ids[0], limit: 1)
    #expect(page.value.map(\.id) == [ids[1]])
    let wanted = [place(1), place(0), place(999)]
    let events = try await store.events(in: run.project, at: wanted)
    #expect(events.value.map(\.position) == [place(0), place(1)])
    #expect(try await store.finding(named("e".repeated(32)), in: run.project).value == nil)
  }

  func runsAreKept() async throws {
    let run = try await ContractRun(store, seed: 1)
    let other = try await ContractRun(store, seed: 2)
    let ids = (0..<4).map { number -> RunID in
      named("00000000-0000-4000-8000-00000000000\(number)")
    }
    func made(_ number: Int, at start: Int64) -> DriftRun {
      DriftRun(id: ids[number], startedAt: second(start), endedAt: nil, outcome: nil)
    }
    for (number, start) in [(0, 10), (2, 20), (1, 20), (3, 30)] {
      #expect(try await store.begin(made(number, at: Int64(start)), in: run.project))
    }
    #expect(try await !store.begin(made(0, at: 99), in: run.project))
    #expect(try await store.begin(made(0, at: 99), in: other.project))
    try await store.end(ids[1], in: run.project, at: second(25), .completed(place(7)))
    try await store.end(ids[2], in: run.project, at: second(26), .failed("no \u{e9}answer"))
    try await store.end(ids[2], in: run.project, at: second(27), .completed(place(8)))
    let all = try await store.runs(in: run.project, after: nil, limit: 10)
    #expect(all.size == run.size)
    #expect(all.value.map(\.id) == [ids[3], ids[2], ids[1], ids[0]])
    #expect(
      all.value.map(\.outcome) == [nil, .failed("no \u{e9}answer"), .completed(place(7)), nil])
    #expect(all.value.map(\.endedAt) == [nil, second(26), second(25), nil])
    let after = RunPlace(startedAt: second(20), id: ids[2])
    let page = try await store.runs(in: run.project, after: after, limit: 1)
    #expect(page.value == [all.value[2]])
    #expect(try await store.run(ids[0], in: run.project).value == made(0, at: 10))
    #expect(try await store.run(ids[3], in: other.project).value == nil)
  }
}

extension String {
  fileprivate func repeated(_ count: Int) -> String { String(repeating: self, count: count) }
}
