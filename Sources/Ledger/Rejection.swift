// Rejection: every reason the rules refuse a command, as data.
//
// Thrown by `decide` and `AppendPlan`; one table per surface turns a case into that cloud's status,
// code and text. A rejection appends nothing and disturbs no neighbour of its batch.

/// Why a command was refused.
public indirect enum Rejection: Error, Hashable, Sendable {
  /// No secret of that name is registered.
  case secretNotFound
  /// A secret of that name is registered already.
  case secretExists
  /// The secret waits for its deletion.
  case secretPendingDeletion
  /// The secret does not wait for its deletion.
  case secretNotPendingDeletion
  /// The secret has no such version.
  case versionNotFound(VersionID)
  /// The secret has that version already.
  case versionExists(VersionID)
  /// The next version number cannot be written.
  case versionNumbersExhausted
  /// No version of the secret carries the label.
  case stageNotFound(StageName)
  /// The label is built in and can only be moved.
  case stagePermanent(StageName)
  /// The label sits on the version `holder`, and the cloud moves it only for who says so.
  case sourceRequired(StageName, holder: VersionID)
  /// The secret has no such version for the label to leave.
  case sourceNotFound(VersionID)
  /// The label does not sit where it was said to; nil `holder`: it sits nowhere.
  case sourceMismatch(StageName, holder: VersionID?)
  /// A label should move, but neither from a version nor to one.
  case noVersionGiven
  /// The cloud does not count versions, and no id was given.
  case versionIDRequired
  /// The labels of the secret would be more than `limit`.
  case tooManyStages(limit: Int)
  /// One request names more labels than a secret may carry.
  case tooManyStagesRequested(limit: Int)
  /// The cloud takes no such name for the thing in this field.
  case nameNotAllowed(NameField)
  /// The recovery window is outside the days the cloud allows.
  case recoveryDaysOutOfRange(ClosedRange<Int>)
  /// The fact is said to be true only after `now`.
  case effectiveInFuture(now: Instant)
  /// The fact is said to have happened after the moment it was true at.
  case effectiveAfterTooLate
  /// The log has no change of this label at this position.
  case changeNotFound(Position)
  /// The secret has moved on since the caller read it.
  case streamVersionMismatch(expected: StreamVersion, actual: StreamVersion)
  /// The finding is not open: it was resolved, or there never was one.
  case findingNotOpen
  /// An acknowledgement is said to end at or before `now`.
  case acknowledgementOver(now: Instant)
  /// Another change of the secret is under way, asked for at this position.
  case changeUnderWay(Position)
  /// The key was used before, with another request.
  case idempotencyKeyReused
  /// Another fact has this id.
  case eventIDReused(EventID)
  /// One of several facts, by its index among them, was refused, and so none was recorded.
  case fact(index: Int, Rejection)

  /// A field that holds a name.
  public enum NameField: String, Hashable, Sendable {
    case secret = "name"
    case stage
    case version = "version_id"
  }
}

extension Rejection {
  /// A stable word for the reason, for machines.
  public var code: String {
    switch self {
    case .secretNotFound: "secret_not_found"
    case .secretExists: "secret_exists"
    case .secretPendingDeletion: "secret_pending_deletion"
    case .secretNotPendingDeletion: "secret_not_pending_deletion"
    case .versionNotFound: "version_not_found"
    case .versionExists: "version_exists"
    case .versionNumbersExhausted: "version_numbers_exhausted"
    case .stageNotFound: "stage_not_found"
    case .stagePermanent: "stage_permanent"
    case .sourceRequired: "source_required"
    case .sourceNotFound: "source_not_found"
    case .sourceMismatch: "source_mismatch"
    case .noVersionGiven: "no_version_given"
    case .versionIDRequired: "version_id_required"
    case .tooManyStages: "too_many_stages"
    case .tooManyStagesRequested: "too_many_stages_requested"
    case .nameNotAllowed: "name_not_allowed"
    case .recoveryDaysOutOfRange: "recovery_days_out_of_range"
    case .effectiveInFuture: "effective_in_future"
    case .effectiveAfterTooLate: "effective_after_too_late"
    case .changeNotFound: "change_not_found"
    case .streamVersionMismatch: "stream_version_mismatch"
    case .findingNotOpen: "finding_not_open"
    case .acknowledgementOver: "acknowledgement_over"
    case .changeUnderWay: "change_under_way"
    case .idempotencyKeyReused: "idempotency_key_reused"
    case .eventIDReused: "event_id_reused"
    case .fact(_, let rejection): rejection.code
    }
  }
}
