// Command: everything the program can be told to do, by name.
//
// Read by `Main`, which runs one, and by `CommandTable`, which describes them.

/// A command of the program; the raw value is what is typed.
enum Command: String, CaseIterable, Sendable {
  case serve
  case demo
  case migrate
  case rebuild
  case verify
  case access
  case reconcile
  case driftAcknowledge = "drift acknowledge"
  case drift
  case at
  case history
  case snapshot
  case diff
  case age
  case late
  case export
  case importTrail = "import"
  case projectCreate = "project create"
  case projectSet = "project set"
  case projectList = "project list"
  case projectShow = "project show"
  case credentialCreate = "credential create"
  case credentialList = "credential list"
  case credentialRevoke = "credential revoke"
  case credentialRekey = "credential rekey"
}

/// How the program ends.
enum ExitCode: Int32, Sendable {
  /// Fine and complete.
  case fine = 0
  /// It could not run.
  case couldNotRun = 1
  /// Drift or tampering was found.
  case found = 2
  /// Nothing was found, but not everything could be looked at.
  case incomplete = 3
  /// The command line or the settings make no sense.
  case usage = 64
}

/// What a command is given.
struct CommandContext: Sendable {
  /// The command line.
  let invocation: Invocation
  /// The settings.
  let configuration: Configuration
  /// Where it prints.
  let console: Console

  /// The operand, which the parser has made sure of.
  func operand(_ name: String) -> String { invocation.operands[name] ?? "" }

  /// The value of an option; nil when it was not given.
  func option(_ name: String) -> String? { invocation.options[name] }

  /// The form asked for with `-o`, among those the command has.
  func format(
    among formats: [OutputFormat] = OutputFormat.allCases
  ) throws(CommandError) -> OutputFormat {
    guard let text = option("o") else { return .table }
    guard let format = OutputFormat(rawValue: text), formats.contains(format) else {
      let names = formats.map(\.rawValue).joined(separator: ", ")
      throw .usage(.badValue(of: "-o", given: text, expected: names))
    }
    return format
  }
}
