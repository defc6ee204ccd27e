// MemoryStore: the record kept in memory, as plain folds over the events that were appended.
//
// The double behind all ports for tests of the services and the API, and the yardstick of the
// contract test: nothing here is clever. Stricter than a database: what a plan claims is worked out
// again (`MemoryLog`) and a difference is `StoreError.corrupt`. Invariant: one lock around
// everything, so each call sees whole batches.

import Crypto
import Ledger
import LedgerServices
import Synchronization

/// The record and the tenants, in memory.
public final class MemoryStore: Sendable {
  struct Contents: Sendable {
    var projects: [ProjectID: Project] = [:]
    var logs: [ProjectID: MemoryLog] = [:]
    var credentials: [StoredCredential] = []
    var nonces: [ProjectID: [NonceKey: Instant]] = [:]
    var accesses: [ProjectID?: [AccessMark: AccessRow]] = [:]
    var runs: [ProjectID: [DriftRun]] = [:]
    var leases: [LeaseKey: Lease] = [:]
    var webhooks: [ProjectID: Webhook] = [:]
    var failures: [StoreError] = []
  }

  struct StoredCredential: Sendable {
    var credential: Credential
    var tokenDigest: [UInt8]
    var secretKey: SealedSecretKey?

    var signer: Signer? { secretKey.map { Signer(credential: credential, secretKey: $0) } }
  }

  private let contents = Mutex(Contents())

  /// An empty store.
  public init() {}

  /// Makes the next call of any port fail with `error` and change nothing; errors queue up.
  public func failNext(with error: StoreError) {
    contents.withLock { $0.failures.append(error) }
  }

  /// Every event of the project, in order of position.
  public func allEvents(of project: ProjectID) -> [Event] {
    contents.withLock { $0.logs[project]?.events.map(\.event) ?? [] }
  }

  /// How many nonces of the project are remembered.
  public func nonceCount(of project: ProjectID) -> Int {
    contents.withLock { $0.nonces[project]?.count ?? 0 }
  }

  func withContents<T: Sendable>(
    _ body: (inout Contents) throws(StoreError) -> T
  ) throws(StoreError) -> T {
    let result = contents.withLock { contents -> Result<T, StoreError> in
      if !contents.failures.isEmpty { return .failure(contents.failures.removeFirst()) }
      do throws(StoreError) { return .success(try body(&contents)) } catch {
        return .failure(error)
      }
    }
    return try result.get()
  }

  func read<T: Sendable>(
    _ project: ProjectID, _ body: (MemoryLog) throws(StoreError) -> T
  ) throws(StoreError) -> Reading<T> {
    try withContents { (contents) throws(StoreError) in
      guard let log = contents.logs[project] else { throw .projectNotFound }
      return Reading(value: try body(log), size: log.size)
    }
  }
}

extension MemoryStore: AppendStore {
  /// Plans and keeps the batch under the lock, once everything the plan claims has been checked.
  public func append(
    to project: ProjectID, needs: AppendNeeds, plan: @Sendable (AppendBasis) -> AppendPlan
  ) async throws(StoreError) -> AppendPlan {
    try withContents { (contents) throws(StoreError) in
      guard var log = contents.logs[project] else { throw .projectNotFound }
      let planned = plan(log.basis(for: needs))
      try log.keep(planned, in: project)
      contents.logs[project] = log
      return planned
    }
  }
}

extension MemoryStore: RecordStore {
  /// What is known of a request.
  public func request(
    at position: Position, of secret: SecretName, in project: ProjectID
  ) async throws(StoreError) -> Reading<RequestState?> {
    try read(project) { log in log.requests[position].flatMap { $0.secret == secret ? $0 : nil } }
  }

  /// The requests nobody knows the outcome of.
  public func openRequests(
    in project: ProjectID, limit: Int
  ) async throws(StoreError) -> Reading<[RequestState]> {
    try read(project) { log in
      Array(
        log.requests.values.filter(\.isOpen).sorted { $0.position < $1.position }.prefix(limit))
    }
  }

  /// Where the label sits now.
  public func standing(
    of stage: StageName, of secret: SecretName, in project: ProjectID
  ) async throws(StoreError) -> Reading<StageStanding> {
    try read(project) { log in
      let state = log.states[secret]
      return StageStanding(life: state?.life, stage: state?.stages[stage])
    }
  }

