// RandomHistory: batches of commands, facts and observations such as no tidy project ever sees.
//
// Called by the random clauses of `StoreContract`. Facts are late, tied with each other and with
// commands, bounded, refined, repeated and contradicting; commands are often refused; the clock
// stands still, leaps, and goes back.

import Ledger
import LedgerServices

extension ContractRun {
  /// Appends `batches` random batches.
  func appendRandomHistory(batches: Int) async throws {
    for _ in 0..<batches {
      switch Int.random(in: 0..<6, using: &random) {
      case 0: break
      case 1: now = now.advanced(byMicroseconds: -3_000_000)
      case 2: now = now.advanced(byMicroseconds: 1)
      default:
        now = now.advanced(
          byMicroseconds: Int64.random(in: 0...5, using: &random) * 1_000_000)
      }
      let count = Int.random(in: 1...6, using: &random)
      var submissions = (0..<count).map { _ in anySubmission() }
      if random.oneIn(3), let refinement = anyRefinement() {
        submissions.insert(
          refinement, at: Int.random(in: 0...submissions.count, using: &random))
      }
      try await append(submissions)
    }
  }

  private func anySubmission() -> Submission {
    let secret = random.pick(["s", "t", "u"])
    let key = random.oneIn(5) ? "key-\(Int.random(in: 0...9, using: &random))" : nil
    if random.oneIn(4) { return anyFacts() }
    guard !random.oneIn(10) else {
      return Submission(
        intent: .notes([anyNote(secret)]), provenance: .test, idempotency: nil)
    }
    return submission(secret, anyChange(), key: key, body: random.pick(["one", "two"]))
  }

  private func anyNote(_ secret: String) -> Note {
    let finding: FindingID = named(
      String(repeating: random.pick(["a", "b"]), count: 32))
    return Note(
      type: random.pick([.driftOpened, .driftResolved, .driftAcknowledged, .watchGap]),
      secret: random.perhaps { _ in named(secret) }, stage: nil, versionID: nil,
      finding: finding, data: ["finding": .string(finding.text), "seen": random.json(depth: 1)])
  }

  /// Better knowledge of a change there is, or of something that is none.
  private func anyRefinement() -> Submission? {
    guard !events.isEmpty else { return nil }
    let event = random.pick(events)
    let changes = events.filter { $0.type.changesStage }
    let told = changes.isEmpty || random.oneIn(10) ? event : random.pick(changes)
    guard let secret = told.secret else { return nil }
    let effectiveAt = random.oneIn(3) ? told.effectiveAt : anyMoment()
    return submission(
      secret.text,
      .refineChange(
        Refinement(
          stage: random.oneIn(10) ? named("a") : told.stage ?? named("b"),
          position: told.position,
          effectiveAt: effectiveAt, effectiveAfter: anyAfter(effectiveAt))))
  }

  /// Mostly nil, else a moment before, or for once one that is not.
  func anyAfter(_ effectiveAt: Instant) -> Instant? {
    guard random.oneIn(3) else { return nil }
    return effectiveAt.advanced(
      byMicroseconds: Int64.random(in: -8...0, using: &random) * 1_000_000)
  }

  private func anyChange() -> Change {
    let stage: StageName = named(random.pick(["SYSCURRENT", "SYSPREVIOUS", "a", "b", "c"]))
    let version: VersionID = named(random.pick(["v1", "v2", "v3", "v4"]))
    switch Int.random(in: 0..<20, using: &random) {
    case 0, 1: return .registerSecret(data: random.members(depth: 1), firstVersion: .automatic)
    case 2:
      return .registerVersion(
        id: random.perhaps { _ in version },
        stages: random.perhaps { $0.oneIn(2) ? [] : [stage] }, data: random.members(depth: 1))
    case 3: return .registerVersion(id: nil, stages: nil, data: [:])
    case 4, 5, 6: return .assignStage(stage, to: version)
    case 7:
      return .moveStage(
        stage, to: random.perhaps { _ in version },
        from: random.perhaps { named($0.pick(["v1", "v2", "v3", "v4"])) })
    case 8: return .removeStage(stage)
    case 9: return random.oneIn(3) ? .deleteSecret : .restoreSecret
    case 10: return random.oneIn(3) ? .scheduleDeletion(days: nil) : .restoreSecret
    default:
      let effectiveAt = anyMoment()
      return .recordFact(
        StageFact(
          stage: stage, versionID: random.oneIn(4) ? nil : version, effectiveAt: effectiveAt,
          effectiveAfter: anyAfter(effectiveAt)))
    }
  }

  /// A whole second near the events, the very moment of one of them, or the edges of time.
  func anyMoment() -> Instant {
    switch Int.random(in: 0..<12, using: &random) {
    case 0: return .earliest
    case 1, 2, 3, 4:
      guard !events.isEmpty else { return now }
      return random.pick(events).effectiveAt
    case 5:
      guard !events.isEmpty else { return now }
      return random.pick(events).effectiveAt.advanced(
        byMicroseconds: random.oneIn(2) ? 1 : -1)
    default:
      return now.advanced(
        byMicroseconds: Int64.random(in: -30...1, using: &random) * 1_000_000)
    }
  }
}
