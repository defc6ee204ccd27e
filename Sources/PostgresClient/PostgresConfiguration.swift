// How connections are made and what is set on them.
//
// Filled by the wiring, read by `ConnectionOpening`. Invariant: every wait a connection can fall
// into has a limit on the server as well as here.

/// The database to connect to and the settings of each connection.
public struct PostgresConfiguration: Sendable {
  /// A libpq connection string or URI.
  public var url: String
  /// What is prepared at connect; a statement that does not prepare fails the connect.
  public var statements: [AnyStatement]
  /// More SQL statements run once at connect, after the standard settings.
  public var sessionSettings: [String]
  /// The name the server shows for the connection.
  public var applicationName: String
  /// The longest a connect may take, preparing included.
  public var connectTimeout: Duration
  /// The longest one statement may run on the server.
  public var statementTimeout: Duration
  /// The longest a statement may wait for one lock.
  public var lockTimeout: Duration
  /// The longest an open transaction may wait for its next statement.
  public var idleInTransactionTimeout: Duration
  /// How long sent data may stay unacknowledged before a TCP connection counts as lost.
  public var tcpUserTimeout: Duration
  /// How many requests may be under way or queued on one connection.
  public var requestsMax: Int

  /// Makes a configuration; the standard limits suit an interactive service.
  public init(
    url: String, statements: [AnyStatement] = [], sessionSettings: [String] = [],
    applicationName: String = "stageledger", connectTimeout: Duration = .seconds(5),
    statementTimeout: Duration = .seconds(30), lockTimeout: Duration = .seconds(10),
    idleInTransactionTimeout: Duration = .seconds(30), tcpUserTimeout: Duration = .seconds(15),
    requestsMax: Int = 10_000
  ) {
    self.url = url
    self.statements = statements
    self.sessionSettings = sessionSettings
    self.applicationName = applicationName
    self.connectTimeout = connectTimeout
    self.statementTimeout = statementTimeout
    self.lockTimeout = lockTimeout
    self.idleInTransactionTimeout = idleInTransactionTimeout
    self.tcpUserTimeout = tcpUserTimeout
    self.requestsMax = requestsMax
  }

  /// What libpq gets, in order: what stands before the URL can be set by it, the rest cannot.
  var keywords: [(name: String, value: String)] {
    [
      ("keepalives", "1"), ("keepalives_idle", "30"), ("keepalives_interval", "10"),
      ("keepalives_count", "3"),
      ("tcp_user_timeout", String(Self.milliseconds(tcpUserTimeout))),
      ("application_name", applicationName),
      ("dbname", url),
      ("client_encoding", "UTF8"),
    ]
  }

  /// The statements that make a fresh connection ours.
  ///
  /// Names are looked up in the catalogue only, the temporary schema last: our statements qualify
  /// every name, so no object of somebody else's can stand in for ours.
  var setup: [String] {
    [
      "SET search_path = pg_catalog, pg_temp",
      "SET TimeZone = 'UTC'",
      "SET client_min_messages = 'error'",
      "SET statement_timeout = \(Self.milliseconds(statementTimeout))",
      "SET lock_timeout = \(Self.milliseconds(lockTimeout))",
      "SET idle_in_transaction_session_timeout = \(Self.milliseconds(idleInTransactionTimeout))",
      // A statement whose client has gone is ended within a second.
      "SET client_connection_check_interval = 1000",
    ] + sessionSettings
  }

  private static func milliseconds(_ duration: Duration) -> Int64 {
    let (seconds, attoseconds) = duration.components
    let (whole, overflow) = seconds.multipliedReportingOverflow(by: 1_000)
    guard !overflow else { return 0x7fff_ffff }
    let sum = whole &+ attoseconds / 1_000_000_000_000_000
    return min(max(sum, 1), 0x7fff_ffff)
  }
}
