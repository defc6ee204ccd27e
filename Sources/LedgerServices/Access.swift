// Access: who asked for what and what he was told, as the access log keeps it.
//
// Noted by the API, gathered by `AccessTally`, kept by `AccessStore`, printed by the command line.
// Invariant: nothing here can hold a token, a signature or a secret value; of a request that has
// not proved whose it is nothing is kept that the request says of itself.

public import Ledger

/// What several requests may have in common: all but their time and their id.
public struct Access: Hashable, Sendable {
  /// What became of a request.
  public enum Verdict: Hashable, Sendable {
    /// It was answered with what it asked for.
    case answered
    /// It was taken, and could not be answered, in a stable word.
    case failed(String)
    /// It was not taken: nobody could tell whose it is, or he may not; in a stable word.
    case refused(String)

    /// Why it was not answered; nil when it was.
    public var reason: String? {
      switch self {
      case .answered: nil
      case .failed(let reason), .refused(let reason): reason
      }
    }

    /// Whether it was not taken.
    public var isRefused: Bool {
      switch self {
      case .answered, .failed: false
      case .refused: true
      }
    }
  }
  /// The project of the credential; nil when it was refused before that was known.
  public var project: ProjectID?
  /// The credential's name; nil when it was refused before that was known.
  public var credential: String?
  /// The address it came from; nil when it is not known, or when there were too many.
  public var sourceIP: String?
  /// The API it spoke.
  public var surface: String
  /// The action, as policies call it; nil when it was refused before it was looked at.
  public var action: String?
  /// The secret it was about; nil for one about no secret in particular.
  public var secret: SecretName?
  /// The label it was about; nil for one about no label in particular.
  public var stage: StageName?
  /// The status of its answer.
  public var status: Int64
  /// What became of it.
  public var verdict: Verdict
  /// What requests have in common.
  public init(
    project: ProjectID?, credential: String?, sourceIP: String?, surface: String, action: String?,
    secret: SecretName?, stage: StageName?, status: Int64, verdict: Verdict
  ) {
    self.project = project
    self.credential = credential
    self.sourceIP = sourceIP
    self.surface = surface
    self.action = action
    self.secret = secret
    self.stage = stage
    self.status = status
    self.verdict = verdict
  }
}

/// One row of the access log: requests that differ in nothing but their time.
public struct AccessRow: Hashable, Sendable {
  /// What they have in common.
  public var access: Access
  /// When the first of them was answered.
  public var firstAt: Instant
  /// When the last of them was answered.
  public var lastAt: Instant
  /// How many they are.
  public var count: Int64
  /// The id of the last of them.
  public var requestID: String
  /// A row.
  public init(
    access: Access, firstAt: Instant, lastAt: Instant, count: Int64, requestID: String
  ) {
    self.access = access
    self.firstAt = firstAt
    self.lastAt = lastAt
    self.count = count
    self.requestID = requestID
  }

  /// Its place in the log.
  public var mark: AccessMark { AccessMark(lastAt: lastAt, requestID: requestID) }
}

/// A place in the access log of a project.
public struct AccessMark: Hashable, Sendable {
  /// The time of the row before it.
  public var lastAt: Instant
  /// The id of the row before it; empty: before all rows of that time.
  public var requestID: String
  /// A place.
  public init(lastAt: Instant, requestID: String) {
    self.lastAt = lastAt
    self.requestID = requestID
  }
}

/// Where the access log is kept.
public protocol AccessStore: Sendable {
  /// Adds rows of one project, nil: of none; those that are there already change nothing.
  func add(_ rows: [AccessRow], to project: ProjectID?) async throws(StoreError)
  /// At most `limit` rows of the project, nil: of none, oldest first, those after the place.
  func accesses(
    of project: ProjectID?, after: AccessMark, limit: Int
  ) async throws(StoreError) -> [AccessRow]
}
