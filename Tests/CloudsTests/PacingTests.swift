// PacingTests: when requests may start, and whether clocks agree.

import Testing

@testable import Clouds

@Suite struct TokenBucketTests {
  @Test func `a burst starts at once, the rest at the rate`() {
    var bucket = TokenBucket(perSecond: 20, burst: 3)
    let now = ContinuousClock.now
    let waits = (0..<6).map { _ in bucket.take(at: now) }
    #expect(
      waits == [
        .zero, .zero, .zero, .milliseconds(50), .milliseconds(100), .milliseconds(150),
      ])
  }

  @Test func `a rest fills the bucket, and never more than full`() {
    var bucket = TokenBucket(perSecond: 10, burst: 2)
    let now = ContinuousClock.now
    for _ in 0..<3 { _ = bucket.take(at: now) }
    #expect(bucket.take(at: now.advanced(by: .milliseconds(100))) == .milliseconds(100))
    let later = now.advanced(by: .seconds(3_600))
    #expect((0..<3).map { _ in bucket.take(at: later) } == [.zero, .zero, .milliseconds(100)])
  }

  @Test(arguments: [(1, 1), (7, 1), (20, 5), (50, 3), (0, 0)])
  func `no more start in any second than the rate and a burst`(_ rate: Int, _ burst: Int) {
    var bucket = TokenBucket(perSecond: rate, burst: burst)
    let begin = ContinuousClock.now
    var now = begin
    let starts = (0..<200).map { number in
      now = now.advanced(by: .milliseconds(number * 37 % 41))
      return now.advanced(by: bucket.take(at: now))
    }
    for (index, start) in starts.enumerated() {
      let within = starts[index...].count { start.duration(to: $0) < .seconds(1) }
      #expect(within <= max(1, rate) + max(1, burst) - 1)
    }
  }
}

@Suite struct ClockSkewTests {
  /// 1994-11-06T08:49:37Z.
  private let moment: Int64 = 784_111_777

  @Test(
    arguments: [
      (0, nil), (300, nil), (-300, nil),
      (301, "this machine's clock is 5 minutes behind the cloud's"),
      (-301, "this machine's clock is 5 minutes ahead of the cloud's"),
      (1_200, "this machine's clock is 20 minutes behind the cloud's"),
      (-86_400, "this machine's clock is 1440 minutes ahead of the cloud's"),
    ] as [(Int64, String?)])
  func `clocks more than five minutes apart are worth a word`(_ seconds: Int64, _ words: String?) {
    #expect(
      ClockSkew.remark(date: "Sun, 06 Nov 1994 08:49:37 GMT", now: moment - seconds) == words)
  }

  @Test(arguments: [
    "", "now", "Sun, 06 Nov 1994 08:49:37 CET", "Sun, 06 Noe 1994 08:49:37 GMT",
    "Sun, 31 Feb 1994 08:49:37 GMT", "Sun, 06 Nov 1994 25:49:37 GMT", "06 Nov 1994 08:49:37 GMT",
    "Sunday, 06-Nov-94 08:49:37 GMT", "Sun, 6 Nov 1994 08:49:37 GMT", "a b c d e f g",
    "Sun, 99999999999999999999 Nov 1994 08:49:37 GMT",
  ])
  func `a date that is none says nothing`(_ date: String) {
    #expect(ClockSkew.remark(date: date, now: 0) == nil)
  }
}
