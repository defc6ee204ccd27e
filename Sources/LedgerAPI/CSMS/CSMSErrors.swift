// CSMSErrors: the one table from a failure to the status, code and text of Huawei Cloud CSMS.
//
// Called by `API` through `ErrorReport`. Codes `CSMS.*` and `APIGW.*` and their texts are the
// cloud's own wherever it documents one for the case; those chosen by us say so. Invariant: the
// body is the flat pair the official clients read, and nothing of a request's body is in it but a
// member's name.

import HTTPWire
import Ledger
import LedgerServices
import RequestSigning

/// Turns failures into the cloud's own errors.
enum CSMSErrors {
  /// A line of the table.
  private struct Row {
    var status: Int
    var code: String
    var text: String
  }

  /// The answer that reports a failure.
  static func answer(
    _ failure: Failure, _ notFound: NotFoundStatus, _ requestID: String
  ) -> Answer {
    let row = row(failure, notFound)
    var text = ObjectText()
    text.text("error_code", row.code)
    text.text("error_msg", row.text)
    // The gateway in front of the cloud repeats the request id in its own errors.
    if row.code.hasPrefix("APIGW.") { text.text("request_id", requestID) }
    return .json(text.bytes, status: row.status, size: nil)
  }

  private static func row(_ failure: Failure, _ notFound: NotFoundStatus) -> Row {
    switch failure {
    case .unauthenticated:
      Row(
        status: 401, code: "APIGW.0301",
        text: "Incorrect IAM authentication information: decrypt token fail")
    case .signature(let refusal):
      Row(
        status: 401, code: "APIGW.0301",
        text: "Incorrect IAM authentication information: \(tail(refusal))")
    case .forbidden:
      Row(status: 403, code: "CSMS.0302", text: "The action is not allowed by policy.")
    case .noRoute:
      Row(
        status: 404, code: "APIGW.0101",
        text: "The API does not exist or has not been published in the environment")
    case .methodNotAllowed, .notAcceptable:
      // The cloud documents no code for a wrong method; the status is what HTTP has for it.
      Row(status: 405, code: "CSMS.0003", text: "The request is invalid.")
    case .mediaType, .body:
      Row(status: 400, code: "CSMS.0004", text: detailed(wrongBody, failure))
    case .secretValue:
      Row(status: 400, code: "CSMS.0002", text: detailed(invalid, failure))
    case .input:
      Row(status: 400, code: "CSMS.0002", text: detailed(invalid, failure))
    case .missing(.secret, _):
      Row(status: status(notFound), code: "CSMS.0106", text: noSecret)
    case .missing(.version, _), .missing(.stage, _), .missing(.event, _), .missing(.finding, _),
      .missing(.run, _), .missing(.report, _):
      Row(status: status(notFound), code: "CSMS.0005", text: noResource)
    // The cloud has no question about the past, so no client of it expects another status.
    case .missingThen(.secret, _):
      Row(status: 404, code: "CSMS.0106", text: noSecret)
    case .missingThen(.version, _), .missingThen(.stage, _), .missingThen(.event, _),
      .missingThen(.finding, _), .missingThen(.run, _), .missingThen(.report, _):
      Row(status: 404, code: "CSMS.0005", text: noResource)
    // Doubt is this service's own, and so is the code.
    case .inDoubt:
      Row(status: 409, code: "LEDGER.0410", text: Problem(failure).detail)
    case .pendingDeletion:
      Row(status: 400, code: "CSMS.0103", text: pendingDeletion)
    case .deletionScheduledAlready:
      Row(status: 400, code: "CSMS.0107", text: "The secret is in schedule delete state.")
    case .rejected(let rejection):
      row(rejection, notFound)
    case .fact(_, let failure):
      row(failure, notFound)
    case .change(let fault): row(fault)
    case .otherCloud, .noCloud:
      Row(status: 400, code: "CSMS.0003", text: detailed("The request is invalid.", failure))
    case .overloaded:
      unavailable(failure)
    case .store(let error):
      row(error, failure)
    case .refused(let refusal):
      row(refusal)
    }
  }

  /// Why a signature is not taken, in the words that follow the cloud's own beginning of such a
  /// message.
  static func tail(_ refusal: SignatureRefusal) -> String {
    switch refusal {
    case .fault(.expired(let signedAt, let now)):
      "calc aksk signature fail:signature expired, signature time:\(signedAt),server time:\(now)"
    case .fault(.malformedDate): "calc aksk signature fail:x-sdk-date is no time"
    case .fault(.headerNotSigned(let name)):
      "calc aksk signature fail:\(name) is not among the signed headers"
    case .fault(.headerMissing), .fault(.headerRepeated), .fault(.malformedAuthorization),
      .fault(.malformedTarget), .fault(.bodyMismatch), .fault(.wrongDay), .fault(.wrongService),
      .fault(.signatureMismatch),
      .fault(.parameterMissing), .fault(.parameterRepeated), .fault(.unknownScheme), .nonceUsed:
      "verify aksk signature fail"
    case .unknownKey(let accessKey): "ak \(accessKey) not exist"
    }
  }

