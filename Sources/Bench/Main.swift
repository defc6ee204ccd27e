// Main: the entry point of `stageledger-bench`.
//
// Calls `Options`, `World`, `Bench`, `Report` and `Thresholds`. Invariant: the status is 0 when all
// was measured and, with `--check`, met; 1 when a threshold was missed; 2 otherwise.

import Foundation

/// The bench: the service's speed as a ratio to PostgreSQL's own, on the same machine, in turn.
@main
enum Main {
  /// Runs the bench and ends the process.
  static func main() {
    do throws(BenchError) {
      exit(try run(Array(CommandLine.arguments.dropFirst())))
    } catch {
      Bench.tell("stageledger-bench: \(error.text)")
      exit(2)
    }
  }

  private static func run(_ arguments: [String]) throws(BenchError) -> Int32 {
    let options = try Options(arguments)
    guard !options.isHelp else {
      print(Options.help)
      return 0
    }
    let thresholds = try Threshold.kept()
    let world = try World(binary: binary(), disk: options.isDiskSlow ? .slow : .own)
    defer { world.close() }
    let bench = Bench(world, options)
    var measurements: [Measurement] = []
    var failures = 0
    for scenario in Scenarios.all(eventsMax: options.eventsMax) where options.wants(scenario) {
      do throws(BenchError) {
        measurements.append(try bench.measure(scenario))
      } catch {
        // The others are worth their time all the same.
        Bench.tell("\(scenario.name): \(error.text)")
        failures += 1
      }
    }
    switch options.format {
    case .table: print(Report.table(measurements))
    case .json: print(Report.json(measurements))
    }
    guard failures == 0 else { return 2 }
    guard options.isChecked else { return 0 }
    let misses = Threshold.misses(thresholds, in: measurements)
    for miss in misses { Bench.tell(miss) }
    return misses.isEmpty ? 0 : 1
  }

  /// The program to measure: the one named, or the one beside this one.
  private static func binary() -> String {
    if let named = ProcessInfo.processInfo.environment["STAGELEDGER_BINARY"] { return named }
    let own = (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")) ?? ""
    return URL(fileURLWithPath: own).deletingLastPathComponent().path + "/stageledger"
  }
}

extension Options {
  /// Whether a scenario is to run.
  fileprivate func wants(_ scenario: Scenario) -> Bool {
    guard only.isEmpty else { return only.contains { scenario.name.hasPrefix($0) } }
    return length == .full || scenario.length == .quick
  }
}
