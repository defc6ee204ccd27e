// Changes: the door for changes of labels, which for some projects are passed on to their cloud.
//
// Called by every surface; calls `Appender`, and for projects whose changes are passed on
// `CloudGate`, as `WriteThrough` says. A project of any other mode pays one comparison. Invariants:
// nothing is sent before it is committed that it will be, it is sent once, and what is sent is made
// of what was recorded; what a client is told is read from what is recorded.

import CanonicalJSON
public import Ledger
import Synchronization

/// The door for changes of labels.
public final class Changes: Sendable {
  /// How long and how often is waited.
  public struct Settings: Sendable {
    /// How long a cloud may take over a change.
    public var sendLimit: Duration = .seconds(10)
    /// How long a client may wait for its turn, or for what came of its first attempt.
    public var waitLimit: Duration = .seconds(10)
    /// How long to wait before looking again whether it is one's turn.
    public var waitPause: Duration = .milliseconds(50)
    /// How many may wait for one secret in this instance.
    public var waitingMax = 16
    /// How long after its deadline a request that nobody settles is taken over.
    public var takeoverAfter: Duration = .seconds(5)
    /// How long lies between two readings that say that a change was not done.
    public var grace: Duration = .seconds(2)
    /// Returns after the time, or early when its task is called off.
    public var sleep: @Sendable (Duration) async -> Void = { try? await Task.sleep(for: $0) }
    /// The settings for a cloud in production.
    public init() {}
  }

  /// What changes came to, since the start.
  public struct Counts: Sendable {
    /// Done, by the cloud's own answer.
    public var done = 0
    /// Refused by the cloud, or never sent.
    public var rejected = 0
    /// Not known when the client was answered.
    public var unresolved = 0
    /// Settled later, by reading the cloud.
    public var settled = 0
    /// Readings of a cloud, to settle a change, that failed.
    public var unreadable = 0
  }

  private let appender: Appender
  private let records: any RecordStore
  private let clouds: any CloudGate
  private let clock: Clock
  private let identities: Identities
  private let settings: Settings
  private let line: ChangeLine
  private let tally = Mutex(Counts())
  /// Projects with a change that a client was told is not known yet.
  private let inDoubt = Mutex<[ProjectID: Project]>([:])

  /// A door over the record.
  public init(
    appender: Appender, records: any RecordStore, clouds: any CloudGate, clock: Clock,
    identities: Identities, settings: Settings
  ) {
    self.appender = appender
    self.records = records
    self.clouds = clouds
    self.clock = clock
    self.identities = identities
    self.settings = settings
    line = ChangeLine(waitingMax: settings.waitingMax)
  }

  /// What changes came to, since the start.
  public var counts: Counts { tally.withLock { $0 } }

  /// Appends what the submission asks for, once the project's cloud has done it where the project's
  /// changes are passed on, or says why not.
  public func append(
    _ submission: Submission, to project: Project
  ) async throws(ChangeError) -> AppendOutcome {
    guard project.upstream?.mode == .write,
      case .change(let secret, let change, _) = submission.intent,
      let move = Move(change)
    else { return try await record(submission, in: project) }
    let key = ChangeLine.Key(project: project.id, secret: secret)
    let tries = Int(settings.waitLimit / settings.waitPause)
    let isTurn = await line.enter(key, tries: tries) { await settings.sleep(settings.waitPause) }
    guard isTurn else { throw .fault(ChangeFault(.underWay, at: nil)) }
    defer { line.leave(key) }
    return try await passOn(move, of: secret, submission, project, tries: tries)
  }

  /// A label to move, as it is asked for.
  private struct Move {
    var stage: StageName
    var target: VersionID?
    var source: VersionID?
    /// Whether who asks has said all he has to say about where the label sits.
    var isComplete: Bool

