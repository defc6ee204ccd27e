// Wiring: puts the parts together; the only file that names both sides of a port.
//
// Called by the commands. Makes event loops, connection pools, the store, the services, the API and
// the server. Invariant: what is opened here is closed here, in the opposite order.

import CanonicalJSON
import Clouds
import Crypto
import EventLoop
import Foundation
import HTTPServer
import HTTPWire
import Ledger
import LedgerAPI
import LedgerServices
import LedgerStore
import PostgresClient
import PostgresCluster
import Synchronization

/// An open record with a schema of this version.
struct Backend: Sendable {
  /// How many projects are listed at once.
  private static let pageSize = 200

  private let store: PostgresStore
  /// The machine's clock.
  let clock = Clock { systemNow() }
  /// Where the record's connections live, and whatever serves it.
  let loops: [EventLoop]
  private let pools: [PostgresPool]
  private let closing: Closing
  /// How long may pass between two drift runs for what lies between them to be covered.
  private let silenceMax: Duration
  /// What the schedule of this instance tells.
  let news = DriftNews()
  /// What the deliveries of this instance tell.
  let deliveryNews = DeliveryNews()
  /// What secret keys are sealed with; nil when there is no such key.
  let keyring: SecretKeyring?

  /// Runs `body` with the database of the settings and closes it afterwards.
  static func use<Value: Sendable>(
    _ context: CommandContext, _ body: (Backend) async throws(CommandError) -> Value
  ) async throws(CommandError) -> Value {
    let source = try DatabaseSource.open(
      context.configuration, say: { context.console.say($0) }, report: { _ in })
    defer { source.close() }
    let interval = try Schedule.interval(context.configuration[.reconcileEvery])
    let backend = try await open(
      source, loopCount: 1, statementTimeout: .seconds(900), reconcilesEvery: interval
    ) { _ in }
    let result: Result<Value, CommandError>
    do throws(CommandError) {
      result = .success(try await body(backend))
    } catch {
      result = .failure(error)
    }
    await backend.close()
    return try result.get()
  }

  /// Opens a database, with the schema brought up to date where it is our own.
  ///
  /// A command that reads a whole project may take longer over one statement than a service may.
  static func open(
    _ source: DatabaseSource, loopCount: Int, statementTimeout: Duration = .seconds(30),
    reconcilesEvery interval: Duration? = nil,
    report: @escaping @Sendable (PostgresPool.Event) -> Void
  ) async throws(CommandError) -> Backend {
    let loops = try startLoops(loopCount)
    do throws(CommandError) {
      try await prepareSchema(of: source, on: loops[0])
    } catch {
      stop(loops)
      throw error
    }
    let closing = Closing()
    let pools = loops.map { loop in
      let configuration = PostgresConfiguration(
        url: source.serviceURL, statements: PostgresStore.statements,
        sessionSettings: PostgresStore.sessionSettings, statementTimeout: statementTimeout)
      return PostgresPool(
        configuration: configuration, loop: loop,
        report: { event in
          if !closing.hasBegun.load(ordering: .relaxed) { report(event) }
        })
    }
    for pool in pools { pool.start() }
    return Backend(
      store: PostgresStore(pools: pools, deadlines: .standard), loops: loops, pools: pools,
      closing: closing, keyring: source.keyring,
      silenceMax: Timetable.silenceMax(every: interval ?? .seconds(900)))
  }

  /// Whether connections end because we close them.
  private final class Closing: Sendable {
    let hasBegun = Atomic<Bool>(false)
  }

  private init(
    store: PostgresStore, loops: [EventLoop], pools: [PostgresPool], closing: Closing,
    keyring: SecretKeyring?, silenceMax: Duration
  ) {
    self.silenceMax = silenceMax
    self.store = store
    self.loops = loops
    self.pools = pools
    self.closing = closing
    self.keyring = keyring
  }

  /// Starts event loops, each on its thread.
  static func startLoops(_ count: Int) throws(CommandError) -> [EventLoop] {
    do throws(SystemError) {
      var loops: [EventLoop] = []
      for index in 0..<max(1, count) {
        loops.append(try EventLoop(name: "loop-\(index)"))
      }
      for loop in loops { loop.start() }
      return loops
    } catch {
      throw .loop(error)
    }
  }

  /// Stops event loops and waits for their threads.
  static func stop(_ loops: [EventLoop]) {
    for loop in loops { loop.stop() }
    for loop in loops { loop.join() }
  }

  private static func prepareSchema(
    of source: DatabaseSource, on loop: EventLoop
  ) async throws(CommandError) {
    switch source.kind {
    case .ofPrivateServer:
      _ = try await migrate(source, on: loop)
    case .named:
      let missing = try await schemaSteps(of: source, on: loop).missing
      guard missing.isEmpty else {
        throw .schema(
          """
          the schema of the database lacks \(missing.joined(separator: ", ")); run \
          `stageledger migrate` first, as a role that may make schemas
          """)
      }
    }
  }

