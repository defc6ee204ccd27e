// AccessCommand: prints the access log, page by page as it comes out of the database.
//
// Called by `Main`; calls `AccessStore`. Invariant: memory does not grow with the log.

import CanonicalJSON
import Ledger
import LedgerServices

/// The command `access`.
enum AccessCommand {
  private static let pageSize = 1_000

  /// A column, and what stands in it.
  private struct Column: Sendable {
    let name: String
    /// What it is for: a table is for eyes and has room for the main ones alone.
    var rank = Rank.main
    let value: @Sendable (AccessRow) -> JSONValue

    enum Rank {
      case main
      case detail
    }
  }

  private static let columns: [Column] = [
    Column(name: "last_at") { .string($0.lastAt.rfc3339) },
    Column(name: "first_at", rank: .detail) { .string($0.firstAt.rfc3339) },
    Column(name: "count") { .integer($0.count) },
    Column(name: "project") { text($0.access.project?.text) },
    Column(name: "credential") { text($0.access.credential) },
    Column(name: "source_ip") { text($0.access.sourceIP) },
    Column(name: "surface", rank: .detail) { .string($0.access.surface) },
    Column(name: "action") { text($0.access.action) },
    Column(name: "secret") { text($0.access.secret?.text) },
    Column(name: "stage") { text($0.access.stage?.text) },
    Column(name: "status") { .integer($0.access.status) },
    Column(name: "outcome", rank: .detail) { .string($0.access.verdict.word) },
    Column(name: "reason") { text($0.access.verdict.reason) },
    Column(name: "request_id", rank: .detail) { .string($0.requestID) },
  ]

  private static func text(_ text: String?) -> JSONValue { text.map { .string($0) } ?? .null }

  /// Which rows are wanted.
  private struct Filter {
    var credential: String?
    var isRefusedOnly: Bool

    func wants(_ access: Access) -> Bool {
      (credential.map { $0 == access.credential } ?? true)
        && (!isRefusedOnly || access.verdict.isRefused)
    }
  }

  /// Prints the log of one project, or of all.
  static func run(_ context: CommandContext) async throws(CommandError) -> ExitCode {
    let format = try context.format()
    let start = AccessMark(lastAt: try since(context), requestID: "")
    let filter = Filter(
      credential: context.option("credential"), isRefusedOnly: context.invocation.has("refused"))
    let columns = columns.filter { format != .table || $0.rank == .main }
    try await Backend.use(context) { backend throws(CommandError) in
      let named = try await backend.projects(in: context).map(\.id)
      let nobody: [ProjectID?] = context.configuration[.project] == nil ? [nil] : []
      var pages = TablePages(columns: columns.map(\.name), format: format)
      for project in nobody + named {
        var after = start
        while true {
          let rows = try await storing { () async throws(StoreError) in
            try await backend.accesses.accesses(of: project, after: after, limit: pageSize)
          }
          let wanted = rows.filter { filter.wants($0.access) }.map { row in
            columns.map { $0.value(row) }
          }
          context.console.write(pages.text(of: wanted))
          guard rows.count == pageSize, let last = rows.last else { break }
          after = last.mark
        }
      }
      context.console.write(pages.end())
    }
    return .fine
  }

  private static func since(_ context: CommandContext) throws(CommandError) -> Instant {
    guard let text = context.option("since") else { return .earliest }
    do throws(UsageError) {
      let moment = try MomentText(text, option: "since", now: systemNow())
      if let understood = moment.understood { context.console.say(understood) }
      return moment.instant
    } catch {
      throw .usage(error)
    }
  }
}

extension Access.Verdict {
  fileprivate var word: String {
    switch self {
    case .answered: "answered"
    case .failed: "failed"
    case .refused: "refused"
    }
  }
}
