// StoreContractTests: PostgreSQL keeps the contract of the ports, clause by clause.
//
// The same clauses are held against the memory store; time travel is held against the plain fold on
// random histories with late and tied facts.

import LedgerStore
import TestSupport
import Testing

@Suite(.inTurn) struct StoreContractTests {
  @Test(arguments: StoreContract.Clause.allCases, testSeeds)
  func `PostgreSQL keeps the clause`(_ clause: StoreContract.Clause, _ seed: UInt64) async throws {
    try await withStore { fixture in
      try await StoreContract(store: fixture.store).check(clause, seed: seed)
    }
  }
}