  /// Brings the schema up to date and answers the steps that were missing.
  static func migrate(
    _ source: DatabaseSource, on loop: EventLoop
  ) async throws(CommandError) -> [String] {
    do {
      return try await Migrator(url: source.ownerURL, loop: loop).migrate()
    } catch {
      throw .schema(error.text)
    }
  }

  /// The steps of the schema that are there and those that are missing.
  static func schemaSteps(
    of source: DatabaseSource, on loop: EventLoop
  ) async throws(CommandError) -> (applied: [String], missing: [String]) {
    do {
      let status = try await Migrator(url: source.ownerURL, loop: loop).status()
      return (status.applied, status.pending)
    } catch {
      throw .schema(error.text)
    }
  }

  /// Closes the connections and stops the loops.
  func close() async {
    closing.hasBegun.store(true, ordering: .relaxed)
    for pool in pools { await pool.close() }
    Self.stop(loops)
  }

  /// Where projects and credentials are.
  var tenants: any TenantStore { store }
  /// Where the record can be verified.
  var audits: any AuditStore { store }
  /// Where the access log is.
  var accesses: any AccessStore { store }
  /// Where projections are rebuilt.
  var projections: any ProjectionStore { store }

  /// Says what is unwise about the database, and refuses one that loses commits unless told to go
  /// on.
  func check(
    allowingUnsafeDurability isAllowed: Bool, log: Log
  ) async throws(CommandError) {
    let check = try await storing { () async throws(StoreError) in try await store.check() }
    if !check.excessRights.isEmpty {
      log(
        .warning, "the database role has more rights than the service needs",
        [
          ("role", .string(check.role)),
          ("rights", .string(check.excessRights.joined(separator: ", "))),
        ])
    }
    guard !check.unsafeSettings.isEmpty else { return }
    guard isAllowed else { throw .unsafeDurability(check.unsafeSettings) }
    log(
      .warning, "the database can lose what it has acknowledged",
      [("settings", .string(check.unsafeSettings.joined(separator: ", ")))])
  }

  /// Whether the database answers on every loop.
  var isAvailable: Bool { pools.allSatisfy(\.isAvailable) }

  /// Waits until the database answers on every loop; whoever asks later is told by `isAvailable`.
  func waitUntilAvailable(within limit: Duration) async {
    let deadline = ContinuousClock.now + limit
    while !isAvailable, ContinuousClock.now < deadline {
      try? await Task.sleep(for: .milliseconds(5))
    }
  }

  /// The use cases over this record.
  func services(
    readiness: @escaping @Sendable () async -> [ComponentStatus],
    metrics: @escaping @Sendable () async -> [MetricSample]
  ) -> Services {
    Services(
      appends: store, records: store, tenants: store, nonces: store, accesses: store,
      driftRuns: store, clock: clock, identities: .random, keyring: keyring, clouds: CloudDoors(),
      compare: {
        [leases, clock, store, silenceMax] (
          order, appender
        )
          async throws(ReconcileError) in
        var order = order
        order.settings.silenceMax = silenceMax
        let held = order
        let outcome = await leases.holding(.drift, of: order.project.id, at: clock.now) {
          await Self.result(of: held, records: store, appender: appender, clock: clock)
        }
        switch outcome {
        case .done(let result): return try result.get()
        case .held(let holder): throw .held(holder)
        case .failed(let error): throw .store(error)
        }
      }, readiness: readiness, metrics: metrics)
  }

  /// Lets time pass for live tails until they are stopped.
  func keepTime(for tails: Tails) -> Task<Void, Never> {
    let loop = loops[0]
    return Task(executorPreference: loop) {
      await tails.run(over: store) { await loop.sleep(for: $0) }
    }
  }

  /// Makes the drift runs that are started until the task is cancelled.
  func makeRuns(of runs: DriftRuns, log: Log) -> Task<Void, Never> {
    Task(executorPreference: loops[0]) {
      await runs.serve { project, sentence in
        log(.warning, sentence, [("project", .string(project.text))])
      }
    }
  }

  /// Where it is kept who is told of drift.
  var webhooks: any WebhookStore { store }

  /// How many events the log of the project holds.
  func size(of project: ProjectID) async throws(StoreError) -> TreeSize {
    guard let size = try await store.sizes(of: [project])[project] else { throw .projectNotFound }
    return size
  }

