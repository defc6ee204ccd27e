// ReadStatements: the SQL of every question.
//
// Called by `PostgresStore`'s reads. Time travel reads one index of the event table backwards, from
// the moment asked for until a position that was known; each statement has a plan test.

import Ledger
import LedgerServices
import PostgresClient

extension Statements {
  static let logSize = Statement<ProjectID, TreeSize>(
    name: "log_size",
    sql: "SELECT next_position FROM ledger.head WHERE project = $1",
    types: [.text],
    bind: { project, out in out.text(project.text) },
    decode: { row throws(PostgresError) in try row.size("next_position") })

  struct StandingKey: Sendable {
    var project: ProjectID
    var keys: [(secret: SecretName, stage: StageName)]
  }

  struct StandingRow: Sendable {
    var ordinal: Int64
    var standing: StageStanding
    var size: TreeSize
  }

  static let standing = Statement<StandingKey, StandingRow>(
    name: "standing",
    sql: """
      SELECT q.ordinal, h.next_position, s.life, s.delete_at, t.version_id, t.effective_at,
        t.position
      FROM unnest($2::text[], $3::text[]) WITH ORDINALITY AS q (secret, stage, ordinal)
      JOIN ledger.head h ON h.project = $1
      LEFT JOIN LATERAL (
        SELECT c.life, c.delete_at FROM ledger.secret c
        WHERE c.project = $1 AND c.secret = q.secret
          AND c.generation = (SELECT p.generation FROM ledger.project p WHERE p.project = $1)
        LIMIT 1) AS s ON true
      LEFT JOIN LATERAL (
        SELECT c.version_id, c.effective_at, c.position FROM ledger.stage c
        WHERE c.project = $1 AND c.secret = q.secret AND c.stage = q.stage
          AND c.generation = (SELECT p.generation FROM ledger.project p WHERE p.project = $1)
        LIMIT 1) AS t ON true
      """,
    types: [.text, .textArray, .textArray],
    bind: { key, out in
      out.text(key.project.text)
      out.textArray(key.keys.map(\.secret.text))
      out.textArray(key.keys.map(\.stage.text))
    },
    decode: { row throws(PostgresError) in
      let ordinal = try row.int8()
      let size = try row.size("next_position")
      let life = try row.lifeOrNull()
      let version: VersionID? = try row.nameOrNull("version_id")
      let effectiveAt = try row.instantOrNull("effective_at")
      let position = try row.positionOrNull("position")
      var stage: SecretState.StageState?
      if let effectiveAt, let position {
        stage = SecretState.StageState(
          versionID: version,
          since: SecretState.Moment(effectiveAt: effectiveAt, position: position))
      }
      return StandingRow(
        ordinal: ordinal, standing: StageStanding(life: life, stage: stage), size: size)
    })

  struct SecretPageKey: Sendable {
    var project: ProjectID
    var after: SecretName?
    var limit: Int
  }

  static let secretPage = Statement<SecretPageKey, SecretRow>(
    name: "secret_page",
    sql: """
      SELECT s.secret, s.stream_version, s.life, s.delete_at, s.life_at, s.life_position,
        s.deleted_at, s.deleted_position, s.registered_at,
        s.registered_position, s.changed_at, s.version_number_max, s.data
      FROM ledger.secret s
      WHERE s.project = $1
        AND s.generation = (SELECT p.generation FROM ledger.project p WHERE p.project = $1)
        AND s.life IN ('enabled', 'pending_deletion') AND s.secret > $2
      ORDER BY s.secret LIMIT $3
      """,
    types: [.text, .text, .int8],
    bind: { key, out in
      out.text(key.project.text)
      out.text(key.after?.text ?? "")
      out.int8(Int64(key.limit))
    },
    decode: { row throws(PostgresError) in try row.secretRow() })

  struct SecretSearchKey: Sendable {
    var project: ProjectID
    var search: SecretSearch
    var limit: Int
  }