    /// The move a change is; nil when it is none.
    init?(_ change: Change) {
      switch change {
      case .assignStage(let stage, let target):
        (self.stage, self.target, isComplete) = (stage, target, false)
      case .removeStage(let stage): (self.stage, isComplete) = (stage, false)
      case .moveStage(let stage, let target, let source):
        (self.stage, self.target, self.source, isComplete) = (stage, target, source, true)
      case .registerSecret, .registerVersion, .scheduleDeletion, .restoreSecret, .deleteSecret,
        .recordFact, .refineChange:
        return nil
      }
    }
  }

  private func record(
    _ submission: Submission, in project: Project
  ) async throws(ChangeError) -> AppendOutcome {
    do {
      return try await appender.append(
        submission, to: project.id, rules: project.provider.rules)
    } catch {
      throw .append(error)
    }
  }

  /// Records the request and passes it on, or tells what came of it when it came before.
  private func passOn(
    _ move: Move, of secret: SecretName, _ submission: Submission, _ project: Project, tries: Int
  ) async throws(ChangeError) -> AppendOutcome {
    guard case .change(_, _, let expectation) = submission.intent else {
      preconditionFailure("no change: \(submission.intent)")
    }
    if move.target == nil, move.source == nil, move.isComplete {
      throw .append(.rejected(.noVersionGiven))
    }
    let source = try await source(of: move, of: secret, project)
    var submission = submission
    // Whether an answer is the one to this very request is seen by its id.
    let requestID = submission.provenance.requestID ?? identities.uuid(at: clock.now)
    submission.provenance.requestID = requestID
    for attempt in 0...tries {
      let request = StageRequest(
        stage: move.stage, target: move.target, source: source,
        deadline: clock.now.advanced(by: settings.sendLimit))
      submission.intent = .request(secret, request, expectation)
      do {
        let outcome = try await record(submission, in: project)
        guard let event = outcome.events.first?.event, event.type == .changeRequested else {
          return outcome
        }
        guard event.requestID == requestID else {
          return try await awaitOutcome(of: event, in: project, tries: tries)
        }
        return try await send(event, in: project)
      } catch .append(.rejected(.changeUnderWay(let position))) {
        guard attempt < tries, !Task.isCancelled else {
          throw .fault(ChangeFault(.underWay, at: position))
        }
        await settings.sleep(settings.waitPause)
      }
    }
    throw .fault(ChangeFault(.underWay, at: nil))
  }

  /// The version the cloud is to be told the label leaves: the one named, else, for the ledger's
  /// own calls, where a cloud asks for it, the one it sits on there; nil: none is told.
  private func source(
    of move: Move, of secret: SecretName, _ project: Project
  ) async throws(ChangeError) -> VersionID? {
    guard !move.isComplete, project.provider.rules.asksForSource(toPut: move.target) else {
      return move.source
    }
    let holder: VersionID?
    if case .holds(let version, _) = await look(at: move.stage, of: secret, nil, in: project) {
      holder = version
    } else {
      // The cloud would not say: it will refuse if the record is wrong.
      do throws(StoreError) {
        holder = try await records.standing(of: move.stage, of: secret, in: project.id)
          .value.stage?.versionID
      } catch {
        throw .append(.store(error))
      }
    }
    return holder == move.target ? nil : holder
  }

