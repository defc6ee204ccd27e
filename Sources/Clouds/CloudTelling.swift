// CloudTelling: a change that is told to a cloud, once, and what the cloud answers.
//
// Used by the client of each cloud for the one operation that changes something. Invariants: it is
// sent once and never repeated, neither here nor below: the caller brings a client that has sent
// nothing before, for a connection that is used again may be found broken only after the request
// left on it, and is then repeated without a word. Only an answer with a status and a code that the
// cloud itself gives is a refusal; every other failure may come after the change was done.

import CanonicalJSON
import Foundation
import FoundationNetworking
import LedgerServices
import RequestSigning

/// What came back for a change.
enum Telling: Sendable {
  /// The cloud says that it did it; its body is null where it sends none.
  case accepted(CloudAnswer)
  /// Anything else.
  case other(CloudReply)
}

extension UpstreamClient {
  /// Tells the cloud once; comes back within the time, or shortly after.
  func tell<Dialect: CloudDialect>(
    _ request: SignableRequest, as dialect: Dialect, within limit: Duration
  ) async -> Telling {
    let result: Result<UpstreamAnswer, UpstreamFailure>
    do throws(CloudError) {
      result = try await once(request, as: dialect, .now.advanced(by: limit))
    } catch {
      return .other(.notSent("\(error)"))
    }
    switch result {
    case .success(let answer): return Self.read(answer, as: Dialect.self)
    case .failure(let failure): return .other(failure.reply)
    }
  }

  private static func read<Dialect: CloudDialect>(
    _ answer: UpstreamAnswer, as _: Dialect.Type
  ) -> Telling {
    let requestID = Refusal.wellFormed(answer.fields[Dialect.requestIDHeader])
    if answer.status == 204, answer.body.isEmpty {
      return .accepted(CloudAnswer(json: .null, requestID: requestID))
    }
    let limits = JSONLimits(depthMax: 32, bytesMax: 1 << 20)
    guard let json = try? JSONValue(parsing: answer.body, limits: limits) else {
      return .other(.unknown(.nonsense, requestID: requestID))
    }
    switch answer.status {
    case 200: return .accepted(CloudAnswer(json: json, requestID: requestID))
    case 400...499 where answer.status != 408:
      guard let code = Refusal.wellFormed(Dialect.code(in: json)) else { break }
      return .other(
        .refused(
          CloudRefusal(
            status: answer.status, code: code, message: Dialect.message(in: json) ?? code,
            requestID: requestID)))
    default: break
    }
    return .other(.unknown(.nonsense, requestID: requestID))
  }
}

extension UpstreamFailure {
  /// What it means to a change that it has no answer.
  fileprivate var reply: CloudReply {
    switch self {
    case .transport(URLError.Code.cannotConnectToHost.rawValue),
      .transport(URLError.Code.cannotFindHost.rawValue),
      .transport(URLError.Code.dnsLookupFailed.rawValue):
      .notSent("no connection to the cloud")
    case .timedOut, .transport, .cancelled: .unknown(.silence, requestID: nil)
    case .tooLarge, .redirected, .notHTTP: .unknown(.nonsense, requestID: nil)
    }
  }
}