  /// Reads every secret of the project: what can be asked for has no common index.
  static let secretSearch = Statement<SecretSearchKey, SecretRow>(
    name: "secret_search",
    sql: """
      SELECT q.secret, q.stream_version, q.life, q.delete_at, q.life_at, q.life_position,
        q.deleted_at, q.deleted_position, q.registered_at,
        q.registered_position, q.changed_at, q.version_number_max, q.data
      FROM (
        SELECT s.*, CASE $6
          WHEN 'registered' THEN s.registered_position
          WHEN 'changed' THEN (extract(epoch FROM s.changed_at) * 1000000)::bigint
          ELSE 0 END * $7 AS place
        FROM ledger.secret s
        WHERE s.project = $1
          AND s.generation = (SELECT p.generation FROM ledger.project p WHERE p.project = $1)
          AND (s.life = 'enabled' OR (s.life = 'pending_deletion' AND $2))
          AND ($3::text[] IS NULL
            OR EXISTS (SELECT 1 FROM unnest($3) AS b (text) WHERE starts_with(s.secret, b.text)))
          AND NOT EXISTS (SELECT 1 FROM unnest($4) AS b (text) WHERE starts_with(s.secret, b.text))
          AND NOT EXISTS (
            SELECT 1 FROM unnest($5) AS w (text) WHERE strpos(lower(s.secret), w.text) = 0)
        ) AS q
      WHERE $9::text IS NULL OR q.place > $8 * $7 OR (q.place = $8 * $7
        AND CASE WHEN $6 = 'name' AND $7 < 0 THEN q.secret < $9 ELSE q.secret > $9 END)
      ORDER BY q.place, CASE WHEN $6 = 'name' AND $7 < 0 THEN q.secret END DESC, q.secret
      LIMIT $10 OFFSET $11
      """,
    types: [
      .text, .bool, .textArray, .textArray, .textArray, .text, .int8, .int8, .text, .int8, .int8,
    ],
    bind: { key, out in
      let search = key.search
      out.text(key.project.text)
      out.bool(search.life == .registered)
      out.textArray(search.prefixes)
      out.textArray(search.prefixesBarred)
      out.textArray(search.words)
      out.text(search.order.rawValue)
      out.int8(search.direction == .ascending ? 1 : -1)
      out.int8(search.after?.key)
      out.text(search.after?.name.text)
      out.int8(Int64(key.limit))
      out.int8(search.skip)
    },
    decode: { row throws(PostgresError) in try row.secretRow() })

  /// Those the search finds, without its order.
  static let secretCount = Statement<(project: ProjectID, search: SecretSearch), Int64>(
    name: "secret_count",
    sql: """
      SELECT count(*) FROM ledger.secret s
      WHERE s.project = $1
        AND s.generation = (SELECT p.generation FROM ledger.project p WHERE p.project = $1)
        AND (s.life = 'enabled' OR (s.life = 'pending_deletion' AND $2))
        AND ($3::text[] IS NULL
          OR EXISTS (SELECT 1 FROM unnest($3) AS b (text) WHERE starts_with(s.secret, b.text)))
        AND NOT EXISTS (SELECT 1 FROM unnest($4) AS b (text) WHERE starts_with(s.secret, b.text))
        AND NOT EXISTS (
          SELECT 1 FROM unnest($5) AS w (text) WHERE strpos(lower(s.secret), w.text) = 0)
      """,
    types: [.text, .bool, .textArray, .textArray, .textArray],
    bind: { key, out in
      out.text(key.project.text)
      out.bool(key.search.life == .registered)
      out.textArray(key.search.prefixes)
      out.textArray(key.search.prefixesBarred)
      out.textArray(key.search.words)
    },
    decode: { row throws(PostgresError) in try row.int8() })

  struct LabelsKey: Sendable {
    var project: ProjectID
    var secrets: [SecretName]
  }

  static let labels = Statement<LabelsKey, LabelRow>(
    name: "labels",
    sql: """
      SELECT t.secret, t.stage, t.version_id FROM ledger.stage t
      WHERE t.project = $1 AND t.secret = ANY($2) AND t.version_id IS NOT NULL
        AND t.generation = (SELECT p.generation FROM ledger.project p WHERE p.project = $1)
      ORDER BY t.secret, t.stage LIMIT 100000
      """,
    types: [.text, .textArray],
    bind: { key, out in
      out.text(key.project.text)
      out.textArray(key.secrets.map(\.text))
    },
    decode: { row throws(PostgresError) in
      LabelRow(
        secret: try row.name("secret"), stage: try row.name("stage"),
        version: try row.name("version_id"))
    })

  struct LabelRow: Sendable {
    var secret: SecretName
    var stage: StageName
    var version: VersionID
  }

  struct VersionPageKey: Sendable {
    var project: ProjectID
    var secret: SecretName
    var selection: VersionSelection
    var after: VersionID?
    var limit: Int
  }

