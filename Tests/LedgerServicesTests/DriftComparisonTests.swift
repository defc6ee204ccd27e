// DriftComparisonTests: one look at one secret, against every state the record held meanwhile.

import CanonicalJSON
import Ledger
import TestLiterals
import TestSupport
import Testing

@testable import LedgerServices

@Suite struct DriftComparisonTests {
  /// A record of `db` that is changed step by step while it is watched.
  struct Record {
    var window: LedgerWindow
    private var position: Int64 = 100

    /// Registered at position 0, versions at 1, 2, 3, labels at 10, 11, ...
    init(
      life: SecretState.Life = .enabled, versions: [VersionID] = ["v1", "v2", "v3"],
      labels: [StageName: VersionID] = [:]
    ) {
      var state = SecretState()
      state.life = life
      if life != .unregistered { state.registeredAt = Self.moment(0) }
      for (index, version) in versions.enumerated() {
        state.versions[version] = SecretState.VersionState(
          registeredAt: Self.moment(Int64(index) + 1), removedAt: nil, data: [:])
      }
      for (index, label) in labels.sorted(by: { $0.key < $1.key }).enumerated() {
        state.stages[label.key] = SecretState.StageState(
          versionID: label.value, since: Self.moment(Int64(index) + 10))
      }
      window = LedgerWindow(state, at: 100)
    }

    static func moment(_ index: Int64) -> SecretState.Moment {
      SecretState.Moment(effectiveAt: time(index), position: Position(integerLiteral: index))
    }

    static func time(_ index: Int64) -> Instant {
      instant("2026-01-01T00:00:00Z").advanced(byMicroseconds: index * 1_000_000)
    }

    mutating func change(
      _ type: EventType, _ stage: StageName? = nil, _ version: VersionID? = nil,
      at effectiveAt: Instant? = nil, data: [String: JSONValue] = [:]
    ) {
      let time = Self.time(position)
      window.evolve(
        Event(
          id: EventID(stringLiteral: "e\(position)"), project: "p1",
          position: Position(integerLiteral: position), type: type, secret: "db",
          streamVersion: StreamVersion(position), stage: stage, versionID: version,
          previousVersionID: nil, effectiveAt: effectiveAt ?? time, effectiveAfter: nil,
          recordedAt: time, principal: .unknown, source: .ledgerAPI, reason: nil, ticket: nil,
          requestID: nil, idempotencyKey: nil, correlationID: nil, causedBy: nil, evidence: nil,
          data: data))
      position += 1
    }

    func compare(_ sight: CloudSight) -> DriftComparison {
      DriftComparison(window, of: "db", against: sight, at: Self.time(1_000))
    }

    func compare(_ versions: [VersionID: [StageName]]) throws -> DriftComparison {
      compare(.present(try labels(versions)))
    }

    private func labels(_ versions: [VersionID: [StageName]]) throws -> CloudLabels {
      try #require(CloudLabels(versions.map { CloudVersion(id: $0.key, stages: $0.value) }))
    }
  }

  private func difference(
    _ kind: DriftKind, _ stage: StageName? = nil, _ ledger: VersionID? = nil,
    _ cloud: VersionID? = nil
  ) -> Difference {
    Difference(kind: kind, secret: "db", stage: stage, ledgerVersion: ledger, cloudVersion: cloud)
  }

  @Test func `equal labels differ in nothing`() throws {
    let record = Record(labels: ["A": "v1", "B": "v1", "C": "v3"])
    let found = try record.compare(["v1": ["B", "A"], "v2": [], "v3": ["C"]])
    #expect(found.differences.isEmpty)
    #expect(found.extent == .everything)
  }

