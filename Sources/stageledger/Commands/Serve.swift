// Serve: the service, from its start to its orderly end.
//
// Called by `Main`; calls `DatabaseSource`, `Backend`, `Service` and `Schedule`. Invariant:
// standard output gets one line, when requests are taken; everything else is a line of the log.

import CanonicalJSON
import Foundation
import PostgresClient
import PostgresCluster
import Synchronization

/// The command `serve`.
enum Serve {
  /// Serves until a signal.
  static func run(_ context: CommandContext) async throws(CommandError) -> ExitCode {
    let configuration = context.configuration
    let (log, sink) = Log.standardError(from: try level(configuration), now: systemNow)
    defer { sink.flush() }
    let interval = try Schedule.interval(configuration[.reconcileEvery])
    let address = try Service.address(configuration[.listen] ?? "127.0.0.1:8087")
    let manager = ServiceManager(environment: ProcessInfo.processInfo.environment)
    let source = try DatabaseSource.open(
      configuration, say: { log(.info, $0) }, report: { tell($0, log) })
    defer { source.close() }
    let news = DatabaseNews(log: log)
    let backend = try await Backend.open(
      source, loopCount: ProcessInfo.processInfo.activeProcessorCount, reconcilesEvery: interval
    ) { news.tell($0) }
    let isUnsafeAllowed =
      context.invocation.has("allow-unsafe-durability")
      || configuration[.unsafeDurability] == "true"
    let service: Service
    do throws(CommandError) {
      try await backend.check(allowingUnsafeDurability: isUnsafeAllowed, log: log)
      service = try Service.start(over: backend, at: address, log: log)
    } catch {
      await backend.close()
      throw error
    }
    await backend.waitUntilAvailable(within: .seconds(5))
    let schedule = Schedule.start(every: interval, over: backend, service: service, log: log)
    let deliveries = Deliveries.start(over: backend, service: service, log: log)
    // What there is to warn of stands before the line that says all is ready.
    sink.flush()
    context.console.print("stageledger listening on \(service.url)")
    manager.tellReady()
    let signal = await Signals.first()
    log(.info, "stopping", [("signal", .integer(Int64(signal)))])
    manager.tellStopping()
    await schedule?.stop()
    await deliveries.stop()
    await service.stop()
    await backend.close()
    log(.info, "stopped")
    return .fine
  }

  private static func level(_ configuration: Configuration) throws(CommandError) -> Log.Level {
    guard let text = configuration[.logLevel] else { return .info }
    guard let level = Log.Level(rawValue: text) else {
      let names = Log.Level.allCases.map(\.rawValue).joined(separator: ", ")
      throw .usage(.badValue(of: "--log-level", given: text, expected: names))
    }
    return level
  }

  private static func tell(_ event: PostgresCluster.Event, _ log: Log) {
    switch event {
    case .ended(let status):
      log(.error, "the private server ended", [("status", .integer(Int64(status)))])
    case .started(let processID):
      log(.info, "the private server is back", [("pid", .integer(Int64(processID)))])
    case .failed(let error):
      log(.error, "the private server does not start", [("why", .string(error.description))])
    }
  }
}

/// Turns what happens to many connections into a line when the database goes and one when it is
/// back.
private final class DatabaseNews: Sendable {
  private let log: Log
  private let isReached = Mutex(true)

  init(log: Log) { self.log = log }

  func tell(_ event: PostgresPool.Event) {
    let reason: String?
    switch event {
    case .connected: reason = nil
    case .failed(let error): reason = error.text
    case .lost(let why): reason = why
    }
    let isNews = isReached.withLock { isReached in
      defer { isReached = reason == nil }
      return isReached != (reason == nil)
    }
    guard isNews else { return }
    if let reason {
      log(.warning, "the database is not reached", [("why", .string(reason))])
    } else {
      log(.info, "the database is reached again")
    }
  }
}
