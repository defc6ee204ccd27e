// The writing half of the client of Huawei Cloud CSMS: UpdateSecretStage and DeleteSecretStage.
//
// Called by write-through through `CloudWriter`; calls `UpstreamClient.tell`. The cloud does not
// ask where a label sits: a source is not told. Invariant: an answer that does not say what was
// asked for is nonsense, not a success.

import CanonicalJSON
import Ledger
public import LedgerServices
import RequestSigning

extension HuaweiClient {
  /// Puts the label on the version, or takes it away.
  public func move(_ move: CloudMove, within limit: Duration) async -> CloudReply {
    let path: String
    do throws(CloudError) {
      path = try self.path([move.secret.text, "stages", move.stage.text])
    } catch {
      return .notSent("\(error)")
    }
    var request = SignableRequest(
      method: move.target == nil ? "DELETE" : "PUT", path: path, query: nil, fields: [], body: [])
    request.set("Accept", "application/json")
    request.set("Content-Type", "application/json")
    if let target = move.target {
      request.body = JSONValue.object(["version_id": .string(target.text)]).canonicalBytes()
    }
    switch await client.tell(request, as: dialect, within: limit) {
    case .other(let reply): return reply
    case .accepted(let answer):
      guard let target = move.target else {
        return .done(at: nil, requestID: answer.requestID)
      }
      guard answer["stage"]?["version_id"]?.stringValue == target.text else {
        return .unknown(.nonsense, requestID: answer.requestID)
      }
      let moment = answer["stage"]?["update_time"].flatMap { Self.moment($0) }
      return .done(at: moment, requestID: answer.requestID)
    }
  }

  /// The time an `update_time` tells, which is in milliseconds; nil when it is none.
  static func moment(_ value: JSONValue) -> Instant? {
    guard let milliseconds = value.integerValue, milliseconds > 0 else { return nil }
    let (microseconds, isPastRange) = milliseconds.multipliedReportingOverflow(by: 1_000)
    return isPastRange ? nil : Instant(microseconds: microseconds)
  }
}