  @Test func `each label is judged on its own`() throws {
    let record = Record(labels: ["A": "v1", "B": "v2", "C": "v3"])
    let found = try record.compare(["v1": ["C"], "v2": ["D"], "v3": [], "v4": []])
    #expect(
      found.differences.map(\.difference) == [
        difference(.labelMissing, "A", "v1"), difference(.labelMissing, "B", "v2"),
        difference(.labelElsewhere, "C", "v3", "v1"), difference(.labelExtra, "D", nil, "v2"),
      ])
    #expect(found.differences.map(\.decidedBy) == [[10], [11], [12], []])
    #expect(
      found.differences.map(\.since) == [Record.time(10), Record.time(11), Record.time(12), nil])
  }

  @Test func `every state the record held meanwhile agrees`() throws {
    var record = Record(labels: ["A": "v1"])
    record.change(.stageAssigned, "A", "v2")
    record.change(.stageRemoved, "A")
    record.change(.stageAssigned, "A", "v3")
    for holder: VersionID in ["v1", "v2", "v3"] {
      var cloud: [VersionID: [StageName]] = ["v1": [], "v2": [], "v3": []]
      cloud[holder] = ["A"]
      #expect(try record.compare(cloud).differences.isEmpty)
    }
    #expect(try record.compare(["v1": [], "v2": [], "v3": []]).differences.isEmpty)
    let found = try record.compare(["v1": [], "v2": [], "v3": [], "v4": ["A"]])
    #expect(found.differences.map(\.difference) == [difference(.labelElsewhere, "A", "v3", "v4")])
    #expect(found.differences.first?.decidedBy == [102])
  }

  @Test func `a label put on meanwhile may be missing and may not be elsewhere`() throws {
    var record = Record()
    record.change(.stageAssigned, "A", "v2")
    #expect(try record.compare(["v1": [], "v2": [], "v3": []]).differences.isEmpty)
    let found = try record.compare(["v1": ["A"], "v2": [], "v3": []])
    #expect(found.differences.map(\.difference) == [difference(.labelElsewhere, "A", "v2", "v1")])
  }

  @Test func `a label taken away is extra and says when`() throws {
    var record = Record(labels: ["A": "v1"])
    record.change(.stageRemoved, "A")
    let found = try record.compare(["v1": [], "v2": ["A"], "v3": []])
    #expect(found.differences.map(\.difference) == [difference(.labelExtra, "A", nil, "v2")])
    #expect(found.differences.first?.decidedBy == [100])
    #expect(found.differences.first?.since == Record.time(100))
  }

  @Test func `a backdated fact is no state the record held`() throws {
    var record = Record(labels: ["A": "v1"])
    record.change(.stageAssigned, "A", "v2", at: Record.time(5))
    let found = try record.compare(["v1": [], "v2": ["A"], "v3": []])
    #expect(found.differences.map(\.difference) == [difference(.labelElsewhere, "A", "v1", "v2")])
  }

  @Test func `events before the window and of the ledger itself change nothing`() throws {
    var record = Record(labels: ["A": "v1"])
    record.window.reach(200)
    record.change(.stageAssigned, "A", "v2")
    #expect(try record.compare(["v1": ["A"], "v2": [], "v3": []]).differences.isEmpty)
    #expect(try !record.compare(["v1": [], "v2": ["A"], "v3": []]).differences.isEmpty)
  }

  @Test func `a version that is gone explains that its labels are nowhere`() throws {
    let record = Record(labels: ["A": "v1", "B": "v1", "C": "v2"])
    let found = try record.compare(["v2": ["B"], "v3": []])
    #expect(
      found.differences.map(\.difference) == [
        difference(.versionGone, nil, "v1"), difference(.labelElsewhere, "B", "v1", "v2"),
        difference(.labelMissing, "C", "v2"),
      ])
    #expect(found.differences.first?.decidedBy == [1])
  }

  @Test func `a version registered or removed meanwhile is not gone`() throws {
    var record = Record(versions: ["v1"])
    record.change(.versionRegistered, nil, "v2")
    #expect(try record.compare(["v1": []]).differences.isEmpty)
    record.change(.versionRemoved, nil, "v1")
    #expect(try record.compare([:]).differences.isEmpty)
  }

  @Test func `a version only the cloud has is no difference without labels`() throws {
    #expect(try Record().compare(["v1": [], "v2": [], "v3": [], "v4": []]).differences.isEmpty)
  }

  @Test func `a secret that is gone is one difference`() {
    let found = Record(labels: ["A": "v1"]).compare(.absent)
    #expect(found.differences.map(\.difference) == [difference(.secretGone)])
    #expect(found.differences.first?.decidedBy == [0])
    #expect(found.extent == .everything)
  }

  @Test func `a secret nobody recorded is one difference`() throws {
    let record = Record(life: .unregistered, versions: [])
    let found = try record.compare(["v1": ["A"]])
    #expect(found.differences.map(\.difference) == [difference(.secretUnrecorded)])
    #expect(record.compare(.absent).differences.isEmpty)
  }

  @Test func `a secret only facts speak of has its labels compared`() throws {
    let record = Record(life: .unregistered, versions: [], labels: ["A": "v1"])
    #expect(try record.compare(["v1": ["A"], "v2": []]).differences.isEmpty)
    let found = try record.compare(["v1": [], "v2": ["A"]])
    #expect(found.differences.map(\.difference) == [difference(.labelElsewhere, "A", "v1", "v2")])
    #expect(record.compare(.absent).differences.map(\.difference.kind) == [.secretGone])
  }

  @Test func `a deleted secret the cloud still has is unrecorded`() throws {
    let record = Record(life: .deleted, versions: [])
    let found = try record.compare(["v1": ["A"]])
    #expect(found.differences.map(\.difference.kind) == [.secretUnrecorded])
    #expect(record.compare(.absent).differences.isEmpty)
  }

  @Test func `a secret whose life changes meanwhile is not judged`() throws {
    var deleted = Record(labels: ["A": "v1"])
    deleted.change(.secretDeleted)
    #expect(deleted.compare(.absent).differences.isEmpty)
    #expect(deleted.compare(.absent).extent == .nothing)
    #expect(try deleted.compare(["v1": ["A"]]).extent == .nothing)
    var registered = Record(life: .unregistered, versions: [])
    registered.change(.secretRegistered)
    #expect(registered.compare(.absent).extent == .nothing)
    #expect(try registered.compare(["v1": []]).extent == .nothing)
  }

  @Test func `what the cloud schedules for deletion is compared by its life alone`() {
    let labels: [StageName: VersionID] = ["A": "v1"]
    let later = SecretState.Life.pendingDeletion(until: Record.time(2_000))
    let inUse = Record(labels: labels).compare(.pendingDeletion)
    #expect(inUse.differences.map(\.difference.kind) == [.secretGone])
    #expect(inUse.extent == .existence)
    let both = Record(life: later, labels: labels).compare(.pendingDeletion)
    #expect(both.differences.isEmpty)
    #expect(both.extent == .existence)
    let deleted = Record(life: .deleted, versions: []).compare(.pendingDeletion)
    #expect(deleted.differences.isEmpty)
    let unknown = Record(life: .unregistered, versions: []).compare(.pendingDeletion)
    #expect(unknown.differences.map(\.difference.kind) == [.secretUnrecorded])
    var scheduled = Record(labels: labels)
    scheduled.change(
      .secretDeletionScheduled, data: ["delete_at": .string(Record.time(2_000).rfc3339)])
    #expect(scheduled.compare(.pendingDeletion).extent == .nothing)
  }

  @Test func `what the record schedules for deletion may be gone once its time has come`() throws {
    let labels: [StageName: VersionID] = ["A": "v1"]
    let due = Record(life: .pendingDeletion(until: Record.time(900)), labels: labels)
    let later = Record(life: .pendingDeletion(until: Record.time(2_000)), labels: labels)
    #expect(due.compare(.absent).differences.isEmpty)
    #expect(later.compare(.absent).differences.map(\.difference.kind) == [.secretGone])
    // Called off in the cloud: its labels can be seen again and are compared.
    let found = try later.compare(["v1": [], "v2": ["A"], "v3": []])
    #expect(found.differences.map(\.difference.kind) == [.labelElsewhere])
  }

  @Test func `what was not seen gives no difference`() {
    let found = Record(labels: ["A": "v1"]).compare(.unseen(.unreachable, detail: nil))
    #expect(found.differences.isEmpty)
    #expect(found.extent == .nothing)
  }

  @Test func `a label on two versions is no answer`() {
    #expect(
      CloudLabels([
        CloudVersion(id: "v1", stages: ["A"]), CloudVersion(id: "v2", stages: ["A"]),
      ]) == nil)
    #expect(CloudLabels([CloudVersion(id: "v1", stages: ["A", "A"])]) != nil)
  }

  @Test func `the id of a finding is stable and leaves the versions of a label out`() {
    let one = FindingID(of: difference(.labelElsewhere, "A", "v1", "v2"), in: "p1")
    #expect(one.text == "53579038faa04702849464c3b1151274")
    #expect(one == FindingID(of: difference(.labelElsewhere, "A", "v3", nil), in: "p1"))
    let others: [FindingID] = [
      FindingID(of: difference(.labelElsewhere, "A", "v1", "v2"), in: "p2"),
      FindingID(of: difference(.labelMissing, "A", "v1"), in: "p1"),
      FindingID(of: difference(.labelElsewhere, "B", "v1", "v2"), in: "p1"),
      FindingID(of: difference(.versionGone, nil, "v1"), in: "p1"),
      FindingID(of: difference(.versionGone, nil, "v2"), in: "p1"),
      FindingID(of: difference(.secretGone), in: "p1"),
    ]
    #expect(Set(others + [one]).count == 7)
  }
}
