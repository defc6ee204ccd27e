// Submission: what somebody asks to append, and what became of it.
//
// Made by the API and the reconciler, handed through `Appender` to `AppendPlan`, which gives an
// outcome for each. Invariant: an outcome holds the stored bytes, so that whoever keeps it can hash
// them again.

public import Crypto
public import Ledger
import TransparencyLog

/// A request to append, as the services hand it to the store.
public struct Submission: Sendable {
  /// The caller's own name for the request, with a digest of what it asked.
  public struct Idempotency: Hashable, Sendable {
    /// The name.
    public var key: IdempotencyKey
    /// SHA-256 over method, path and body.
    public var requestDigest: Digest
    /// A name and a digest.
    public init(key: IdempotencyKey, requestDigest: Digest) {
      self.key = key
      self.requestDigest = requestDigest
    }
  }
  /// What is wanted.
  public var intent: Intent
  /// Who wants it, and why.
  public var provenance: Provenance
  /// The caller's own name for it; nil when there is none.
  public var idempotency: Idempotency?
  /// A request to append.
  public init(intent: Intent, provenance: Provenance, idempotency: Idempotency?) {
    self.intent = intent
    self.provenance = provenance
    self.idempotency = idempotency
  }
}

/// An event with its stored bytes and the hash of its leaf.
public struct RecordedEvent: Hashable, Sendable {
  /// The event.
  public let event: Event
  /// Its canonical bytes.
  public let bytes: [UInt8]
  /// RFC 9162 leaf hash of the bytes.
  public let leafHash: Digest
  /// An event to record.
  public init(_ event: Event) {
    self.event = event
    bytes = event.canonicalBytes
    leafHash = MerkleTree.leafHash(bytes)
  }
  /// An event read back from its stored bytes.
  public init(canonicalBytes: [UInt8]) throws(EventCodecError) {
    event = try Event(canonicalBytes: canonicalBytes)
    bytes = canonicalBytes
    leafHash = MerkleTree.leafHash(canonicalBytes)
  }
}

/// What became of an accepted submission.
public struct AppendOutcome: Hashable, Sendable {
  /// The events appended, in order; empty when nothing changed.
  public var events: [RecordedEvent]
  /// When nothing changed: the change that already stood.
  public var standing: SecretState.Moment?
  /// What became of each fact, in order; empty where the submission was none of facts.
  public var facts: [FactOutcome]
  /// What became of a submission.
  public init(
    events: [RecordedEvent], standing: SecretState.Moment?, facts: [FactOutcome] = []
  ) {
    self.events = events
    self.standing = standing
    self.facts = facts
  }
}

/// An answer given before under the same key.
public struct EarlierAnswer: Hashable, Sendable {
  /// The digest of the request it answered.
  public var requestDigest: Digest
  /// What became of that request.
  public var outcome: AppendOutcome
  /// An earlier answer.
  public init(requestDigest: Digest, outcome: AppendOutcome) {
    self.requestDigest = requestDigest
    self.outcome = outcome
  }
}
