// One thread, one epoll: the executor of everything that waits for input and output.
//
// Called by: the HTTP server, the database client and the wiring of the program.
// Calls: epoll and eventfd through `Poller`; `TimerHeap` and `Watch` hold what is pending.
// Invariant: everything marked "on the loop" is touched by the loop's own thread alone, and no
// job, handler or action runs anywhere else.

import Glibc
import Synchronization

/// An epoll loop on a thread of its own that is also a serial executor and a task executor.
///
/// A turn is: wait for events, call the handlers of ready descriptors, fire due timers, run jobs
/// until none is left, run the actions queued for the end of the turn. A task started with
/// `executorPreference:` of a loop, and the actors and child tasks it calls, run on its thread
/// with no hop. Nothing that runs here may block.
///
/// `@unchecked Sendable`: the stored variables are read and written only by the loop's thread
/// (checked by preconditions on the way in), and what other threads reach, the inbox and the
/// flags, is a `Mutex` or an `Atomic`. Before the thread starts nobody but the inbox is reached.
public final class EventLoop: SerialExecutor, TaskExecutor, @unchecked Sendable {
  /// The name of the loop's thread, cut to 15 bytes by the system.
  public let name: String

  /// How many jobs run in one turn before descriptors and timers are looked at again.
  static let jobsPerTurnMax = 10_000

  /// Something to run on the loop.
  private enum Work {
    case job(UnownedJob)
    case action(@Sendable () -> Void)
  }

  private let poller: Poller
  private let inbox = Mutex<[Work]>([])
  private let threadIdentity = Atomic<UInt>(0)
  private let isStopping = Atomic<Bool>(false)
  private let joinable = Mutex<pthread_t?>(nil)

  // On the loop.
  private var ready: [Work] = []
  private var running: [Work] = []
  private var endOfTurn: [() -> Void] = []
  private var timers = TimerHeap()
  private var watches: [Watch?] = []
  private var retired: [Watch] = []
  private var watchGeneration: UInt32 = 0
  private var turnInstant = ContinuousClock.now

  /// Makes a loop that does not run yet; what is queued waits for `start`.
  public init(name: String) throws(SystemError) {
    self.name = name
    poller = try Poller()
  }

  deinit {
    poller.close()
  }

  // MARK: Life

  /// Starts the loop's thread; a second call does nothing.
  public func start() {
    joinable.withLock { thread in
      guard thread == nil else { return }
      thread = startThread(named: name) { self.run() }
    }
  }

  /// Asks the loop to end after its turn; safe from any thread.
  ///
  /// Jobs that arrive later never run, so whoever stops a loop first ends the tasks that use it.
  public func stop() {
    isStopping.store(true, ordering: .releasing)
    poller.wake()
  }

  /// Waits until the loop's thread has ended; never called on the loop.
  public func join() {
    precondition(!isCurrent, "event loop \(name) cannot wait for itself")
    let thread = joinable.withLock { thread in
      defer { thread = nil }
      return thread
    }
    guard let thread else { return }
    pthread_join(thread, nil)
  }

  /// Whether the caller runs on the loop's thread.
  public var isCurrent: Bool {
    threadIdentity.load(ordering: .relaxed) == currentThreadIdentity()
  }

  /// The time, read once a turn on the loop and afresh anywhere else.
  public var now: ContinuousClock.Instant { isCurrent ? turnInstant : ContinuousClock.now }

  // MARK: Executors

  /// Queues a job of the Swift runtime.
  public func enqueue(_ job: consuming ExecutorJob) {
    add(.job(UnownedJob(job)))
  }

  /// Queues an action from any thread; actions run in the order they were queued by one thread.
  public func execute(_ action: @escaping @Sendable () -> Void) {
    add(.action(action))
  }

  /// This loop as the executor of an actor.
  public func asUnownedSerialExecutor() -> UnownedSerialExecutor {
    unsafe UnownedSerialExecutor(ordinary: self)
  }

  /// This loop as the preference of a task.
  public func asUnownedTaskExecutor() -> UnownedTaskExecutor {
    unsafe UnownedTaskExecutor(ordinary: self)
  }

  /// Stops the process when code isolated to this loop runs elsewhere.
  public func checkIsolated() {
    precondition(isCurrent, "not on event loop \(name)")
  }

  /// Whether the current thread is the one this executor runs on.
  public func isIsolatingCurrentContext() -> Bool? { isCurrent }

  private func add(_ work: Work) {
    guard !isCurrent else {
      ready.append(work)
      return
    }
    let isFirst = inbox.withLock { inbox in
      inbox.append(work)
      return inbox.count == 1
    }
    if isFirst { poller.wake() }
  }

  // MARK: Turns

  private func run() {
    threadIdentity.store(currentThreadIdentity(), ordering: .relaxed)
    while !isStopping.load(ordering: .acquiring) {
      let events = poller.wait(milliseconds: patienceMilliseconds())
      turnInstant = ContinuousClock.now
      dispatch(events)
      takeInbox()
      fireTimers()
      finishTurn()
    }
    threadIdentity.store(0, ordering: .relaxed)
  }

