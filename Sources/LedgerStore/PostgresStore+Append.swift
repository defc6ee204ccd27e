// The append half of the store: one transaction in two round trips for a whole batch.
//
// Called by `Appender`. First round trip: lock the head, read what the batch needs. Then the plan,
// pure. Second: insert, project, advance the head, COMMIT, one fsync for all. Invariant: a plan is
// returned only once it is committed; a commit whose answer was lost is settled by looking for the
// plan's first event under the head's lock, which the lost transaction holds until it has ended.

import Crypto
import EventLoop
public import Ledger
public import LedgerServices
import PostgresClient
import TransparencyLog

extension PostgresStore: AppendStore {
  /// Takes two round trips and one fsync for the whole batch.
  public func append(
    to project: ProjectID, needs: AppendNeeds, plan: @Sendable (AppendBasis) -> AppendPlan
  ) async throws(StoreError) -> AppendPlan {
    let deadline = ContinuousClock.now + deadlines.write
    let outcome: WriteOutcome
    do throws(PostgresError) {
      outcome = try await pool.withExclusive(deadline: deadline) { connection in
        await Self.write(project, needs, plan, on: connection, deadline)
      }
    } catch {
      throw StoreError(error)
    }
    switch outcome {
    case .committed(let plan): return plan
    case .failed(let error): throw error
    case .unknown(let plan): return try await settle(plan, in: project)
    }
  }

  /// How the transaction ended.
  enum WriteOutcome: Sendable {
    case committed(AppendPlan)
    case failed(StoreError)
    /// The COMMIT left, its answer did not come.
    case unknown(AppendPlan)
  }

  private static func write(
    _ project: ProjectID, _ needs: AppendNeeds, _ plan: @Sendable (AppendBasis) -> AppendPlan,
    on connection: PostgresConnection, _ deadline: ContinuousClock.Instant
  ) async -> WriteOutcome {
    let basis: AppendBasis
    let generation: Int64
    do throws(StoreError) {
      (basis, generation) = try await readBasis(project, needs, connection, deadline)
    } catch {
      await abandon(connection, deadline)
      return .failed(error)
    }
    let plan = plan(basis)
    var batch = PostgresBatch()
    add(plan, to: project, generation, &batch)
    _ = batch.add(Statements.commit, ())
    do throws(PostgresError) {
      _ = try await connection.run(batch, deadline: deadline)
      return .committed(plan)
    } catch {
      if error.isOutcomeUnknown { return .unknown(plan) }
      await abandon(connection, deadline)
      return .failed(StoreError(error))
    }
  }

  /// Ends a transaction that failed; a connection that cannot even do that is closed.
  static func abandon(
    _ connection: PostgresConnection, _ deadline: ContinuousClock.Instant
  ) async {
    do {
      _ = try await connection.query(Statements.rollback, (), deadline: deadline)
    } catch {
      connection.close()
    }
  }

