// Secret keys: how they are made, sealed, opened and remembered.

import Ledger
import LedgerServices
import TestLiterals
import TestSupport
import Testing

@Suite struct SecretKeysTests {
  private func keyring(_ byte: UInt8, previous: UInt8? = nil) throws -> SecretKeyring {
    try #require(
      SecretKeyring(
        key: [UInt8](repeating: byte, count: 32),
        previous: previous.map { [UInt8](repeating: $0, count: 32) }))
  }

  private func credential(_ name: String = "ci", in project: ProjectID = "p1") throws -> Credential
  {
    Credential(
      project: project, name: name, policy: try #require(Policy.builtIn["admin"]),
      createdAt: instant("2026-03-04T05:06:07Z"), revokedAt: nil)
  }

  @Test func `keys have their form and hold every random bit`() {
    let low = AccessKey.text(randomBytes: [UInt8](repeating: 0, count: 10))
    let high = AccessKey.text(randomBytes: [UInt8](repeating: 255, count: 10))
    #expect(low == "SLAKAAAAAAAAAAAAAAAA")
    #expect(high == "SLAK7777777777777777")
    #expect(AccessKey.isPlausible(low) && AccessKey.isPlausible(high))
    let secret = SecretKey.text(randomBytes: [UInt8](repeating: 255, count: 30))
    #expect(secret == String(repeating: "_", count: 40))
    for byte in 0..<30 {
      var bytes = [UInt8](repeating: 0, count: 30)
      bytes[byte] = 1
      #expect(SecretKey.text(randomBytes: bytes) != String(repeating: "A", count: 40))
    }
  }

  @Test(arguments: [
    "", "SLAK", "SLAKaaaaaaaaaaaaaaaa", "SLAKAAAAAAAAAAAAAAA", "SLAKAAAAAAAAAAAAAAA\u{e9}",
  ])
  func `a text of another form is no access key`(_ text: String) {
    #expect(!AccessKey.isPlausible(text))
  }

  @Test func `a sealed key opens for its own credential only`() throws {
    let keyring = try keyring(1)
    let sealed = keyring.seal("secret", accessKey: "AK", name: "ci", in: "p1")
    #expect(keyring.open(sealed, of: try credential()) == "secret")
    #expect(keyring.open(sealed, of: try credential("cd")) == nil)
    #expect(keyring.open(sealed, of: try credential(in: "p2")) == nil)
    var moved = sealed
    moved.accessKey = "AL"
    #expect(keyring.open(moved, of: try credential()) == nil)
    #expect(!sealed.sealed.contains(Array("secret".utf8)))
  }

  @Test func `a sealed key opens with its own key, now or before`() throws {
    let sealed = try keyring(1).seal("secret", accessKey: "AK", name: "ci", in: "p1")
    let credential = try credential()
    #expect(try keyring(2).open(sealed, of: credential) == nil)
    let both = try keyring(2, previous: 1)
    #expect(both.open(sealed, of: credential) == "secret")
    #expect(!both.isCurrent(sealed))
    let anew = both.seal("secret", accessKey: "AK", name: "ci", in: "p1")
    #expect(both.isCurrent(anew))
    #expect(try keyring(2).open(anew, of: credential) == "secret")
    #expect(try keyring(1).open(anew, of: credential) == nil)
  }

  @Test func `a key of another length is refused`() {
    #expect(SecretKeyring(key: [1, 2, 3]) == nil)
    #expect(SecretKeyring(key: [UInt8](repeating: 1, count: 32), previous: [1]) == nil)
  }

  @Test func `a revoked signer stops within the lifetime`() async throws {
    let ledger = TestLedger()
    try await ledger.makeProject()
    let keys = try await ledger.makeSigner("ci")
    let tenants = ledger.services.tenants
    let found = try await tenants.signer(accessKey: keys.accessKey)
    #expect(found?.credential.name == "ci")
    #expect(found?.secretKey == keys.secretKey)
    _ = try await ledger.store.revokeCredential(named: "ci", of: "p1", at: ledger.time.now)
    ledger.time.advance(microseconds: Tenants.lifetimeMicroseconds)
    #expect(try await tenants.signer(accessKey: keys.accessKey) == nil)
  }

  @Test func `without a key to open with nobody signs`() async throws {
    let ledger = TestLedger()
    try await ledger.makeProject()
    let keys = try await ledger.makeSigner("ci")
    for keyring in [nil, try keyring(8)] {
      let tenants = Tenants(store: ledger.store, clock: ledger.time.clock, keyring: keyring)
      #expect(try await tenants.signer(accessKey: keys.accessKey) == nil)
    }
  }

  @Test func `a text that is no access key does not reach the store`() async throws {
    let ledger = TestLedger()
    ledger.store.failNext(with: .deadlineExceeded)
    #expect(try await ledger.services.tenants.signer(accessKey: "nonsense") == nil)
    await #expect(throws: StoreError.deadlineExceeded) {
      try await ledger.services.tenants.project("p1")
    }
  }
}
