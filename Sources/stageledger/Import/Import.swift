// Import: what the audit trail of a cloud tells of labels, recorded as facts.
//
// Called by `Main`; calls `TrailReader`, `ImportWindow` and `FactSender`. While one part of the
// trail is sent the next is read. Invariant: exit status 0 means that every record found is in the
// ledger or is about something else.

import CanonicalJSON
import Trails

/// The command `import`.
enum Import {
  /// Reads the files and records what they tell.
  static func run(_ context: CommandContext) async throws(CommandError) -> ExitCode {
    guard let name = context.option("format") else {
      throw .usage(.missingOption("--format", command: "import"))
    }
    guard let format = TrailFormat(rawValue: name) else {
      let names = TrailFormat.allCases.map(\.rawValue).joined(separator: ", ")
      throw .usage(.badValue(of: "--format", given: name, expected: names))
    }
    let output = try context.format(among: [.table, .json])
    let given = context.invocation.repeated
    let paths = given.isEmpty ? ["-"] : given
    let tally = ImportTally(bytesAll: try TrailReader.size(of: paths))
    var sender: FactSender?
    if !context.invocation.has("dry-run") {
      let question = try Question(context, moments: [])
      sender = FactSender(
        client: question.client, project: question.project, tally: tally, console: context.console)
    }
    let reader = TrailReader(
      paths, format: format, scope: context.option("scope"), tally: tally,
      console: context.console)
    let result: Result<Void, CommandError> = await context.console.showingProgress(tally.text) {
      await carry(from: reader, to: sender)
    }
    let counts = tally.counts
    if case .failure = result, counts.appended > 0 {
      context.console.say(
        "\(counts.appended) events were recorded before; run it again to go on")
    }
    try result.get()
    print(counts, as: output, on: context.console)
    return counts.isComplete ? .fine : .incomplete
  }

  private static func carry(
    from reader: TrailReader, to sender: FactSender?
  ) async -> Result<Void, CommandError> {
    var reader = reader
    var window = ImportWindow()
    var ready: [[ImportEntry]] = []
    var hasMore = true
    while hasMore || !ready.isEmpty {
      let batches = ready
      async let sent = sender?.send(batches) ?? .success(())
      do throws(CommandError) {
        if hasMore { hasMore = try reader.fill(&window) }
      } catch {
        _ = await sent
        return .failure(error)
      }
      ready = window.take(hasMore ? .older : .all)
      if case .failure(let error) = await sent { return .failure(error) }
    }
    return .success(())
  }

  private static func print(_ counts: ImportCounts, as format: OutputFormat, on console: Console) {
    let columns = counts.columns
    switch format {
    case .json:
      let members = columns.map { ($0.name, JSONValue.integer(Int64($0.value))) }
      console.print(JSONValue.object(Dictionary(members) { first, _ in first }).description)
    case .table, .csv:
      let rows = columns.map { [JSONValue.string($0.name), .integer(Int64($0.value))] }
      console.print(Table(columns: ["what", "count"], rows: rows), as: format)
    }
  }
}
