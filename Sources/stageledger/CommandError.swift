// CommandError: every reason a command ends without its answer, and the one place that words them.
//
// Thrown by the commands, printed by `Main`. Invariant: a text says what to do next where that is
// known, and holds no secret, no SQL and no token.

import CanonicalJSON
import EventLoop
import Ledger
import LedgerServices
import PostgresCluster

/// Why a command ended without its answer.
enum CommandError: Error, Sendable {
  /// The command line makes no sense.
  case usage(UsageError)
  /// The settings make no sense.
  case configuration(ConfigurationError)
  /// The private database server could not be run.
  case cluster(ClusterError)
  /// The record could not be read or written.
  case store(StoreError)
  /// The schema cannot be used or brought up to date; says why.
  case schema(String)
  /// The database can lose commits: the settings that are off.
  case unsafeDurability([String])
  /// The address cannot be listened on.
  case listen(String, SystemError)
  /// An event loop could not be made.
  case loop(SystemError)
  /// The service gave no usable answer.
  case client(ClientError)
  /// A name is ill formed.
  case identifier(String, given: String, IdentifierError)
  /// There is no such project.
  case noProject(String)
  /// There is no such credential in use.
  case noCredential(String, project: String)
  /// Something of that name is there already.
  case alreadyThere(String)
  /// The policy cannot be used; says why.
  case policy(String, reason: String)
  /// These credentials have secret keys that neither key opens.
  case unopenedSecretKeys([String])
  /// A file or folder cannot be used.
  case file(String, reason: String)
  /// A setting the command needs was not given.
  case missingSetting(Setting)
  /// A drift run could not be made.
  case reconcile(ProjectID, ReconcileError)
  /// The story of the demo did not go as told.
  case story(String)
  /// A trail holds records of two accounts, regions or cloud projects, and none was named.
  case mixedScopes(String, String)

  /// How the program ends.
  var exitCode: ExitCode {
    switch self {
    case .usage, .configuration, .identifier, .missingSetting, .policy: .usage
    case .client(.badAddress), .mixedScopes: .usage
    case .cluster, .store, .schema, .unsafeDurability, .listen, .loop, .client, .noProject,
      .noCredential, .alreadyThere, .file, .reconcile, .story, .unopenedSecretKeys:
      .couldNotRun
    }
  }

  /// What to tell.
  var text: String {
    switch self {
    case .usage(let error): error.text
    case .configuration(let error): error.text
    case .cluster(let error): error.description
    case .store(let error): error.text
    case .schema(let reason): reason
    case .unsafeDurability(let names):
      """
      the database can lose what it has acknowledged: \(names.joined(separator: ", ")); switch it \
      on, or give --allow-unsafe-durability
      """
    case .listen(let address, let error): "cannot listen on \(address): \(error)"
    case .loop(let error): "cannot start an event loop: \(error)"
    case .client(let error): error.text
    case .identifier(let what, let given, let error):
      "\(what) \(visible(given)) is no valid name: \(error.text)"
    case .noProject(let id):
      "there is no project \(visible(id)); `stageledger project list` shows those there are"
    case .noCredential(let name, let project):
      "project \(visible(project)) has no credential \(visible(name)) in use"
    case .alreadyThere(let what): "\(visible(what)) exists already"
    case .policy(let name, let reason): "policy \(visible(name)): \(reason)"
    case .unopenedSecretKeys(let names):
      """
      neither key opens the secret keys of \(names.map { visible($0) }.joined(separator: ", ")); \
      they can use their tokens only
      """
    case .file(let path, let reason): "\(visible(path)): \(reason)"
    case .missingSetting(.tokenFile):
      "needs --token-file, STAGELEDGER_TOKEN or STAGELEDGER_TOKEN_FILE"
    // Keys have no option.
    case .missingSetting(.secretKeyFile), .missingSetting(.previousSecretKeyFile):
      "needs STAGELEDGER_SECRET_KEY_FILE and STAGELEDGER_PREVIOUS_SECRET_KEY_FILE"
    case .missingSetting(let setting):
      "needs \(spell(setting.option)) or \(setting.rawValue)"
    case .reconcile(let project, let error):
      "project \(project.text) could not be compared: \(error.text)"
    case .story(let what): "the story did not go as told: \(what)"
    case .mixedScopes(let one, let other):
      """
      the trail is of \(visible(one)) and of \(visible(other)), where one name can mean two \
      secrets; name the one this project mirrors with --scope
      """
    }
  }
}

