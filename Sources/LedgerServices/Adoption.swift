// Adoption: what a run that adopts writes into the record: the cloud's state, as facts.
//
// Called by the reconciler once both looks are over; pure. Only what both looks saw alike is
// adopted, and what was not seen never is. Invariant: a fact is exact only where the cloud tells
// the time, else it is bounded by the last moment at which the record is known to have been right,
// so no moment is claimed that nobody saw.

import Ledger

/// What a run is for.
public enum RunPurpose: Hashable, Sendable {
  /// To find what differs.
  case compare
  /// To record what differs as it is in the cloud, for the reason and the ticket given.
  case adopt(reason: String?, ticket: String?)
}

/// What a run that adopts writes into the record.
struct Adoption: Sendable {
  /// How many facts are recorded together.
  static let factsMax = 1_000

  /// The facts, those of one secret together and in order.
  private(set) var facts: [[Fact]] = []
  /// The findings they settle.
  private(set) var findings: Set<FindingID> = []

  /// What of the sighting is adopted; `times` are those the cloud told of labels.
  init(
    of sighting: ProjectSighting, in project: ProjectID, lastLook: WatchStanding.Look?,
    known: OpenFindings, times: [StageKey: Instant]
  ) {
    let suspects = known.secrets
    for (secret, saw) in sighting.secrets.sorted(by: { $0.key < $1.key }) {
      let differences = saw.confirmed
      var lastRight: Instant?
      if let lastLook, !suspects.contains(secret), !lastLook.unseen.contains(secret) {
        lastRight = lastLook.startedAt
      }
      var writer = FactWriter(secret, saw, lastRight: lastRight, times)
      for sighted in differences {
        writer.settle(sighted)
        findings.insert(FindingID(of: sighted.difference, in: project))
      }
      writer.registerOthers()
      if !writer.facts.isEmpty { facts.append(writer.facts) }
    }
  }

  /// The facts in submissions of at most `factsMax`, unless one secret alone has more.
  var submissions: [[Fact]] {
    var all: [[Fact]] = []
    for facts in facts {
      if let last = all.last, last.count + facts.count <= Self.factsMax {
        all[all.count - 1] += facts
      } else {
        all.append(facts)
      }
    }
    return all
  }
}

extension SecretSighting {
  /// The differences both looks saw alike.
  var confirmed: [SightedDifference] {
    guard let second else { return [] }
    let before = Set(first.comparison.differences.map(\.difference))
    return second.comparison.differences.filter { before.contains($0.difference) }
  }

  /// The versions both looks saw that the record does not have.
  var unrecordedVersions: Set<VersionID> {
    guard case .present(let labels) = final.sight, case .present(let before) = first.sight else {
      return []
    }
    return labels.versions.intersection(before.versions)
      .filter { !window.state.isRegistered($0) }
  }

  /// The labels to be adopted, with the versions they are on.
  var labelsToAdopt: [StageName: VersionID] {
    guard case .present(let labels) = final.sight else { return [:] }
    var adopted: [StageName: VersionID] = [:]
    for difference in confirmed.map(\.difference) {
      switch difference.kind {
      case .labelElsewhere, .labelExtra:
        if let stage = difference.stage { adopted[stage] = difference.cloudVersion }
      case .secretUnrecorded: adopted = labels.holders
      case .labelMissing, .versionGone, .secretGone, .unobservable: break
      }
    }
    return adopted
  }
}

extension Unseen {
  /// Whether the secret was not seen.
  fileprivate func contains(_ secret: SecretName) -> Bool {
    switch self {
    case .everything: true
    case .secrets(let secrets): secrets.contains(secret)
    }
  }
}

/// Writes the facts about one secret.
private struct FactWriter {
  private(set) var facts: [Fact] = []
  private let secret: SecretName
  private let saw: SecretSighting
  /// When the record was last seen to be right; nil: never.
  private let lastRight: Instant?
  private let times: [StageKey: Instant]
  private var registered: Set<VersionID> = []

