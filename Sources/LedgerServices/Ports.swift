// Ports: everything the services need of the world outside, in a few small protocols.
//
// `LedgerStore` keeps the record behind the first four, `Clouds` shows a live cloud behind the
// last; only the program's wiring names both sides. No error of an adapter's own comes through
// here.

public import Ledger

/// Why the record could not be read or written.
public enum StoreError: Error, Hashable, Sendable {
  /// The database does not answer; nothing was written. Worth trying again.
  case unavailable(reason: String)
  /// The database did not answer in time; a write was not done.
  case deadlineExceeded
  /// The connection broke while committing and what became of it could not be learned yet.
  case outcomeUnknown
  /// No such project.
  case projectNotFound
  /// Something of that name exists already.
  case alreadyExists
  /// What the database holds contradicts itself; says what.
  case corrupt(String)
}

extension StoreError {
  /// Whether the database as a whole is at fault, rather than what was asked of it.
  public var isOfTheDatabase: Bool {
    switch self {
    case .unavailable, .deadlineExceeded, .outcomeUnknown: true
    case .projectNotFound, .alreadyExists, .corrupt: false
    }
  }
}

/// A value read from the record, with the size of the log it was read at.
public struct Reading<Value: Sendable>: Sendable {
  /// The value.
  public var value: Value
  /// How many events the log held.
  public var size: TreeSize
  /// A value and the size of its log.
  public init(value: Value, size: TreeSize) {
    self.value = value
    self.size = size
  }
}

/// Where batches of events go.
public protocol AppendStore: Sendable {
  /// Runs one transaction: locks the project's head, reads `needs`, plans, writes the plan,
  /// commits.
  ///
  /// Returns the plan once it is committed to disk. A connection lost while committing is settled
  /// by asking whether the plan's first event is there before anything is returned or thrown.
  func append(
    to project: ProjectID, needs: AppendNeeds, plan: @Sendable (AppendBasis) -> AppendPlan
  ) async throws(StoreError) -> AppendPlan
}

/// A secret as it stands.
public struct SecretSummary: Hashable, Sendable {
  /// Its name.
  public var name: SecretName
  /// Its state, without versions and labels.
  public var state: SecretState
  /// A secret as it stands.
  public init(name: SecretName, state: SecretState) {
    self.name = name
    self.state = state
  }
}

/// A version as it stands.
public struct VersionSummary: Hashable, Sendable {
  /// Its id.
  public var id: VersionID
  /// Its state.
  public var state: SecretState.VersionState
  /// The labels it carries, in order of their names; a version without any is deprecated.
  public var stages: [StageName]
  /// A version as it stands.
  public init(id: VersionID, state: SecretState.VersionState, stages: [StageName]) {
    self.id = id
    self.state = state
    self.stages = stages
  }
}

/// Which versions of a secret a list shows.
public enum VersionSelection: Hashable, Sendable {
  /// All that are registered.
  case registered
  /// Those that carry a label: the others are deprecated.
  case labelled
}

/// A label of a secret as it stands.
public struct StageStanding: Hashable, Sendable {
  /// Where the secret is in its life; nil when nobody ever spoke of it.
  public var life: SecretState.Life?
  /// Where the label sits; nil when nobody ever spoke of it.
  public var stage: SecretState.StageState?
  /// A label as it stands.
  public init(life: SecretState.Life?, stage: SecretState.StageState?) {
    self.life = life
    self.stage = stage
  }
}

/// One change in the history of a secret's labels.
public struct StageChange: Hashable, Sendable {
  /// The label.
  public var stage: StageName
  /// What the change decided, until the next one of the same label.
  public var interval: StageInterval
  /// A change of a label.
  public init(stage: StageName, interval: StageInterval) {
    self.stage = stage
    self.interval = interval
  }
}

/// What the log says of one label of a secret at a moment.
public struct StageAt: Hashable, Sendable {
  /// The label.
  public var stage: StageName
  /// What held.
  public var answer: StageAnswer
  /// What is said of a label.
  public init(stage: StageName, answer: StageAnswer) {
    self.stage = stage
    self.answer = answer
  }
}

/// A label of a secret.
public struct StageKey: Hashable, Comparable, Sendable {
  /// The secret.
  public var secret: SecretName
  /// The label.
  public var stage: StageName
  /// A label of a secret.
  public init(secret: SecretName, stage: StageName) {
    self.secret = secret
    self.stage = stage
  }
  /// By secret, then by label.
  public static func < (left: StageKey, right: StageKey) -> Bool {
    (left.secret, left.stage) < (right.secret, right.stage)
  }
}