  /// The secret as it stands.
  public func secret(
    _ secret: SecretName, in project: ProjectID
  ) async throws(StoreError) -> Reading<SecretSummary?> {
    try read(project) { log in log.states[secret].map { summary(secret, $0) } }
  }

  /// The registered secrets by name.
  public func secrets(
    in project: ProjectID, after: SecretName?, limit: Int
  ) async throws(StoreError) -> Reading<[SecretSummary]> {
    try read(project) { log in
      let names = log.states.filter { $0.value.isAlive }.keys.sorted()
      return names.filter { name in after.map { $0 < name } ?? true }.prefix(limit)
        .compactMap { name in log.states[name].map { summary(name, $0) } }
    }
  }

  private func summary(_ name: SecretName, _ state: SecretState) -> SecretSummary {
    var state = state
    state.versions = [:]
    state.stages = [:]
    return SecretSummary(name: name, state: state)
  }

  /// The secrets found, sorted by comparing each two.
  public func secrets(
    in project: ProjectID, finding search: SecretSearch, limit: Int
  ) async throws(StoreError) -> Reading<[SecretSummary]> {
    try read(project) { log in
      let found = log.states.filter { search.finds($0.key, $0.value) }
        .map { (place: search.place(of: summary($0.key, $0.value)), secret: $0) }
        .sorted { search.precedes($0.place, $1.place) }
        .filter { item in search.after.map { search.precedes($0, item.place) } ?? true }
      return found.dropFirst(Int(search.skip)).prefix(limit)
        .map { summary($0.secret.key, $0.secret.value) }
    }
  }

  /// How many are found.
  public func count(
    in project: ProjectID, finding search: SecretSearch
  ) async throws(StoreError) -> Reading<Int64> {
    try read(project) { log in
      Int64(log.states.count { search.finds($0.key, $0.value) })
    }
  }

  /// The labels of each version that has some.
  public func labels(
    of secrets: [SecretName], in project: ProjectID
  ) async throws(StoreError) -> Reading<[SecretName: [VersionID: [StageName]]]> {
    try read(project) { log in
      var labels: [SecretName: [VersionID: [StageName]]] = [:]
      for secret in secrets {
        let state = log.states[secret] ?? SecretState()
        for version in Set(state.stages.values.compactMap(\.versionID)) {
          labels[secret, default: [:]][version] = state.stages(of: version)
        }
      }
      return labels
    }
  }

  /// The selected versions in order of registration.
  public func versions(
    of secret: SecretName, in project: ProjectID, _ selection: VersionSelection,
    after: VersionID?, limit: Int
  ) async throws(StoreError) -> Reading<[VersionSummary]> {
    try read(project) { log in
      guard let state = log.states[secret] else { return [] }
      let all = state.versionsInOrder.filter { selection == .registered || !$0.stages.isEmpty }
      guard let seen = after.flatMap({ state.versions[$0]?.registeredAt }) else {
        return Array(all.prefix(limit))
      }
      return Array(all.filter { $0.state.registeredAt > seen }.prefix(limit))
    }
  }

  /// One registered version.
  public func version(
    _ version: VersionID?, of secret: SecretName, in project: ProjectID
  ) async throws(StoreError) -> Reading<VersionSummary?> {
    try read(project) { log in
      let all = log.states[secret]?.versionsInOrder ?? []
      return version.map { id in all.first { $0.id == id } } ?? all.last
    }
  }

  /// How much of the log was recorded at or before the moment.
  public func known(
    at moment: Instant?, in project: ProjectID
  ) async throws(StoreError) -> Reading<KnownAt> {
    try read(project) { (log) throws(StoreError) in
      let known = log.events.prefix { recorded in
        moment.map { recorded.event.recordedAt <= $0 } ?? true
      }
      guard let size = TreeSize(Int64(known.count)) else { throw .corrupt("size") }
      let last = log.events.last?.event.recordedAt
      let isFinal = if let moment, let last { last >= moment } else { false }
      return KnownAt(size: size, recordedAt: known.last?.event.recordedAt, isFinal: isFinal)
    }
  }

  /// Every label of the log.
  public func stageKeys(
    in project: ProjectID, after: StageKey?, limit: Int
  ) async throws(StoreError) -> Reading<[StageKey]> {
    try read(project) { log in
      let keys = log.states.flatMap { secret, state in
        state.stages.keys.map { StageKey(secret: secret, stage: $0) }
      }
      return Array(keys.sorted().filter { key in after.map { $0 < key } ?? true }.prefix(limit))
    }
  }

