// StoreFixture: a migrated database of its own with a store over it, for one test.
//
// Called by every test here. The database is real; it is dropped when the fixture is closed.

import EventLoop
import Ledger
import LedgerServices
import LedgerStore
import PostgresClient
import PostgresCluster
import Synchronization
import TestSupport

/// A store over a fresh database.
final class StoreFixture: Sendable {
  let database: TestDatabase
  let loop: EventLoop
  let pool: PostgresPool
  let store: PostgresStore
  let clock: ManualClock
  let services: Services

  /// Roles belong to the whole server, which does not let two sessions alter one at once.
  private static let letWriterLogIn = Mutex(())

  /// Migrates a fresh database and opens a store on it as the writer of the service.
  init(cluster: PostgresCluster? = nil, exclusive: Int = 2) async throws {
    database =
      if let cluster {
        try TestDatabase(cluster: cluster, label: "store")
      } else {
        try TestDatabase.create(label: "store")
      }
    loop = try EventLoop(name: "store")
    loop.start()
    _ = try await Migrator(url: database.url, loop: loop).migrate()
    let database = database
    try Self.letWriterLogIn.withLock { _ in
      _ = try database.psql("ALTER ROLE stageledger_writer LOGIN")
    }
    pool = PostgresPool(
      configuration: PostgresConfiguration(
        url: database.url(user: "stageledger_writer"), statements: PostgresStore.statements,
        sessionSettings: PostgresStore.sessionSettings),
      loop: loop, size: PostgresPool.Size(shared: 2, exclusive: exclusive))
    pool.start()
    // Longer waits than a service's: tests share two cores with each other.
    store = PostgresStore(
      pools: [pool], deadlines: StoreDeadlines(read: .seconds(60), write: .seconds(60)))
    clock = ManualClock()
    services = Services(
      appends: store, records: store, tenants: store, nonces: store, accesses: store,
      driftRuns: store, clock: clock.clock, identities: .seeded(7), keyring: nil,
      clouds: NoClouds(),
      compare: { (_, _) async throws(ReconcileError) in throw .cancelled }, readiness: { [] },
      metrics: { [] })
  }

  /// Makes a project of the provider.
  func makeProject(_ id: String = "demo") async throws -> Project {
    let project = Project(
      id: try ProjectID(id), provider: .huawei, notFoundStatus: .badRequest, upstream: nil,
      createdAt: clock.now)
    try await store.create(project)
    return project
  }

  /// Appends one change.
  @discardableResult
  func append(
    _ change: Change, to secret: String = "db", in project: ProjectID,
    key: Submission.Idempotency? = nil
  ) async throws -> AppendOutcome {
    clock.advance(seconds: 1)
    return try await services.appender.append(
      Submission(
        intent: .change(try SecretName(secret), change, .any),
        provenance: Provenance(
          principal: Principal(kind: .credential, id: "tester"), source: .ledgerAPI),
        idempotency: key),
      to: project, rules: .huawei)
  }

  /// Closes the store and drops the database.
  func close() async {
    await pool.close()
    loop.stop()
    loop.join()
    database.drop()
  }
}

/// Runs `body` over a fresh store, whatever becomes of it.
func withStore(
  on cluster: PostgresCluster? = nil, _ body: (StoreFixture) async throws -> Void
) async throws {
  let fixture = try await StoreFixture(cluster: cluster)
  do { try await body(fixture) } catch {
    await fixture.close()
    throw error
  }
  await fixture.close()
}
