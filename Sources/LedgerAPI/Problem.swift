// Problem: the one table from a failure to the status, code and text of the ledger's own API.
//
// Called by `API` through `ErrorReport`, which picks the table of the surface. The shape is RFC
// 9457 with the members `code`, `field` and `request_id` of our own. Invariant: the texts are made
// here alone, from data; they show a request id and never SQL, paths, or anything of a body.

import HTTPWire
import Ledger
import LedgerServices

/// Turns failures into answers in the shape of a surface.
struct ErrorReport: Sendable {
  let request: HTTPRequest
  let surface: Surface
  let requestID: String
  /// The status for what does not exist, where the surface leaves a choice.
  var notFoundStatus = NotFoundStatus.badRequest

  init(request: HTTPRequest, surface: Surface, requestID: String) {
    self.request = request
    self.surface = surface
    self.requestID = requestID
  }

  /// The answer that reports the failure.
  func answer(_ failure: Failure) -> Answer {
    var answer =
      switch surface {
      case .csms: CSMSErrors.answer(failure, notFoundStatus, requestID)
      case .kms: KMSErrors.answer(failure, to: request, requestID)
      case .aws: AWSErrors.answer(failure)
      case .ledger, .operations: Problem(failure).answer(requestID)
      }
    switch failure {
    case .methodNotAllowed(let allowed):
      answer.fields.append(("Allow", allowed.joined(separator: ", ")))
    case .unauthenticated, .signature:
      if answer.status == 401 { answer.fields.append(("WWW-Authenticate", "Bearer")) }
    case .missing(_, let size), .missingThen(_, let size):
      answer.size = size
    case .change(let fault):
      answer.size = fault.position?.size
    case .forbidden, .noRoute, .notAcceptable, .mediaType, .body, .secretValue, .input,
      .inDoubt, .pendingDeletion, .deletionScheduledAlready, .rejected, .otherCloud, .noCloud,
      .overloaded,
      .store,
      .refused, .fact:
      break
    }
    if answer.status == 503 { answer.fields.append(("Retry-After", "1")) }
    return answer
  }
}

/// What went wrong, for people and for machines.
struct Problem: Sendable {
  let status: Int
  let code: String
  let title: String
  let detail: String
  var field: String?
  /// Which of several facts it is about; nil for none.
  var index: Int?

  private init(_ status: Int, _ code: String, _ title: String, _ detail: String) {
    self.status = status
    self.code = code
    self.title = title
    self.detail = detail
  }

  /// The problem a failure is.
  init(_ failure: Failure) {
    switch failure {
    case .unauthenticated:
      self.init(
        401, "unauthenticated", "Not authenticated",
        "Send a token of this project as X-Auth-Token or Authorization: Bearer, or sign the "
          + "request with its access key.")
    case .signature(let refusal):
      self.init(
        401, "unauthenticated", "Not authenticated",
        "The signature is not taken: \(CSMSErrors.tail(refusal)).")
    case .forbidden:
      self.init(
        403, "forbidden", "Not allowed",
        "This credential does not allow this action on this project.")
    case .noRoute:
      self.init(404, "no_route", "No such route", "Nothing is served under this path.")
    case .methodNotAllowed(let allowed):
      self.init(
        405, "method_not_allowed", "Method not allowed",
        "This path takes \(allowed.joined(separator: ", ")).")
    case .notAcceptable(let offered):
      self.init(
        406, "not_acceptable", "Not acceptable",
        "This is served as \(offered.joined(separator: " or ")).")
    case .mediaType:
      self.init(
        415, "unsupported_media_type", "Not JSON",
        "The body must be of type application/json; facts may also come as "
          + "\(FactBody.lines).")
    case .body(let fault):
      self.init(400, "bad_body", "Bad body", fault.sentence)
    case .secretValue:
      self.init(400, "secret_value", "Secret value refused", Failure.secretValueSentence)
    case .input(let name, let fault):
      self.init(400, fault.code, "Bad input", fault.sentence(name))
      field = name
    case .missing(let thing, _), .missingThen(let thing, _):
      self.init(
        404, "\(thing.rawValue)_not_found", "Not found", "There is no such \(thing.rawValue).")
    case .inDoubt:
      self.init(
        409, "in_doubt", "Not certain",
        "The record cannot tell which of several versions held the label then; the candidates are "
          + "told under /ledger/v1.")
    case .pendingDeletion:
      self.init(Rejection.secretPendingDeletion)
    case .deletionScheduledAlready:
      self.init(Rejection.secretPendingDeletion)
    case .rejected(let rejection):
      self.init(rejection)
    case .fact(let index, let failure):
      self.init(failure)
      self.index = index
    case .change(let fault):
      self.init(fault)
    case .otherCloud(let provider):
      self.init(
        409, "other_cloud", "Another cloud",
        "This is a project of \(provider.rawValue): it is read here and changed under /ledger/v1."
      )
    case .noCloud:
      self.init(
        409, "no_cloud", "No cloud",
        "The project has no cloud to be compared with: its upstream mode is off.")
    case .overloaded:
      self.init(
        503, "overloaded", "Too much at once",
        "Too many requests wait already. Nothing was written; try again shortly.")
    case .store(let error):
      self.init(error)
    case .refused(let refusal):
      self.init(refusal.status, "bad_request", "Request refused", refusal.message)
    }
  }

