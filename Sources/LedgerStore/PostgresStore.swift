// PostgresStore: the ports of the services, kept in PostgreSQL.
//
// Made by the wiring over one pool of connections an event loop. Reads go to the pool of the loop
// the caller runs on and share its connections; what is asked most is gathered for the length of
// one loop turn. No error of PostgreSQL's own leaves this target. Invariant: every wait has a
// deadline.

import EventLoop
import Ledger
import LedgerServices
public import PostgresClient

/// How long the store waits before it gives up.
public struct StoreDeadlines: Sendable {
  /// A read, from call to answer.
  public var read: Duration
  /// A write, from call to commit; as long again to settle a commit whose answer was lost.
  public var write: Duration
  /// Waits as a service should: 3 s for a read, 5 s for a write.
  public static let standard = StoreDeadlines(read: .seconds(3), write: .seconds(5))
  /// Waits as given.
  public init(read: Duration, write: Duration) {
    self.read = read
    self.write = write
  }
}

/// What one look into the log says to a question.
struct AnswerLook: Sendable {
  /// The answer, unless it is in doubt: then the last change at or before the moment, and the first
  /// moment another one can come at.
  var reply: StageReply
  /// Whether several changes may have been the last one.
  var isInDoubt: Bool
  /// The moment the question was about.
  var effectiveAt: Instant
  /// How much of the log there is.
  var latest: KnownAt
}

/// The record in PostgreSQL.
public final class PostgresStore: Sendable {
  /// The statements every connection prepares.
  public static let statements: [AnyStatement] = Statements.all

  /// Settings every connection makes: plans made while tables were small stay right as they grow.
  public static let sessionSettings: [String] = [
    "SET plan_cache_mode = force_generic_plan", "SET enable_seqscan = off",
    "SET enable_bitmapscan = off", "SET enable_hashjoin = off", "SET enable_mergejoin = off",
    "SET jit = off",
  ]

  private struct Lane: Sendable {
    let pool: PostgresPool
    let standings: Gatherer<StandingQuestion, Reading<StageStanding>>
    let answers: Gatherer<Statements.AnswerKey, Reading<AnswerLook>>
    let pages: Gatherer<Statements.EventPageKey, Reading<[StoredEvent]>?>
  }

  struct StandingQuestion: Hashable, Sendable {
    var project: ProjectID
    var secret: SecretName
    var stage: StageName
  }

  /// How many questions one gathered query asks at most.
  private static let gatheredMax = 256

  private let lanes: [Lane]
  let deadlines: StoreDeadlines

  /// A store over one pool an event loop, of which there is at least one.
  public init(pools: [PostgresPool], deadlines: StoreDeadlines) {
    precondition(!pools.isEmpty, "a store without a connection pool")
    self.deadlines = deadlines
    lanes = pools.map { pool in
      Lane(
        pool: pool,
        standings: Gatherer(loop: pool.loop, limit: Self.gatheredMax) { questions in
          await Self.standings(questions, pool, .now + deadlines.read)
        },
        answers: Gatherer(loop: pool.loop, limit: Self.gatheredMax) { questions in
          await Self.answers(questions, pool, .now + deadlines.read)
        },
        pages: Gatherer(loop: pool.loop, limit: Self.gatheredMax) { keys in
          await Self.pages(keys, pool, .now + deadlines.read)
        })
    }
  }

  private var lane: Lane { lanes.first { $0.pool.loop.isCurrent } ?? lanes[0] }

  /// The pool of the loop the caller runs on.
  var pool: PostgresPool { lane.pool }

  /// Runs one read.
  func read<Input, Output>(
    _ statement: Statement<Input, Output>, _ input: Input
  ) async throws(StoreError) -> [Output] {
    do {
      return try await pool.query(statement, input, deadline: .now + deadlines.read)
    } catch { throw StoreError(error) }
  }

  /// Runs one read of a project, with the size of its log just before.
  func read<Input, Output>(
    _ statement: Statement<Input, Output>, _ input: Input, in project: ProjectID
  ) async throws(StoreError) -> Reading<[Output]> {
    var batch = PostgresBatch()
    let sizeRow = batch.add(Statements.logSize, project)
    let rows = batch.add(statement, input)
    let size: TreeSize?
    let value: [Output]
    do throws(PostgresError) {
      let results = try await pool.run(batch, deadline: .now + deadlines.read)
      size = try results[sizeRow].first
      value = try results[rows]
    } catch {
      throw StoreError(error)
    }
    guard let size else { throw .projectNotFound }
    return Reading(value: value, size: size)
  }

  /// Runs statements that write, all of them or none, on a connection of their own.
  func write(
    _ batch: PostgresBatch, within limit: Duration
  ) async throws(StoreError) -> PostgresResults {
    let deadline = ContinuousClock.now + limit
    do throws(PostgresError) {
      return try await pool.withExclusive(deadline: deadline) {
        connection throws(PostgresError) in
        try await connection.run(batch, deadline: deadline)
      }
    } catch {
      throw StoreError(error)
    }
  }

  /// Runs one statement that writes.
  func write<Input, Output>(
    _ statement: Statement<Input, Output>, _ input: Input
  ) async throws(StoreError) -> [Output] {
    var batch = PostgresBatch()
    let rows = batch.add(statement, input)
    let results = try await write(batch, within: deadlines.write)
    do throws(PostgresError) { return try results[rows] } catch { throw StoreError(error) }
  }

  /// Asks the lane's gatherer where a label sits.
  func gatheredStanding(
    _ question: StandingQuestion
  ) async throws(StoreError) -> Reading<StageStanding> {
    do { return try await lane.standings.get(question) } catch { throw StoreError(error) }
  }

