// KMSStages: the label call of Alibaba Cloud KMS.
//
// Called through the route table; calls `Appender`. The rules are `LabelRules.alibaba`.

import Ledger
import LedgerServices

/// The calls about labels.
enum KMSStages {
  /// `UpdateSecretVersionStage`: takes a label off one version, puts it on another, or both.
  static func update(_ call: Call) async throws(Failure) -> Answer {
    let stage: StageName = try call.required("VersionStage")
    let secret = try call.kmsSecret(stages: [stage])
    guard call.project.provider.rules.acceptsStage(stage) else {
      throw .rejected(.nameNotAllowed(.stage))
    }
    let target: VersionID? = try call.optional("MoveToVersion")
    let source: VersionID? = try call.optional("RemoveFromVersion")
    let outcome = try await call.append(
      .moveStage(stage, to: target, from: source), to: secret, reason: nil, ticket: nil)
    var object = KMSObject()
    object.text("SecretName", secret.text)
    return call.kmsAnswer(object, size: outcome.size)
  }
}