  init(
    _ secret: SecretName, _ saw: SecretSighting, lastRight: Instant?,
    _ times: [StageKey: Instant]
  ) {
    self.secret = secret
    self.saw = saw
    self.lastRight = lastRight
    self.times = times
  }

  /// When the cloud was seen so.
  private var seenAt: Instant { saw.final.seenAt }

  /// Adds what makes the record agree on one difference.
  mutating func settle(_ sighted: SightedDifference) {
    let difference = sighted.difference
    switch difference.kind {
    case .secretUnrecorded: register()
    case .secretGone:
      let isPending = if case .pendingDeletion = saw.final.sight { true } else { false }
      add(
        isPending ? .secretDeletionScheduled : .secretDeleted, since: sighted.since,
        implications: isPending ? .asSaid : .byRules)
    case .versionGone:
      guard let version = difference.ledgerVersion else { return }
      add(.versionRemoved(version), since: sighted.since)
      removeLabels(of: version)
    case .labelMissing:
      guard let stage = difference.stage else { return }
      add(.stageRemoved(stage), since: sighted.since)
    case .labelElsewhere, .labelExtra:
      guard let stage = difference.stage, let version = difference.cloudVersion else { return }
      register(version)
      assign(stage, to: version, since: sighted.since)
    case .unobservable: return
    }
  }

  /// Adds the versions that only the cloud has, where the secret itself is in both.
  mutating func registerOthers() {
    guard saw.second != nil, saw.window.state.isExpectedInCloud else { return }
    for version in saw.unrecordedVersions.sorted() { register(version) }
  }

  /// A secret the record does not have, with all its versions and labels.
  private mutating func register() {
    guard case .present(let labels) = saw.final.sight else {
      add(.secretRegistered, since: nil)
      if case .pendingDeletion = saw.final.sight { add(.secretDeletionScheduled, since: nil) }
      return
    }
    let first = labels.holders.keys.compactMap { time(of: $0) }.min()
    add(.secretRegistered, since: nil, notAfter: first)
    for version in labels.versions.sorted() { register(version) }
    for (stage, version) in labels.holders.sorted(by: { $0.key < $1.key }) {
      assign(stage, to: version, since: nil)
    }
  }

  /// A version, which is no younger than what was put on it.
  private mutating func register(_ version: VersionID) {
    guard !saw.window.state.isRegistered(version), registered.insert(version).inserted else {
      return
    }
    var first: Instant?
    if case .present(let labels) = saw.final.sight {
      first = labels.holders.filter { $0.value == version }.keys.compactMap { time(of: $0) }.min()
    }
    add(.versionRegistered(version, stages: []), since: nil, notAfter: first)
  }

  /// The labels that went with a version and sit nowhere.
  private mutating func removeLabels(of version: VersionID) {
    guard case .present(let labels) = saw.final.sight else { return }
    for stage in saw.window.state.stages(of: version) where labels.holders[stage] == nil {
      add(.stageRemoved(stage), since: saw.window.state.stages[stage]?.since.effectiveAt)
    }
  }

  /// A label, at the very time the cloud tells, unless the record's own change is later.
  private mutating func assign(_ stage: StageName, to version: VersionID, since: Instant?) {
    if let time = time(of: stage), since.map({ $0 < time }) ?? true {
      facts.append(Fact(secret: secret, .stageAssigned(stage, to: version), effectiveAt: time))
    } else {
      add(.stageAssigned(stage, to: version), since: since)
    }
  }

  private func time(of stage: StageName) -> Instant? {
    times[StageKey(secret: secret, stage: stage)].flatMap { $0 <= seenAt ? $0 : nil }
  }

  /// A fact that happened after the record was last right, and by the look that saw it.
  private mutating func add(
    _ happening: Fact.Happening, since: Instant?, notAfter limit: Instant? = nil,
    implications: Fact.Implications = .asSaid
  ) {
    let end = min(limit ?? seenAt, seenAt)
    let begin = [since, lastRight].compactMap(\.self).max().flatMap { $0 < end ? $0 : nil }
    facts.append(
      Fact(
        secret: secret, happening, effectiveAt: end, effectiveAfter: begin ?? .earliest,
        implications: implications))
  }
}
