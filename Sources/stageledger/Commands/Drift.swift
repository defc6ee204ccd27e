// Drift: what the drift runs found, and somebody's word that it may stand, over HTTP.
//
// Called by `Main`; calls `LedgerClient`. Invariant: a list is printed whole or not at all.

import CanonicalJSON
import Ledger

/// The commands `drift` and `drift acknowledge`.
enum Drift {
  private static let pagesMax = 10_000

  /// Lists findings, by secret and label.
  static func list(_ context: CommandContext) async throws(CommandError) -> ExitCode {
    let format = try context.format()
    let question = try Question(context, moments: ["known-at"])
    var query = question.moments + [("limit", "1000")]
    if let state = context.option("state") {
      let states = FindingState.Standing.allCases.map(\.rawValue) + ["all"]
      guard states.contains(state) else {
        throw .usage(
          .badValue(of: "--state", given: state, expected: states.joined(separator: ", ")))
      }
      query.append(("state", state))
    }
    let asked = query
    let findings: [JSONValue]
    do {
      findings = try await context.console.showingProgress("reading the findings") {
        () async throws(ClientError) -> [JSONValue] in
        var reply = try await question.client.require(
          "GET", ["ledger", "v1", question.project, "drift"], query: asked)
        var findings = reply.json["findings"]?.arrayValue ?? []
        for _ in 0..<pagesMax {
          guard let next = reply.next else { break }
          reply = try await question.client.send("GET", target: next)
          guard reply.status == 200 else {
            throw ClientError.refused(status: reply.status, text: reply.refusal)
          }
          findings += reply.json["findings"]?.arrayValue ?? []
        }
        return findings
      }
    } catch {
      throw .client(error)
    }
    if format == .json {
      context.console.print(JSONValue.array(findings).description)
    } else {
      context.console.print(table(findings), as: format)
    }
    return .fine
  }

  private static func table(_ findings: [JSONValue]) -> Table {
    let columns = [
      "kind", "secret", "stage", "ledger_version", "cloud_version", "first_seen", "state", "id",
    ]
    func key(_ finding: JSONValue) -> [String] {
      ["secret", "stage", "kind"].map { finding[$0]?.stringValue ?? "" }
    }
    return Table(
      columns: columns,
      rows: findings.sorted { key($0).lexicographicallyPrecedes(key($1)) }.map { finding in
        columns.map { finding[$0] ?? .null }
      })
  }

  /// Says that a finding is known.
  static func acknowledge(_ context: CommandContext) async throws(CommandError) -> ExitCode {
    let question = try Question(context, moments: [])
    guard let reason = context.option("reason") else {
      throw .usage(.missingOption("--reason", command: "drift acknowledge"))
    }
    var body: [String: JSONValue] = ["reason": .string(reason)]
    if let ticket = context.option("ticket") { body["ticket"] = .string(ticket) }
    if let text = context.option("until") {
      let moment: MomentText
      do {
        moment = try MomentText(text, option: "until", now: systemNow())
      } catch {
        throw .usage(error)
      }
      if let understood = moment.understood { context.console.say(understood) }
      body["expires_at"] = .string(moment.instant.rfc3339)
    }
    do {
      let reply = try await question.client.require(
        "POST",
        ["ledger", "v1", question.project, "drift", context.operand("ID"), "acknowledge"],
        body: .object(body))
      let position = reply.json["position"]?.integerValue
      context.console.say(
        position.map { "acknowledged (event \($0))" } ?? "it was acknowledged just so already")
    } catch {
      throw .client(error)
    }
    return .fine
  }
}
