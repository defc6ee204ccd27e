// DriftSchemas: the forms of what the API takes and gives about drift, for its description.
//
// Called by the route table beside the endpoints. Invariant: what `DriftFinding`, `DriftReport` and
// `LedgerRuns` write fits these schemas.

import CanonicalJSON
import Ledger
import LedgerServices

/// The schemas of drift.
enum DriftSchemas {
  static let findingID = Schema.text(32...32, pattern: "^[0-9a-f]{32}$")
    .described("The stable id of a finding.")
    .example("0123456789abcdef0123456789abcdef").named("FindingID")
  static let runID = Schema.text(
    36...36, pattern: "^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$"
  ).described("The id of a drift run.")
    .example("00000000-0000-4000-8000-000000000001").named("RunID")

  static let acknowledgement = Schema.object(
    ["reason": NameSchemas.words(1...1_024).described("Why it may stand.")],
    optional: [
      "expires_at": NameSchemas.momentTaken.orNull.described(
        "When the word is over, which lies ahead; else once the finding changes or is gone."),
      "ticket": NameSchemas.words(256).orNull.described("The change ticket."),
    ]
  ).named("NewAcknowledgement")

  private static let principal = Schema.object([
    "id": Schema.text().orNull, "name": Schema.text().orNull, "source_ip": Schema.text().orNull,
    "type": .choice(Principal.Kind.allCases.map(\.rawValue)),
  ])

  private static let deciding = Schema.object([
    "position": NameSchemas.position, "type": .choice(EventType.allCases.map(\.rawValue)),
    "effective_at": NameSchemas.moment, "recorded_at": NameSchemas.moment, "principal": principal,
    "source": .choice(EventSource.allCases.map(\.rawValue)), "reason": Schema.text().orNull,
    "ticket": Schema.text().orNull,
  ]).named("DecidingEvent")

  private static let known = Schema.object([
    "position": NameSchemas.position, "at": NameSchemas.moment, "by": principal,
    "reason": Schema.text().orNull, "expires_at": NameSchemas.moment.orNull,
  ]).named("Acknowledgement")

  static let finding = Schema.object([
    "id": findingID,
    "kind": .choice(DriftKind.allCases.filter { $0 != .unobservable }.map(\.rawValue)),
    "secret": NameSchemas.secret.orNull, "stage": NameSchemas.stage.orNull,
    "ledger_version": NameSchemas.version.orNull, "cloud_version": NameSchemas.version.orNull,
    "since": NameSchemas.moment.orNull
      .described("When the ledger's side took its present place."),
    "first_seen": NameSchemas.moment,
    "last_seen": NameSchemas.moment.orNull
      .described("When a run last saw it; null once it is resolved, or where it is not known."),
    "decided_by": Schema.list(of: NameSchemas.position)
      .described("The events that decided the ledger's side."),
    "deciding_events": .list(of: deciding),
    "likely_actor": principal.orNull.described(
      "Whose change the cloud does not show; null: it did not come through the ledger."),
    "acknowledgement": known.orNull, "next_step": .text(),
    "state": .choice(FindingState.Standing.allCases.map(\.rawValue)),
  ]).named("Finding")

  private static let next = NameSchemas.cursor.orNull.described("The cursor of the next page.")

  static let findingPage = Schema.object([
    "findings": .list(of: finding, 0...1_000), "known_at": LedgerSchemas.knownAt, "next": next,
  ])

  static let run = Schema.object([
    "run": runID, "state": .choice(DriftRun.State.allCases.map(\.rawValue)),
    "started_at": NameSchemas.moment, "ended_at": NameSchemas.moment.orNull,
    "position": NameSchemas.position.orNull
      .described("Its reconciliation.completed event; null until there is one."),
    "failure": Schema.text().orNull.described("Why it found nothing out."),
  ]).named("DriftRun")

  static let runPage = Schema.object(["runs": .list(of: run, 0...1_000), "next": next])

  private static let counts = Schema.object([
    "label_elsewhere": NameSchemas.whole, "label_missing": NameSchemas.whole,
    "label_extra": NameSchemas.whole, "version_gone": NameSchemas.whole,
    "secret_gone": NameSchemas.whole, "secret_unrecorded": NameSchemas.whole,
    "unobservable": NameSchemas.whole,
  ]).described("How much was found of each kind, acknowledged or not.")

  private static let unobservable = Schema.object([
    "secret": NameSchemas.secret.orNull,
    "reason": .choice(Unobservable.Reason.allCases.map(\.rawValue)),
    "detail": Schema.text().orNull, "next_step": .text(),
  ])

  static let report = Schema.object([
    "project": NameSchemas.project, "run": runID.orNull,
    "verdict": .choice(DriftReport.Verdict.allCases.map(\.rawValue)),
    "started_at": NameSchemas.moment, "finished_at": NameSchemas.moment,
    "position": NameSchemas.position,
    "scope": .object([
      "secrets": NameSchemas.whole, "versions": NameSchemas.whole, "labels": NameSchemas.whole,
    ]),
    "counts": counts, "acknowledged": NameSchemas.whole, "findings": .list(of: finding),
    "not_seen": Schema.list(of: findingID)
      .described("Findings that stay open because this run could not see whether they stand."),
    "unobservable": .list(of: unobservable),
  ]).named("DriftReport")

  /// A run and its report, in each form.
  static let shown = DescribedAnswer(
    200, "The run, with its report once it is completed; in another type, the report alone.",
    [
      (
        ReportFormat.json.essence,
        .object([
          "run": runID, "state": .choice(DriftRun.State.allCases.map(\.rawValue)),
          "started_at": NameSchemas.moment, "ended_at": NameSchemas.moment.orNull,
          "position": NameSchemas.position.orNull, "failure": Schema.text().orNull,
          "report": report.orNull,
        ])
      ),
      (ReportFormat.junit.essence, Schema.text().described("JUnit's XML.")),
      (ReportFormat.sarif.essence, Schema.openObject().described("SARIF 2.1.0.")),
      (ReportFormat.markdown.essence, Schema.text().described("GitHub's Markdown.")),
      (ReportFormat.html.essence, Schema.text().described("One page without scripts.")),
    ])

  static let started = DescribedAnswer(
    202, "The run that was started, or the one under way, or the one of the same key.",
    [("application/json", run)], fields: [.location])
}

extension Parameter {
  static let findingState = Parameter(
    "state", "Findings that stand so: `open`, unless said.",
    .choice(FindingState.Standing.allCases.map(\.rawValue) + ["all"]))
  static let reportFormat = Parameter(
    "format", "The form of the report, whatever `Accept` says.",
    .choice(ReportFormat.allCases.map(\.rawValue)))
}
