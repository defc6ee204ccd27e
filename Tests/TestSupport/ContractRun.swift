// ContractRun: one project under test, and the plain model its store is held against.
//
// Called by the clauses of `StoreContract`. Whatever is appended is remembered here as it was
// returned; every read of the store must equal a fold over exactly that. Invariant: all randomness
// and all time come from the seed.

import Crypto
import Ledger
import LedgerServices
import Testing

/// A store that can be held to the contract.
public typealias AnyStore =
  AppendStore & RecordStore & TenantStore & NonceStore & AccessStore & DriftRunStore & LeaseStore
  & WebhookStore

/// One project of a store under test.
final class ContractRun {
  let store: any AnyStore
  let project: ProjectID
  var random: SeededGenerator
  var now = second(0)
  private(set) var recorded: [RecordedEvent] = []
  private let identities: Identities

  /// Makes a project whose name no other run has.
  init(_ store: any AnyStore, seed: UInt64) async throws {
    self.store = store
    random = SeededGenerator(seed: seed)
    identities = .seeded(seed)
    project = named("contract-" + Identities.random.uuid(at: second(0)))
    try await store.create(
      Project(
        id: project, provider: .huawei, notFoundStatus: .badRequest, upstream: nil,
        createdAt: now))
  }

  var events: [Event] { recorded.map(\.event) }
  var size: TreeSize { recorded.last?.event.position.size ?? .zero }

  /// Appends one batch and remembers what the store says it wrote.
  @discardableResult
  func append(
    _ submissions: [Submission]
  ) async throws(StoreError) -> [Result<AppendOutcome, Rejection>] {
    let (project, now, identities) = (project, now, identities)
    let plan = try await store.append(to: project, needs: AppendNeeds(submissions, rules: .huawei))
    { basis in
      AppendPlan(
        submissions, project: project, rules: .huawei, basis: basis, now: now,
        identities: identities)
    }
    recorded += plan.events
    return plan.outcomes
  }

  /// Appends one change that must be accepted.
  @discardableResult
  func change(
    _ secret: String, _ change: Change, key: String? = nil, body: String = ""
  ) async throws -> AppendOutcome {
    let outcomes = try await append([submission(secret, change, key: key, body: body)])
    return try #require(outcomes.first).get()
  }

  func submission(
    _ secret: String, _ change: Change, key: String? = nil, body: String = ""
  ) -> Submission {
    Submission(
      intent: .change(named(secret), change, .any), provenance: .test,
      idempotency: key.map {
        Submission.Idempotency(key: named($0), requestDigest: SHA256.hash(Array(body.utf8)))
      })
  }

  /// Puts a label on a version, or takes it away, at a moment of the past.
  func fact(_ stage: String, _ version: String?, at time: Instant) -> Change {
    .recordFact(
      StageFact(
        stage: named(stage), versionID: version.map { named($0) }, effectiveAt: time))
  }

  /// Holds every read against the model.
  func checkEverything() async throws {
    try await checkLog()
    var secrets: Set<SecretName> = [named("nobody-spoke-of-it")]
    secrets.formUnion(events.compactMap(\.secret))
    for secret in secrets.sorted() { try await checkPresent(secret) }
    let alive = secrets.sorted().filter { state(of: $0).isAlive }
    let page = try await store.secrets(in: project, after: nil, limit: 1_000)
    #expect(page.value.map(\.name) == alive)
    var findings: [FindingID: FindingState] = [:]
    for event in events {
      guard let id = event.finding else { continue }
      findings[id] = FindingState.evolve(findings[id], event)
    }
    let open = try await store.openFindings(in: project)
    #expect(open.value == findings.filter { $0.value.isOpen })
    #expect(open.size == size)
    let all = try await store.findings(in: project, nil, at: now, after: nil, limit: 1_000)
    #expect(all.value.map(\.id) == findings.keys.sorted())
    for known in all.value { #expect(known.state == findings[known.id]) }
    let about = try await store.driftEvents(in: project, from: place(0), limit: 10_000)
    #expect(
      about.value.map(\.position)
        == events.filter { $0.type.rawValue.hasPrefix("drift.") }.map(\.position))
  }

  /// The stored bytes are those that were acknowledged, and they stand without gaps.
  func checkLog() async throws {
    let read = try await store.events(in: project, from: place(0), limit: 10_000)
    #expect(read.size == size)
    #expect(read.value.map(\.bytes) == recorded.map(\.bytes))
    #expect(read.value.map(\.position.index) == Array(0..<size.count))
  }

  private func state(of secret: SecretName) -> SecretState {
    var state = SecretState()
    for event in events where event.secret == secret { state.evolve(event) }
    return state
  }

