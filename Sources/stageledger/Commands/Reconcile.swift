// Reconcile: compares the record with the live cloud, once.
//
// Called by `Main` and the demo; calls `Backend` for the reconciler. Works on the database
// directly.

import CanonicalJSON
import Ledger
import LedgerServices
import Synchronization

/// The command `reconcile`.
enum Reconcile {
  /// Makes one drift run of one project, or of all that have a cloud.
  static func run(_ context: CommandContext) async throws(CommandError) -> ExitCode {
    let format = try Self.format(context)
    let purpose = try purpose(context)
    let isNamed = context.configuration[.project] != nil
    let (reports, failedCount) = try await Backend.use(context) { backend throws(CommandError) in
      let runs = backend.services(readiness: { [] }, metrics: { [] }).runs
      var reports: [DriftReport] = []
      var failedCount = 0
      for project in try await backend.projects(in: context) where project.isComparable {
        do throws(ReconcileError) {
          reports.append(try await run(project, for: purpose, by: runs, context.console))
        } catch {
          guard !isNamed, error.concernsOneProject else { throw .reconcile(project.id, error) }
          failedCount += 1
          context.console.say(CommandError.reconcile(project.id, error).text)
        }
      }
      return (reports, failedCount)
    }
    guard !reports.isEmpty || failedCount > 0 else {
      context.console.say("no project has a cloud to compare with (upstream mode read)")
      if case .report(let format) = format { context.console.write(format.text(of: [])) }
      return .incomplete
    }
    switch format {
    case .report(.json) where isNamed: context.console.print(reports[0].json.description)
    case .report(let format): context.console.write(format.text(of: reports))
    case .table:
      for report in reports { context.console.print(table(report), as: .table) }
    }
    for report in reports { context.console.say("\(report.project.text): \(summary(report))") }
    if reports.contains(where: { $0.verdict == .drift }) { return .found }
    if reports.isEmpty { return .couldNotRun }
    return failedCount == 0 && reports.allSatisfy { $0.verdict == .clean } ? .fine : .incomplete
  }

  /// What the run is for; the words for facts stand only beside `--adopt`.
  private static func purpose(_ context: CommandContext) throws(CommandError) -> RunPurpose {
    let reason = context.option("reason")
    let ticket = context.option("ticket")
    guard context.invocation.has("adopt") else {
      guard reason == nil, ticket == nil else {
        throw .usage(.missingOption("--adopt", command: "reconcile with --reason or --ticket"))
      }
      return .compare
    }
    if let reason, reason.isEmpty || reason.count > 1_024 {
      throw .usage(.badValue(of: "--reason", given: reason, expected: "up to 1,024 characters"))
    }
    if let ticket, ticket.isEmpty || ticket.count > 256 {
      throw .usage(.badValue(of: "--ticket", given: ticket, expected: "up to 256 characters"))
    }
    return .adopt(reason: reason, ticket: ticket)
  }

  private static func run(
    _ project: Project, for purpose: RunPurpose, by runs: DriftRuns, _ console: Console
  ) async throws(ReconcileError) -> DriftReport {
    let progress = Mutex(Reconciler.Progress(done: 0, total: 0))
    let observer = RunObserver(
      progress: { now in progress.withLock { last in if last.done < now.done { last = now } } },
      warn: { console.say("\(project.id.text): \($0)") })
    return try await console.showingProgress(
      progress.withLock {
        ProgressBar.text("comparing \(project.id.text)", done: $0.done, of: $0.total)
      }
    ) { () async throws(ReconcileError) -> DriftReport in
      try await runs.run(project, for: purpose, observer: observer)
    }
  }

  /// In which form the reports are printed.
  private enum Format {
    case table
    case report(ReportFormat)
  }

  private static func format(_ context: CommandContext) throws(CommandError) -> Format {
    guard let text = context.option("o"), text != "table" else { return .table }
    guard let format = ReportFormat(rawValue: text) else {
      let names = (["table"] + ReportFormat.allCases.map(\.rawValue)).joined(separator: ", ")
      throw .usage(.badValue(of: "-o", given: text, expected: names))
    }
    return .report(format)
  }

  /// What a run found, a line each.
  static func table(_ report: DriftReport) -> Table {
    var table = Table(
      columns: ["kind", "secret", "stage", "ledger_version", "cloud_version", "state"], rows: [])
    for finding in report.findings {
      let difference = finding.difference
      table.rows.append(
        [
          difference.kind.rawValue, difference.secret?.text, difference.stage?.text,
          difference.ledgerVersion?.text, difference.cloudVersion?.text, finding.state.rawValue,
        ].map { $0.map { .string($0) } ?? .null })
    }
    for unseen in report.unobservable {
      table.rows.append([
        .string(DriftKind.unobservable.rawValue), unseen.secret.map { .string($0.text) } ?? .null,
        .null, .null, .null, .string(unseen.reason.rawValue),
      ])
    }
    return table
  }

  /// What a run came to, in one line.
  static func summary(_ report: DriftReport) -> String {
    let scope = report.scope
    return """
      \(scope.secrets) secrets, \(scope.versions) versions, \(scope.labels) labels: \
      \(report.count(.open) + report.count(.acknowledged)) differ, \
      \(report.count(.resolved)) no longer differ, \(report.unobservable.count) not seen \
      (event \(report.position.index))
      """
  }
}

extension ReconcileError {
  /// Whether other projects may still be compared.
  fileprivate var concernsOneProject: Bool {
    switch self {
    case .cloud, .append(.rejected), .append(.overloaded): true
    case .store(let error), .append(.store(let error)): !error.isOfTheDatabase
    case .underWay, .held: true
    case .cancelled: false
    }
  }
}