  /// Asks the cloud for what the event says, once, and records what it answers.
  private func send(
    _ event: Event, in project: Project
  ) async throws(ChangeError) -> AppendOutcome {
    guard var change = WriteThrough(event, grace: settings.grace) else {
      preconditionFailure("no request at \(event.position.index)")
    }
    var step = change.next(.committed, at: clock.now)
    if case .send(let move)? = step {
      let reply: CloudReply
      let limit = Duration.microseconds(
        change.request.deadline.microseconds - clock.now.microseconds)
      do throws(CloudError) {
        reply = try await clouds.withCloud(of: project) { await $0.move(move, within: limit) }
      } catch {
        reply = .notSent("\(error)")
      }
      step = change.next(.replied(reply), at: clock.now)
    }
    guard case .record(let settlement)? = step else {
      preconditionFailure("a change that was sent is to be recorded: \(change)")
    }
    count(settlement)
    let outcome: AppendOutcome
    do {
      outcome = try await record(settlement, of: event, in: project)
    } catch {
      inDoubt.withLock { $0[project.id] = project }
      throw .fault(ChangeFault(.unrecorded, at: event.position))
    }
    if change.stage == .unresolved(readings: 0) { inDoubt.withLock { $0[project.id] = project } }
    if outcome.events.isEmpty {
      // Another instance took the request over and knew first.
      return try await awaitOutcome(of: event, in: project, tries: 0)
    }
    return try Self.verdict(outcome.events, on: event.position)
  }

  private func record(
    _ settlement: Settlement, of request: Event, in project: Project
  ) async throws(ChangeError) -> AppendOutcome {
    guard let secret = request.secret else {
      preconditionFailure("a request about no secret: \(request.position.index)")
    }
    return try await record(
      Submission(
        intent: .settle(secret, settlement), provenance: Provenance(request), idempotency: nil),
      in: project)
  }

  private func count(_ settlement: Settlement) {
    tally.withLock { counts in
      switch settlement.outcome {
      case .done: counts.done += 1
      case .rejected: counts.rejected += 1
      case .unresolved: counts.unresolved += 1
      }
    }
  }

  // MARK: - What came of it

  /// What came of a request that was made before, as soon as that is known.
  private func awaitOutcome(
    of request: Event, in project: Project, tries: Int
  ) async throws(ChangeError) -> AppendOutcome {
    for attempt in 0...tries {
      if attempt > 0 { await settings.sleep(settings.waitPause) }
      let settlement: [RecordedEvent]
      do throws(StoreError) {
        settlement = try await events(settling: request, in: project.id)
      } catch {
        throw .append(.store(error))
      }
      if !settlement.isEmpty { return try Self.verdict(settlement, on: request.position) }
      if Task.isCancelled { break }
    }
    throw .fault(ChangeFault(.unsettled, at: request.position))
  }

  /// The events that say what came of a request, those it implied too; none while it is open.
  private func events(
    settling request: Event, in project: ProjectID
  ) async throws(StoreError) -> [RecordedEvent] {
    guard let secret = request.secret,
      let state = try await records.request(at: request.position, of: secret, in: project).value
    else { throw .corrupt("no request at \(request.position.index)") }
    guard let first = state.settledBy else { return [] }
    // A move implies one more at most.
    let stored = try await records.events(in: project, from: first, limit: 2).value
    var events: [RecordedEvent] = []
    for bytes in stored.map(\.bytes) {
      do { events.append(try RecordedEvent(canonicalBytes: bytes)) } catch {
        throw .corrupt("event after \(first.index): \(error)")
      }
    }
    return events.filter { $0.event.position == first || $0.event.causedBy == first }
  }

  /// What the events that settle a request mean to who made it.
  private static func verdict(
    _ events: [RecordedEvent], on position: Position
  ) throws(ChangeError) -> AppendOutcome {
    guard let event = events.first?.event else {
      throw .append(.store(.corrupt("request \(position.index) was settled by nothing")))
    }
    switch event.type {
    case .stageAssigned, .stageRemoved, .changeRefined:
      return AppendOutcome(events: events, standing: nil)
    case .changeConfirmed:
      return AppendOutcome(events: [], standing: SecretState.Moment(event.data["standing"]))
    case .changeRejected:
      if let refusal = CloudRefusal(event.data["cloud"]) {
        throw .fault(ChangeFault(.refused(refusal), at: position))
      }
      let kind: ChangeFault.Kind = event.data["not_sent"] == nil ? .notDone : .notSent
      throw .fault(ChangeFault(kind, at: position))
    case .changeUnresolved:
      let doubt = event.data["cloud"]?["doubt"]?.stringValue.flatMap { CloudDoubt(rawValue: $0) }
      throw .fault(ChangeFault(.unresolved(doubt ?? .silence), at: position))
    case .secretRegistered, .secretDeletionScheduled, .secretRestored, .secretDeleted,
      .versionRegistered, .versionRemoved, .changeRequested, .watchStarted, .watchGap,
      .watchStopped, .reconciliationCompleted, .driftOpened, .driftResolved, .driftAcknowledged,
      .projectionSwitched:
      throw .append(
        .store(.corrupt("request \(position.index) was settled by \(event.type.rawValue)")))
    }
  }

