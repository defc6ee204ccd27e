// Makes one query of the keys that are asked for in one turn of a loop.
//
// Used by the store for its hottest reads. Invariant: every key gets the answer at its own index
// of one run, and a run's keys are those of one turn, in the order they came.

public import EventLoop

/// Gathers the keys of one loop turn into one call.
///
/// The first to ask in a turn is the one whose task makes the call for all; no task is started.
///
/// `@unchecked Sendable`: the stored variable is touched on the loop only.
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
    var keys: [Key] = []
    var followers: [CheckedContinuation<Turn, Never>] = []
  }

  private let loop: EventLoop
  private let limit: Int
  private let run: @Sendable ([Key]) async -> [Result<Value, PostgresError>]
  private var open: Gathering?

  /// Makes a gatherer; `run` answers up to `limit` keys, each at its index.
  public init(
    loop: EventLoop, limit: Int,
    run: @escaping @Sendable ([Key]) async -> [Result<Value, PostgresError>]
  ) {
    precondition(limit > 0, "limit \(limit) is not positive")
    self.loop = loop
    self.limit = limit
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
    if let open {
      open.keys.append(key)
      open.followers.append(continuation)
      if open.keys.count >= limit { self.open = nil }
      return
    }
    let gathering = Gathering()
    gathering.keys.append(key)
    if limit > 1 { open = gathering }
    loop.atEndOfTurn { [self] in
      if open === gathering { open = nil }
      continuation.resume(returning: .lead(gathering))
    }
  }
}
