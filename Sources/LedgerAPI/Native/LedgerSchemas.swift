// LedgerSchemas: the forms of what the ledger's own API takes and gives, for its description.
//
// Called by the route table beside the endpoints. Invariant: what the endpoints here and
// `EventCodec` write fits these schemas.

import CanonicalJSON
import Ledger

/// The schemas of the ledger's own API.
enum LedgerSchemas {
  // MARK: - What is taken

  private static let reason = NameSchemas.words(1_024).orNull.described("Why, in words.")
  private static let ticket = NameSchemas.words(256).orNull.described("The change ticket.")
  private static let effectiveAt = NameSchemas.momentTaken.orNull
    .described("With it the change is a fact, recorded as reported; it must not lie ahead.")
  private static let effectiveAfter = NameSchemas.momentTaken.orNull.described(
    "Where effective_at is the latest it can have happened: after this moment it did.")
  private static let source = NameSchemas.version.orNull
    .described("The version the label must sit on; not with effective_at.")

  static let newSecret = Schema.object(
    ["name": NameSchemas.secret], optional: ["reason": reason, "ticket": ticket]
  ).named("NewSecret")

  static let newVersion = Schema.object(
    ["version_id": NameSchemas.version],
    optional: [
      "stages": Schema.list(of: NameSchemas.stage, 0...1_000).orNull
        .described("The labels of the version; without them the rule of its cloud labels it."),
      "reason": reason, "ticket": ticket,
    ]
  ).named("NewVersion")

  static let assignment = Schema.object(
    ["version_id": NameSchemas.version],
    optional: [
      "effective_at": effectiveAt, "effective_after": effectiveAfter,
      "remove_from_version_id": source, "reason": reason,
      "ticket": ticket,
    ]
  ).named("Assignment")

  static let removal = Schema.object(
    optional: [
      "effective_at": effectiveAt, "effective_after": effectiveAfter,
      "remove_from_version_id": source, "reason": reason,
      "ticket": ticket,
    ]
  ).named("Removal")

  private static func word(_ text: String) -> Schema {
    NameSchemas.words(Int64(FactForm.wordCharactersMax)).orNull.described(text)
  }