  /// Stage names hold no control characters, so U+001F can stand between them.
  static let versionPage = Statement<VersionPageKey, VersionSummary>(
    name: "version_page",
    sql: """
      SELECT v.version_id, v.registered_at, v.registered_position, v.removed_at,
        v.removed_position, v.data,
        (SELECT string_agg(t.stage, E'\\x1f' ORDER BY t.stage) FROM ledger.stage t
          WHERE t.project = v.project AND t.generation = v.generation AND t.secret = v.secret
            AND t.version_id = v.version_id)
      FROM ledger.secret s
      JOIN ledger.version v ON v.project = s.project AND v.generation = s.generation
        AND v.secret = s.secret AND v.removed_position IS NULL
        AND (v.registered_at, v.registered_position) > (
          COALESCE(s.deleted_at, '-infinity'), COALESCE(s.deleted_position, -1))
        AND (v.registered_at, v.registered_position) > (
          COALESCE((SELECT m.registered_at FROM ledger.version m WHERE m.project = s.project
            AND m.generation = s.generation AND m.secret = s.secret AND m.version_id = $3),
            '-infinity'),
          COALESCE((SELECT m.registered_position FROM ledger.version m WHERE m.project = s.project
            AND m.generation = s.generation AND m.secret = s.secret AND m.version_id = $3), -1))
        AND ($4 OR EXISTS (SELECT 1 FROM ledger.stage l
          WHERE l.project = v.project AND l.generation = v.generation AND l.secret = v.secret
            AND l.version_id = v.version_id))
      WHERE s.project = $1 AND s.secret = $2 AND s.life IN ('enabled', 'pending_deletion')
        AND s.registered_position IS NOT NULL
        AND s.generation = (SELECT p.generation FROM ledger.project p WHERE p.project = $1)
      ORDER BY v.registered_at, v.registered_position LIMIT $5
      """,
    types: [.text, .text, .text, .bool, .int8],
    bind: { key, out in
      out.text(key.project.text)
      out.text(key.secret.text)
      out.text(key.after?.text)
      out.bool(key.selection == .registered)
      out.int8(Int64(key.limit))
    },
    decode: { row throws(PostgresError) in try row.versionSummary() })

  struct VersionKey: Sendable {
    var project: ProjectID
    var secret: SecretName
    var version: VersionID?
  }

  /// One version, or the newest when none is named.
  static let versionByID = Statement<VersionKey, VersionSummary>(
    name: "version_by_id",
    sql: """
      SELECT v.version_id, v.registered_at, v.registered_position, v.removed_at,
        v.removed_position, v.data,
        (SELECT string_agg(t.stage, E'\\x1f' ORDER BY t.stage) FROM ledger.stage t
          WHERE t.project = v.project AND t.generation = v.generation AND t.secret = v.secret
            AND t.version_id = v.version_id)
      FROM ledger.secret s
      JOIN ledger.version v ON v.project = s.project AND v.generation = s.generation
        AND v.secret = s.secret AND v.removed_position IS NULL
        AND (v.registered_at, v.registered_position) > (
          COALESCE(s.deleted_at, '-infinity'), COALESCE(s.deleted_position, -1))
        AND ($3::text IS NULL OR v.version_id = $3)
      WHERE s.project = $1 AND s.secret = $2 AND s.life IN ('enabled', 'pending_deletion')
        AND s.registered_position IS NOT NULL
        AND s.generation = (SELECT p.generation FROM ledger.project p WHERE p.project = $1)
      ORDER BY v.registered_at DESC, v.registered_position DESC LIMIT 1
      """,
    types: [.text, .text, .text],
    bind: { key, out in
      out.text(key.project.text)
      out.text(key.secret.text)
      out.text(key.version?.text)
    },
    decode: { row throws(PostgresError) in try row.versionSummary() })

  struct KnownKey: Sendable {
    var project: ProjectID
    var moment: Instant?
  }

  struct KnownRow: Sendable {
    var position: Position
    var recordedAt: Instant
  }

  /// The newest event recorded at or before the moment.
  static let knownAt = Statement<KnownKey, KnownRow>(
    name: "known_at",
    sql: """
      SELECT position, recorded_at FROM ledger.event
      WHERE project = $1 AND recorded_at <= COALESCE($2, 'infinity'::timestamptz)
      ORDER BY recorded_at DESC LIMIT 1
      """,
    types: [.text, .timestamptz],
    bind: { key, out in
      out.text(key.project.text)
      out.timestamptz(key.moment?.microseconds)
    },
    decode: { row throws(PostgresError) in
      KnownRow(
        position: try row.position("position"), recordedAt: try row.instant("recorded_at"))
    })