/// The stored bytes of one event.
public struct StoredEvent: Hashable, Sendable {
  /// Its place in the log.
  public var position: Position
  /// Its canonical bytes.
  public var bytes: [UInt8]
  /// A stored event.
  public init(position: Position, bytes: [UInt8]) {
    self.position = position
    self.bytes = bytes
  }
}

/// A finding by its id.
public struct KnownFinding: Hashable, Sendable {
  /// Its id.
  public var id: FindingID
  /// What its events add up to.
  public var state: FindingState
  /// A finding.
  public init(id: FindingID, state: FindingState) {
    self.id = id
    self.state = state
  }
}

/// What can be asked of one project's record.
public protocol RecordStore: Sendable {
  /// Where the label sits now. One query for all that is asked in one turn of an event loop.
  func standing(
    of stage: StageName, of secret: SecretName, in project: ProjectID
  ) async throws(StoreError) -> Reading<StageStanding>

  /// The secret as it stands; nil when nobody ever spoke of it.
  func secret(
    _ secret: SecretName, in project: ProjectID
  ) async throws(StoreError) -> Reading<SecretSummary?>

  /// At most `limit` registered secrets by name, those after `after`.
  func secrets(
    in project: ProjectID, after: SecretName?, limit: Int
  ) async throws(StoreError) -> Reading<[SecretSummary]>

  /// At most `limit` registered secrets that the search finds, in its order.
  func secrets(
    in project: ProjectID, finding search: SecretSearch, limit: Int
  ) async throws(StoreError) -> Reading<[SecretSummary]>

  /// How many registered secrets the search finds, wherever it begins.
  func count(
    in project: ProjectID, finding search: SecretSearch
  ) async throws(StoreError) -> Reading<Int64>

  /// Which labels each version of these secrets carries; versions without any are left out.
  func labels(
    of secrets: [SecretName], in project: ProjectID
  ) async throws(StoreError) -> Reading<[SecretName: [VersionID: [StageName]]]>

  /// At most `limit` of the selected versions in order of registration, those after `after`.
  func versions(
    of secret: SecretName, in project: ProjectID, _ selection: VersionSelection,
    after: VersionID?, limit: Int
  ) async throws(StoreError) -> Reading<[VersionSummary]>

  /// One registered version, nil when there is none; nil `version`: the newest.
  func version(
    _ version: VersionID?, of secret: SecretName, in project: ProjectID
  ) async throws(StoreError) -> Reading<VersionSummary?>

  /// How much of the log was recorded at or before the moment; nil: all of it.
  func known(
    at moment: Instant?, in project: ProjectID
  ) async throws(StoreError) -> Reading<KnownAt>

  /// What the first `size` events say of the label at the moment, and whether the secret is known.
  func answer(
    at effectiveAt: Instant, knownSize: TreeSize, stage: StageName, of secret: SecretName,
    in project: ProjectID
  ) async throws(StoreError) -> Reading<StageReply>

  /// What all there is says of the label, and how much that is: at `effectiveAt`, or where that is
  /// nil at `now` or when the newest event was recorded, whichever is later.
  func latestAnswer(
    at effectiveAt: Instant?, now: Instant, stage: StageName, of secret: SecretName,
    in project: ProjectID
  ) async throws(StoreError) -> Reading<LatestReply>

  /// What the first `size` events say of all labels of the secret at the moment, by name; those
  /// that had been taken away are among them, those not yet heard of are not.
  func stages(
    at effectiveAt: Instant, knownSize: TreeSize, of secret: SecretName, in project: ProjectID
  ) async throws(StoreError) -> Reading<[StageAt]>

  /// At most `limit` labels that any event ever spoke of, in order, those after `after`.
  func stageKeys(
    in project: ProjectID, after: StageKey?, limit: Int
  ) async throws(StoreError) -> Reading<[StageKey]>

  /// What the first `size` events say of these labels at the moment, in their order.
  func answers(
    to keys: [StageKey], at effectiveAt: Instant, knownSize: TreeSize, in project: ProjectID
  ) async throws(StoreError) -> [StageAnswer]

