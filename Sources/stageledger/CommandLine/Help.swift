// Help: the texts of `--help`, made from the table of commands.
//
// Called by `Main`. Invariant: what the help lists is what the parser takes, since both read the
// same table.

/// Makes the help texts.
struct Help: Sendable {
  /// The commands there are.
  let commands: [CommandSpec]

  /// The help of a command, of a group of commands (`project`), or of the whole program.
  func text(for name: String?) -> String {
    guard let name else { return program() }
    if let command = commands.first(where: { $0.name == name }) { return text(for: command) }
    return group(name)
  }

  private func program() -> String {
    """
    stageledger keeps every move of a secret's stage labels and answers which version held which
    label at any moment, and whether the live cloud still agrees.

    Usage: stageledger COMMAND [OPTION...]

    Commands:
    \(list(commands))

    `stageledger COMMAND --help` tells more. Settings come from options, then from STAGELEDGER_*
    variables of the environment, then from the file named by --config or STAGELEDGER_CONFIG.
    Exit status: 0 fine, 1 could not run, 2 drift or tampering found, 3 incomplete, 64 wrong usage.
    Start here: stageledger demo

    """
  }

  private func group(_ word: String) -> String {
    """
    Usage: stageledger \(word) COMMAND [OPTION...]

    Commands:
    \(list(commands.filter { $0.words.first == word }))

    """
  }

  private func list(_ commands: [CommandSpec]) -> String {
    let width = commands.map(\.name.count).max() ?? 0
    return commands.map { "  \(padded($0.name, to: width))  \($0.summary)" }.joined(separator: "\n")
  }

  private func text(for command: CommandSpec) -> String {
    var usage = "Usage: stageledger \(command.name)"
    for operand in command.operands {
      switch operand.need {
      case .required: usage += " \(operand.name)"
      case .optional: usage += " [\(operand.name)]"
      case .repeated: usage += " [\(operand.name)...]"
      }
    }
    if !command.options.isEmpty { usage += " [OPTION...]" }
    let spelled = command.options.map { option in
      "\(spell(option.name))\(option.value.map { " \($0)" } ?? "")"
    }
    let width = (spelled + ["-h, --help"]).map(\.count).max() ?? 0
    var options = zip(spelled, command.options).map { name, option in
      "  \(padded(name, to: width))  \(option.help)"
    }
    options.append("  \(padded("-h, --help", to: width))  print this text")
    var text = "\(command.summary)\n\n\(usage)\n\n\(command.details)\n\nOptions:\n"
    text += options.joined(separator: "\n") + "\n"
    if !command.examples.isEmpty {
      text += "\nExamples:\n"
      text += command.examples.map { "  stageledger \($0)" }.joined(separator: "\n") + "\n"
    }
    return text
  }
}

/// The text with spaces after it, up to `width` characters.
func padded(_ text: String, to width: Int) -> String {
  text + String(repeating: " ", count: max(0, width - text.count))
}
