// The clauses about the access log.
//
// Called by `StoreContract.check`.

import Ledger
import LedgerServices
import Testing

extension StoreContract {
  private func row(
    _ project: ProjectID?, _ id: String, at time: Int64,
    _ change: (inout Access) -> Void = { _ in }
  ) -> AccessRow {
    var access = Access(
      project: project, credential: nil, sourceIP: nil, surface: "csms", action: nil, secret: nil,
      stage: nil, status: 401, verdict: .refused("unauthenticated"))
    change(&access)
    return AccessRow(
      access: access, firstAt: second(time - 1), lastAt: second(time), count: 1, requestID: id)
  }

  private func all(_ project: ProjectID?, since: Int64 = 0) async throws -> [AccessRow] {
    try await store.accesses(
      of: project, after: AccessMark(lastAt: second(since), requestID: ""), limit: 1_000)
  }

  func accessesAreKept() async throws {
    let run = try await ContractRun(store, seed: 1)
    let other = try await ContractRun(store, seed: 2)
    let bare = row(run.project, "a", at: 10)
    var full = row(run.project, "b", at: 20) { access in
      access.credential = "caf\u{E9}; --"
      access.sourceIP = "2001:db8::1"
      access.action = "csms:secret:getStage"
      access.secret = named("db/\u{1F511}")
      access.stage = named("SYSCURRENT")
      access.status = 404
      access.verdict = .failed("stage_not_found")
    }
    full.count = .max
    let read = row(run.project, "c", at: 30) { $0.verdict = .answered }
    let rows = [bare, full, read]
    #expect(try await all(run.project) == [])
    try await store.add([], to: run.project)
    try await store.add(rows.reversed(), to: run.project)
    #expect(try await all(run.project) == rows)
    // A row that is there is not written again, and not changed.
    var changed = bare
    changed.count = 7
    let late = row(run.project, "d", at: 40)
    try await store.add([changed, late], to: run.project)
    #expect(try await all(run.project) == rows + [late])
    #expect(try await all(other.project) == [])
    // Those of nobody stand apart; the store may hold such rows of other tests.
    let stranger = row(nil, "stranger of \(run.project)", at: 50)
    try await store.add([stranger], to: nil)
    #expect(try await all(nil).contains(stranger))
    #expect(try await all(run.project) == rows + [late])
  }

  func accessesComeInPages() async throws {
    let run = try await ContractRun(store, seed: 1)
    // Some have one time, and a greater id at an earlier one.
    let rows = [(1, "z"), (2, "a"), (2, "b"), (2, "c"), (3, "a"), (9, "B"), (9, "b")].map {
      row(run.project, $0.1, at: $0.0)
    }
    try await store.add(rows.shuffled(using: &run.random), to: run.project)
    for limit in [1, 2, 3, 7, 8] {
      var seen: [AccessRow] = []
      while true {
        let after = seen.last?.mark ?? AccessMark(lastAt: second(0), requestID: "")
        let page = try await store.accesses(of: run.project, after: after, limit: limit)
        #expect(page.count <= limit)
        seen += page
        guard page.count == limit else { break }
      }
      #expect(seen == rows)
    }
    #expect(try await all(run.project, since: 2) == Array(rows[1...]))
    #expect(try await all(run.project, since: 4) == Array(rows[5...]))
    #expect(try await all(run.project, since: 10) == [])
  }
}