  /// At most `limit` events recorded `delay` microseconds or more after they were true, which is at
  /// least a second, from position `from` on.
  func lateEvents(
    in project: ProjectID, delay: Int64, from: Position, limit: Int
  ) async throws(StoreError) -> Reading<[StoredEvent]>

  /// At most `limit` of the events known that tell where a label of the secret sits, in order,
  /// those of a later stream version than `after`.
  func stageEvents(
    of secret: SecretName, in project: ProjectID, after: Int64, knownSize: TreeSize, limit: Int
  ) async throws(StoreError) -> [StoredEvent]

  /// At most `limit` changes of the secret's labels, of `stage` alone if it is given, in effective
  /// order (then position), those after `after`; a change that another replaced at its very instant
  /// held for no time and is left out.
  func history(
    of stage: StageName?, of secret: SecretName, in project: ProjectID, knownSize: TreeSize,
    after: SecretState.Moment?, limit: Int
  ) async throws(StoreError) -> Reading<[StageChange]>

  /// What is known of the request about the secret told of at the position; nil when there is none.
  func request(
    at position: Position, of secret: SecretName, in project: ProjectID
  ) async throws(StoreError) -> Reading<RequestState?>

  /// At most `limit` requests whose outcome is not known, in order.
  func openRequests(
    in project: ProjectID, limit: Int
  ) async throws(StoreError) -> Reading<[RequestState]>

  /// How many events each log holds, in one round trip; projects there are none of are left out.
  func sizes(of projects: [ProjectID]) async throws(StoreError) -> [ProjectID: TreeSize]

  /// At most `limit` events from position `from` on.
  func events(
    in project: ProjectID, from: Position, limit: Int
  ) async throws(StoreError) -> Reading<[StoredEvent]>

  /// The events at these positions, in their order; those there are none of are left out.
  func events(
    in project: ProjectID, at positions: [Position]
  ) async throws(StoreError) -> Reading<[StoredEvent]>

  /// What the first `size` events vouch for of all labels at every moment of `[from, until)`.
  func coverage(
    from: Instant, until: Instant, knownSize: TreeSize, in project: ProjectID
  ) async throws(StoreError) -> Coverage

  /// The last start, stop and gap of the watch over the cloud and the last run, each in effective
  /// order, sorted by position.
  func watchEvents(
    in project: ProjectID
  ) async throws(StoreError) -> Reading<[StoredEvent]>

  /// The findings that are open, by id.
  func openFindings(
    in project: ProjectID
  ) async throws(StoreError) -> Reading<[FindingID: FindingState]>

  /// The finding; nil when there never was one.
  func finding(
    _ finding: FindingID, in project: ProjectID
  ) async throws(StoreError) -> Reading<FindingState?>

  /// At most `limit` findings by id, those after `after`, that stand so at the moment; nil: any.
  func findings(
    in project: ProjectID, _ standing: FindingState.Standing?, at moment: Instant,
    after: FindingID?, limit: Int
  ) async throws(StoreError) -> Reading<[KnownFinding]>

  /// At most `limit` events about findings from position `from` on.
  func driftEvents(
    in project: ProjectID, from: Position, limit: Int
  ) async throws(StoreError) -> Reading<[StoredEvent]>
}

/// What the log says of one label, with what else an answer tells.
public struct StageReply: Hashable, Sendable {
  /// What held.
  public var answer: StageAnswer
  /// Whether any of the events the question may look at speaks of the secret.
  public var isSecretKnown: Bool
  /// Whether the version that held the label carries no label any more, after all
  /// the events the question may look at: an answer for a past moment of knowledge never changes.
  public var isDeprecated: Bool
  /// What the watch over the cloud can vouch for.
  public var coverage: Coverage
  /// What the log says.
  public init(
    answer: StageAnswer, isSecretKnown: Bool, isDeprecated: Bool, coverage: Coverage
  ) {
    self.answer = answer
    self.isSecretKnown = isSecretKnown
    self.isDeprecated = isDeprecated
    self.coverage = coverage
  }
}

/// What all there is says of one label, with the moments it was asked about.
public struct LatestReply: Hashable, Sendable {
  /// The moments.
  public var moments: ResolvedMoments
  /// What the log says.
  public var reply: StageReply
  /// What all there is says.
  public init(moments: ResolvedMoments, reply: StageReply) {
    self.moments = moments
    self.reply = reply
  }
}