  /// What the plain fold says of each.
  public func answers(
    to keys: [StageKey], at effectiveAt: Instant, knownSize: TreeSize, in project: ProjectID
  ) async throws(StoreError) -> [StageAnswer] {
    try read(project) { log in
      keys.map { key in
        log.timeline(of: key.stage, of: key.secret, knownSize: knownSize).answer(at: effectiveAt)
      }
    }.value
  }

  /// The events whose two times are that far apart.
  public func lateEvents(
    in project: ProjectID, delay: Int64, from: Position, limit: Int
  ) async throws(StoreError) -> Reading<[StoredEvent]> {
    try read(project) { log in
      log.events.filter { recorded in
        let event = recorded.event
        return event.recordedAt.microseconds - event.effectiveAt.microseconds >= delay
          && event.position >= from
      }.prefix(limit).map { StoredEvent(position: $0.event.position, bytes: $0.bytes) }
    }
  }

  /// The events about labels of the secret, in order.
  public func stageEvents(
    of secret: SecretName, in project: ProjectID, after: Int64, knownSize: TreeSize, limit: Int
  ) async throws(StoreError) -> [StoredEvent] {
    try read(project) { log in
      log.events.filter { recorded in
        let event = recorded.event
        return event.secret == secret && event.type.changesStage
          && event.position.index < knownSize.count
          && (event.streamVersion?.number ?? 0) > after
      }.prefix(limit).map { StoredEvent(position: $0.event.position, bytes: $0.bytes) }
    }.value
  }

  /// What the plain fold says of the label.
  public func answer(
    at effectiveAt: Instant, knownSize: TreeSize, stage: StageName, of secret: SecretName,
    in project: ProjectID
  ) async throws(StoreError) -> Reading<StageReply> {
    try read(project) { log in
      let timeline = log.timeline(of: stage, of: secret, knownSize: knownSize)
      let answer = timeline.answer(at: effectiveAt)
      var present = SecretState()
      for event in log.known(knownSize) where event.secret == secret { present.evolve(event) }
      let labels = answer.versionID.map { present.stages(of: $0) }
      return StageReply(
        answer: answer,
        isSecretKnown: log.known(knownSize).contains { $0.secret == secret },
        isDeprecated: labels?.isEmpty ?? false,
        coverage: WatchHistory(events: log.events.map(\.event), knownSize: knownSize)
          .coverage(of: stage, of: secret, at: effectiveAt))
    }
  }

  /// What the plain fold says of the label after all events.
  public func latestAnswer(
    at effectiveAt: Instant?, now: Instant, stage: StageName, of secret: SecretName,
    in project: ProjectID
  ) async throws(StoreError) -> Reading<LatestReply> {
    let known = try await known(at: nil, in: project).value
    let moment = effectiveAt ?? max(now, known.recordedAt ?? now)
    let reply = try await answer(
      at: moment, knownSize: known.size, stage: stage, of: secret, in: project)
    return Reading(
      value: LatestReply(
        moments: ResolvedMoments(effectiveAt: moment, known: known), reply: reply.value),
      size: reply.size)
  }

  /// What the plain fold says of all labels.
  public func stages(
    at effectiveAt: Instant, knownSize: TreeSize, of secret: SecretName, in project: ProjectID
  ) async throws(StoreError) -> Reading<[StageAt]> {
    try read(project) { log in
      log.stageNames(of: secret, knownSize: knownSize).compactMap { stage in
        let answer = log.timeline(of: stage, of: secret, knownSize: knownSize)
          .answer(at: effectiveAt)
        guard answer.last != nil || answer.doubt != nil else { return nil }
        return StageAt(stage: stage, answer: answer)
      }
    }
  }

  /// The changes of the labels in effective order.
  public func history(
    of stage: StageName?, of secret: SecretName, in project: ProjectID, knownSize: TreeSize,
    after: SecretState.Moment?, limit: Int
  ) async throws(StoreError) -> Reading<[StageChange]> {
    try read(project) { log in
      let changes = log.changes(of: secret, knownSize: knownSize)
      let wanted = changes.filter { change in
        (stage.map { $0 == change.stage } ?? true)
          && (after.map { $0 < change.moment } ?? true)
      }
      return Array(wanted.prefix(limit))
    }
  }

