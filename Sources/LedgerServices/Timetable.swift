// Timetable: when each project is next compared with its cloud, by one instance among several.
//
// Called by the schedule of the running service; pure, with randomness and time passed in.
// Invariant: instances that share a database share the work: a look another one made counts as
// one's own, and no two instances plan for the same moment but by chance.

public import Ledger

/// When each project is next compared with its cloud.
public struct Timetable: Sendable {
  /// What to do about a project.
  public enum Step: Hashable, Sendable {
    /// Compare it.
    case run
    /// Nothing before this moment.
    case wait(until: Instant)
  }

  /// How much time lies between two looks.
  public let interval: Duration
  private var next: [ProjectID: Instant] = [:]

  /// A timetable with nothing in it.
  public init(every interval: Duration) { self.interval = interval }

  /// How long may pass between two looks for the time between them to be covered: one of them may
  /// come late, none may be left out.
  public static func silenceMax(every interval: Duration) -> Duration { interval * 2 }

  /// When the project is next compared; nil: it is not planned.
  public func next(of project: ProjectID) -> Instant? { next[project] }

  /// Forgets the projects that are not to be compared any more.
  public mutating func keep(_ projects: Set<ProjectID>) {
    next = next.filter { projects.contains($0.key) }
  }

  /// What to do now, when the last look of any instance ended at `lastLook`.
  public mutating func step(
    _ project: ProjectID, at now: Instant, lastLook: Instant?,
    using random: inout some RandomNumberGenerator
  ) -> Step {
    guard let planned = next[project] else {
      // Services that start together do not all begin with the same project.
      let first = lastLook.map { $0.advanced(by: interval) } ?? now
      return plan(project, max(first, now), spread: min(interval, .seconds(60)), &random)
    }
    guard planned <= now else { return .wait(until: planned) }
    if let lastLook, lastLook.advanced(by: interval * 9 / 10) > now {
      return plan(project, lastLook.advanced(by: interval), spread: interval / 10, &random)
    }
    return .run
  }

  /// Plans the run after the one that ended now.
  public mutating func ran(
    _ project: ProjectID, at now: Instant, using random: inout some RandomNumberGenerator
  ) {
    _ = plan(project, now.advanced(by: interval), spread: interval / 10, &random)
  }

  /// Plans to see soon what came of the run another instance is making.
  public mutating func found(
    busy project: ProjectID, at now: Instant, using random: inout some RandomNumberGenerator
  ) {
    _ = plan(project, now.advanced(by: interval / 10), spread: interval / 10, &random)
  }

  private mutating func plan(
    _ project: ProjectID, _ moment: Instant, spread: Duration,
    _ random: inout some RandomNumberGenerator
  ) -> Step {
    let share = Int.random(in: 0...1_000, using: &random)
    let planned = moment.advanced(by: spread * share / 1_000)
    next[project] = planned
    return .wait(until: planned)
  }
}
