// TimetableTests: when several instances look at one cloud.

import Ledger
import LedgerServices
import TestLiterals
import TestSupport
import Testing

@Suite struct TimetableTests {
  private static let interval = Duration.seconds(900)

  @Test(arguments: testSeeds)
  func `a project never seen is looked at soon, and services do not begin all at once`(
    _ seed: UInt64
  ) {
    var random = SeededGenerator(seed: seed)
    let firsts = (0..<50).map { _ in
      var table = Timetable(every: Self.interval)
      let step = table.step("p", at: second(0), lastLook: nil, using: &random)
      guard case .wait(let until) = step else { return Instant.latest }
      #expect(until >= second(0) && until <= second(60))
      #expect(table.step("p", at: until, lastLook: nil, using: &random) == .run)
      return until
    }
    #expect(Set(firsts).count > 10)
  }

  @Test(arguments: testSeeds)
  func `a look another instance made counts as one's own`(_ seed: UInt64) {
    var random = SeededGenerator(seed: seed)
    var table = Timetable(every: Self.interval)
    guard case .wait(let first) = table.step("p", at: second(0), lastLook: nil, using: &random)
    else { return #expect(Bool(false), "due at once") }
    let step = table.step("p", at: first, lastLook: first, using: &random)
    guard case .wait(let until) = step else { return #expect(Bool(false), "twice") }
    #expect(until >= first.advanced(byMicroseconds: 900_000_000))
    #expect(until <= first.advanced(byMicroseconds: 990_000_000))
    #expect(table.step("p", at: until, lastLook: first, using: &random) == .run)
  }

  @Test(arguments: testSeeds)
  func `two instances leave no silence that is too long`(_ seed: UInt64) {
    var random = SeededGenerator(seed: seed)
    var tables = [Timetable(every: Self.interval), Timetable(every: Self.interval)]
    var now = second(0)
    var last: Instant?
    var count = 0
    for _ in 0..<20_000 {
      now = now.advanced(byMicroseconds: 15_000_000)
      for index in tables.indices
      where tables[index].step("p", at: now, lastLook: last, using: &random) == .run {
        if let last {
          let silence = now.microseconds - last.microseconds
          #expect(silence <= 1_800 * 1_000_000, "\(silence)")
        }
        last = now
        count += 1
        tables[index].ran("p", at: now, using: &random)
      }
    }
    // 20,000 steps of 15 seconds are 333 intervals: the work is shared, not done twice.
    #expect(count > 280 && count < 340, "\(count)")
  }
}
