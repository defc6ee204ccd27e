// FactForm: one fact as it is sent, read member by member.
//
// Called by `LedgerFacts` for each fact. Calls `Fields` and the identifiers' own parsers.
// Invariant: a fact says nothing that only the ledger can say: not its own doors, not an act of one
// of its own credentials, not what it works out itself.

import CanonicalJSON
import Crypto
import Ledger
import LedgerServices

/// The form of a fact.
enum FactForm {
  /// The types a fact can be of, in the order of their description.
  static let types: [EventType] = [
    .secretRegistered, .secretDeletionScheduled, .secretRestored, .secretDeleted,
    .versionRegistered, .versionRemoved, .stageAssigned, .stageRemoved, .changeRefined,
    .changeRejected, .changeUnresolved,
  ]
  /// The doors a fact may have come through before it came here.
  static let sources: [EventSource] = [
    .ledgerAPI, .importCTS, .importActionTrail, .importCloudTrail,
  ]
  /// Who may have acted elsewhere.
  static let actors: [Principal.Kind] = [.cloud, .unknown]
  /// The members of `data` the ledger works out itself.
  static let ownData = ["contradicts", "current", "finding", "refines"]
  static let wordCharactersMax = 256
  static let locatorCharactersMax = 1_024

  /// The fact; where it says nothing of who acted, it is who tells it.
  static func fact(
    _ members: Fields, toldBy teller: Principal, _ requestID: String
  ) throws(Failure) -> Fact {
    var fields = members
    guard let text = try fields.choice("type", among: types.map(\.rawValue)),
      let type = EventType(rawValue: text)
    else { throw .input("type", .missing) }
    let secret: SecretName = try fields.required("secret")
    let happening = try happening(type, &fields)
    guard let effectiveAt = try fields.instant("effective_at") else {
      throw .input("effective_at", .missing)
    }
    let effectiveAfter = try fields.instant("effective_after")
    let eventID = try eventID(&fields)
    let implications: Fact.Implications =
      try fields.bool("apply_rules") == true ? .byRules : .asSaid
    let provenance = try provenance(&fields, toldBy: teller, requestID)
    let data = try data(&fields)
    try fields.finish()
    return Fact(
      eventID: eventID, secret: secret, happening, effectiveAt: effectiveAt,
      effectiveAfter: effectiveAfter, implications: implications, provenance: provenance,
      data: data)
  }

  private static func happening(
    _ type: EventType, _ fields: inout Fields
  ) throws(Failure) -> Fact.Happening {
    let stage: StageName? = try fields.identifier("stage")
    let version: VersionID? = try fields.identifier("version_id")
    let stages: [StageName]? = try fields.identifiers("stages", countMax: 100)
    let refines = try fields.integer("refines", in: 0...wholeNumberMax).flatMap { Position($0) }
    func checked(
      _ stageRule: Presence, _ versionRule: Presence, _ happening: () -> Fact.Happening?
    ) throws(Failure) -> Fact.Happening {
      try stageRule.check(stage == nil, "stage", type)
      try versionRule.check(version == nil, "version_id", type)
      try (type == .versionRegistered ? Presence.optional : .never)
        .check(stages == nil, "stages", type)
      try (type == .changeRefined ? Presence.always : .never)
        .check(refines == nil, "refines", type)
      guard let happening = happening() else { throw .input("type", .missing) }
      return happening
    }
    switch type {
    case .secretRegistered: return try checked(.never, .never) { .secretRegistered }
    case .secretDeletionScheduled:
      return try checked(.never, .never) { .secretDeletionScheduled }
    case .secretRestored: return try checked(.never, .never) { .secretRestored }
    case .secretDeleted: return try checked(.never, .never) { .secretDeleted }
    case .versionRegistered:
      return try checked(.never, .always) { version.map { .versionRegistered($0, stages: stages) } }
    case .versionRemoved:
      return try checked(.never, .always) { version.map { .versionRemoved($0) } }
    case .stageAssigned:
      return try checked(.always, .always) {
        guard let stage, let version else { return nil }
        return .stageAssigned(stage, to: version)
      }
    case .stageRemoved: return try checked(.always, .never) { stage.map { .stageRemoved($0) } }
    case .changeRefined:
      return try checked(.always, .never) {
        guard let stage, let refines else { return nil }
        return .changeRefined(stage, refines)
      }
    case .changeRejected:
      return try checked(.optional, .optional) { .changeRejected(stage, version) }
    case .changeUnresolved:
      return try checked(.optional, .optional) { .changeUnresolved(stage, version) }
    case .changeRequested, .changeConfirmed, .watchStarted, .watchGap, .watchStopped,
      .reconciliationCompleted,
      .driftOpened, .driftResolved, .driftAcknowledged, .projectionSwitched:
      throw .input("type", .notAmong(types.map(\.rawValue)))
    }
  }

