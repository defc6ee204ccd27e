// Why a private server could not be run: data in the cases, one text for people, which says what to
// do.
//
// Thrown by everything in this target; `stageledger` prints `description`.

/// Why a private PostgreSQL server could not be started, reached or stopped.
public enum ClusterError: Error, Hashable, Sendable {
  /// No `initdb` and `postgres` pair in any of the folders looked at.
  case serverNotInstalled(searched: [String])
  /// Started as root, and there is no user of this name to run the server as.
  case serverUserMissing(name: String)
  /// The data was made by this major version, and only others are installed.
  case versionMismatch(data: Int, installed: [Int])
  /// A file or folder could not be used; `code` is the `errno`.
  case folder(path: String, code: Int32)
  /// A folder for sockets belongs to somebody else or others may enter it.
  case unsafeFolder(path: String)
  /// A program could not be run at all; `code` is the `errno`.
  case launch(program: String, code: Int32)
  /// A program ended with another status than 0; `output` is the end of what it said.
  case programFailed(program: String, status: Int32, output: String)
  /// The server ended before it was ready; `output` is the end of its log.
  case serverEnded(status: Int32, output: String, logPath: String)
  /// Something took longer than its deadline.
  case deadlineExceeded(waitingFor: String, logPath: String)
  /// A database name is not one to 63 lower-case letters, digits and underscores.
  case databaseName(String)
  /// The cluster has been stopped.
  case stopped
}

extension ClusterError: CustomStringConvertible {
  /// One or two sentences for people, with the next step where there is one.
  public var description: String {
    switch self {
    case .serverNotInstalled(let searched):
      """
      no PostgreSQL server found in \(searched.joined(separator: ", ")); install one \
      (apt-get install postgresql), or name its programs' folder in STAGELEDGER_POSTGRES_BIN, \
      or name a database in STAGELEDGER_DATABASE_URL
      """
    case .serverUserMissing(let name):
      """
      PostgreSQL does not run as root and there is no user \(name); create one \
      (useradd --system \(name)) or start as another user
      """
    case .versionMismatch(let data, let installed):
      """
      the data folder was made by PostgreSQL \(data), installed is \
      \(installed.map(String.init).joined(separator: ", ")); install that version \
      (apt-get install postgresql-\(data)) or move the data with pg_upgrade
      """
    case .folder(let path, let code):
      "cannot use \(path): \(ChildProcess.errorText(code))"
    case .unsafeFolder(let path):
      "\(path) belongs to somebody else or is open to others; remove it or set XDG_RUNTIME_DIR"
    case .launch(let program, let code):
      "cannot run \(program): \(ChildProcess.errorText(code))"
    case .programFailed(let program, let status, let output):
      "\(program) ended with status \(status): \(output)"
    case .serverEnded(let status, let output, let logPath):
      "the database server ended with status \(status): \(output) (its log: \(logPath))"
    case .deadlineExceeded(let what, let logPath):
      "\(what) took too long (the server's log: \(logPath))"
    case .databaseName(let name):
      "\(name) is not a database name: use 1 to 63 lower-case letters, digits and underscores"
    case .stopped:
      "the database server has been stopped"
    }
  }
}
