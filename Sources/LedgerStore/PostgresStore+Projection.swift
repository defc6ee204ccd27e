// The rebuilding and auditing half of the store.
//
// Called by `Projector` and `Auditor`. A rebuild writes rows of the next generation beside the live
// ones; the switch is one number in the project's row, changed under the head's lock in the
// transaction that catches up the last events. An audit reads one snapshot.

import CanonicalJSON
public import Ledger
public import LedgerServices
import PostgresClient

/// How long one statement over a whole project may take.
private let wholeProjectLimit: Duration = .seconds(900)

extension PostgresStore: ProjectionStore {
  /// Throws away what an earlier rebuild left and takes the next generation.
  public func startRebuild(of project: ProjectID) async throws(StoreError) -> RebuildTicket {
    try await discardOldGenerations(of: project)
    let reading = try await read(Statements.generation, project, in: project)
    guard let live = reading.value.first else { throw .projectNotFound }
    return RebuildTicket(generation: live + 1, size: reading.size)
  }

  /// Deletes the rows of every generation but the live one.
  public func discardOldGenerations(of project: ProjectID) async throws(StoreError) {
    for statement in [
      Statements.discardSecrets, Statements.discardVersions, Statements.discardStages,
      Statements.discardFindings, Statements.discardRequests,
    ] {
      var batch = PostgresBatch()
      batch.add(statement, project)
      _ = try await write(batch, within: wholeProjectLimit)
    }
  }

  /// Reads the index of streams forwards.
  public func stream(
    of project: ProjectID, after: StreamCursor?, below size: TreeSize, limit: Int
  ) async throws(StoreError) -> [StoredEvent] {
    do throws(PostgresError) {
      return try await pool.query(
        Statements.stream,
        Statements.StreamKey(project: project, after: after, below: size, limit: limit),
        deadline: .now + wholeProjectLimit)
    } catch {
      throw StoreError(error)
    }
  }

  /// Writes the rows in one transaction.
  public func write(
    _ rows: ProjectionRows, generation: Int64, of project: ProjectID
  ) async throws(StoreError) {
    var batch = PostgresBatch()
    Self.addProjection(
      states: rows.states, versions: rows.versions, stages: rows.stages, findings: rows.findings,
      requests: rows.requests, to: project, generation, &batch)
    guard batch.count > 0 else { return }
    _ = try await write(batch, within: wholeProjectLimit)
  }

  /// Folds a page of the log into rows of the generation.
  public func catchUp(
    _ ticket: RebuildTicket, from size: TreeSize, of project: ProjectID, limit: Int
  ) async throws(StoreError) -> TreeSize {
    let outcome: Result<TreeSize, StoreError>
    do throws(PostgresError) {
      outcome = try await pool.withExclusive(deadline: .now + wholeProjectLimit) { connection in
        do throws(StoreError) {
          let (rows, reached) = try await Self.foldTail(
            ticket, from: size, of: project, limit: limit, connection)
          var batch = PostgresBatch()
          Self.addProjection(
            states: rows.states, versions: rows.versions, stages: rows.stages,
            findings: rows.findings, requests: rows.requests, to: project, ticket.generation, &batch
          )
          if batch.count > 0 { _ = try await Self.run(batch, connection) }
          return .success(reached)
        } catch {
          return .failure(error)
        }
      }
    } catch {
      throw StoreError(error)
    }
    return try outcome.get()
  }

  /// Joins the two generations in full, in one statement.
  public func differences(
    _ ticket: RebuildTicket, from size: TreeSize, of project: ProjectID
  ) async throws(StoreError) -> [ProjectionKey] {
    do throws(PostgresError) {
      return try await pool.query(
        Statements.differences,
        Statements.DifferencesKey(
          project: project, generation: ticket.generation, from: size, tail: .without),
        deadline: .now + wholeProjectLimit)
    } catch {
      throw StoreError(error)
    }
  }

  /// Holds the head's lock from the last events to the commit.
  public func switchOver(
    _ ticket: RebuildTicket, from size: TreeSize, of project: ProjectID, limit: Int,
    plan: @Sendable (AppendBasis, [ProjectionKey]) -> AppendPlan
  ) async throws(StoreError) -> SwitchOutcome {
    let outcome: Result<SwitchOutcome, StoreError>
    do throws(PostgresError) {
      outcome = try await pool.withExclusive(deadline: .now + wholeProjectLimit) { connection in
        do throws(StoreError) {
          return .success(
            try await Self.switchOver(ticket, from: size, of: project, limit, plan, connection))
        } catch {
          await Self.abandon(connection, .now + .seconds(5))
          return .failure(error)
        }
      }
    } catch {
      throw StoreError(error)
    }
    return try outcome.get()
  }

