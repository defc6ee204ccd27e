// Thresholds: how they are read, when they are missed, and that the file's own name scenarios.

import Testing

@testable import Bench

@Suite struct ThresholdsTests {
  @Test func `a line is a scenario, a number, a bound and a limit`() throws {
    let text = "# why\n\nappend-64 ratio >= 0.5 # half\nmemory-idle resident_mib <= 40\n"
    #expect(
      try Threshold.parse(text) == [
        Threshold(scenario: "append-64", number: "ratio", bound: .atLeast, limit: 0.5),
        Threshold(scenario: "memory-idle", number: "resident_mib", bound: .atMost, limit: 40),
      ])
  }

  @Test(arguments: ["a b", "a b > 1", "a b >= x", "a b >= 1 2"])
  func `another line is an error`(_ line: String) {
    #expect(throws: BenchError.usage("not a threshold: \(line)")) {
      try Threshold.parse(line)
    }
  }

  @Test func `what is missed is named, what was not run is not`() throws {
    let measurement = Measurement(
      name: "a", reference: nil, rounds: [Round(perSecond: 10, reference: 20)])
    func misses(_ text: String) throws -> [String] {
      Threshold.misses(try Threshold.parse(text), in: [measurement])
    }
    #expect(try misses("a ratio >= 0.5\na ratio <= 0.5\nb ratio >= 1").isEmpty)
    #expect(try misses("a ratio >= 0.6") == ["a ratio is 0.50, not >= 0.60"])
    #expect(try misses("a ratio <= 0.4") == ["a ratio is 0.50, not <= 0.40"])
    #expect(try misses("a p99_ms <= 5") == ["a p99_ms was not measured"])
  }

  @Test func `the demands that are kept are of scenarios there are`() throws {
    let names = Set(Scenarios.all(eventsMax: 1_000_000).map(\.name))
    let thresholds = try Threshold.kept()
    #expect(!thresholds.isEmpty)
    for threshold in thresholds { #expect(names.contains(threshold.scenario)) }
  }
}