  struct AnswerKey: Hashable, Sendable {
    var project: ProjectID
    var secret: SecretName
    var stage: StageName
    var moment: Moment
    /// How many events count; nil: all there are.
    var knownSize: TreeSize?

    /// The moment a question is about.
    enum Moment: Hashable, Sendable {
      case at(Instant)
      /// Then, or when the newest event was recorded, whichever is later.
      case present(Instant)

      var instant: Instant {
        switch self {
        case .at(let instant), .present(let instant): instant
        }
      }

      var isPresent: Bool {
        switch self {
        case .at: false
        case .present: true
        }
      }
    }
  }

  struct ReplyRow: Sendable {
    var ordinal: Int64
    var look: AnswerLook
    var size: TreeSize
  }

  /// What held at the moment, when it ends, whether it is in doubt, and what else an answer tells.
  ///
  /// Coverage is as `WatchHistory` folds it; a project nobody watches costs one probe a query.
  ///
  /// A change whose time is open may have come at any moment of its bounds; one that is refined
  /// counts only as it is known best; where nothing in the log is of either kind, neither is looked
  /// for. Whether the version is deprecated is told as known then: for the whole log the projection
  /// has it, else the last change of every label does.
  static let stageAnswer = Statement<(project: ProjectID, keys: [AnswerKey]), ReplyRow>(
    name: "stage_answer",
    sql: """
      SELECT q.ordinal, q.next_position, q.last_recorded_at, q.moment,
        e.effective_after IS NOT NULL OR COALESCE(b.is_open, false),
        e.position IS NOT NULL OR COALESCE((SELECT k.position FROM ledger.event k
          WHERE k.project = $1 AND k.secret = q.secret AND k.stream_version >= 0
          ORDER BY k.stream_version LIMIT 1) < q.size, false),
        e.version_id IS NOT NULL AND CASE WHEN q.size >= q.next_position THEN
          (SELECT t.stage FROM ledger.stage t
            WHERE t.project = $1 AND t.secret = q.secret AND t.version_id = e.version_id
              AND t.generation = (SELECT p.generation FROM ledger.project p WHERE p.project = $1)
            ORDER BY t.stage LIMIT 1) IS NULL
        ELSE
          (SELECT l.stage FROM (
              SELECT DISTINCT ON (d.stage) d.stage, d.version_id FROM ledger.event d
              WHERE d.project = $1 AND d.secret = q.secret AND d.position < q.size
                AND d.type IN ('stage.assigned', 'stage.removed', 'change.refined')
                AND (SELECT r.position FROM ledger.event r
                  WHERE r.project = $1 AND r.refines = COALESCE(d.refines, d.position)
                    AND r.position > d.position AND r.position < q.size
                  ORDER BY r.position LIMIT 1) IS NULL
              ORDER BY d.stage DESC, d.effective_at DESC, d.position DESC) AS l
            WHERE l.version_id = e.version_id LIMIT 1) IS NULL
        END,
        LEAST(n.effective_at, b.next_after + interval '1 microsecond'),
        CASE
          WHEN (SELECT EXISTS (SELECT 1 FROM ledger.event v
              WHERE v.project = $1 AND v.type = 'change.unresolved'))
            AND EXISTS (SELECT 1 FROM ledger.event u
              WHERE u.project = $1 AND u.secret = q.secret AND u.stage = q.stage
                AND u.type = 'change.unresolved' AND u.position < q.size
                AND (u.effective_at <= q.moment OR u.effective_after < q.moment)
                AND NOT EXISTS (SELECT 1 FROM ledger.event c
                  WHERE c.project = $1 AND c.secret = q.secret AND c.stage = q.stage
                    AND c.type IN ('stage.assigned', 'stage.removed', 'change.refined')
                    AND c.effective_at >= u.effective_at AND c.effective_at <= q.moment
                    AND c.position < q.size
                    AND (SELECT r.position FROM ledger.event r
                      WHERE r.project = $1 AND r.refines = COALESCE(c.refines, c.position)
                        AND r.position > c.position AND r.position < q.size
                      ORDER BY r.position LIMIT 1) IS NULL)) THEN 'gap'
          WHEN (SELECT EXISTS (SELECT 1 FROM ledger.event v
              WHERE v.project = $1 AND v.type = 'watch.started')) IS FALSE THEN 'not_watched'
          WHEN (SELECT w.type FROM ledger.event w
              WHERE w.project = $1 AND w.type IN ('watch.started', 'watch.stopped')
                AND w.effective_at <= q.moment AND w.position < q.size
              ORDER BY w.effective_at DESC, w.position DESC LIMIT 1)
            IS DISTINCT FROM 'watch.started' THEN 'not_watched'
          WHEN EXISTS (SELECT 1 FROM ledger.event g
              WHERE g.project = $1 AND g.type = 'watch.gap' AND g.effective_at > q.moment
                AND g.effective_after <= q.moment AND g.position < q.size
                AND COALESCE(convert_from(g.canonical, 'UTF8')::jsonb #> '{data,secrets}'
                  ? q.secret, true)) THEN 'gap'
          WHEN EXISTS (SELECT 1 FROM (
              SELECT l.effective_at, l.position FROM ledger.event l
              WHERE l.project = $1 AND l.type = 'reconciliation.completed'
                AND l.effective_at > q.moment AND l.position < q.size
                AND COALESCE(l.effective_after, l.effective_at) > q.moment
              ORDER BY l.effective_at, l.position LIMIT 1) AS l
            WHERE NOT EXISTS (SELECT 1 FROM ledger.event s
              WHERE s.project = $1 AND s.type = 'watch.stopped'
                AND s.effective_at > q.moment AND s.position < q.size
                AND (s.effective_at, s.position) < (l.effective_at, l.position)))
            THEN 'complete'
          ELSE 'not_watched'
        END,
        e.version_id, e.effective_at, e.effective_after, e.position, e.recorded_at
      FROM (
        SELECT u.ordinal, u.secret, u.stage, h.next_position, h.last_recorded_at,
          CASE WHEN u.is_present THEN GREATEST(u.moment, h.last_recorded_at)
            ELSE u.moment END AS moment,
          COALESCE(u.size, h.next_position) AS size
        FROM unnest($2::text[], $3::text[], $4::timestamptz[], $5::boolean[], $6::bigint[])
          WITH ORDINALITY AS u (secret, stage, moment, is_present, size, ordinal)
        JOIN ledger.head h ON h.project = $1) AS q
      LEFT JOIN LATERAL (
        SELECT c.version_id, c.effective_at, c.effective_after, c.position, c.recorded_at
        FROM ledger.event c
        WHERE c.project = $1 AND c.secret = q.secret AND c.stage = q.stage
          AND c.type IN ('stage.assigned', 'stage.removed', 'change.refined')
          AND c.effective_at <= q.moment AND c.position < q.size
          AND ((SELECT f.position FROM ledger.event f
              WHERE f.project = $1 AND f.refines IS NOT NULL
              ORDER BY f.refines, f.position LIMIT 1) IS NULL
            OR (SELECT r.position FROM ledger.event r
              WHERE r.project = $1 AND r.refines = COALESCE(c.refines, c.position)
                AND r.position > c.position AND r.position < q.size
              ORDER BY r.position LIMIT 1) IS NULL)
        ORDER BY c.effective_at DESC, c.position DESC LIMIT 1) AS e ON true
      LEFT JOIN LATERAL (
        SELECT c.effective_at FROM ledger.event c
        WHERE c.project = $1 AND c.secret = q.secret AND c.stage = q.stage
          AND c.type IN ('stage.assigned', 'stage.removed', 'change.refined')
          AND c.effective_at > q.moment AND c.position < q.size AND c.effective_after IS NULL
          AND ((SELECT f.position FROM ledger.event f
              WHERE f.project = $1 AND f.refines IS NOT NULL
              ORDER BY f.refines, f.position LIMIT 1) IS NULL
            OR (SELECT r.position FROM ledger.event r
              WHERE r.project = $1 AND r.refines = COALESCE(c.refines, c.position)
                AND r.position > c.position AND r.position < q.size
              ORDER BY r.position LIMIT 1) IS NULL)
        ORDER BY c.effective_at, c.position LIMIT 1) AS n ON true
      LEFT JOIN LATERAL (
        SELECT bool_or(c.effective_after < q.moment) AS is_open,
          min(c.effective_after) FILTER (WHERE c.effective_after >= q.moment) AS next_after
        FROM ledger.event c
        WHERE c.project = $1 AND c.secret = q.secret AND c.stage = q.stage
          AND c.type IN ('stage.assigned', 'stage.removed', 'change.refined')
          AND c.effective_after IS NOT NULL AND c.effective_at > q.moment AND c.position < q.size
          AND (SELECT o.position FROM ledger.event o
            WHERE o.project = $1 AND o.effective_after IS NOT NULL
            ORDER BY o.secret, o.stage, o.effective_at LIMIT 1) IS NOT NULL
          AND ((SELECT f.position FROM ledger.event f
              WHERE f.project = $1 AND f.refines IS NOT NULL
              ORDER BY f.refines, f.position LIMIT 1) IS NULL
            OR (SELECT r.position FROM ledger.event r
              WHERE r.project = $1 AND r.refines = COALESCE(c.refines, c.position)
                AND r.position > c.position AND r.position < q.size
              ORDER BY r.position LIMIT 1) IS NULL)) AS b ON true
      """,
    types: [.text, .textArray, .textArray, .timestamptzArray, .boolArray, .int8Array],
    bind: { input, out in
      out.text(input.project.text)
      out.textArray(input.keys.map(\.secret.text))
      out.textArray(input.keys.map(\.stage.text))
      out.timestamptzArray(input.keys.map(\.moment.instant.microseconds))
      out.boolArray(input.keys.map(\.moment.isPresent))
      out.int8Array(input.keys.map { $0.knownSize?.count })
    },
    decode: { row throws(PostgresError) in
      let ordinal = try row.int8()
      let size = try row.size("next_position")
      let lastRecordedAt = try row.instantOrNull("last_recorded_at")
      let moment = try row.instant("moment")
      let isInDoubt = try row.bool()
      let isSecretKnown = try row.bool()
      let isDeprecated = try row.bool()
      let next = try row.instantOrNull("until")
      let coverage = try row.coverage()
      var interval = try row.changeOrNull()
      interval?.until = next
      return ReplyRow(
        ordinal: ordinal,
        look: AnswerLook(
          reply: StageReply(
            answer: StageAnswer(last: interval, firstChange: interval == nil ? next : nil),
            isSecretKnown: isSecretKnown, isDeprecated: isDeprecated, coverage: coverage),
          isInDoubt: isInDoubt, effectiveAt: moment,
          latest: KnownAt(size: size, recordedAt: lastRecordedAt, isFinal: false)),
        size: size)
    })

