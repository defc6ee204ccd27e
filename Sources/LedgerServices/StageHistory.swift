// StageHistory: answers "which version held this label at T, as known at K".
//
// Called by the API; calls `RecordStore`. Here the moments people name become a size of the log.
// Invariant: the answer for a known_at in the past is the same forever.

public import Ledger

/// Why a question about time has no answer.
public enum QuestionError: Error, Hashable, Sendable {
  /// The moment in this field lies ahead of `now`.
  case inFuture(field: String, now: Instant)
  /// The log has no such position; `last` is that of its newest event, nil when there is none.
  case beyondLog(last: Position?)
  /// Nobody ever spoke of the secret.
  case secretNotFound
  /// The record could not be read.
  case store(StoreError)
}

/// A question about time: when it was true, and when we knew.
public struct MomentPair: Hashable, Sendable {
  /// When it was true; nil: now.
  public var effectiveAt: Instant?
  /// What we knew; nil: all there is.
  public var known: Knowledge?
  /// A pair of moments.
  public init(effectiveAt: Instant?, known: Knowledge?) {
    self.effectiveAt = effectiveAt
    self.known = known
  }
}

/// The moments of a question as they were understood.
public struct ResolvedMoments: Hashable, Sendable {
  /// When it was true.
  public var effectiveAt: Instant
  /// How much of the log counts.
  public var known: KnownAt
  /// Moments as they were understood.
  public init(effectiveAt: Instant, known: KnownAt) {
    self.effectiveAt = effectiveAt
    self.known = known
  }
}

/// Answers questions about labels in time.
public struct StageHistory: Sendable {
  private let store: any RecordStore
  private let clock: Clock

  /// Answers from `store`.
  public init(store: any RecordStore, clock: Clock) {
    self.store = store
    self.clock = clock
  }

  /// Turns the moments of a question into an effective time and a size of the log.
  public func resolve(
    _ moments: MomentPair, in project: ProjectID
  ) async throws(QuestionError) -> ResolvedMoments {
    let now = clock.now
    try Self.check(moments, at: now)
    let known = try await known(moments.known, in: project)
    // A command recorded by an instance whose clock runs ahead is true from its recorded time on:
    // "now" reaches at least as far as the newest event.
    let present = max(now, known.recordedAt ?? now)
    return ResolvedMoments(effectiveAt: moments.effectiveAt ?? present, known: known)
  }

  /// Refuses to speak of what has not come yet.
  private static func check(
    _ moments: MomentPair, at now: Instant
  ) throws(QuestionError) {
    if let effectiveAt = moments.effectiveAt, effectiveAt > now {
      throw .inFuture(field: "effective_at", now: now)
    }
    if case .at(let moment)? = moments.known, moment > now {
      throw .inFuture(field: "known_at", now: now)
    }
  }

  private func known(
    _ knowledge: Knowledge?, in project: ProjectID
  ) async throws(QuestionError) -> KnownAt {
    let moment: Instant?
    switch knowledge {
    case .through(let position): return try await known(through: position, in: project)
    case .at(let instant): moment = instant
    case nil: moment = nil
    }
    do { return try await store.known(at: moment, in: project).value } catch {
      throw .store(error)
    }
  }

  /// What was known once the event was recorded, which nothing can change any more.
  private func known(
    through position: Position, in project: ProjectID
  ) async throws(QuestionError) -> KnownAt {
    let reading: Reading<[StoredEvent]>
    do {
      reading = try await store.events(in: project, from: position, limit: 1)
    } catch {
      throw .store(error)
    }
    guard let stored = reading.value.first, stored.position == position else {
      throw .beyondLog(last: reading.size.last)
    }
    do {
      let event = try Event(canonicalBytes: stored.bytes)
      return KnownAt(size: position.size, recordedAt: event.recordedAt, isFinal: true)
    } catch {
      throw .store(.corrupt("event \(position.index): \(error)"))
    }
  }

  /// Which version held the label.
  public func answer(
    _ stage: StageName, of secret: SecretName, in project: ProjectID, at moments: MomentPair
  ) async throws(QuestionError) -> (moments: ResolvedMoments, reply: Reading<StageReply>) {
    guard moments.known != nil else {
      return try await latest(stage, of: secret, in: project, at: moments.effectiveAt)
    }
    let resolved = try await resolve(moments, in: project)
    do {
      let reply = try await store.answer(
        at: resolved.effectiveAt, knownSize: resolved.known.size, stage: stage, of: secret,
        in: project)
      guard reply.value.isSecretKnown else { throw QuestionError.secretNotFound }
      return (resolved, reply)
    } catch let error as StoreError {
      throw .store(error)
    } catch {
      throw .secretNotFound
    }
  }

  /// Which version held the label by all there is: most questions, answered by one look.
  private func latest(
    _ stage: StageName, of secret: SecretName, in project: ProjectID, at effectiveAt: Instant?
  ) async throws(QuestionError) -> (moments: ResolvedMoments, reply: Reading<StageReply>) {
    let now = clock.now
    try Self.check(MomentPair(effectiveAt: effectiveAt, known: nil), at: now)
    let latest: Reading<LatestReply>
    do {
      latest = try await store.latestAnswer(
        at: effectiveAt, now: now, stage: stage, of: secret, in: project)
    } catch {
      throw .store(error)
    }
    guard latest.value.reply.isSecretKnown else { throw .secretNotFound }
    return (latest.value.moments, Reading(value: latest.value.reply, size: latest.size))
  }
}