  /// Whether a type of fact has a member.
  private enum Presence {
    case always
    case optional
    case never

    func check(_ isAbsent: Bool, _ name: String, _ type: EventType) throws(Failure) {
      switch self {
      case .always: if isAbsent { throw .input(name, .missing) }
      case .optional: return
      case .never:
        if !isAbsent { throw .input(name, .malformed("left out of a fact \(type.rawValue)")) }
      }
    }
  }

  /// A UUID in small letters, however it was sent.
  private static func eventID(_ fields: inout Fields) throws(Failure) -> EventID? {
    guard let text = try fields.text("event_id", charactersMax: 36) else { return nil }
    let small = text.lowercased()
    let isUUID =
      small.utf8.count == 36
      && small.utf8.enumerated().allSatisfy { index, byte in
        switch index {
        case 8, 13, 18, 23: byte == 0x2D
        default: (0x30...0x39).contains(byte) || (0x61...0x66).contains(byte)
        }
      }
    guard isUUID else { throw .input("event_id", .malformed("a UUID")) }
    do { return try EventID(small) } catch { throw .input("event_id", InputFault(error)) }
  }

  private static func provenance(
    _ fields: inout Fields, toldBy teller: Principal, _ requestID: String
  ) throws(Failure) -> Provenance {
    let source = try fields.choice("source", among: sources.map(\.rawValue))
    let words = try Words(&fields)
    return Provenance(
      principal: try principal(&fields) ?? teller,
      source: source.flatMap { EventSource(rawValue: $0) } ?? .ledgerAPI,
      reason: words.reason, ticket: words.ticket,
      requestID: try fields.text("request_id", charactersMax: wordCharactersMax) ?? requestID,
      correlationID: try fields.text("correlation_id", charactersMax: wordCharactersMax),
      evidence: try evidence(&fields))
  }

  private static func principal(_ fields: inout Fields) throws(Failure) -> Principal? {
    guard var inner = try fields.object("principal") else { return nil }
    do throws(Failure) {
      guard let text = try inner.choice("type", among: actors.map(\.rawValue)),
        let kind = Principal.Kind(rawValue: text)
      else { throw .input("type", .missing) }
      let principal = Principal(
        kind: kind, id: try inner.text("id", charactersMax: wordCharactersMax),
        name: try inner.text("name", charactersMax: wordCharactersMax),
        sourceIP: try inner.text("source_ip", charactersMax: wordCharactersMax))
      try inner.finish()
      return principal
    } catch {
      throw error.within("principal")
    }
  }

  private static func evidence(_ fields: inout Fields) throws(Failure) -> Evidence? {
    guard var inner = try fields.object("evidence") else { return nil }
    do throws(Failure) {
      guard let sha256 = try inner.text("sha256", charactersMax: 64) else {
        throw .input("sha256", .missing)
      }
      guard let digest = Digest(hex: sha256) else {
        throw .input("sha256", .malformed("64 hex digits"))
      }
      guard let locator = try inner.text("locator", characters: 1...locatorCharactersMax) else {
        throw .input("locator", .missing)
      }
      try inner.finish()
      return Evidence(sha256: digest.hex, locator: locator)
    } catch {
      throw error.within("evidence")
    }
  }

  private static func data(_ fields: inout Fields) throws(Failure) -> [String: JSONValue] {
    guard let data = try fields.members("data") else { return [:] }
    for name in ownData where data[name] != nil {
      throw .input("data.\(name)", .serverOwned)
    }
    if let time = data["delete_at"], !time.isNull {
      guard let text = time.stringValue, Instant(rfc3339: text) != nil else {
        throw .input("data.delete_at", .malformed(Query.instantForm))
      }
    }
    return data
  }
}

extension Failure {
  /// The same failure of a member of the member `name`.
  fileprivate func within(_ name: String) -> Failure {
    guard case .input(let inner, let fault) = self else { return self }
    return .input("\(name).\(inner)", fault)
  }
}
