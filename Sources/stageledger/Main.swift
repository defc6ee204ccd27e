// The program: reads the command line and the settings, runs one command, tells how it ended.
//
// Calls the parser, `Configuration` and one function a command. Invariant: standard output holds
// data alone; every ending has its exit code.

import Foundation
import Glibc
import Synchronization

/// The program.
@main
enum Main {
  static func main() async {
    Signals.install()
    let code = await run(Array(CommandLine.arguments.dropFirst()))
    let trouble = standardOutputTrouble.load(ordering: .relaxed)
    guard trouble == 0 else {
      let why = unsafe String(cString: strerror(trouble))
      Console().say("stageledger: cannot write to standard output: \(why)")
      exit(ExitCode.couldNotRun.rawValue)
    }
    exit(code.rawValue)
  }

  private static func run(_ arguments: [String]) async -> ExitCode {
    let console = Console()
    do throws(CommandError) {
      let invocation = try parse(arguments)
      switch invocation.request {
      case .version:
        console.print("stageledger \(Program.version)")
        return .fine
      case .help(let name):
        writeAll(Array(Help(commands: Command.specs).text(for: name).utf8), to: STDOUT_FILENO)
        return .fine
      case .run(let name):
        guard let command = Command(rawValue: name) else {
          preconditionFailure("the parser knows a command \(name) that does not exist")
        }
        let context = CommandContext(
          invocation: invocation, configuration: try configure(invocation), console: console)
        return try await run(command, context)
      }
    } catch {
      console.say("stageledger: \(error.text)")
      if case .usage = error { console.say("Try: stageledger \(helpWords(arguments))--help") }
      return error.exitCode
    }
  }

  private static func parse(_ arguments: [String]) throws(CommandError) -> Invocation {
    do {
      return try ArgumentParser(commands: Command.specs).parse(arguments)
    } catch {
      throw .usage(error)
    }
  }

  private static func configure(_ invocation: Invocation) throws(CommandError) -> Configuration {
    do {
      return try Configuration(
        options: invocation.options, environment: ProcessInfo.processInfo.environment)
    } catch {
      throw .configuration(error)
    }
  }

  /// The words of the command somebody began with, for the hint after a mistake.
  private static func helpWords(_ arguments: [String]) -> String {
    let words = arguments.prefix { !$0.hasPrefix("-") }
    let command = Command.specs.first { $0.words.elementsEqual(words.prefix($0.words.count)) }
    return command.map { "\($0.name) " } ?? ""
  }

  private static func run(
    _ command: Command, _ context: CommandContext
  ) async throws(CommandError) -> ExitCode {
    switch command {
    case .serve: try await Serve.run(context)
    case .demo: try await Demo.run(context)
    case .migrate: try await Migrate.run(context)
    case .rebuild: try await Rebuild.run(context)
    case .verify: try await Verify.run(context)
    case .access: try await AccessCommand.run(context)
    case .reconcile: try await Reconcile.run(context)
    case .at: try await At.run(context)
    case .history: try await History.run(context)
    case .snapshot: try await Walk.snapshot(context)
    case .diff: try await Walk.diff(context)
    case .age: try await Walk.age(context)
    case .late: try await Walk.late(context)
    case .drift: try await Drift.list(context)
    case .driftAcknowledge: try await Drift.acknowledge(context)
    case .export: try await Export.run(context)
    case .importTrail: try await Import.run(context)
    case .projectCreate: try await ProjectCommand.create(context)
    case .projectSet: try await ProjectCommand.set(context)
    case .projectList: try await ProjectCommand.list(context)
    case .projectShow: try await ProjectCommand.show(context)
    case .credentialCreate: try await CredentialCommand.create(context)
    case .credentialList: try await CredentialCommand.list(context)
    case .credentialRevoke: try await CredentialCommand.revoke(context)
    case .credentialRekey: try await CredentialRekey.run(context)
    }
  }
}

/// What the program says of itself.
enum Program {
  /// Its version.
  static let version = "0.1.0"
}
