// Batcher: gathers what comes while one batch is under way into the next one.
//
// Called by `Appender` and `Nonces`; calls the function it was made with. Each lane has at most one
// batch in flight. Whoever finds the lane free leads a batch of its own; whoever comes meanwhile
// waits, and the first of those leads the next batch with all that gathered: no task of its own, no
// timer, and the batch grows exactly with the load. Invariant: every item gets one outcome; a full
// line refuses.

/// What a batch came to.
struct BatchOutcomes<Outcome: Sendable>: Sendable {
  /// What became of each item, in order.
  var each: [Outcome]
  /// What those who wait in the same lane are told without a batch of their own; nil: they go on.
  var waiting: Outcome?
}

/// A line of waiting items for each lane.
actor Batcher<Lane: Hashable & Sendable, Item: Sendable, Outcome: Sendable> {
  private enum Verdict: Sendable {
    case done(Outcome)
    case lead
  }

  private struct Waiter {
    let item: Item
    let continuation: CheckedContinuation<Verdict, Never>
  }

  private let waitingMax: Int
  private let batchMax: Int
  private let endsBatch: @Sendable (Item) -> Bool
  private let run: @Sendable (Lane, [Item]) async -> BatchOutcomes<Outcome>
  /// Who waits; a lane is here as long as a batch of it is under way.
  private var lines: [Lane: [Waiter]] = [:]

  /// A batcher whose batches `run` makes, of at most `batchMax` items each; an item that ends its
  /// batch has none after it.
  init(
    waitingMax: Int, batchMax: Int, endsBatch: @escaping @Sendable (Item) -> Bool = { _ in false },
    run: @escaping @Sendable (Lane, [Item]) async -> BatchOutcomes<Outcome>
  ) {
    self.waitingMax = waitingMax
    self.batchMax = batchMax
    self.endsBatch = endsBatch
    self.run = run
  }

  /// How many items wait behind a batch.
  var waitingCount: Int { lines.values.reduce(0) { $0 + $1.count } }

  /// What became of the item; nil when too many wait in its lane already.
  func submit(_ item: Item, to lane: Lane) async -> Outcome? {
    // The line is changed in its place: whoever kept a copy of it here would keep it for as long as
    // he waits, and each item would copy the line for the sake of that copy.
    guard lines[lane] != nil else {
      lines[lane] = []
      return await lead(item, in: lane)
    }
    guard lines[lane]?.count ?? 0 < waitingMax else { return nil }
    let verdict = await withCheckedContinuation { continuation in
      lines[lane]?.append(Waiter(item: item, continuation: continuation))
    }
    switch verdict {
    case .done(let outcome): return outcome
    case .lead: return await lead(item, in: lane)
    }
  }

  /// Runs one batch, the leader's own item first, and hands the lane on.
  private func lead(_ own: Item, in lane: Lane) async -> Outcome {
    let followers = endsBatch(own) ? [] : takeFollowers(in: lane)
    let outcomes = await run(lane, [own] + followers.map(\.item))
    precondition(
      outcomes.each.count == followers.count + 1,
      "\(outcomes.each.count) outcomes of \(followers.count + 1) items")
    for (follower, outcome) in zip(followers, outcomes.each.dropFirst()) {
      follower.continuation.resume(returning: .done(outcome))
    }
    if let outcome = outcomes.waiting {
      for waiter in lines.removeValue(forKey: lane) ?? [] {
        waiter.continuation.resume(returning: .done(outcome))
      }
    } else if lines[lane]?.isEmpty ?? true {
      lines[lane] = nil
    } else {
      lines[lane]?.removeFirst().continuation.resume(returning: .lead)
    }
    return outcomes.each[0]
  }

  private func takeFollowers(in lane: Lane) -> [Waiter] {
    let waiting = lines[lane]?.prefix(batchMax - 1) ?? []
    let end = waiting.firstIndex { endsBatch($0.item) }.map { $0 + 1 } ?? waiting.endIndex
    let followers = Array(waiting[..<end])
    lines[lane]?.removeFirst(followers.count)
    return followers
  }
}