  // MARK: - Settling

  /// The projects with a change that is not known yet, once each.
  public func takeProjectsInDoubt() -> [Project] {
    inDoubt.withLock { projects in
      defer { projects = [:] }
      return Array(projects.values)
    }
  }

  /// The requests of the project that nobody drives any more, in order.
  public func abandoned(in project: Project) async throws(StoreError) -> [RequestState] {
    let now = clock.now
    return try await records.openRequests(in: project.id, limit: 100).value.filter { request in
      request.unresolvedBy != nil
        || request.deadline.advanced(by: settings.takeoverAfter) <= now
    }
  }

  /// Reads the cloud until it is known what came of the request, and records that; gives up when
  /// called off, or when the record cannot be written.
  public func settle(_ request: RequestState, in project: Project) async throws(ChangeError) {
    let stored: [StoredEvent]
    do throws(StoreError) {
      stored = try await records.events(in: project.id, from: request.position, limit: 1).value
    } catch {
      throw .append(.store(error))
    }
    guard let bytes = stored.first?.bytes, let event = try? Event(canonicalBytes: bytes),
      var change = WriteThrough(event, grace: settings.grace)
    else { throw .append(.store(.corrupt("no request at \(request.position.index)"))) }
    var step = change.next(.found, at: clock.now)
    while case .read(let pause)? = step, !Task.isCancelled {
      if pause > .zero { await settings.sleep(pause) }
      let seen = await look(
        at: change.request.stage, of: change.secret, change.request.target, in: project)
      if seen == .unreadable { tally.withLock { $0.unreadable += 1 } }
      step = change.next(seen, at: clock.now)
    }
    guard case .record(let settlement)? = step else { return }
    _ = try await record(settlement, of: event, in: project)
    tally.withLock { $0.settled += 1 }
  }

  /// Reads from the cloud where the label sits, and if it sits on `target` since when.
  private func look(
    at stage: StageName, of secret: SecretName, _ target: VersionID?, in project: Project
  ) async -> WriteThrough.Input {
    do throws(CloudError) {
      return try await clouds.withCloud(of: project) { cloud in
        do throws(CloudError) {
          let holder = try await cloud.versions(of: secret)
            .first { $0.stages.contains(stage) }?.id
          guard let holder, holder == target else { return .holds(holder, since: nil) }
          // Where the time cannot be read the change is known all the same, in bounds.
          let since = try? await cloud.changeTime(of: stage, on: holder, of: secret)
          return .holds(holder, since: since)
        } catch .notFound {
          return .holds(nil, since: nil)
        } catch {
          return .unreadable
        }
      }
    } catch {
      return .unreadable
    }
  }
}

extension Provenance {
  /// That of a request, for what came of it.
  fileprivate init(_ request: Event) {
    self.init(
      principal: request.principal, source: request.source, reason: request.reason,
      ticket: request.ticket, requestID: request.requestID,
      correlationID: request.correlationID)
  }
}

extension LabelRules {
  /// Whether the cloud asks where a label sits before it puts it on the version, or with nil takes
  /// it away.
  fileprivate func asksForSource(toPut target: VersionID?) -> Bool {
    target == nil ? versionIDs != .counted : source == .required
  }
}