  /// How many events each log holds.
  public func sizes(of projects: [ProjectID]) async throws(StoreError) -> [ProjectID: TreeSize] {
    try withContents { contents in
      var sizes: [ProjectID: TreeSize] = [:]
      for project in projects { sizes[project] = contents.logs[project]?.size }
      return sizes
    }
  }

  /// The stored bytes from a position on.
  public func events(
    in project: ProjectID, from: Position, limit: Int
  ) async throws(StoreError) -> Reading<[StoredEvent]> {
    try read(project) { log in
      log.events.filter { $0.event.position >= from }.prefix(limit)
        .map { StoredEvent(position: $0.event.position, bytes: $0.bytes) }
    }
  }
}

extension MemoryStore: TenantStore {
  /// The project.
  public func project(_ id: ProjectID) async throws(StoreError) -> Project? {
    try withContents { $0.projects[id] }
  }

  /// The projects by id.
  public func projects(after: ProjectID?, limit: Int) async throws(StoreError) -> [Project] {
    try withContents { contents in
      let ids = contents.projects.keys.sorted().filter { id in after.map { $0 < id } ?? true }
      return ids.prefix(limit).compactMap { contents.projects[$0] }
    }
  }

  /// Makes the project and its empty log.
  public func create(_ project: Project) async throws(StoreError) {
    try withContents { (contents) throws(StoreError) in
      guard contents.projects[project.id] == nil else { throw .alreadyExists }
      contents.projects[project.id] = project
      contents.logs[project.id] = MemoryLog()
    }
  }

  /// Replaces the settings of the project.
  public func update(_ project: Project) async throws(StoreError) {
    try withContents { (contents) throws(StoreError) in
      guard contents.projects[project.id] != nil else { throw .projectNotFound }
      contents.projects[project.id] = project
    }
  }

  /// The credential in use with that token.
  public func credential(tokenDigest: [UInt8]) async throws(StoreError) -> Credential? {
    try withContents { contents in
      contents.credentials.first {
        $0.tokenDigest == tokenDigest && $0.credential.revokedAt == nil
      }?.credential
    }
  }

  /// The credentials of the project by name.
  public func credentials(of project: ProjectID) async throws(StoreError) -> [Credential] {
    try withContents { contents in
      contents.credentials.map(\.credential).filter { $0.project == project }
        .sorted { $0.name.utf8.lexicographicallyPrecedes($1.name.utf8) }
    }
  }

  /// The credential in use with that access key.
  public func signer(accessKey: String) async throws(StoreError) -> Signer? {
    try withContents { contents in
      contents.credentials.first {
        $0.secretKey?.accessKey == accessKey && $0.credential.revokedAt == nil
      }?.signer
    }
  }

  /// The credentials of the project that sign, by name.
  public func signers(
    of project: ProjectID, after: String?, limit: Int
  ) async throws(StoreError) -> [Signer] {
    try withContents { contents in
      let signers = contents.credentials.compactMap(\.signer).filter {
        $0.credential.project == project
          && (after ?? "").utf8.lexicographicallyPrecedes($0.credential.name.utf8)
      }
      return Array(
        signers.sorted {
          $0.credential.name.utf8.lexicographicallyPrecedes($1.credential.name.utf8)
        }.prefix(limit))
    }
  }

  /// Replaces a sealed secret key.
  public func replace(
    _ old: Signer, with secretKey: SealedSecretKey
  ) async throws(StoreError) -> Bool {
    try withContents { contents in
      let index = contents.credentials.firstIndex {
        $0.credential.project == old.credential.project
          && $0.credential.name == old.credential.name && $0.secretKey == old.secretKey
      }
      guard let index else { return false }
      contents.credentials[index].secretKey = secretKey
      return true
    }
  }

  /// Stores the credential.
  public func create(
    _ credential: Credential, tokenDigest: [UInt8], secretKey: SealedSecretKey?
  ) async throws(StoreError) {
    try withContents { (contents) throws(StoreError) in
      guard contents.projects[credential.project] != nil else { throw .projectNotFound }
      let isTaken = contents.credentials.contains {
        $0.credential.project == credential.project && $0.credential.name == credential.name
      }
      guard !isTaken else { throw .alreadyExists }
      contents.credentials.append(
        StoredCredential(
          credential: credential, tokenDigest: tokenDigest, secretKey: secretKey))
    }
  }

