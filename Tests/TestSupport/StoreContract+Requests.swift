// The clause of the contract about changes that clouds are asked for.

import Crypto
import Ledger
import LedgerServices
import Testing

extension StoreContract {
  func requestsOpenAndClose() async throws {
    let run = try await ContractRun(store, seed: 1)
    try await run.change("s", .registerSecret(data: [:], firstVersion: .automatic))
    let first = try await request("s", "v1", key: "k", run).get()
    let event = try #require(first.events.first?.event)
    #expect(event.type == .changeRequested)
    let open = RequestState(
      position: event.position, secret: named("s"), deadline: second(90), unresolvedBy: nil,
      settledBy: nil)
    #expect(try await state(event.position, run) == open)
    #expect(try await store.openRequests(in: run.project, limit: 9).value == [open])
    // The next one of the secret waits, another secret's does not, a repeated key is no next one.
    #expect(
      try await request("s", "v1", key: nil, run) == .failure(.changeUnderWay(event.position)))
    #expect(try await request("s", "v1", key: "k", run) == .success(first))
    let other = try await request("t", "v1", key: nil, run).get()
    let both = try await store.openRequests(in: run.project, limit: 9).value.map(\.secret)
    #expect(both == [named("s"), named("t")])
    #expect(try await store.openRequests(in: run.project, limit: 1).value == [open])

    let doubt = try await settle(event, .unresolved, run)
    #expect(doubt.events.map(\.event.causedBy) == [event.position])
    #expect(try await settle(event, .unresolved, run).events.isEmpty)
    var known = open
    known.unresolvedBy = doubt.events.first?.event.position
    #expect(try await state(event.position, run) == known)
    let done = try await settle(
      event, .done(effectiveAt: run.now, effectiveAfter: nil), run)
    #expect(done.events.map(\.event.type) == [.stageAssigned])
    known.settledBy = done.events.first?.event.position
    #expect(try await state(event.position, run) == known)
    // What is settled stays so.
    #expect(try await settle(event, .rejected, run).events.isEmpty)
    #expect(try await state(event.position, run) == known)

    // In one batch: one is settled, and the next of its secret is made.
    let otherEvent = try #require(other.events.first?.event)
    let batch = try await run.append([
      try settlement(otherEvent, .rejected), submission("t", "v1", key: nil),
      submission("t", "v1", key: nil),
    ])
    let next = try #require(try batch[1].get().events.first?.event)
    #expect(batch[2] == .failure(.changeUnderWay(next.position)))
    let settled = try await store.request(
      at: otherEvent.position, of: named("t"), in: run.project)
    #expect(settled.value?.isOpen == false)
    let left = try await store.openRequests(in: run.project, limit: 9).value
    #expect(left.map(\.position) == [next.position])
    let missing = try await store.request(at: next.position, of: named("s"), in: run.project)
    #expect(missing.value == nil)
    try await run.checkEverything()
  }

  private func state(_ position: Position, _ run: ContractRun) async throws -> RequestState? {
    try await store.request(at: position, of: named("s"), in: run.project).value
  }

  private func submission(
    _ secret: String, _ version: String, key: String?
  ) -> Submission {
    Submission(
      intent: .request(
        named(secret),
        StageRequest(
          stage: named("canary"), target: named(version), source: nil, deadline: second(90)), .any),
      provenance: .test,
      idempotency: key.map {
        Submission.Idempotency(key: named($0), requestDigest: SHA256.hash([]))
      })
  }

  private func request(
    _ secret: String, _ version: String, key: String?, _ run: ContractRun
  ) async throws -> Result<AppendOutcome, Rejection> {
    let outcomes = try await run.append([submission(secret, version, key: key)])
    return try #require(outcomes.first)
  }

  private func settlement(
    _ event: Event, _ outcome: Settlement.Outcome
  ) throws -> Submission {
    Submission(
      intent: .settle(
        try #require(event.secret),
        Settlement(
          request: event.position, stage: try #require(event.stage), target: event.versionID,
          outcome: outcome, data: [:])),
      provenance: .test, idempotency: nil)
  }

  private func settle(
    _ event: Event, _ outcome: Settlement.Outcome, _ run: ContractRun
  ) async throws -> AppendOutcome {
    run.now = run.now.advanced(byMicroseconds: 1_000_000)
    let outcomes = try await run.append([try settlement(event, outcome)])
    return try #require(outcomes.first).get()
  }
}
