// DriftRecord: turns what both looks of a run saw into findings, the report and the events.
//
// Called by the reconciler once both looks are over; pure. Invariant: a finding opens only on a
// difference both looks agree on, versions included, and resolves only where the run could have
// seen it and did not.

import CanonicalJSON
import Crypto
import Ledger

/// A finding as its opening event told it.
struct OpenFinding: Sendable {
  /// What differed.
  let difference: Difference
  /// When the record's side took its place; nil when the record never spoke of it.
  let since: Instant?
  /// When a run first saw it.
  let firstSeen: Instant
  /// The events that decided the record's side.
  let decidedBy: [Position]
  /// What its events add up to.
  let state: FindingState

  /// Reads the data of its opening event; nil when this program did not write it.
  init?(_ state: FindingState) {
    let data = state.data
    self.state = state
    guard let kind = data["kind"]?.stringValue.flatMap(DriftKind.init(rawValue:)),
      let firstSeen = data["first_seen"]?.stringValue.flatMap({ Instant(rfc3339: $0) })
    else { return nil }
    do {
      difference = Difference(
        kind: kind, secret: try data["secret"]?.stringValue.map { try SecretName($0) },
        stage: try data["stage"]?.stringValue.map { try StageName($0) },
        ledgerVersion: try data["ledger_version"]?.stringValue.map { try VersionID($0) },
        cloudVersion: try data["cloud_version"]?.stringValue.map { try VersionID($0) })
    } catch {
      return nil
    }
    self.firstSeen = firstSeen
    since = data["since"]?.stringValue.flatMap { Instant(rfc3339: $0) }
    decidedBy =
      data["decided_by"]?.arrayValue?.compactMap { $0.integerValue.flatMap { Position($0) } } ?? []
  }

  /// The finding as a reader wants it, at a moment; without the events that decided it.
  func finding(_ id: FindingID, at moment: Instant, lastSeen: Instant?) -> DriftFinding {
    let standing = state.standing(at: moment)
    return DriftFinding(
      id: id, difference: difference, since: since, firstSeen: firstSeen,
      lastSeen: standing == .resolved ? nil : lastSeen, decidedBy: decidedBy,
      acknowledgement: state.acknowledgement, state: standing)
  }
}

/// The open findings of a project that can be read.
struct OpenFindings: Sendable {
  /// By id.
  let findings: [FindingID: OpenFinding]
  /// Reads them; one that cannot be read is left alone.
  init(_ states: [FindingID: FindingState]) {
    findings = states.filter(\.value.isOpen).compactMapValues { OpenFinding($0) }
  }
  /// The secrets they are about.
  var secrets: Set<SecretName> { Set(findings.values.compactMap(\.difference.secret)) }
}

/// What a run found, before it has a place in the log.
struct DriftRecord: Sendable {
  /// How many notes go into one submission.
  static let notesMax = 200
  /// How many things not seen the run's own event names; it always counts all of them.
  static let unobservableNamedMax = 200
  /// How many findings that it could not look at again the run's own event names.
  static let notSeenMax = 2_000

  private let project: ProjectID
  private let startedAt: Instant
  private let finishedAt: Instant
  private let observed: Digest
  private var scope = DriftReport.Scope(secrets: 0, versions: 0, labels: 0)
  private var open: [DriftFinding] = []
  private var resolved: [DriftFinding] = []
  private var unobservable: [Unobservable] = []
  private var notSeen: [FindingID] = []
  private var known: [FindingID: OpenFinding] = [:]

