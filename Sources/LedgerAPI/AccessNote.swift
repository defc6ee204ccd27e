// AccessNote: what is learned of one request on its way, and whether the access log wants it.
//
// Made by `API` for each request; told by it and by `Call.authorize`. Reads of known credentials
// and refusals of everybody are wanted; what changed something is an event already. Invariant:
// before a credential is known nothing is kept that the request says of itself: a project in a path
// and an access key in a header are claims, and would let anybody fill the log of anybody.

import HTTPWire
import Ledger
import LedgerServices
import RequestSigning
import Synchronization

/// What is known of a request.
final class AccessNote: Sendable {
  private struct Known {
    var credential: Credential?
    var route: Route?
    var secret: SecretName?
    var stage: StageName?
  }

  private let known = Mutex(Known())

  /// Learns where the request goes.
  func goes(to route: Route) { known.withLock { $0.route = route } }

  /// Learns whose the request is.
  func belongs(to credential: Credential) { known.withLock { $0.credential = credential } }

  /// Learns what the request is about, of which nothing has been said yet.
  func concerns(_ secret: SecretName?, _ stage: StageName?) {
    known.withLock {
      $0.secret = secret
      $0.stage = stage
    }
  }

  /// What the access log keeps of the request; nil when it is none of its business.
  func access(
    of request: HTTPRequest, on surface: Surface, _ failure: Failure?, status: Int
  ) -> Access? {
    let known = known.withLock { $0 }
    let credential = known.credential ?? failure?.provenCredential
    let verdict: Access.Verdict
    if let reason = failure?.refusal {
      verdict = .refused(reason)
    } else if credential != nil, known.route?.isRead == true {
      verdict = failure.map { .failed(Problem($0).code) } ?? .answered
    } else {
      return nil
    }
    return Access(
      project: credential?.project, credential: credential?.name, sourceIP: request.peer,
      surface: surface.tag, action: credential.flatMap { _ in known.route?.action?.name },
      secret: known.secret, stage: known.stage, status: Int64(status), verdict: verdict)
  }
}

extension Failure {
  /// Why the request was not taken, in a stable word; nil when it was taken.
  fileprivate var refusal: String? {
    switch self {
    case .unauthenticated: "unauthenticated"
    case .signature(let refusal): refusal.word
    case .forbidden: "forbidden"
    case .otherCloud: "other_cloud"
    case .fact(_, let failure): failure.refusal
    case .noRoute, .methodNotAllowed, .notAcceptable, .mediaType, .body, .secretValue, .input,
      .missing, .missingThen, .inDoubt, .pendingDeletion, .deletionScheduledAlready, .rejected,
      .change, .noCloud, .overloaded, .store, .refused:
      nil
    }
  }
}

extension Failure {
  /// Who signed a request that was refused for coming again; nil for every other failure.
  fileprivate var provenCredential: Credential? {
    guard case .signature(.nonceUsed(let credential)) = self else { return nil }
    return credential
  }
}

extension SignatureRefusal {
  fileprivate var word: String {
    switch self {
    case .unknownKey: "unknown_access_key"
    case .nonceUsed: "nonce_used"
    case .fault(.signatureMismatch): "signature_mismatch"
    case .fault(.bodyMismatch): "body_mismatch"
    case .fault(.expired): "signature_expired"
    case .fault(.headerNotSigned): "header_not_signed"
    case .fault(.malformedAuthorization), .fault(.malformedTarget), .fault(.headerMissing),
      .fault(.headerRepeated), .fault(.parameterMissing), .fault(.parameterRepeated),
      .fault(.unknownScheme), .fault(.malformedDate), .fault(.wrongDay), .fault(.wrongService):
      "malformed_signature"
    }
  }
}
