// The report: medians of rounds, the table, the JSON.

import CanonicalJSON
import Testing

@testable import Bench

@Suite struct ReportTests {
  private static let measurement = Measurement(
    name: "append-64", reference: "insert",
    rounds: [
      Round(perSecond: 100, reference: 200), Round(perSecond: 300, reference: 300),
      Round(perSecond: 150, reference: 200, others: ["seconds": 2.5]),
    ])

  @Test func `a ratio is the median of the rounds' own ratios`() {
    #expect(Self.measurement.numbers["ratio"] == 0.75)
    #expect(Self.measurement.numbers["per_second"] == 150)
    #expect(Self.measurement.numbers["reference_per_second"] == 200)
    #expect(Self.measurement.numbers["p99_ms"] == nil)
  }

  @Test func `quantiles are of all rounds together`() {
    var (quick, slow) = (Latencies(), Latencies())
    for _ in 0..<98 { quick.add(nanoseconds: 100) }
    for _ in 0..<2 { slow.add(nanoseconds: 64_000_000) }
    let measurement = Measurement(
      name: "a", reference: nil,
      rounds: [
        Round(perSecond: 1, latencies: quick), Round(perSecond: 1, latencies: slow),
      ])
    #expect(measurement.numbers["p50_ms"] == 0.0001)
    #expect(measurement.numbers["p99_ms"].map { 64...65 ~= $0 } == true)
  }

  @Test func `the table has a line a scenario and every number`() {
    let lines = Report.table([Self.measurement]).split(separator: "\n")
    #expect(lines.count == 2)
    #expect(lines[0].hasPrefix("scenario"))
    #expect(lines[1].hasPrefix("append-64"))
    for text in ["150", "200", "0.75", "insert", "seconds=2.50"] {
      #expect(lines[1].contains(text))
    }
  }

  @Test func `the JSON has every number by name`() throws {
    let value = try JSONValue(parsing: Array(Report.json([Self.measurement]).utf8))
    let object = try #require(value.arrayValue?.first)
    #expect(object["scenario"] == "append-64")
    #expect(object["compared_with"] == "insert")
    #expect(object["ratio"] == .double(0.75))
    #expect(object["seconds"] == .double(2.5))
  }

  @Test(arguments: [
    (0.005, "0.01"), (0.754, "0.75"), (9.99, "9.99"), (12.34, "12.3"), (99.96, "100.0"),
    (1_234.5, "1235"), (-0.5, "-0.50"),
  ])
  func `numbers are short`(_ number: Double, _ text: String) {
    #expect(Report.text(number) == text)
  }
}
