// The memory store is what other tests stand on, so it is held against the contract of the ports.

import Ledger
import LedgerServices
import TestLiterals
import TestSupport
import Testing

@Suite struct MemoryStoreTests {
  @Test(arguments: StoreContract.Clause.allCases, testSeeds)
  func `the memory store keeps the contract`(
    _ clause: StoreContract.Clause, _ seed: UInt64
  ) async throws {
    try await StoreContract(store: MemoryStore()).check(clause, seed: seed)
  }

  @Test func `a command goes through the services and can be asked for`() async throws {
    let ledger = TestLedger()
    let project = try await ledger.makeProject()
    let token = try await ledger.makeToken()
    try await ledger.append(.registerSecret(data: [:], firstVersion: .automatic), to: "s")
    ledger.time.advance(seconds: 1)
    try await ledger.append(.registerVersion(id: nil, stages: nil, data: [:]), to: "s")
    let answer = try await ledger.services.history.answer(
      "SYSCURRENT", of: "s", in: project.id, at: MomentPair(effectiveAt: nil, known: nil))
    #expect(answer.reply.value.answer.versionID == "v2")
    #expect(answer.reply.size == 6)
    #expect(try await ledger.services.tenants.credential(token: token)?.name == "tester")
  }

  @Test func `a failure that was asked for comes once`() async throws {
    let ledger = TestLedger()
    let project = try await ledger.makeProject()
    ledger.store.failNext(with: .deadlineExceeded)
    await #expect(throws: StoreError.deadlineExceeded) {
      try await ledger.store.known(at: nil, in: project.id)
    }
    #expect(try await ledger.store.known(at: nil, in: project.id).size == .zero)
  }
}
