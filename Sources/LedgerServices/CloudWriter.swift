// CloudWriter: what the services need of a cloud that changes are passed on to.
//
// Called by `Changes`; the clients in `Clouds` stand behind it. Invariant: a change is sent once
// and never again by whoever stands behind this port, and every answer that is not surely the
// cloud's own verdict is a doubt, never a refusal.

public import Ledger

/// A change of a label as a cloud is asked for it.
public struct CloudMove: Hashable, Sendable {
  /// The secret.
  public var secret: SecretName
  /// The label.
  public var stage: StageName
  /// The version to put it on; nil: take it away.
  public var target: VersionID?
  /// The version it is said to leave; nil: none is named.
  public var source: VersionID?
  /// A change to ask for.
  public init(secret: SecretName, stage: StageName, target: VersionID?, source: VersionID?) {
    self.secret = secret
    self.stage = stage
    self.target = target
    self.source = source
  }
}

/// A cloud's own verdict that it will not do a change.
public struct CloudRefusal: Error, Hashable, Sendable {
  /// The longest message that is kept, in characters.
  public static let messageCharactersMax = 256
  /// The HTTP status, from 400 to 499.
  public var status: Int
  /// The cloud's own code, such as `CSMS.0005`.
  public var code: String
  /// The cloud's own words, without what cannot be printed; cut to `messageCharactersMax`.
  public var message: String
  /// The cloud's id of the request; nil where it gave none.
  public var requestID: String?
  /// A refusal.
  public init(status: Int, code: String, message: String, requestID: String?) {
    self.status = status
    self.code = code
    self.message = String(
      String.UnicodeScalarView(
        message.unicodeScalars.filter { $0.properties.generalCategory != .control }
          .prefix(Self.messageCharactersMax)))
    self.requestID = requestID
  }
}

/// Why it is not known whether a cloud did a change.
public enum CloudDoubt: String, Hashable, CaseIterable, Sendable {
  /// It did not answer in time, or the connection broke.
  case silence
  /// Its answer makes no sense, or says that the cloud itself has failed.
  case nonsense
}

/// What came back for a change that was sent.
public enum CloudReply: Hashable, Sendable {
  /// The cloud did it; nil `at`: it does not say when.
  case done(at: Instant?, requestID: String?)
  /// The cloud will not do it.
  case refused(CloudRefusal)
  /// It is not known; nil `requestID`: the cloud gave none.
  case unknown(CloudDoubt, requestID: String?)
  /// It was never sent, and why: for the operator, nothing secret in it.
  case notSent(String)
}

/// A live cloud that takes changes.
public protocol CloudWriter: LiveCloud {
  /// Asks for the change once; comes back within the time, or shortly after.
  func move(_ move: CloudMove, within limit: Duration) async -> CloudReply
}

/// Where the clouds of projects are reached.
public protocol CloudGate: Sendable {
  /// Opens the project's cloud for `body` and closes it afterwards; the error says, for the
  /// operator, what is missing in the project's settings.
  func withCloud<Value: Sendable>(
    of project: Project, _ body: @Sendable (any CloudWriter) async -> Value
  ) async throws(CloudError) -> Value
}
