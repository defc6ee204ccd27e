// The arguments of the bench.

import Testing

@testable import Bench

@Suite struct OptionsTests {
  @Test func `without arguments everything is measured for people`() throws {
    let options = try Options([])
    #expect(options.format == .table)
    #expect(options.length == .full)
    #expect(options.only.isEmpty && !options.isChecked)
    #expect(options.eventsMax == 1_000_000)
  }

  @Test func `every argument is understood`() throws {
    let options = try Options([
      "--quick", "--check", "--only", "append", "--only", "label", "--events", "10000000", "-o",
      "json", "--slow-disk",
    ])
    #expect(options.format == .json)
    #expect(options.length == .quick)
    #expect(options.only == ["append", "label"] && options.isChecked)
    #expect(options.eventsMax == 10_000_000 && options.isDiskSlow)
  }

  @Test(arguments: [["--fast"], ["-o"], ["-o", "xml"], ["--events", "0"], ["--only"]])
  func `another argument is an error`(_ arguments: [String]) {
    #expect(throws: BenchError.self) { try Options(arguments) }
  }
}
