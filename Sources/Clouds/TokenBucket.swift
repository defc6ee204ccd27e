// TokenBucket: when the next request may start, so that no more start in a second than agreed.
//
// Held by `UpstreamClient`; pure. Invariant: of any requests taken from it, as many start within a
// time as fit into it at the rate, and a burst.

/// A bucket that fills at a steady rate and holds a burst.
struct TokenBucket: Sendable {
  /// How long one token takes to come.
  private let interval: Duration
  /// How long all but one of a full bucket's tokens take to come.
  private let slack: Duration
  /// When the bucket is full again; nil before the first token was taken.
  private var isFullAt: ContinuousClock.Instant?

  /// A full bucket; both counts are at least 1.
  init(perSecond: Int, burst: Int) {
    let perSecond = Int64(max(1, perSecond))
    // Rounded up, so that a second never holds one too many.
    interval = .nanoseconds((1_000_000_000 - 1) / perSecond + 1)
    slack = interval * (max(1, burst) - 1)
  }

  /// Takes the next token, and tells how long to wait for it.
  mutating func take(at now: ContinuousClock.Instant) -> Duration {
    let isFullAt = max(isFullAt ?? now, now)
    self.isFullAt = isFullAt.advanced(by: interval)
    return max(.zero, now.duration(to: isFullAt) - slack)
  }
}
