// Finding: drift opens, resolves and opens again, as events tell it.

import CanonicalJSON
import Ledger
import TestLiterals
import TestSupport
import Testing

@Suite struct FindingTests {
  private let id = "0123456789abcdef0123456789abcdef"

  private func state(_ events: [(EventType, Int64, [String: JSONValue])]) -> FindingState? {
    events.reduce(nil) { state, event in
      FindingState.evolve(state, .test(event.0, position: event.1, data: event.2))
    }
  }

  @Test func `a finding opens with what was seen`() {
    let open = state([(.driftOpened, 4, ["kind": "label_missing"])])
    #expect(open == FindingState(openedBy: 4, resolvedBy: nil, data: ["kind": "label_missing"]))
    #expect(open?.isOpen == true)
  }

  @Test func `a finding resolves and keeps who opened it`() {
    let resolved = state([(.driftOpened, 4, ["a": 1]), (.driftResolved, 9, ["a": 2])])
    #expect(resolved?.data == ["a": 1])
    #expect(resolved?.openedBy == 4)
    #expect(resolved?.resolvedBy == 9)
    #expect(resolved?.isOpen == false)
  }

  @Test func `a finding that comes back is open again`() {
    let again = state([
      (.driftOpened, 4, [:]), (.driftResolved, 9, [:]), (.driftOpened, 12, ["again": true]),
    ])
    #expect(again == FindingState(openedBy: 12, resolvedBy: nil, data: ["again": true]))
  }

  @Test func `what was never opened cannot resolve`() {
    #expect(state([(.driftResolved, 9, [:])]) == nil)
  }

  @Test func `other events leave a finding as it is`() {
    let open = FindingState(openedBy: 4, resolvedBy: nil, data: [:])
    for type in EventType.allCases where type != .driftOpened && type != .driftResolved {
      #expect(FindingState.evolve(open, .test(type, position: 9)) == open)
      #expect(FindingState.evolve(nil, .test(type, position: 9)) == nil)
    }
  }

  @Test func `an event names its finding in its data`() {
    #expect(Event.test(.driftOpened, data: ["finding": .string(id)]).finding?.text == id)
    #expect(Event.test(.driftOpened, data: ["finding": "short"]).finding == nil)
    #expect(Event.test(.driftOpened, data: ["finding": 5]).finding == nil)
    #expect(Event.test(.driftOpened).finding == nil)
  }

  @Test func `every kind of drift has its word`() {
    let words = [
      "label_elsewhere", "label_missing", "label_extra", "version_gone", "secret_gone",
      "secret_unrecorded", "unobservable",
    ]
    #expect(DriftKind.allCases.map(\.rawValue) == words)
  }
}
