// KMSErrors: the one table from a failure to the status, code and text of Alibaba Cloud KMS.
//
// Called by `API` through `ErrorReport`. Codes and texts are the cloud's own wherever it has one
// for the case, misspelt ones too; those chosen by us say so. `Recommend`, an address of the
// cloud's help there, is a sentence of ours here: which parameter it was and what to do. Invariant:
// nothing of a call is in an answer but the name of a parameter, its host, and the text it should
// have signed.

import HTTPWire
import Ledger
import LedgerServices
import RequestSigning

/// Turns failures into the cloud's own errors.
enum KMSErrors {
  /// A line of the table.
  private struct Row {
    var status: Int
    var code: String
    var text: String
  }

  /// The answer that reports a failure of a request, in the form the request asks for.
  static func answer(_ failure: Failure, to request: HTTPRequest, _ requestID: String) -> Answer {
    let row = row(failure)
    var object = KMSObject()
    object.text("RequestId", requestID)
    object.text("HostId", host(of: request))
    object.text("Code", row.code)
    object.text("Message", row.text)
    object.text("Recommend", recommendation(failure))
    let format = KMSRequest.format(of: request)
    return Answer(
      status: row.status, contentType: format.contentType,
      content: object.bytes(format, root: "Error"), size: nil)
  }

  /// The host a request went to, without its port.
  private static func host(of request: HTTPRequest) -> String {
    let host = request.fields["Host"] ?? ""
    guard host.hasPrefix("[") else { return String(host.prefix { $0 != ":" }) }
    return host.prefix { $0 != "]" } + "]"
  }

  private static func row(_ failure: Failure) -> Row {
    switch failure {
    case .unauthenticated:
      Row(
        status: 400, code: "MissingAccessKeyId", text: "AccessKeyId is mandatory for this action.")
    case .signature(let refusal): row(refusal)
    case .forbidden:
      Row(
        status: 403, code: "Forbidden.NoPermission",
        text: "This operation is forbidden by permission system")
    case .noRoute:
      Row(
        status: 404, code: "InvalidAction.NotFound",
        text: "Specified api is not found, please check your url and method.")
    case .methodNotAllowed:
      Row(
        status: 403, code: "UnsupportedHTTPMethod", text: "This http method is not supported.")
    case .notAcceptable, .mediaType, .body: unreadable(400)
    case .secretValue:
      Row(
        status: 400, code: invalidParameter,
        text: "The specified parameter is not valid. \(Failure.secretValueSentence)")
    case .input("Version", .malformed):
      Row(
        status: 400, code: "InvalidVersion", text: "Specified parameter Version is not valid.")
    case .input(let name, .missing):
      Row(
        status: 400, code: "MissingParameter",
        text: "The parameter \"\(name)\" is needed but not provided.")
    case .input(let name, _): invalid(name)
    case .missing, .missingThen: notFound
    // The cloud has no question about the past, so nothing of it can be in doubt here.
    case .inDoubt, .noCloud:
      Row(status: 400, code: "Rejected.InvalidRequest", text: Problem(failure).detail)
    case .pendingDeletion, .deletionScheduledAlready: pendingDeletion
    case .rejected(let rejection): row(rejection)
    case .fact(_, let failure): row(failure)
    case .change(let fault): row(fault)
    case .otherCloud:
      Row(
        status: 403, code: "Forbidden.KmsServiceNotEnabled",
        text: "Kms service is not Enabled for current user. Please get access permission first.")
    case .overloaded: unavailable
    case .store(let error): row(error)
    case .refused(let refusal): refusal.status == 503 ? unavailable : unreadable(refusal.status)
    }
  }

