// The memory store is what other tests stand on, so it is held against the contract of the ports.

import Ledger
import LedgerServices
import TestSupport
import Testing

@Suite struct MemoryStoreTests {
  @Test func `a command goes through the services and can be asked for`() async throws {
    let ledger = TestLedger()
    let project = try await ledger.makeProject()
    let token = try await ledger.makeToken()
    try await ledger.append(.registerSecret(data: [:], firstVersion: .automatic), to: "s")
    ledger.time.advance(seconds: 1)
    try await ledger.append(.registerVersion(id: nil, stages: nil, data: [:]), to: "s")
    let answer = try await ledger.services.history.answer(
      try StageName("SYSCURRENT"), of: try SecretName("s"), in: project.id,
      at: MomentPair(effectiveAt: nil, knownAt: nil))
    #expect(answer.reply.value.answer.versionID?.text == "v2")
    #expect(answer.reply.size.count == 6)
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
