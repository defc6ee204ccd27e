// ImportTally: what an import has done so far.
//
// Counted by `TrailReader` and `FactSender`, told while it runs and at its end. Invariant: each
// record is counted as read and as what became of it, so the sums agree.

import CanonicalJSON
import Synchronization

/// The counts of an import.
struct ImportCounts: Hashable, Sendable {
  /// Records found in the files.
  var read = 0
  /// Records about something else.
  var passedOver = 0
  /// Records that could not be kept: too little is told.
  var skipped = 0
  /// Pieces of the files that are no records.
  var malformed = 0
  /// Records the service refused.
  var refused = 0
  /// Records of calls that failed, kept as evidence.
  var failedCalls = 0
  /// Records kept although something about them is not known.
  var incomplete = 0
  /// Facts that were recorded.
  var recorded = 0
  /// Facts that made what was known more precise.
  var refined = 0
  /// Facts the ledger had from the same record.
  var duplicate = 0
  /// Facts that change nothing of what is known.
  var unchanged = 0
  /// Events in the log, with the moves that the cloud's rules imply.
  var appended = 0
  /// Bytes read.
  var bytes: Int64 = 0

  /// Whether all that was read could be kept.
  var isComplete: Bool { read > 0 && skipped + malformed + refused + incomplete == 0 }

  /// The counts by name, in order.
  var columns: [(name: String, value: Int)] {
    [
      ("read", read), ("passed_over", passedOver), ("failed_calls_kept", failedCalls),
      ("incomplete_kept", incomplete), ("incomplete_skipped", skipped), ("malformed", malformed),
      ("refused", refused), ("facts_recorded", recorded), ("facts_refined", refined),
      ("facts_duplicate", duplicate), ("facts_unchanged", unchanged), ("events_appended", appended),
    ]
  }
}

/// The counts, shared by who reads and who sends.
final class ImportTally: Sendable {
  private let state = Mutex(ImportCounts())
  /// How many bytes there are; nil when that cannot be known.
  private let bytesAll: Int64?

  /// Nothing done yet.
  init(bytesAll: Int64?) { self.bytesAll = bytesAll }

  /// The counts as they are.
  var counts: ImportCounts { state.withLock { $0 } }

  /// Counts something.
  func count(_ change: (inout ImportCounts) -> Void) { state.withLock { change(&$0) } }

  /// How far it is, for people: a bar where the end is known.
  var text: String {
    let counts = counts
    let facts = counts.recorded + counts.refined + counts.duplicate + counts.unchanged
    let told = "\(counts.read) records read, \(facts) facts sent"
    guard let bytesAll, bytesAll > 0 else { return told }
    let share = min(1, Double(counts.bytes) / Double(bytesAll))
    return "\(progressBar(share)) \(Int(share * 100)) %, \(told)"
  }
}

/// A bar of thirty characters for a share from 0 to 1.
func progressBar(_ share: Double) -> String {
  let width = 30
  let filled = min(width, max(0, Int(share * Double(width))))
  return "[" + String(repeating: "#", count: filled)
    + String(repeating: ".", count: width - filled) + "]"
}
