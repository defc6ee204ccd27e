// Failure: every reason the API answers a request with an error, as data.
//
// Thrown by the reading of requests and by the endpoints; one table per surface turns a case into a
// status, a code and a text (`CSMS/CSMSErrors.swift`, `Problem.swift`). Invariant: no case carries
// anything of a body but the name of a member, so that no error can repeat a secret.

import CanonicalJSON
import HTTPWire
import Ledger
import LedgerServices

/// Why a request is answered with an error.
indirect enum Failure: Error, Sendable {
  /// There is no token, or none we know.
  case unauthenticated
  /// The request is signed, and not so that it can be taken.
  case signature(SignatureRefusal)
  /// The token is not for this project, or its policy does not allow this.
  case forbidden
  /// No route has such a path.
  case noRoute
  /// The path takes other methods.
  case methodNotAllowed(allowed: [String])
  /// The client accepts none of the types there are.
  case notAcceptable(offered: [String])
  /// The body is of a type that is not JSON.
  case mediaType
  /// The body cannot be read.
  case body(BodyFault)
  /// The request carries the value of a secret.
  case secretValue
  /// The parameter or member of that name cannot be used.
  case input(String, InputFault)
  /// What the path names does not exist; `size` is that of the log it was looked for in.
  case missing(MissingThing, size: TreeSize?)
  /// What the path names did not exist at the moments asked about.
  case missingThen(MissingThing, size: TreeSize?)
  /// Several versions may have held the label then, and this surface has no words for that.
  case inDoubt
  /// The secret waits for its deletion and cannot be read.
  case pendingDeletion
  /// The secret cannot be scheduled for deletion twice.
  case deletionScheduledAlready
  /// The rules refused the change.
  case rejected(Rejection)
  /// The change was passed on to the cloud and did not end well.
  case change(ChangeFault)
  /// The surface is another cloud's than the project, and only reads it.
  case otherCloud(Provider)
  /// The project has no cloud to be compared with.
  case noCloud
  /// Too many requests wait already.
  case overloaded
  /// The record could not be read or written.
  case store(StoreError)
  /// The message breaks a rule of HTTP.
  case refused(HTTPRefusal)
  /// One of several facts, by its index among them, was not taken, and so none was.
  case fact(index: Int, Failure)
}

/// Something a path names.
enum MissingThing: String, Sendable {
  case secret
  case version
  case stage
  case event
  case finding
  case run
  case report
}

/// What is wrong with a body.
enum BodyFault: Sendable {
  /// There is none.
  case empty
  /// It is no JSON, or JSON that is not taken.
  case notJSON(JSONError)
  /// It is JSON, but no object.
  case notObject
  /// It is JSON, but no list.
  case notArray
  /// It tells of no fact, or of more than so many.
  case factCount(Int)

  /// The fault as a sentence.
  var sentence: String {
    switch self {
    case .empty: "The request needs a body."
    case .notJSON(let error): Self.sentence(error)
    case .notObject: "The body must be a JSON object."
    case .notArray: "The body must be a JSON array."
    case .factCount(let countMax): "The body must tell of 1 to \(countMax) facts."
    }
  }

  /// What is wrong with the text, and where; JSON that breaks a limit of ours is told the limit.
  private static func sentence(_ error: JSONError) -> String {
    switch error.kind {
    case .tooDeep(let depthMax):
      "The JSON of the body is nested more than \(depthMax) deep at byte \(error.offset)."
    case .tooLong(let bytesMax):
      "The JSON of the body is longer than \(bytesMax) bytes."
    case .duplicateKey:
      "An object of the body has a name twice, the second time at byte \(error.offset)."
    case .loneSurrogate:
      "The body has half a surrogate pair at byte \(error.offset)."
    case .numberOutOfRange:
      "The body has a number that is too large at byte \(error.offset)."
    case .invalidUTF8:
      "The body is not UTF-8 at byte \(error.offset)."
    case .byteOrderMark:
      "The body begins with a byte order mark; JSON has none."
    case .unexpectedEnd, .unexpectedByte, .trailingBytes, .invalidEscape, .controlCharacter,
      .invalidNumber:
      "The body is not valid JSON (RFC 8259) at byte \(error.offset)."
    }
  }
}

/// What is wrong with a parameter or a member.
enum InputFault: Sendable {
  /// It is needed and not there.
  case missing
  /// It must be of this JSON type.
  case wrongType(String)
  /// It must have this form.
  case malformed(String)
  /// There is no such parameter or member.
  case unknown
  /// Only the service sets it.
  case serverOwned
  /// It is there more than once.
  case repeated
  /// It has more characters than the limit.
  case tooLong(limit: Int)
  /// It has fewer characters than the limit.
  case tooShort(limit: Int)
  /// It must be a whole number of this range, and is below or above it.
  case outside(ClosedRange<Int64>, RangeEnd)
  /// It must be one of these texts.
  case notAmong([String])
  /// It lies past the end of the log, whose last event has this position.
  case beyondLog(last: Position?)
  /// It lies ahead of the time given.
  case inFuture(now: Instant)

