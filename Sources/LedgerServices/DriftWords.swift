// DriftWords: what each kind of drift is called, what it means, and what to do next.
//
// Read by every report. Invariant: each kind, and each reason why something was not seen, has its
// words here and nowhere else.

public import Ledger

extension DriftKind {
  /// What people call it.
  var title: String {
    switch self {
    case .labelElsewhere: "Label on another version"
    case .labelMissing: "Label missing in the cloud"
    case .labelExtra: "Label only in the cloud"
    case .versionGone: "Version gone from the cloud"
    case .secretGone: "Secret gone from the cloud"
    case .secretUnrecorded: "Secret only in the cloud"
    case .unobservable: "Not seen"
    }
  }

  /// What it means.
  var meaning: String {
    switch self {
    case .labelElsewhere: "The label sits on another version in the cloud than in the ledger."
    case .labelMissing: "The ledger has the label on a version; the cloud does not have the label."
    case .labelExtra: "The cloud has a label that the ledger does not have."
    case .versionGone: "The ledger has the version; the cloud does not."
    case .secretGone: "The ledger has the secret; the cloud does not, or is about to delete it."
    case .secretUnrecorded: "The cloud has a secret that the ledger does not have."
    case .unobservable: "The cloud would not show it, so nothing can be said about it."
    }
  }

  /// What to do next, in one sentence.
  public var nextStep: String {
    switch self {
    case .labelElsewhere:
      "Ask who moved the label; then move it back in the cloud, or record the move here."
    case .labelMissing:
      "Ask who took the label away; then put it back in the cloud, or record its removal here."
    case .labelExtra:
      "Ask who set the label; then remove it in the cloud, or record it here."
    case .versionGone:
      "Ask who removed the version and what still uses it; then record its removal here."
    case .secretGone:
      "Ask who deleted the secret; restore it in the cloud while that can be done, or record its "
        + "deletion here."
    case .secretUnrecorded:
      "Ask who made the secret; then register it here, or delete it in the cloud."
    case .unobservable:
      "Find out why the cloud does not show it; until then nobody knows whether it drifted."
    }
  }
}

extension Unobservable.Reason {
  /// What it means.
  var meaning: String {
    switch self {
    case .forbidden: "the cloud will not show it to us"
    case .unreachable: "the cloud did not answer"
    case .throttled: "the cloud asked us to come later"
    case .unintelligible: "the cloud's answer makes no sense"
    case .deadline: "the time for the run was over"
    case .unsettled: "it was changing during the run"
    }
  }

  /// What to do next, in one sentence.
  public var nextStep: String {
    switch self {
    case .forbidden: "Allow the credential of the comparison to list this secret's versions."
    case .unreachable: "See whether the cloud's API can be reached; the next run asks again."
    case .throttled: "The next run asks again; run less often if this comes back."
    case .unintelligible: "Look at the cloud's own view of it; the next run asks again."
    case .deadline: "The next run asks again; if this comes back, the project is too slow to read."
    case .unsettled:
      "The next run looks again; if this comes back, something changes it all the time."
    }
  }
}

extension DriftReport.Verdict {
  /// What it means, for a headline.
  var headline: String {
    switch self {
    case .clean: "The cloud agrees with the ledger"
    case .drift: "The cloud has drifted"
    case .incomplete: "Nothing found, but not everything was seen"
    }
  }
}

extension Instant {
  /// The moment to the second, for people.
  var words: String {
    let text = rfc3339.utf8
    return String(decoding: text.prefix(10), as: UTF8.self) + " "
      + String(decoding: text.dropFirst(11).prefix(8), as: UTF8.self) + " UTC"
  }
}