  private static func switchOver(
    _ ticket: RebuildTicket, from size: TreeSize, of project: ProjectID, _ limit: Int,
    _ plan: @Sendable (AppendBasis, [ProjectionKey]) -> AppendPlan,
    _ connection: PostgresConnection
  ) async throws(StoreError) -> SwitchOutcome {
    var lock = PostgresBatch()
    lock.add(Statements.begin)
    let headRow = lock.add(Statements.lockHead, project)
    guard let row = try await rows(headRow, lock, connection).first else {
      throw .projectNotFound
    }
    let head = try logHead(row)
    guard row.nextPosition - size.count <= Int64(limit) else {
      await abandon(connection, .now + .seconds(5))
      return .behind
    }
    let (folded, _) = try await foldTail(
      ticket, from: size, of: project, limit: limit + 1, connection)
    var compare = PostgresBatch()
    addProjection(
      states: folded.states, versions: folded.versions, stages: folded.stages,
      findings: folded.findings, requests: folded.requests, to: project, ticket.generation, &compare
    )
    let tail = compare.add(
      Statements.differences,
      Statements.DifferencesKey(
        project: project, generation: ticket.generation, from: size, tail: .only))
    let findings = compare.add(
      Statements.findingDifferences,
      Statements.GenerationKey(project: project, generation: ticket.generation))
    let results = try await run(compare, connection)
    let differing: [ProjectionKey]
    do throws(PostgresError) { differing = try results[tail] + results[findings] } catch {
      throw StoreError(error)
    }
    let plan = plan(
      AppendBasis(head: head), differing)
    var finish = PostgresBatch()
    finish.add(
      Statements.switchGeneration,
      Statements.GenerationKey(project: project, generation: ticket.generation))
    add(plan, to: project, ticket.generation, &finish)
    finish.add(Statements.commit)
    _ = try await run(finish, connection)
    return .switched(plan, differing: differing)
  }

  /// The states, in the generation, of what the events from `size` on speak of, with those folded
  /// in.
  private static func foldTail(
    _ ticket: RebuildTicket, from size: TreeSize, of project: ProjectID, limit: Int,
    _ connection: PostgresConnection
  ) async throws(StoreError) -> (ProjectionRows, TreeSize) {
    var page = PostgresBatch()
    let eventRows = page.add(
      Statements.eventPage,
      Statements.EventPageKey(project: project, from: size.next, limit: limit))
    var events: [Event] = []
    for stored in try await rows(eventRows, page, connection) {
      events.append(try recorded(stored.bytes).event)
    }
    guard let last = events.last else { return (ProjectionRows(), size) }
    var folded = ProjectionRows()
    let secrets = Array(Set(events.compactMap(\.secret)))
    var load = PostgresBatch()
    let key = Statements.SecretsKey(
      project: project, generation: ticket.generation, secrets: secrets)
    let secretRows = load.add(Statements.appendSecrets, key)
    let stageRows = load.add(Statements.secretStages, key)
    let versionRows = load.add(
      Statements.appendVersions,
      Statements.VersionsKey(
        project: project, generation: ticket.generation,
        named: events.compactMap { event in
          guard let secret = event.secret, let version = event.versionID else { return nil }
          return (secret, version)
        }))
    let findingRows = load.add(
      Statements.allFindings,
      Statements.GenerationKey(project: project, generation: ticket.generation))
    let requestRows = load.add(Statements.appendRequests, key)
    let results = try await run(load, connection)
    do throws(PostgresError) {
      for row in try results[requestRows] { folded.requests[row.position] = row }
      for row in try results[secretRows] { folded.states[row.secret] = row.state }
      for row in try results[stageRows] { folded.states[row.secret]?.stages[row.stage] = row.state }
      for row in try results[versionRows] {
        folded.states[row.secret]?.versions[row.version] = row.state
      }
      for row in try results[findingRows] { folded.findings[row.finding] = row.state }
    } catch {
      throw StoreError(error)
    }
    for event in events { folded.add(event) }
    return (folded, last.position.size)
  }