/// Runs work on the record and makes its errors those of a command.
func storing<Value>(
  _ work: () async throws(StoreError) -> Value
) async throws(CommandError) -> Value {
  do { return try await work() } catch { throw .store(error) }
}

extension UsageError {
  /// What to tell.
  var text: String {
    switch self {
    case .noCommand: "no command given"
    case .unknownCommand(let name, let nearest):
      "there is no command \(visible(name))" + Self.guess(nearest)
    case .unknownOption(let name, let command, let nearest):
      "\(command) has no option \(visible(name))" + Self.guess(nearest)
    case .missingValue(let option): "\(option) needs a value"
    case .unexpectedValue(let option): "\(option) takes no value"
    case .repeatedOption(let option): "\(option) is given twice"
    case .missingOperand(let name, let command): "\(command) needs \(name)"
    case .unexpectedOperand(let word, let command):
      "\(command) does not take \(visible(word)) as well"
    case .missingOption(let option, let command): "\(command) needs \(option)"
    case .badValue(let name, let given, let expected):
      "\(name) cannot be \(given.isEmpty ? "empty" : visible(given)); it takes \(expected)"
    case .conflicting(let one, let other): "\(one) and \(other) do not go together"
    }
  }

  private static func guess(_ nearest: String?) -> String {
    nearest.map { "; did you mean \($0)?" } ?? ""
  }
}

extension ConfigurationError {
  /// What to tell.
  var text: String {
    switch self {
    case .unknownVariable(let name, let nearest):
      "there is no setting \(visible(name))" + (nearest.map { "; did you mean \($0)?" } ?? "")
    case .unknownKey(let name, let file, let line, let nearest):
      "\(visible(file)), line \(line): there is no setting \(visible(name))"
        + (nearest.map { "; did you mean \($0)?" } ?? "")
    case .malformedLine(let file, let line): "\(visible(file)), line \(line): no KEY=VALUE"
    case .unreadable(let file): "\(visible(file)) cannot be read"
    case .conflicting(let one, let other): "\(one) and \(other) do not go together"
    }
  }
}

extension ClientError {
  /// What to tell.
  var text: String {
    switch self {
    case .badAddress(let address):
      "\(visible(address)) is no address of a service, such as http://127.0.0.1:8087"
    case .unreachable(let address, let reason):
      "\(visible(address)) does not answer: \(visible(reason))"
    case .unintelligible(let status): "the service's answer (\(status)) makes no sense"
    case .refused(let status, let text): "the service refused (\(status)): \(visible(text))"
    }
  }
}

extension StoreError {
  /// What to tell.
  var text: String {
    switch self {
    case .unavailable(let reason): "the database does not answer: \(visible(reason))"
    case .deadlineExceeded: "the database did not answer in time"
    case .outcomeUnknown: "the connection broke while committing; look before you try again"
    case .projectNotFound: "there is no such project"
    case .alreadyExists: "something of that name exists already"
    case .corrupt(let what): "the database contradicts itself: \(visible(what))"
    }
  }
}

extension IdentifierError {
  /// What to tell.
  var text: String {
    switch self {
    case .empty: "it is empty"
    case .tooLong(let limit): "it has more than \(limit) characters"
    case .forbidden(let offset): "the character at byte \(offset) may not stand there"
    }
  }
}

extension ReconcileError {
  /// What to tell.
  var text: String {
    switch self {
    case .store(let error), .append(.store(let error)): error.text
    case .cloud, .append, .underWay, .held, .cancelled: visible(sentence)
    }
  }
}
