// Rebuild: folds all events into new projections and switches to them.
//
// Called by `Main`; calls `Projector`.

import CanonicalJSON
import Ledger
import LedgerServices
import Synchronization

/// The command `rebuild`.
enum Rebuild {
  /// Rebuilds the projections of one project, or of all.
  static func run(_ context: CommandContext) async throws(CommandError) -> ExitCode {
    let format = try context.format()
    var table = Table(
      columns: ["project", "events", "generation", "differing"], rows: [])
    let reports = try await Backend.use(context) { backend throws(CommandError) in
      var reports: [(ProjectID, RebuildReport)] = []
      let projects = try await backend.projects(in: context)
      let projector = Projector(
        store: backend.projections, clock: backend.clock, identities: .random)
      for project in projects {
        let line = ProgressLine("rebuilding \(project.id.text)")
        do throws(StoreError) {
          let report = try await context.console.showingProgress(line.text) {
            () async throws(StoreError) -> RebuildReport in
            try await projector.rebuild(project, rules: project.provider.rules) { line.set($0) }
          }
          reports.append((project.id, report))
        } catch {
          throw .store(error)
        }
      }
      return reports
    }
    for (project, report) in reports {
      table.rows.append([
        .string(project.text), .integer(report.size.count), .integer(report.generation),
        .array(report.differing.map { JSONValue.string($0.description) }),
      ])
    }
    context.console.print(table, as: format)
    return reports.allSatisfy { $0.1.differing.isEmpty } ? .fine : .found
  }
}

/// How far something is, for whoever waits.
final class ProgressLine: Sendable {
  private let title: String
  private let progress = Mutex<Progress?>(nil)

  /// The line before anything is done.
  init(_ title: String) { self.title = title }

  /// Sets how far it is.
  func set(_ progress: Progress) { self.progress.withLock { $0 = progress } }

  /// The line.
  var text: String {
    guard let progress = progress.withLock({ $0 }) else { return title }
    return "\(title): \(progress.done) of \(progress.total) events"
  }
}