  private func checkPresent(_ secret: SecretName) async throws {
    let isSpokenOf = events.contains { $0.secret == secret }
    let state = state(of: secret)
    var bare = state
    bare.versions = [:]
    bare.stages = [:]
    let summary = try await store.secret(secret, in: project)
    #expect(summary.size == size)
    #expect(summary.value == (isSpokenOf ? SecretSummary(name: secret, state: bare) : nil))
    for stage in Set(state.stages.keys).union([named("no-such-label")]).sorted() {
      let standing = try await store.standing(of: stage, of: secret, in: project)
      #expect(standing.size == size)
      #expect(
        standing.value
          == StageStanding(life: isSpokenOf ? state.life : nil, stage: state.stages[stage]))
    }
    let versions = state.versionsInOrder
    let page = try await store.versions(
      of: secret, in: project, .registered, after: nil, limit: 1_000)
    #expect(page.value == versions)
    let newest = try await store.version(nil, of: secret, in: project)
    #expect(newest.value == versions.last)
    for version in state.versions.keys.sorted() {
      let one = try await store.version(version, of: secret, in: project)
      #expect(one.value == versions.first { $0.id == version })
    }
    let missing = try await store.version(named("v404"), of: secret, in: project)
    #expect(missing.value == nil)
  }
}