  /// How long the next wait may last: -1 is for ever.
  private func patienceMilliseconds() -> Int32 {
    guard ready.isEmpty, endOfTurn.isEmpty else { return 0 }
    guard let deadline = timers.nextDeadline else { return -1 }
    let left = deadline - ContinuousClock.now
    guard left > .zero else { return 0 }
    let (seconds, attoseconds) = left.components
    guard seconds < 3600 else { return 3_600_000 }
    return Int32(seconds * 1000 + attoseconds / 1_000_000_000_000_000 + 1)
  }

  private func dispatch(_ events: Int) {
    for index in 0..<events {
      let event = poller.event(at: index)
      guard event.descriptor != poller.wakeDescriptor else {
        poller.clearWake()
        continue
      }
      guard let slot = Int(exactly: event.descriptor), watches.indices.contains(slot),
        let watch = watches[slot], watch.generation == event.generation
      else { continue }
      watch.handler(event.readiness)
    }
  }

  private func takeInbox() {
    inbox.withLock { inbox in
      guard !inbox.isEmpty else { return }
      ready.append(contentsOf: inbox)
      inbox.removeAll(keepingCapacity: inbox.count < 1024)
    }
  }

  private func fireTimers() {
    guard let deadline = timers.nextDeadline, deadline <= turnInstant else { return }
    for timer in timers.popDue(at: turnInstant) { timer.fire() }
  }

  private func finishTurn() {
    var budget = Self.jobsPerTurnMax
    while budget > 0 {
      if !ready.isEmpty {
        swap(&ready, &running)
        budget -= running.count
        for index in running.indices { perform(running[index]) }
        running.removeAll(keepingCapacity: running.count < 1024)
      } else if !endOfTurn.isEmpty {
        let actions = endOfTurn
        endOfTurn.removeAll(keepingCapacity: true)
        budget -= actions.count
        for action in actions { action() }
      } else {
        break
      }
    }
    retired.removeAll(keepingCapacity: true)
  }

  private func perform(_ work: Work) {
    switch work {
    case .job(let job):
      unsafe job.runSynchronously(
        isolatedTo: asUnownedSerialExecutor(), taskExecutor: asUnownedTaskExecutor())
    case .action(let action):
      action()
    }
  }

  // MARK: On the loop

  /// Runs `action` when no job is left in this turn and before the loop waits; on the loop only.
  ///
  /// What it queues still runs in the same turn, so work gathered during a turn goes out in one.
  public func atEndOfTurn(_ action: @escaping () -> Void) {
    precondition(isCurrent, "not on event loop \(name)")
    endOfTurn.append(action)
  }

  /// Runs `action` in the first turn that begins at or after `deadline`; on the loop only.
  ///
  /// Timers fire in the order of their deadlines, then of their making, up to 1 ms late.
  @discardableResult
  public func schedule(
    at deadline: ContinuousClock.Instant, _ action: @escaping () -> Void
  ) -> LoopTimer {
    precondition(isCurrent, "not on event loop \(name)")
    let timer = LoopTimer(loop: self, deadline: deadline, action: action)
    timers.insert(timer)
    return timer
  }

  /// Calls `handler` in each turn that finds `descriptor` ready; on the loop only.
  ///
  /// Level triggered: it is called again until what is ready is consumed or `interest` is
  /// withdrawn. One watch per descriptor; cancel it before closing the descriptor. Where the
  /// system refuses to watch, the handler is called once with `.error`.
  public func watch(
    _ descriptor: Int32, for interest: Interest, _ handler: @escaping (Readiness) -> Void
  ) -> Watch {
    precondition(isCurrent, "not on event loop \(name)")
    precondition(descriptor >= 0, "descriptor \(descriptor) is not open")
    watchGeneration &+= 1
    let watch = Watch(
      loop: self, descriptor: descriptor, generation: watchGeneration, interest: interest,
      handler: handler)
    let slot = Int(descriptor)
    while watches.count <= slot { watches.append(nil) }
    precondition(watches[slot] == nil, "descriptor \(descriptor) is watched already")
    watches[slot] = watch
    if !poller.add(descriptor, interest: interest, generation: watch.generation) {
      endOfTurn.append { if !watch.isCancelled { watch.handler(.error) } }
    }
    return watch
  }

  func update(_ watch: Watch) {
    precondition(isCurrent, "not on event loop \(name)")
    poller.modify(watch.descriptor, interest: watch.interest, generation: watch.generation)
  }

  func remove(_ watch: Watch) {
    precondition(isCurrent, "not on event loop \(name)")
    poller.remove(watch.descriptor)
    watches[Int(watch.descriptor)] = nil
    retired.append(watch)
  }

  func remove(_ timer: LoopTimer) {
    precondition(isCurrent, "not on event loop \(name)")
    timers.remove(timer)
  }
}
