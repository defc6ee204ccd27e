// Latencies: how long many answers took, in little space.
//
// Filled by `Load`, read by `Measurement`. Pure. Buckets grow with their values, 64 to each
// doubling: a quantile is at most one part in 64 above the true one. Invariant: the counts add up
// to `count`.

/// A histogram of times in nanoseconds.
struct Latencies: Equatable {
  private static let half = 64
  private var counts: [Int] = []
  /// How many times it holds.
  private(set) var count = 0

  /// Adds one time.
  mutating func add(nanoseconds: UInt64) {
    let bucket = Self.bucket(of: nanoseconds)
    if bucket >= counts.count {
      counts.append(contentsOf: repeatElement(0, count: bucket + 1 - counts.count))
    }
    counts[bucket] += 1
    count += 1
  }

  /// Adds all times of another.
  mutating func add(_ other: Latencies) {
    if other.counts.count > counts.count {
      counts.append(contentsOf: repeatElement(0, count: other.counts.count - counts.count))
    }
    for (bucket, more) in other.counts.enumerated() { counts[bucket] += more }
    count += other.count
  }

  /// The time, in nanoseconds, that the share `quantile` (0 to 1) of all stays within; nil when
  /// there is none.
  func quantile(_ quantile: Double) -> UInt64? {
    guard count > 0 else { return nil }
    let rank = max(1, Int((quantile * Double(count)).rounded(.up)))
    var seen = 0
    for (bucket, more) in counts.enumerated() {
      seen += more
      if seen >= rank { return Self.top(of: bucket) }
    }
    return nil
  }

  /// Values below 128 have a bucket each; above, a bucket is a 64th of a power of two.
  static func bucket(of value: UInt64) -> Int {
    let shift = max(0, 57 - value.leadingZeroBitCount)
    return shift * half + Int(value >> UInt64(shift))
  }

  /// The greatest value of a bucket.
  static func top(of bucket: Int) -> UInt64 {
    guard bucket >= 2 * half else { return UInt64(bucket) }
    let shift = UInt64(bucket / half - 1)
    let digits = UInt64(bucket % half + half)
    return (digits << shift) + ((1 << shift) - 1)
  }
}

/// The middle one of some numbers, or the mean of the two in the middle; nil when there is none.
func median(_ numbers: [Double]) -> Double? {
  guard !numbers.isEmpty else { return nil }
  let sorted = numbers.sorted()
  let middle = sorted.count / 2
  return sorted.count % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
}
