// CTSTrace: what a trace of Huawei Cloud Trace Service says about labels, operation by operation.
//
// Called by `TrailFormat`. A trace holds the request and the answer as objects or as texts of them,
// or leaves them out; what is missing there is looked for in the URL. Source: the trace structure
// in the CTS user guide and the operations in the DEW one; no trace of a label is published. Times
// are milliseconds since 1970, or a date with an offset in files made by the console.

import CanonicalJSON
import Ledger

struct CTSTrace {
  private let trace: JSONValue
  private let request: JSONValue
  private let response: JSONValue
  private let path: CTSPath
  private let name: String

  init(_ trace: JSONValue) throws(TrailGap) {
    guard let name = trace.text("trace_name") else { throw .malformed("no trace_name") }
    self.trace = trace
    self.name = name
    request = trace.object("request") ?? .null
    response = trace.object("response") ?? .null
    path = CTSPath(trace.text("resource_url") ?? "")
  }

  var reading: TrailReading {
    get throws(TrailGap) {
      guard isOfCSMS else { return .passedOver }
      guard let operation = Operation(rawValue: name) else {
        // The service keeps keys as well.
        if Self.others.contains(name) || !name.contains("Secret") { return .passedOver }
        throw .missing("an operation \(name.debugDescription), which is not known")
      }
      guard let time = trace["time"].flatMap(CTSTime.read) else {
        throw .missing("no time in milliseconds, and no date with an offset")
      }
      let facts =
        switch outcome {
        case .done: try self.facts(operation, at: time)
        case .failed(let code):
          [trailRejection(of: try? self.facts(operation, at: time).last, code: code, message: nil)]
        case .unknown:
          [
            TrailFact(
              .changeUnresolved, stage: try? stage, versionID: try? version,
              reason: "the record does not say whether the call succeeded")
          ]
        }
      return .record(
        TrailRecord(
          id: clipped(trace.text("trace_id")), time: time,
          secret: try trailName(secretName, "name of a secret"), principal: principal,
          requestID: clipped(trace.text("request_id")), operation: name,
          scope: path.project ?? trace.text("project_id"), facts: facts))
    }
  }

  /// By its type, or by its service: a name such as `createSecret` other services have too.
  private var isOfCSMS: Bool {
    if trace.text("resource_type")?.lowercased() == "csms" { return true }
    guard let service = trace.text("service_type") else { return true }
    return ["csms", "dew", "kms"].contains(service.lowercased())
  }

  /// Whether the call succeeded: by the status, else by the rating.
  private enum Outcome {
    case done
    case failed(String)
    case unknown
  }

  private var outcome: Outcome {
    if let code = trace.scalar("code"), let status = Int(code) {
      guard !(200...299).contains(status) else { return .done }
      return .failed(response.text("error_code") ?? code)
    }
    switch trace.text("trace_rating") {
    case "normal": return .done
    case "warning", "incident": return .failed(response.text("error_code") ?? "unknown")
    default: return .unknown
    }
  }

  // MARK: The table

  /// The operations that change secrets, versions or labels.
  private enum Operation: String {
    case createSecret
    case createSecretVersion
    case createSecretStage
    case updateSecretStage
    case deleteSecretStage
    case rotateSecret
    case restoreSecretFromBackupBlob
    case scheduleDelSecret
    case restoreSecretFromDeletedStatus
    case forceDeleteSecret
  }

  /// The operations that change neither; `putSecretVersion` sets the time a version expires.
  private static let others: Set = [
    "backupSecret", "createSecretEvent", "deleteSecretEvent", "putSecretVersion", "updateSecret",
    "updateSecretEvent",
  ]

  private func facts(
    _ operation: Operation, at time: Instant
  ) throws(TrailGap) -> [TrailFact] {
    switch operation {
    case .createSecret: [TrailFact(.secretRegistered), try firstVersion()]
    case .createSecretVersion: [try newVersion()]
    // The first time a label is put may be traced by either name.
    case .createSecretStage, .updateSecretStage: [try move()]
    case .deleteSecretStage: [try removal()]
    case .rotateSecret: [try unknown("which labels the rotation moved")]
    case .restoreSecretFromBackupBlob: [try unknown("which versions and labels were restored")]
    case .scheduleDelSecret: [deletion(at: time)]
    case .restoreSecretFromDeletedStatus: [TrailFact(.secretRestored)]
    case .forceDeleteSecret: [TrailFact(.secretDeleted)]
    }
  }

  /// The service counts a secret's versions from `v1`, and a secret is made with a value.
  private func firstVersion() throws(TrailGap) -> TrailFact {
    let told = try version
    let first: VersionID = try trailName("v1", "id of a version")
    return TrailFact(
      .versionRegistered, versionID: told ?? first,
      data: told == nil ? ["inferred": ["version_id"]] : [:])
  }

  private func newVersion() throws(TrailGap) -> TrailFact {
    guard let version = try version else { return try unknown("which version was made") }
    return TrailFact(
      .versionRegistered, versionID: version,
      stages: try trailStages(request.texts("version_stages")))
  }

