// AWSErrors: the one table from a failure to the status, type and text of AWS Secrets Manager.
//
// Called by `API` through `ErrorReport`. Types and texts are the cloud's own wherever they are
// published or were recorded; those chosen by us say so. Every error of the client has status 400,
// also that something does not exist. Invariant: nothing of a request's body is in an answer but
// the name of a member, a label or the id of a version.

import HTTPWire
import Ledger
import LedgerServices
import RequestSigning

/// Turns failures into the cloud's own errors.
enum AWSErrors {
  /// A line of the table.
  private struct Row {
    var type: String
    var text: String
    var status = 400
  }

  /// The answer that reports a failure.
  static func answer(_ failure: Failure) -> Answer {
    let row = row(failure)
    var text = ObjectText()
    text.text("__type", row.type)
    text.text("Message", row.text)
    return .aws(text.bytes, status: row.status, size: nil)
  }

  private static func row(_ failure: Failure) -> Row {
    switch failure {
    case .unauthenticated:
      Row(type: "MissingAuthenticationTokenException", text: "Missing Authentication Token")
    case .signature(let refusal): row(refusal)
    case .forbidden:
      Row(
        type: "AccessDeniedException",
        text: "The access key is not authorized to perform this action on this resource.")
    case .otherCloud(let provider):
      // The cloud has no such case: its access keys are all its own.
      Row(type: "AccessDeniedException", text: Failure.otherCloudSentence(provider))
    case .noRoute, .methodNotAllowed, .notAcceptable:
      Row(type: "UnknownOperationException", text: Failure.noOperationSentence)
    case .mediaType, .body: Row(type: "SerializationException", text: Problem(failure).detail)
    case .secretValue: Row(type: invalidRequest, text: Failure.secretValueSentence)
    case .input(let name, let fault): row(name, fault)
    case .missing, .missingThen: Row(type: notFound, text: noSecret)
    case .pendingDeletion, .deletionScheduledAlready: row(.secretPendingDeletion)
    case .rejected(let rejection): row(rejection)
    case .fact(_, let failure): row(failure)
    case .change(let fault): row(fault)
    // The cloud has no question about the past, so nothing of it can be in doubt here.
    case .inDoubt, .noCloud: Row(type: invalidRequest, text: Problem(failure).detail)
    case .overloaded: unavailable(failure)
    case .store(let error): row(error, failure)
    case .refused(let refusal): row(refusal)
    }
  }

  private static let notFound = "ResourceNotFoundException"
  private static let invalidParameter = "InvalidParameterException"
  private static let invalidRequest = "InvalidRequestException"
  private static let validation = "ValidationException"
  private static let noSecret = "Secrets Manager can't find the specified secret."

  // MARK: - Signatures

  private static func row(_ refusal: SignatureRefusal) -> Row {
    switch refusal {
    case .unknownKey:
      Row(
        type: "UnrecognizedClientException",
        text: "The security token included in the request is invalid.")
    case .nonceUsed: invalidSignature(mismatch)
    case .fault(let fault): row(fault)
    }
  }

  private static func row(_ fault: SignatureFault) -> Row {
    switch fault {
    case .malformedAuthorization, .headerRepeated("authorization"):
      incomplete(
        "Authorization header requires 'Credential', 'SignedHeaders' and 'Signature' parameters, "
          + "each once and in this order.")
    case .headerMissing(SigV4Signature.date.header):
      incomplete("Authorization header requires existence of a 'X-Amz-Date' header.")
    case .malformedDate:
      incomplete("Date must be in ISO-8601 'basic format', such as 20150830T123600Z.")
    case .headerNotSigned(let name):
      invalidSignature("'\(name)' must be a 'SignedHeader' in the AWS Authorization.")
    case .expired(let signedAt, let now): expired(signedAt: signedAt, now: now)
    case .wrongDay(let day, let signedAt):
      invalidSignature(
        "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: "
          + "'\(day)' != '\(signedAt.prefix(8))', from '\(signedAt)'.")
    case .wrongService(let expected):
      invalidSignature("Credential should be scoped to correct service: '\(expected)'.")
    case .headerMissing, .headerRepeated, .malformedTarget, .bodyMismatch, .signatureMismatch,
      .parameterMissing, .parameterRepeated, .unknownScheme:
      invalidSignature(mismatch)
    }
  }

  private static let mismatch =
    "The request signature we calculated does not match the signature you provided. Check your AWS "
    + "Secret Access Key and signing method. Consult the service documentation for details."

  private static func invalidSignature(_ text: String) -> Row {
    Row(type: "InvalidSignatureException", text: text)
  }

  private static func incomplete(_ text: String) -> Row {
    Row(type: "IncompleteSignatureException", text: text)
  }

  /// The sentence names the end of the time in which the signature would have been taken.
  private static func expired(signedAt: String, now: String) -> Row {
    let moment = SigningTime(now)?.seconds ?? 0
    let tolerance = SigningTime.toleranceSeconds
    let minutes = tolerance / 60
    if let signed = SigningTime(signedAt), signed.seconds < moment {
      let bound = SigningTime(seconds: moment - tolerance).text
      return invalidSignature(
        "Signature expired: \(signedAt) is now earlier than \(bound) (\(now) - \(minutes) min.)")
    }
    let bound = SigningTime(seconds: moment + tolerance).text
    return invalidSignature(
      "Signature not yet current: \(signedAt) is still later than \(bound) "
        + "(\(now) + \(minutes) min.)")
  }

  // MARK: - Parameters

