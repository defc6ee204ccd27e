// Settler: finds changes of which nobody knows what came, and settles them by reading the clouds.
//
// Run by the service for as long as it serves; calls `Changes`. Looks at once where a client of
// this instance was told that it is not known, and every so often at all projects, for what a
// killed instance has left. Invariant: each request is settled by one task at a time here; that two
// instances read the same cloud does no harm, for the record takes the first and passes over the
// second.

public import Ledger
import Synchronization

/// Settles changes nobody knows the outcome of.
public final class Settler: Sendable {
  /// How often clients' doubts are looked after.
  public static let tick: Duration = .milliseconds(200)
  /// How many ticks lie between two looks at all projects.
  public static let ticksBetweenLooks = 25
  /// How many requests are settled at once.
  public static let requestsMax = 64

  private struct Place: Hashable {
    var project: ProjectID
    var position: Position
  }

  private let changes: Changes
  private let projects: @Sendable () async throws -> [Project]
  private let sleep: @Sendable (Duration) async -> Void
  private let tell: @Sendable (ProjectID?, String) -> Void
  private let underWay = Mutex<Set<Place>>([])

  /// A settler of the changes of all projects whose changes are passed on.
  ///
  /// `projects` lists them, `sleep` returns after the time or early when called off, and `tell`
  /// hears, for the operator's log, why something could not be looked after.
  public init(
    _ changes: Changes, projects: @escaping @Sendable () async throws -> [Project],
    sleep: @escaping @Sendable (Duration) async -> Void,
    tell: @escaping @Sendable (ProjectID?, String) -> Void
  ) {
    self.changes = changes
    self.projects = projects
    self.sleep = sleep
    self.tell = tell
  }

  /// How many requests are being settled.
  public var count: Int { underWay.withLock { $0.count } }

  /// Settles what there is until its task is called off.
  public func run() async {
    await withDiscardingTaskGroup { group in
      var ticks = 0
      while !Task.isCancelled {
        var concerned = changes.takeProjectsInDoubt()
        if ticks % Self.ticksBetweenLooks == 0 { concerned = await allProjects() ?? concerned }
        ticks += 1
        for project in concerned {
          for request in await abandoned(in: project) where begin(request, project.id) {
            group.addTask { await self.settle(request, in: project) }
          }
        }
        await sleep(Self.tick)
      }
    }
  }

  private func allProjects() async -> [Project]? {
    do {
      return try await projects().filter { $0.upstream?.mode == .write }
    } catch {
      tell(nil, "\(error)")
      return nil
    }
  }

  private func abandoned(in project: Project) async -> [RequestState] {
    do throws(StoreError) {
      return try await changes.abandoned(in: project)
    } catch {
      tell(project.id, "\(error)")
      return []
    }
  }

  private func begin(_ request: RequestState, _ project: ProjectID) -> Bool {
    underWay.withLock { places in
      guard places.count < Self.requestsMax else { return false }
      return places.insert(Place(project: project, position: request.position)).inserted
    }
  }

  private func settle(_ request: RequestState, in project: Project) async {
    defer {
      _ = underWay.withLock {
        $0.remove(Place(project: project.id, position: request.position))
      }
    }
    do {
      try await changes.settle(request, in: project)
    } catch {
      tell(project.id, "\(error)")
    }
  }
}
