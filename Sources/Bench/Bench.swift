// Bench: runs scenarios over one world, each in turn with its reference.
//
// Called by `Main`. Calls the scenarios with the tenants they need, which are made once. Invariant:
// a round's reference runs just before it, on the same server.

import Foundation

/// One thing to measure.
struct Scenario {
  /// How often it is measured.
  enum Repetition {
    /// So often as the run has rounds.
    case everyRound
    /// Once: it takes long, or changes what it measures.
    case once
  }
  /// Its name.
  var name: String
  /// What PostgreSQL does meanwhile by itself; nil where nothing compares.
  var reference: Reference?
  /// How many clients there are.
  var clients: Int
  /// How often it is measured.
  var repetition = Repetition.everyRound
  /// Whether the quick run has it.
  var length = Options.Length.quick
  /// The events the log must hold; 0 where it does not matter.
  var events = 0
  /// Measures one round.
  var run: (Bench, Scenario) throws(BenchError) -> Round
}

/// Runs scenarios.
final class Bench {
  let world: World
  let options: Options
  /// What the rates of closed loops were, for the open ones.
  var rates: [String: Double] = [:]
  private var tenants: [String: Filled] = [:]
  private var manyTenants: [Filled] = []
  private var lastTenant = 0
  /// How many events the log of `grown` has.
  private(set) var grownEvents = 0

  init(_ world: World, _ options: Options) {
    self.world = world
    self.options = options
  }

  /// How long one round counts, in seconds.
  var seconds: Double { options.length == .quick ? 1 : 4 }

  private var rounds: Int { options.length == .quick ? 1 : 3 }

  /// Says on standard error what is under way.
  static func tell(_ text: String) {
    FileHandle.standardError.write(Data("\(text)\n".utf8))
  }

  /// Measures a scenario.
  func measure(_ scenario: Scenario) throws(BenchError) -> Measurement {
    Self.tell(scenario.name)
    if scenario.events > 0 { try grow(to: scenario.events) }
    var taken: [Round] = []
    for _ in 0..<(scenario.repetition == .once ? 1 : rounds) {
      var reference: Double?
      if let kind = scenario.reference {
        reference = try world.perSecond(
          of: kind, clients: scenario.clients, seconds: max(1, Int(seconds)))
      }
      var round = try scenario.run(self, scenario)
      round.reference = reference
      taken.append(round)
    }
    return Measurement(
      name: scenario.name, reference: scenario.reference?.rawValue, rounds: taken)
  }

  // MARK: What scenarios need

  /// A tenant of the cloud with 1,000 secrets.
  func filled(_ provider: String) throws(BenchError) -> Filled {
    if let filled = tenants[provider] { return filled }
    let filled = try makeFilled(provider, secrets: 1_000)
    tenants[provider] = filled
    return filled
  }

  /// Sixteen tenants with 100 secrets each.
  func many() throws(BenchError) -> [Filled] {
    while manyTenants.count < 16 { manyTenants.append(try makeFilled("huawei", secrets: 100)) }
    return manyTenants
  }

  /// The tenant whose log grows.
  func grown() throws(BenchError) -> Filled {
    if let filled = tenants["grown"] { return filled }
    let filled = try makeFilled("huawei", secrets: 1_000)
    tenants["grown"] = filled
    return filled
  }

  private func grow(to events: Int) throws(BenchError) {
    let filled = try grown()
    grownEvents = try size(of: filled)
    guard events > grownEvents else { return }
    Self.tell("  growing the log to \(events) events")
    try filled.move(events - grownEvents, port: try world.service().port)
    grownEvents = try size(of: filled)
    guard grownEvents >= events else {
      throw .answer("the log has \(grownEvents) events, not \(events)")
    }
    _ = try world.ask("ANALYZE")
  }

  private func size(of filled: Filled) throws(BenchError) -> Int {
    let answer = try world.ask(
      "SELECT next_position FROM ledger.head WHERE project = '\(filled.tenant.project)'")
    guard let size = Int(answer) else { throw .program("psql", said: answer) }
    return size
  }

  private func makeFilled(_ provider: String, secrets: Int) throws(BenchError) -> Filled {
    lastTenant += 1
    let tenant = try world.tenant(lastTenant, provider: provider)
    return try Filled(tenant, secrets: secrets, port: try world.service().port)
  }

  /// Puts a load on the service.
  func load(
    _ scenario: Scenario, _ pace: Pace = .closed, next: @escaping () throws(BenchError) -> [UInt8]
  ) throws(BenchError) -> Round {
    let service = try world.service()
    let before = service.processorSeconds
    let outcome = try Load(
      port: service.port, clients: scenario.clients, pace: pace, warmUp: seconds / 5,
      seconds: seconds, statuses: [200, 201], next: { () throws(BenchError) in try next() }
    ).run()
    if let answer = outcome.firstUnexpected {
      throw .answer("\(outcome.unexpected) of \(outcome.total), the first: \(answer)")
    }
    guard outcome.total > 0 else { throw .answer("none at all") }
    if case .closed = pace { rates[scenario.name] = outcome.perSecond }
    return Round(
      perSecond: outcome.perSecond, latencies: outcome.latencies,
      processorSecondsEach: (service.processorSeconds - before) / Double(outcome.total))
  }
}
