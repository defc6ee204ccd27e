// Program: the built binary, run to its end or left running, as a user runs it.
//
// Used by every suite of this target. Invariant: a program started here is gone when its owner is
// done with it, and its output is in files, so that nothing waits for a full pipe.

import Foundation
import Synchronization
import Testing

/// How a run of the program ended.
struct Ending {
  let status: Int32
  let output: String
  let complaints: String
}

/// The program, running.
final class Program: @unchecked Sendable {
  // `Process` is used by one test at a time; what two threads reach is in `ending`.
  private let process = Process()
  private let folder: String
  private let ending = Mutex<(status: Int32?, waiters: [CheckedContinuation<Void, Never>])>(
    (nil, []))

  /// The binary beside the bundle of the tests.
  static let binary: String = {
    let tests = (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")) ?? ""
    return URL(fileURLWithPath: tests).deletingLastPathComponent().path + "/stageledger"
  }()

  /// Starts the program with these words, in an environment without settings of ours.
  init(
    _ arguments: [String], environment: [String: String] = [:], launcher: [String] = [],
    binary: String = Program.binary
  ) throws {
    try #require(FileManager.default.isExecutableFile(atPath: binary), "no program \(binary)")
    folder = "/tmp/stageledger-run-\(UInt64.random(in: .min ... .max))"
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    for name in ["out", "err"] {
      _ = FileManager.default.createFile(atPath: "\(folder)/\(name)", contents: nil)
    }
    let words = launcher + [binary] + arguments
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = words
    var inherited = ProcessInfo.processInfo.environment.filter {
      !$0.key.hasPrefix("STAGELEDGER_") && $0.key != "NOTIFY_SOCKET"
    }
    inherited.merge(environment) { _, ours in ours }
    process.environment = inherited
    process.standardInput = FileHandle.nullDevice
    process.standardOutput = FileHandle(forWritingAtPath: "\(folder)/out")
    process.standardError = FileHandle(forWritingAtPath: "\(folder)/err")
    process.terminationHandler = { [weak self] process in
      let status =
        process.terminationReason == .exit
        ? process.terminationStatus : 128 + process.terminationStatus
      self?.end(status)
    }
    try process.run()
  }

  deinit {
    if process.isRunning { kill(process.processIdentifier, SIGKILL) }
    try? FileManager.default.removeItem(atPath: folder)
  }

  private func end(_ status: Int32) {
    let waiters = ending.withLock { ending in
      defer { ending.waiters = [] }
      ending.status = status
      return ending.waiters
    }
    for waiter in waiters { waiter.resume() }
  }

  /// Runs the program to its end.
  static func run(
    _ arguments: [String], environment: [String: String] = [:], launcher: [String] = [],
    binary: String = Program.binary
  ) async throws -> Ending {
    let program = try Program(
      arguments, environment: environment, launcher: launcher, binary: binary)
    let status = await program.status()
    return Ending(status: status, output: program.output, complaints: program.complaints)
  }

  /// What it has printed so far.
  var output: String { text("out") }
  /// What it has said on standard error so far.
  var complaints: String { text("err") }

  private func text(_ name: String) -> String {
    (try? String(contentsOfFile: "\(folder)/\(name)", encoding: .utf8)) ?? ""
  }

  /// Waits for its end; the status is 128 and the signal's number when one killed it.
  func status() async -> Int32 {
    await withCheckedContinuation { continuation in
      let hasEnded = ending.withLock { ending in
        guard ending.status == nil else { return true }
        ending.waiters.append(continuation)
        return false
      }
      if hasEnded { continuation.resume() }
    }
    return ending.withLock { $0.status ?? -1 }
  }

  /// Whether it runs.
  var isRunning: Bool { ending.withLock { $0.status == nil } }

  /// Sends it a signal.
  func signal(_ number: Int32) {
    kill(process.processIdentifier, number)
  }
}

/// Waits until something is so; false when it is not within the time.
func eventually(
  within limit: Duration = .seconds(30), _ isSo: () async throws -> Bool
) async rethrows -> Bool {
  let deadline = ContinuousClock.now + limit
  while true {
    if try await isSo() { return true }
    guard ContinuousClock.now < deadline else { return false }
    try? await Task.sleep(for: .milliseconds(10))
  }
}

/// The process numbers of all programs whose command line holds the text.
func processes(holding text: String) -> [Int32] {
  let numbers = (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []
  return numbers.compactMap { Int32($0) }.filter { number in
    guard number != getpid(),
      let words = FileManager.default.contents(atPath: "/proc/\(number)/cmdline")
    else { return false }
    return String(decoding: words, as: UTF8.self).contains(text)
  }
}

/// The children of a process, and the process.
func family(of parent: Int32) -> [Int32] {
  let numbers = (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []
  let children = numbers.compactMap { Int32($0) }.filter { number in
    guard let text = try? String(contentsOfFile: "/proc/\(number)/stat", encoding: .utf8),
      let tail = text.lastIndex(of: ")")
    else { return false }
    return text[tail...].split(separator: " ").dropFirst(2).first == "\(parent)"
  }
  return [parent] + children
}
