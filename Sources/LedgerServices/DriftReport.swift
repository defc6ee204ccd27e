// DriftReport: what one drift run found, as a value, and its text for machines.
//
// Made by the reconciler, shown by the API and the command line. Invariant: a report names
// everything it could not see; a run that saw nothing is never called clean.

public import CanonicalJSON
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
  public enum Verdict: String, CaseIterable, Sendable {
    /// Everything was seen, and nothing differs but what somebody acknowledged.
    case clean
    /// Something differs that nobody acknowledged.
    case drift
    /// No such thing in what was seen, but something was not seen or there was nothing to see.
    case incomplete
  }

  /// The project.
  public var project: ProjectID
  /// The run; nil for a run of an earlier version, which had no id.
  public var run: RunID?
  /// When the run began.
  public var startedAt: Instant
  /// When its last look was over.
  public var finishedAt: Instant
  /// The run's own `reconciliation.completed` event.
  public var position: Position
  /// How much was compared.
  public var scope: Scope
  /// The findings seen, then those this run resolved, each by secret, label and kind.
  public var findings: [DriftFinding]
  /// The findings that stay open because this run could not see whether they still stand.
  public var notSeen: [FindingID]
  /// What could not be seen.
  public var unobservable: [Unobservable]

  /// A report with every part named.
  public init(
    project: ProjectID, run: RunID?, startedAt: Instant, finishedAt: Instant, position: Position,
    scope: Scope, findings: [DriftFinding], notSeen: [FindingID], unobservable: [Unobservable]
  ) {
    self.project = project
    self.run = run
    self.startedAt = startedAt
    self.finishedAt = finishedAt
    self.position = position
    self.scope = scope
    self.findings = findings
    self.notSeen = notSeen
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

  /// How many findings of each kind were seen, acknowledged or not, and how much was not seen;
  /// every kind is there.
  public var counts: [DriftKind: Int] {
    Self.counts(of: findings, unobservable)
  }

  /// How many findings stand so.
  public func count(_ state: FindingState.Standing) -> Int { findings.count { $0.state == state } }

  /// The report as one JSON object.
  public var json: JSONValue {
    .object([
      "project": .string(project.text),
      "run": JSONValue(text: run?.text),
      "verdict": .string(verdict.rawValue),
      "started_at": .string(startedAt.rfc3339),
      "finished_at": .string(finishedAt.rfc3339),
      "position": .integer(position.index),
      "scope": scope.json,
      "counts": Self.json(counts),
      "acknowledged": .integer(Int64(count(.acknowledged))),
      "findings": .array(findings.map(\.json)),
      "not_seen": .array(notSeen.map { .string($0.text) }),
      "unobservable": .array(unobservable.map(\.json)),
    ])
  }

  static func counts(
    of findings: [DriftFinding], _ unobservable: [Unobservable]
  ) -> [DriftKind: Int] {
    var counts = Dictionary(uniqueKeysWithValues: DriftKind.allCases.map { ($0, 0) })
    for finding in findings where finding.state != .resolved {
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

extension Unobservable {
  /// What could not be seen, as a JSON object of an event.
  var recorded: JSONValue {
    .object([
      "secret": JSONValue(text: secret?.text), "reason": .string(reason.rawValue),
      "detail": JSONValue(text: detail),
    ])
  }

  /// Reads what `recorded` gave; nil for anything else.
  init?(_ json: JSONValue) {
    guard let reason = json["reason"]?.stringValue.flatMap(Reason.init(rawValue:)) else {
      return nil
    }
    do {
      self.init(
        secret: try json["secret"]?.stringValue.map { try SecretName($0) }, reason: reason,
        detail: json["detail"]?.stringValue)
    } catch {
      return nil
    }
  }

  /// What could not be seen, as a JSON object.
  public var json: JSONValue {
    .object([
      "secret": JSONValue(text: secret?.text), "reason": .string(reason.rawValue),
      "detail": JSONValue(text: detail), "next_step": .string(reason.nextStep),
    ])
  }
}

extension JSONValue {
  /// The text, or null.
  init(text: String?) { self = text.map { .string($0) } ?? .null }
}
