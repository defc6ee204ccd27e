// The reading half of the store: every question, asked of one project.
//
// Called by the API, `StageHistory` and the reconciler. The two questions asked most, where a label
// sits and where it sat, are gathered; the others are a statement each beside the size of the log.

public import Ledger
public import LedgerServices
import PostgresClient

extension PostgresStore: RecordStore {
  /// One query for all that is asked in one turn of the loop.
  public func standing(
    of stage: StageName, of secret: SecretName, in project: ProjectID
  ) async throws(StoreError) -> Reading<StageStanding> {
    try await gatheredStanding(
      StandingQuestion(project: project, secret: secret, stage: stage))
  }

  /// One look-up by key.
  public func secret(
    _ secret: SecretName, in project: ProjectID
  ) async throws(StoreError) -> Reading<SecretSummary?> {
    let reading = try await read(
      Statements.appendSecrets,
      Statements.SecretsKey(project: project, generation: nil, secrets: [secret]), in: project)
    return Reading(
      value: reading.value.first.map { SecretSummary(name: $0.secret, state: $0.state) },
      size: reading.size)
  }

  /// One range of the secrets' key.
  public func secrets(
    in project: ProjectID, after: SecretName?, limit: Int
  ) async throws(StoreError) -> Reading<[SecretSummary]> {
    let reading = try await read(
      Statements.secretPage,
      Statements.SecretPageKey(project: project, after: after, limit: limit), in: project)
    return Reading(
      value: reading.value.map { SecretSummary(name: $0.secret, state: $0.state) },
      size: reading.size)
  }

  /// Reads all secrets of the project, and sorts those that are found.
  public func secrets(
    in project: ProjectID, finding search: SecretSearch, limit: Int
  ) async throws(StoreError) -> Reading<[SecretSummary]> {
    let reading = try await read(
      Statements.secretSearch,
      Statements.SecretSearchKey(project: project, search: search, limit: limit), in: project)
    return Reading(
      value: reading.value.map { SecretSummary(name: $0.secret, state: $0.state) },
      size: reading.size)
  }

  /// Looks at all secrets of the project.
  public func count(
    in project: ProjectID, finding search: SecretSearch
  ) async throws(StoreError) -> Reading<Int64> {
    let reading = try await read(Statements.secretCount, (project, search), in: project)
    return Reading(value: reading.value.first ?? 0, size: reading.size)
  }

  /// One range of the labels' key for each secret.
  public func labels(
    of secrets: [SecretName], in project: ProjectID
  ) async throws(StoreError) -> Reading<[SecretName: [VersionID: [StageName]]]> {
    let reading = try await read(
      Statements.labels, Statements.LabelsKey(project: project, secrets: secrets), in: project)
    var labels: [SecretName: [VersionID: [StageName]]] = [:]
    for row in reading.value {
      labels[row.secret, default: [:]][row.version, default: []].append(row.stage)
    }
    return Reading(value: labels, size: reading.size)
  }

  /// One range of the index in order of registration.
  public func versions(
    of secret: SecretName, in project: ProjectID, _ selection: VersionSelection,
    after: VersionID?, limit: Int
  ) async throws(StoreError) -> Reading<[VersionSummary]> {
    try await read(
      Statements.versionPage,
      Statements.VersionPageKey(
        project: project, secret: secret, selection: selection, after: after, limit: limit),
      in: project)
  }

  /// One look-up by key, or the end of the index in order of registration.
  public func version(
    _ version: VersionID?, of secret: SecretName, in project: ProjectID
  ) async throws(StoreError) -> Reading<VersionSummary?> {
    let reading = try await read(
      Statements.versionByID,
      Statements.VersionKey(project: project, secret: secret, version: version), in: project)
    return Reading(value: reading.value.first, size: reading.size)
  }

  /// One look-up in the index of recorded times.
  public func known(
    at moment: Instant?, in project: ProjectID
  ) async throws(StoreError) -> Reading<KnownAt> {
    let reading = try await read(
      Statements.knownAt, Statements.KnownKey(project: project, moment: moment), in: project)
    guard let last = reading.value.first else {
      return Reading(
        value: KnownAt(
          size: .zero, recordedAt: nil, isFinal: moment != nil && reading.size > .zero),
        size: reading.size)
    }
    // Recorded times strictly rise: nothing can still land at or before the newest one's.
    let known = KnownAt(
      size: last.position.size, recordedAt: last.recordedAt,
      isFinal: moment.map { $0 <= last.recordedAt || last.position.size < reading.size } ?? false)
    return Reading(value: known, size: max(reading.size, known.size))
  }

  /// Four look-ups in the indexes of labels, gathered for the length of one turn of the loop; one
  /// more query where the answer is in doubt.
  public func answer(
    at effectiveAt: Instant, knownSize: TreeSize, stage: StageName, of secret: SecretName,
    in project: ProjectID
  ) async throws(StoreError) -> Reading<StageReply> {
    let key = Statements.AnswerKey(
      project: project, secret: secret, stage: stage, moment: .at(effectiveAt),
      knownSize: knownSize)
    return try await settled(try await gatheredAnswer(key), key)
  }

  /// The same query; how much there is stands in it.
  public func latestAnswer(
    at effectiveAt: Instant?, now: Instant, stage: StageName, of secret: SecretName,
    in project: ProjectID
  ) async throws(StoreError) -> Reading<LatestReply> {
    let key = Statements.AnswerKey(
      project: project, secret: secret, stage: stage,
      moment: effectiveAt.map { .at($0) } ?? .present(now), knownSize: nil)
    let look = try await gatheredAnswer(key)
    let reply = try await settled(look, key)
    return Reading(
      value: LatestReply(
        moments: ResolvedMoments(effectiveAt: look.value.effectiveAt, known: look.value.latest),
        reply: reply.value),
      size: look.size)
  }

