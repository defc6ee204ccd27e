// StoreContractTests: the record in PostgreSQL keeps the contract every store keeps.

import LedgerStore
import TestSupport
import Testing

@Suite(.serialized) struct StoreContractTests {
  @Test(arguments: StoreContract.Clause.allCases)
  func `PostgreSQL keeps the contract`(_ clause: StoreContract.Clause) async throws {
    try await withStore { fixture in
      try await StoreContract(store: fixture.store).check(clause, seed: .random(in: 0...99))
    }
  }
}
