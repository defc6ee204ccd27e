// Fact: something that happened elsewhere, as it is reported.
//
// Made by the API and by whoever adopts what a cloud shows; `decide` in `DecideFact` says what is
// recorded of it. Invariant: a fact is never refused for what the rules say, for the cloud has
// accepted it: only for what no cloud can have done, such as to act in the future.

public import CanonicalJSON

/// Something that happened to one secret elsewhere.
public struct Fact: Hashable, Sendable {
  /// The id whoever reports it gave it; nil: the ledger gives one.
  public var eventID: EventID?
  /// The secret it happened to.
  public var secret: SecretName
  /// What happened.
  public var happening: Happening
  /// When it happened, or the latest it can have happened.
  public var effectiveAt: Instant
  /// It happened after this moment; nil: exactly at `effectiveAt`.
  public var effectiveAfter: Instant?
  /// Whether what the rules imply is recorded too.
  public var implications: Implications
  /// Who acted, through which door and why; nil: as whoever reports it.
  public var provenance: Provenance?
  /// Whatever else is known of it, such as `delete_at` of a scheduled deletion.
  public var data: [String: JSONValue]

  /// A fact, by default exact, as it is said, and told of nobody but who reports it.
  public init(
    eventID: EventID? = nil, secret: SecretName, _ happening: Happening, effectiveAt: Instant,
    effectiveAfter: Instant? = nil, implications: Implications = .asSaid,
    provenance: Provenance? = nil, data: [String: JSONValue] = [:]
  ) {
    self.eventID = eventID
    self.secret = secret
    self.happening = happening
    self.effectiveAt = effectiveAt
    self.effectiveAfter = effectiveAfter
    self.implications = implications
    self.provenance = provenance
    self.data = data
  }

  /// What can happen to a secret.
  public enum Happening: Hashable, Sendable {
    /// The secret was made.
    case secretRegistered
    /// Its deletion was scheduled, for `delete_at` in the data.
    case secretDeletionScheduled
    /// A scheduled deletion was called off.
    case secretRestored
    /// It was deleted.
    case secretDeleted
    /// A version was made; nil `stages`: nobody said which labels were named for it.
    case versionRegistered(VersionID, stages: [StageName]?)
    /// A version was pruned.
    case versionRemoved(VersionID)
    /// The label was put on the version.
    case stageAssigned(StageName, to: VersionID)
    /// The label was taken away.
    case stageRemoved(StageName)
    /// A change of the label that is in the log happened then; named by the event that told of it,
    /// or by an earlier refinement of it.
    case changeRefined(StageName, Position)
    /// Somebody tried to change something and the cloud refused: it changed nothing.
    case changeRejected(StageName?, VersionID?)
    /// Something was changed, and what it was is not known.
    case changeUnresolved(StageName?, VersionID?)
  }

  /// Whether what the provider's rules imply is recorded too.
  public enum Implications: Hashable, Sendable {
    /// What is said and nothing else.
    case asSaid
    /// Also what the cloud did because of it, by its rules, at the same time.
    case byRules
  }
}

/// What became of one fact.
public struct FactOutcome: Hashable, Sendable {
  /// What can become of a fact.
  public enum Kind: String, CaseIterable, Sendable {
    /// It was appended.
    case recorded
    /// It told better when a change happened that is in the log.
    case refined
    /// Its id is in the log already.
    case duplicate
    /// The log says so already.
    case unchanged
  }
  /// What became of it.
  public var kind: Kind
  /// The first event of it, for a duplicate the one that has its id; nil when there is none.
  public var position: Position?
  /// What became of a fact.
  public init(_ kind: Kind, at position: Position?) {
    self.kind = kind
    self.position = position
  }
}

extension Fact {
  /// What happened to one label, as a fact about the secret.
  public init(_ fact: StageFact, of secret: SecretName) {
    self.init(
      secret: secret,
      fact.versionID.map { .stageAssigned(fact.stage, to: $0) } ?? .stageRemoved(fact.stage),
      effectiveAt: fact.effectiveAt, effectiveAfter: fact.effectiveAfter)
  }

  /// Better knowledge of a change of one label, as a fact about the secret.
  public init(_ refinement: Refinement, of secret: SecretName) {
    self.init(
      secret: secret, .changeRefined(refinement.stage, refinement.position),
      effectiveAt: refinement.effectiveAt, effectiveAfter: refinement.effectiveAfter)
  }

  /// The version it speaks of; nil for none.
  public var versionID: VersionID? {
    switch happening {
    case .versionRegistered(let version, _), .versionRemoved(let version),
      .stageAssigned(_, let version):
      version
    case .changeRejected(_, let version), .changeUnresolved(_, let version): version
    case .secretRegistered, .secretDeletionScheduled, .secretRestored, .secretDeleted,
      .stageRemoved, .changeRefined:
      nil
    }
  }

  /// The label it speaks of; nil for none.
  public var stage: StageName? {
    switch happening {
    case .stageAssigned(let stage, _), .stageRemoved(let stage), .changeRefined(let stage, _):
      stage
    case .changeRejected(let stage, _), .changeUnresolved(let stage, _): stage
    case .secretRegistered, .secretDeletionScheduled, .secretRestored, .secretDeleted,
      .versionRegistered, .versionRemoved:
      nil
    }
  }

  /// The type of the event that tells of it, unless it is found to refine another.
  public var type: EventType {
    switch happening {
    case .secretRegistered: .secretRegistered
    case .secretDeletionScheduled: .secretDeletionScheduled
    case .secretRestored: .secretRestored
    case .secretDeleted: .secretDeleted
    case .versionRegistered: .versionRegistered
    case .versionRemoved: .versionRemoved
    case .stageAssigned: .stageAssigned
    case .stageRemoved: .stageRemoved
    case .changeRefined: .changeRefined
    case .changeRejected: .changeRejected
    case .changeUnresolved: .changeUnresolved
    }
  }

  /// The labels whose past must be known to record it; nil: those of the whole secret.
  public func stages(_ rules: LabelRules) -> Set<StageName>? {
    switch happening {
    case .secretDeleted: implications == .asSaid ? [] : nil
    case .versionRegistered(_, let stages):
      switch implications {
      case .asSaid: Set(stages ?? [])
      case .byRules:
        Set(stages ?? [rules.current] + [rules.pending].compactMap(\.self))
          .union([rules.current, rules.previous])
      }
    case .stageAssigned(let stage, _):
      implications == .byRules && stage == rules.current ? [stage, rules.previous] : [stage]
    case .stageRemoved(let stage): [stage]
    case .secretRegistered, .secretDeletionScheduled, .secretRestored, .versionRemoved,
      .changeRefined, .changeRejected, .changeUnresolved:
      []
    }
  }
}