  private init(_ rejection: Rejection) {
    let (status, title, detail, field) = Self.row(rejection)
    self.init(status, rejection.code, title, detail)
    self.field = field
  }

  private static func row(_ rejection: Rejection) -> (Int, String, String, String?) {
    switch rejection {
    case .secretNotFound:
      (404, "Not found", "There is no such secret.", nil)
    case .versionNotFound:
      (404, "Not found", "The secret has no such version.", "version_id")
    case .stageNotFound:
      (404, "Not found", "No version of the secret carries this label.", nil)
    case .secretExists:
      (409, "Exists already", "A secret of this name is registered already.", "name")
    case .versionExists:
      (409, "Exists already", "The secret has this version already.", "version_id")
    case .secretPendingDeletion:
      (409, "Waits for deletion", "The secret waits for its deletion.", nil)
    case .secretNotPendingDeletion:
      (409, "Not scheduled", "The secret does not wait for a deletion.", nil)
    case .versionNumbersExhausted:
      (409, "No number left", "The next version number cannot be written.", nil)
    case .stagePermanent:
      (409, "Permanent label", "This label is built in: it can be moved, not removed.", nil)
    case .sourceRequired(_, let holder):
      (
        400, "Source needed", "The label sits on \(holder.text): name that version to move it.",
        "remove_from_version_id"
      )
    case .sourceNotFound:
      (404, "Not found", "The secret has no such version.", "remove_from_version_id")
    case .sourceMismatch(_, let holder?):
      (
        409, "Not there", "The label sits on \(holder.text), not on the version named.",
        "remove_from_version_id"
      )
    case .sourceMismatch(_, nil):
      (
        409, "Not there", "No version of the secret carries this label.",
        "remove_from_version_id"
      )
    case .noVersionGiven:
      (400, "Bad input", "Name a version to put the label on or to take it off.", "version_id")
    case .versionIDRequired:
      (400, "Bad input", "The project's cloud does not count versions: name one.", "version_id")
    case .tooManyStages(let limit), .tooManyStagesRequested(let limit):
      (409, "Too many labels", "A secret carries at most \(limit) labels.", nil)
    case .nameNotAllowed(let field):
      (400, "Bad input", "The project's cloud takes no such \(field.rawValue).", field.rawValue)
    case .recoveryDaysOutOfRange(let days):
      (
        400, "Bad input", "The days to wait must be \(days.lowerBound) to \(days.upperBound).",
        "recovery_window_in_days"
      )
    case .effectiveInFuture(let now):
      (400, "Bad input", InputFault.inFuture(now: now).sentence("effective_at"), "effective_at")
    case .streamVersionMismatch(let expected, let actual):
      (
        412, "Changed meanwhile",
        "The secret is at stream version \(actual.number), not \(expected.number).", "If-Match"
      )
    case .effectiveAfterTooLate:
      (
        400, "Bad input", "effective_after must lie before effective_at.", "effective_after"
      )
    case .changeNotFound(let position):
      (
        409, "Not there", "Position \(position.index) holds no change of this label.", "refines"
      )
    case .findingNotOpen:
      (409, "Not open", "The finding is not open: what differed no longer does.", nil)
    case .acknowledgementOver(let now):
      (400, "Bad input", "expires_at must lie ahead; it is \(now.rfc3339).", "expires_at")
    case .changeUnderWay:
      (
        503, "Change under way",
        "Another change of this secret is under way in the cloud. Nothing was written; try again "
          + "shortly.", nil
      )
    case .eventIDReused(let id):
      (409, "Id used before", "Another fact has the id \(id.text).", "event_id")
    case .fact(_, let rejection): row(rejection)
    case .idempotencyKeyReused:
      (409, "Key used before", "This key was used before with another request.", "Idempotency-Key")
    }
  }

