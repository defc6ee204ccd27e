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
  private let weight: @Sendable (Item) -> Int
  private let run: @Sendable (Lane, [Item]) async -> BatchOutcomes<Outcome>
  /// Who waits; a lane is here as long as a batch of it is under way.
  private var lines: [Lane: [Waiter]] = [:]
  /// How much the items in each line weigh.
  private var weights: [Lane: Int] = [:]

  /// A batcher whose batches `run` makes, of items that weigh at most `batchMax` together.
  ///
  /// One item alone may weigh more; each weighs one unless said.
  init(
    waitingMax: Int, batchMax: Int, weight: @escaping @Sendable (Item) -> Int = { _ in 1 },
    run: @escaping @Sendable (Lane, [Item]) async -> BatchOutcomes<Outcome>
  ) {
    self.waitingMax = waitingMax
    self.batchMax = batchMax
    self.weight = weight
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
    let weight = weight(item)
    guard weights[lane, default: 0] + weight <= waitingMax else { return nil }
    weights[lane, default: 0] += weight
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
    let followers = takeFollowers(in: lane, besides: weight(own))
    let outcomes = await run(lane, [own] + followers.map(\.item))
    precondition(
      outcomes.each.count == followers.count + 1,
      "\(outcomes.each.count) outcomes of \(followers.count + 1) items")
    for (follower, outcome) in zip(followers, outcomes.each.dropFirst()) {
      follower.continuation.resume(returning: .done(outcome))
    }
    if let outcome = outcomes.waiting {
      weights[lane] = nil
      for waiter in lines.removeValue(forKey: lane) ?? [] {
        waiter.continuation.resume(returning: .done(outcome))
      }
    } else if let next = lines[lane]?.first {
      lines[lane]?.removeFirst()
      weights[lane, default: 0] -= weight(next.item)
      next.continuation.resume(returning: .lead)
    } else {
      lines[lane] = nil
      weights[lane] = nil
    }
    return outcomes.each[0]
  }

  /// Those who wait and fit into one batch with what weighs `own`.
  private func takeFollowers(in lane: Lane, besides own: Int) -> [Waiter] {
    var sum = own
    let followers = Array(
      (lines[lane] ?? []).prefix { waiter in
        sum += weight(waiter.item)
        return sum <= batchMax
      })
    lines[lane]?.removeFirst(followers.count)
    weights[lane, default: 0] -= followers.reduce(0) { $0 + weight($1.item) }
    return followers
  }
}
