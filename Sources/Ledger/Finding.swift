// Finding: a confirmed difference between the record and the cloud, with a stable id.
//
// Made by the reconciler's comparison, kept as `drift.*` events. The id is derived from what
// differs, so that the same drift seen again is the same finding; one whose shape has changed is
// opened again as it then is, which ends its acknowledgement.

public import CanonicalJSON

/// What kind of difference.
public enum DriftKind: String, CaseIterable, Sendable {
  /// The label sits on another version in the cloud.
  case labelElsewhere = "label_elsewhere"
  /// The cloud does not have the label.
  case labelMissing = "label_missing"
  /// The cloud has a label the record does not.
  case labelExtra = "label_extra"
  /// The cloud does not have the version.
  case versionGone = "version_gone"
  /// The cloud does not have the secret.
  case secretGone = "secret_gone"
  /// The record does not have the secret.
  case secretUnrecorded = "secret_unrecorded"
  /// The cloud would not show it.
  case unobservable
}

/// The stable id of a finding: 32 lower-case hex digits.
public struct FindingID: Identifier {
  /// The digits.
  public let text: String
  /// Parses an id.
  public init(_ text: String) throws(IdentifierError) {
    if text.utf8.isEmpty { throw .empty }
    guard text.utf8.count <= 32 else { throw .tooLong(limit: 32) }
    for (offset, byte) in text.utf8.enumerated() {
      guard (byte >= 0x30 && byte <= 0x39) || (byte >= 0x61 && byte <= 0x66) else {
        throw .forbidden(offset: offset)
      }
    }
    guard text.utf8.count == 32 else { throw .forbidden(offset: text.utf8.count) }
    self.text = text
  }
}

/// One difference, by what it is about.
public struct Difference: Hashable, Sendable {
  /// What kind.
  public var kind: DriftKind
  /// The secret; nil when the whole project could not be seen.
  public var secret: SecretName?
  /// The label; nil when it is about none.
  public var stage: StageName?
  /// The version the record has; nil for none.
  public var ledgerVersion: VersionID?
  /// The version the cloud has; nil for none.
  public var cloudVersion: VersionID?
  /// A difference.
  public init(
    kind: DriftKind, secret: SecretName?, stage: StageName?, ledgerVersion: VersionID?,
    cloudVersion: VersionID?
  ) {
    self.kind = kind
    self.secret = secret
    self.stage = stage
    self.ledgerVersion = ledgerVersion
    self.cloudVersion = cloudVersion
  }
}

/// What the events about one finding add up to.
public struct FindingState: Hashable, Sendable {
  /// Where a finding stands at a moment.
  public enum Standing: String, CaseIterable, Sendable {
    /// The drift is there.
    case open
    /// The drift is there, and somebody said that it may.
    case acknowledged
    /// The drift is gone.
    case resolved
  }

  /// The event that opened it as it is.
  public var openedBy: Position
  /// The event that resolved it; nil while it is open.
  public var resolvedBy: Position?
  /// The newest acknowledgement of it as it is, over or not; nil when there is none.
  public var acknowledgement: Acknowledgement?
  /// What the opening event carried.
  public var data: [String: JSONValue]

  /// The state of a finding.
  public init(
    openedBy: Position, resolvedBy: Position?, acknowledgement: Acknowledgement? = nil,
    data: [String: JSONValue]
  ) {
    self.openedBy = openedBy
    self.resolvedBy = resolvedBy
    self.acknowledgement = acknowledgement
    self.data = data
  }

  /// Whether the drift is still there.
  public var isOpen: Bool { resolvedBy == nil }

  /// Where it stands at the moment, which none of its events lies behind.
  public func standing(at moment: Instant) -> Standing {
    guard isOpen else { return .resolved }
    return acknowledgement?.holds(at: moment) == true ? .acknowledged : .open
  }

  /// Whether it is open with the same versions, decided by the same events, as these data tell.
  public func isOpen(as data: [String: JSONValue]) -> Bool {
    isOpen
      && ["ledger_version", "cloud_version", "decided_by"].allSatisfy { name in
        self.data[name] == data[name]
      }
  }

  /// The state once `event`, which is about this finding, is added; nil if there was none to
  /// change.
  public static func evolve(_ state: FindingState?, _ event: Event) -> FindingState? {
    switch event.type {
    case .driftOpened:
      return FindingState(openedBy: event.position, resolvedBy: nil, data: event.data)
    case .driftResolved:
      guard var state else { return nil }
      state.resolvedBy = event.position
      return state
    case .driftAcknowledged:
      guard var state, state.isOpen else { return state }
      state.acknowledgement = Acknowledgement(event)
      return state
    case .secretRegistered, .secretDeletionScheduled, .secretRestored, .secretDeleted,
      .versionRegistered, .versionRemoved, .stageAssigned, .stageRemoved, .changeRequested,
      .changeRejected, .changeUnresolved, .changeConfirmed, .changeRefined, .watchStarted,
      .watchGap, .watchStopped,
      .reconciliationCompleted, .projectionSwitched:
      return state
    }
  }
}

extension Event {
  /// The finding the event opens, resolves or speaks of: `data.finding`.
  public var finding: FindingID? {
    guard case .string(let text)? = data["finding"] else { return nil }
    do { return try FindingID(text) } catch { return nil }
  }
}
