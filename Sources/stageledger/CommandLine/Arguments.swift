// Arguments: the words of a command line, sorted into a command, its operands and its options.
//
// Called by `Main`; the commands and what each takes stand in `CommandTable`. Invariant: nothing is
// guessed: a word or an option no command has is an error that names the nearest one that exists.

/// What one option looks like.
struct OptionSpec: Sendable {
  /// Its name without the dashes.
  let name: String
  /// What its value is called in the help; nil for an option that has none.
  let value: String?
  /// One line about it.
  let help: String
}

/// What one operand looks like.
struct OperandSpec: Sendable {
  /// Its name in the help.
  let name: String
  /// Whether the command needs it.
  let need: Need

  /// Whether an operand may be left out.
  enum Need: Sendable {
    /// The command does not run without it.
    case required
    /// The command has an answer without it.
    case optional
    /// There may be none, one or many; only the last operand of a command.
    case repeated
  }
}

/// What one command takes and what its help says.
struct CommandSpec: Sendable {
  /// The words that name it, one or two.
  let words: [String]
  /// One line about it.
  let summary: String
  /// What it takes besides options, in order.
  let operands: [OperandSpec]
  /// The options it takes besides `--help`.
  let options: [OptionSpec]
  /// A paragraph or two about it.
  let details: String
  /// Command lines that work as they stand, after the program's name.
  let examples: [String]

  /// The words that name it, as text.
  var name: String { words.joined(separator: " ") }
}

/// A command line that was understood.
struct Invocation: Sendable {
  /// What was asked for.
  enum Request: Sendable {
    /// Run the command with this name.
    case run(String)
    /// Print the help of the command, or of the program when nil.
    case help(String?)
    /// Print the version of the program.
    case version
  }
  /// What was asked for.
  let request: Request
  /// The operands by their names.
  let operands: [String: String]
  /// The values of options by name; an option without a value has an empty one.
  let options: [String: String]
  /// What was given for the operand that may come many times.
  var repeated: [String] = []

  /// Whether an option without a value was given.
  func has(_ option: String) -> Bool { options[option] != nil }
}

/// Why a command line was not understood.
enum UsageError: Error, Hashable, Sendable {
  case noCommand
  case unknownCommand(String, nearest: String?)
  case unknownOption(String, command: String, nearest: String?)
  case missingValue(option: String)
  case unexpectedValue(option: String)
  case repeatedOption(String)
  case missingOperand(String, command: String)
  case unexpectedOperand(String, command: String)
  case missingOption(String, command: String)
  case badValue(of: String, given: String, expected: String)
  case conflicting(String, String)
}

/// Sorts the words of command lines.
struct ArgumentParser: Sendable {
  /// The commands there are.
  let commands: [CommandSpec]

  private struct Words {
    var operands: [String] = []
    var options: [(name: String, value: String)] = []
    var wantsHelp = false
    var wantsVersion = false
  }

  /// Understands the words after the program's name.
  func parse(_ arguments: [String]) throws(UsageError) -> Invocation {
    var words = try sort(arguments)
    if words.operands.first == "help" {
      words.operands.removeFirst()
      words.wantsHelp = true
    }
    if words.wantsVersion {
      return Invocation(request: .version, operands: [:], options: [:])
    }
    if words.wantsHelp, words.operands.isEmpty {
      return Invocation(request: .help(nil), operands: [:], options: [:])
    }
    guard let first = words.operands.first else { throw .noCommand }
    guard let command = command(named: words.operands) else {
      // The first word of a command of two words, alone or before a second word nobody knows.
      let isGroup = commands.contains { $0.words.count == 2 && $0.words[0] == first }
      if isGroup, words.wantsHelp {
        return Invocation(request: .help(first), operands: [:], options: [:])
      }
      let given = isGroup ? words.operands.prefix(2).joined(separator: " ") : first
      throw .unknownCommand(given, nearest: nearest(to: given, among: commands.map(\.name)))
    }
    if words.wantsHelp {
      return Invocation(request: .help(command.name), operands: [:], options: [:])
    }
    // Options first: the value of a mistyped one would look like an operand too many.
    let options = try match(words.options, to: command)
    var given = Array(words.operands.dropFirst(command.words.count))
    var repeated: [String] = []
    if command.operands.last?.need == .repeated {
      let count = command.operands.count - 1
      repeated = Array(given.dropFirst(count))
      given = Array(given.prefix(count))
    }
    let operands = try match(given, to: command)
    return Invocation(
      request: .run(command.name), operands: operands, options: options, repeated: repeated)
  }

