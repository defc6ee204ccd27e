// DriftFinding: one finding with everything a reader needs: both sides, who decided, what to do.
//
// Made by `DriftRecord` while a run is under way and by `DriftHistory` from the events; shown by
// the API and the reports. Invariant: what is said of the record's side comes from the events
// named.

public import CanonicalJSON
import Crypto
public import Ledger

/// An event that decided the record's side of a finding, as far as people ask about it.
public struct DecidingEvent: Hashable, Sendable {
  /// Its place in the log.
  public var position: Position
  /// What kind of fact it states.
  public var type: EventType
  /// When it was true, or the latest it can have become so.
  public var effectiveAt: Instant
  /// When the ledger stored it.
  public var recordedAt: Instant
  /// Who acted.
  public var principal: Principal
  /// Through which door it came.
  public var source: EventSource
  /// Why, in the actor's words; nil where nothing was said.
  public var reason: String?
  /// The change ticket; nil where none was named.
  public var ticket: String?
  /// The version that lost the label; nil when none held it.
  public var previousVersionID: VersionID?

  /// What people ask about the event.
  public init(_ event: Event) {
    position = event.position
    type = event.type
    effectiveAt = event.effectiveAt
    recordedAt = event.recordedAt
    principal = event.principal
    source = event.source
    reason = event.reason
    ticket = event.ticket
    previousVersionID = event.previousVersionID
  }
}

/// One finding of a drift run.
public struct DriftFinding: Hashable, Sendable {
  /// Who probably made the difference.
  public enum LikelyActor: Hashable, Sendable {
    /// Whoever made this change in the ledger, which the cloud does not show: it has what was there
    /// before.
    case ledger(DecidingEvent)
    /// Somebody who changed the cloud without the ledger.
    case notThroughTheLedger
  }

  /// Its stable id.
  public var id: FindingID
  /// What differs; for a resolved finding, what differed when it was last seen.
  public var difference: Difference
  /// When the record's side took its present place; nil when the record never spoke of it.
  public var since: Instant?
  /// When a run first saw it.
  public var firstSeen: Instant
  /// When a run last saw it; nil for a resolved finding, or where it is not known.
  public var lastSeen: Instant?
  /// The events that decided the record's side.
  public var decidedBy: [Position]
  /// Those of them that could be read.
  public var deciding: [DecidingEvent]
  /// What somebody said about it, over or not; nil where nobody did.
  public var acknowledgement: Acknowledgement?
  /// Where it stands.
  public var state: FindingState.Standing

  /// A finding with every part named, but for the events that decided it.
  public init(
    id: FindingID, difference: Difference, since: Instant?, firstSeen: Instant,
    lastSeen: Instant?, decidedBy: [Position], acknowledgement: Acknowledgement?,
    state: FindingState.Standing
  ) {
    self.id = id
    self.difference = difference
    self.since = since
    self.firstSeen = firstSeen
    self.lastSeen = lastSeen
    self.decidedBy = decidedBy
    deciding = []
    self.acknowledgement = acknowledgement
    self.state = state
  }

  /// Who probably made the difference, by what the log says: if the cloud shows just what the
  /// record held before its last change, that change has probably not reached the cloud.
  public var likelyActor: LikelyActor {
    guard let last = deciding.last else { return .notThroughTheLedger }
    switch difference.kind {
    case .labelElsewhere, .labelMissing, .labelExtra:
      return last.previousVersionID == difference.cloudVersion
        ? .ledger(last) : .notThroughTheLedger
    case .versionGone, .secretGone, .secretUnrecorded, .unobservable:
      return .notThroughTheLedger
    }
  }

  /// The finding as a JSON object.
  public var json: JSONValue {
    let actor: JSONValue =
      switch likelyActor {
      case .ledger(let event): event.principal.json
      case .notThroughTheLedger: .null
      }
    return .object([
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
      "deciding_events": .array(deciding.map(\.json)),
      "likely_actor": actor,
      "acknowledgement": acknowledgement?.json ?? .null,
      "next_step": .string(difference.kind.nextStep),
      "state": .string(state.rawValue),
    ])
  }

  /// Whether it stands before another in a list: by secret, label, kind and version.
  static func inOrder(_ left: DriftFinding, _ right: DriftFinding) -> Bool {
    func key(_ finding: DriftFinding) -> [String] {
      let difference = finding.difference
      return [
        difference.secret?.text ?? "", difference.stage?.text ?? "", difference.kind.rawValue,
        difference.ledgerVersion?.text ?? "",
      ]
    }
    return key(left).lexicographicallyPrecedes(key(right))
  }
}

extension DecidingEvent {
  /// The event as a JSON object.
  public var json: JSONValue {
    .object([
      "position": .integer(position.index), "type": .string(type.rawValue),
      "effective_at": .string(effectiveAt.rfc3339), "recorded_at": .string(recordedAt.rfc3339),
      "principal": principal.json, "source": .string(source.rawValue),
      "reason": JSONValue(text: reason), "ticket": JSONValue(text: ticket),
    ])
  }
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
