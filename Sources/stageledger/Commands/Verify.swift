// Verify: reads everything again, hashes it again, and names the first position that is wrong.
//
// Called by `Main`; calls `Auditor`.

import CanonicalJSON
import Ledger
import LedgerServices

/// The command `verify`.
enum Verify {
  /// Verifies one project, or all.
  static func run(_ context: CommandContext) async throws(CommandError) -> ExitCode {
    let format = try context.format()
    let reports = try await Backend.use(context) { backend throws(CommandError) in
      var reports: [(ProjectID, AuditReport)] = []
      let auditor = Auditor(store: backend.audits)
      for project in try await backend.projects(in: context) {
        let line = ProgressLine("verifying \(project.id.text)")
        do throws(StoreError) {
          let report = try await context.console.showingProgress(line.text) {
            () async throws(StoreError) -> AuditReport in
            try await auditor.verify(project.id) { line.set($0) }
          }
          reports.append((project.id, report))
        } catch {
          throw .store(error)
        }
      }
      return reports
    }
    var table = Table(
      columns: ["project", "result", "verified", "root_hash", "wrong_position", "problem"], rows: []
    )
    for (project, report) in reports {
      let problem = report.wrong.map { words($0.problem) }
      let differing = report.differing.map(\.description)
      let projection = differing.isEmpty ? nil : "projection: \(differing.joined(separator: ", "))"
      table.rows.append([
        .string(project.text), .string(report.isClean ? "clean" : "wrong"),
        .integer(report.verified.count), .string(report.rootHash),
        report.wrong.map { JSONValue.integer($0.position) } ?? .null,
        (problem ?? projection).map { JSONValue.string($0) } ?? .null,
      ])
    }
    context.console.print(table, as: format)
    return reports.allSatisfy { $0.1.isClean } ? .fine : .found
  }

  private static func words(_ problem: AuditProblem) -> String {
    switch problem {
    case .gap(let expected, let found): "position \(expected) is missing; \(found) follows"
    case .notAnEvent(let why): "the stored bytes are no event: \(why)"
    case .foreignProject: "the stored bytes belong to another project"
    case .column(let name): "the column \(name) does not say what the stored bytes say"
    case .leafHash: "the stored hash is not the hash of the stored bytes"
    case .recordedTime: "recorded no later than the event before it"
    case .size(let head, let found): "the head says \(head) events, there are \(found)"
    case .treeEdge: "the events do not hash to the head of the log"
    case .lastRecordedAt: "the head's last recorded time is not that of the last event"
    }
  }
}