  private static let invalid = "The value of parameter is invalid."
  private static let wrongBody = "The requested body format is wrong."
  private static let noResource = "The resource does not exist."
  // The misspelling is the cloud's.
  private static let noSecret = "The secret name not found int the db."
  private static let pendingDeletion = "The secret is in the scheduled deletion state."

  private static func row(_ rejection: Rejection, _ notFound: NotFoundStatus) -> Row {
    switch rejection {
    case .secretNotFound:
      Row(status: status(notFound), code: "CSMS.0106", text: noSecret)
    case .versionNotFound, .sourceNotFound, .stageNotFound:
      Row(status: status(notFound), code: "CSMS.0005", text: noResource)
    case .secretExists, .versionExists, .versionNumbersExhausted:
      // The cloud's table has no row for what exists already; the code is our choice.
      Row(status: 400, code: "CSMS.0002", text: detailed(invalid, .rejected(rejection)))
    case .secretPendingDeletion:
      Row(status: 400, code: "CSMS.0103", text: pendingDeletion)
    case .secretNotPendingDeletion:
      Row(status: 400, code: "CSMS.0108", text: "The secret is not in schedule delete state.")
    case .stagePermanent:
      Row(status: 400, code: "CSMS.0105", text: "Can not delete the system internal stage.")
    case .tooManyStages:
      Row(
        status: 400, code: "CSMS.0203",
        text: "The number of stage has reached the upper limit.")
    case .tooManyStagesRequested:
      Row(
        status: 400, code: "CSMS.0204",
        text: "The number of stage is greater than the quota limit.")
    case .sourceRequired, .sourceMismatch, .noVersionGiven, .versionIDRequired:
      // This cloud never asks where a label sits and counts versions itself: codes of our choice.
      Row(status: 400, code: "CSMS.0002", text: detailed(invalid, .rejected(rejection)))
    case .nameNotAllowed, .recoveryDaysOutOfRange, .effectiveInFuture, .effectiveAfterTooLate,
      .changeNotFound, .findingNotOpen, .acknowledgementOver:
      Row(status: 400, code: "CSMS.0002", text: detailed(invalid, .rejected(rejection)))
    case .streamVersionMismatch:
      // Conditional and repeatable requests are this service's own; so are both codes.
      Row(status: 412, code: "LEDGER.0412", text: Problem(.rejected(rejection)).detail)
    case .changeUnderWay: unavailable(.rejected(rejection))
    case .fact(_, let rejection): row(rejection, notFound)
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
    guard problem.status != 503 else { return unavailable(.change(fault)) }
    return Row(status: problem.status, code: "LEDGER.0\(problem.status)", text: problem.detail)
  }

  private static func row(_ error: StoreError, _ failure: Failure) -> Row {
    switch error {
    case .unavailable, .deadlineExceeded, .outcomeUnknown:
      unavailable(failure)
    case .projectNotFound:
      row(.forbidden, .badRequest)
    case .alreadyExists, .corrupt:
      // No code for an internal error is documented; this one has the gateway's form and is ours.
      Row(status: 500, code: "APIGW.0500", text: Problem(failure).detail)
    }
  }

  private static func row(_ refusal: HTTPRefusal) -> Row {
    switch refusal.status {
    case 413: Row(status: 413, code: "CSMS.0004", text: "\(wrongBody) \(refusal.message)")
    case 503: unavailable(.refused(refusal))
    default:
      Row(
        status: refusal.status, code: "CSMS.0003",
        text: "The request is invalid. \(refusal.message)")
    }
  }

  /// No code for an overloaded or unreachable service is documented: the gateway's form, our
  /// choice.
  private static func unavailable(_ failure: Failure) -> Row {
    Row(
      status: 503, code: "APIGW.0201", text: detailed("Backend unavailable.", failure))
  }

  private static func detailed(_ text: String, _ failure: Failure) -> String {
    "\(text) \(Problem(failure).detail)"
  }

  private static func status(_ notFound: NotFoundStatus) -> Int {
    switch notFound {
    case .badRequest: 400
    case .notFound: 404
    }
  }
}
