// The writing half of the client of AWS Secrets Manager: UpdateSecretVersionStage.
//
// Called by write-through through `CloudWriter`; calls `UpstreamClient.tell`. Invariant: an answer
// that does not name the secret is nonsense, not a success.

import CanonicalJSON
import Ledger
public import LedgerServices
import RequestSigning

extension AWSClient {
  /// Moves the label, attaches it or takes it away.
  public func move(_ move: CloudMove, within limit: Duration) async -> CloudReply {
    var members: [String: JSONValue] = [
      "SecretId": .string(move.secret.text), "VersionStage": .string(move.stage.text),
    ]
    if let target = move.target { members["MoveToVersionId"] = .string(target.text) }
    if let source = move.source { members["RemoveFromVersionId"] = .string(source.text) }
    let request = Self.request(.updateSecretVersionStage, members)
    switch await client.tell(request, as: dialect, within: limit) {
    case .other(let reply): return reply
    case .accepted(let answer):
      guard answer["Name"]?.stringValue == move.secret.text else {
        return .unknown(.nonsense, requestID: answer.requestID)
      }
      return .done(at: nil, requestID: answer.requestID)
    }
  }
}