extension ContractRun {
  /// Holds the answers about one secret at the moment, as known to `knownSize`, against the fold.
  func checkAnswers(
    about secret: SecretName, at moment: Instant, knownSize: TreeSize
  ) async throws {
    let mine = events.filter {
      $0.secret == secret && $0.type.changesStage
    }
    let stages = Set(mine.compactMap(\.stage)).sorted()
    let isKnown = events.contains {
      $0.secret == secret && $0.position.index < knownSize.count
    }
    var present = SecretState()
    for event in events where event.secret == secret && event.position < knownSize.next {
      present.evolve(event)
    }
    var expected: [StageAt] = []
    for stage in stages {
      let answer = StageTimeline(
        events: mine.filter { $0.stage == stage }, knownSize: knownSize
      ).answer(at: moment)
      if answer.last != nil || answer.doubt != nil {
        expected.append(StageAt(stage: stage, answer: answer))
      }
      let reply = try await store.answer(
        at: moment, knownSize: knownSize, stage: stage, of: secret, in: project)
      #expect(reply.size == size)
      let isDeprecated = answer.versionID.map { present.stages(of: $0).isEmpty } ?? false
      #expect(
        reply.value
          == StageReply(
            answer: answer, isSecretKnown: isKnown, isDeprecated: isDeprecated,
            coverage: WatchHistory(events: events, knownSize: knownSize)
              .coverage(of: stage, of: secret, at: moment)),
        "\(stage) of \(secret) at \(moment) known to \(knownSize.count)")
      if knownSize == size { try await checkLatest(stage, of: secret, at: moment, reply.value) }
    }
    let all = try await store.stages(
      at: moment, knownSize: knownSize, of: secret, in: project)
    #expect(all.value == expected, "\(secret) at \(moment) known to \(knownSize.count)")
  }

  /// Holds what all there is says of a label against what as many events say.
  private func checkLatest(
    _ stage: StageName, of secret: SecretName, at moment: Instant, _ reply: StageReply
  ) async throws {
    let newest = events.last?.recordedAt
    let known = KnownAt(size: size, recordedAt: newest, isFinal: false)
    let there = try await store.latestAnswer(
      at: moment, now: .latest, stage: stage, of: secret, in: project)
    let moments = ResolvedMoments(effectiveAt: moment, known: known)
    #expect(there.value == LatestReply(moments: moments, reply: reply))
    #expect(there.size == size)
    // Without a moment the present reaches as far as the newest event, however late it is here.
    for now in [moment, newest ?? moment] {
      let present = max(now, newest ?? now)
      let answer = try await store.answer(
        at: present, knownSize: size, stage: stage, of: secret, in: project)
      let here = try await store.latestAnswer(
        at: nil, now: now, stage: stage, of: secret, in: project)
      #expect(here.value.moments == ResolvedMoments(effectiveAt: present, known: known))
      #expect(here.value.reply == answer.value)
    }
  }

  /// Holds the history of one secret, in pages of `limit`, against the plain fold.
  func checkHistory(of secret: SecretName, knownSize: TreeSize, limit: Int) async throws {
    let mine = events.filter {
      $0.secret == secret && $0.type.changesStage
    }
    var all: [StageChange] = []
    for stage in Set(mine.compactMap(\.stage)).sorted() {
      let changes = StageTimeline(
        events: mine.filter { $0.stage == stage }, knownSize: knownSize
      ).intervals.map { StageChange(stage: stage, interval: $0) }
      #expect(try await history(of: stage, of: secret, knownSize, limit) == changes)
      all += changes
    }
    all.sort { $0.moment < $1.moment }
    #expect(try await history(of: nil, of: secret, knownSize, limit) == all)
  }

  private func history(
    of stage: StageName?, of secret: SecretName, _ knownSize: TreeSize, _ limit: Int
  ) async throws -> [StageChange] {
    var all: [StageChange] = []
    while true {
      let page = try await store.history(
        of: stage, of: secret, in: project, knownSize: knownSize, after: all.last?.moment,
        limit: limit
      ).value
      #expect(page.count <= limit)
      all += page
      guard page.count == limit, all.count < 10_000 else { return all }
    }
  }

  /// Holds all labels of the project, in pages, and what is said of them against the fold.
  func checkLabels() async throws {
    let changes = events.filter { $0.type.changesStage }
    var expected: Set<StageKey> = []
    for change in changes {
      guard let secret = change.secret, let stage = change.stage else { continue }
      expected.insert(StageKey(secret: secret, stage: stage))
    }
    var keys: [StageKey] = []
    while true {
      let page = try await store.stageKeys(in: project, after: keys.last, limit: 4).value
      keys += page
      guard page.count == 4 else { break }
    }
    #expect(keys == expected.sorted())
    let moment = anyMoment()
    let known = TreeSize(Int64.random(in: 0...size.count, using: &random)) ?? .zero
    let answers = try await store.answers(to: keys, at: moment, knownSize: known, in: project)
    #expect(
      answers
        == keys.map { key in
          StageTimeline(
            events: changes.filter { $0.secret == key.secret && $0.stage == key.stage },
            knownSize: known
          ).answer(at: moment)
        })
  }

  /// Holds what was recorded late, in pages, against the two times of each event.
  func checkLate(delay: Int64) async throws {
    let expected = events.filter {
      $0.recordedAt.microseconds - $0.effectiveAt.microseconds >= delay
    }
    var late: [StoredEvent] = []
    while true {
      let page = try await store.lateEvents(
        in: project, delay: delay, from: late.last?.position.size.next ?? place(0), limit: 7
      ).value
      late += page
      guard page.count == 7 else { break }
    }
    #expect(late.map(\.position) == expected.map(\.position))
    #expect(late.map(\.bytes) == expected.map(\.canonicalBytes))
  }

  /// Holds the events about the labels of the secret, in pages, against the log.
  func checkStageEvents(of secret: SecretName, knownSize: TreeSize) async throws {
    let expected = events.filter {
      $0.secret == secret && $0.type.changesStage && $0.position.index < knownSize.count
    }
    var told: [Event] = []
    while true {
      let page = try await store.stageEvents(
        of: secret, in: project, after: told.last?.streamVersion?.number ?? 0,
        knownSize: knownSize, limit: 5)
      told += try page.map { try Event(canonicalBytes: $0.bytes) }
      guard page.count == 5 else { break }
    }
    #expect(told == expected)
  }

  /// Holds both axes of a secret against the timelines of its labels at each size of the log.
  func checkKnowledge(of secret: SecretName) {
    let changes = events.filter { $0.secret == secret && $0.type.changesStage }
    var knowledge = StageKnowledge()
    let all = changes.flatMap { knowledge.add($0) } + knowledge.standing
    for event in changes {
      let known = all.filter { known in
        known.knownSince <= event.recordedAt
          && known.knownUntil.map { event.recordedAt < $0 } ?? true
      }
      for stage in Set(changes.compactMap(\.stage)) {
        let expected = StageTimeline(
          events: changes.filter { $0.stage == stage }, knownSize: event.position.size)
        let found = known.filter { $0.stage == stage }.map(\.interval).sorted {
          ($0.since, $0.decidedBy) < ($1.since, $1.decidedBy)
        }
        #expect(found == expected.intervals, "\(stage) at \(event.position)")
      }
    }
  }

  /// Holds "what was known then" against the recorded times, at the moment.
  func checkKnown(at moment: Instant) async throws {
    let before = events.filter { $0.recordedAt <= moment }
    let known = try await store.known(at: moment, in: project)
    #expect(
      known.value
        == KnownAt(
          size: before.last?.position.size ?? .zero, recordedAt: before.last?.recordedAt,
          isFinal: events.last.map { $0.recordedAt >= moment } ?? false))
    #expect(known.size == size)
  }
}
