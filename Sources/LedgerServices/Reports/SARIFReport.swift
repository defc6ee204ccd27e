// SARIFReport: drift reports as SARIF 2.1.0: a run a project, a rule a kind, a result a finding.
//
// Called by `ReportFormat`. The log's own id of a finding is its fingerprint, so that tools follow
// it from run to run; what somebody acknowledged is suppressed; what was not seen is a notification
// of a run that did not succeed. Invariant: a result's rule is the one at its index.
//
// Source: OASIS SARIF 2.1.0, sections 3.14 to 3.58.

import CanonicalJSON
import Ledger

/// Writes SARIF.
enum SARIFReport {
  static func json(of reports: [DriftReport]) -> JSONValue {
    [
      "$schema": .string(schema),
      "version": "2.1.0", "runs": .array(reports.map(run)),
    ]
  }

  private static let schema =
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/"
    + "sarif-schema-2.1.0.json"

  private static let kinds = DriftKind.allCases.filter { $0 != .unobservable }

  private static func run(_ report: DriftReport) -> JSONValue {
    [
      "tool": [
        "driver": [
          "name": "stageledger", "rules": .array(kinds.map(rule)),
          "notifications": .array([
            [
              "id": .string(DriftKind.unobservable.rawValue),
              "shortDescription": text(DriftKind.unobservable.title),
              "fullDescription": text(DriftKind.unobservable.meaning),
            ]
          ]),
        ]
      ],
      "automationDetails": [
        "id": .string("drift/\(report.project.text)/\(report.run?.text ?? "")"),
        "description": text("The labels of a project's secrets, compared with its cloud."),
      ],
      "invocations": [
        .object([
          "executionSuccessful": .bool(report.unobservable.isEmpty),
          "startTimeUtc": .string(report.startedAt.rfc3339),
          "endTimeUtc": .string(report.finishedAt.rfc3339),
          "exitCode": .integer(Int64(report.exitCode)),
          "toolExecutionNotifications": .array(
            report.unobservable.map { notification($0, report) }),
        ])
      ],
      "results": .array(report.findings.map { result($0, report) }),
      "columnKind": "unicodeCodePoints",
      "properties": [
        "verdict": .string(report.verdict.rawValue), "position": .integer(report.position.index),
        "scope": report.scope.json,
        "notSeen": .array(report.notSeen.map { .string($0.text) }),
      ],
    ]
  }

  private static func rule(_ kind: DriftKind) -> JSONValue {
    [
      "id": .string(kind.rawValue), "shortDescription": text(kind.title),
      "fullDescription": text(kind.meaning), "help": text(kind.nextStep),
      "defaultConfiguration": ["level": .string(level(kind))],
    ]
  }

  /// A label on another version gives the wrong secret to whoever asks; the rest breaks louder.
  private static func level(_ kind: DriftKind) -> String {
    switch kind {
    case .labelElsewhere, .labelMissing, .versionGone, .secretGone: "error"
    case .labelExtra, .secretUnrecorded, .unobservable: "warning"
    }
  }

  private static func result(_ finding: DriftFinding, _ report: DriftReport) -> JSONValue {
    let words = FindingText.plain
    let kind = finding.difference.kind
    var result: [String: JSONValue] = [
      "ruleId": .string(kind.rawValue),
      "level": .string(finding.state == .resolved ? "none" : level(kind)),
      "kind": .string(finding.state == .resolved ? "pass" : "fail"),
      "message": text("\(kind.title): \(words.place(finding)). \(words.sentence(finding))"),
      "locations": [location(finding.difference.secret, finding.difference.stage, report.project)],
      "partialFingerprints": ["findingId/v1": .string(finding.id.text)],
      "baselineState": .string(baseline(finding, report)),
      "properties": finding.json,
    ]
    if let index = kinds.firstIndex(of: kind) { result["ruleIndex"] = .integer(Int64(index)) }
    if finding.state == .acknowledged, let acknowledgement = finding.acknowledgement {
      result["suppressions"] = [
        .object([
          "kind": "external",
          "justification": .string(
            words.acknowledged(acknowledgement, at: report.finishedAt)),
        ])
      ]
    }
    return .object(result)
  }

  private static func baseline(_ finding: DriftFinding, _ report: DriftReport) -> String {
    switch finding.state {
    case .resolved: "absent"
    case .open, .acknowledged: finding.firstSeen < report.startedAt ? "unchanged" : "new"
    }
  }

  private static func notification(
    _ unseen: Unobservable, _ report: DriftReport
  ) -> JSONValue {
    [
      "level": "error", "descriptor": ["id": .string(DriftKind.unobservable.rawValue)],
      "message": text("\(FindingText.plain.unseen(unseen)). \(unseen.reason.nextStep)"),
      "locations": [location(unseen.secret, nil, report.project)],
      "properties": ["reason": .string(unseen.reason.rawValue)],
    ]
  }

  /// `project/secret/label`, as far as there is one of each.
  private static func location(
    _ secret: SecretName?, _ stage: StageName?, _ project: ProjectID
  ) -> JSONValue {
    let path = [project.text, secret?.text, stage?.text].compactMap(\.self)
    return [
      "logicalLocations": [
        [
          "name": .string(path.last ?? project.text),
          "fullyQualifiedName": .string(path.joined(separator: "/")), "kind": "resource",
        ]
      ]
    ]
  }

  private static func text(_ text: String) -> JSONValue { ["text": .string(text)] }
}
