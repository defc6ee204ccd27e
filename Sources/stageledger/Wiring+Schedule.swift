// Wiring+Schedule: the drift runs that a running service makes by itself, and what it tells of
// them.
//
// Started by `Serve`; calls `Timetable` for what is due and `DriftRuns` for each run. Invariant:
// runs of one project never overlap, here or in another instance: each holds the lease of its
// project.

import CanonicalJSON
import EventLoop
import Foundation
import Ledger
import LedgerServices
import Synchronization

/// Drift runs that a running service makes by itself.
final class Schedule: Sendable {
  /// How many projects are compared at once.
  private static let runningMax = 4
  /// How long it may take to see that a project was made or changed.
  private static let glance: Duration = .seconds(15)

  private let task: Task<Void, Never>

  /// How often the settings want runs; nil: never.
  static func interval(_ text: String?) throws(CommandError) -> Duration? {
    let text = text ?? "15m"
    guard text != "off" else { return nil }
    let seconds: [Character: Int64] = ["s": 1, "m": 60, "h": 3_600, "d": 86_400]
    guard let unit = text.last.flatMap({ seconds[$0] }), let count = Int64(text.dropLast()),
      count > 0, count <= 1_000_000
    else {
      throw .usage(.badValue(of: "--reconcile-every", given: text, expected: "15m, 1h, or off"))
    }
    return .seconds(count * unit)
  }

  /// Starts the runs; nil where none are wanted.
  static func start(
    every interval: Duration?, over backend: Backend, service: Service, log: Log
  ) -> Schedule? {
    guard let interval else { return nil }
    let maker = RunMaker(
      timetable: Timetable(every: interval), backend: backend, services: service.services,
      log: log)
    return Schedule(
      task: Task(executorPreference: backend.loops[0]) {
        await withDiscardingTaskGroup { group in
          let pause = min(interval / 10, glance)
          while !Task.isCancelled {
            for project in await maker.due(atMost: runningMax) {
              group.addTask { await maker.run(project) }
            }
            do { try await Task.sleep(for: pause) } catch { return }
          }
        }
      })
  }

  private init(task: Task<Void, Never>) { self.task = task }

  /// Calls off the runs under way, if there are any, and waits for their end.
  func stop() async {
    task.cancel()
    await task.value
  }
}

/// Makes the runs that are due.
private final class RunMaker: Sendable {
  private struct State: Sendable {
    var timetable: Timetable
    var running: Set<ProjectID> = []
    var random = SystemRandomNumberGenerator()
  }

  private let state: Mutex<State>
  private let backend: Backend
  private let services: Services
  private let log: Log

  init(timetable: Timetable, backend: Backend, services: Services, log: Log) {
    state = Mutex(State(timetable: timetable))
    self.backend = backend
    self.services = services
    self.log = log
  }

  /// The projects to be compared now; they count as running from here on.
  func due(atMost limit: Int) async -> [Project] {
    let projects: [Project]
    do throws(CommandError) {
      projects = try await backend.projects().filter(\.isComparable)
    } catch {
      log(.error, "no drift run", [("why", .string(error.text))])
      return []
    }
    let names = Set(projects.map(\.id))
    state.withLock { $0.timetable.keep(names) }
    backend.news.keep(names)
    var due: [Project] = []
    for project in projects {
      let isFree = state.withLock { state in
        !state.running.contains(project.id) && state.running.count < limit
          && (state.timetable.next(of: project.id) ?? .earliest) <= services.clock.now
      }
      guard isFree, let lastLook = await lastLook(at: project) else { continue }
      let now = services.clock.now
      state.withLock { state in
        let step = state.timetable.step(
          project.id, at: now, lastLook: lastLook.moment, using: &state.random)
        guard step == .run else { return }
        state.running.insert(project.id)
        due.append(project)
      }
      tell(project.id)
    }
    return due
  }

  /// When any instance last saw the cloud; nil: that could not be read.
  private func lastLook(at project: Project) async -> (moment: Instant?, Void)? {
    do throws(StoreError) {
      let events = try await services.records.watchEvents(in: project.id).value
      let looks = events.compactMap { try? Event(canonicalBytes: $0.bytes) }
        .filter { $0.type == .reconciliationCompleted }
      return (looks.first?.effectiveAt, ())
    } catch {
      log(
        .error, "no drift run",
        [("project", .string(project.id.text)), ("why", .string(error.text))])
      return nil
    }
  }