  /// The cloud's constraints begin with a small letter where its members have a capital.
  private static func row(_ name: String, _ fault: InputFault) -> Row {
    let member = name.prefix(1).lowercased() + name.dropFirst()
    func broken(_ constraint: String, value: String = "Value") -> Row {
      Row(
        type: validation,
        text: "1 validation error detected: \(value) at '\(member)' failed to satisfy constraint: "
          + "Member must \(constraint)")
    }
    return switch fault {
    case .missing: broken("not be null", value: "Value null")
    case .tooShort(let limit): broken("have length greater than or equal to \(limit)")
    case .tooLong(let limit): broken("have length less than or equal to \(limit)")
    case .outside(let range, .below):
      broken("have value greater than or equal to \(range.lowerBound)")
    case .outside(let range, .above):
      broken("have value less than or equal to \(range.upperBound)")
    case .notAmong(let texts):
      broken("satisfy enum value set: [\(texts.joined(separator: ", "))]")
    case .wrongType: Row(type: "SerializationException", text: fault.sentence(name))
    case .malformed where name == "NextToken":
      Row(type: "InvalidNextTokenException", text: "The NextToken value is invalid.")
    case .malformed, .unknown, .serverOwned, .repeated, .inFuture, .beyondLog:
      Row(type: invalidParameter, text: fault.sentence(name))
    }
  }

  // MARK: - Rules

  private static func row(_ rejection: Rejection) -> Row {
    switch rejection {
    case .secretNotFound: Row(type: notFound, text: noSecret)
    case .versionNotFound(let version), .sourceNotFound(let version):
      // The cloud's answer to this call is not recorded; this is its answer to another.
      Row(
        type: notFound,
        text: "Secrets Manager can't find the specified secret value for VersionId: "
          + version.text)
    case .stageNotFound(let stage):
      Row(
        type: notFound,
        text: "Secrets Manager can't find the specified secret value for staging label: "
          + stage.text)
    case .secretPendingDeletion:
      Row(
        type: invalidRequest,
        text: "You can't perform this operation on the secret because it was marked for deletion.")
    case .stagePermanent(let stage):
      Row(
        type: invalidParameter,
        text: "You can only move staging label \(stage.text) to a different secret version. "
          + "It can\u{2019}t be completely removed.")
    case .sourceRequired(let stage, let holder):
      Row(
        type: invalidParameter,
        text: "The parameter RemoveFromVersionId can't be empty. Staging label \(stage.text) is "
          + "currently attached to version \(holder.text), so you must explicitly reference that "
          + "version in RemoveFromVersionId.")
    case .sourceMismatch(let stage, _):
      Row(
        type: invalidParameter,
        text: "When you move staging label \(stage.text), if you specify RemoveFromVersionId, it "
          + "must be set to the version that currently has the staging label \(stage.text).")
    case .noVersionGiven:
      // No sentence of the cloud is recorded.
      Row(
        type: invalidParameter,
        text: "You must specify MoveToVersionId, RemoveFromVersionId or both.")
    case .tooManyStages(let limit), .tooManyStagesRequested(let limit):
      // No sentence of the cloud is recorded.
      Row(
        type: "LimitExceededException",
        text: "A secret can have at most \(limit) staging labels across all of its versions.")
    case .nameNotAllowed(.secret):
      Row(
        type: validation,
        text: "Invalid name. Must be a valid name containing alphanumeric characters, or any of "
          + "the following: -/_+=.@!")
    case .nameNotAllowed, .versionIDRequired, .recoveryDaysOutOfRange, .effectiveInFuture,
      .effectiveAfterTooLate, .changeNotFound, .findingNotOpen, .acknowledgementOver:
      Row(type: invalidParameter, text: Problem(.rejected(rejection)).detail)
    case .secretExists, .versionExists, .versionNumbersExhausted:
      Row(type: "ResourceExistsException", text: Problem(.rejected(rejection)).detail)
    case .secretNotPendingDeletion:
      Row(type: invalidRequest, text: Problem(.rejected(rejection)).detail)
    case .changeUnderWay: unavailable(.rejected(rejection))
    case .fact(_, let rejection): row(rejection)
    case .streamVersionMismatch, .idempotencyKeyReused, .eventIDReused:
      // Conditional and repeatable requests are this service's own.
      Row(type: invalidRequest, text: Problem(.rejected(rejection)).detail)
    }
  }

  // MARK: - The service itself

  /// A refusal of the cloud is repeated word for word.
  private static func row(_ fault: ChangeFault) -> Row {
    if case .refused(let refusal) = fault.kind {
      return Row(type: refusal.code, text: refusal.message, status: refusal.statusForCaller)
    }
    let problem = Problem(.change(fault))
    guard problem.status != 503 else { return unavailable(.change(fault)) }
    return Row(type: "InternalServiceError", text: problem.detail, status: problem.status)
  }

  private static func row(_ error: StoreError, _ failure: Failure) -> Row {
    switch error {
    case .unavailable, .deadlineExceeded, .outcomeUnknown: unavailable(failure)
    case .projectNotFound: row(.forbidden)
    case .alreadyExists, .corrupt:
      Row(type: "InternalServiceError", text: Problem(failure).detail, status: 500)
    }
  }

  private static func row(_ refusal: HTTPRefusal) -> Row {
    switch refusal.status {
    case 413: Row(type: "RequestEntityTooLargeException", text: refusal.message, status: 413)
    case 503: unavailable(.refused(refusal))
    default: Row(type: validation, text: refusal.message, status: refusal.status)
    }
  }

  private static func unavailable(_ failure: Failure) -> Row {
    Row(type: "ServiceUnavailableException", text: Problem(failure).detail, status: 503)
  }
}
