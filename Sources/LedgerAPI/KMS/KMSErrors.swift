// KMSErrors: the one table from a failure to the status, code and text of Alibaba Cloud KMS.
//
// Called by `API` through `ErrorReport`. Invariant: nothing of a request's body is in an answer but
// the name of a parameter.

import HTTPWire
import Ledger
import LedgerServices

/// Turns failures into the cloud's own errors.
enum KMSErrors {
  /// The answer that reports a failure of a request.
  static func answer(_ failure: Failure, to request: HTTPRequest, _ requestID: String) -> Answer {
    let problem = Problem(failure)
    var text = ObjectText()
    text.text("RequestId", requestID)
    text.text("Code", problem.code)
    text.text("Message", problem.detail)
    return .json(text.bytes, status: problem.status, size: nil)
  }
}
