// The thread that keeps one server running: makes its data, starts it, starts it again when it
// dies.
//
// Started by `PostgresCluster`; calls `ClusterFolder`, `ChildProcess`. The server is a child of
// this thread, and the kernel stops it when the thread ends, so the thread lives as long as the
// server may. Invariant: only the holder of the lock file starts a server or signals one.

import CLinux
import Foundation
import Glibc
import Synchronization

/// Keeps one private server running until told to stop.
final class ServerKeeper: Sendable {
  /// A server that takes connections.
  struct Ready: Hashable, Sendable {
    /// The folder of its socket.
    let socketDirectory: String
    /// Its process number.
    let processID: Int32
    /// Whether this program started it.
    let isOwner: Bool
  }

  private struct State: Sendable {
    var isStopping = false
    var isEnded = false
    var child: pid_t?
    var ready: Ready? {
      didSet { hasBeenReady = hasBeenReady || ready != nil }
    }
    var hasBeenReady = false
    var failure: ClusterError?
  }

  /// Names where everything is.
  let folder: ClusterFolder
  private let settings: [String: String]
  private let supervision: PostgresCluster.Supervision
  private let startTimeout: Duration
  private let report: @Sendable (PostgresCluster.Event) -> Void
  private let state = Mutex(State())
  private let wake: Int32

  /// Prepares a keeper; nothing happens until `start`.
  init(
    folder: ClusterFolder, settings: [String: String], supervision: PostgresCluster.Supervision,
    startTimeout: Duration, report: @escaping @Sendable (PostgresCluster.Event) -> Void
  ) {
    self.folder = folder
    self.settings = settings
    self.supervision = supervision
    self.startTimeout = startTimeout
    self.report = report
    wake = eventfd(0, Int32(EFD_CLOEXEC | EFD_NONBLOCK))
  }

  deinit {
    if wake >= 0 { close(wake) }
  }

  /// The server as it is at this moment; nil while it is down.
  var ready: Ready? { state.withLock { $0.ready } }

  /// Starts the thread and blocks until the server takes connections or cannot.
  func start() throws(ClusterError) -> Ready {
    let thread = Thread { [self] in run() }
    thread.name = "postgres-keeper"
    thread.start()
    while true {
      let (ready, failure) = state.withLock { ($0.ready, $0.failure) }
      if let ready { return ready }
      if let failure { throw failure }
      usleep(1_000)
    }
  }

  /// Asks the thread to end and its server, if it is ours, to shut down; does not wait.
  func requestStop(signal: Int32 = SIGINT) {
    state.withLock { state in
      state.isStopping = true
      if let child = state.child { kill(child, signal) }
    }
    var one: UInt64 = 1
    _ = unsafe write(wake, &one, 8)
  }

  /// Stops: a fast shutdown, after `timeout` an immediate one, after 5 s more the end.
  func stop(timeout: Duration) {
    requestStop()
    if waitForEnd(timeout) { return }
    requestStop(signal: SIGQUIT)
    if waitForEnd(.seconds(5)) { return }
    requestStop(signal: SIGKILL)
    _ = waitForEnd(.seconds(5))
  }

  /// Blocks until the thread has ended, at most for `timeout`.
  private func waitForEnd(_ timeout: Duration) -> Bool {
    let deadline = ContinuousClock.now + timeout
    while !state.withLock({ $0.isEnded }) {
      if ContinuousClock.now >= deadline { return false }
      usleep(1_000)
    }
    return true
  }

  // MARK: - On the keeper's thread

  private var isStopping: Bool { state.withLock { $0.isStopping } }

  /// Waits a while; a stop ends the wait.
  private func pause(_ milliseconds: Int32) {
    var entry = pollfd(fd: wake, events: Int16(POLLIN), revents: 0)
    _ = unsafe poll(&entry, 1, milliseconds)
  }

  private func run() {
    var lock: Int32?
    var pauseMilliseconds: Int32 = 50
    while !isStopping {
      do throws(ClusterError) {
        let deadline = ContinuousClock.now + startTimeout
        if lock == nil { lock = try lockOrAttach(deadline: deadline) }
        guard lock != nil else { continue }
        let isAgain = state.withLock { $0.hasBeenReady }
        let child = try startServer(deadline: deadline)
        if isAgain { report(.started(processID: child)) }
        pauseMilliseconds = 50
        ChildProcess.waitWithoutReaping(child)
        let status = forget(child)
        guard !isStopping else { break }
        report(.ended(status: status))
        guard supervision == .restart else { break }
      } catch {
        guard !isStopping else { break }
        let isFirst = state.withLock { state in
          if !state.hasBeenReady { state.failure = error }
          return !state.hasBeenReady
        }
        guard !isFirst else { break }
        report(.failed(error))
        guard supervision == .restart else { break }
      }
      pause(pauseMilliseconds)
      pauseMilliseconds = min(pauseMilliseconds * 2, 1_000)
    }
    if let lock { close(lock) }
    state.withLock { state in
      state.isEnded = true
      state.ready = nil
      if state.failure == nil { state.failure = .stopped }
    }
  }

  /// Takes the lock, or stays attached to another program's server until the lock is free.
  ///
  /// Answers nil when it is time to stop.
  private func lockOrAttach(deadline: ContinuousClock.Instant) throws(ClusterError) -> Int32? {
    try folder.makeOutermost()
    var attached = false
    while !isStopping {
      if let lock = try folder.takeLock() {
        if attached, supervision == .leave {
          close(lock)
          throw .stopped
        }
        state.withLock { $0.ready = nil }
        return lock
      }
      let running = runningServer()
      state.withLock { $0.ready = running }
      if running != nil { attached = true }
      guard attached || ContinuousClock.now < deadline else {
        throw .deadlineExceeded(
          waitingFor: "another program's start of the server", logPath: folder.logPath)
      }
      pause(attached ? 200 : 20)
    }
    return nil
  }

