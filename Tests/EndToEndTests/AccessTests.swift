// The access log: written by a service that is told to end, printed by a command.

import CanonicalJSON
import Foundation
import TestSupport
import Testing

extension EndToEndTests {
  @Suite struct AccessTests {
    @Test func `reads and refusals are in the table once the service has ended`() async throws {
      let database = try TestDatabase.create(label: "access")
      defer { database.drop() }
      let options = ["--database-url", database.url]
      #expect(try await Program.run(["migrate"] + options).status == 0)
      let token = try await RunningService.makeProject(options)
      let service = try await RunningService(options)
      try await service.makeSecret("db", token: token)
      for _ in 0..<3 {
        let read = try await service.send(
          "GET", csms: "/secrets/db/stages/SYSCURRENT", token: token)
        #expect(read.status == 200)
      }
      let stranger = "slt_" + String(repeating: "a", count: 39)
      let refused = try await service.send("GET", csms: "/secrets/db", token: stranger)
      #expect(refused.status == 401)
      // No second goes by before the end: what gathered is written because the service ends.
      #expect(await service.stop() == 0)

      let counts = try database.psql(
        """
        SELECT project, coalesce(credential, ''), coalesce(secret, ''), coalesce(stage, ''), status,
          is_refused, sum(request_count), min(source_ip)
        FROM ledger.access GROUP BY 1, 2, 3, 4, 5, 6 ORDER BY 1
        """)
      #expect(
        counts.split(separator: "\n").map(String.init) == [
          "||||401|t|1|127.0.0.1",
          "\(RunningService.project)|test|db|SYSCURRENT|200|f|3|127.0.0.1",
        ])
      try expectNowhere(token, in: database)
      try expectNowhere(stranger, in: database)

      let all = try await list([], options)
      #expect(all.map { $0["outcome"] } == ["refused"] + all.dropFirst().map { _ in "answered" })
      #expect(all.first?["reason"] == "unauthenticated")
      #expect(all.first?["project"] == .null)
      #expect(all.dropFirst().compactMap { $0["count"]?.integerValue }.reduce(0, +) == 3)
      #expect(try await list(["--refused"], options).count == 1)
      #expect(try await list(["--refused", "--credential", "test"], options) == [])
      #expect(try await list(["--since", "0s ago"], options) == [])
      #expect(try await list(["--since", "1h ago"], options) == all)
      #expect(
        try await list(["--project", RunningService.project], options) == Array(all.dropFirst()))
      let table = try await Program.run(["access", "--refused"] + options)
      #expect(table.output.contains("LAST AT"))
      #expect(table.output.contains("unauthenticated"))
      let csv = try await Program.run(["access", "-o", "csv", "--credential", "test"] + options)
      #expect(csv.output.hasPrefix("last_at,first_at,count,project,credential,"))
      #expect(csv.output.contains(",csms:secret:getStage,db,SYSCURRENT,200,answered,,"))
    }

    private func list(_ filter: [String], _ options: [String]) async throws -> [JSONValue] {
      let ending = try await Program.run(["access", "-o", "json"] + filter + options)
      try #require(ending.status == 0, "\(ending.complaints)")
      return try #require(JSONValue(parsing: Array(ending.output.utf8)).arrayValue)
    }

    /// No row of any table holds the text, be it in a text or in bytes.
    private func expectNowhere(_ text: String, in database: TestDatabase) throws {
      let tables = try database.psql(
        "SELECT tablename FROM pg_tables WHERE schemaname = 'ledger' ORDER BY tablename")
      #expect(tables.split(separator: "\n").count > 10)
      let bytes = text.utf8.map { String(format: "%02x", $0) }.joined()
      for table in tables.split(separator: "\n") {
        let count = try database.psql(
          """
          SELECT count(*) FROM ledger.\(table) t
          WHERE t::text LIKE '%\(text)%' OR t::text LIKE '%\(bytes)%'
          """)
        #expect(count == "0", "\(table)")
      }
    }
  }
}
