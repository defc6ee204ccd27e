// A private PostgreSQL server for the program that has no database named: the public face.
//
// Used by `stageledger` and the tests; `ServerKeeper` does the work. Invariant: a server this
// program started has ended when `stop` returns, and soon after this program's end of any kind.

import Foundation
import Glibc
import Synchronization

/// A private PostgreSQL server on a Unix socket, durable, stopped with this program.
///
/// A second program on the same folder uses the running server and leaves it alone; when the
/// owner goes, the other one starts it again. Calls block: keep them off an event loop.
public final class PostgresCluster: Sendable {
  /// What to do when the server dies while this program runs.
  public enum Supervision: Sendable {
    /// Start it again, within a second or two; also when the program that owned it goes.
    case restart
    /// Leave it down.
    case leave
  }

  /// What happened to the server after its first start, for a log line.
  public enum Event: Hashable, Sendable {
    /// The server ended by itself with this status.
    case ended(status: Int32)
    /// The server takes connections again.
    case started(processID: Int32)
    /// A start failed; there will be another try.
    case failed(ClusterError)
  }

  private let keeper: ServerKeeper
  private let lastSocketDirectory: Mutex<String>

  private init(keeper: ServerKeeper, ready: ServerKeeper.Ready) {
    self.keeper = keeper
    lastSocketDirectory = Mutex(ready.socketDirectory)
  }

  deinit {
    keeper.requestStop()
  }

  /// Starts the server of a folder, or attaches to the one that runs there.
  ///
  /// - Parameters:
  ///   - dataDirectory: the folder; made when missing, `initdb` included (about a second).
  ///   - settings: settings of the server over the standard ones, name and value.
  ///   - supervision: what to do when the server dies.
  ///   - startTimeout: the longest a start may take, recovery from a crash included.
  ///   - report: told what happens after the start, on the keeper's thread.
  /// - Returns: a cluster whose server takes connections.
  /// - Throws: `ClusterError` when there is no server, the folder cannot be used, or it will not
  /// start.
  public static func start(
    dataDirectory: String, settings: [String: String] = [:], supervision: Supervision = .restart,
    startTimeout: Duration = .seconds(60), report: @escaping @Sendable (Event) -> Void = { _ in }
  ) throws(ClusterError) -> PostgresCluster {
    let keeper = ServerKeeper(
      folder: try ClusterFolder(path: dataDirectory), settings: settings,
      supervision: supervision, startTimeout: startTimeout, report: report)
    let ready = try keeper.start()
    return PostgresCluster(keeper: keeper, ready: ready)
  }

  /// The folder of the server's Unix socket.
  public var socketDirectory: String {
    lastSocketDirectory.withLock { last in
      if let ready = keeper.ready { last = ready.socketDirectory }
      return last
    }
  }

  /// The number that names the socket's file; nothing listens on TCP.
  public var port: Int { ServerSettings.port }

  /// The server's process number; nil while it is down.
  public var processID: Int32? { keeper.ready?.processID }

  /// Whether this program started the server, rather than found it running.
  public var isOwner: Bool { keeper.ready?.isOwner ?? false }

  /// The file the server writes its log to.
  public var logPath: String { keeper.folder.logPath }

  /// The address of a database of this server, as libpq and psql take it.
  public func url(database: String, user: String = "postgres") -> String {
    let allowed = CharacterSet(
      charactersIn: "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~")
    func encoded(_ text: String) -> String {
      text.addingPercentEncoding(withAllowedCharacters: allowed) ?? ""
    }
    return "postgresql://\(encoded(user))@/\(encoded(database))"
      + "?host=\(encoded(socketDirectory))&port=\(port)"
  }

  /// Creates an empty UTF-8 database; one that exists is left as it is.
  public func createDatabase(_ name: String) throws(ClusterError) {
    let isPlain = name.utf8.allSatisfy { byte in
      (0x61...0x7a).contains(byte) || (0x30...0x39).contains(byte) || byte == 0x5f
    }
    guard isPlain, (1...63).contains(name.utf8.count) else { throw .databaseName(name) }
    let found = try runSQL(
      "SELECT 1 FROM pg_database WHERE datname = '\(name)'", database: "postgres")
    guard found.isEmpty else { return }
    do throws(ClusterError) {
      _ = try runSQL("CREATE DATABASE \"\(name)\" TEMPLATE template0", database: "postgres")
    } catch .programFailed(_, _, let output)
      where output.contains("already exists") || output.contains("pg_database_datname_index")
    {
      // Another program was quicker.
      return
    }
  }

  /// Runs SQL text through `psql` and answers what it printed, unaligned; for set-up and tests.
  public func runSQL(
    _ sql: String, database: String, timeout: Duration = .seconds(30)
  ) throws(ClusterError) -> String {
    let programs = try ServerPrograms.find(dataVersion: keeper.folder.dataVersion())
    let number = String(UInt64.random(in: .min ... .max), radix: 16)
    let outputPath = "\(keeper.folder.path)/psql-\(number).out"
    defer { unsafe unlink(outputPath) }
    let psql = ChildProcess(
      arguments: [
        programs.path("psql"), "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1",
        "-d", url(database: database), "-c", sql,
      ],
      identity: nil, deathSignal: .kill, outputPath: outputPath)
    let status = try psql.run(deadline: .now + timeout)
    let output = ((try? String(contentsOfFile: outputPath, encoding: .utf8)) ?? "")
      .trimmingCharacters(in: .whitespacesAndNewlines)
    guard status == 0 else {
      throw .programFailed(program: "psql", status: status, output: output)
    }
    return output
  }

  /// Stops the server if this program started it, and the supervision in any case.
  ///
  /// A fast shutdown; past `timeout` an immediate one, which the next start recovers from.
  public func stop(timeout: Duration = .seconds(20)) {
    keeper.stop(timeout: timeout)
  }
}
