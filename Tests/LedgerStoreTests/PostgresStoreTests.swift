// PostgresStoreTests: the record in a real PostgreSQL.

import Crypto
import Ledger
import LedgerServices
import LedgerStore
import TestSupport
import Testing

@Suite(.inTurn) struct PostgresStoreTests {
  @Test func `a label that moves is an event, a present and a past`() async throws {
    try await withStore { fixture in
      let project = try await fixture.makeProject().id
      try await fixture.append(
        .registerSecret(data: [:], firstVersion: .automatic), in: project)
      let before = fixture.clock.now
      try await fixture.append(
        .registerVersion(id: nil, stages: nil, data: [:]), in: project)
      let standing = try await fixture.store.standing(
        of: named("SYSCURRENT"), of: named("db"), in: project)
      #expect(standing.value.stage?.versionID == named("v2"))
      #expect(standing.value.life == .enabled)
      #expect(standing.size.count == 6)
      let then = try await fixture.services.history.answer(
        named("SYSCURRENT"), of: named("db"), in: project,
        at: MomentPair(effectiveAt: before, known: nil))
      #expect(then.reply.value.answer.versionID == named("v1"))
      #expect(then.reply.value.isDeprecated == false)
      let versions = try await fixture.store.versions(
        of: named("db"), in: project, .registered, after: nil, limit: 10)
      #expect(versions.value.map(\.id) == [named("v1"), named("v2")])
      #expect(versions.value.map(\.stages) == [[named("SYSPREVIOUS")], [named("SYSCURRENT")]])
      let events = try await fixture.store.events(
        in: project, from: try #require(Position(0)), limit: 100)
      #expect(events.value.count == 6)
    }
  }

  @Test func `pages asked for at once are each what was asked`() async throws {
    try await withStore { fixture in
      let projects = [try await fixture.makeProject().id, try await fixture.makeProject("two").id]
      try await fixture.append(
        .registerSecret(data: [:], firstVersion: .automatic), in: projects[0])
      for project in projects {
        try await fixture.append(
          .registerSecret(data: [:], firstVersion: .automatic), to: "other", in: project)
      }
      let logs = [6, 3]
      await withTaskGroup(of: Void.self) { group in
        for number in 0..<60 {
          group.addTask {
            let (log, from, limit) = (number % 2, number % 5, 1 + number % 3)
            do {
              let page = try await fixture.store.events(
                in: projects[log], from: try #require(Position(Int64(from))), limit: limit)
              #expect(page.size.count == Int64(logs[log]))
              let positions = (from..<max(from, min(from + limit, logs[log]))).map(Int64.init)
              #expect(page.value.map(\.position.index) == positions)
            } catch { Issue.record(error) }
          }
        }
        group.addTask {
          await #expect(throws: StoreError.projectNotFound) {
            try await fixture.store.events(
              in: named("nobody-has-it"), from: try #require(Position(0)), limit: 1)
          }
        }
      }
    }
  }

  @Test func `the role of the service can add events and never change them`() async throws {
    try await withStore { fixture in
      let check = try await fixture.store.check()
      #expect(check.role == "stageledger_writer")
      #expect(check.excessRights == [])
      #expect(check.unsafeSettings == [])
      let project = try await fixture.makeProject().id
      try await fixture.append(
        .registerSecret(data: [:], firstVersion: .automatic), in: project)
      // Even the owner of the tables is stopped by the triggers.
      for attack in [
        "UPDATE ledger.event SET stage = 'x'", "DELETE FROM ledger.event",
        "TRUNCATE ledger.event",
      ] {
        #expect(throws: (any Error).self) { try fixture.database.psql(attack) }
      }
      #expect(try fixture.database.psql("SELECT count(*) FROM ledger.event") == "3")
    }
  }

  @Test func `a repeated key gets the first answer and another body is refused`() async throws {
    try await withStore { fixture in
      let project = try await fixture.makeProject().id
      let key = Submission.Idempotency(
        key: named("k-1"), requestDigest: SHA256.hash(Array("a".utf8)))
      let change = Change.registerSecret(data: [:], firstVersion: .automatic)
      let first = try await fixture.append(change, in: project, key: key)
      let second = try await fixture.append(change, in: project, key: key)
      #expect(first == second)
      let other = Submission.Idempotency(
        key: named("k-1"), requestDigest: SHA256.hash(Array("b".utf8)))
      await #expect(throws: AppendError.rejected(.idempotencyKeyReused)) {
        try await fixture.append(change, in: project, key: other)
      }
    }
  }

  @Test func `hand damage to the projection is named, mended, and leaves the log alone`()
    async throws
  {
    try await withStore { fixture in
      let project = try await fixture.makeProject()
      for name in ["a", "b", "c"] {
        try await fixture.append(
          .registerSecret(data: [:], firstVersion: .automatic), to: name, in: project.id)
        try await fixture.append(
          .registerVersion(id: nil, stages: nil, data: [:]), to: name, in: project.id)
      }
      let auditor = Auditor(store: fixture.store)
      var report = try await auditor.verify(project.id) { _ in }
      #expect(report.isClean)
      #expect(report.verified.count == 18)
      _ = try fixture.database.psql(
        """
        UPDATE ledger.stage SET version_id = 'v9' WHERE secret = 'b' AND stage = 'SYSCURRENT';
        DELETE FROM ledger.version WHERE secret = 'c' AND version_id = 'v1';
        INSERT INTO ledger.secret SELECT project, generation, 'ghost', stream_version, life,
          delete_at, registered_position, registered_at, changed_at, version_number_max, data
          FROM ledger.secret WHERE secret = 'a'
        """)
      let expected = [
        ProjectionKey(table: "secret", name: "ghost", part: nil),
        ProjectionKey(table: "stage", name: "b", part: "SYSCURRENT"),
        ProjectionKey(table: "version", name: "c", part: "v1"),
      ]
      report = try await auditor.verify(project.id) { _ in }
      #expect(report.wrong == nil)
      #expect(report.differing == expected)
      let rebuilt = try await Projector(
        store: fixture.store, clock: fixture.clock.clock, identities: .seeded(9)
      ).rebuild(project, rules: .huawei) { _ in }
      #expect(rebuilt.differing == expected)
      report = try await auditor.verify(project.id) { _ in }
      #expect(report.isClean)
      #expect(report.verified.count == 19)
      let standing = try await fixture.store.standing(
        of: named("SYSCURRENT"), of: named("b"), in: project.id)
      #expect(standing.value.stage?.versionID == named("v2"))
    }
  }

  @Test func `an audit names the first position that was tampered with`() async throws {
    try await withStore { fixture in
      let project = try await fixture.makeProject()
      try await fixture.append(
        .registerSecret(data: [:], firstVersion: .automatic), in: project.id)
      for _ in 0..<5 {
        try await fixture.append(
          .registerVersion(id: nil, stages: nil, data: [:]), in: project.id)
      }
      let auditor = Auditor(store: fixture.store)
      _ = try fixture.database.psql(
        """
        ALTER TABLE ledger.event DISABLE TRIGGER ALL;
        UPDATE ledger.event SET version_id = 'v7' WHERE position = 11;
        UPDATE ledger.event SET canonical = canonical || ' '::bytea WHERE position = 7
        """)
      var report = try await auditor.verify(project.id) { _ in }
      #expect(report.wrong?.position == 7)
      #expect(report.wrong?.problem == .leafHash)
      _ = try fixture.database.psql(
        "DELETE FROM ledger.event WHERE position = 4")
      report = try await auditor.verify(project.id) { _ in }
      #expect(report.wrong?.position == 4)
      #expect(report.wrong?.problem == .gap(expected: 4, found: 5))
    }
  }

  @Test func `the access log can be read and added to, and pruned by its owner`() async throws {
    try await withStore { fixture in
      for (role, right, isThere) in [
        ("writer", "SELECT", "t"), ("writer", "INSERT", "t"),
        ("writer", "UPDATE, DELETE, TRUNCATE", "f"), ("auditor", "SELECT", "t"),
        ("auditor", "INSERT, UPDATE, DELETE, TRUNCATE", "f"), ("owner", "DELETE", "t"),
      ] {
        let answer = try fixture.database.psql(
          "SELECT has_table_privilege('stageledger_\(role)', 'ledger.access', '\(right)')")
        #expect(answer == isThere, "\(right) of \(role)")
      }
    }
  }

  @Test func `a policy nobody understands opens nothing`() async throws {
    try await withStore { fixture in
      let project = try await fixture.makeProject().id
      let digest = [UInt8](repeating: 7, count: 32)
      try await fixture.store.create(
        Credential(
          project: project, name: "x",
          policy: try Policy(["Statement": [["Effect": "Allow", "Action": "*"]]]),
          createdAt: second(0), revokedAt: nil),
        tokenDigest: digest, secretKey: nil)
      #expect(try await fixture.store.credential(tokenDigest: digest) != nil)
      _ = try fixture.database.psql(
        #"""
        UPDATE ledger.credential SET policy = '{"Statement":[{"Effect":"Allow","Action":"*",
          "Condition":{"StringSoundsLike":{"csms:VersionStage":"canary"}}}]}'
        """#)
      let error = await #expect(throws: StoreError.self) {
        try await fixture.store.credential(tokenDigest: digest)
      }
      guard case .corrupt(let text) = error else {
        Issue.record("\(String(describing: error))")
        return
      }
      #expect(text.contains("column policy"))
    }
  }

  @Test func `who only looks reads no token and no secret key`() async throws {
    try await withStore { fixture in
      let columns = try fixture.database.psql(
        """
        SELECT string_agg(attname, ' ' ORDER BY attname) FROM pg_attribute
        WHERE attrelid = 'ledger.credential'::regclass AND attnum > 0
          AND has_column_privilege('stageledger_auditor', attrelid, attnum, 'SELECT')
        """)
      #expect(
        columns.split(whereSeparator: \.isWhitespace) == [
          "created_at", "name", "policy", "project", "revoked_at",
        ])
    }
  }
}