  /// The server of another program, if it takes connections.
  private func runningServer() -> Ready? {
    guard let file = folder.postmasterFile(), file.isReady,
      Self.answers(socketDirectory: file.socketDirectory)
    else { return nil }
    return Ready(
      socketDirectory: file.socketDirectory, processID: file.processID, isOwner: false)
  }

  /// Starts the server and waits until it takes connections; the lock is held.
  private func startServer(deadline: ContinuousClock.Instant) throws(ClusterError) -> pid_t {
    try folder.makeServerFolder(deadline: deadline)
    try endLeftover(deadline: deadline)
    let programs = try ServerPrograms.find(dataVersion: folder.dataVersion())
    try DataMaker(folder: folder, programs: programs).makeIfNeeded(deadline: deadline)
    let socketDirectory = try folder.makeSocketFolder()
    let server = ChildProcess(
      arguments: [programs.path("postgres")]
        + ServerSettings.arguments(
          dataDirectory: folder.dataPath, socketDirectory: socketDirectory, extra: settings),
      identity: folder.identity, deathSignal: .interrupt, outputPath: folder.logPath)
    while true {
      let logOffset = folder.logSize()
      let child = try startUnlessStopping(server)
      var status: Int32?
      while status == nil, ContinuousClock.now < deadline {
        if let file = folder.postmasterFile(), file.processID == child, file.isReady,
          Self.answers(socketDirectory: socketDirectory)
        {
          let ready = Ready(socketDirectory: socketDirectory, processID: child, isOwner: true)
          state.withLock { $0.ready = ready }
          return child
        }
        usleep(5_000)
        status = reapIfEnded(child)
      }
      guard let status else {
        kill(child, SIGQUIT)
        ChildProcess.waitWithoutReaping(child)
        _ = forget(child)
        throw .deadlineExceeded(waitingFor: "the server's start", logPath: folder.logPath)
      }
      let output = folder.logTail(from: logOffset)
      // Backends of a killed server hold its memory for a moment after it.
      let passes = output.contains("pre-existing shared memory") || output.contains("lock file")
      guard passes, ContinuousClock.now < deadline, !isStopping else {
        throw .serverEnded(status: status, output: output, logPath: folder.logPath)
      }
      pause(50)
    }
  }

  /// Starts the child under the lock that `requestStop` takes, so that none is missed by it.
  private func startUnlessStopping(_ server: ChildProcess) throws(ClusterError) -> pid_t {
    let result = state.withLock { state -> Result<pid_t, ClusterError> in
      guard !state.isStopping else { return .failure(.stopped) }
      do throws(ClusterError) {
        let child = try server.start()
        state.child = child
        return .success(child)
      } catch {
        return .failure(error)
      }
    }
    return try result.get()
  }

  private func reapIfEnded(_ child: pid_t) -> Int32? {
    state.withLock { state in
      guard let status = ChildProcess.reap(child) else { return nil }
      state.child = nil
      return status
    }
  }

  /// Reaps a child that has ended, under the lock, so that no signal goes to a reused number.
  private func forget(_ child: pid_t) -> Int32 {
    state.withLock { state in
      state.child = nil
      state.ready = nil
      return ChildProcess.wait(for: child)
    }
  }

  /// Waits for a server whose program has gone; one that does not go by itself is stopped.
  private func endLeftover(deadline: ContinuousClock.Instant) throws(ClusterError) {
    let started = ContinuousClock.now
    var patience: Duration = .seconds(3)
    var signal = SIGINT
    while let file = folder.postmasterFile(), kill(file.processID, 0) == 0 || errno == EPERM {
      guard Self.isServer(file.processID) else {
        // The number belongs to another program (after a crash of the machine) or to a zombie. A
        // server that has left backends behind is still seen by its shared memory.
        unsafe unlink("\(folder.dataPath)/postmaster.pid")
        return
      }
      if ContinuousClock.now - started > patience {
        kill(file.processID, signal)
        patience += .seconds(10)
        signal = SIGQUIT
      }
      guard ContinuousClock.now < deadline, !isStopping else {
        throw .deadlineExceeded(
          waitingFor: "the end of an earlier server", logPath: folder.logPath)
      }
      pause(10)
    }
  }

  /// Whether a process is a running PostgreSQL server.
  private static func isServer(_ processID: pid_t) -> Bool {
    // "42 (postgres) S ...": the name, then the state.
    let status = try? String(contentsOfFile: "/proc/\(processID)/stat", encoding: .utf8)
    guard let status, let end = status.lastIndex(of: ")") else { return false }
    let isAlive = !["Z", "X"].contains(status[end...].dropFirst(2).prefix(1))
    return isAlive && (status.contains("(postgres)") || status.contains("(postmaster)"))
  }

  /// Whether something accepts connections at the socket.
  private static func answers(socketDirectory: String) -> Bool {
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    let path = Array("\(socketDirectory)/.s.PGSQL.\(ServerSettings.port)".utf8)
    let fits = unsafe withUnsafeMutableBytes(of: &address.sun_path) { target in
      guard path.count < target.count else { return false }
      unsafe target.copyBytes(from: path)
      return true
    }
    guard fits else { return false }
    let descriptor = socket(
      AF_UNIX,
      Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue), 0)
    guard descriptor >= 0 else { return false }
    defer { close(descriptor) }
    let result = unsafe withUnsafePointer(to: &address) { pointer in
      unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        unsafe connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
      }
    }
    return result == 0
  }
}