  /// Asks the lane's gatherer what held.
  func gatheredAnswer(
    _ question: Statements.AnswerKey
  ) async throws(StoreError) -> Reading<AnswerLook> {
    do { return try await lane.answers.get(question) } catch { throw StoreError(error) }
  }

  /// What is said to questions that are there already, in their order.
  func looks(
    of questions: [Statements.AnswerKey]
  ) async throws(StoreError) -> [Reading<AnswerLook>] {
    var looks: [Reading<AnswerLook>] = []
    for answer in await Self.answers(questions, pool, .now + deadlines.read) {
      do { looks.append(try answer.get()) } catch { throw StoreError(error) }
    }
    return looks
  }

  /// Asks the lane's gatherer for a page of a log; nil where there is no such project.
  func gatheredPage(
    _ key: Statements.EventPageKey
  ) async throws(StoreError) -> Reading<[StoredEvent]>? {
    do { return try await lane.pages.get(key) } catch { throw StoreError(error) }
  }

  /// One query a page, however many ask for it; all of them share one round trip.
  ///
  /// Those who follow a log ask for the same page when a commit wakes them.
  private static func pages(
    _ keys: [Statements.EventPageKey], _ pool: PostgresPool, _ deadline: ContinuousClock.Instant
  ) async -> [Result<Reading<[StoredEvent]>?, PostgresError>] {
    var batch = PostgresBatch()
    var asked:
      [Statements.EventPageKey: (size: PostgresHandle<TreeSize>, PostgresHandle<StoredEvent>)] = [:]
    for key in keys where asked[key] == nil {
      asked[key] = (
        batch.add(Statements.logSize, key.project), batch.add(Statements.eventPage, key)
      )
    }
    do throws(PostgresError) {
      let results = try await pool.run(batch, deadline: deadline)
      var pages: [Statements.EventPageKey: Reading<[StoredEvent]>] = [:]
      for (key, (size, events)) in asked {
        guard let size = try results[size].first else { continue }
        pages[key] = Reading(value: try results[events], size: size)
      }
      return keys.map { .success(pages[$0]) }
    } catch {
      return keys.map { _ in .failure(error) }
    }
  }

  /// One query a project; all of them share one round trip.
  private static func standings(
    _ questions: [StandingQuestion], _ pool: PostgresPool,
    _ deadline: ContinuousClock.Instant
  ) async -> [Result<Reading<StageStanding>, PostgresError>] {
    await gathered(questions, pool, deadline, project: \.project) { project, questions, batch in
      batch.add(
        Statements.standing,
        Statements.StandingKey(
          project: project, keys: questions.map { ($0.secret, $0.stage) }))
    } place: { row in
      (row.ordinal, Reading(value: row.standing, size: row.size))
    }
  }

  private static func answers(
    _ questions: [Statements.AnswerKey], _ pool: PostgresPool,
    _ deadline: ContinuousClock.Instant
  ) async -> [Result<Reading<AnswerLook>, PostgresError>] {
    await gathered(questions, pool, deadline, project: \.project) { project, questions, batch in
      batch.add(Statements.stageAnswer, (project, questions))
    } place: { row in
      (row.ordinal, Reading(value: row.look, size: row.size))
    }
  }

  /// Asks the questions of each project in one query of its own and puts the rows in their places.
  private static func gathered<Question: Sendable, Row: Sendable, Answer: Sendable>(
    _ questions: [Question], _ pool: PostgresPool, _ deadline: ContinuousClock.Instant,
    project: KeyPath<Question, ProjectID>,
    add: (ProjectID, [Question], inout PostgresBatch) -> PostgresHandle<Row>,
    place: (Row) -> (ordinal: Int64, Answer)
  ) async -> [Result<Answer, PostgresError>] {
    var byProject: [ProjectID: [Int]] = [:]
    for (index, question) in questions.enumerated() {
      byProject[question[keyPath: project], default: []].append(index)
    }
    var batch = PostgresBatch()
    let asked = byProject.map { project, indices in
      (indices, add(project, indices.map { questions[$0] }, &batch))
    }
    var answers = [Result<Answer, PostgresError>](
      repeating: .failure(.protocolViolation("a question without an answer")),
      count: questions.count)
    do throws(PostgresError) {
      let results = try await pool.run(batch, deadline: deadline)
      for (indices, handle) in asked {
        for row in try results[handle] {
          let (ordinal, answer) = place(row)
          guard ordinal >= 1, ordinal <= Int64(indices.count) else { continue }
          answers[indices[Int(ordinal) - 1]] = .success(answer)
        }
      }
    } catch {
      return questions.map { _ in .failure(error) }
    }
    return answers
  }
}

extension StoreError {
  /// What an error of PostgreSQL means to the services.
  init(_ error: PostgresError) {
    switch error {
    case .unavailable(let reason): self = .unavailable(reason: reason)
    case .connectionLost: self = .unavailable(reason: "the connection to the database was lost")
    case .deadlineExceeded: self = .deadlineExceeded
    case .server(let server):
      switch server.sqlState {
      case "57014", "55P03": self = .deadlineExceeded
      case "23503": self = .projectNotFound
      case "23505": self = .alreadyExists
      case let state where state.hasPrefix("08") || state.hasPrefix("57") || state.hasPrefix("53"):
        self = .unavailable(reason: "the database answers \(state)")
      case let state: self = .corrupt("the database answers \(state): \(server.message)")
      }
    case .protocolViolation(let text): self = .corrupt(text)
    case .decoding(let statement, let column, let problem):
      self = .corrupt("\(statement), column \(column): \(problem)")
    }
  }
}