  private static func readBasis(
    _ project: ProjectID, _ needs: AppendNeeds, _ connection: PostgresConnection,
    _ deadline: ContinuousClock.Instant
  ) async throws(StoreError) -> (AppendBasis, generation: Int64) {
    let secrets = Array(needs.secrets)
    var batch = PostgresBatch()
    _ = batch.add(Statements.begin, ())
    let head = batch.add(Statements.lockHead, project)
    let generation = batch.add(Statements.generation, project)
    let secretRows =
      secrets.isEmpty
      ? nil
      : batch.add(
        Statements.appendSecrets,
        Statements.SecretsKey(project: project, generation: nil, secrets: secrets))
    let stageRows =
      secrets.isEmpty
      ? nil
      : batch.add(
        Statements.appendStages,
        Statements.StagesKey(
          project: project, generation: nil, secrets: secrets, named: needs.namedStages))
    let versionRows =
      needs.versions.isEmpty
      ? nil
      : batch.add(
        Statements.appendVersions,
        Statements.VersionsKey(
          project: project, generation: nil,
          named: needs.versions.map { ($0.secret, $0.version) }))
    let pastRows =
      needs.holders.isEmpty && needs.refined.isEmpty
      ? nil
      : batch.add(
        Statements.appendPasts,
        Statements.PastsKey(
          project: project, holders: Array(needs.holders), refined: Array(needs.refined)))
    let factRows =
      needs.ids.isEmpty
      ? nil
      : batch.add(
        Statements.appendFacts,
        Statements.FactsKey(project: project, ids: Array(needs.ids)))
    let answerRows =
      needs.keys.isEmpty
      ? nil
      : batch.add(
        Statements.earlierAnswers,
        Statements.KeysKey(project: project, keys: Array(needs.keys)))
    let findingRows =
      needs.findings.isEmpty
      ? nil
      : batch.add(
        Statements.appendFindings,
        Statements.FindingsKey(project: project, findings: Array(needs.findings)))
    let requestRows =
      needs.requests.isEmpty
      ? nil
      : batch.add(
        Statements.appendRequests,
        Statements.SecretsKey(
          project: project, generation: nil, secrets: Array(needs.requests)))
    var basis = AppendBasis(head: LogHead(edge: TreeEdge(), lastRecordedAt: nil))
    let headRow: HeadRow?
    let generationRow: Int64?
    let answers: [Statements.AnswerRow]
    do throws(PostgresError) {
      let results = try await connection.run(batch, deadline: deadline)
      headRow = try results[head].first
      generationRow = try results[generation].first
      if let secretRows {
        for row in try results[secretRows] { basis.states[row.secret] = row.state }
      }
      if let versionRows {
        for row in try results[versionRows] {
          basis.states[row.secret]?.versions[row.version] = row.state
        }
      }
      if let stageRows {
        for row in try results[stageRows] {
          basis.states[row.secret]?.stages[row.stage] = row.state
        }
      }
      if let pastRows {
        for row in try results[pastRows] {
          basis.add(row.change, of: row.stage, of: row.secret, named: row.named)
        }
      }
      if let factRows {
        for row in try results[factRows] { basis.facts[row.id] = row.fact }
      }
      if let findingRows {
        for row in try results[findingRows] { basis.findings[row.finding] = row.state }
      }
      if let requestRows {
        for row in try results[requestRows] { basis.requests[row.secret] = row }
      }
      answers = if let answerRows { try results[answerRows] } else { [] }
    } catch {
      throw StoreError(error)
    }
    guard let headRow, let generationRow else { throw .projectNotFound }
    basis.head = try logHead(headRow)
    basis.earlier = try earlierAnswers(answers)
    return (basis, generationRow)
  }

  /// The head a row tells of.
  static func logHead(_ row: HeadRow) throws(StoreError) -> LogHead {
    guard row.nextPosition >= 0,
      let edge = TreeEdge(size: UInt64(row.nextPosition), bytes: row.treeEdge)
    else { throw .corrupt("the head's tree edge does not fit its size") }
    return LogHead(edge: edge, lastRecordedAt: row.lastRecordedAt)
  }

  private static func earlierAnswers(
    _ rows: [Statements.AnswerRow]
  ) throws(StoreError) -> [IdempotencyKey: EarlierAnswer] {
    var answers: [IdempotencyKey: EarlierAnswer] = [:]
    for row in rows {
      guard let digest = Digest(bytes: row.requestSHA256) else {
        throw .corrupt("the digest of an answered request is not 32 bytes")
      }
      var answer =
        answers[row.key]
        ?? EarlierAnswer(
          requestDigest: digest,
          outcome: AppendOutcome(events: [], standing: row.standing, facts: row.facts))
      if let bytes = row.canonical { answer.outcome.events.append(try recorded(bytes)) }
      answers[row.key] = answer
    }
    return answers
  }

  /// The event of stored bytes.
  static func recorded(_ bytes: [UInt8]) throws(StoreError) -> RecordedEvent {
    do { return try RecordedEvent(canonicalBytes: bytes) } catch {
      throw .corrupt("stored bytes are no event: \(error)")
    }
  }

  /// Adds all that the plan writes.
  static func add(
    _ plan: AppendPlan, to project: ProjectID, _ generation: Int64, _ batch: inout PostgresBatch
  ) {
    if !plan.events.isEmpty {
      _ = batch.add(
        Statements.insertEvents, Statements.EventRows(project: project, events: plan.events))
      addProjection(
        states: plan.states, versions: plan.versions, stages: plan.stages,
        findings: plan.findings, requests: plan.requests, to: project, generation, &batch)
      _ = batch.add(
        Statements.advanceHead, Statements.HeadUpdate(project: project, head: plan.head))
    }
    guard !plan.answers.isEmpty else { return }
    _ = batch.add(
      Statements.insertAnswers,
      Statements.AnswerRows(
        project: project, answers: plan.answers.map { ($0.key, $0.value) },
        recordedAt: plan.now))
  }

