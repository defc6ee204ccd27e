// Services: the use cases as one value, which the API is given and knows nothing behind.
//
// Made by the program's wiring; the API surfaces call its members.

/// Whether one part the service needs is up.
public struct ComponentStatus: Hashable, Sendable {
  /// The part: `database`, `schema`, `service`.
  public var name: String
  /// What is wrong with it; nil while it is up.
  public var trouble: String?
  /// The state of a part.
  public init(name: String, trouble: String?) {
    self.name = name
    self.trouble = trouble
  }
}

/// One number about the running service, in Prometheus terms.
public struct MetricSample: Hashable, Sendable {
  /// What kind of number.
  public enum Kind: String, Sendable {
    /// Only ever grows.
    case counter
    /// Goes up and down.
    case gauge
  }
  /// Its name, unit last.
  public var name: String
  /// What it tells.
  public var help: String
  /// What kind of number.
  public var kind: Kind
  /// Label names and values, in order.
  public var labels: [[String]]
  /// The number.
  public var value: Double
  /// A number about the running service.
  public init(name: String, help: String, kind: Kind, labels: [[String]], value: Double) {
    self.name = name
    self.help = help
    self.kind = kind
    self.labels = labels
    self.value = value
  }
}

/// The use cases of the ledger.
public struct Services: Sendable {
  /// The one door for events.
  public var appender: Appender
  /// The door for changes of labels, which may be passed on to a cloud.
  public var changes: Changes
  /// What can be asked of the record.
  public var records: any RecordStore
  /// Whoever follows a log.
  public var tails: Tails
  /// Questions about time.
  public var history: StageHistory
  /// Projects and credentials.
  public var tenants: Tenants
  /// The nonces of signed requests.
  public var nonces: Nonces
  /// Drift runs.
  public var runs: DriftRuns
  /// Which drift runs there are.
  public var runStore: any DriftRunStore
  /// What was drift, and what runs found.
  public var drift: DriftHistory
  /// Who read what and who was refused.
  public var accesses: AccessLog
  /// The time.
  public var clock: Clock
  /// New ids.
  public var identities: Identities
  /// The state of every part the service needs.
  public var readiness: @Sendable () async -> [ComponentStatus]
  /// Numbers from below the API: database connections, the server, the appender.
  public var metrics: @Sendable () async -> [MetricSample]

  /// The use cases over the stores; `compare` compares one project with its live cloud, `clouds` is
  /// where changes are passed on.
  public init(
    appends: any AppendStore, records: any RecordStore, tenants: any TenantStore,
    nonces: any NonceStore, accesses: any AccessStore, driftRuns: any DriftRunStore, clock: Clock,
    identities: Identities, keyring: SecretKeyring?,
    clouds: any CloudGate, changes settings: Changes.Settings = Changes.Settings(),
    compare:
      @escaping @Sendable (DriftRuns.Order, Appender) async throws(ReconcileError) ->
      DriftReport,
    readiness: @escaping @Sendable () async -> [ComponentStatus],
    metrics: @escaping @Sendable () async -> [MetricSample]
  ) {
    let tails = Tails()
    let appender = Appender(store: appends, clock: clock, identities: identities) { project, size in
      tails.grew(project, to: size)
    }
    self.appender = appender
    changes = Changes(
      appender: appender, records: records, clouds: clouds, clock: clock, identities: identities,
      settings: settings)
    runStore = driftRuns
    drift = DriftHistory(records: records, runs: driftRuns)
    runs = DriftRuns(store: driftRuns, clock: clock, identities: identities) {
      (order) async throws(ReconcileError) in try await compare(order, appender)
    }
    self.tails = tails
    self.records = records
    history = StageHistory(store: records, clock: clock)
    self.tenants = Tenants(store: tenants, clock: clock, keyring: keyring)
    self.nonces = Nonces(store: nonces, clock: clock)
    self.accesses = AccessLog(store: accesses)
    self.clock = clock
    self.identities = identities
    self.readiness = readiness
    self.metrics = metrics
  }
}