  private func move() throws(TrailGap) -> TrailFact {
    guard let stage = try stage else { return try unknown("which label was moved") }
    guard let version = try version else { return try unknown("to which version it was moved") }
    return TrailFact(.stageAssigned, stage: stage, versionID: version)
  }

  private func removal() throws(TrailGap) -> TrailFact {
    guard let stage = try stage else { return try unknown("which label was removed") }
    return TrailFact(.stageRemoved, stage: stage)
  }

  private func unknown(_ what: String) throws(TrailGap) -> TrailFact {
    TrailFact(
      .changeUnresolved, stage: try stage, versionID: try version,
      reason: "the record does not say \(what)")
  }

  private func deletion(at time: Instant) -> TrailFact {
    let secret = response.object("secret") ?? response
    if let moment = secret["scheduled_delete_time"].flatMap(CTSTime.read) {
      return TrailFact(.secretDeletionScheduled, data: ["delete_at": .string(moment.rfc3339)])
    }
    let days =
      request.scalar("recovery_window_in_days").flatMap { Int64($0) }
      ?? Int64(LabelRules.huawei.recoveryDaysDefault)
    return TrailFact(.secretDeletionScheduled, data: deletionData(at: time, days: days))
  }

  // MARK: Who, where, of what

  private var stage: StageName? {
    get throws(TrailGap) {
      try trailName(
        ifThere: response.object("stage")?.text("name") ?? path.stage
          ?? request.text("stage_name", "name"),
        "label")
    }
  }

  private var version: VersionID? {
    get throws(TrailGap) {
      try trailName(
        ifThere: response.object("stage")?.text("version_id")
          ?? response.object("version_metadata")?.text("id") ?? response.text("version_id")
          ?? request.text("version_id"),
        "id of a version")
    }
  }

  private var secretName: String? {
    if name == Operation.createSecret.rawValue, let given = request.text("name") { return given }
    let answered = response.object("stage")?.text("secret_name") ?? response.text("secret_name")
    return answered ?? response.object("version_metadata")?.text("secret_name")
      ?? response.object("secret")?.text("name") ?? path.secret ?? trace.text("resource_name")
      ?? request.text("secret_name", "secretName")
  }

  private var principal: Principal {
    let user = trace.object("user") ?? .null
    return trailPrincipal(
      id: user.text("id", "principal_id", "account_id"), name: user.text("name", "user_name"),
      sourceIP: trace.text("source_ip"))
  }
}

/// The names in `/v1/PROJECT/secrets/SECRET/stages/STAGE`, or the beginning of it.
private struct CTSPath {
  private(set) var project: String?
  private(set) var secret: String?
  private(set) var stage: String?

  init(_ url: String) {
    let path = url.prefix { $0 != "?" }
    let parts = path.split(separator: "/").map(String.init)
    guard let place = parts.firstIndex(of: "secrets"), place > 1, parts[place - 2] == "v1" else {
      return
    }
    let rest = Array(parts[(place + 1)...])
    project = parts[place - 1]
    secret = rest.first
    stage = rest.count > 2 && rest[1] == "stages" ? rest[2] : nil
  }
}

/// The times of traces.
enum CTSTime {
  /// Milliseconds since 1970 in thirteen digits, or `2016/12/01 11:07:28 GMT+08:00`, also with the
  /// date as `Dec 01, 2016`; nil for anything else.
  static func read(_ value: JSONValue) -> Instant? {
    if let number = value.integerValue { return instant(milliseconds: number) }
    guard let text = value.stringValue else { return nil }
    if let number = Int64(text) { return instant(milliseconds: number) }
    return date(text)
  }

  /// Fewer digits would be seconds, which no trace has.
  private static func instant(milliseconds: Int64) -> Instant? {
    guard 1_000_000_000_000...9_999_999_999_999 ~= milliseconds else { return nil }
    return Instant(microseconds: milliseconds * 1_000)
  }

  private static func date(_ text: String) -> Instant? {
    var words = text.split(separator: " ")
    guard let zone = words.popLast(), zone.hasPrefix("GMT"), let clock = words.popLast() else {
      return nil
    }
    let offset = zone == "GMT" ? "Z" : zone.dropFirst(3)
    guard let day = day(words) else { return nil }
    return Instant(rfc3339: "\(day)T\(clock)\(offset)")
  }

  /// `2016/12/01`, or `Dec`, `8,` and `2016`, as RFC 3339 has it.
  private static func day(_ words: [Substring]) -> String? {
    if words.count == 1 { return words[0].split(separator: "/").joined(separator: "-") }
    let months = [
      "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ]
    guard words.count == 3, let month = months.firstIndex(of: String(words[0])),
      words[1].hasSuffix(",")
    else { return nil }
    let day = words[1].dropLast()
    return "\(words[2])-\(twoDigits("\(month + 1)"))-\(twoDigits(String(day)))"
  }

  private static func twoDigits(_ text: String) -> String { text.count < 2 ? "0\(text)" : text }
}