  struct StagesAtKey: Sendable {
    var project: ProjectID
    var secret: SecretName
    var effectiveAt: Instant
    var knownSize: TreeSize
  }

  struct StageKeysKey: Sendable {
    var project: ProjectID
    var after: StageKey?
    var limit: Int
  }

  /// A label that was taken away keeps its row, so the projection has every label there ever was.
  static let stageKeys = Statement<StageKeysKey, StageKey>(
    name: "stage_keys",
    sql: """
      SELECT t.secret, t.stage FROM ledger.stage t
      WHERE t.project = $1
        AND t.generation = (SELECT p.generation FROM ledger.project p WHERE p.project = $1)
        AND (t.secret, t.stage) > ($2, $3)
      ORDER BY t.secret, t.stage LIMIT $4
      """,
    types: [.text, .text, .text, .int8],
    bind: { key, out in
      out.text(key.project.text)
      out.text(key.after?.secret.text ?? "")
      out.text(key.after?.stage.text ?? "")
      out.int8(Int64(key.limit))
    },
    decode: { row throws(PostgresError) in
      StageKey(secret: try row.name("secret"), stage: try row.name("stage"))
    })

  struct LateKey: Sendable {
    var project: ProjectID
    var delay: Int64
    var from: Position
    var limit: Int
  }

