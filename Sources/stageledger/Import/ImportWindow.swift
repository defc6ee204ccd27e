// ImportWindow: puts records in order of time while they are read, with bounded memory.
//
// Called by `Import`. Trails come roughly in order of time, a few minutes apart: what is read is
// held back, some thousands of records of it, and the older half goes on in order. What comes later
// than that is sent later, and the ledger records it as a fact of before. Invariants: records of
// one moment stay in the order of the file; a record's facts stay together.

/// A record that is ready to be sent.
struct ImportEntry: Hashable, Sendable {
  /// When it happened, in microseconds since 1970.
  var time: Int64
  /// Its facts, a line each.
  var lines: [UInt8]
  /// How many facts it has.
  var count: Int
  /// Where it stands, for people.
  var locator: String
}

/// Records that wait.
struct ImportWindow: Sendable {
  /// How many records are held back at most, before the older half goes on.
  static let entriesMax = 8_192
  /// The most facts of a batch: what the service takes at once.
  static let factsMax = 1_000
  /// The most bytes of a batch: what a request may have, with some room.
  static let bytesMax = 1_000_000

  private var entries: [ImportEntry] = []

  /// Whether no more should be read before some have gone.
  var isFull: Bool { entries.count >= Self.entriesMax }

  /// Adds a record.
  mutating func add(_ entry: ImportEntry) { entries.append(entry) }

  /// Which records go on.
  enum Share {
    /// The older half.
    case older
    /// All.
    case all
  }

  /// Takes records out, the oldest first, in batches.
  mutating func take(_ share: Share) -> [[ImportEntry]] {
    entries.sort { $0.time < $1.time }
    let count =
      switch share {
      case .older: entries.count / 2
      case .all: entries.count
      }
    let batches = Self.batches(entries.prefix(count))
    entries.removeFirst(count)
    return batches
  }

  /// Cuts records into batches that fit a request.
  static func batches(_ entries: some Sequence<ImportEntry>) -> [[ImportEntry]] {
    var batches: [[ImportEntry]] = []
    var facts = 0
    var bytes = 0
    for entry in entries {
      facts += entry.count
      bytes += entry.lines.count
      if batches.isEmpty || facts > factsMax || bytes > bytesMax {
        batches.append([])
        facts = entry.count
        bytes = entry.lines.count
      }
      batches[batches.count - 1].append(entry)
    }
    return batches
  }
}