  private static let invalidParameter = "InvalidParameter"
  private static let notFound = Row(
    status: 404, code: "Forbidden.ResourceNotFound", text: "Resource not found")
  // The misspelling is the cloud's.
  private static let pendingDeletion = Row(
    status: 409, code: "Rejected.ResourceInDeleteWindow", text: "secret in delete peroid")
  private static let unavailable = Row(
    status: 503, code: "ServiceUnavailableTemporary", text: "Service Unavailable Temporary.")
  private static let incomplete = Row(
    status: 400, code: "IncompleteSignature",
    text: "The request signature does not conform to Alibaba Cloud standards.")

  private static func invalid(_ name: String) -> Row {
    Row(
      status: 400, code: invalidParameter,
      text: "The specified parameter \"\(name)\" is not valid.")
  }

  private static func unreadable(_ status: Int) -> Row {
    Row(
      status: status, code: "ParseRequestParameterException",
      text: "Server parse parameters exception. Please check your input params.")
  }

  private static func row(_ refusal: SignatureRefusal) -> Row {
    switch refusal {
    case .unknownKey:
      Row(
        status: 404, code: "InvalidAccessKeyId.NotFound",
        text: "The Access Key ID provided does not exist in our records.")
    case .nonceUsed:
      Row(
        status: 400, code: "SignatureNonceUsed",
        text: "Specified signature nonce was used already.")
    case .fault(let fault): row(fault)
    }
  }

  private static func row(_ fault: SignatureFault) -> Row {
    switch fault {
    case .parameterMissing("Timestamp"), .headerNotSigned("x-acs-date"),
      .headerMissing("x-acs-date"):
      Row(
        status: 400, code: "IllegalTimestamp",
        text: "The input parameter \"Timestamp\" that is mandatory for processing this request is "
          + "not supplied.")
    case .malformedDate:
      Row(
        status: 400, code: "InvalidTimeStamp.Format",
        text: "Specified time stamp or date value is not well formatted.")
    case .expired:
      Row(
        status: 400, code: "InvalidTimeStamp.Expired",
        text: "Specified time stamp or date value is expired.")
    case .malformedTarget: unreadable(400)
    case .malformedAuthorization, .headerNotSigned, .headerMissing, .headerRepeated,
      .parameterMissing, .parameterRepeated, .unknownScheme, .wrongDay, .wrongService:
      incomplete
    case .bodyMismatch:
      // The cloud's text for a hash that is not the body's is not known.
      mismatch("does not match our calculation. x-acs-content-sha256 is not the body's.")
    case .signatureMismatch(let text) where ACS3Authorization.isMeant(by: first(lineOf: text)):
      mismatch("does not match our calculation. server StringToSign is [\(text)]")
    case .signatureMismatch(let text):
      // The older client compares what follows the only colon with the text it signed.
      mismatch("is not matched with our calculation. server string to sign is:\(text)")
    }
  }

  private static func first(lineOf text: String) -> String { String(text.prefix { $0 != "\n" }) }

  private static func mismatch(_ text: String) -> Row {
    Row(status: 400, code: "SignatureDoesNotMatch", text: "Specified signature \(text)")
  }

  private static func row(_ rejection: Rejection) -> Row {
    switch rejection {
    case .secretNotFound, .versionNotFound, .sourceNotFound: notFound
    case .secretPendingDeletion: pendingDeletion
    case .stageNotFound, .sourceMismatch:
      Row(status: 400, code: "Rejected.InvalidRequest", text: "param mismatch")
    case .tooManyStages, .tooManyStagesRequested:
      Row(status: 400, code: "Rejected.LimitExceeded", text: "exceed secret limits error")
    case .stagePermanent, .noVersionGiven: invalid("MoveToVersion")
    case .sourceRequired: invalid("RemoveFromVersion")
    case .nameNotAllowed(.secret): invalid("SecretName")
    case .nameNotAllowed(.stage): invalid("VersionStage")
    case .nameNotAllowed(.version), .versionIDRequired, .versionNumbersExhausted:
      invalid("VersionId")
    case .recoveryDaysOutOfRange: invalid("RecoveryWindowInDays")
    case .effectiveInFuture, .effectiveAfterTooLate, .changeNotFound: invalid("effective_at")
    case .findingNotOpen, .acknowledgementOver: invalid("finding")
    case .secretExists, .versionExists, .secretNotPendingDeletion:
      Row(
        status: 409, code: "Rejected.ResourceExist", text: Problem(.rejected(rejection)).detail)
    case .streamVersionMismatch:
      // Conditional and repeatable requests are this service's own; so are both codes.
      Row(status: 412, code: "LEDGER.0412", text: Problem(.rejected(rejection)).detail)
    case .changeUnderWay: unavailable
    case .fact(_, let rejection): row(rejection)
    case .idempotencyKeyReused, .eventIDReused:
      Row(status: 409, code: "LEDGER.0409", text: Problem(.rejected(rejection)).detail)
    }
  }

