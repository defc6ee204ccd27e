// AWSErrors: the one table from a failure to the status, type and text of AWS Secrets Manager.
//
// Called by `API` through `ErrorReport`. Invariant: nothing of a request's body is in an answer but
// the name of a member.

import HTTPWire
import Ledger
import LedgerServices

/// Turns failures into the cloud's own errors.
enum AWSErrors {
  /// The answer that reports a failure.
  static func answer(_ failure: Failure) -> Answer {
    let problem = Problem(failure)
    var text = ObjectText()
    text.text("__type", problem.code)
    text.text("Message", problem.detail)
    return Answer(
      status: problem.status, contentType: "application/x-amz-json-1.1", content: text.bytes,
      size: nil)
  }
}
