// Which connections a pool has, who uses them and who waits: decisions without input or output.
//
// Driven by `PostgresPool`, which carries the actions out. Invariant: a waiter gets exactly one
// answer (`grant` or `refuse`), an exclusive connection has at most one user, and a lost slot is
// always either connecting or waiting for its next try.

/// The decisions of a pool of connections.
struct PoolState {
  /// What a connection is for.
  enum Role: Hashable, Sendable {
    /// Used by many at once, for reads.
    case shared
    /// Used by one at a time.
    case exclusive
  }

  /// Where a connection stands.
  private enum Phase {
    case idle
    case connecting(failures: Int)
    case resting(failures: Int)
    case open(since: ContinuousClock.Instant, isLeased: Bool)
    case closed
  }

  /// What the pool does next.
  enum Action: Equatable {
    case connect(slot: Int)
    case retry(slot: Int, after: Duration)
    case grant(waiter: Int, slot: Int)
    case refuse(waiter: Int, reason: String)
  }

  /// What a waiter is told at once.
  enum Admission: Equatable {
    case granted(slot: Int)
    case waiting
    case refused(reason: String)
  }

  private struct Waiter {
    let id: Int
    let role: Role
  }

  /// A connection that lived shorter counts as one more failure.
  private static let stableAfter: Duration = .seconds(1)
  /// The longest rest between two tries.
  private static let restMax: Duration = .seconds(1)

  private let roles: [Role]
  private let waitersMax: Int
  private var phases: [Phase]
  private var flaps: [Int]
  private var waiters: [Waiter] = []
  private var lastFailure = "not connected yet"
  private var nextShared = 0

  init(sharedCount: Int, exclusiveCount: Int, waitersMax: Int) {
    roles =
      Array(repeating: .shared, count: sharedCount)
      + Array(repeating: .exclusive, count: exclusiveCount)
    phases = roles.map { _ in .idle }
    flaps = roles.map { _ in 0 }
    self.waitersMax = waitersMax
  }

  /// The role of a connection.
  func role(of slot: Int) -> Role { roles[slot] }

  /// Whether at least one connection of each role the pool has is open.
  var isAvailable: Bool {
    Set(roles).allSatisfy { role in roles.indices.contains { isOpen($0) && roles[$0] == role } }
  }

  /// Begins: every connection is made.
  mutating func start() -> [Action] {
    roles.indices.map { slot in
      phases[slot] = .connecting(failures: 0)
      return .connect(slot: slot)
    }
  }

  /// A connection is open: who waits gets it.
  mutating func connected(_ slot: Int, now: ContinuousClock.Instant) -> [Action] {
    guard case .connecting = phases[slot] else { return [] }
    phases[slot] = .open(since: now, isLeased: false)
    return grants(slot)
  }

  /// A try has failed; `jitter` is between 0 and 1.
  mutating func failed(_ slot: Int, reason: String, jitter: Double) -> [Action] {
    guard case .connecting(let failures) = phases[slot] else { return [] }
    lastFailure = reason
    return rest(slot, failures: failures + 1, jitter: jitter) + refusals()
  }

  /// An open connection has ended: connect again, at once if it had lived for a while.
  mutating func lost(
    _ slot: Int, reason: String, now: ContinuousClock.Instant, jitter: Double
  ) -> [Action] {
    guard case .open(let since, _) = phases[slot] else { return [] }
    lastFailure = reason
    flaps[slot] = now - since < Self.stableAfter ? flaps[slot] + 1 : 0
    guard flaps[slot] > 1 else {
      phases[slot] = .connecting(failures: 0)
      return [.connect(slot: slot)]
    }
    return rest(slot, failures: flaps[slot], jitter: jitter) + refusals()
  }

  /// The rest after a failure is over.
  mutating func rested(_ slot: Int) -> [Action] {
    guard case .resting(let failures) = phases[slot] else { return [] }
    phases[slot] = .connecting(failures: failures)
    return [.connect(slot: slot)]
  }

  /// Somebody wants a connection.
  mutating func request(_ role: Role, waiter: Int) -> Admission {
    let candidates = roles.indices.filter { roles[$0] == role }
    guard !candidates.isEmpty else { return .refused(reason: "the pool has no such connection") }
    switch role {
    case .shared:
      let open = candidates.filter { isOpen($0) }
      if !open.isEmpty {
        nextShared &+= 1
        return .granted(slot: open[(nextShared & .max) % open.count])
      }
    case .exclusive:
      if let slot = candidates.first(where: { isOpen($0) && !isLeased($0) }) {
        setLeased(slot, true)
        return .granted(slot: slot)
      }
    }
    guard hasHope(role) else { return .refused(reason: lastFailure) }
    guard waiters.count < waitersMax else { return .refused(reason: "too many wait already") }
    waiters.append(Waiter(id: waiter, role: role))
    return .waiting
  }

  /// Somebody waits no more; false when the answer is on its way already.
  mutating func leave(waiter: Int) -> Bool {
    guard let index = waiters.firstIndex(where: { $0.id == waiter }) else { return false }
    waiters.remove(at: index)
    return true
  }

  /// An exclusive connection is given back: the next one who waits gets it.
  mutating func release(_ slot: Int) -> [Action] {
    guard isOpen(slot) else { return [] }
    setLeased(slot, false)
    return grants(slot)
  }

  /// Ends: nobody gets anything any more.
  mutating func close() -> [Action] {
    phases = phases.map { _ in .closed }
    lastFailure = "the pool is closed"
    return refusals()
  }

  private func isOpen(_ slot: Int) -> Bool {
    if case .open = phases[slot] { true } else { false }
  }

  private func isLeased(_ slot: Int) -> Bool {
    if case .open(_, let isLeased) = phases[slot] { isLeased } else { false }
  }

  private mutating func setLeased(_ slot: Int, _ isLeased: Bool) {
    guard case .open(let since, _) = phases[slot] else { return }
    phases[slot] = .open(since: since, isLeased: isLeased)
  }

  /// Whether waiting makes sense: a connection is in use, or on its first try.
  private func hasHope(_ role: Role) -> Bool {
    roles.indices.contains { slot in
      guard roles[slot] == role else { return false }
      switch phases[slot] {
      case .open, .idle: return true
      case .connecting(let failures): return failures == 0
      case .resting, .closed: return false
      }
    }
  }

  private mutating func rest(_ slot: Int, failures: Int, jitter: Double) -> [Action] {
    phases[slot] = .resting(failures: failures)
    let doubled = Duration.milliseconds(25) * (1 << min(failures, 10))
    let longest = min(doubled, Self.restMax)
    return [.retry(slot: slot, after: longest * (0.5 + 0.5 * min(max(jitter, 0), 1)))]
  }

  private mutating func grants(_ slot: Int) -> [Action] {
    let role = roles[slot]
    switch role {
    case .shared:
      let granted = waiters.filter { $0.role == role }
      waiters.removeAll { $0.role == role }
      return granted.map { .grant(waiter: $0.id, slot: slot) }
    case .exclusive:
      guard let index = waiters.firstIndex(where: { $0.role == role }) else { return [] }
      setLeased(slot, true)
      return [.grant(waiter: waiters.remove(at: index).id, slot: slot)]
    }
  }

  private mutating func refusals() -> [Action] {
    let hopeless = waiters.filter { !hasHope($0.role) }
    waiters.removeAll { waiter in hopeless.contains { $0.id == waiter.id } }
    return hopeless.map { .refuse(waiter: $0.id, reason: lastFailure) }
  }
}