  /// Adds the rows that the states add up to, in key order so that two writers cannot deadlock.
  static func addProjection(
    states: [SecretName: SecretState], versions: [SecretName: Set<VersionID>],
    stages: [SecretName: Set<StageName>], findings: [FindingID: FindingState],
    requests: [Position: RequestState], to project: ProjectID, _ generation: Int64,
    _ batch: inout PostgresBatch
  ) {
    let secrets = states.sorted { $0.key < $1.key }
    var versionRows: [VersionRow] = []
    var stageRows: [StageRow] = []
    for (secret, state) in secrets {
      for version in (versions[secret] ?? []).sorted() {
        guard let row = state.versions[version] else { continue }
        versionRows.append(VersionRow(secret: secret, version: version, state: row))
      }
      for stage in (stages[secret] ?? []).sorted() {
        guard let row = state.stages[stage] else { continue }
        stageRows.append(StageRow(secret: secret, stage: stage, state: row))
      }
    }
    if !secrets.isEmpty {
      _ = batch.add(
        Statements.upsertSecrets,
        Statements.SecretRows(
          project: project, generation: generation,
          rows: secrets.map { ($0.key, $0.value) }))
    }
    if !versionRows.isEmpty {
      _ = batch.add(
        Statements.upsertVersions,
        Statements.VersionRows(project: project, generation: generation, rows: versionRows))
    }
    if !stageRows.isEmpty {
      _ = batch.add(
        Statements.upsertStages,
        Statements.StageRows(project: project, generation: generation, rows: stageRows))
    }
    if !findings.isEmpty {
      _ = batch.add(
        Statements.upsertFindings,
        Statements.FindingRows(
          project: project, generation: generation,
          rows: findings.sorted { $0.key < $1.key }.map {
            FindingRow(finding: $0.key, state: $0.value)
          }))
    }
    if !requests.isEmpty {
      _ = batch.add(
        Statements.upsertRequests,
        Statements.RequestRows(
          project: project, generation: generation,
          rows: requests.values.sorted { $0.position < $1.position }))
    }
  }

  /// How long to wait between two attempts to learn it.
  private static let settleInterval: Duration = .milliseconds(50)

  /// Learns what became of a commit whose answer was lost.
  private func settle(
    _ plan: AppendPlan, in project: ProjectID
  ) async throws(StoreError) -> AppendPlan {
    guard let first = plan.events.first else {
      // Nothing but remembered answers was at stake: to say "try again" is true and harmless.
      throw .unavailable(reason: "the connection to the database was lost")
    }
    let deadline = ContinuousClock.now + deadlines.write
    while ContinuousClock.now < deadline {
      guard pool.isAvailable else {
        await pool.loop.sleep(until: .now + Self.settleInterval)
        continue
      }
      let answer: Result<Bool, PostgresError>
      do throws(PostgresError) {
        answer = try await pool.withExclusive(deadline: deadline) { connection in
          await Self.isCommitted(first.event.id, in: project, on: connection, deadline)
        }
      } catch {
        answer = .failure(error)
      }
      switch answer {
      case .success(true): return plan
      case .success(false): throw .unavailable(reason: "the connection to the database was lost")
      case .failure: await pool.loop.sleep(until: .now + Self.settleInterval)
      }
    }
    throw .outcomeUnknown
  }

  private static func isCommitted(
    _ id: EventID, in project: ProjectID, on connection: PostgresConnection,
    _ deadline: ContinuousClock.Instant
  ) async -> Result<Bool, PostgresError> {
    var batch = PostgresBatch()
    _ = batch.add(Statements.begin, ())
    _ = batch.add(Statements.lockHead, project)
    let exists = batch.add(
      Statements.eventExists, Statements.EventIDKey(project: project, id: id))
    _ = batch.add(Statements.rollback, ())
    do throws(PostgresError) {
      let results = try await connection.run(batch, deadline: deadline)
      return .success(try !results[exists].isEmpty)
    } catch {
      connection.close()
      return .failure(error)
    }
  }
}
