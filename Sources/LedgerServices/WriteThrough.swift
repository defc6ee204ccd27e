// WriteThrough: one change on its way through a cloud, as a value.
//
// Driven by `Changes`, which tells it what happened and does what it says. Invariant: a change is
// sent at most once, and only before its deadline; once it may have been sent nothing but the
// cloud's own verdict or a reading of the cloud ends it, and that it was not done takes two
// readings, for the first may have come before a change that was still on its way.

import CanonicalJSON
public import Ledger

/// One change on its way.
public struct WriteThrough: Hashable, Sendable {
  /// How far it is.
  public enum Stage: Hashable, Sendable {
    /// It is recorded that it was asked for.
    case requested
    /// The cloud has been asked, or may have been.
    case sent
    /// Nobody knows what came of it; `readings` said so far that it was not done.
    case unresolved(readings: Int)
    /// It is known what came of it.
    case settled
  }

  /// What happened.
  public enum Input: Hashable, Sendable {
    /// The request is committed by who drives this.
    case committed
    /// The request was found open, and whoever made it is gone.
    case found
    /// The cloud was asked and this came back.
    case replied(CloudReply)
    /// The cloud was read and the label is on this version; nil: on none.
    case holds(VersionID?, since: Instant?)
    /// The cloud could not be read.
    case unreadable
  }

  /// What is to be done.
  public enum Step: Hashable, Sendable {
    /// Ask the cloud, once.
    case send(CloudMove)
    /// Record what is known.
    case record(Settlement)
    /// Read where the label sits, after a pause.
    case read(after: Duration)
  }

  /// How long to wait before a cloud that was read without an answer is read again, at first; each
  /// next wait is twice as long, up to `pauseMax`.
  public static let pause: Duration = .milliseconds(500)
  /// How long to wait at most.
  public static let pauseMax: Duration = .seconds(30)

  /// The secret.
  public let secret: SecretName
  /// What was asked for.
  public let request: StageRequest
  /// The event that says so.
  public let position: Position
  /// When that was recorded: no change it asks for happened before.
  public let requestedAt: Instant
  /// How far it is.
  public private(set) var stage: Stage
  private let grace: Duration
  private var pauses = 0

  /// A change as its request tells of it; nil when the event is no request.
  ///
  /// `grace` lies between two readings that say that it was not done.
  public init?(_ event: Event, grace: Duration) {
    guard let secret = event.secret, let request = event.stageRequest else { return nil }
    self.secret = secret
    self.request = request
    self.grace = grace
    position = event.position
    requestedAt = event.recordedAt
    stage = .requested
  }

  /// What is to be done after this happened at `now`; nil: nothing.
  public mutating func next(_ input: Input, at now: Instant) -> Step? {
    switch (stage, input) {
    case (.requested, .committed):
      guard now < request.deadline else { return reject(["not_sent": "the deadline had passed"]) }
      stage = .sent
      return .send(
        CloudMove(
          secret: secret, stage: request.stage, target: request.target, source: request.source))
    case (.requested, .found), (.sent, .found):
      stage = .unresolved(readings: 0)
      return .read(after: .zero)
    case (.sent, .replied(let reply)): return settle(reply, at: now)
    case (.unresolved(let readings), .holds(let holder, let since)):
      return settle(holder, since: since, readings: readings, at: now)
    case (.unresolved, .unreadable):
      let pause = Self.pause * (1 << min(pauses, 10))
      pauses += 1
      return .read(after: min(pause, Self.pauseMax))
    case (.unresolved, .found): return .read(after: .zero)
    case (.settled, _), (.requested, _), (.sent, _), (.unresolved, _): return nil
    }
  }

  private mutating func settle(_ reply: CloudReply, at now: Instant) -> Step {
    switch reply {
    case .done(let moment, let requestID):
      return done(at: moment ?? now, after: nil, now, ["request_id": Self.text(requestID)])
    case .refused(let refusal):
      return reject(["cloud": .object(refusal.members)])
    case .notSent(let reason): return reject(["not_sent": .string(reason)])
    case .unknown(let doubt, let requestID):
      stage = .unresolved(readings: 0)
      return record(
        .unresolved,
        ["cloud": ["doubt": .string(doubt.rawValue), "request_id": Self.text(requestID)]])
    }
  }

  private mutating func settle(
    _ holder: VersionID?, since: Instant?, readings: Int, at now: Instant
  ) -> Step {
    pauses = 0
    if holder == request.target {
      // Where the cloud does not tell the time, it lies between the request and this reading.
      let after = since == nil ? requestedAt : nil
      return done(at: since ?? now, after: after, now, ["settled_by": "reading"])
    }
    guard readings > 0 else {
      stage = .unresolved(readings: readings + 1)
      return .read(after: grace)
    }
    return reject([
      "cloud": ["settled_by": "reading", "version_id": Self.text(holder?.text)]
    ])
  }

  /// A cloud's clock may be behind ours or ahead: the change happened after its request and before
  /// it is recorded.
  private mutating func done(
    at moment: Instant, after: Instant?, _ now: Instant, _ cloud: [String: JSONValue]
  ) -> Step {
    stage = .settled
    let effectiveAt = max(requestedAt, min(moment, now))
    let after = after.flatMap { $0 < effectiveAt ? $0 : nil }
    return record(
      .done(effectiveAt: effectiveAt, effectiveAfter: after), ["cloud": .object(cloud)])
  }

  private mutating func reject(_ data: [String: JSONValue]) -> Step {
    stage = .settled
    return record(.rejected, data)
  }

  private func record(
    _ outcome: Settlement.Outcome, _ data: [String: JSONValue]
  ) -> Step {
    .record(
      Settlement(
        request: position, stage: request.stage, target: request.target, outcome: outcome,
        data: data))
  }

  private static func text(_ text: String?) -> JSONValue { text.map { .string($0) } ?? .null }
}

extension CloudRefusal {
  /// The refusal as it is recorded.
  var members: [String: JSONValue] {
    [
      "status": .integer(Int64(status)), "code": .string(code), "message": .string(message),
      "request_id": requestID.map { .string($0) } ?? .null,
    ]
  }

  /// The refusal as it was recorded; nil where something else was.
  init?(_ value: JSONValue?) {
    guard let status = value?["status"]?.integerValue.flatMap({ Int(exactly: $0) }),
      let code = value?["code"]?.stringValue, let message = value?["message"]?.stringValue
    else { return nil }
    self.init(
      status: status, code: code, message: message, requestID: value?["request_id"]?.stringValue)
  }
}