  /// A refusal of the cloud is repeated word for word; what this service says for it has codes of
  /// its own.
  private static func row(_ fault: ChangeFault) -> Row {
    if case .refused(let refusal) = fault.kind {
      return Row(status: refusal.statusForCaller, code: refusal.code, text: refusal.message)
    }
    let problem = Problem(.change(fault))
    guard problem.status != 503 else { return unavailable }
    return Row(status: problem.status, code: "LEDGER.0\(problem.status)", text: problem.detail)
  }

  private static func row(_ error: StoreError) -> Row {
    switch error {
    case .unavailable, .deadlineExceeded, .outcomeUnknown: unavailable
    case .projectNotFound: row(.forbidden)
    case .alreadyExists, .corrupt:
      Row(status: 500, code: "InternalFailure", text: "Internal Failure")
    }
  }

  /// What went wrong and what to do, in a sentence.
  private static func recommendation(_ failure: Failure) -> String {
    switch failure {
    case .unauthenticated:
      "Sign the request with an access key of this service: ACS3-HMAC-SHA256, or signature 1.0."
    case .signature(let refusal): recommendation(refusal)
    case .noRoute: Failure.noOperationSentence
    case .mediaType: "Send parameters in the query or as application/x-www-form-urlencoded."
    case .otherCloud(let provider): Failure.otherCloudSentence(provider)
    case .forbidden, .methodNotAllowed, .notAcceptable, .body, .secretValue, .input, .missing,
      .missingThen, .inDoubt, .pendingDeletion, .deletionScheduledAlready, .rejected, .change,
      .noCloud,
      .overloaded, .store, .refused, .fact:
      Problem(failure).detail
    }
  }

  private static func recommendation(_ refusal: SignatureRefusal) -> String {
    switch refusal {
    case .unknownKey: "No credential of this service has this access key."
    case .nonceUsed: "Sign every request with a nonce of its own."
    case .fault(.expired(let signedAt, let now)):
      "The request was signed at \(signedAt); it is \(now) here, and 15 minutes are allowed."
    case .fault(.headerNotSigned(let name)): "\(name) must be among the signed headers."
    case .fault(.headerMissing(let name)), .fault(.parameterMissing(let name)):
      "\(name) is missing."
    case .fault(.headerRepeated(let name)), .fault(.parameterRepeated(let name)):
      "\(name) is given more than once."
    case .fault(.unknownScheme(let name)): "\(name) names a scheme that is not taken here."
    case .fault(.malformedDate): "Write the time of signing as 2024-03-15T08:30:45Z."
    case .fault(.malformedTarget): "The query is not well encoded."
    case .fault(.malformedAuthorization):
      "Authorization must be ACS3-HMAC-SHA256 Credential=...,SignedHeaders=...,Signature=..."
    case .fault(.bodyMismatch): "Hash the body that is sent."
    case .fault(.wrongDay), .fault(.wrongService): "These schemes have no scope."
    case .fault(.signatureMismatch): "Compare the text that was signed with the one in Message."
    }
  }
}
