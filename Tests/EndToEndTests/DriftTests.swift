// DriftTests: drift between a ledger and a second instance that plays its cloud, with the built
// binary: every form of the report, exit codes, the list and an acknowledgement.
//
// Both instances are real services over private databases. The cloud is changed behind the ledger's
// back through its own API.

import CanonicalJSON
import Foundation
import TestSupport
import Testing

@Suite(.inTurn) struct DriftTests {
  @Test func `planted drift is found, told in every form, acknowledged and resolved`() async throws
  {
    let folders = (
      cloud: try TemporaryFolder(label: "cloud"), ledger: try TemporaryFolder(label: "ledger")
    )
    defer {
      folders.cloud.remove()
      folders.ledger.remove()
    }
    let project = RunningService.project
    let cloudOptions = ["--data-dir", folders.cloud.path]
    let options = ["--data-dir", folders.ledger.path]
    let cloudToken = try await RunningService.makeProject(cloudOptions)
    let cloud = try await RunningService(cloudOptions + ["--reconcile-every", "off"])
    try await cloud.makeSecret("db", token: cloudToken)

    let token = try await RunningService.makeProject(options)
    let tokenFile = folders.ledger.path + "/cloud-token"
    try #require(
      FileManager.default.createFile(
        atPath: tokenFile, contents: Data(cloudToken.utf8), attributes: [.posixPermissions: 0o600]))
    let set = try await Program.run(
      [
        "project", "set", project, "--upstream-mode", "read", "--upstream-url", cloud.url,
        "--upstream-project", project, "--upstream-token-file", tokenFile,
      ] + options)
    try #require(set.status == 0, "\(set.complaints)")
    let ledger = try await RunningService(options + ["--reconcile-every", "off"])
    try await ledger.makeSecret("db", token: token)
    func reconcile(_ format: String) async throws -> Ending {
      try await Program.run(["reconcile", "--project", project, "-o", format] + options)
    }

    let clean = try await reconcile("table")
    #expect(clean.status == 0, "\(clean.complaints)")
    let moved = try await cloud.send(
      "PUT", csms: "/secrets/db/stages/SYSCURRENT", ["version_id": "v1"], token: cloudToken)
    try #require(moved.status == 200)
    var texts: [String: String] = [:]
    for format in ["table", "json", "junit", "sarif", "markdown", "html"] {
      let ending = try await reconcile(format)
      #expect(ending.status == 2, "\(format): \(ending.complaints)")
      #expect(ending.output.contains("SYSCURRENT"), "\(format)")
      texts[format] = ending.output
    }
    let report = try JSONValue(parsing: Array((texts["json"] ?? "").utf8))
    #expect(report["verdict"] == "drift")
    let finding = try #require(report["findings"]?.arrayValue?.first)
    #expect(finding["kind"] == "label_elsewhere")
    #expect(finding["deciding_events"]?.arrayValue?.first?["principal"]?["id"] == "test")
    #expect(texts["junit"]?.contains("failures=\"1\"") == true)
    #expect(texts["html"]?.contains("<script") == false)

    let client = [
      "STAGELEDGER_URL": ledger.url, "STAGELEDGER_TOKEN": token, "STAGELEDGER_PROJECT": project,
    ]
    let id = try #require(finding["id"]?.stringValue)
    let listed = try await Program.run(["drift", "-o", "csv"], environment: client)
    #expect(listed.status == 0, "\(listed.complaints)")
    #expect(listed.output.contains("label_elsewhere,db,SYSCURRENT,v2,v1,"))
    let wordless = try await Program.run(["drift", "acknowledge", id], environment: client)
    #expect(wordless.status == 64)
    let said = try await Program.run(
      ["drift", "acknowledge", id, "--reason", "rollback of the release"], environment: client)
    #expect(said.status == 0, "\(said.complaints)")
    let known = try await reconcile("markdown")
    #expect(known.status == 0, "\(known.complaints)")
    #expect(known.output.contains("rollback of the release"))
    let empty = try await Program.run(["drift", "-o", "json"], environment: client)
    #expect(empty.output == "[]\n")
    let past = try await Program.run(
      ["drift", "--known-at", "pos:\(report["position"]?.integerValue ?? -1)", "-o", "json"],
      environment: client)
    #expect(past.output.contains(id))

    // A run over HTTP, from its start to its page.
    let started = try await ledger.send("POST", ledger: "/drift/runs", token: token)
    #expect(started.status == 202, "\(started.json)")
    let run = try #require(started.json["run"]?.stringValue)
    let isOver = try await eventually {
      try await ledger.send("GET", ledger: "/drift/runs/\(run)", token: token)
        .json["state"] == "completed"
    }
    #expect(isOver)
    let page = try await ledger.text("/drift/runs/\(run)", accept: "text/html", token: token)
    #expect(page.contains("rollback of the release"))
    #expect(await ledger.stop() == 0)
    #expect(await cloud.stop() == 0)
    let verified = try await Program.run(["verify"] + options)
    #expect(verified.status == 0, "\(verified.output)\(verified.complaints)")
    let rebuilt = try await Program.run(["rebuild"] + options)
    #expect(rebuilt.status == 0, "\(rebuilt.output)\(rebuilt.complaints)")
  }
}
