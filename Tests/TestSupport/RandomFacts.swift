// RandomFacts: submissions of several facts of every kind, and what holds of all that came of them.
//
// Called by `RandomHistory` and the random clauses of `StoreContract`. Facts come from people, from
// trails and from the reconciler, whose bounded ones later facts may be about.

import Ledger
import LedgerServices
import Testing

extension ContractRun {
  /// One to five facts of one request.
  func anyFacts() -> Submission {
    let count = Int.random(in: 1...5, using: &random)
    return Submission(
      intent: .facts((0..<count).map { _ in anyFact() }), provenance: .test, idempotency: nil)
  }

  private func anyFact() -> Fact {
    let effectiveAt = anyMoment()
    let fact = Fact(
      eventID: random.oneIn(4) ? named("fact-\(Int.random(in: 0...9, using: &random))") : nil,
      secret: named(random.pick(["s", "t", "u"])), anyHappening(), effectiveAt: effectiveAt,
      effectiveAfter: anyAfter(effectiveAt), implications: random.oneIn(2) ? .byRules : .asSaid)
    guard random.oneIn(2) else { return fact }
    var seen = fact
    seen.provenance = Provenance(
      principal: .unknown, source: random.pick([.reconciler, .reconciler, .importCTS]),
      evidence: Evidence(sha256: String(repeating: "a", count: 64), locator: "trail"))
    return seen
  }

  private func anyHappening() -> Fact.Happening {
    let stage: StageName = named(random.pick(["SYSCURRENT", "SYSPREVIOUS", "a", "b"]))
    let version: VersionID = named(random.pick(["v1", "v2", "v3"]))
    switch Int.random(in: 0..<24, using: &random) {
    case 0: return .secretRegistered
    case 1: return .secretDeletionScheduled
    case 2: return .secretRestored
    case 3: return .secretDeleted
    case 4, 5: return .versionRegistered(version, stages: random.oneIn(2) ? nil : [stage])
    case 6: return .versionRemoved(version)
    case 7, 8: return .stageRemoved(stage)
    case 9: return .changeRejected(stage, version)
    case 10: return .changeUnresolved(nil, nil)
    case 11, 12:
      let position = Int64.random(in: 0...max(0, size.count), using: &random)
      return .changeRefined(stage, place(position))
    default: return .stageAssigned(stage, to: version)
    }
  }

  /// What holds of every event of a label and of the present, told by the plain fold alone.
  func checkChanges() {
    for (index, event) in events.enumerated() where event.type.changesStage {
      let before = changes(of: event, among: events[..<index])
      if event.type != .changeRefined {
        let held = StageTimeline(events: before, knownSize: size).answer(at: event.effectiveAt)
        #expect(event.previousVersionID == held.last?.versionID, "\(event.position.index)")
        #expect(event.versionID != event.previousVersionID, "\(event.position.index)")
      } else {
        let subject = before.first { $0.position == event.refines }
        #expect(subject?.refines == nil && subject != nil, "\(event.position.index)")
        #expect(event.versionID == subject?.versionID, "\(event.position.index)")
      }
      var state = SecretState()
      for other in events[...index] where other.secret == event.secret { state.evolve(other) }
      let last = StageTimeline(
        events: changes(of: event, among: events[...index]), knownSize: size
      ).changes.last
      let present = event.stage.flatMap { state.stages[$0] }
      #expect(present?.versionID == last?.versionID, "\(event.position.index)")
      #expect(present?.since.position == last?.decidedBy, "\(event.position.index)")
    }
    for event in events {
      if let cause = event.causedBy { #expect(cause < event.position) }
    }
  }

  private func changes(of event: Event, among events: ArraySlice<Event>) -> [Event] {
    events.filter {
      $0.secret == event.secret && $0.stage == event.stage && $0.type.changesStage
    }
  }
}
