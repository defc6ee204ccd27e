// Walk: the questions about all labels of a project, asked over HTTP and printed as they come.
//
// Called by `Main` for `snapshot`, `diff`, `age` and `late`; calls `LedgerClient`. Invariant:
// memory does not grow with the project.

import CanonicalJSON
import Synchronization

/// The commands about all labels.
enum Walk {
  private static let pagesMax = 100_000

  /// `snapshot`: every label at a moment.
  static func snapshot(_ context: CommandContext) async throws(CommandError) -> ExitCode {
    let question = try Question(context)
    return try await print(
      "snapshot", query: question.moments, of: question,
      ["secret", "stage", "version_id", "since", "until", "certainty"],
      details: ["candidates", "changed_between", "decided_by"], context)
  }

  /// `diff`: the labels told of differently at two moments.
  static func diff(_ context: CommandContext) async throws(CommandError) -> ExitCode {
    let question = try Question(context, moments: ["from", "to", "effective-at", "known-at"])
    var query = question.moments
    if let axis = context.option("axis") {
      guard ["effective", "known"].contains(axis) else {
        throw .usage(.badValue(of: "--axis", given: axis, expected: "effective or known"))
      }
      query.append(("axis", axis))
    }
    guard query.contains(where: { $0.name == "from" }) else {
      throw .usage(.missingOption("--from", command: "diff"))
    }
    return try await print(
      "diff", query: query, of: question, ["secret", "stage", "from", "to"], context)
  }

  /// `age`: which versions hold a label for long.
  static func age(_ context: CommandContext) async throws(CommandError) -> ExitCode {
    let question = try Question(context)
    let query = question.moments + named(["stage", "older-than"], context)
    return try await print(
      "age", query: query, of: question,
      ["secret", "stage", "version_id", "since", "age_seconds"], context)
  }

  /// `late`: what was recorded long after it was true, page by page.
  static func late(_ context: CommandContext) async throws(CommandError) -> ExitCode {
    let format = try context.format()
    let question = try Question(context, moments: [])
    let columns = [
      "position", "type", "secret", "stage", "version_id", "effective_at", "recorded_at",
      "delay_seconds",
    ]
    var pages = TablePages(columns: columns, format: format)
    do throws(ClientError) {
      var reply = try await question.client.require(
        "GET", ["ledger", "v1", question.project, "late"], query: named(["min-delay"], context))
      for _ in 0..<pagesMax {
        let rows = (reply.json["late"]?.arrayValue ?? []).map { line in
          columns.map { line[$0] ?? .null }
        }
        context.console.write(pages.text(of: rows))
        guard let next = reply.next else { break }
        reply = try await question.client.send("GET", target: next)
        guard reply.status == 200 else {
          throw ClientError.refused(status: reply.status, text: reply.refusal)
        }
      }
    } catch {
      throw .client(error)
    }
    context.console.write(pages.end())
    return .fine
  }

  private static func named(
    _ options: [String], _ context: CommandContext
  ) -> [(name: String, value: String)] {
    options.compactMap { option in
      context.option(option).map { (option.replacing("-", with: "_"), $0) }
    }
  }

  /// Prints the lines of an answer.
  private static func print(
    _ name: String, query: [(name: String, value: String)], of question: Question,
    _ columns: [String], details: [String] = [], _ context: CommandContext
  ) async throws(CommandError) -> ExitCode {
    let format = try context.format()
    let console = context.console
    // What has members of its own is for machines.
    let columns = format == .json ? columns + details : columns
    let pages = Mutex(TablePages(columns: columns, format: format))
    do {
      try await question.client.lines(
        ["ledger", "v1", question.project, name], query: query
      ) { lines in
        let rows = lines.map { line in columns.map { cell(line[$0] ?? .null, format) } }
        // They come one after the other; the lock only says so to the compiler.
        pages.withLock { console.write($0.text(of: rows)) }
      }
    } catch {
      throw .client(error)
    }
    console.write(pages.withLock { $0.end() })
    return .fine
  }

  /// One side of a difference is a version, or the candidates, where there is no JSON.
  private static func cell(_ value: JSONValue, _ format: OutputFormat) -> JSONValue {
    guard format != .json, case .object(let members) = value else { return value }
    let candidates = At.candidates(value)
    return candidates.isNull ? members["version_id"] ?? .null : candidates
  }
}