  /// The answer as the first look tells it, or weighed anew from all changes that matter.
  private func settled(
    _ look: Reading<AnswerLook>, _ key: Statements.AnswerKey
  ) async throws(StoreError) -> Reading<StageReply> {
    var reply = look.value.reply
    if look.value.isInDoubt {
      let next = reply.answer.interval.map(\.until) ?? reply.answer.firstChange
      var key = key
      key.moment = .at(look.value.effectiveAt)
      key.knownSize = key.knownSize ?? look.value.latest.size
      let begun = try await read(Statements.stageChanges, key)
      reply.answer = StageAnswer(begun: begun, at: look.value.effectiveAt, next: next)
      if reply.answer.doubt != nil { reply.isDeprecated = false }
    }
    return Reading(value: reply, size: look.size)
  }

  /// Reads the part of the index of labels that belongs to the secret, then asks about each label.
  public func stages(
    at effectiveAt: Instant, knownSize: TreeSize, of secret: SecretName, in project: ProjectID
  ) async throws(StoreError) -> Reading<[StageAt]> {
    let names = try await read(
      Statements.stagesAt,
      Statements.StagesAtKey(
        project: project, secret: secret, effectiveAt: effectiveAt, knownSize: knownSize),
      in: project)
    let answers = try await answers(
      to: names.value.map { StageKey(secret: secret, stage: $0) }, at: effectiveAt,
      knownSize: knownSize, in: project)
    let stages = zip(names.value, answers).map { StageAt(stage: $0, answer: $1) }
      // What had begun by one telling may come later by a better one.
      .filter { $0.answer.last != nil || $0.answer.doubt != nil }
    return Reading(value: stages, size: names.size)
  }

  /// One query for all labels, and one more for each that is in doubt.
  public func answers(
    to keys: [StageKey], at effectiveAt: Instant, knownSize: TreeSize, in project: ProjectID
  ) async throws(StoreError) -> [StageAnswer] {
    let questions = keys.map {
      Statements.AnswerKey(
        project: project, secret: $0.secret, stage: $0.stage, moment: .at(effectiveAt),
        knownSize: knownSize)
    }
    var answers: [StageAnswer] = []
    for (question, look) in zip(questions, try await looks(of: questions)) {
      answers.append(try await settled(look, question).value.answer)
    }
    return answers
  }

  /// One range of the labels' key.
  public func stageKeys(
    in project: ProjectID, after: StageKey?, limit: Int
  ) async throws(StoreError) -> Reading<[StageKey]> {
    try await read(
      Statements.stageKeys,
      Statements.StageKeysKey(project: project, after: after, limit: limit), in: project)
  }

  /// One range of the index of events recorded late.
  public func lateEvents(
    in project: ProjectID, delay: Int64, from: Position, limit: Int
  ) async throws(StoreError) -> Reading<[StoredEvent]> {
    try await read(
      Statements.lateEvents,
      Statements.LateKey(project: project, delay: delay, from: from, limit: limit),
      in: project)
  }

  /// Reads a secret's events along their order.
  public func stageEvents(
    of secret: SecretName, in project: ProjectID, after: Int64, knownSize: TreeSize, limit: Int
  ) async throws(StoreError) -> [StoredEvent] {
    try await read(
      Statements.stageEvents,
      Statements.StageEventsKey(
        project: project, secret: secret, after: after, knownSize: knownSize, limit: limit),
      in: project
    ).value
  }

  /// Reads the part of the index of labels that belongs to the secret or the label.
  public func history(
    of stage: StageName?, of secret: SecretName, in project: ProjectID, knownSize: TreeSize,
    after: SecretState.Moment?, limit: Int
  ) async throws(StoreError) -> Reading<[StageChange]> {
    try await read(
      Statements.stageHistory,
      Statements.HistoryKey(
        project: project, secret: secret, stage: stage, knownSize: knownSize, after: after,
        limit: limit),
      in: project)
  }

  /// One look-up by key a project, all of them in one round trip.
  public func sizes(
    of projects: [ProjectID]
  ) async throws(StoreError) -> [ProjectID: TreeSize] {
    var batch = PostgresBatch()
    let asked = projects.map { ($0, batch.add(Statements.logSize, $0)) }
    var sizes: [ProjectID: TreeSize] = [:]
    do throws(PostgresError) {
      let results = try await pool.run(batch, deadline: .now + deadlines.read)
      for (project, row) in asked { sizes[project] = try results[row].first }
    } catch {
      throw StoreError(error)
    }
    return sizes
  }

  /// One range of the log; all who ask for the same one in a turn of the loop share it.
  public func events(
    in project: ProjectID, from: Position, limit: Int
  ) async throws(StoreError) -> Reading<[StoredEvent]> {
    let reading = try await gatheredPage(
      Statements.EventPageKey(project: project, from: from, limit: limit))
    guard let reading else { throw .projectNotFound }
    let last = reading.value.last?.position.size ?? .zero
    return Reading(value: reading.value, size: max(reading.size, last))
  }

  /// One look-up by key.
  public func request(
    at position: Position, of secret: SecretName, in project: ProjectID
  ) async throws(StoreError) -> Reading<RequestState?> {
    let reading = try await read(
      Statements.requestByPosition,
      Statements.RequestKey(project: project, secret: secret, position: position), in: project)
    return Reading(value: reading.value.first, size: reading.size)
  }

  /// Reads the index of open requests.
  public func openRequests(
    in project: ProjectID, limit: Int
  ) async throws(StoreError) -> Reading<[RequestState]> {
    try await read(
      Statements.openRequests, Statements.OpenRequestsKey(project: project, limit: limit),
      in: project)
  }
}