  /// Judges what a run saw, given the findings that are open.
  init(
    project: ProjectID, startedAt: Instant, finishedAt: Instant, saw sighting: ProjectSighting,
    known: OpenFindings
  ) {
    self.project = project
    self.startedAt = startedAt
    self.finishedAt = finishedAt
    observed = Self.digest(of: sighting)
    unobservable = sighting.unreadable.map {
      Unobservable(secret: nil, reason: .unintelligible, detail: $0)
    }
    self.known = known.findings
    let knownBySecret = Dictionary(grouping: known.findings) { $0.value.difference.secret }
    for (secret, saw) in sighting.secrets.sorted(by: { $0.key < $1.key }) {
      count(saw)
      judge(secret, saw, known: knownBySecret[secret] ?? [])
    }
    scope.secrets += sighting.unreadable.count
    open.sort(by: DriftFinding.inOrder)
    resolved.sort(by: DriftFinding.inOrder)
    notSeen = Set(known.findings.keys).subtracting((open + resolved).map(\.id)).sorted()
  }

  /// The events to append: findings that open, findings that resolve, and the run itself, last.
  var notes: [Note] {
    open.filter { isNews($0) }.map { note(.driftOpened, $0) }
      + resolved.map { note(.driftResolved, $0) } + [completed]
  }

  /// Counts these findings as over: the record now has what the cloud has.
  mutating func settle(_ findings: Set<FindingID>) {
    for var finding in open where findings.contains(finding.id) {
      finding.state = .resolved
      finding.lastSeen = nil
      resolved.append(finding)
    }
    open.removeAll { findings.contains($0.id) }
    resolved.sort(by: DriftFinding.inOrder)
  }

  /// The secrets that could not be seen.
  var unseen: Set<SecretName> { Set(unobservable.compactMap(\.secret)) }

  /// Whether the finding is new, or is not what it was.
  private func isNews(_ finding: DriftFinding) -> Bool {
    known[finding.id]?.state.isOpen(as: data(of: finding)) != true
  }

  /// What the run found.
  var findings: [DriftFinding] { open + resolved }

  /// The report, once the run's own event has its position, with findings that name the events that
  /// decided them.
  func report(
    of run: RunID, at position: Position, _ findings: [DriftFinding]
  ) -> DriftReport {
    DriftReport(
      project: project, run: run, startedAt: startedAt, finishedAt: finishedAt,
      position: position, scope: scope, findings: findings, notSeen: notSeen,
      unobservable: unobservable)
  }

  private mutating func count(_ saw: SecretSighting) {
    let versions = saw.window.state.versions.keys.filter { saw.window.state.isRegistered($0) }
    let labels = saw.window.state.stages.filter { $0.value.versionID != nil }.keys
    switch saw.final.sight {
    case .present(let cloud):
      scope.secrets += 1
      scope.versions += cloud.versions.union(versions).count
      scope.labels += Set(cloud.holders.keys).union(labels).count
    case .absent:
      guard saw.window.state.isExpectedInCloud else { return }
      scope.secrets += 1
      scope.versions += versions.count
      scope.labels += labels.count
    case .pendingDeletion, .unseen:
      scope.secrets += 1
    }
  }

  private mutating func judge(
    _ secret: SecretName, _ saw: SecretSighting, known: [(key: FindingID, value: OpenFinding)]
  ) {
    if case .unseen(let reason, let detail) = saw.final.sight {
      unobservable.append(Unobservable(secret: secret, reason: reason, detail: detail))
      return
    }
    let known = Dictionary(uniqueKeysWithValues: known.map { ($0.key, $0.value) })
    let firstDifferences = Set(saw.first.comparison.differences.map(\.difference))
    var present: Set<FindingID> = []
    var isMoving = false
    for sighted in saw.final.comparison.differences {
      let id = FindingID(of: sighted.difference, in: project)
      let earlier = known[id]
      guard earlier != nil || firstDifferences.contains(sighted.difference) else {
        isMoving = true
        continue
      }
      present.insert(id)
      var finding = DriftFinding(
        id: id, difference: sighted.difference, since: sighted.since,
        firstSeen: earlier?.firstSeen ?? saw.first.seenAt, lastSeen: finishedAt,
        decidedBy: sighted.decidedBy, acknowledgement: nil, state: .open)
      // What was said holds for the finding as it was then.
      if let earlier, earlier.state.isOpen(as: data(of: finding)) {
        finding.acknowledgement = earlier.state.acknowledgement
        finding.state = earlier.state.standing(at: finishedAt)
      }
      open.append(finding)
    }
    if isMoving {
      unobservable.append(Unobservable(secret: secret, reason: .unsettled, detail: nil))
      return
    }
    for (id, finding) in known where !present.contains(id) {
      guard saw.final.comparison.extent.covers(finding.difference.kind) else { continue }
      var gone = finding.finding(id, at: finishedAt, lastSeen: nil)
      gone.state = .resolved
      resolved.append(gone)
    }
  }

