// At: which version held a label at a moment, asked over HTTP.
//
// Called by `Main`; calls `LedgerClient`.

import CanonicalJSON
import Ledger

/// The command `at`.
enum At {
  /// Asks and prints the answer.
  static func run(_ context: CommandContext) async throws(CommandError) -> ExitCode {
    let format = try context.format()
    let question = try Question(context)
    let reply: Reply
    do {
      reply = try await question.client.require(
        "GET",
        [
          "ledger", "v1", question.project, "secrets", context.operand("SECRET"), "stages",
          context.operand("STAGE"),
        ], query: question.moments)
    } catch {
      throw .client(error)
    }
    guard format != .json else {
      context.console.print(reply.json.description)
      return .fine
    }
    let answer = reply.json
    var cells: [(name: String, value: JSONValue)] = [
      ("secret", .string(context.operand("SECRET"))), ("stage", .string(context.operand("STAGE"))),
    ]
    for name in ["version_id", "since", "until", "certainty", "coverage"] {
      cells.append((name, answer[name] ?? .null))
    }
    // What is certain has neither: a table is narrower then, and CSV keeps its columns.
    let doubts: [(name: String, value: JSONValue)] = [
      ("candidates", candidates(answer)), ("changed_between", changedBetween(answer)),
    ]
    cells += doubts.filter { format == .csv || !$0.value.isNull }
    context.console.print(
      Table(columns: cells.map(\.name), rows: [cells.map(\.value)]), as: format)
    if let reason = answer["reason"]?.stringValue { context.console.say(visible(reason)) }
    return .fine
  }

  /// The versions that may have held a label, as `v1|v2`, with `none` for no version; null when the
  /// answer is certain.
  static func candidates(_ answer: JSONValue) -> JSONValue {
    let candidates = answer["candidates"]?.arrayValue ?? []
    guard !candidates.isEmpty else { return .null }
    return .string(candidates.map { $0.stringValue ?? "none" }.joined(separator: "|"))
  }

  /// The first and the last moment the change can have come at, as `FIRST/LAST`; null when it is
  /// known.
  private static func changedBetween(_ answer: JSONValue) -> JSONValue {
    guard let earliest = answer["changed_between"]?["earliest"]?.stringValue,
      let latest = answer["changed_between"]?["latest"]?.stringValue
    else { return .null }
    return .string("\(earliest)/\(latest)")
  }
}

/// What every question over HTTP needs.
struct Question: Sendable {
  /// Whom to ask.
  let client: LedgerClient
  /// About which project.
  let project: String
  /// The moments, as parameters of the query.
  let moments: [(name: String, value: String)]

  /// Reads settings and moments, and says how the moments were understood.
  init(
    _ context: CommandContext, moments options: [String] = ["effective-at", "known-at"]
  ) throws(CommandError) {
    guard let project = context.configuration[.project] else { throw .missingSetting(.project) }
    guard let token = context.configuration[.token] else { throw .missingSetting(.tokenFile) }
    do {
      client = try LedgerClient(
        address: context.configuration[.url] ?? "http://127.0.0.1:8087", token: token)
    } catch {
      throw .client(error)
    }
    self.project = project
    let now = systemNow()
    var moments: [(name: String, value: String)] = []
    let knowledge: Set =
      context.option("axis") == "known" ? ["from", "to", "known-at"] : ["known-at"]
    for option in options {
      guard let text = context.option(option) else { continue }
      if knowledge.contains(option), let position = Self.position(text) {
        context.console.say("--\(option) \(text) is all through position \(position)")
        moments.append((option.replacing("-", with: "_"), text))
        continue
      }
      let moment: MomentText
      do {
        moment = try MomentText(text, option: option, now: now)
      } catch {
        throw .usage(error)
      }
      if let understood = moment.understood { context.console.say(understood) }
      moments.append((option.replacing("-", with: "_"), moment.instant.rfc3339))
    }
    self.moments = moments
  }

  /// The position in `pos:41`; nil for any other text.
  private static func position(_ text: String) -> Int64? {
    guard text.hasPrefix("pos:"), text.utf8.dropFirst(4).allSatisfy({ 0x30...0x39 ~= $0 }) else {
      return nil
    }
    return Int64(text.dropFirst(4))
  }
}
