// EventOutline: what stands in the stored bytes of an event and is told again around them.
//
// Read by `CloudEvent` and `LiveTail`, and by the export of the command line. Invariant: the bytes
// are only read; a type of event that this program does not know is passed on like any other.

public import CanonicalJSON

/// The members of an event that are told again around its bytes.
public struct EventOutline: Sendable {
  /// The event's own id.
  public let id: String
  /// The log it belongs to.
  public let project: String
  /// Its place in that log.
  public let position: Int64
  /// What kind of fact it states.
  public let type: String
  /// The secret it is about; nil for facts about the whole project.
  public let secret: String?
  /// When it was true in the cloud, as RFC 3339.
  public let effectiveAt: String
  /// When the ledger stored it, as RFC 3339.
  public let recordedAt: String

  /// Reads the members of an event; nil where one is missing.
  public init?(_ event: JSONValue) {
    guard let id = event["event_id"]?.stringValue, let project = event["project"]?.stringValue,
      let position = event["position"]?.integerValue, let type = event["type"]?.stringValue,
      let effectiveAt = event["effective_at"]?.stringValue,
      let recordedAt = event["recorded_at"]?.stringValue
    else { return nil }
    self.id = id
    self.project = project
    self.position = position
    self.type = type
    secret = event["secret"]?.stringValue
    self.effectiveAt = effectiveAt
    self.recordedAt = recordedAt
  }

  /// Reads the stored bytes of an event; nil when they are none.
  public init?(_ bytes: [UInt8]) {
    let event: JSONValue
    do { event = try JSONValue(parsing: bytes) } catch { return nil }
    self.init(event)
  }
}
