// DriftComparison: what differs between the record and one look at the cloud, for one secret.
//
// Called by the reconciler after each of its two looks; pure. Invariant: a label differs only if
// the cloud's answer differs from every state in the `LedgerWindow`, and what the cloud did not
// show gives no difference.

import Ledger

/// What the cloud showed of one secret.
enum CloudSight: Sendable {
  /// There is no such secret.
  case absent
  /// It is listed as waiting for its deletion, which hides its versions.
  case pendingDeletion
  /// Its versions and labels.
  case present(CloudLabels)
  /// Nothing that could be used.
  case unseen(Unobservable.Reason, detail: String?)
}

/// The versions and labels of one secret in the cloud.
struct CloudLabels: Sendable {
  /// All versions.
  let versions: Set<VersionID>
  /// The version each label is on.
  let holders: [StageName: VersionID]

  /// Sorts an answer by label; nil when it has a label on two versions, which no cloud can mean.
  init?(_ answer: [CloudVersion]) {
    var holders: [StageName: VersionID] = [:]
    for version in answer {
      for stage in version.stages {
        if let other = holders.updateValue(version.id, forKey: stage), other != version.id {
          return nil
        }
      }
    }
    versions = Set(answer.map(\.id))
    self.holders = holders
  }
}

/// A difference with what the record's side of it rests on.
struct SightedDifference: Sendable {
  /// The difference.
  let difference: Difference
  /// When the record's side took its present shape; nil when the record never spoke of it.
  let since: Instant?
  /// The events that decided the record's side.
  let decidedBy: [Position]
}

/// What one look at one secret tells.
struct DriftComparison: Sendable {
  /// How much of the secret the look can judge.
  enum Extent: Sendable {
    /// Whether it is there, its versions and its labels.
    case everything
    /// Whether it is there, and nothing else.
    case existence
    /// Nothing: it was not seen, or its life changed in the record during the look.
    case nothing
  }

  /// What differs.
  let differences: [SightedDifference]
  /// What absence of a difference stands for.
  let extent: Extent

  /// Compares what the record held with what the cloud showed at `now`.
  ///
  /// - A secret the cloud lacks, or lists as waiting for deletion while the record has it in use,
  /// is
  ///   `secret_gone`, and nothing is said of its versions and labels. One the record schedules for
  ///   deletion may be gone once its time has come, and may show itself or not before that.
  /// - A secret that only facts about labels speak of counts as recorded: its labels are compared.
  /// - A registered version the cloud lacks is `version_gone`; that its labels are nowhere in the
  ///   cloud follows from it and is not said again. A label of it found on another version is.
  /// - A version only the cloud has is no difference as long as no label on it is.
  init(_ window: LedgerWindow, of secret: SecretName, against sight: CloudSight, at now: Instant) {
    switch sight {
    case .unseen:
      self.init(differences: [], extent: .nothing)
    case .absent:
      self.init(existence: Self.absence(window, now), window, secret, orElse: .everything)
    case .pendingDeletion:
      self.init(existence: Self.pendency(window), window, secret, orElse: .existence)
    case .present(let labels):
      switch Self.presence(window) {
      case .agrees:
        self.init(
          differences: Self.goneVersions(window, secret, labels)
            + Self.movedLabels(window, secret, labels), extent: .everything)
      case let other:
        self.init(existence: other, window, secret, orElse: .everything)
      }
    }
  }

  private init(differences: [SightedDifference], extent: Extent) {
    self.differences = differences
    self.extent = extent
  }

  /// What the look says about the secret being there.
  private enum Existence {
    case agrees
    case differs(DriftKind)
    case moving
  }

  private init(
    existence: Existence, _ window: LedgerWindow, _ secret: SecretName, orElse extent: Extent
  ) {
    switch existence {
    case .agrees:
      self.init(differences: [], extent: extent)
    case .moving:
      self.init(differences: [], extent: .nothing)
    case .differs(let kind):
      let registered = kind == .secretGone ? window.state.registeredAt : nil
      self.init(
        differences: [
          SightedDifference(
            difference: Difference(
              kind: kind, secret: secret, stage: nil, ledgerVersion: nil, cloudVersion: nil),
            since: registered?.effectiveAt, decidedBy: registered.map { [$0.position] } ?? [])
        ], extent: extent)
    }
  }

  private static func absence(_ window: LedgerWindow, _ now: Instant) -> Existence {
    let mustExist = window.lives.map { life in
      switch life {
      case .enabled: true
      case .pendingDeletion(let until): until > now
      case .unregistered: window.heldAnyLabel
      case .deleted: false
      }
    }
    return judge(mustExist, kind: .secretGone)
  }

  private static func pendency(_ window: LedgerWindow) -> Existence {
    if window.lives.allSatisfy({ $0 == .unregistered }), !window.heldAnyLabel {
      return .differs(.secretUnrecorded)
    }
    let mustBeUsable = window.lives.map { life in
      switch life {
      case .enabled, .unregistered: true
      case .pendingDeletion, .deleted: false
      }
    }
    return judge(mustBeUsable, kind: .secretGone)
  }

  private static func presence(_ window: LedgerWindow) -> Existence {
    let isUnknown = window.lives.map { life in
      switch life {
      case .enabled, .pendingDeletion: false
      case .unregistered: !window.heldAnyLabel
      case .deleted: true
      }
    }
    return judge(isUnknown, kind: .secretUnrecorded)
  }

  private static func judge(_ differs: [Bool], kind: DriftKind) -> Existence {
    if differs.allSatisfy({ $0 }) { return .differs(kind) }
    return differs.contains(true) ? .moving : .agrees
  }

  private static func goneVersions(
    _ window: LedgerWindow, _ secret: SecretName, _ labels: CloudLabels
  ) -> [SightedDifference] {
    window.state.versions.sorted { $0.key < $1.key }.compactMap { version, known in
      guard isGone(version, window, labels) else { return nil }
      return SightedDifference(
        difference: Difference(
          kind: .versionGone, secret: secret, stage: nil, ledgerVersion: version,
          cloudVersion: nil),
        since: known.registeredAt.effectiveAt, decidedBy: [known.registeredAt.position])
    }
  }

  private static func isGone(
    _ version: VersionID, _ window: LedgerWindow, _ labels: CloudLabels
  ) -> Bool {
    window.state.isRegistered(version) && !window.movedVersions.contains(version)
      && !labels.versions.contains(version)
  }

  private static func movedLabels(
    _ window: LedgerWindow, _ secret: SecretName, _ labels: CloudLabels
  ) -> [SightedDifference] {
    let stages = Set(window.holders.keys).union(labels.holders.keys)
    return stages.sorted().compactMap { stage in
      let inCloud = labels.holders[stage]
      guard !window.held(stage, at: inCloud) else { return nil }
      let standing = window.state.stages[stage]
      let kind: DriftKind
      switch (standing?.versionID, inCloud) {
      case (nil, _): kind = .labelExtra
      case (_?, _?): kind = .labelElsewhere
      case (let version?, nil):
        guard !isGone(version, window, labels) else { return nil }
        kind = .labelMissing
      }
      return SightedDifference(
        difference: Difference(
          kind: kind, secret: secret, stage: stage, ledgerVersion: standing?.versionID,
          cloudVersion: inCloud),
        since: standing?.since.effectiveAt, decidedBy: standing.map { [$0.since.position] } ?? [])
    }
  }
}