  /// Ends the credential.
  public func revokeCredential(
    named name: String, of project: ProjectID, at moment: Instant
  ) async throws(StoreError) -> Bool {
    try withContents { contents in
      let index = contents.credentials.firstIndex {
        $0.credential.project == project && $0.credential.name == name
          && $0.credential.revokedAt == nil
      }
      guard let index else { return false }
      contents.credentials[index].credential.revokedAt = moment
      return true
    }
  }
}

extension MemoryStore: NonceStore {
  /// Takes the nonces that are free, then forgets the oldest that may be.
  public func claim(
    _ batch: NonceBatch, in project: ProjectID
  ) async throws(StoreError) -> Set<NonceKey> {
    try withContents { (contents) throws(StoreError) in
      guard Set(batch.claims.map(\.key)).count == batch.claims.count else {
        throw .corrupt("two claims of one nonce in a batch")
      }
      var nonces = contents.nonces[project] ?? [:]
      let taken = batch.claims.filter { claim in
        nonces[claim.key].map { $0 < batch.now } ?? true
      }
      for claim in taken { nonces[claim.key] = claim.until }
      let old = nonces.filter { $0.value < batch.forgetBefore }
        .sorted { $0.value < $1.value }
      for (key, _) in old.prefix(batch.forgetMax) { nonces[key] = nil }
      contents.nonces[project] = nonces
      return Set(taken.map(\.key))
    }
  }
}

extension MemoryStore: AccessStore {
  /// Adds the rows that are not there.
  public func add(_ rows: [AccessRow], to project: ProjectID?) async throws(StoreError) {
    try withContents { (contents) throws(StoreError) in
      for row in rows {
        guard row.access.project == project, row.firstAt <= row.lastAt, row.count > 0 else {
          throw .corrupt("a row of the access log")
        }
      }
      contents.accesses[project, default: [:]].merge(rows.map { ($0.mark, $0) }) { old, _ in old }
    }
  }

  /// The rows after the place.
  public func accesses(
    of project: ProjectID?, after: AccessMark, limit: Int
  ) async throws(StoreError) -> [AccessRow] {
    try withContents { contents in
      let rows = (contents.accesses[project] ?? [:]).values.sorted {
        ($0.lastAt, $0.requestID) < ($1.lastAt, $1.requestID)
      }
      return Array(
        rows.filter { ($0.lastAt, $0.requestID) > (after.lastAt, after.requestID) }.prefix(limit))
    }
  }
}

extension SecretSearch {
  /// Whether a secret is one of those asked for.
  func finds(_ secret: SecretName, _ state: SecretState) -> Bool {
    guard state.isAlive, life == .registered || state.life == .enabled else { return false }
    let name = Array(secret.text.utf8)
    let small = name.map { 0x41...0x5A ~= $0 ? $0 | 0x20 : $0 }
    let begins = { (prefix: String) in name.starts(with: prefix.utf8) }
    return prefixes?.contains(where: begins) ?? true && !prefixesBarred.contains(where: begins)
      && words.allSatisfy { word in
        name.indices.contains { small[$0...].starts(with: word.utf8) } || word.isEmpty
      }
  }

  /// Whether one place comes before the other.
  func precedes(_ one: Place, _ other: Place) -> Bool {
    guard one.key == other.key else { return (one.key < other.key) == (direction == .ascending) }
    return (one.name < other.name) == (direction == .ascending || order != .name)
      && one.name != other.name
  }
}

extension StageChange {
  /// Its place in effective order.
  var moment: SecretState.Moment {
    SecretState.Moment(effectiveAt: interval.since, position: interval.decidedBy)
  }
}

extension SecretState {
  /// Whether the secret is registered and not deleted.
  var isAlive: Bool {
    switch life {
    case .enabled, .pendingDeletion: true
    case .unregistered, .deleted: false
    }
  }

  /// The registered versions with their labels, in order of registration.
  var versionsInOrder: [VersionSummary] {
    guard isAlive else { return [] }
    return versions.filter { isRegistered($0.key) }
      .sorted { $0.value.registeredAt < $1.value.registeredAt }
      .map { VersionSummary(id: $0.key, state: $0.value, stages: stages(of: $0.key)) }
  }
}
