// The task of the wiring that writes the access log: once a second while a service runs, and what
// is left at its end.
//
// Made by `Service`; calls `AccessLog`. Invariant: after `stop` what was noted is written, or the
// log of the program says that it is not.

import CanonicalJSON
import EventLoop
import LedgerServices

/// The task that writes the access log of one service.
final class AccessWriter: Sendable {
  /// How long requests gather.
  private static let interval: Duration = .seconds(1)
  /// How long nothing more is said once something was.
  private static let silence: Duration = .seconds(60)

  private let accesses: AccessLog
  private let log: Log
  private let task: Task<Void, Never>

  /// Begins to write on the loop.
  init(_ accesses: AccessLog, on loop: EventLoop, log: Log) {
    self.accesses = accesses
    self.log = log
    task = Task(executorPreference: loop) {
      var toldCount: Int64 = 0
      var silentUntil = ContinuousClock.now
      while true {
        do { try await Task.sleep(for: Self.interval) } catch { return }
        let trouble = await Self.flush(accesses)
        let missing = accesses.droppedCount - toldCount
        guard trouble != nil || missing > 0, ContinuousClock.now >= silentUntil else { continue }
        Self.tell(log, trouble, missing: missing)
        toldCount += missing
        silentUntil = .now + Self.silence
      }
    }
  }

  /// Ends the task and writes what is left.
  func stop() async {
    task.cancel()
    await task.value
    if let trouble = await Self.flush(accesses) { Self.tell(log, trouble, missing: nil) }
  }

  private static func flush(_ accesses: AccessLog) async -> StoreError? {
    do throws(StoreError) {
      try await accesses.flush()
      return nil
    } catch {
      return error
    }
  }

  private static func tell(_ log: Log, _ trouble: StoreError?, missing: Int64?) {
    var fields: [(String, JSONValue)] = []
    if let missing { fields.append(("missing_requests", .integer(missing))) }
    if let trouble { fields.append(("why", .string(trouble.text))) }
    log(.warning, "the access log is not written", fields)
  }
}
