// History: every change of a secret's labels, asked over HTTP page by page.
//
// Called by `Main`; calls `LedgerClient`.

import CanonicalJSON
import Synchronization

/// The command `history`.
enum History {
  private static let pagesMax = 10_000

  /// Asks and prints the changes.
  static func run(_ context: CommandContext) async throws(CommandError) -> ExitCode {
    let format = try context.format()
    let question = try Question(context)
    if context.invocation.has("both") {
      return try await bothAxes(question, as: format, context)
    }
    var segments = ["ledger", "v1", question.project, "secrets", context.operand("SECRET")]
    if let stage = context.invocation.operands["STAGE"] { segments += ["stages", stage] }
    segments.append("history")
    let changes: [JSONValue]
    do {
      changes = try await context.console.showingProgress("reading the history") {
        () async throws(ClientError) -> [JSONValue] in
        var reply = try await question.client.require("GET", segments, query: question.moments)
        var changes = reply.json["intervals"]?.arrayValue ?? []
        var pages = 1
        while let next = reply.next, pages < pagesMax {
          reply = try await question.client.send("GET", target: next)
          guard reply.status == 200 else {
            throw .refused(status: reply.status, text: reply.refusal)
          }
          changes += reply.json["intervals"]?.arrayValue ?? []
          pages += 1
        }
        return changes
      }
    } catch {
      throw .client(error)
    }
    let columns = ["stage", "version_id", "since", "until", "recorded_at", "position"]
    let table = Table(
      columns: columns, rows: changes.map { change in columns.map { change[$0] ?? .null } })
    context.console.print(table, as: format)
    return .fine
  }
  /// Every stretch that was ever told, printed as it comes.
  private static func bothAxes(
    _ question: Question, as format: OutputFormat, _ context: CommandContext
  ) async throws(CommandError) -> ExitCode {
    let columns = [
      "stage", "version_id", "since", "until", "known_since", "known_until", "position",
    ]
    let wanted = context.invocation.operands["STAGE"].map { JSONValue.string($0) }
    let console = context.console
    let pages = Mutex(TablePages(columns: columns, format: format))
    do {
      try await question.client.lines(
        ["ledger", "v1", question.project, "secrets", context.operand("SECRET"), "timeline"],
        query: question.moments
      ) { lines in
        let rows = lines.filter { wanted == nil || $0["stage"] == wanted }.map { line in
          columns.map { line[$0] ?? .null }
        }
        // They come one after the other; the lock only says so to the compiler.
        pages.withLock { console.write($0.text(of: rows)) }
      }
    } catch {
      throw .client(error)
    }
    console.write(pages.withLock { $0.end() })
    return .fine
  }
}