  private func note(_ type: EventType, _ finding: DriftFinding) -> Note {
    let difference = finding.difference
    return Note(
      type: type, secret: difference.secret, stage: difference.stage,
      versionID: difference.ledgerVersion ?? difference.cloudVersion, finding: finding.id,
      data: data(of: finding))
  }

  private func data(of finding: DriftFinding) -> [String: JSONValue] {
    let difference = finding.difference
    return [
      "finding": .string(finding.id.text),
      "kind": .string(difference.kind.rawValue),
      "secret": JSONValue(text: difference.secret?.text),
      "stage": JSONValue(text: difference.stage?.text),
      "ledger_version": JSONValue(text: difference.ledgerVersion?.text),
      "cloud_version": JSONValue(text: difference.cloudVersion?.text),
      "since": JSONValue(text: finding.since?.rfc3339),
      "first_seen": .string(finding.firstSeen.rfc3339),
      "decided_by": .array(finding.decidedBy.map { .integer($0.index) }),
    ]
  }

  private var completed: Note {
    let counts = DriftReport.counts(of: open, unobservable)
    return Note(
      type: .reconciliationCompleted, secret: nil, stage: nil, versionID: nil, finding: nil,
      effectiveAt: finishedAt, effectiveAfter: startedAt < finishedAt ? startedAt : nil,
      data: [
        "scope": scope.json,
        "counts": DriftReport.json(counts),
        "unobservable": .array(unobservable.prefix(Self.unobservableNamedMax).map(\.recorded)),
        "not_seen": .array(notSeen.prefix(Self.notSeenMax).map { .string($0.text) }),
        "observed_sha256": .string(observed.hex),
        "started_at": .string(startedAt.rfc3339),
        "finished_at": .string(finishedAt.rfc3339),
      ])
  }

  /// SHA-256 of the canonical JSON of what the cloud showed last of each secret.
  private static func digest(of sighting: ProjectSighting) -> Digest {
    let secrets = sighting.secrets.map { ($0.key.text, $0.value.final.sight.json) }
    let seen = JSONValue.object([
      "secrets": .array(
        secrets.sorted { $0.0.utf8.lexicographicallyPrecedes($1.0.utf8) }
          .map { .array([.string($0.0), $0.1]) }),
      "unreadable": .integer(Int64(sighting.unreadable.count)),
    ])
    return SHA256.hash(seen.canonicalBytes())
  }
}

extension DriftComparison.Extent {
  /// Whether a difference of the kind would have shown.
  fileprivate func covers(_ kind: DriftKind) -> Bool {
    switch self {
    case .everything: true
    case .existence: kind == .secretGone || kind == .secretUnrecorded
    case .nothing: false
    }
  }
}

extension CloudSight {
  /// What was seen, as JSON: the labels of each version by its id, or a word.
  fileprivate var json: JSONValue {
    switch self {
    case .absent: return .string("absent")
    case .pendingDeletion: return .string("pending_deletion")
    case .unseen: return .string("unobservable")
    case .present(let labels):
      let stages = Dictionary(grouping: labels.holders.keys) { labels.holders[$0] }
      return .array(
        labels.versions.sorted().map { version in
          let stages = (stages[version] ?? []).sorted().map { JSONValue.string($0.text) }
          return .array([.string(version.text), .array(stages)])
        })
    }
  }
}
