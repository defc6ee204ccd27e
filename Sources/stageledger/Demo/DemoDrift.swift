// DemoDrift: the second half of the story: a clean run, planted drift, what is found, and its end.
//
// Called by `DemoStory`. The drift is planted through the cloud instance's own API and one policy.
// Invariant: the runs must find exactly what was planted, and nothing else.

import CanonicalJSON
import Ledger
import LedgerServices

extension DemoStory {
  /// A difference in words: kind, secret, label, version in the ledger, version in the cloud.
  private typealias Words = [String]

  /// What the planted drift must be reported as.
  private static let planted: Set<[String]> = [
    ["label_elsewhere", secret, "SYSCURRENT", "v12", "v11"],
    ["label_missing", "api-signing-key", "canary", "v12", "-"],
    ["label_extra", "tls-private-key", "debug", "-", "v6"],
    ["version_gone", "legacy-ftp", "-", "v3", "-"],
    ["secret_gone", "smtp-password", "-", "-", "-"],
    ["secret_unrecorded", "shadow-token", "-", "-", "-"],
  ]

  /// Compares, plants, compares, mends, compares.
  func findDrift() async throws(CommandError) {
    chapter("5. Does the live cloud agree? The first drift run")
    let clean = try await world.reconcile()
    line(Reconcile.summary(clean))
    try expect(clean.verdict == .clean, "the first run finds no drift and sees everything")
    line("clean: `stageledger reconcile` would exit \(clean.exitCode)")

    chapter("6. Somebody changes the cloud behind the ledger's back; the second drift run")
    try await plant()
    let drift = try await world.reconcile()
    for row in Reconcile.table(drift).text.split(separator: "\n") { line(String(row)) }
    let open = drift.findings.filter { $0.state == .open }
    try expect(Set(open.map(Self.words)) == Self.planted, "exactly what was planted is found")
    try expect(open.count == Self.planted.count, "nothing is reported twice")
    try expect(
      drift.unobservable.map { [$0.secret?.text ?? "-", $0.reason.rawValue] }
        == [["payments-token", "forbidden"]], "one secret, and only that, cannot be seen")
    line("all seven kinds, each once: `stageledger reconcile` would exit \(drift.exitCode)")

    chapter("7. The cloud is put right; the third drift run")
    try await mend()
    let mended = try await world.reconcile()
    line(Reconcile.summary(mended))
    try expect(mended.verdict == .clean, "the third run is clean")
    try expect(
      Set(mended.findings.map(Self.words)) == Self.planted,
      "every finding is resolved, and no other is")
    line("every finding is resolved: exit \(mended.exitCode); both its ends stay in the log")
  }

  private static func words(_ finding: DriftFinding) -> Words {
    let difference = finding.difference
    return [
      difference.kind.rawValue, difference.secret?.text ?? "-", difference.stage?.text ?? "-",
      difference.ledgerVersion?.text ?? "-", difference.cloudVersion?.text ?? "-",
    ]
  }

  private func plant() async throws(CommandError) {
    try await label(Self.secret, "SYSCURRENT", "v11")
    try await cloud("DELETE", ["api-signing-key", "stages", "canary"], nil)
    try await label("tls-private-key", "debug", "v6")
    try await cloud("DELETE", ["legacy-ftp"], nil)
    try await createInCloud("legacy-ftp", versions: 2)
    try await cloud("DELETE", ["smtp-password"], nil)
    try await createInCloud("shadow-token", versions: 1)
    try await world.readCloud(as: "reconciler-2", policy: try Self.allBut("payments-token"))
  }

  private func mend() async throws(CommandError) {
    try await label(Self.secret, "SYSCURRENT", "v12")
    try await label("api-signing-key", "canary", "v12")
    try await cloud("DELETE", ["tls-private-key", "stages", "debug"], nil)
    try await cloud("POST", ["legacy-ftp", "versions"], [:])
    try await label("legacy-ftp", "SYSCURRENT", "v2")
    try await label("legacy-ftp", "SYSPREVIOUS", "v1")
    try await createInCloud("smtp-password", versions: 4)
    try await cloud("DELETE", ["shadow-token"], nil)
    try await world.readCloud(
      as: "reconciler-3", policy: try DemoWorld.policy(named: "reader"))
  }

  /// A policy that reads every secret except one.
  private static func allBut(_ secret: String) throws(CommandError) -> Policy {
    do {
      return try Policy([
        "Statement": [
          ["Effect": "Allow", "Action": ["csms:*:get*", "csms:*:list*"], "Resource": "*"],
          ["Effect": "Deny", "Action": "*", "Resource": .string(secret)],
        ]
      ])
    } catch {
      throw .policy("all but one", reason: "\(error)")
    }
  }

  /// Puts a label on a version in the cloud.
  func label(_ secret: String, _ stage: String, _ version: String) async throws(CommandError) {
    try await cloud("PUT", [secret, "stages", stage], ["version_id": .string(version)])
  }

  /// Makes a secret in the cloud with so many versions, each in its turn the current one.
  func createInCloud(_ secret: String, versions: Int) async throws(CommandError) {
    try await cloud("POST", [], ["name": .string(secret)])
    for _ in 1..<max(2, versions) where versions > 1 {
      try await cloud("POST", [secret, "versions"], [:])
    }
  }

  private func cloud(
    _ method: String, _ segments: [String], _ body: [String: JSONValue]?
  ) async throws(CommandError) {
    do {
      _ = try await world.cloud.client.require(
        method, ["v1", DemoWorld.projectName, "secrets"] + segments,
        body: body.map { .object($0) })
    } catch {
      throw .client(error)
    }
  }
}
