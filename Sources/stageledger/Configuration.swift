// Configuration: what the program was told, from options, then the environment, then a file.
//
// Made by `Main` once, read by the commands. Invariant: a name nobody knows is an error wherever it
// stands, and a secret is never taken from the command line, where every user of the machine reads
// it.

import Foundation

/// One thing that can be set.
enum Setting: String, CaseIterable, Sendable {
  case config = "STAGELEDGER_CONFIG"
  case databaseURL = "STAGELEDGER_DATABASE_URL"
  case databaseURLFile = "STAGELEDGER_DATABASE_URL_FILE"
  case dataDirectory = "STAGELEDGER_DATA_DIR"
  case postgresPrograms = "STAGELEDGER_POSTGRES_BIN"
  case listen = "STAGELEDGER_LISTEN"
  case unsafeDurability = "STAGELEDGER_ALLOW_UNSAFE_DURABILITY"
  case url = "STAGELEDGER_URL"
  case token = "STAGELEDGER_TOKEN"
  case tokenFile = "STAGELEDGER_TOKEN_FILE"
  case project = "STAGELEDGER_PROJECT"
  case reconcileEvery = "STAGELEDGER_RECONCILE_EVERY"
  case logLevel = "STAGELEDGER_LOG_LEVEL"
  case secretKey = "STAGELEDGER_SECRET_KEY"
  case secretKeyFile = "STAGELEDGER_SECRET_KEY_FILE"
  case previousSecretKeyFile = "STAGELEDGER_PREVIOUS_SECRET_KEY_FILE"

  /// The option that sets it: `STAGELEDGER_DATA_DIR` is `data-dir`.
  var option: String {
    rawValue.dropFirst("STAGELEDGER_".count).lowercased().replacing("_", with: "-")
  }

  /// Whether a file of settings may hold it.
  var isForFiles: Bool {
    switch self {
    case .config, .postgresPrograms: false
    case .databaseURL, .databaseURLFile, .dataDirectory, .listen, .unsafeDurability, .url, .token,
      .tokenFile, .project, .reconcileEvery, .logLevel, .secretKey, .secretKeyFile,
      .previousSecretKeyFile:
      true
    }
  }
}

/// Why the settings make no sense.
enum ConfigurationError: Error, Hashable, Sendable {
  /// A variable of the environment that begins like ours and is none.
  case unknownVariable(String, nearest: String?)
  /// A line of the file that sets nothing we know.
  case unknownKey(String, file: String, line: Int, nearest: String?)
  /// A line of the file that is no KEY=VALUE.
  case malformedLine(file: String, line: Int)
  /// A file that cannot be read.
  case unreadable(file: String)
  /// A setting and its `_FILE` twin both given, in one place.
  case conflicting(String, String)
}

/// What the program was told.
struct Configuration: Sendable {
  private let values: [Setting: String]

  /// Gathers the settings; what stands in a later place is overridden by an earlier one.
  init(options: [String: String], environment: [String: String]) throws(ConfigurationError) {
    var given: [Setting: String] = [:]
    for setting in Setting.allCases {
      given[setting] = options[setting.option]
    }
    let fromEnvironment = try Self.read(environment: environment)
    var fromFile: [Setting: String] = [:]
    if let file = given[.config] ?? fromEnvironment[.config] {
      fromFile = try Self.read(file: file)
    }
    var values: [Setting: String] = [:]
    // A file named in a nearer place wins over the plain value in a farther one.
    for place in [given, fromEnvironment, fromFile] {
      for (plain, file) in [
        (Setting.databaseURL, Setting.databaseURLFile), (.token, .tokenFile),
      ] {
        if place[plain] != nil, place[file] != nil {
          throw .conflicting(plain.rawValue, file.rawValue)
        }
        guard values[plain] == nil else { continue }
        if let path = place[file] {
          values[plain] = try Self.secret(inFile: path)
        } else if let text = place[plain] {
          values[plain] = text
        }
      }
      if place[.secretKey] != nil, place[.secretKeyFile] != nil {
        throw .conflicting(Setting.secretKey.rawValue, Setting.secretKeyFile.rawValue)
      }
      // Who may read the file is looked at where it is opened.
      let hasSecretKey = values[.secretKey] != nil || values[.secretKeyFile] != nil
      for (setting, text) in place where values[setting] == nil {
        if hasSecretKey, setting == .secretKey || setting == .secretKeyFile { continue }
        values[setting] = text
      }
    }
    self.values = values
  }

  /// The value of a setting; nil when nobody gave one.
  subscript(setting: Setting) -> String? { values[setting] }

  private static func read(
    environment: [String: String]
  ) throws(ConfigurationError) -> [Setting: String] {
    var values: [Setting: String] = [:]
    for (name, value) in environment.sorted(by: { $0.key < $1.key })
    where name.hasPrefix("STAGELEDGER_") && !value.isEmpty {
      // Kubernetes sets these in every pod beside a service of our name.
      if name == "STAGELEDGER_PORT" || name.hasPrefix("STAGELEDGER_PORT_")
        || name.hasPrefix("STAGELEDGER_SERVICE_")
      {
        continue
      }
      guard let setting = Setting(rawValue: name) else {
        throw .unknownVariable(name, nearest: nearest(to: name, among: names))
      }
      values[setting] = value
    }
    return values
  }

  private static func read(file: String) throws(ConfigurationError) -> [Setting: String] {
    guard let data = FileManager.default.contents(atPath: file) else {
      throw .unreadable(file: file)
    }
    var values: [Setting: String] = [:]
    let lines = String(decoding: data, as: UTF8.self).split(
      omittingEmptySubsequences: false, whereSeparator: \.isNewline)
    for (index, line) in lines.enumerated() {
      let line = line.trimmingCharacters(in: .whitespaces)
      if line.isEmpty || line.hasPrefix("#") { continue }
      let parts = line.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      guard parts.count == 2 else { throw .malformedLine(file: file, line: index + 1) }
      let name = parts[0].trimmingCharacters(in: .whitespaces)
      guard let setting = Setting(rawValue: name), setting.isForFiles else {
        throw .unknownKey(
          name, file: file, line: index + 1, nearest: nearest(to: name, among: names))
      }
      values[setting] = unquoted(parts[1].trimmingCharacters(in: .whitespaces))
    }
    return values
  }

  private static let names = Setting.allCases.map(\.rawValue)

  private static func unquoted(_ text: String) -> String {
    guard text.count >= 2, let mark = text.first, mark == "\"" || mark == "'", text.last == mark
    else { return text }
    return String(text.dropFirst().dropLast())
  }

  private static func secret(inFile file: String) throws(ConfigurationError) -> String {
    guard let data = FileManager.default.contents(atPath: file) else {
      throw .unreadable(file: file)
    }
    return String(decoding: data, as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines)
  }
}
