// DriftReport: what one drift run found, as a value, and its text for machines.
//
// Made by the reconciler, shown by the API and the command line. Invariant: a report names
// everything it could not see; a run that saw nothing is never called clean.

public import CanonicalJSON
import Crypto
public import Ledger

/// Something a drift run could not see.
public struct Unobservable: Hashable, Sendable {
  /// Why it could not be seen.
  public enum Reason: String, CaseIterable, Sendable {
    /// The cloud will not show it to us.
    case forbidden
    /// The cloud did not answer in time or at all.
    case unreachable
    /// The cloud asks us to come later.
    case throttled
    /// The answer makes no sense or is past a limit.
    case unintelligible
    /// The time for the whole run was over.
    case deadline
    /// It differed, but not alike in both looks: it is moving, or only one look could see it.
    case unsettled
  }
  /// The secret; nil when not even its name could be read.
  public var secret: SecretName?
  /// Why.
  public var reason: Reason
  /// More about why, for people; nil when there is no more.
  public var detail: String?
  /// Something that could not be seen.
  public init(secret: SecretName?, reason: Reason, detail: String?) {
    self.secret = secret
    self.reason = reason
    self.detail = detail
  }
}

/// One finding of a drift run.
public struct DriftFinding: Hashable, Sendable {
  /// Whether the drift is still there.
  public enum State: String, Sendable {
    /// It is there.
    case open
    /// It was there before this run and is gone.
    case resolved
  }
  /// Its stable id.
  public var id: FindingID
  /// What differs; for a resolved finding, what differed when it opened.
  public var difference: Difference
  /// When the record's side took its present place; nil when the record never spoke of it.
  public var since: Instant?
  /// When a run first saw it.
  public var firstSeen: Instant
  /// When this run last saw it; nil for a resolved finding, which this run did not see.
  public var lastSeen: Instant?
  /// The events that decided the record's side.
  public var decidedBy: [Position]
  /// Whether it is still there.
  public var state: State
  /// A finding with every part named.
  public init(
    id: FindingID, difference: Difference, since: Instant?, firstSeen: Instant,
    lastSeen: Instant?, decidedBy: [Position], state: State
  ) {
    self.id = id
    self.difference = difference
    self.since = since
    self.firstSeen = firstSeen
    self.lastSeen = lastSeen
    self.decidedBy = decidedBy
    self.state = state
  }
}

/// What one drift run found.
public struct DriftReport: Hashable, Sendable {
  /// How much was compared.
  public struct Scope: Hashable, Sendable {
    /// Secrets in the record or in the cloud, also those that could not be observed.
    public var secrets: Int
    /// Versions of the observed ones, in the record or in the cloud.
    public var versions: Int
    /// Labels of the observed ones, in the record or in the cloud.
    public var labels: Int
    /// A scope by its three counts.
    public init(secrets: Int, versions: Int, labels: Int) {
      self.secrets = secrets
      self.versions = versions
      self.labels = labels
    }
  }

  /// What the run comes to.
  public enum Verdict: Sendable {
    /// Everything was seen and nothing differs.
    case clean
    /// Something differs.
    case drift
    /// Nothing differs in what was seen, but something was not seen or there was nothing to see.
    case incomplete
  }

  /// The project.
  public var project: ProjectID
  /// When the run began.
  public var startedAt: Instant
  /// When its last look was over.
  public var finishedAt: Instant
  /// The run's own `reconciliation.completed` event.
  public var position: Position
  /// How much was compared.
  public var scope: Scope
  /// The open findings, then those this run resolved, each by secret, label and kind.
  public var findings: [DriftFinding]
  /// What could not be seen.
  public var unobservable: [Unobservable]

  /// A report with every part named.
  public init(
    project: ProjectID, startedAt: Instant, finishedAt: Instant, position: Position, scope: Scope,
    findings: [DriftFinding], unobservable: [Unobservable]
  ) {
    self.project = project
    self.startedAt = startedAt
    self.finishedAt = finishedAt
    self.position = position
    self.scope = scope
    self.findings = findings
    self.unobservable = unobservable
  }