  /// Says in the log that the cloud of the project is watched no more, if it was.
  func stopWatch(over project: Project, because why: String) async throws(CommandError) {
    let store = store
    let isOn = try await storing { () async throws(StoreError) in
      var last: Event?
      for stored in try await store.watchEvents(in: project.id).value {
        do {
          let event = try Event(canonicalBytes: stored.bytes)
          if event.type == .watchStarted || event.type == .watchStopped { last = event }
        } catch {
          throw .corrupt("event \(stored.position.index)")
        }
      }
      return last?.type == .watchStarted
    }
    guard isOn else { return }
    let note = Note(
      type: .watchStopped, secret: nil, stage: nil, versionID: nil, finding: nil,
      data: ["reason": .string(why)])
    let submission = Submission(
      intent: .notes([note]),
      provenance: Provenance(
        principal: Principal(kind: .service, id: "reconciler"), source: .reconciler),
      idempotency: nil)
    do {
      _ = try await Appender(store: store, clock: clock, identities: .random)
        .append(submission, to: project.id, rules: project.provider.rules)
    } catch {
      throw .reconcile(project.id, .append(error))
    }
  }

  /// Every webhook.
  func allWebhooks() async throws(StoreError) -> [Webhook] {
    var webhooks: [Webhook] = []
    while true {
      let page = try await store.webhooks(after: webhooks.last?.project, limit: Self.pageSize)
      webhooks += page
      if page.count < Self.pageSize { return webhooks }
    }
  }

  /// What only one instance may do at a time.
  var leases: Leases {
    let machine = try? String(contentsOfFile: "/proc/sys/kernel/hostname", encoding: .utf8)
    let name = (machine ?? "unknown").trimmingCharacters(in: .whitespacesAndNewlines)
    return Leases(
      store: store, holder: "\(name):\(ProcessInfo.processInfo.processIdentifier)",
      identities: .random, sleep: { duration in try? await Task.sleep(for: duration) })
  }

  private static func result(
    of order: DriftRuns.Order, records: any RecordStore, appender: Appender, clock: Clock
  ) async -> Result<DriftReport, ReconcileError> {
    do throws(ReconcileError) {
      return .success(
        try await reconcile(order, records: records, appender: appender, clock: clock))
    } catch {
      return .failure(error)
    }
  }

  /// Makes one drift run with the cloud of the project's provider.
  private static func reconcile(
    _ order: DriftRuns.Order, records: any RecordStore, appender: Appender, clock: Clock
  ) async throws(ReconcileError) -> DriftReport {
    let cloud = try openCloud(of: order.project)
    defer { cloud.close() }
    let reconciler = Reconciler(
      records: records, appender: appender, clock: clock, settings: order.settings,
      sleep: { duration in try? await Task.sleep(for: duration) })
    let report = try await reconciler.run(
      order.project, as: order.run, for: order.purpose, against: cloud, requestID: order.requestID,
      progress: order.observer.progress)
    if let remark = cloud.clockRemark { order.observer.warn(remark) }
    return report
  }

  /// Opens the cloud of a project; close it when done.
  static func openCloud(of project: Project) throws(ReconcileError) -> any ConnectedCloud {
    guard let upstream = project.upstream else {
      throw .cloud(.unreachable("no upstream is set"))
    }
    do {
      return try upstream.open(
        as: project.provider, settings: .standard(for: project.provider))
    } catch {
      switch error {
      case .badURL: throw .cloud(.unreachable("the upstream URL is no https://host"))
      case .noProject: throw .cloud(.unreachable("no upstream project is set"))
      case .noRegion: throw .cloud(.forbidden("no upstream region is set"))
      case .noCredential: throw .cloud(.forbidden("no token or access key is set for the cloud"))
      }
    }
  }

  /// Every project.
  func projects() async throws(CommandError) -> [Project] {
    var projects: [Project] = []
    do throws(StoreError) {
      while true {
        let page = try await store.projects(after: projects.last?.id, limit: Self.pageSize)
        projects += page
        if page.count < Self.pageSize { return projects }
      }
    } catch {
      throw .store(error)
    }
  }

  /// The project the settings name, or every project.
  func projects(in context: CommandContext) async throws(CommandError) -> [Project] {
    guard let text = context.configuration[.project] else { return try await projects() }
    return [try await ProjectCommand.found(ProjectCommand.projectID(text), in: self)]
  }
}

extension MigrationError {
  /// What to tell.
  var text: String {
    switch self {
    case .database(let error): error.text
    case .changed(let number):
      "step \(number) of the schema was applied with another text: another program's database"
    case .unknown(let number):
      "the database has step \(number), which a newer stageledger made; use that one"
    }
  }
}

extension PostgresError {
  /// What to tell the operator, who sees the database anyway.
  var text: String {
    switch self {
    case .unavailable(let reason), .connectionLost(_, let reason):
      "the database does not answer: \(visible(reason))"
    case .deadlineExceeded: "the database did not answer in time"
    case .server(let error):
      "the database refused (\(error.sqlState)): \(visible(error.message))"
    case .protocolViolation(let what): "the database's answer makes no sense: \(what)"
    case .decoding(let statement, let column, _):
      "the database's answer to \(statement) makes no sense in column \(column)"
    }
  }
}
