// The sealing key: who may read it, where it comes from, and how it is changed.

import CanonicalJSON
import Foundation
import Ledger
import LedgerServices
import TestSupport
import Testing

@testable import stageledger

extension EndToEndTests {
  @Suite struct SecretKeyFileTests {
    private static let key = Data(repeating: 1, count: 32).base64EncodedString()
    private static let otherKey = Data(repeating: 2, count: 32).base64EncodedString()

    private func file(_ text: String, mode: Int, in folder: TemporaryFolder) throws -> String {
      let path = "\(folder.path)/key-\(UInt32.random(in: .min ... .max))"
      #expect(
        FileManager.default.createFile(
          atPath: path, contents: Data(text.utf8), attributes: [.posixPermissions: mode]))
      return path
    }

    private func keyring(
      _ environment: [String: String], privateFolder: String? = nil
    ) throws -> SecretKeyring? {
      try SecretKeyFile.keyring(
        Configuration(options: [:], environment: environment), privateFolder: privateFolder)
    }

    @Test func `a key others can read is refused`() throws {
      let folder = try TemporaryFolder(label: "key")
      defer { folder.remove() }
      for mode in [0o600, 0o400] {
        let path = try file(Self.key + "\n", mode: mode, in: folder)
        #expect(try keyring(["STAGELEDGER_SECRET_KEY_FILE": path]) != nil)
      }
      for mode in [0o640, 0o604, 0o660, 0o644, 0o610] {
        let path = try file(Self.key, mode: mode, in: folder)
        #expect(throws: CommandError.self) {
          try keyring(["STAGELEDGER_SECRET_KEY_FILE": path])
        }
        #expect(throws: CommandError.self) {
          try keyring([
            "STAGELEDGER_SECRET_KEY": Self.key, "STAGELEDGER_PREVIOUS_SECRET_KEY_FILE": path,
          ])
        }
      }
    }

    @Test func `a text that is no key is refused`() throws {
      let folder = try TemporaryFolder(label: "key")
      defer { folder.remove() }
      for text in ["", "nonsense", "AAAA", Data(count: 31).base64EncodedString()] {
        let path = try file(text, mode: 0o600, in: folder)
        #expect(throws: CommandError.self) { try keyring(["STAGELEDGER_SECRET_KEY_FILE": path]) }
      }
      #expect(throws: CommandError.self) { try keyring(["STAGELEDGER_SECRET_KEY": "AAAA"]) }
      #expect(throws: CommandError.self) {
        try keyring(["STAGELEDGER_SECRET_KEY_FILE": "\(folder.path)/none"])
      }
      #expect(throws: CommandError.self) {
        try keyring(["STAGELEDGER_SECRET_KEY_FILE": "/dev/null"])
      }
      #expect(throws: ConfigurationError.self) {
        try keyring(["STAGELEDGER_SECRET_KEY": Self.key, "STAGELEDGER_SECRET_KEY_FILE": "x"])
      }
    }

    @Test func `a private database makes its own key once`() throws {
      let folder = try TemporaryFolder(label: "key")
      defer { folder.remove() }
      let first = try #require(try keyring([:], privateFolder: folder.path))
      let sealed = first.seal("s", accessKey: "AK", name: "n", in: try ProjectID("p1"))
      let second = try #require(try keyring([:], privateFolder: folder.path))
      #expect(second.isCurrent(sealed))
      let path = "\(folder.path)/\(SecretKeyFile.name)"
      let mode = try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions]
      #expect(mode as? Int == 0o600)
      #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == ["secret-key"])
      #expect(try keyring([:]) == nil)
      let named = try #require(
        try keyring(["STAGELEDGER_SECRET_KEY": Self.key], privateFolder: folder.path))
      #expect(!named.isCurrent(sealed))
    }

    @Test func `keys are made, kept sealed and sealed anew`() async throws {
      let database = try TestDatabase.create(label: "rekey")
      defer { database.drop() }
      let folder = try TemporaryFolder(label: "rekey")
      defer { folder.remove() }
      let options = ["--database-url", database.url]
      let create = { (name: String) in
        ["credential", "create", name, "--project", RunningService.project] + options
      }
      #expect(try await Program.run(["migrate"] + options).status == 0)
      _ = try await RunningService.makeProject(options)
      let plain = try await Program.run(create("plain"))
      #expect(plain.complaints.contains("STAGELEDGER_SECRET_KEY_FILE"))
      #expect(try JSONValue(parsing: Array(plain.output.utf8))["access_key"] == .null)
      #expect(try JSONValue(parsing: Array(plain.output.utf8))["secret_key"] == .null)

      let old = try file(Self.key, mode: 0o600, in: folder)
      let signer = try await Program.run(
        create("signer"), environment: ["STAGELEDGER_SECRET_KEY_FILE": old])
      let printed = try JSONValue(parsing: Array(signer.output.utf8))
      let secretKey = try #require(printed["secret_key"]?.stringValue)
      #expect(secretKey.utf8.count == 40)
      #expect(printed["access_key"]?.stringValue?.hasPrefix("SLAK") == true)
      let dump = try database.psql("SELECT * FROM ledger.credential ORDER BY name LIMIT 9")
      #expect(!dump.contains(secretKey))
      let before = try stored(database)

      let rekey = ["credential", "rekey"] + options
      let without = try await Program.run(rekey)
      #expect(without.status == 64)
      #expect(!without.complaints.contains("--"), "the keys have no option")
      let new = [
        "STAGELEDGER_SECRET_KEY": Self.otherKey, "STAGELEDGER_PREVIOUS_SECRET_KEY_FILE": old,
      ]
      let wrong = new.merging(["STAGELEDGER_SECRET_KEY": Self.key]) { $1 }
      #expect(
        try await Program.run(rekey, environment: wrong).complaints.hasPrefix("0 secret keys"))
      let done = try await Program.run(rekey, environment: new)
      #expect(done.status == 0)
      #expect(done.complaints.hasPrefix("1 secret keys sealed anew; 0 were already"))
      let after = try stored(database)
      #expect(after != before)
      let again = try await Program.run(rekey, environment: new)
      #expect(again.complaints.hasPrefix("0 secret keys sealed anew; 1 were already"))
      #expect(try stored(database) == after)
      // The key of before does not open what the other one sealed.
      let third = Data(repeating: 3, count: 32).base64EncodedString()
      let lost = try await Program.run(
        rekey, environment: new.merging(["STAGELEDGER_SECRET_KEY": third]) { $1 })
      #expect(lost.status == 1)
      #expect(lost.complaints.contains("\(RunningService.project)/signer"))
      #expect(try stored(database) == after)
    }

    private func stored(_ database: TestDatabase) throws -> String {
      try database.psql(
        """
        SELECT secret_key_id, secret_key_sealed FROM ledger.credential
        WHERE name = 'signer' LIMIT 1
        """)
    }
  }
}
