// Programs: runs other programs and reads what the system says of them.
//
// Called by `World`, the references and the scenarios; calls Foundation's `Process` and `/proc`.
// Invariant: a program that was started here has ended when its value is let go by `stop`.

import Foundation
import Glibc

/// What a program that has ended said and used.
struct ProgramOutcome {
  /// What it printed.
  var output: String
  /// How long it ran.
  var seconds: Double
}

/// Runs programs.
enum Programs {
  /// Runs a program to its end; a failure holds what it complained of.
  static func run(
    _ path: String, _ arguments: [String], environment: [String: String] = [:]
  ) throws(BenchError) -> ProgramOutcome {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: path)
    process.arguments = arguments
    process.environment = Programs.environment(environment)
    let folder = FileManager.default.temporaryDirectory.path
    let outputPath = "\(folder)/bench-\(UUID().uuidString)"
    defer {
      unlink(outputPath + ".out")
      unlink(outputPath + ".err")
    }
    let begin = ContinuousClock.now
    do {
      process.standardOutput = try file(outputPath + ".out")
      process.standardError = try file(outputPath + ".err")
      try process.run()
    } catch {
      throw .program(path, said: "cannot be started: \(error)")
    }
    process.waitUntilExit()
    let seconds = (ContinuousClock.now - begin).seconds
    guard process.terminationStatus == 0 else {
      throw .program(
        ([path] + arguments.prefix(2)).joined(separator: " "), said: text(outputPath + ".err"))
    }
    return ProgramOutcome(output: text(outputPath + ".out"), seconds: seconds)
  }

  /// What a program is told: our own environment without settings of a ledger, and these.
  static func environment(_ settings: [String: String]) -> [String: String] {
    ProcessInfo.processInfo.environment.filter { !$0.key.hasPrefix("STAGELEDGER_") }
      .merging(settings) { $1 }
  }

  /// A new, empty file to write to.
  static func file(_ path: String) throws -> FileHandle {
    guard FileManager.default.createFile(atPath: path, contents: nil) else {
      throw BenchError.system("open", code: errno)
    }
    return try FileHandle(forWritingTo: URL(fileURLWithPath: path))
  }

  /// What a file holds; empty when it cannot be read.
  static func text(_ path: String) -> String {
    (try? String(contentsOfFile: path, encoding: .utf8)) ?? ""
  }
}

/// A running `stageledger serve`.
final class RunningProgram {
  private let process = Process()
  private let outputPath: String
  /// The port it listens on.
  private(set) var port: UInt16 = 0
  /// From its start to the line that says it is ready.
  private(set) var startSeconds: Double = 0

  /// Starts it and waits for its line.
  init(
    _ path: String, _ arguments: [String], environment: [String: String], folder: String
  ) throws(BenchError) {
    outputPath = "\(folder)/serve-\(UUID().uuidString)"
    process.executableURL = URL(fileURLWithPath: path)
    process.arguments = arguments
    process.environment = Programs.environment(environment)
    let begin = ContinuousClock.now
    do {
      process.standardOutput = try Programs.file(outputPath + ".out")
      process.standardError = try Programs.file(outputPath + ".err")
      try process.run()
    } catch {
      throw .program(path, said: "cannot be started: \(error)")
    }
    while true {
      if let line = Programs.text(outputPath + ".out").split(separator: "\n").first,
        let digits = line.split(separator: ":").last, let port = UInt16(digits)
      {
        self.port = port
        break
      }
      guard process.isRunning, ContinuousClock.now - begin < .seconds(60) else {
        stop()
        throw .program(path, said: Programs.text(outputPath + ".err"))
      }
      usleep(500)
    }
    startSeconds = (ContinuousClock.now - begin).seconds
  }

  /// Ends it as an operator would, and waits.
  func stop() {
    guard process.isRunning else { return }
    process.terminate()
    process.waitUntilExit()
  }

  /// The seconds of processor time it has used.
  var processorSeconds: Double {
    let text = Programs.text("/proc/\(process.processIdentifier)/stat")
    guard let end = text.lastIndex(of: ")") else { return 0 }
    let fields = text[end...].split(separator: " ")
    guard fields.count > 13, let user = Double(fields[12]), let system = Double(fields[13]) else {
      return 0
    }
    return (user + system) / Double(sysconf(Int32(_SC_CLK_TCK)))
  }

  /// How much memory it holds, in bytes.
  var residentBytes: Double { status("VmRSS:") }

  /// The most memory it has held, in bytes.
  var residentBytesMax: Double { status("VmHWM:") }

  private func status(_ name: String) -> Double {
    let text = Programs.text("/proc/\(process.processIdentifier)/status")
    let line = text.split(separator: "\n").first { $0.hasPrefix(name) }
    return (line?.split(whereSeparator: { !$0.isNumber }).first.flatMap { Double($0) } ?? 0) * 1024
  }
}

extension Duration {
  /// The duration in seconds.
  var seconds: Double {
    Double(components.seconds) + Double(components.attoseconds) / 1e18
  }
}