  /// Makes one run.
  func run(_ project: Project) async {
    let id = project.id
    do throws(ReconcileError) {
      let report = try await services.runs.run(
        project,
        observer: RunObserver(
          progress: { _ in }, warn: { [log] in log(.warning, $0, [("project", .string(id.text))]) })
      )
      log(
        report.verdict == .clean ? .info : .warning, "drift run",
        [
          ("project", .string(id.text)), ("verdict", .string("\(report.verdict)")),
          ("position", .integer(report.position.index)),
        ])
      backend.news.ran(
        id, at: services.clock.now, "\(report.verdict)",
        open: report.findings.count { $0.state == .open })
      finish(id) { $0.ran(id, at: $1, using: &$2) }
    } catch .held(let holder) {
      log(
        .info, "another instance makes the drift run",
        [("project", .string(id.text)), ("holder", .string(holder.name))])
      finish(id) { $0.found(busy: id, at: $1, using: &$2) }
    } catch .underWay {
      finish(id) { $0.found(busy: id, at: $1, using: &$2) }
    } catch {
      log(
        .error, "no drift run", [("project", .string(id.text)), ("why", .string(error.text))])
      backend.news.ran(id, at: services.clock.now, "failed", open: nil)
      finish(id) { $0.ran(id, at: $1, using: &$2) }
    }
    tell(id)
  }

  private func finish(
    _ project: ProjectID,
    _ plan: (inout Timetable, Instant, inout SystemRandomNumberGenerator) -> Void
  ) {
    let now = services.clock.now
    state.withLock { state in
      state.running.remove(project)
      plan(&state.timetable, now, &state.random)
    }
  }

  private func tell(_ project: ProjectID) {
    guard let next = state.withLock({ $0.timetable.next(of: project) }) else { return }
    backend.news.plans(project, next)
  }
}

/// What the schedule of this instance tells of each project.
final class DriftNews: Sendable {
  private struct Line: Sendable {
    var lastAt: Instant?
    var lastResult: String?
    var open: Int?
    var nextAt: Instant?
  }

  private let lines = Mutex<[ProjectID: Line]>([:])

  fileprivate func keep(_ projects: Set<ProjectID>) {
    lines.withLock { lines in lines = lines.filter { projects.contains($0.key) } }
  }

  fileprivate func ran(_ project: ProjectID, at now: Instant, _ result: String, open: Int?) {
    lines.withLock {
      $0[project, default: Line()].lastAt = now
      $0[project, default: Line()].lastResult = result
      if let open { $0[project, default: Line()].open = open }
    }
  }

  fileprivate func plans(_ project: ProjectID, _ next: Instant) {
    lines.withLock { $0[project, default: Line()].nextAt = next }
  }

  /// The news as numbers.
  var samples: [MetricSample] {
    let lines = lines.withLock { $0.sorted { $0.key < $1.key } }
    func gauge(
      _ name: String, _ help: String, _ labels: [[String]], _ value: Double
    ) -> MetricSample {
      MetricSample(
        name: "stageledger_drift_\(name)", help: help, kind: .gauge, labels: labels, value: value)
    }
    func seconds(_ moment: Instant) -> Double { Double(moment.microseconds) / 1_000_000 }
    return lines.flatMap { project, line in
      let label = ["project", project.text]
      return [
        line.lastAt.map {
          gauge(
            "last_run_timestamp_seconds", "When this instance's last drift run ended.", [label],
            seconds($0))
        },
        line.lastResult.map {
          gauge(
            "last_run_result", "What the last drift run of this instance came to; always 1.",
            [label, ["result", $0]], 1)
        },
        line.nextAt.map {
          gauge(
            "next_run_timestamp_seconds", "When this instance next looks whether a run is due.",
            [label], seconds($0))
        },
        line.open.map {
          gauge(
            "findings_open", "Findings open after the last drift run of this instance.", [label],
            Double($0))
        },
      ].compactMap(\.self)
    }
  }
}
