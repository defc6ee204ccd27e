// FindingText: what a finding, and what was not seen, say in a sentence, for every report.
//
// Called by the reports with a function that makes names harmless where they go. Invariant: the
// sentences are this program's own; everything else goes through that function.

import Ledger

/// Puts findings into words.
struct FindingText: Sendable {
  /// Makes outside text harmless where the words go.
  let quote: @Sendable (String) -> String

  /// Words as plain text, for messages that are data.
  static let plain = FindingText { Markup.visible($0) }

  /// Where the finding is: secret and label, or secret and version.
  func place(_ finding: DriftFinding) -> String {
    let difference = finding.difference
    let part = difference.stage?.text ?? difference.ledgerVersion?.text
    return ([difference.secret?.text ?? "(project)"] + [part].compactMap(\.self)).map(quote)
      .joined(separator: " / ")
  }

  /// What the ledger says.
  func ledgerSide(_ finding: DriftFinding) -> String {
    let difference = finding.difference
    switch difference.kind {
    case .labelElsewhere, .labelMissing: return "on " + version(difference.ledgerVersion)
    case .labelExtra:
      return finding.decidedBy.isEmpty ? "never heard of the label" : "no version has the label"
    case .versionGone: return "registered"
    case .secretGone: return "in use"
    case .secretUnrecorded: return "not registered"
    case .unobservable: return "something"
    }
  }

  /// What the cloud says.
  func cloudSide(_ finding: DriftFinding) -> String {
    let difference = finding.difference
    switch difference.kind {
    case .labelElsewhere, .labelExtra: return "on " + version(difference.cloudVersion)
    case .labelMissing: return "no version has the label"
    case .versionGone: return "not there"
    case .secretGone: return "not there, or waiting for its deletion"
    case .secretUnrecorded: return "there"
    case .unobservable: return "not seen"
    }
  }

  private func version(_ version: VersionID?) -> String {
    version.map { quote($0.text) } ?? "no version"
  }

  /// Both sides in one sentence.
  func sentence(_ finding: DriftFinding) -> String {
    "Ledger: \(ledgerSide(finding)). Cloud: \(cloudSide(finding))."
  }

  /// Which event decided the ledger's side.
  func decided(_ event: DecidingEvent) -> String {
    var text =
      "event \(event.position.index) (\(event.type.rawValue)), \(event.effectiveAt.words), by "
      + "\(who(event.principal)) through \(event.source.rawValue)"
    if let reason = event.reason { text += ", because: \(quote(reason))" }
    if let ticket = event.ticket { text += ", ticket \(quote(ticket))" }
    return text
  }

  /// Who acted.
  private func who(_ principal: Principal) -> String {
    let known = (principal.name ?? principal.id).map(quote)
    switch principal.kind {
    case .credential: return known.map { "credential \($0)" } ?? "a credential"
    case .service: return known.map { "this service's \($0)" } ?? "this service"
    case .cloud: return known.map { "\($0) of the cloud" } ?? "an identity of the cloud"
    case .unknown: return known ?? "nobody knows whom"
    }
  }

  /// Who probably made the difference.
  func actor(_ finding: DriftFinding) -> String {
    switch finding.likelyActor {
    case .ledger(let event):
      "\(who(event.principal)), whose change never reached the cloud, or somebody who undid it "
        + "there"
    case .notThroughTheLedger: "not through the ledger"
    }
  }

  /// Who said what about it.
  func acknowledged(_ acknowledgement: Acknowledgement, at moment: Instant) -> String {
    var text = "by \(who(acknowledgement.principal)) on \(acknowledgement.at.words)"
    if let reason = acknowledgement.reason { text += ", because: \(quote(reason))" }
    if let until = acknowledgement.until {
      text += acknowledgement.holds(at: moment) ? ", until " : "; this was over on "
      text += until.words
    }
    return text
  }

  /// What was not seen, and why.
  func unseen(_ unseen: Unobservable) -> String {
    let what = unseen.secret.map { quote($0.text) } ?? "a secret whose name could not be read"
    let detail = unseen.detail.map { " (\(quote($0)))" } ?? ""
    return "\(what): \(unseen.reason.meaning)\(detail)"
  }

  /// What a run came to, in one sentence.
  static func summary(_ report: DriftReport) -> String {
    let scope = report.scope
    var text =
      "\(scope.secrets) secrets, \(scope.versions) versions, \(scope.labels) labels compared: "
      + "\(report.count(.open)) open, \(report.count(.acknowledged)) acknowledged, "
      + "\(report.count(.resolved)) resolved, \(report.unobservable.count) not seen"
    if !report.notSeen.isEmpty {
      text += "; \(report.notSeen.count) earlier findings could not be looked at again"
    }
    return text + "."
  }
}
