// LedgerFacts: many facts at once, each of them something that happened elsewhere.
//
// Called through the route table; calls `FactForm` for each fact and `Appender` once for all.
// Invariant: all facts of a request are recorded, or none, and the one at fault is named by its
// index; the policy allows each of them.

import CanonicalJSON
import HTTPWire
import Ledger
import LedgerServices

/// The call about facts.
enum LedgerFacts {
  /// How many facts one request tells of at most.
  static let countMax = 1_000

  /// `POST .../facts`: what happened elsewhere, in order.
  static func record(_ call: Call) async throws(Failure) -> Answer {
    guard call.request.fields["If-Match"] == nil else {
      throw .input("If-Match", .malformed("left out: facts speak of many secrets"))
    }
    let asking = call.principal
    var facts: [Fact] = []
    for (index, item) in try FactBody.items(of: call.request).enumerated() {
      do throws(Failure) {
        let value = try item.get()
        guard !SecretValue.isIn(value) else { throw .secretValue }
        guard case .object(let members) = value else { throw .body(.notObject) }
        let fact = try FactForm.fact(Fields(members), toldBy: asking, call.requestID)
        try call.authorize(on: fact.secret, stages: fact.namedStages(call.project.provider.rules))
        facts.append(fact)
      } catch {
        throw .fact(index: index, error)
      }
    }
    let outcome = try await call.append(.facts(facts), reason: nil, ticket: nil)
    return await call.recorded(facts: outcome)
  }
}

extension Fact {
  /// The labels the policy must allow to be changed: those that are named, and the current one
  /// where a version comes that takes it by the rules.
  fileprivate func namedStages(_ rules: LabelRules) -> [StageName] {
    switch happening {
    case .versionRegistered(_, let stages):
      stages ?? (implications == .byRules ? [rules.current] : [])
    case .secretRegistered, .secretDeletionScheduled, .secretRestored, .secretDeleted,
      .versionRemoved, .stageAssigned, .stageRemoved, .changeRefined, .changeRejected,
      .changeUnresolved:
      stage.map { [$0] } ?? []
    }
  }
}

extension Call {
  /// What became of facts: 201 if any of them appended something, else 200.
  ///
  /// `position` and the receipt are those of the last event.
  fileprivate func recorded(facts outcome: AppendOutcome) async -> Answer {
    let last = outcome.events.last
    var text = ObjectText()
    text.integer("appended", Int64(outcome.events.count))
    text.integer("position", last?.event.position.index)
    text.list(
      "results",
      outcome.facts.enumerated().map { index, fact in
        var text = ObjectText()
        text.integer("index", Int64(index))
        text.text("outcome", fact.kind.rawValue)
        text.integer("position", fact.position?.index)
        return text.bytes
      })
    text.raw("receipt", last.map { receipt(of: $0) })
    guard last != nil else {
      let size = try? await services.records.known(at: nil, in: project.id).size
      return .json(text.bytes, size: size)
    }
    return .json(text.bytes, status: 201, size: outcome.size)
  }
}
