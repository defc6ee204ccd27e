// The writing half of the client of Alibaba Cloud KMS: UpdateSecretVersionStage.
//
// Called by write-through through `CloudWriter`; calls `UpstreamClient.tell`. Invariant: an answer
// that does not name the secret is nonsense, not a success.

import CanonicalJSON
import Ledger
public import LedgerServices
import RequestSigning

extension AlibabaClient {
  /// Puts the label on the version, takes it off another, or both.
  public func move(_ move: CloudMove, within limit: Duration) async -> CloudReply {
    var parameters = [
      (name: "SecretName", value: move.secret.text), (name: "VersionStage", value: move.stage.text),
    ]
    if let target = move.target {
      parameters.append((name: "MoveToVersion", value: target.text))
    }
    if let source = move.source {
      parameters.append((name: "RemoveFromVersion", value: source.text))
    }
    let request = Self.request(.updateSecretVersionStage, parameters)
    switch await client.tell(request, as: dialect, within: limit) {
    case .other(let reply): return reply
    case .accepted(let answer):
      let requestID = answer.requestID ?? Refusal.wellFormed(answer["RequestId"]?.stringValue)
      guard answer["SecretName"]?.stringValue == move.secret.text else {
        return .unknown(.nonsense, requestID: requestID)
      }
      return .done(at: nil, requestID: requestID)
    }
  }
}
