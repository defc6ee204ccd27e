// Makes one query of the keys that are asked for in one turn of a loop.
//
// Used by the store for its hottest reads. Under load keys wait for a query to end and go out
// together: what a query costs whatever it asks is then shared by more of them. Invariant: every
// key gets the answer at its own index of one run, in the order the keys came.

public import EventLoop

/// Gathers the keys of one loop turn into one call.
///
/// The first to ask in a turn is the one whose task makes the call for all; no task is started.
/// Only so many calls are under way at once; what comes meanwhile goes with the next one.
///
/// `@unchecked Sendable`: the stored variables are touched on the loop only.
public final class Gatherer<Key: Sendable, Value: Sendable>: @unchecked Sendable {
  private typealias Answer = Result<Value, PostgresError>

  /// What one who asks is told: an answer, or that it is to make the call.
  private enum Turn: Sendable {
    case lead(Gathering)
    case answered(Answer)
  }

  /// The keys of one call; filled until the turn ends.
  ///
  /// `@unchecked Sendable`: touched on the loop only, then read by the one who leads.
  private final class Gathering: @unchecked Sendable {
    let leader: CheckedContinuation<Turn, Never>
    var keys: [Key]
    var followers: [CheckedContinuation<Turn, Never>] = []

    init(_ key: Key, _ leader: CheckedContinuation<Turn, Never>) {
      keys = [key]
      self.leader = leader
    }
  }

  private let loop: EventLoop
  private let limit: Int
  private let callsMax: Int
  private let run: @Sendable ([Key]) async -> [Result<Value, PostgresError>]
  // On the loop.
  private var waiting = Fifo<Gathering>()
  private var last: Gathering?
  private var callCount = 0
  private var isReleaseQueued = false

  /// Makes a gatherer; `run` answers up to `limit` keys, each at its index, and is called at most
  /// `callsMax` times at once.
  public init(
    loop: EventLoop, limit: Int, callsMax: Int = 2,
    run: @escaping @Sendable ([Key]) async -> [Result<Value, PostgresError>]
  ) {
    precondition(limit > 0, "limit \(limit) is not positive")
    precondition(callsMax > 0, "\(callsMax) calls at once are none")
    self.loop = loop
    self.limit = limit
    self.callsMax = callsMax
    self.run = run
  }

  /// The value of one key, asked for together with the others of this turn.
  public func get(_ key: Key) async throws(PostgresError) -> Value {
    let turn = await withCheckedContinuation { continuation in
      loop.perform { self.add(key, continuation) }
    }
    switch turn {
    case .answered(let answer): return try answer.get()
    case .lead(let gathering): return try await lead(gathering).get()
    }
  }

  /// Makes the call and hands the others their answers.
  private func lead(_ gathering: Gathering) async -> Answer {
    let answers = await run(gathering.keys)
    loop.perform { self.ended() }
    let missing = Answer.failure(
      .protocolViolation("\(answers.count) answers to \(gathering.keys.count) keys"))
    for (index, follower) in gathering.followers.enumerated() {
      // The one who leads asked first and has index 0.
      let answer = answers.indices.contains(index + 1) ? answers[index + 1] : missing
      follower.resume(returning: .answered(answer))
    }
    return answers.first ?? missing
  }

  private func add(_ key: Key, _ continuation: CheckedContinuation<Turn, Never>) {
    if let last, last.keys.count < limit {
      last.keys.append(key)
      last.followers.append(continuation)
      return
    }
    let gathering = Gathering(key, continuation)
    waiting.append(gathering)
    last = gathering
    queueRelease()
  }

  private func ended() {
    callCount -= 1
    queueRelease()
  }

  /// Lets calls begin at the end of this turn, when all that ask in it have asked.
  private func queueRelease() {
    guard !isReleaseQueued, !waiting.isEmpty else { return }
    isReleaseQueued = true
    loop.atEndOfTurn { [self] in
      isReleaseQueued = false
      while callCount < callsMax, let gathering = waiting.popFirst() {
        if gathering === last { last = nil }
        callCount += 1
        gathering.leader.resume(returning: .lead(gathering))
      }
    }
  }
}
