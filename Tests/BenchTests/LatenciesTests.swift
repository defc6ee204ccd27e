// The histogram of latencies: its error, its ends, and that histograms can be added.

import Testing

@testable import Bench

@Suite struct LatenciesTests {
  @Test func `without times there is no quantile`() {
    #expect(Latencies().quantile(0.5) == nil)
  }

  @Test func `a quantile is at most one part in 64 above the true one`() {
    var latencies = Latencies()
    for value in 1...100_000 { latencies.add(nanoseconds: UInt64(value) * 37) }
    for (quantile, rank) in [(0.0, 1), (0.5, 50_000), (0.99, 99_000), (1.0, 100_000)] {
      let exact = Double(rank * 37)
      let found = Double(latencies.quantile(quantile) ?? 0)
      #expect(found >= exact && found <= exact * (1 + 1.0 / 64) + 1)
    }
  }

  @Test(arguments: [0, 1, 127, 128, 129, 255, 256, 1_000_003, UInt64.max - 1, .max] as [UInt64])
  func `a value lies in the bucket that ends at or after it`(_ value: UInt64) {
    let bucket = Latencies.bucket(of: value)
    #expect(Latencies.top(of: bucket) >= value)
    #expect(bucket == 0 || Latencies.top(of: bucket - 1) < value)
  }

  @Test func `two histograms added are one of all times`() {
    var (left, right, both) = (Latencies(), Latencies(), Latencies())
    for value in [5, 700, 90_000] as [UInt64] {
      left.add(nanoseconds: value)
      both.add(nanoseconds: value)
    }
    for value in [6, 1_000_000_000] as [UInt64] {
      right.add(nanoseconds: value)
      both.add(nanoseconds: value)
    }
    left.add(right)
    #expect(left == both)
    #expect(left.count == 5)
  }

  @Test func `the median is the middle one`() {
    #expect(median([]) == nil)
    #expect(median([3, 1, 2]) == 2)
    #expect(median([4, 1, 2, 3]) == 2.5)
  }
}
