// Wiring of changes that are passed on: where their clouds are reached, and who settles them.
//
// Called by `Backend` and `Service`. Invariant: each use of a cloud has connections of its own, for
// a change must not be sent over one that was used before (`CloudTelling`).

import CanonicalJSON
import Clouds
import Foundation
import Ledger
import LedgerServices

/// Opens the cloud of a project anew for each use.
struct CloudDoors: CloudGate {
  func withCloud<Value: Sendable>(
    of project: Project, _ body: @Sendable (any CloudWriter) async -> Value
  ) async throws(CloudError) -> Value {
    let cloud: any ConnectedCloud
    do throws(ReconcileError) {
      cloud = try Backend.openCloud(of: project)
    } catch {
      guard case .cloud(let error) = error else { throw .unreachable("\(error)") }
      throw error
    }
    defer { cloud.close() }
    return await body(cloud)
  }
}

extension Backend {
  /// Settles changes nobody knows the outcome of, until it is stopped.
  func settle(_ settler: Settler) -> Task<Void, Never> {
    Task(executorPreference: loops[0]) { await settler.run() }
  }

  /// Who settles the changes of the services.
  func settler(of services: Services, log: Log) -> Settler {
    Settler(
      services.changes, projects: { try await projects() },
      sleep: { try? await Task.sleep(for: $0) },
      tell: { project, why in
        log(
          .warning, "a change is not settled",
          [("project", .string(project?.text ?? "")), ("why", .string(visible(why)))])
      })
  }
}

/// What is counted of changes that are passed on.
func changeSamples(_ changes: Changes, _ settler: Settler) -> [MetricSample] {
  let counts = changes.counts
  let outcomes = [
    ("done", counts.done), ("rejected", counts.rejected), ("unresolved", counts.unresolved),
    ("settled", counts.settled),
  ]
  return outcomes.map { outcome, count in
    MetricSample(
      name: "stageledger_upstream_changes_total",
      help: "Changes passed on to clouds, by what came of them.", kind: .counter,
      labels: [["outcome", outcome]], value: Double(count))
  } + [
    MetricSample(
      name: "stageledger_upstream_unreadable_total",
      help: "Readings of clouds that failed while a change was being settled.", kind: .counter,
      labels: [], value: Double(counts.unreadable)),
    MetricSample(
      name: "stageledger_upstream_changes_settling",
      help: "Changes that are being settled at the moment.", kind: .gauge, labels: [],
      value: Double(settler.count)),
  ]
}
