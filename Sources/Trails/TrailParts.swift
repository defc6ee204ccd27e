// TrailParts: parts of a record that all three trails tell of in the same way.
//
// Called by the three tables.

import CanonicalJSON
import Ledger

/// Who acted, as far as a record says.
func trailPrincipal(id: String?, name: String?, sourceIP: String?) -> Principal {
  Principal(
    kind: id == nil && name == nil ? .unknown : .cloud, id: clipped(id), name: clipped(name),
    sourceIP: clipped(sourceIP))
}

/// When a scheduled deletion takes place: some days after it was asked for.
func deletionData(at time: Instant, days: Int64) -> [String: JSONValue] {
  guard 1...90 ~= days else { return [:] }
  let moment = time.advanced(byMicroseconds: days * 86_400_000_000)
  return ["delete_at": .string(moment.rfc3339)]
}

/// A call that failed: evidence of what was tried, which changed nothing.
func trailRejection(of attempt: TrailFact?, code: String, message: String?) -> TrailFact {
  var data: [String: JSONValue] = ["error_code": .string(clipped(code) ?? code)]
  if let message = clipped(message, to: 512) { data["error_message"] = .string(message) }
  return TrailFact(
    .changeRejected, stage: attempt?.stage, versionID: attempt?.versionID, data: data)
}
