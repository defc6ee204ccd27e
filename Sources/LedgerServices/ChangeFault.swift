// ChangeFault: why a change that was passed on to a cloud did not end well, as data.
//
// Thrown by `Changes`; one table per surface turns a case into that surface's status, code and
// text. Invariant: a fault says what is recorded, so that whoever asked can find it in the log.

public import Ledger

/// Why a change that was passed on did not end well.
public struct ChangeFault: Error, Hashable, Sendable {
  /// What went wrong.
  public enum Kind: Hashable, Sendable {
    /// The cloud will not do it, in its own words.
    case refused(CloudRefusal)
    /// The cloud's answer was no verdict; read afterwards, the cloud had not done it.
    case notDone
    /// The cloud was never asked: its settings are not complete, or the time had passed.
    case notSent
    /// What the cloud did is not known yet.
    case unresolved(CloudDoubt)
    /// What the cloud answered could not be recorded yet.
    case unrecorded
    /// The same request came before, and what came of it is not known yet.
    case unsettled
    /// Another change of the secret is under way.
    case underWay
  }
  /// What went wrong.
  public var kind: Kind
  /// The event that tells of the request; nil when nothing is recorded.
  public var position: Position?
  /// Why a change did not end well.
  public init(_ kind: Kind, at position: Position?) {
    self.kind = kind
    self.position = position
  }
}

extension CloudRefusal {
  /// The status whoever asked is told: the cloud's own, but where the cloud refuses this service's
  /// credential rather than the change, which is no fault of his.
  public var statusForCaller: Int { status == 401 ? 502 : status }
}

/// Why a change gave no outcome.
public enum ChangeError: Error, Hashable, Sendable {
  /// It was not recorded.
  case append(AppendError)
  /// It was passed on and did not end well.
  case fault(ChangeFault)
}
