// Acknowledgement: somebody's word that a finding is known and may stand, for whom to ask and until
// when.
//
// Folded out of `drift.acknowledged` events by `FindingState.evolve`; kept beside the finding and
// told in reports. Invariant: reading back what `json` gives is the same acknowledgement.

public import CanonicalJSON

/// Somebody's word that a finding is known and may stand for a while.
public struct Acknowledgement: Hashable, Sendable {
  /// The event that says so.
  public var position: Position
  /// When it was said.
  public var at: Instant
  /// Who said it.
  public var principal: Principal
  /// Why; nil where no reason was given.
  public var reason: String?
  /// It holds before this moment; nil: until the finding changes or is resolved.
  public var until: Instant?

  /// An acknowledgement with every part named.
  public init(
    position: Position, at: Instant, principal: Principal, reason: String?, until: Instant?
  ) {
    self.position = position
    self.at = at
    self.principal = principal
    self.reason = reason
    self.until = until
  }

  /// The acknowledgement in a `drift.acknowledged` event.
  public init(_ event: Event) {
    self.init(
      position: event.position, at: event.recordedAt, principal: event.principal,
      reason: event.reason,
      until: event.data["expires_at"]?.stringValue.flatMap { Instant(rfc3339: $0) })
  }

  /// Whether it holds at the moment.
  public func holds(at moment: Instant) -> Bool { until.map { moment < $0 } ?? true }
}

extension Acknowledgement {
  /// The acknowledgement as a JSON object.
  public var json: JSONValue {
    .object([
      "position": .integer(position.index), "at": .string(at.rfc3339), "by": principal.json,
      "reason": reason.map { .string($0) } ?? .null,
      "expires_at": until.map { .string($0.rfc3339) } ?? .null,
    ])
  }

  /// Reads what `json` gave; nil for anything else.
  public init?(_ json: JSONValue) {
    guard let position = json["position"]?.integerValue.flatMap({ Position($0) }),
      let at = json["at"]?.stringValue.flatMap({ Instant(rfc3339: $0) }),
      let by = json["by"], let kind = by["type"]?.stringValue.flatMap(Principal.Kind.init)
    else { return nil }
    self.init(
      position: position, at: at,
      principal: Principal(
        kind: kind, id: by["id"]?.stringValue, name: by["name"]?.stringValue,
        sourceIP: by["source_ip"]?.stringValue),
      reason: json["reason"]?.stringValue,
      until: json["expires_at"]?.stringValue.flatMap { Instant(rfc3339: $0) })
  }
}

extension Principal {
  /// The actor as a JSON object.
  public var json: JSONValue {
    .object([
      "type": .string(kind.rawValue), "id": id.map { .string($0) } ?? .null,
      "name": name.map { .string($0) } ?? .null,
      "source_ip": sourceIP.map { .string($0) } ?? .null,
    ])
  }
}
