// WatchRecord: what a run adds to the watch over a cloud: its start, and what it cannot vouch for.
//
// Called by the reconciler with what the log says of the watch; pure. What two runs vouch for lies
// between their beginnings: each secret was looked at some time during each of them. Invariant: a
// stretch between two looks that is not vouched for is named by a `watch.gap` of the run that ends
// it, so coverage is told from the log alone.

import CanonicalJSON
import Ledger

/// What a run did not see.
enum Unseen: Hashable, Sendable {
  /// Nothing of the cloud.
  case everything
  /// These secrets.
  case secrets(Set<SecretName>)

  /// How many secrets a gap names; past them it is one of the whole project.
  static let namedMax = 1_000

  /// What at least one of the two did not see.
  func joined(with other: Unseen) -> Unseen {
    guard case .secrets(let mine) = self, case .secrets(let others) = other else {
      return .everything
    }
    return .secrets(mine.union(others))
  }
}

/// Where the watch over a cloud stands, as the log has it.
struct WatchStanding: Sendable {
  /// The last run within the watch.
  struct Look: Sendable {
    var startedAt: Instant
    var finishedAt: Instant
    /// What it, or one tried since, did not see.
    var unseen: Unseen
  }

  /// Whether the cloud is watched.
  let isOn: Bool
  /// The last run of this watch; nil before the first.
  let look: Look?

  /// Reads the last events of the watch, one of each type.
  init(_ events: [Event]) {
    func moment(_ event: Event) -> SecretState.Moment {
      SecretState.Moment(effectiveAt: event.effectiveAt, position: event.position)
    }
    let start = events.first { $0.type == .watchStarted }
    let stop = events.first { $0.type == .watchStopped }
    guard let start, stop.map({ moment($0) < moment(start) }) ?? true else {
      (isOn, look) = (false, nil)
      return
    }
    isOn = true
    guard let run = events.first(where: { $0.type == .reconciliationCompleted }),
      run.position > start.position
    else {
      // The run that began the watch was cut off while it was recorded.
      look = Look(
        startedAt: start.effectiveAt, finishedAt: start.effectiveAt, unseen: .everything)
      return
    }
    let gap = events.first { $0.type == .watchGap }
    var unseen = Unseen.secrets([])
    if let gap, gap.position > run.position || gap.correlationID == run.correlationID {
      unseen = gap.unseen
    }
    look = Look(
      startedAt: run.effectiveAfter ?? run.effectiveAt, finishedAt: run.effectiveAt,
      unseen: unseen)
  }
}

extension WatchStanding {
  /// Why something is not vouched for.
  enum Reason: String {
    /// More time passed between two looks than is allowed.
    case silence
    /// A look saw only part, or the one before did.
    case notSeen = "not_seen"
    /// A look could not be made.
    case runFailed = "run_failed"
  }

  /// What a run that saw the cloud adds, given how long may pass between two.
  func notes(
    from startedAt: Instant, to finishedAt: Instant, unseen: Unseen, silenceMax: Duration
  ) -> [Note] {
    guard isOn, let look else {
      let start = Note(
        type: .watchStarted, secret: nil, stage: nil, versionID: nil, finding: nil,
        effectiveAt: finishedAt, effectiveAfter: nil,
        data: ["silence_max_seconds": .integer(silenceMax.components.seconds)])
      guard unseen != .secrets([]) else { return [start] }
      return [start, gap(startedAt, finishedAt, .notSeen, affecting: unseen, unseen: unseen)]
    }
    var reason = Reason.notSeen
    var affected = look.unseen.joined(with: unseen)
    if look.finishedAt.advanced(by: silenceMax) < startedAt {
      (reason, affected) = (.silence, .everything)
    }
    guard affected != .secrets([]) else { return [] }
    return [gap(look.startedAt, finishedAt, reason, affecting: affected, unseen: unseen)]
  }

  /// What a run that saw nothing adds.
  func notes(ofFailureAt moment: Instant) -> [Note] {
    guard isOn, let look else { return [] }
    return [
      gap(look.startedAt, moment, .runFailed, affecting: .everything, unseen: .everything)
    ]
  }

  private func gap(
    _ from: Instant, _ until: Instant, _ reason: Reason, affecting affected: Unseen,
    unseen: Unseen
  ) -> Note {
    var data: [String: JSONValue] = [
      "from": .string(from.rfc3339), "to": .string(until.rfc3339),
      "reason": .string(reason.rawValue),
    ]
    data["secrets"] = affected.json
    data["unseen"] = unseen.json
    return Note(
      type: .watchGap, secret: nil, stage: nil, versionID: nil, finding: nil, effectiveAt: until,
      effectiveAfter: from, data: data)
  }
}

extension Unseen {
  /// The names in order; nil: everything, also where there are too many to name.
  fileprivate var json: JSONValue? {
    guard case .secrets(let secrets) = self, secrets.count <= Self.namedMax else { return nil }
    return .array(secrets.sorted().map { .string($0.text) })
  }
}

extension Event {
  /// What the run that wrote this gap did not see.
  fileprivate var unseen: Unseen {
    guard let names = data["unseen"]?.arrayValue else { return .everything }
    var secrets: Set<SecretName> = []
    for name in names {
      guard let text = name.stringValue, let secret = try? SecretName(text) else {
        return .everything
      }
      secrets.insert(secret)
    }
    return .secrets(secrets)
  }
}
