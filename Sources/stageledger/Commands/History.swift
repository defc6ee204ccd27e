// History: every change of a secret's labels, asked over HTTP page by page.
//
// Called by `Main`; calls `LedgerClient`.

import CanonicalJSON

/// The command `history`.
enum History {
  private static let pagesMax = 10_000

  /// Asks and prints the changes.
  static func run(_ context: CommandContext) async throws(CommandError) -> ExitCode {
    let format = try context.format()
    let question = try Question(context)
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
}
