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
    let speaking: Set<EventType> = [.driftOpened, .driftResolved, .driftAcknowledged]
    for type in EventType.allCases where !speaking.contains(type) {
      #expect(FindingState.evolve(open, .test(type, position: 9)) == open)
      #expect(FindingState.evolve(nil, .test(type, position: 9)) == nil)
    }
  }

  @Test func `an acknowledgement holds until its end, a change or the resolution`() throws {
    let end: JSONValue = .string(second(60).rfc3339)
    let opened: (EventType, Int64, [String: JSONValue]) = (.driftOpened, 4, [:])
    let known = try #require(state([opened, (.driftAcknowledged, 5, ["expires_at": end])]))
    #expect(known.acknowledgement?.position == 5)
    #expect(known.standing(at: second(59)) == .acknowledged)
    #expect(known.standing(at: second(60)) == .open)
    let forever = state([opened, (.driftAcknowledged, 5, [:])])
    #expect(forever?.standing(at: .latest) == .acknowledged)
    let replaced = state([
      opened, (.driftAcknowledged, 5, [:]), (.driftAcknowledged, 6, ["expires_at": end]),
    ])
    #expect(replaced?.acknowledgement?.position == 6)
    #expect(replaced?.standing(at: .latest) == .open)
    let changed = state([opened, (.driftAcknowledged, 5, [:]), (.driftOpened, 7, ["a": 1])])
    #expect(changed?.standing(at: second(0)) == .open)
    let resolved = state([opened, (.driftAcknowledged, 5, [:]), (.driftResolved, 8, [:])])
    #expect(resolved?.standing(at: second(0)) == .resolved)
    #expect(state([(.driftAcknowledged, 5, [:])]) == nil)
    let late = state([opened, (.driftResolved, 8, [:]), (.driftAcknowledged, 9, [:])])
    #expect(late?.acknowledgement == nil)
    let kept = try #require(known.acknowledgement)
    #expect(Acknowledgement(kept.json) == kept)
    #expect(Acknowledgement(.object([:])) == nil)
  }

  @Test func `a finding is open as it was if versions and deciding events are the same`() {
    let data: [String: JSONValue] = [
      "ledger_version": "v1", "cloud_version": .null, "decided_by": [3], "since": "x",
    ]
    let open = FindingState(openedBy: 4, resolvedBy: nil, data: data)
    #expect(open.isOpen(as: data.merging(["since": "y"]) { _, new in new }))
    for name in ["ledger_version", "cloud_version", "decided_by"] {
      #expect(!open.isOpen(as: data.merging([name: "other"]) { _, new in new }))
    }
    #expect(!FindingState(openedBy: 4, resolvedBy: 5, data: data).isOpen(as: data))
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