  /// A change that was passed on; says what is recorded of it and how to learn more.
  private init(_ fault: ChangeFault) {
    let place = fault.position.map { "position \($0.index)" } ?? "no position"
    switch fault.kind {
    case .refused(let refusal):
      self.init(
        refusal.statusForCaller, "upstream_refused", "The cloud refused",
        "The cloud refused the change recorded at \(place), \(refusal.code): \(refusal.message)")
    case .notDone:
      self.init(
        502, "upstream_not_done", "The cloud did not do it",
        "The cloud gave no verdict on the change recorded at \(place) and, read afterwards, had "
          + "not done it.")
    case .notSent:
      self.init(
        502, "upstream_not_asked", "The cloud was not asked",
        "The change recorded at \(place) could not be sent to the cloud; the operator must look.")
    case .unresolved(let doubt):
      let (status, code, title) =
        switch doubt {
        case .nonsense: (502, "upstream_nonsense", "The cloud makes no sense")
        case .silence: (504, "upstream_silent", "The cloud does not answer")
        }
      self.init(
        status, code, title,
        "Whether the cloud did the change recorded at \(place) is not known. It is settled by "
          + "reading the cloud: \(Self.howToLearn)")
    case .unrecorded:
      self.init(
        503, "upstream_unrecorded", "Not recorded",
        "The cloud was asked for the change recorded at \(place), and its answer could not be "
          + "recorded. It is settled by reading the cloud: \(Self.howToLearn)")
    case .unsettled:
      self.init(
        503, "upstream_unsettled", "Not settled",
        "What came of the change recorded at \(place) is not known yet: \(Self.howToLearn)")
    case .underWay:
      self.init(Rejection.changeUnderWay(fault.position ?? TreeSize.zero.next))
    }
  }

  private static let howToLearn =
    "repeat the request with the same Idempotency-Key, or read the events that follow."

  private init(_ error: StoreError) {
    switch error {
    case .unavailable:
      self.init(
        503, "unavailable", "Not available", "The record cannot be reached; try again shortly.")
    case .deadlineExceeded:
      self.init(
        503, "deadline_exceeded", "Too slow",
        "The record did not answer in time. Nothing was written; try again shortly.")
    case .outcomeUnknown:
      self.init(
        503, "outcome_unknown", "Outcome unknown",
        "The connection to the record broke; whether this was written is not known. Repeat the "
          + "request with the same Idempotency-Key, or read first.")
    case .projectNotFound:
      self.init(Failure.forbidden)
    case .alreadyExists, .corrupt:
      self.init(
        500, "internal", "Internal error", "The service cannot answer; the operator must look.")
    }
  }

  /// The answer that tells of the problem.
  func answer(_ requestID: String) -> Answer {
    var text = ObjectText()
    text.text("type", "urn:stageledger:problem:\(code)")
    text.text("title", title)
    text.integer("status", Int64(status))
    text.text("detail", detail)
    text.text("code", code)
    if let field { text.text("field", field) }
    if let index { text.integer("index", Int64(index)) }
    text.text("request_id", requestID)
    return Answer(
      status: status, contentType: "application/problem+json", content: text.bytes, size: nil)
  }
}