  /// The first condition on the delay is that of the index.
  static let lateEvents = Statement<LateKey, StoredEvent>(
    name: "late_events",
    sql: """
      SELECT e.position, e.canonical FROM ledger.event e
      WHERE e.project = $1 AND e.position >= $3
        AND e.recorded_at - e.effective_at >= interval '1 second'
        AND e.recorded_at - e.effective_at >= $2::bigint * interval '1 microsecond'
      ORDER BY e.position LIMIT $4
      """,
    types: [.text, .int8, .int8, .int8],
    bind: { key, out in
      out.text(key.project.text)
      out.int8(key.delay)
      out.int8(key.from.index)
      out.int8(Int64(key.limit))
    },
    decode: { row throws(PostgresError) in
      StoredEvent(position: try row.position("position"), bytes: try row.bytes())
    })

  struct StageEventsKey: Sendable {
    var project: ProjectID
    var secret: SecretName
    var after: Int64
    var knownSize: TreeSize
    var limit: Int
  }

  static let stageEvents = Statement<StageEventsKey, StoredEvent>(
    name: "stage_events",
    sql: """
      SELECT e.position, e.canonical FROM ledger.event e
      WHERE e.project = $1 AND e.secret = $2 AND e.stream_version > $3 AND e.position < $4
        AND e.type IN ('stage.assigned', 'stage.removed', 'change.refined')
      ORDER BY e.stream_version LIMIT $5
      """,
    types: [.text, .text, .int8, .int8, .int8],
    bind: { key, out in
      out.text(key.project.text)
      out.text(key.secret.text)
      out.int8(key.after)
      out.int8(key.knownSize.count)
      out.int8(Int64(key.limit))
    },
    decode: { row throws(PostgresError) in
      StoredEvent(position: try row.position("position"), bytes: try row.bytes())
    })

