// The installed server's programs: where they are and which version they are.
//
// Called by `PostgresCluster` and `ServerKeeper`. Invariant: the programs of one value are of one
// folder, so of one major version.

import Foundation

/// The folder of one installed PostgreSQL server's programs.
struct ServerPrograms: Hashable, Sendable {
  /// The folder that holds `initdb`, `postgres` and `psql`.
  let folder: String
  /// The major version, such as 15; 0 when the folder's name does not tell.
  let version: Int

  /// The path of one program.
  func path(_ program: String) -> String { "\(folder)/\(program)" }

  /// Finds the programs to use with data of the major version `dataVersion` (nil: no data yet).
  ///
  /// STAGELEDGER_POSTGRES_BIN decides when set; else the newest Debian folder, or the one that
  /// fits the data; else the first folder of PATH that has them.
  static func find(
    dataVersion: Int?, environment: [String: String] = ProcessInfo.processInfo.environment,
    root: String = "/usr/lib/postgresql"
  ) throws(ClusterError) -> Self {
    if let named = environment["STAGELEDGER_POSTGRES_BIN"], !named.isEmpty {
      guard isComplete(named) else { throw .serverNotInstalled(searched: [named]) }
      return Self(folder: named, version: dataVersion ?? 0)
    }
    let names = (try? FileManager.default.contentsOfDirectory(atPath: root)) ?? []
    let packaged =
      names.compactMap { name in
        Int(name).map { Self(folder: "\(root)/\(name)/bin", version: $0) }
      }
      .filter { isComplete($0.folder) }
      .sorted { $0.version > $1.version }
    if let dataVersion {
      if let fitting = packaged.first(where: { $0.version == dataVersion }) { return fitting }
    } else if let newest = packaged.first {
      return newest
    }
    let path = environment["PATH"] ?? ""
    let folders = path.split(separator: ":").map(String.init)
    for folder in folders where isComplete(folder) {
      return Self(folder: folder, version: dataVersion ?? 0)
    }
    if let dataVersion, !packaged.isEmpty {
      throw .versionMismatch(data: dataVersion, installed: packaged.map(\.version))
    }
    throw .serverNotInstalled(searched: ["\(root)/*/bin"] + folders)
  }

  /// Whether a folder has both the server and the program that makes its data.
  private static func isComplete(_ folder: String) -> Bool {
    ["initdb", "postgres"].allSatisfy {
      FileManager.default.isExecutableFile(atPath: "\(folder)/\($0)")
    }
  }
}
