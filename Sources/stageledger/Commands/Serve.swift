// Serve: the service, from its start to its orderly end.
//
// Called by `Main`; calls `DatabaseSource`, `Backend`, `Service` and `Schedule`. Invariant:
// standard output gets one line, when requests are taken; everything else is a line of the log.

import CanonicalJSON
import Foundation
import PostgresClient
import PostgresCluster

/// The command `serve`.
enum Serve {
  /// Serves until a signal.
  static func run(_ context: CommandContext) async throws(CommandError) -> ExitCode {
    let configuration = context.configuration
    let (log, sink) = Log.standardError(from: try level(configuration), now: systemNow)
    defer { sink.flush() }
    let interval = try Schedule.interval(configuration[.reconcileEvery])
    let manager = ServiceManager(environment: ProcessInfo.processInfo.environment)
    let source = try DatabaseSource.open(
      configuration, say: { log(.info, $0) }, report: { tell($0, log) })
    defer { source.close() }
    let backend = try await Backend.open(
      source, loopCount: ProcessInfo.processInfo.activeProcessorCount
    ) { tell($0, log) }
    let isUnsafeAllowed =
      context.invocation.has("allow-unsafe-durability")
      || configuration[.unsafeDurability] == "true"
    let service: Service
    do throws(CommandError) {
      try await backend.check(allowingUnsafeDurability: isUnsafeAllowed, log: log)
      service = try Service.start(
        over: backend, at: configuration[.listen] ?? "127.0.0.1:8087", log: log)
    } catch {
      await backend.close()
      throw error
    }
    let schedule = Schedule.start(every: interval, over: backend, service: service, log: log)
    // What there is to warn of stands before the line that says all is ready.
    sink.flush()
    context.console.print("stageledger listening on \(service.url)")
    manager.tellReady()
    let signal = await Signals.first()
    log(.info, "stopping", [("signal", .integer(Int64(signal)))])
    manager.tellStopping()
    await schedule?.stop()
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

  private static func tell(_ event: PostgresPool.Event, _ log: Log) {
    switch event {
    case .connected: log(.info, "database connected")
    case .failed(let error): log(.warning, "database not reached", [("why", .string(error.text))])
    case .lost(let reason):
      log(.warning, "database connection lost", [("why", .string(reason))])
    }
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