  /// The labels of the secret that any change that was known had begun to move by the moment.
  static let stagesAt = Statement<StagesAtKey, StageName>(
    name: "stages_at",
    sql: """
      SELECT DISTINCT c.stage FROM ledger.event c
      WHERE c.project = $1 AND c.secret = $2
        AND c.type IN ('stage.assigned', 'stage.removed', 'change.refined')
        AND COALESCE(c.effective_after, c.effective_at) <= $3 AND c.position < $4
      ORDER BY c.stage LIMIT 10000
      """,
    types: [.text, .text, .timestamptz, .int8],
    bind: { key, out in
      out.text(key.project.text)
      out.text(key.secret.text)
      out.timestamptz(key.effectiveAt.microseconds)
      out.int8(key.knownSize.count)
    },
    decode: { row throws(PostgresError) in try row.name("stage") })

  /// The changes of a label that may have been the last at a moment, and those that may come next.
  static let stageChanges = Statement<AnswerKey, StageInterval>(
    name: "stage_changes",
    sql: """
      SELECT c.version_id, c.effective_at, c.effective_after, c.position, c.recorded_at
      FROM ledger.event c
      WHERE c.project = $1 AND c.secret = $2 AND c.stage = $3
        AND c.type IN ('stage.assigned', 'stage.removed', 'change.refined')
        AND c.position < $5
        AND c.effective_at >= COALESCE((
          SELECT COALESCE(f.effective_after, f.effective_at) FROM ledger.event f
          WHERE f.project = $1 AND f.secret = $2 AND f.stage = $3
            AND f.type IN ('stage.assigned', 'stage.removed', 'change.refined')
            AND f.effective_at <= $4 AND f.position < $5
            AND (SELECT r.position FROM ledger.event r
              WHERE r.project = $1 AND r.refines = COALESCE(f.refines, f.position)
                AND r.position > f.position AND r.position < $5
              ORDER BY r.position LIMIT 1) IS NULL
          ORDER BY f.effective_at DESC, f.position DESC LIMIT 1), '-infinity'::timestamptz)
        AND (c.effective_at <= $4 OR c.effective_after < $4)
        AND (SELECT r.position FROM ledger.event r
          WHERE r.project = $1 AND r.refines = COALESCE(c.refines, c.position)
            AND r.position > c.position AND r.position < $5
          ORDER BY r.position LIMIT 1) IS NULL
      ORDER BY c.effective_at, c.position LIMIT 10000
      """,
    types: [.text, .text, .text, .timestamptz, .int8],
    bind: { key, out in
      out.text(key.project.text)
      out.text(key.secret.text)
      out.text(key.stage.text)
      out.timestamptz(key.moment.instant.microseconds)
      out.int8(key.knownSize?.count)
    },
    decode: { row throws(PostgresError) in try row.change() })

  struct HistoryKey: Sendable {
    var project: ProjectID
    var secret: SecretName
    var stage: StageName?
    var knownSize: TreeSize
    var after: SecretState.Moment?
    var limit: Int
  }