/// Where projects and credentials are kept.
public protocol TenantStore: Sendable {
  /// The project; nil when there is none.
  func project(_ id: ProjectID) async throws(StoreError) -> Project?
  /// At most `limit` projects by id, those after `after`.
  func projects(after: ProjectID?, limit: Int) async throws(StoreError) -> [Project]
  /// Makes the project and its empty log; `alreadyExists` when there is one of that id.
  func create(_ project: Project) async throws(StoreError)
  /// Replaces the settings of the project; `projectNotFound` when there is none.
  func update(_ project: Project) async throws(StoreError)
  /// The credential whose token has this SHA-256; nil when there is none or it was revoked.
  func credential(tokenDigest: [UInt8]) async throws(StoreError) -> Credential?
  /// The credentials of the project by name, revoked ones too.
  func credentials(of project: ProjectID) async throws(StoreError) -> [Credential]
  /// The credential that signs with this access key; nil when there is none or it was revoked.
  func signer(accessKey: String) async throws(StoreError) -> Signer?
  /// At most `limit` credentials that sign, by name, those after `after`; revoked ones too.
  func signers(
    of project: ProjectID, after: String?, limit: Int
  ) async throws(StoreError) -> [Signer]
  /// Stores the credential, with what it signs with if it does; `alreadyExists` when one of that
  /// name is there, revoked or not.
  func create(
    _ credential: Credential, tokenDigest: [UInt8], secretKey: SealedSecretKey?
  ) async throws(StoreError)
  /// Replaces a sealed secret key by the same one sealed anew; false when `old` is not there.
  func replace(
    _ old: Signer, with secretKey: SealedSecretKey
  ) async throws(StoreError) -> Bool
  /// Ends the credential; false when there is none of that name in use.
  func revokeCredential(
    named name: String, of project: ProjectID, at moment: Instant
  ) async throws(StoreError) -> Bool
}

/// Why a live cloud did not show something; texts are for people and hold nothing secret.
public enum CloudError: Error, Hashable, Sendable {
  /// The cloud has no such thing.
  case notFound
  /// The cloud will not show it to us.
  case forbidden(String)
  /// The cloud did not answer in time or at all.
  case unreachable(String)
  /// The cloud asks us to come later.
  case throttled(String)
  /// The answer makes no sense or is past a limit.
  case unintelligible(String)
}

/// A version the live cloud shows, with the labels on it.
public struct CloudVersion: Hashable, Sendable {
  /// Its id.
  public var id: VersionID
  /// The labels on it.
  public var stages: [StageName]
  /// A version of the cloud.
  public init(id: VersionID, stages: [StageName]) {
    self.id = id
    self.stages = stages
  }
}

/// A secret the live cloud lists.
public struct CloudSecret: Hashable, Sendable {
  /// Whether the cloud still lets it be used.
  public enum Life: Hashable, Sendable {
    /// It has versions that can be listed.
    case present
    /// It waits for its deletion: the cloud lists it and shows nothing of it.
    case pendingDeletion
  }
  /// Its name.
  public var name: SecretName
  /// Whether the cloud still lets it be used.
  public var life: Life
  /// A secret the cloud lists.
  public init(name: SecretName, life: Life) {
    self.name = name
    self.life = life
  }
}

/// All secrets the live cloud lists.
public struct CloudListing: Hashable, Sendable {
  /// Those that could be read, each once.
  public var secrets: [CloudSecret]
  /// Why each of the others could not be.
  public var unreadable: [String]
  /// What a cloud lists.
  public init(secrets: [CloudSecret], unreadable: [String]) {
    self.secrets = secrets
    self.unreadable = unreadable
  }
}

/// A live cloud, read with calls that never return a secret value.
///
/// Every call ends within a bound of the adapter's own, and early when its task is cancelled.
public protocol LiveCloud: Sendable {
  /// All secrets of the account's project.
  func secrets() async throws(CloudError) -> CloudListing
  /// All versions of the secret, each once, with their labels.
  func versions(of secret: SecretName) async throws(CloudError) -> [CloudVersion]
  /// When the label came to this version, in milliseconds' precision; nil where the cloud does not
  /// tell, or the label sits elsewhere by now.
  func changeTime(
    of stage: StageName, on version: VersionID, of secret: SecretName
  ) async throws(CloudError) -> Instant?
}

extension LiveCloud {
  /// Nil: of the three clouds only one tells.
  public func changeTime(
    of stage: StageName, on version: VersionID, of secret: SecretName
  ) async throws(CloudError) -> Instant? { nil }
}
