// DatabaseSource: which database a command works on: the one named, or a private server's.
//
// Called by `Backend` and the demo; calls `PostgresCluster`. Invariant: a private server started
// here is said in one line and is stopped before the program ends.

import Foundation
import LedgerServices
import PostgresCluster

/// The database of a command.
struct DatabaseSource: Sendable {
  /// Whose database it is.
  enum Kind: Sendable {
    /// One that was named.
    case named
    /// One of a private server, whose schema we bring up to date ourselves.
    case ofPrivateServer(PostgresCluster)
  }

  /// Whose database it is.
  let kind: Kind
  /// Its address as the role that owns the schema, for migrations.
  let ownerURL: String
  /// Its address as the role that may only add events, for everything else.
  let serviceURL: String
  /// What the secret keys of its credentials are sealed with; nil when there is no such key.
  private(set) var keyring: SecretKeyring?

  /// Finds the database the settings name, or starts the private server.
  static func open(
    _ configuration: Configuration, say: (String) -> Void,
    report: @escaping @Sendable (PostgresCluster.Event) -> Void
  ) throws(CommandError) -> DatabaseSource {
    for setting in [Setting.databaseURL, .dataDirectory] where configuration[setting] == "" {
      throw .usage(.missingValue(option: spell(setting.option)))
    }
    if let url = configuration[.databaseURL] {
      var source = DatabaseSource(kind: .named, ownerURL: url, serviceURL: url)
      source.keyring = try SecretKeyFile.keyring(configuration, privateFolder: nil)
      return source
    }
    let folder: String
    if let named = configuration[.dataDirectory] {
      folder = named
    } else {
      folder = try standardFolder()
    }
    var source = try openPrivate(
      in: folder, database: "stageledger", say: say, report: report)
    do {
      source.keyring = try SecretKeyFile.keyring(configuration, privateFolder: folder)
    } catch {
      source.close()
      throw error
    }
    return source
  }

  /// Starts the private server of a folder, or uses the one that runs there.
  static func openPrivate(
    in folder: String, database: String, say: (String) -> Void,
    report: @escaping @Sendable (PostgresCluster.Event) -> Void
  ) throws(CommandError) -> DatabaseSource {
    do throws(ClusterError) {
      let cluster = try PostgresCluster.start(
        dataDirectory: folder, supervision: .restart, report: report)
      let source = try DatabaseSource(database: database, of: cluster)
      let what = cluster.isOwner ? "started" : "using"
      say("\(what) the private PostgreSQL server in \(folder)")
      return source
    } catch {
      throw .cluster(error)
    }
  }

  /// A database of a private server that runs; made when it is missing.
  init(database: String, of cluster: PostgresCluster) throws(ClusterError) {
    try cluster.createDatabase(database)
    let url = cluster.url(database: database)
    self.init(
      kind: .ofPrivateServer(cluster), ownerURL: url,
      serviceURL: url + "&options=-c%20role%3Dstageledger_writer")
  }

  private init(kind: Kind, ownerURL: String, serviceURL: String) {
    self.kind = kind
    self.ownerURL = ownerURL
    self.serviceURL = serviceURL
  }

  /// Stops the private server, if this program started one.
  func close() {
    guard case .ofPrivateServer(let cluster) = kind else { return }
    cluster.stop()
  }

  private static func standardFolder() throws(CommandError) -> String {
    let environment = ProcessInfo.processInfo.environment
    if let folder = environment["XDG_DATA_HOME"], folder.hasPrefix("/") {
      return folder + "/stageledger"
    }
    guard let home = environment["HOME"], home.hasPrefix("/") else {
      throw .missingSetting(.dataDirectory)
    }
    return home + "/.local/share/stageledger"
  }
}
