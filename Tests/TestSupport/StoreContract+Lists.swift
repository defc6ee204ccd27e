// The clauses of the contract about lists that are filtered and sorted.

import CanonicalJSON
import Ledger
import LedgerServices
import Testing

extension StoreContract {
  func searchesFindAndSort() async throws {
    let run = try await ContractRun(store, seed: 1)
    for name in ["b-x", "a-y", "B-x", "a-x", "_z", "gone", "waits", "a"] {
      run.now = run.now.advanced(byMicroseconds: 1_000_000)
      try await run.change(name, .registerSecret(data: [:], firstVersion: .automatic))
    }
    try await run.change("unregistered", run.fact("SYSCURRENT", "v1", at: second(1)))
    // Those that changed at one moment are apart by their names.
    for name in ["b-x", "a-x"] {
      try await run.change(name, run.fact("canary", "v1", at: run.now))
    }
    run.now = run.now.advanced(byMicroseconds: 1_000_000)
    try await run.change("gone", .deleteSecret)
    run.now = run.now.advanced(byMicroseconds: 1_000_000)
    try await run.change("waits", .scheduleDeletion(days: 7))
    let everything = SecretSearch(
      life: .registered, prefixes: nil, prefixesBarred: [], words: [], order: .name,
      direction: .ascending, after: nil)
    func found(_ change: (inout SecretSearch) -> Void) async throws -> [String] {
      var search = everything
      change(&search)
      let whole = try await store.secrets(in: run.project, finding: search, limit: 100)
      #expect(whole.size == run.size)
      for limit in [1, 3] {
        search.after = nil
        var paged: [SecretSummary] = []
        while true {
          let page = try await store.secrets(in: run.project, finding: search, limit: limit).value
          paged += page
          guard page.count == limit, let last = page.last else { break }
          search.after = search.place(of: last)
        }
        #expect(paged == whole.value)
      }
      // Neither the place a page begins after nor what is left out changes how many there are.
      #expect(try await store.count(in: run.project, finding: search).value == whole.value.count)
      search.after = nil
      for skip in [1, 3, 100] {
        search.skip = Int64(skip)
        let rest = try await store.secrets(in: run.project, finding: search, limit: 2).value
        #expect(rest == Array(whole.value.dropFirst(skip).prefix(2)))
      }
      #expect(try await store.count(in: run.project, finding: search).value == whole.value.count)
      return whole.value.map(\.name.text)
    }
    let names = ["B-x", "_z", "a", "a-x", "a-y", "b-x", "waits"]
    #expect(try await found { _ in } == names)
    #expect(try await found { $0.direction = .descending } == names.reversed())
    let made = ["b-x", "a-y", "B-x", "a-x", "_z", "waits", "a"]
    #expect(try await found { $0.order = .registered } == made)
    #expect(
      try await found {
        $0.order = .registered
        $0.direction = .descending
      } == made.reversed())
    let changed = try await found { $0.order = .changed }
    #expect(changed == ["a-y", "B-x", "_z", "a", "a-x", "b-x", "waits"])
    #expect(
      try await found {
        $0.order = .changed
        $0.direction = .descending
      } == ["waits", "a", "a-x", "b-x", "_z", "B-x", "a-y"])
    #expect(try await found { $0.life = .enabled } == names.filter { $0 != "waits" })
    #expect(try await found { $0.prefixes = [] } == [])
    #expect(try await found { $0.prefixes = [""] } == names)
    #expect(try await found { $0.prefixes = ["a-", "_", "%"] } == ["_z", "a-x", "a-y"])
    #expect(
      try await found {
        $0.prefixes = ["a"]
        $0.prefixesBarred = ["a-y", "B"]
      } == ["a", "a-x"])
    #expect(try await found { $0.words = ["-x", "b"] } == ["B-x", "b-x"])
    #expect(try await found { $0.words = ["_z"] } == ["_z"])
    #expect(try await found { $0.words = ["_x"] } == [])
    let summary = try await store.secret(named("waits"), in: run.project)
    let again = try await store.secrets(in: run.project, finding: everything, limit: 100)
    #expect(again.value.first { $0.name == named("waits") } == summary.value)
  }

  func labelledVersionsAreApart() async throws {
    let run = try await ContractRun(store, seed: 1)
    for name in ["s", "t", "u"] {
      try await run.change(name, .registerSecret(data: [:], firstVersion: .none))
    }
    for stages in [nil, [], ["x", "y"], nil, nil] as [[String]?] {
      try await run.change(
        "s", .registerVersion(id: nil, stages: stages?.map { named($0) }, data: [:]))
    }
    try await run.change("s", .removeStage(named("x")))
    try await run.change("t", .registerVersion(id: nil, stages: nil, data: [:]))
    func versions(
      _ selection: VersionSelection, after: String? = nil, limit: Int = 100
    ) async throws -> [String] {
      try await store.versions(
        of: named("s"), in: run.project, selection, after: after.map { named($0) }, limit: limit
      ).value.map(\.id.text)
    }
    #expect(try await versions(.registered) == ["v1", "v2", "v3", "v4", "v5"])
    #expect(try await versions(.labelled) == ["v3", "v4", "v5"])
    #expect(try await versions(.labelled, limit: 2) == ["v3", "v4"])
    #expect(try await versions(.labelled, after: "v1", limit: 1) == ["v3"])
    #expect(try await versions(.labelled, after: "v4") == ["v5"])
    let labels = try await store.labels(
      of: ["s", "u", "t", "absent"].map { named($0) }, in: run.project)
    #expect(labels.size == run.size)
    #expect(
      labels.value == [
        named("s"): [
          named("v3"): [named("y")], named("v4"): [named("SYSPREVIOUS")],
          named("v5"): [named("SYSCURRENT")],
        ],
        named("t"): [named("v1"): [named("SYSCURRENT")]],
      ])
    #expect(try await store.labels(of: [], in: run.project).value == [:])
  }
}
