// Reconciler: one drift run, which compares a project's record with its live cloud in two looks.
//
// Called by the schedule in `serve`, by the API and by the command line; calls `RecordStore`,
// `LiveCloud` and, at the very end, `Appender`. `DriftLook` reads, `DriftComparison` compares,
// `DriftRecord` words the events. Invariant: only what both looks agree on becomes a finding, and
// nothing is written before both are over: a crash in between invents nothing.

public import Ledger

/// Why a drift run could not be made or recorded.
public enum ReconcileError: Error, Hashable, Sendable {
  /// The cloud's secrets cannot be listed.
  case cloud(CloudError)
  /// The record could not be read.
  case store(StoreError)
  /// The findings could not be recorded.
  case append(AppendError)
  /// Another run of the project is under way.
  case underWay
  /// Another instance compares the project at the moment.
  case held(LeaseHolder)
  /// The run was called off; nothing was recorded.
  case cancelled
}

/// Who is told of a run while it is made.
public struct RunObserver: Sendable {
  /// Is told of each secret that was looked at.
  public var progress: @Sendable (Reconciler.Progress) -> Void
  /// Is told what is amiss without being in the way of the run, as a sentence.
  public var warn: @Sendable (String) -> Void
  /// An observer.
  public init(
    progress: @escaping @Sendable (Reconciler.Progress) -> Void,
    warn: @escaping @Sendable (String) -> Void
  ) {
    self.progress = progress
    self.warn = warn
  }
  /// Nobody is told.
  public static let nobody = RunObserver(progress: { _ in }, warn: { _ in })
}

/// Compares projects with their live clouds.
public struct Reconciler: Sendable {
  /// How gently and how long a run looks.
  public struct Settings: Hashable, Sendable {
    /// How many secrets are read at once.
    public var concurrencyMax: Int
    /// How long what differed is left alone before it is read again.
    public var graceTime: Duration
    /// After this time no more secrets are read; those left are reported as not observable.
    public var runTimeout: Duration
    /// How many rows of the record are read at once.
    public var pageSize: Int
    /// How long may pass between two runs for what lies between them to be vouched for; nil: the
    /// run is a look of its own and adds nothing to the watch.
    public var silenceMax: Duration?
    /// Settings with every part named.
    public init(concurrencyMax: Int, graceTime: Duration, runTimeout: Duration, pageSize: Int) {
      precondition(concurrencyMax > 0 && pageSize > 0, "\(concurrencyMax), \(pageSize)")
      self.concurrencyMax = concurrencyMax
      self.graceTime = graceTime
      self.runTimeout = runTimeout
      self.pageSize = pageSize
    }
    /// Eight secrets at once, two seconds of grace, 25 minutes for a run: at 20 requests a second,
    /// time for 30,000 secrets.
    public static let standard = Settings(
      concurrencyMax: 8, graceTime: .seconds(2), runTimeout: .seconds(1_500), pageSize: 500)
  }

  /// How far a run's first look is.
  public struct Progress: Hashable, Sendable {
    /// How many secrets have been looked at.
    public var done: Int
    /// How many there are to look at.
    public var total: Int
    /// How far a look is.
    public init(done: Int, total: Int) {
      self.done = done
      self.total = total
    }
  }

  private static let principal = Principal(kind: .service, id: "reconciler")

  private let records: any RecordStore
  private let appender: Appender
  private let clock: Clock
  private let settings: Settings
  private let sleep: @Sendable (Duration) async -> Void

  /// A reconciler over the record; `sleep` returns after the time, or early when called off.
  public init(
    records: any RecordStore, appender: Appender, clock: Clock, settings: Settings,
    sleep: @escaping @Sendable (Duration) async -> Void
  ) {
    self.records = records
    self.appender = appender
    self.clock = clock
    self.settings = settings
    self.sleep = sleep
  }

