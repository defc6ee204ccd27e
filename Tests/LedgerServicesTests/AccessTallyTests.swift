// AccessTally: what becomes one row, and what a crowd cannot do.

import Ledger
import LedgerServices
import TestLiterals
import TestSupport
import Testing

@Suite struct AccessTallyTests {
  static func read(
    _ secret: SecretName, of project: ProjectID = "p1", credential: String = "app"
  ) -> Access {
    Access(
      project: project, credential: credential, sourceIP: "192.0.2.1", surface: "csms",
      action: "csms:secret:getStage", secret: secret, stage: "SYSCURRENT", status: 200,
      verdict: .answered)
  }

  static func stranger(_ address: String?, _ reason: String = "unauthenticated") -> Access {
    Access(
      project: nil, credential: nil, sourceIP: address, surface: "csms", action: nil, secret: nil,
      stage: nil, status: 401, verdict: .refused(reason))
  }

  @Test func `requests that differ in nothing but time are one row`() {
    var tally = AccessTally(rowsMax: 8, strangersMax: 2)
    for (index, moment) in [20, 10, 30, 25].enumerated() {
      tally.note(Self.read("a"), requestID: "r\(index)", at: second(Int64(moment)))
    }
    #expect(
      tally.take() == [
        AccessRow(
          access: Self.read("a"), firstAt: second(10), lastAt: second(30), count: 4,
          requestID: "r3")
      ])
    #expect(tally.take() == [])
    tally.note(Self.read("a"), requestID: "r9", at: second(40))
    #expect(tally.take().map(\.count) == [1])
  }

  @Test(
    arguments: [
      { (access: inout Access) in access.project = "p2" }, { $0.credential = "other" },
      { $0.sourceIP = "192.0.2.2" }, { $0.sourceIP = nil }, { $0.surface = "ledger" },
      { $0.action = "csms:secret:get" }, { $0.secret = "b" }, { $0.secret = nil },
      { $0.stage = "canary" }, { $0.stage = nil }, { $0.status = 404 },
      { $0.verdict = .failed("x") }, { $0.verdict = .refused("x") },
    ] as [@Sendable (inout Access) -> Void])
  func `requests that differ in anything else are two`(
    _ change: @Sendable (inout Access) -> Void
  ) {
    var other = Self.read("a")
    change(&other)
    var tally = AccessTally(rowsMax: 8, strangersMax: 2)
    for _ in 0..<3 {
      tally.note(Self.read("a"), requestID: "r1", at: second(1))
      tally.note(other, requestID: "r2", at: second(1))
    }
    let rows = tally.take()
    #expect(rows.map(\.count) == [3, 3])
    #expect(Set(rows.map(\.access)) == [Self.read("a"), other])
  }

  @Test func `what finds no place is counted as dropped, and only that`() {
    var tally = AccessTally(rowsMax: 2, strangersMax: 2)
    for secret in ["a", "b", "c", "d", "a"] as [SecretName] {
      tally.note(Self.read(secret), requestID: "r", at: second(1))
    }
    #expect(tally.droppedCount == 2)
    #expect(tally.take().map(\.count).sorted() == [1, 2])
    tally.note(Self.read("c"), requestID: "r", at: second(2))
    #expect(tally.take().map(\.access.secret) == ["c"])
    #expect(tally.droppedCount == 2)
  }

  @Test func `addresses nobody knows are told apart up to a number`() {
    var tally = AccessTally(rowsMax: 100, strangersMax: 3)
    for _ in 0..<2 {
      for index in 0..<50 {
        tally.note(Self.stranger("192.0.2.\(index)"), requestID: "r", at: second(1))
      }
    }
    tally.note(Self.stranger("192.0.2.99", "unknown_access_key"), requestID: "r", at: second(1))
    tally.note(Self.read("a"), requestID: "r", at: second(1))
    let rows = tally.take()
    #expect(rows.count == 6)
    #expect(rows.filter { $0.access.sourceIP == nil }.map(\.count).sorted() == [1, 94])
    #expect(rows.map(\.count).reduce(0, +) == 102)
    #expect(tally.droppedCount == 0)
    // The next stretch begins anew.
    tally.note(Self.stranger("192.0.2.77"), requestID: "r", at: second(2))
    #expect(tally.take().map(\.access.sourceIP) == ["192.0.2.77"])
  }

  @Test func `rows come project by project, oldest first`() {
    var tally = AccessTally(rowsMax: 100, strangersMax: 3)
    for (project, secret, moment) in [
      ("p2", "a", 1), ("p1", "b", 3), ("p2", "c", 4), ("p1", "d", 2),
    ] as [(ProjectID, SecretName, Int64)] {
      tally.note(Self.read(secret, of: project), requestID: "r", at: second(moment))
    }
    tally.note(Self.stranger(nil), requestID: "r", at: second(9))
    #expect(tally.take().map(\.access.secret) == [nil, "d", "b", "a", "c"])
  }
}
