// FactStatements: the SQL that reads what a fact must know of the past.
//
// Called by `PostgresStore.append` with the other reads of a batch, whatever number of facts it
// holds. The view `ledger.stage_change` shows each change of a label as it is known best, which
// under the head's lock is what everybody knows.

import Ledger
import LedgerServices
import PostgresClient

extension Statements {
  struct PastsKey: Sendable {
    var project: ProjectID
    var holders: [AppendNeeds.Holder]
    var refined: [AppendNeeds.Refined]
  }

  struct PastRow: Sendable {
    var secret: SecretName
    var stage: StageName
    /// The event asked for by its position, which this change is about; nil for none.
    var named: Position?
    var change: StagePast.Change
  }

  /// How the labels stood at the moments asked for, and what may have to be refined.
  ///
  /// That are the changes that are named, and of those whose time is open the next eight, if they
  /// may have come at the moment. What a refinement moves may bare another: of each such change
  /// also the one before it, and the last of its label.
  static let appendPasts = Statement<PastsKey, PastRow>(
    name: "append_pasts",
    sql: """
      WITH asked AS (
        SELECT * FROM unnest($2::text[], $3::text[], $4::timestamptz[], $5::bigint[])
          AS u (secret, stage, moment, named)),
      moment AS (
        SELECT a.secret, a.stage, a.moment FROM asked a
        WHERE a.stage IS NOT NULL AND a.moment IS NOT NULL
        UNION ALL
        SELECT a.secret, l.stage, a.moment FROM asked a
        CROSS JOIN LATERAL (
          SELECT t.stage FROM ledger.stage t
          WHERE t.project = $1 AND t.secret = a.secret
            AND t.generation = (SELECT p.generation FROM ledger.project p WHERE p.project = $1)
          OFFSET 0) AS l
        WHERE a.stage IS NULL),
      movable AS (
        SELECT m.secret, m.stage, NULL::bigint AS named, o.subject, o.version_id, o.effective_at,
          o.position, o.effective_after
        FROM moment m
        CROSS JOIN LATERAL (
          SELECT c.* FROM ledger.stage_change c
          WHERE c.project = $1 AND c.secret = m.secret AND c.stage = m.stage
            AND c.effective_after IS NOT NULL AND c.effective_at >= m.moment
          ORDER BY c.effective_at LIMIT 8) AS o
        WHERE o.effective_after < m.moment
        UNION ALL
        SELECT a.secret, a.stage, a.named, n.subject, k.version_id, k.effective_at, k.position,
          k.effective_after
        FROM asked a
        CROSS JOIN LATERAL (
          SELECT COALESCE(e.refines, e.position) AS subject, e.secret, e.stage, e.type
          FROM ledger.event e WHERE e.project = $1 AND e.position = a.named LIMIT 1) AS n
        CROSS JOIN LATERAL (
          (SELECT e.version_id, e.effective_at, e.position, e.effective_after
            FROM ledger.event e WHERE e.project = $1 AND e.refines = n.subject
            ORDER BY e.position DESC LIMIT 1)
          UNION ALL
          (SELECT e.version_id, e.effective_at, e.position, e.effective_after
            FROM ledger.event e WHERE e.project = $1 AND e.position = n.subject)
          ORDER BY position DESC LIMIT 1) AS k
        WHERE a.named IS NOT NULL AND n.secret = a.secret AND n.stage = a.stage
          AND n.type IN ('stage.assigned', 'stage.removed', 'change.refined'))
      SELECT r.secret, r.stage, r.named, r.subject, r.version_id, r.effective_at, r.position,
        r.effective_after,
        (SELECT e.canonical FROM ledger.event e
          WHERE e.project = $1 AND e.position = r.subject AND r.effective_after IS NOT NULL)
      FROM (
        SELECT m.secret, m.stage, NULL::bigint AS named, h.subject, h.version_id, h.effective_at,
          h.position, h.effective_after
        FROM moment m
        CROSS JOIN LATERAL (
          SELECT c.* FROM ledger.stage_change c
          WHERE c.project = $1 AND c.secret = m.secret AND c.stage = m.stage
            AND c.effective_at <= m.moment
          ORDER BY c.effective_at DESC, c.position DESC LIMIT 1) AS h
        UNION ALL
        SELECT * FROM movable
        UNION ALL
        SELECT m.secret, m.stage, NULL, b.subject, b.version_id, b.effective_at, b.position,
          b.effective_after
        FROM movable m
        CROSS JOIN LATERAL (
          SELECT c.* FROM ledger.stage_change c
          WHERE c.project = $1 AND c.secret = m.secret AND c.stage = m.stage
            AND (c.effective_at, c.position) < (m.effective_at, m.position)
          ORDER BY c.effective_at DESC, c.position DESC LIMIT 1) AS b
        UNION ALL
        SELECT m.secret, m.stage, NULL, l.subject, l.version_id, l.effective_at, l.position,
          l.effective_after
        FROM (SELECT DISTINCT secret, stage FROM movable) AS m
        CROSS JOIN LATERAL (
          SELECT c.* FROM ledger.stage_change c
          WHERE c.project = $1 AND c.secret = m.secret AND c.stage = m.stage
          ORDER BY c.effective_at DESC, c.position DESC LIMIT 1) AS l
      ) AS r
      """,
    types: [.text, .textArray, .textArray, .timestamptzArray, .int8Array],
    bind: { key, out in
      let (holders, refined) = (key.holders, key.refined)
      out.text(key.project.text)
      out.textArray(holders.map(\.secret.text) + refined.map(\.secret.text))
      out.textArray(holders.map { $0.stage?.text } + refined.map { $0.stage.text })
      out.timestamptzArray(holders.map { $0.effectiveAt.microseconds } + refined.map { _ in nil })
      out.int8Array(holders.map { _ in nil } + refined.map { $0.position.index })
    },
    decode: { row throws(PostgresError) in
      let secret: SecretName = try row.name("secret")
      let stage: StageName = try row.name("stage")
      let named = try row.positionOrNull("named")
      let subject = try row.position("subject")
      let version: VersionID? = try row.nameOrNull("version_id")
      let since = try row.moment("effective_at")
      let after = try row.instantOrNull("effective_after")
      var source: EventSource?
      if let bytes = try row.bytesOrNull() {
        do { source = try Event(canonicalBytes: bytes).source } catch {
          throw PostgresError.corruptRow(column: "canonical")
        }
      }
      return PastRow(
        secret: secret, stage: stage, named: named,
        change: StagePast.Change(
          subject: subject, versionID: version, since: since, after: after, source: source))
    })

