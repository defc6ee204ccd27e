// World: a private cluster with every durability, a ledger in it, and the real service over it.
//
// Made once by `Main`, used by all scenarios. The service is the built program, a process of its
// own, spoken to over the loopback address. Invariant: whatever was made is gone after `close`.

import CanonicalJSON
import Foundation
import PostgresCluster

/// The stage of the bench.
final class World {
  private static let database = "ledger"
  private static let referenceDatabase = "reference"

  /// Where files may be put.
  let folder: String
  /// The server, of both the ledger and the references.
  let cluster: PostgresCluster
  /// The built program.
  let binary: String
  /// How fast the server's log is flushed.
  enum Disk {
    /// As the machine's disk does it.
    case own
    /// With a millisecond more.
    case slow
  }

  private var environment: [String: String] = [:]
  private var running: RunningProgram?

  /// Starts the server and makes an empty ledger.
  init(binary: String, disk: Disk) throws(BenchError) {
    self.binary = binary
    folder = FileManager.default.temporaryDirectory.path + "/stageledger-bench-\(getpid())"
    guard FileManager.default.isExecutableFile(atPath: binary) else {
      throw .program(binary, said: "is not there; run `swift build -c release` first")
    }
    do {
      try FileManager.default.createDirectory(
        atPath: folder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o755])
      switch disk {
      case .own: break
      case .slow: try SlowDisk.begin(in: folder)
      }
      // As many connections as the largest reference has clients, and the service's own.
      cluster = try PostgresCluster.start(
        dataDirectory: folder + "/cluster", settings: ["max_connections": "300"],
        supervision: .leave)
      try cluster.createDatabase(Self.database)
      try cluster.createDatabase(Self.referenceDatabase)
      _ = try cluster.runSQL(Reference.schema, database: Self.referenceDatabase)
    } catch let error as BenchError {
      throw error
    } catch {
      throw .program("postgres", said: "\(error)")
    }
    // Not a secret of anybody: the ledger it seals keys for is gone when the bench ends.
    environment["STAGELEDGER_SECRET_KEY"] = Data(repeating: 7, count: 32).base64EncodedString()
    _ = try command(["migrate"])
  }

  /// The database of the ledger.
  var url: String { cluster.url(database: Self.database) }

  /// Runs a command of the program over the ledger.
  func command(
    _ arguments: [String], url: String? = nil
  ) throws(BenchError) -> ProgramOutcome {
    var environment = environment
    environment["STAGELEDGER_DATABASE_URL"] = url ?? self.url
    return try Programs.run(binary, arguments, environment: environment)
  }

  /// The service; started when it is first asked for.
  func service() throws(BenchError) -> RunningProgram {
    if let running { return running }
    let service = try start(url: url)
    running = service
    return service
  }

  /// Ends the service and starts another one.
  func restart() throws(BenchError) -> RunningProgram {
    running?.stop()
    running = nil
    return try service()
  }

  /// Starts a service over a database.
  func start(url: String) throws(BenchError) -> RunningProgram {
    var environment = environment
    environment["STAGELEDGER_DATABASE_URL"] = url
    return try RunningProgram(
      binary,
      ["serve", "--listen", "127.0.0.1:0", "--reconcile-every", "off", "--log-level", "warning"],
      environment: environment, folder: folder)
  }

  /// Makes a project and a credential that may do everything.
  func tenant(
    _ number: Int, provider: String, url: String? = nil
  ) throws(BenchError) -> Tenant {
    let digits = String(number, radix: 16)
    let project = String(repeating: "0", count: 32 - digits.count) + digits
    _ = try command(["project", "create", project, "--provider", provider], url: url)
    let printed = try command(
      ["credential", "create", "bench", "--project", project, "--policy", "admin"], url: url
    ).output
    guard let value = try? JSONValue(parsing: Array(printed.utf8)),
      let token = value["token"]?.stringValue, let key = value["access_key"]?.stringValue,
      let secret = value["secret_key"]?.stringValue
    else { throw .program("stageledger credential create", said: printed) }
    return Tenant(
      provider: provider, project: project, token: token, accessKey: key, secretKey: secret)
  }

  /// What a question to the ledger's database answers.
  func ask(_ sql: String) throws(BenchError) -> String {
    do { return try cluster.runSQL(sql, database: Self.database, timeout: .seconds(600)) } catch {
      throw .program("psql", said: "\(error)")
    }
  }

  /// What PostgreSQL does by itself.
  func perSecond(
    of reference: Reference, clients: Int, seconds: Int
  ) throws(BenchError) -> Double {
    try reference.perSecond(
      in: cluster, database: Self.referenceDatabase, clients: clients, seconds: seconds,
      folder: folder)
  }

  /// Makes another database of the server, with a schema.
  func makeDatabase(_ name: String) throws(BenchError) -> String {
    do { try cluster.createDatabase(name) } catch { throw .program("psql", said: "\(error)") }
    let url = cluster.url(database: name)
    _ = try command(["migrate"], url: url)
    return url
  }

  /// Ends everything and takes the files away.
  func close() {
    running?.stop()
    cluster.stop()
    try? FileManager.default.removeItem(atPath: folder)
  }
}