  private static func run(
    _ batch: PostgresBatch, _ connection: PostgresConnection
  ) async throws(StoreError) -> PostgresResults {
    do throws(PostgresError) {
      return try await connection.run(batch, deadline: .now + wholeProjectLimit)
    } catch {
      throw StoreError(error)
    }
  }

  fileprivate static func rows<Output>(
    _ handle: PostgresHandle<Output>, _ batch: PostgresBatch, _ connection: PostgresConnection
  ) async throws(StoreError) -> [Output] {
    let results = try await run(batch, connection)
    do throws(PostgresError) { return try results[handle] } catch { throw StoreError(error) }
  }
}

extension PostgresStore: AuditStore {
  /// Reads in one REPEATABLE READ transaction.
  public func withSnapshot<Value: Sendable>(
    of project: ProjectID,
    _ body: @Sendable (any AuditSnapshot) async -> Result<Value, StoreError>
  ) async throws(StoreError) -> Value {
    let outcome: Result<Value, StoreError>
    do throws(PostgresError) {
      outcome = try await pool.withExclusive(deadline: .now + wholeProjectLimit) { connection in
        do throws(PostgresError) {
          _ = try await connection.query(
            Statements.beginSnapshot, (), deadline: .now + wholeProjectLimit)
        } catch {
          return .failure(StoreError(error))
        }
        let result = await body(PostgresSnapshot(project: project, connection: connection))
        await Self.abandon(connection, .now + .seconds(5))
        return result
      }
    } catch {
      throw StoreError(error)
    }
    return try outcome.get()
  }
}

/// One snapshot of one project, on a connection of its own.
private struct PostgresSnapshot: AuditSnapshot {
  let project: ProjectID
  let connection: PostgresConnection

  private func query<Input, Output>(
    _ statement: Statement<Input, Output>, _ input: Input
  ) async throws(StoreError) -> [Output] {
    do throws(PostgresError) {
      return try await connection.query(statement, input, deadline: .now + wholeProjectLimit)
    } catch {
      throw StoreError(error)
    }
  }

  func head() async throws(StoreError) -> LogHead {
    guard let row = try await query(Statements.readHead, project).first else {
      throw .projectNotFound
    }
    return try PostgresStore.logHead(row)
  }

  func rows(from: Int64, limit: Int) async throws(StoreError) -> [EventRow] {
    try await query(
      Statements.eventRows, Statements.RowsKey(project: project, from: from, limit: limit))
  }

  func stream(after: StreamCursor?, limit: Int) async throws(StoreError) -> [StoredEvent] {
    guard let everything = TreeSize(wholeNumberMax) else { return [] }
    return try await query(
      Statements.stream,
      Statements.StreamKey(project: project, after: after, below: everything, limit: limit))
  }

  func projection(
    of secrets: [SecretName]
  ) async throws(StoreError) -> [SecretName: SecretState] {
    let key = Statements.SecretsKey(project: project, generation: nil, secrets: secrets)
    var states: [SecretName: SecretState] = [:]
    for row in try await query(Statements.appendSecrets, key) { states[row.secret] = row.state }
    for row in try await query(Statements.secretVersions, key) {
      states[row.secret, default: SecretState()].versions[row.version] = row.state
    }
    for row in try await query(Statements.secretStages, key) {
      states[row.secret, default: SecretState()].stages[row.stage] = row.state
    }
    return states
  }

  func projectedSecrets(
    after: SecretName?, limit: Int
  ) async throws(StoreError) -> [SecretName] {
    try await query(
      Statements.secretNames,
      Statements.SecretPageKey(project: project, after: after, limit: limit))
  }

  func requests(
    of secrets: [SecretName]
  ) async throws(StoreError) -> [Position: RequestState] {
    var requests: [Position: RequestState] = [:]
    let key = Statements.SecretsKey(project: project, generation: nil, secrets: secrets)
    for row in try await query(Statements.secretRequests, key) { requests[row.position] = row }
    return requests
  }

  func findings() async throws(StoreError) -> [FindingID: FindingState] {
    var findings: [FindingID: FindingState] = [:]
    for row in try await query(
      Statements.allFindings, Statements.GenerationKey(project: project, generation: nil))
    {
      findings[row.finding] = row.state
    }
    return findings
  }
}