  struct FactsKey: Sendable {
    var project: ProjectID
    var ids: [EventID]
  }

  struct FactRow: Sendable {
    var id: EventID
    var fact: KnownFact
  }

  /// What has the ids that facts came with.
  static let appendFacts = Statement<FactsKey, FactRow>(
    name: "append_facts",
    sql: """
      SELECT e.event_id, e.position, e.type, e.secret, e.stage, e.effective_at
      FROM unnest($2::text[]) AS q (event_id)
      CROSS JOIN LATERAL (
        SELECT r.* FROM ledger.event r
        WHERE r.project = $1 AND r.event_id = q.event_id LIMIT 1) AS e
      """,
    types: [.text, .textArray],
    bind: { key, out in
      out.text(key.project.text)
      out.textArray(key.ids.map(\.text))
    },
    decode: { row throws(PostgresError) in
      let id: EventID = try row.name("event_id")
      let position = try row.position("position")
      guard let type = EventType(rawValue: try row.text()) else {
        throw PostgresError.corruptRow(column: "type")
      }
      let secret: SecretName? = try row.nameOrNull("secret")
      let stage: StageName? = try row.nameOrNull("stage")
      return FactRow(
        id: id,
        fact: KnownFact(
          position: position, type: type, secret: secret, stage: stage,
          effectiveAt: try row.instant("effective_at")))
    })
}

/// What became of each fact as the column `facts`: a kind, and a position where there is one; nil
/// where there were no facts.
func factsText(_ facts: [FactOutcome]) -> String? {
  guard !facts.isEmpty else { return nil }
  return facts.map { fact in
    fact.position.map { "\(fact.kind.rawValue) \($0.index)" } ?? fact.kind.rawValue
  }.joined(separator: ",")
}

extension RowReader {
  /// The next column as what became of each fact.
  mutating func factOutcomes(_ column: String) throws(PostgresError) -> [FactOutcome] {
    guard let text = try textOrNull() else { return [] }
    var facts: [FactOutcome] = []
    for item in text.split(separator: ",") {
      let parts = item.split(separator: " ")
      guard let kind = parts.first.flatMap({ FactOutcome.Kind(rawValue: String($0)) }) else {
        throw PostgresError.corruptRow(column: column)
      }
      let position = parts.dropFirst().first.flatMap { Int64($0) }.flatMap { Position($0) }
      facts.append(FactOutcome(kind, at: position))
    }
    return facts
  }
}