  /// Where a number lies that is not in its range.
  enum RangeEnd: Sendable {
    case below
    case above
  }

  /// The fault as a sentence about `name`.
  func sentence(_ name: String) -> String {
    switch self {
    case .missing: "\(name) is missing."
    case .wrongType(let type): "\(name) must be \(type)."
    case .malformed(let form): "\(name) must be \(form)."
    case .unknown: "\(name) is not known here."
    case .serverOwned: "\(name) is set by the service alone."
    case .repeated: "\(name) is given more than once."
    case .tooLong(let limit): "\(name) must have at most \(limit) characters."
    case .tooShort(let limit): "\(name) must have at least \(limit) characters."
    case .outside(let range, _):
      "\(name) must be a whole number from \(range.lowerBound) to \(range.upperBound)."
    case .notAmong(let texts): "\(name) must be one of \(texts.joined(separator: ", "))."
    case .beyondLog(let last?):
      "\(name) lies past the end of the log, which is at position \(last.index)."
    case .beyondLog(nil): "\(name) lies past the end of the log, which is empty."
    case .inFuture(let now): "\(name) lies in the future; it is \(now.rfc3339)."
    }
  }

  /// The fault as a stable word.
  var code: String {
    switch self {
    case .missing: "missing"
    case .wrongType: "wrong_type"
    case .malformed, .outside, .notAmong: "malformed"
    case .unknown: "unknown"
    case .serverOwned: "server_owned"
    case .repeated: "repeated"
    case .tooLong: "too_long"
    case .tooShort: "too_short"
    case .beyondLog: "beyond_log"
    case .inFuture: "in_future"
    }
  }
}

extension InputFault {
  /// The fault of a text that is no identifier.
  init(_ error: IdentifierError) {
    switch error {
    case .empty: self = .malformed("at least one character")
    case .tooLong(let limit): self = .tooLong(limit: limit)
    case .forbidden(let offset): self = .malformed("free of what stands at its byte \(offset)")
    }
  }
}

extension Failure {
  /// The sentence about a value that was sent.
  static let secretValueSentence =
    "This service never takes a secret value; send metadata only. Nothing of the request was kept."

  /// The sentence about an operation that `/` does not have, on KMS and on AWS.
  static let noOperationSentence =
    "This service has no such operation: it serves UpdateSecretVersionStage, "
    + "ListSecretVersionIds, DescribeSecret and ListSecrets."

  /// The sentence about a key of a project of this cloud that was used at another's surface.
  static func otherCloudSentence(_ provider: Provider) -> String {
    "This access key is for a project of \(provider.rawValue)."
  }

  /// What is wrong below the API, in the words of whoever found it; nil when nothing is.
  var trouble: String? {
    switch self {
    case .store(let error): "\(error)"
    // Overload is told by the status alone: a line more for each would be a flood of its own.
    case .overloaded, .unauthenticated, .signature, .forbidden, .noRoute, .methodNotAllowed,
      .notAcceptable, .mediaType,
      .body, .secretValue, .input, .missing, .missingThen, .inDoubt,
      .pendingDeletion, .deletionScheduledAlready, .rejected, .change, .otherCloud, .noCloud,
      .refused,
      .fact:
      nil
    }
  }

  /// The failure of an append.
  init(_ error: AppendError) {
    switch error {
    case .rejected(.fact(let index, let rejection)):
      self = .fact(index: index, .rejected(rejection))
    case .rejected(let rejection): self = .rejected(rejection)
    case .overloaded: self = .overloaded
    case .store(let error): self = .store(error)
    }
  }

  /// The failure of the start of a drift run.
  init(_ error: RunStartError) {
    switch error {
    case .noCloud: self = .noCloud
    case .overloaded: self = .overloaded
    case .store(let error): self = .store(error)
    }
  }

  /// The failure of a change.
  init(_ error: ChangeError) {
    switch error {
    case .append(let error): self.init(error)
    case .fault(let fault): self = .change(fault)
    }
  }

  /// The failure of a question about time.
  init(_ error: QuestionError) {
    switch error {
    case .inFuture(let field, let now): self = .input(field, .inFuture(now: now))
    case .beyondLog(let last): self = .input("known_at", .beyondLog(last: last))
    case .secretNotFound: self = .missing(.secret, size: nil)
    case .store(let error): self = .store(error)
    }
  }
}
