// A server on several loops that share one port.
//
// Called by: the wiring. Calls: `LoopServer`, one for each loop.
// Invariant: this file starts the only unstructured tasks of the target, one for each loop; every
// connection is a child of one of them, and `drain` waits for them.

public import EventLoop
import Synchronization

/// An HTTP/1.1 server.
public final class HTTPServer: Sendable {
  private enum State {
    case made
    case running([Task<Void, Never>])
    case drained
  }

  private let address: SocketAddress
  private let backlog: Int32
  private let parts: [LoopServer]
  private let counters = HTTPServerCounters()
  private let state = Mutex(State.made)

  /// Makes a server that does not listen yet; the loops must be started and outlive it.
  public init(
    address: SocketAddress, loops: [EventLoop], configuration: HTTPServerConfiguration,
    handler: any HTTPHandler
  ) {
    precondition(!loops.isEmpty, "a server needs a loop")
    self.address = address
    backlog = Int32(clamping: configuration.backlog)
    parts = loops.map { [counters] loop in
      LoopServer(
        loop: loop, handler: handler, configuration: configuration, counters: counters)
    }
  }

  /// Listens on every loop and returns the address, with the port the system chose for port 0.
  ///
  /// Throws where the address cannot be bound; called once.
  public func start() throws(SystemError) -> SocketAddress {
    var listeners: [Int32] = []
    var bound = address
    do throws(SystemError) {
      for _ in parts {
        let claim: Sockets.Claim = listeners.isEmpty ? .first : .further
        let listener = try Sockets.listen(on: bound, claim: claim, backlog: backlog)
        listeners.append(listener)
        bound = try Sockets.localAddress(listener)
      }
    } catch {
      for listener in listeners { Sockets.close(listener) }
      throw error
    }
    state.withLock { state in
      guard case .made = state else { preconditionFailure("the server was started before") }
      let tasks = zip(parts, listeners).map { part, listener in
        Task(executorPreference: part.loop) { await part.run(listener: listener) }
      }
      state = .running(tasks)
    }
    return bound
  }

  /// Listens no more, lets requests in progress end, and closes what is left at `deadline`.
  ///
  /// Answers that are written meanwhile say `Connection: close`. Returns when every connection has
  /// ended, or at the deadline, when the tasks that still answer are cancelled.
  public func drain(deadline: ContinuousClock.Instant) async {
    let tasks: [Task<Void, Never>] = state.withLock { state in
      defer { state = .drained }
      guard case .running(let tasks) = state else { return [] }
      return tasks
    }
    await withDiscardingTaskGroup { group in
      for (part, task) in zip(parts, tasks) {
        group.addTask {
          await part.drain(deadline: deadline)
          task.cancel()
        }
      }
    }
  }

  /// What the server has done since its start.
  public var statistics: HTTPServerStatistics { counters.statistics }
}