  /// What the run comes to.
  public var verdict: Verdict {
    if findings.contains(where: { $0.state == .open }) { return .drift }
    return unobservable.isEmpty && scope.secrets > 0 ? .clean : .incomplete
  }

  /// The exit code of a program that made this run: 0, 2 for drift, 3 for an incomplete run.
  public var exitCode: Int32 {
    switch verdict {
    case .clean: 0
    case .drift: 2
    case .incomplete: 3
    }
  }

  /// How many open findings there are of each kind, and how much was not seen; every kind is there.
  public var counts: [DriftKind: Int] {
    Self.counts(of: findings, unobservable)
  }

  /// The report as one JSON object.
  public var json: JSONValue {
    .object([
      "project": .string(project.text),
      "started_at": .string(startedAt.rfc3339),
      "finished_at": .string(finishedAt.rfc3339),
      "position": .integer(position.index),
      "scope": scope.json,
      "counts": Self.json(counts),
      "findings": .array(findings.map(\.json)),
      "unobservable": .array(unobservable.map(\.json)),
    ])
  }

  static func counts(
    of findings: [DriftFinding], _ unobservable: [Unobservable]
  ) -> [DriftKind: Int] {
    var counts = Dictionary(uniqueKeysWithValues: DriftKind.allCases.map { ($0, 0) })
    for finding in findings where finding.state == .open {
      counts[finding.difference.kind, default: 0] += 1
    }
    counts[.unobservable] = unobservable.count
    return counts
  }

  static func json(_ counts: [DriftKind: Int]) -> JSONValue {
    .object(
      Dictionary(
        uniqueKeysWithValues: counts.map { ($0.key.rawValue, .integer(Int64($0.value))) }))
  }
}

extension DriftReport.Scope {
  /// The scope as a JSON object.
  public var json: JSONValue {
    .object([
      "secrets": .integer(Int64(secrets)), "versions": .integer(Int64(versions)),
      "labels": .integer(Int64(labels)),
    ])
  }
}

extension DriftFinding {
  /// The finding as a JSON object.
  public var json: JSONValue {
    .object([
      "id": .string(id.text),
      "kind": .string(difference.kind.rawValue),
      "secret": JSONValue(text: difference.secret?.text),
      "stage": JSONValue(text: difference.stage?.text),
      "ledger_version": JSONValue(text: difference.ledgerVersion?.text),
      "cloud_version": JSONValue(text: difference.cloudVersion?.text),
      "since": JSONValue(text: since?.rfc3339),
      "first_seen": .string(firstSeen.rfc3339),
      "last_seen": JSONValue(text: lastSeen?.rfc3339),
      "decided_by": .array(decidedBy.map { .integer($0.index) }),
      "state": .string(state.rawValue),
    ])
  }
}

extension Unobservable {
  /// What could not be seen, as a JSON object.
  public var json: JSONValue {
    .object([
      "secret": JSONValue(text: secret?.text), "reason": .string(reason.rawValue),
      "detail": JSONValue(text: detail),
    ])
  }
}

extension JSONValue {
  /// The text, or null.
  init(text: String?) { self = text.map { .string($0) } ?? .null }
}

extension FindingID {
  /// The id of a difference in a project: the first half of a SHA-256, in hex.
  ///
  /// Over the canonical JSON array of kind, project, secret, label and, for a version that is gone,
  /// the version. The versions of a label are left out: it is the same drift when they change.
  init(of difference: Difference, in project: ProjectID) {
    let version = difference.kind == .versionGone ? difference.ledgerVersion : nil
    let parts: [JSONValue] = [
      .string(difference.kind.rawValue), .string(project.text),
      JSONValue(text: difference.secret?.text), JSONValue(text: difference.stage?.text),
      JSONValue(text: version?.text),
    ]
    let digest = SHA256.hash(JSONValue.array(parts).canonicalBytes())
    do {
      self = try FindingID(String(digest.hex.prefix(32)))
    } catch {
      preconditionFailure("finding id from \(digest.hex): \(error)")
    }
  }
}
