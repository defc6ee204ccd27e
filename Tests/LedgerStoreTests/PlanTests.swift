// PlanTests: every statement finds its rows through an index, however large the tables grow.
//
// The generic plan of each prepared statement, under the settings the service makes, is read for
// the scans and sorts it must not have.

import Foundation
import LedgerStore
import PostgresClient
import TestSupport
import Testing

@Suite(.inTurn) struct PlanTests {
  @Test func `no statement reads a whole table`() async throws {
    try await withStore { fixture in
      for statement in PostgresStore.statements where isPlannable(statement.sql) {
        let plan = try explain(statement, in: fixture.database)
        for line in plan.split(separator: "\n") where line.contains("Seq Scan on ") {
          #expect(!isOurs(line), "\(statement.name): \(line)")
        }
      }
    }
  }

  @Test func `a question that grows with the log is answered in the order of an index`()
    async throws
  {
    try await withStore { fixture in
      for name in [
        "event_page", "event_rows", "known_at", "stream", "secret_page", "version_page",
        "append_pasts", "forget_nonces", "access_page", "stage_keys", "late_events",
        "stage_events",
        "drift_events", "run_page", "finding_page",
      ] {
        let statement = try #require(PostgresStore.statements.first { $0.name == name })
        let plan = try explain(statement, in: fixture.database)
        let firstSort = plan.range(of: "Sort")
        // A look-up may sort the few labels of one version; the rows themselves must not wait.
        if let firstSort, let subPlan = plan.range(of: "SubPlan") {
          #expect(subPlan.lowerBound < firstSort.lowerBound, "\(name): \(plan)")
        } else {
          #expect(firstSort == nil, "\(name): \(plan)")
        }
      }
    }
  }

  @Test func `an append looks up each row it names, even in tables without statistics`()
    async throws
  {
    try await withStore { fixture in
      for name in [
        "append_secrets", "append_stages", "append_versions", "append_pasts", "append_facts",
        "append_findings", "append_requests", "earlier_answers",
      ] {
        let statement = try #require(PostgresStore.statements.first { $0.name == name })
        let plan = try explain(statement, in: fixture.database)
        // Either would read all rows of the project for each batch, once or once a row.
        #expect(!plan.contains("Join Filter"), "\(name): \(plan)")
        #expect(!plan.contains("= ANY ($"), "\(name): \(plan)")
      }
    }
  }

  @Test func `time travel reads the one index of labels`() async throws {
    try await withStore { fixture in
      let statement = try #require(
        PostgresStore.statements.first { $0.name == "stage_answer" })
      let plan = try explain(statement, in: fixture.database)
      #expect(plan.contains("Index Scan Backward using event_stage"), "\(plan)")
      #expect(plan.contains("Index Scan using event_stage"), "\(plan)")
      #expect(plan.contains("using event_bounded"), "\(plan)")
      #expect(!plan.contains("Sort"), "\(plan)")
      // Whether a change is refined is one look-up under its position, not a walk over refinements.
      #expect(plan.contains("using event_refines"), "\(plan)")
      for line in plan.split(separator: "\n") where line.contains("refines = COALESCE") {
        #expect(line.contains("Index Cond"), "\(plan)")
      }
    }
  }

  private func isPlannable(_ sql: String) -> Bool {
    ["SELECT", "INSERT", "UPDATE", "DELETE", "WITH"].contains { sql.hasPrefix($0) }
  }

  private func isOurs(_ line: Substring) -> Bool {
    [
      "event", "head", "project", "credential", "idempotency", "secret", "version", "stage",
      "finding", "nonce", "access", "drift_run", "lease", "webhook",
    ].contains { line.contains("Seq Scan on \($0) ") }
  }

  private func explain(_ statement: AnyStatement, in database: TestDatabase) throws -> String {
    let types = statement.types.map { "\($0)" }.map(typeName).joined(separator: ", ")
    let nulls = statement.types.map { _ in "NULL" }.joined(separator: ", ")
    let settings = PostgresStore.sessionSettings.joined(separator: "; ")
    let arguments = statement.types.isEmpty ? "" : "(\(nulls))"
    return try database.psql(
      """
      \(settings);
      PREPARE probe \(types.isEmpty ? "" : "(\(types))") AS \(statement.sql);
      EXPLAIN (COSTS off) EXECUTE probe \(arguments)
      """)
  }

  private func typeName(_ type: String) -> String {
    type.hasSuffix("Array") ? "\(type.dropLast(5))[]" : type
  }
}