  /// Makes one run and records what it found.
  ///
  /// Costs one listing of the cloud and a read or two a secret; what differs is read again after
  /// the grace time. `id` goes into every event of the run. `requestID` is that of the request that
  /// asked for the run; nil when none did. `progress` is told of each secret that was looked at.
  /// A run that adopts records what both looks saw before its own events, at most 1,000 facts at
  /// once: cut off in between, it leaves facts that are right and findings the next run resolves.
  public func run(
    _ project: Project, as id: RunID, for purpose: RunPurpose = .compare,
    against cloud: any LiveCloud, requestID: String?,
    progress: @escaping @Sendable (Progress) -> Void = { _ in }
  ) async throws(ReconcileError) -> DriftReport {
    let rules = project.provider.rules
    let startedAt = clock.now
    let look = DriftLook(
      project: project.id, records: records, cloud: cloud, clock: clock, settings: settings,
      deadline: startedAt.advanced(by: settings.runTimeout), progress: progress)

    let watch = try await watch(over: project.id)
    let knownBefore = try await openFindings(in: project.id)
    var sighting: ProjectSighting
    do throws(ReconcileError) {
      sighting = try await look.first(alsoAt: knownBefore.secrets)
    } catch {
      if case .cloud = error, let notes = watch?.notes(ofFailureAt: clock.now), !notes.isEmpty {
        _ = try await append(notes, of: id, to: project.id, rules, requestID)
      }
      throw error
    }
    let unsettled = sighting.secrets.filter { _, saw in
      saw.needsSecondLook || (purpose != .compare && !saw.unrecordedVersions.isEmpty)
    }
    if !unsettled.isEmpty, !Task.isCancelled {
      await sleep(settings.graceTime)
      let again = try await look.second(at: unsettled)
      sighting.secrets.merge(again) { _, second in second }
    }
    guard !Task.isCancelled else { throw .cancelled }

    let finishedAt = clock.now
    var record = DriftRecord(
      project: project.id, startedAt: startedAt, finishedAt: finishedAt, saw: sighting,
      known: try await openFindings(in: project.id))
    if case .adopt(let reason, let ticket) = purpose {
      let adoption = Adoption(
        of: sighting, in: project.id, lastLook: watch?.look, known: knownBefore,
        times: await look.times(of: sighting))
      let provenance = Provenance(
        principal: Self.principal, source: .reconciler, reason: reason, ticket: ticket,
        requestID: requestID, correlationID: id.text)
      for facts in adoption.submissions {
        let submission = Submission(
          intent: .facts(facts), provenance: provenance, idempotency: nil)
        do { _ = try await appender.append(submission, to: project.id, rules: rules) } catch {
          throw .append(error)
        }
      }
      record.settle(adoption.findings)
    }
    var notes = record.notes
    if let watch, let silenceMax = settings.silenceMax {
      notes =
        watch.notes(
          from: startedAt, to: finishedAt, unseen: .secrets(record.unseen),
          silenceMax: silenceMax) + notes
    }
    let findings: [DriftFinding]
    do {
      findings = try await DriftHistory(records: records, runs: nil)
        .withDecidingEvents(record.findings, in: project.id)
    } catch {
      throw .store(error)
    }
    let position = try await append(notes, of: id, to: project.id, rules, requestID)
    return record.report(of: id, at: position, findings)
  }

  private func openFindings(in project: ProjectID) async throws(ReconcileError) -> OpenFindings {
    do { return OpenFindings(try await records.openFindings(in: project).value) } catch {
      throw .store(error)
    }
  }

  /// Where the watch stands; nil where this run is to add nothing to it.
  private func watch(
    over project: ProjectID
  ) async throws(ReconcileError) -> WatchStanding? {
    guard settings.silenceMax != nil else { return nil }
    do {
      return WatchStanding(
        try await records.watchEvents(in: project).value.map { stored throws(StoreError) in
          do { return try Event(canonicalBytes: stored.bytes) } catch {
            throw .corrupt("event \(stored.position.index)")
          }
        })
    } catch {
      throw .store(error)
    }
  }

  /// Appends the notes, the run's own last; gives the position of that one.
  private func append(
    _ notes: [Note], of run: RunID, to project: ProjectID, _ rules: LabelRules,
    _ requestID: String?
  ) async throws(ReconcileError) -> Position {
    var last: Position?
    var rest = notes[...]
    while !rest.isEmpty {
      let submission = Submission(
        intent: .notes(Array(rest.prefix(DriftRecord.notesMax))),
        provenance: Provenance(
          principal: Self.principal, source: .reconciler,
          requestID: requestID, correlationID: run.text),
        idempotency: nil)
      rest = rest.dropFirst(DriftRecord.notesMax)
      do {
        let outcome = try await appender.append(submission, to: project, rules: rules)
        last = outcome.events.last?.event.position
      } catch {
        throw .append(error)
      }
    }
    guard let last else { preconditionFailure("a run without its own event: \(notes.count) notes") }
    return last
  }
}

extension Instant {
  /// The moment this far ahead; at the last one there is, when that is nearer.
  func advanced(by duration: Duration) -> Instant {
    let (seconds, attoseconds) = duration.components
    let (product, overflow) = seconds.multipliedReportingOverflow(by: 1_000_000)
    guard !overflow else { return seconds < 0 ? .earliest : .latest }
    let (distance, carry) = product.addingReportingOverflow(attoseconds / 1_000_000_000_000)
    guard !carry else { return seconds < 0 ? .earliest : .latest }
    return advanced(byMicroseconds: distance)
  }
}