  /// One fact.
  static let fact = Schema.object(
    [
      "type": .choice(FactForm.types.map(\.rawValue)), "secret": NameSchemas.secret,
      "effective_at": NameSchemas.momentTaken
        .described("When it happened, or the latest it can have; it must not lie ahead."),
    ],
    optional: [
      "stage": NameSchemas.stage.orNull
        .described("Where the type is about a label, and only there."),
      "version_id": NameSchemas.version.orNull
        .described("Where the type is about a version, and only there."),
      "stages": Schema.list(of: NameSchemas.stage, 0...100).orNull
        .described("The labels named for a version that was made."),
      "refines": NameSchemas.position.orNull.described(
        "For change.refined, and only there: the event that told of the change of the label."),
      "effective_after": effectiveAfter,
      "apply_rules": Schema.truth.orNull
        .described("Whether what the cloud's rules imply is recorded too; not unless said."),
      "event_id": NameSchemas.uuid.orNull
        .described("A UUID of its own: a fact whose id is in the log appends nothing."),
      "principal": Schema.object(
        ["type": .choice(FactForm.actors.map(\.rawValue))],
        optional: [
          "id": word("The actor's id."), "name": word("The actor's name."),
          "source_ip": word("Where the call came from."),
        ]
      ).orNull.described("Who acted; the credential that tells it, unless said."),
      "source": Schema.choice(FactForm.sources.map(\.rawValue)).orNull
        .described("Through which door it came; ledger-api unless said."),
      "reason": reason, "ticket": ticket,
      "request_id": word("The id of the request it was; of the one that tells it, unless said."),
      "correlation_id": word("What ties it to work elsewhere."),
      "evidence": Schema.object([
        "sha256": .text(64...64, pattern: "^[0-9A-Fa-f]+$"),
        "locator": .text(
          1...Int64(FactForm.locatorCharactersMax),
          pattern: #"^[^\x00-\x08\x0B\x0C\x0E-\x1F\x7F]*$"#),
      ]).orNull.described("What backs it, by digest and place."),
      "data": Schema.openObject().orNull.described(
        "Whatever else is known, such as delete_at of a scheduled deletion; not "
          + FactForm.ownData.joined(separator: ", ") + "."),
    ]
  ).named("Fact")

  // MARK: - What is given

  static let event = Schema.object([
    "caused_by": NameSchemas.position.orNull, "correlation_id": Schema.text().orNull,
    "data": .openObject(), "effective_after": NameSchemas.moment.orNull,
    "effective_at": NameSchemas.moment, "event_id": .text(1...128, pattern: #"^[\x21-\x7E]+$"#),
    "evidence": Schema.object([
      "locator": .text(), "sha256": .text(64...64, pattern: "^[0-9a-f]+$"),
    ]).orNull,
    "idempotency_key": Schema.text(1...255).orNull, "position": NameSchemas.position,
    "previous_version_id": NameSchemas.version.orNull,
    "principal": .object([
      "id": Schema.text().orNull, "name": Schema.text().orNull, "source_ip": Schema.text().orNull,
      "type": .choice(Principal.Kind.allCases.map(\.rawValue)),
    ]),
    "project": NameSchemas.project, "reason": Schema.text().orNull,
    "recorded_at": NameSchemas.moment, "request_id": Schema.text().orNull,
    "schema": .integer(Event.schema...Event.schema), "secret": NameSchemas.secret.orNull,
    "source": .choice(EventSource.allCases.map(\.rawValue)), "stage": NameSchemas.stage.orNull,
    "stream_version": NameSchemas.whole.orNull, "ticket": Schema.text().orNull,
    "type": .choice(EventType.allCases.map(\.rawValue)),
    "version_id": NameSchemas.version.orNull,
  ]).described("An event, as its stored canonical bytes.").named("Event")

  private static let recorded = Schema.object([
    "event": event.described("The first event appended."),
    "events": .list(of: event), "position": NameSchemas.position,
    "receipt": .object([
      "leaf_hash": Schema.text(64...64, pattern: "^[0-9a-f]+$")
        .described("The RFC 9162 leaf hash of the first event.")
    ]),
  ]).named("Recorded")

  private static let unchanged = Schema.object([
    "event": .null, "events": .list(of: .anything, 0...0), "position": .null, "receipt": .null,
  ]).named("Unchanged")

  /// The answers to a change.
  static let changed = [
    DescribedAnswer(201, "The events appended.", [("application/json", recorded)]),
    DescribedAnswer.ok(unchanged, "Nothing changed."),
  ]

  private static func factOutcome(_ kinds: [FactOutcome.Kind]) -> Schema {
    .object([
      "index": .integer(0...Int64(LedgerFacts.countMax - 1)),
      "outcome": .choice(kinds.map(\.rawValue)),
      "position": NameSchemas.position.orNull
        .described("The first event of it, for a duplicate the one that has its id."),
    ])
  }

  /// The answers to facts.
  static let factsRecorded = [
    DescribedAnswer(
      201, "All facts are recorded.",
      [
        (
          "application/json",
          Schema.object([
            "appended": .integer(1...wholeNumberMax), "position": NameSchemas.position,
            "results": .list(
              of: factOutcome(FactOutcome.Kind.allCases), 1...Int64(LedgerFacts.countMax)),
            "receipt": .object([
              "leaf_hash": Schema.text(64...64, pattern: "^[0-9a-f]+$")
                .described("The RFC 9162 leaf hash of the last event.")
            ]),
          ]).named("FactsRecorded")
        )
      ]),
    DescribedAnswer.ok(
      Schema.object([
        "appended": .integer(0...0), "position": .null,
        "results": .list(
          of: factOutcome([.duplicate, .unchanged]), 1...Int64(LedgerFacts.countMax)),
        "receipt": .null,
      ]).named("FactsKnown"), "The log says all of it already."),
  ]

  static let secret = Schema.object([
    "name": NameSchemas.secret,
    "state": .choice(["unregistered", "enabled", "pending_deletion", "deleted"]),
    "registered_at": NameSchemas.moment.orNull, "changed_at": NameSchemas.moment.orNull,
    "delete_at": NameSchemas.moment.orNull, "stream_version": NameSchemas.whole,
    "data": .openObject(),
  ]).named("Secret")

  private static let next = NameSchemas.cursor.orNull.described("The cursor of the next page.")

  static let secretPage = Schema.object(["secrets": .list(of: secret, 0...1_000), "next": next])

  static let knownAt = Schema.object([
    "position": NameSchemas.position.orNull, "recorded_at": NameSchemas.moment.orNull,
    "final": Schema.truth.described("Whether nothing can be recorded up to that moment any more."),
  ]).named("KnownAt")

  private static let certainty = Schema.choice(["exact", "bounded"])
    .described("`bounded`: several versions may have held the label; then `candidates` names them.")
  private static let candidates = Schema.list(of: NameSchemas.version.orNull, 0...10_000)
    .described("The versions that may have held the label; null: none. Empty when it is exact.")
  private static let changedBetween = Schema.object([
    "earliest": NameSchemas.moment, "latest": NameSchemas.moment,
  ]).orNull.described(
    "When the changes that are open can have come; of an exact answer, when its stretch began.")
  private static let decidedBy = Schema.list(of: NameSchemas.position, 0...10_000)
    .described("The events the answer rests on.")

  static let stage = Schema.object(
    [
      "secret": NameSchemas.secret, "stage": NameSchemas.stage,
      "version_id": NameSchemas.version.orNull, "since": NameSchemas.moment.orNull,
      "until": NameSchemas.moment.orNull, "certainty": certainty,
      "candidates": candidates, "changed_between": changedBetween,
      "decided_by": decidedBy, "effective_at": NameSchemas.moment.orNull, "known_at": knownAt,
      "coverage": coverage, "deprecated": .truth,
    ],
    optional: [
      "reason": Schema.choice(["removed", "never_assigned", "before_first_change", "uncertain"])
        .described("Why no version is told; absent where one is.")
    ]
  ).named("StageAnswer")

  static let stagePage = Schema.object([
    "secret": NameSchemas.secret, "effective_at": NameSchemas.moment.orNull, "known_at": knownAt,
    "stages": .list(
      of: .object([
        "stage": NameSchemas.stage, "version_id": NameSchemas.version.orNull,
        "since": NameSchemas.moment.orNull, "until": NameSchemas.moment.orNull,
        "certainty": certainty, "candidates": candidates, "changed_between": changedBetween,
        "decided_by": decidedBy, "recorded_at": NameSchemas.moment.orNull,
      ]), 0...1_000),
    "next": next,
  ]).named("StagePage")

  /// Lines of JSON in order of secret and label, made while they are sent.
  static func lines(_ text: String) -> DescribedAnswer {
    var answer = DescribedAnswer(
      200, "Lines of JSON, in order of secret and label.",
      [(LedgerSnapshot.lines, Schema.text().described(text))])
    answer.delivery = .streamed
    return answer
  }

  static let coverage = Schema.choice(Coverage.allCases.map(\.rawValue))
    .described(Coverage.sentence)

  /// Every stretch of every label and when it was told, made while it is sent.
  static let timeline = {
    var answer = DescribedAnswer(
      200, "Lines of JSON: what is told no more, in that order, then what is told still.",
      [
        (
          LedgerSnapshot.lines,
          Schema.text().described(
            "Each line has, as in Interval, `stage`, `version_id`, `since`, `since_after`, "
              + "`until` and `position`; it was told so from `known_since` on, until "
              + "`known_until`; null: it is told so still.")
        )
      ])
    answer.delivery = .streamed
    return answer
  }()

  static let snapshot = lines(
    "Each line has `secret`, `stage` and, as in StageAnswer, `version_id`, `since`, `until`, "
      + "`certainty`, `candidates`, `changed_between`, `decided_by`. Labels on no version are "
      + "left out.")
  static let difference: DescribedAnswer = {
    var answer = lines("Each line has `secret`, `stage`, `from` and `to`; both as in StageAnswer.")
    answer.fields.append(.coverage)
    return answer
  }()
  static let ages = lines(
    "Each line has `secret`, `stage`, `version_id`, `since`, `since_after` and `age_seconds`.")

  static let latePage = Schema.object([
    "late": .list(
      of: .object([
        "position": NameSchemas.position, "type": .text(), "secret": NameSchemas.secret.orNull,
        "stage": NameSchemas.stage.orNull, "version_id": NameSchemas.version.orNull,
        "effective_at": NameSchemas.moment, "effective_after": NameSchemas.moment.orNull,
        "recorded_at": NameSchemas.moment, "delay_seconds": NameSchemas.whole,
      ]), 0...1_000),
    "next": NameSchemas.position.orNull,
  ])

  private static let intervals = Schema.list(
    of: Schema.object([
      "stage": NameSchemas.stage, "version_id": NameSchemas.version.orNull,
      "since": NameSchemas.moment.described("When the change came, or the latest it can have."),
      "since_after": NameSchemas.moment.orNull
        .described("The change came after this moment; null: exactly at `since`."),
      "until": NameSchemas.moment.orNull.described("The `since` of the next change."),
      "position": NameSchemas.position, "recorded_at": NameSchemas.moment,
    ]).named("Interval"), 0...1_000)

  static let secretHistory = Schema.object([
    "secret": NameSchemas.secret, "known_at": knownAt, "intervals": intervals, "next": next,
  ])
  static let stageHistory = Schema.object([
    "secret": NameSchemas.secret, "stage": NameSchemas.stage, "known_at": knownAt,
    "intervals": intervals, "next": next,
  ])

  private static let cloudEvent = Schema.object(
    [
      "specversion": .constant("1.0"), "id": .text(1...128), "source": .text(),
      "type": .text(pattern: #"^stageledger\."#), "time": NameSchemas.moment,
      "recordedtime": NameSchemas.moment.described("When the ledger stored the event."),
      "sequence": Schema.text(16...16, pattern: "^[0-9]+$").described("The position."),
      "datacontenttype": .constant("application/json"), "data": event,
    ], optional: ["subject": NameSchemas.secret]
  ).described("A CloudEvent 1.0; `time` is when it was true in the cloud.").named("CloudEvent")

  /// A page of the log, in each of its forms.
  static let eventPage = DescribedAnswer(
    200, "The log: an object, a line an event, a batch of CloudEvents, or a live tail.",
    [
      (
        EventFormat.object.rawValue,
        Schema.object([
          "events": .list(of: event, 0...1_000), "next": NameSchemas.position.orNull,
        ])
      ),
      (
        EventFormat.lines.rawValue,
        Schema.text().described("The canonical bytes of each event, each ended by a line feed.")
      ),
      (EventFormat.cloudEvents.rawValue, .list(of: cloudEvent, 0...1_000)),
      (
        EventFormat.live.rawValue,
        Schema.text().described(
          "Server-sent events without an end: `id` is the position, `event` the type, `data` the "
            + "canonical bytes. Only for who names this type; it begins after `Last-Event-ID` or "
            + "`after`, takes no `limit`, and holds a comment every 15 seconds without an event.")
      ),
    ], fields: [.next])
}

extension NameSchemas {
  static let cursor = Schema.text(1...4_096, pattern: "^[A-Za-z0-9_-]+$")
    .described("Opaque: what a list gave as `next`.")
}

extension Parameter {
  static let limit = Parameter(
    "limit", "How many a page has at most: 100 unless said.", .integer(1...1_000))
  static let cursor = Parameter("cursor", "Where the page begins.", NameSchemas.cursor)
  static let after = Parameter(
    "after", "The position after which the page begins; from the start without it.",
    .integer(0...(wholeNumberMax - 1)))
}
