// Story: the past of one secret told in a line, and drafts told back in the same words.
//
// Called by the tests of `decide` and `evolve`. Sentences: `+secret` it is registered, `-secret` it
// is deleted, `delete` and `restore`, `+v1` a version is registered, `-v1` it is pruned, `a=v1`
// label a is put on v1, `a=` it is taken away. The nth sentence is at position n and true n seconds
// in, unless `@9` at its end says second nine, or `@7,9` after second seven and by second nine.

import CanonicalJSON
import Ledger
import TestLiterals
import TestSupport

/// The events of one secret and what they add up to.
struct Story {
  private(set) var events: [Event] = []
  private(set) var state = SecretState()

  /// The story of the sentences.
  init(_ sentences: [String] = []) {
    for sentence in sentences { tell(sentence) }
  }

  private mutating func tell(_ sentence: String) {
    let parts = sentence.split(separator: "@")
    let what = String(parts[0])
    let bounds = parts.count > 1 ? parts[1].split(separator: ",") : []
    let seconds = bounds.last.flatMap { Int64($0) }
    let after = bounds.count > 1 ? bounds.first.flatMap { Int64($0) }.map { second($0) } : nil
    let time = second(seconds ?? Int64(events.count))
    switch what {
    case "+secret": add(.secretRegistered, at: time)
    case "-secret": add(.secretDeleted, at: time)
    case "delete": add(.secretDeletionScheduled, at: time)
    case "restore": add(.secretRestored, at: time)
    case _ where what.hasPrefix("+"):
      add(.versionRegistered, version: named(String(what.dropFirst())), at: time)
    case _ where what.hasPrefix("-"):
      add(.versionRemoved, version: named(String(what.dropFirst())), at: time)
    default:
      let label = what.split(separator: "=", omittingEmptySubsequences: false)
      let version = label[1].isEmpty ? nil : named(String(label[1])) as VersionID
      add(
        version == nil ? .stageRemoved : .stageAssigned, stage: named(String(label[0])),
        version: version, at: time, after: after)
    }
  }

  private mutating func add(
    _ type: EventType, stage: StageName? = nil, version: VersionID? = nil, at time: Instant,
    after: Instant? = nil
  ) {
    add(
      .test(
        type, position: Int64(events.count), streamVersion: Int64(events.count) + 1, stage: stage,
        version: version, at: time, after: after, recordedAt: second(Int64(events.count))))
  }

  /// Adds one event.
  mutating func add(_ event: Event) {
    events.append(event)
    state.evolve(event)
  }

  /// Adds what a decision says, all of it true at the moment unless it names another.
  mutating func add(_ drafts: [Draft], at now: Instant) {
    for draft in drafts {
      add(
        .test(
          draft.type, position: Int64(events.count), streamVersion: Int64(events.count) + 1,
          stage: draft.stage, version: draft.versionID, previous: draft.previousVersionID,
          at: draft.effectiveAt ?? now, after: draft.effectiveAfter, recordedAt: now,
          data: draft.data))
    }
  }

  /// What the change appends at the moment.
  func decide(
    _ change: Change, on secret: SecretName = "s", rules: LabelRules = .huawei,
    now: Instant = second(1_000)
  ) throws(Rejection) -> [Draft] {
    try Ledger.decide(
      change, on: secret, state, rules: rules, past: past, now: now)
  }

  /// What is known of the past: all of it.
  var past: [StageName: StagePast] {
    var past: [StageName: StagePast] = [:]
    for event in events where event.type.changesStage {
      if let stage = event.stage { past[stage, default: StagePast()].add(event) }
    }
    return past
  }
}

extension Draft {
  /// The draft as a sentence: `a: v1 -> v2 by 0 at 9 although x` or like the sentences of a story.
  var told: String {
    var text: String
    switch type {
    case .secretRegistered: text = "+secret"
    case .secretDeleted: text = "-secret"
    case .secretDeletionScheduled: text = "delete"
    case .secretRestored: text = "restore"
    case .versionRegistered: text = "+\(versionID?.text ?? "?")"
    case .stageAssigned, .stageRemoved:
      let isTold = (type == .stageAssigned) == (versionID != nil)
      text =
        "\(stage?.text ?? "?"): \(previousVersionID?.text ?? "none") -> "
        + (isTold ? versionID?.text ?? "none" : "?")
    case .changeRefined:
      text = "\(stage?.text ?? "?") refines \(data["refines"]?.integerValue ?? -1)"
      if let last = data["current"]?["position"]?.integerValue { text += " last \(last)" }
    case .versionRemoved, .changeRequested, .changeRejected, .changeUnresolved, .changeConfirmed,
      .watchStarted,
      .watchGap, .watchStopped, .reconciliationCompleted, .driftOpened,
      .driftResolved, .driftAcknowledged, .projectionSwitched:
      text = type.rawValue
    }
    if let cause { text += " by \(cause)" }
    if let effectiveAfter {
      text += " after \((effectiveAfter.microseconds - second(0).microseconds) / 1_000_000)"
    }
    if let effectiveAt {
      text += " at \((effectiveAt.microseconds - second(0).microseconds) / 1_000_000)"
    }
    if let codes = data["contradicts"]?.arrayValue {
      text += " although " + codes.compactMap(\.stringValue).joined(separator: ", ")
    }
    return text
  }
}

/// Label names `l1` to `l<count>`.
func labels(_ count: Int) -> [StageName] {
  guard count > 0 else { return [] }
  return (1...count).map { named("l\($0)") }
}