  private func command(named words: [String]) -> CommandSpec? {
    commands.first { command in
      command.words.count <= words.count && zip(command.words, words).allSatisfy(==)
    }
  }

  /// Splits options from operands; an option takes a value if any command's option of that name
  /// does.
  private func sort(_ arguments: [String]) throws(UsageError) -> Words {
    var words = Words()
    var rest = arguments[...]
    while let argument = rest.popFirst() {
      switch argument {
      case "--":
        words.operands += rest
        return words
      case "-h", "--help":
        words.wantsHelp = true
      case "--version":
        words.wantsVersion = true
      default:
        guard argument.hasPrefix("-"), argument != "-" else {
          words.operands.append(argument)
          continue
        }
        words.options.append(try option(argument, &rest))
      }
    }
    return words
  }

  private func option(
    _ argument: String, _ rest: inout ArraySlice<String>
  ) throws(UsageError) -> (name: String, value: String) {
    let name: String
    var value: String?
    if argument.hasPrefix("--") {
      let parts = argument.dropFirst(2).split(
        separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      name = String(parts[0])
      value = parts.count == 2 ? String(parts[1]) : nil
    } else {
      name = String(argument.dropFirst())
    }
    let specs = commands.flatMap(\.options)
    guard let spec = specs.first(where: { $0.name == name }) else {
      return (name, value ?? "")
    }
    guard spec.value != nil else {
      guard value == nil else { throw .unexpectedValue(option: spell(name)) }
      return (name, "")
    }
    if let value { return (name, value) }
    guard let next = rest.popFirst() else { throw .missingValue(option: spell(name)) }
    return (name, next)
  }

  private func match(
    _ words: [String], to command: CommandSpec
  ) throws(UsageError) -> [String: String] {
    var operands: [String: String] = [:]
    for (index, operand) in command.operands.enumerated() {
      if index < words.count {
        operands[operand.name] = words[index]
      } else if operand.need == .required {
        throw .missingOperand(operand.name, command: command.name)
      }
    }
    if words.count > command.operands.count {
      throw .unexpectedOperand(words[command.operands.count], command: command.name)
    }
    return operands
  }

  private func match(
    _ given: [(name: String, value: String)], to command: CommandSpec
  ) throws(UsageError) -> [String: String] {
    var options: [String: String] = [:]
    for (name, value) in given {
      guard command.options.contains(where: { $0.name == name }) else {
        let close = nearest(to: name, among: command.options.map(\.name))
        throw .unknownOption(spell(name), command: command.name, nearest: close.map(spell))
      }
      guard options.updateValue(value, forKey: name) == nil else {
        throw .repeatedOption(spell(name))
      }
    }
    return options
  }
}

/// An option's name with its dashes.
func spell(_ option: String) -> String { option.count == 1 ? "-\(option)" : "--\(option)" }

/// The candidate a mistyped word most likely meant; nil when none is near.
///
/// Near is at most a third of the word's letters changed, added, left out or swapped with a
/// neighbour.
func nearest(to word: String, among candidates: [String]) -> String? {
  let limit = max(1, word.count / 3)
  let ranked = candidates.map { ($0, editDistance(Array(word), Array($0))) }
  let best = ranked.min { ($0.1, $0.0) < ($1.1, $1.0) }
  guard let best, best.1 <= limit else {
    return candidates.sorted().first { word.count >= 3 && $0.hasPrefix(word) }
  }
  return best.0
}

/// How many letters must be changed, added, dropped or swapped with a neighbour.
private func editDistance(_ left: [Character], _ right: [Character]) -> Int {
  var rows = [Array(0...right.count)]
  for (row, letter) in left.enumerated() {
    var current = [row + 1]
    for (column, other) in right.enumerated() {
      var best = min(
        rows[row][column + 1] + 1, current[column] + 1,
        rows[row][column] + (letter == other ? 0 : 1))
      if row > 0, column > 0, letter == right[column - 1], left[row - 1] == other {
        best = min(best, rows[row - 1][column - 1] + 1)
      }
      current.append(best)
    }
    rows.append(current)
  }
  return rows[left.count][right.count]
}
