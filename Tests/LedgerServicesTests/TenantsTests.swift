// Tenants: what is remembered, and for how long.

import Ledger
import LedgerServices
import TestLiterals
import TestSupport
import Testing

@Suite struct TenantsTests {
  @Test func `a project is remembered for its lifetime and no longer`() async throws {
    let ledger = TestLedger()
    var project = try await ledger.makeProject()
    let tenants = ledger.services.tenants
    #expect(try await tenants.project("p1")?.notFoundStatus == .badRequest)
    project.notFoundStatus = .notFound
    try await ledger.store.update(project)
    ledger.time.advance(microseconds: Tenants.lifetimeMicroseconds - 1)
    #expect(try await tenants.project("p1")?.notFoundStatus == .badRequest)
    ledger.time.advance(microseconds: 1)
    #expect(try await tenants.project("p1")?.notFoundStatus == .notFound)
    #expect(Tenants.lifetimeMicroseconds <= 2_000_000)
  }

  @Test func `a missing project is asked for each time`() async throws {
    let ledger = TestLedger()
    #expect(try await ledger.services.tenants.project("p1") == nil)
    try await ledger.makeProject()
    #expect(try await ledger.services.tenants.project("p1") != nil)
  }

  @Test func `a credential is found by its token alone`() async throws {
    let ledger = TestLedger()
    try await ledger.makeProject()
    let token = try await ledger.makeToken("ci", policy: "reader")
    let credential = try await ledger.services.tenants.credential(token: token)
    #expect(credential?.name == "ci")
    #expect(credential?.project == "p1")
    #expect(credential?.policy == Policy.builtIn["reader"])
    let other = Token(randomBytes: [UInt8](repeating: 9, count: 20))
    #expect(try await ledger.services.tenants.credential(token: other.text) == nil)
  }

  @Test func `a revoked credential stops working within the lifetime`() async throws {
    let ledger = TestLedger()
    try await ledger.makeProject()
    let token = try await ledger.makeToken("ci")
    let tenants = ledger.services.tenants
    #expect(try await tenants.credential(token: token) != nil)
    #expect(
      try await ledger.store.revokeCredential(named: "ci", of: "p1", at: ledger.time.now))
    ledger.time.advance(microseconds: Tenants.lifetimeMicroseconds)
    #expect(try await tenants.credential(token: token) == nil)
    ledger.time.advance(seconds: 60)
    #expect(try await tenants.credential(token: token) == nil)
  }

  @Test func `a credential nobody used yet is revoked at once`() async throws {
    let ledger = TestLedger()
    try await ledger.makeProject()
    let token = try await ledger.makeToken("ci")
    _ = try await ledger.store.revokeCredential(named: "ci", of: "p1", at: ledger.time.now)
    #expect(try await ledger.services.tenants.credential(token: token) == nil)
  }

  @Test func `using a credential does not prolong what is remembered`() async throws {
    let ledger = TestLedger()
    try await ledger.makeProject()
    let token = try await ledger.makeToken("ci")
    let tenants = ledger.services.tenants
    _ = try await tenants.credential(token: token)
    _ = try await ledger.store.revokeCredential(named: "ci", of: "p1", at: ledger.time.now)
    for _ in 0..<4 {
      ledger.time.advance(microseconds: Tenants.lifetimeMicroseconds / 4)
      _ = try await tenants.credential(token: token)
    }
    #expect(try await tenants.credential(token: token) == nil)
  }

  @Test func `a mistyped token does not reach the store`() async throws {
    let ledger = TestLedger()
    ledger.store.failNext(with: .deadlineExceeded)
    #expect(try await ledger.services.tenants.credential(token: "slt_mistyped") == nil)
    await #expect(throws: StoreError.deadlineExceeded) {
      try await ledger.services.tenants.project("p1")
    }
  }

  @Test func `a store that fails is not remembered as an answer`() async throws {
    let ledger = TestLedger()
    try await ledger.makeProject()
    let token = try await ledger.makeToken("ci")
    ledger.store.failNext(with: .unavailable(reason: "x"))
    await #expect(throws: StoreError.unavailable(reason: "x")) {
      try await ledger.services.tenants.credential(token: token)
    }
    #expect(try await ledger.services.tenants.credential(token: token) != nil)
  }
}