  /// A change that another replaced at exactly its instant held for no time and is left out.
  static let stageHistory = Statement<HistoryKey, StageChange>(
    name: "stage_history",
    sql: """
      SELECT e.stage, e.until, e.version_id, e.effective_at, e.effective_after, e.position,
        e.recorded_at
      FROM (
        SELECT c.stage, c.version_id, c.effective_at, c.effective_after, c.position,
          c.recorded_at,
          lead(c.effective_at) OVER (PARTITION BY c.stage
            ORDER BY c.effective_at, c.position) AS until,
          lead(c.effective_at) OVER (PARTITION BY c.stage, c.effective_after IS NULL
            ORDER BY c.effective_at, c.position) AS next_alike
        FROM ledger.event c
        WHERE c.project = $1 AND c.secret = $2 AND ($3::text IS NULL OR c.stage = $3)
          AND c.type IN ('stage.assigned', 'stage.removed', 'change.refined')
          AND c.position < $4
          AND (SELECT r.position FROM ledger.event r
            WHERE r.project = $1 AND r.refines = COALESCE(c.refines, c.position)
              AND r.position > c.position AND r.position < $4
            ORDER BY r.position LIMIT 1) IS NULL) AS e
      WHERE (e.effective_after IS NOT NULL OR e.next_alike IS NULL
          OR e.next_alike > e.effective_at)
        AND ($5::timestamptz IS NULL OR (e.effective_at, e.position) > ($5, $6::bigint))
      ORDER BY e.effective_at, e.position LIMIT $7
      """,
    types: [.text, .text, .text, .int8, .timestamptz, .int8, .int8],
    bind: { key, out in
      out.text(key.project.text)
      out.text(key.secret.text)
      out.text(key.stage?.text)
      out.int8(key.knownSize.count)
      out.timestamptz(key.after?.effectiveAt.microseconds)
      out.int8(key.after?.position.index)
      out.int8(Int64(key.limit))
    },
    decode: { row throws(PostgresError) in
      let stage: StageName = try row.name("stage")
      let until = try row.instantOrNull("until")
      var interval = try row.change()
      interval.until = until
      return StageChange(stage: stage, interval: interval)
    })

  struct EventPageKey: Hashable, Sendable {
    var project: ProjectID
    var from: Position
    var limit: Int
  }

  static let eventPage = Statement<EventPageKey, StoredEvent>(
    name: "event_page",
    sql: """
      SELECT position, canonical FROM ledger.event
      WHERE project = $1 AND position >= $2 ORDER BY position LIMIT $3
      """,
    types: [.text, .int8, .int8],
    bind: { key, out in
      out.text(key.project.text)
      out.int8(key.from.index)
      out.int8(Int64(key.limit))
    },
    decode: { row throws(PostgresError) in
      StoredEvent(position: try row.position("position"), bytes: try row.bytes())
    })
}

extension RowReader {
  /// The column `life` with the one after it, `delete_at`, or nil.
  mutating func lifeOrNull() throws(PostgresError) -> SecretState.Life? {
    let life = try textOrNull()
    let deleteAt = try instantOrNull("delete_at")
    switch (life, deleteAt) {
    case (nil, _): return nil
    case ("unregistered", nil): return .unregistered
    case ("enabled", nil): return .enabled
    case ("deleted", nil): return .deleted
    case ("pending_deletion", let until?): return .pendingDeletion(until: until)
    default: throw .corruptRow(column: "life")
    }
  }

  /// The columns of `versionState`, then the labels the version carries.
  mutating func versionSummary() throws(PostgresError) -> VersionSummary {
    let (version, state) = try versionState()
    var stages: [StageName] = []
    for name in (try textOrNull() ?? "").split(separator: "\u{1f}") {
      do { stages.append(try StageName(String(name))) } catch {
        throw .corruptRow(column: "stage")
      }
    }
    return VersionSummary(id: version, state: state, stages: stages)
  }

  /// The columns `version_id, effective_at, effective_after, position, recorded_at` of a change, or
  /// nil; no end of it is told.
  mutating func changeOrNull() throws(PostgresError) -> StageInterval? {
    let version: VersionID? = try nameOrNull("version_id")
    let since = try instantOrNull("effective_at")
    let sinceAfter = try instantOrNull("effective_after")
    let position = try positionOrNull("position")
    let recordedAt = try instantOrNull("recorded_at")
    guard let since, let position, let recordedAt else { return nil }
    return StageInterval(
      versionID: version, since: since, sinceAfter: sinceAfter, until: nil, decidedBy: position,
      recordedAt: recordedAt)
  }

  /// The columns of `changeOrNull`, where there is a change.
  mutating func change() throws(PostgresError) -> StageInterval {
    guard let change = try changeOrNull() else { throw .corruptRow(column: "effective_at") }
    return change
  }
}
