// AccessTally: gathers requests that differ in nothing but their time into one row each.
//
// Held by `AccessLog`, which asks for the rows once a second. Pure: times and ids come in. Who is
// not known can make addresses and never rows without end: past a number of them the rest are
// counted together, without an address. Invariant: at most so many rows; a request that finds no
// place is counted as dropped.

public import Ledger

/// The requests of one stretch of time.
public struct AccessTally: Sendable {
  private struct Count {
    var firstAt: Instant
    var lastAt: Instant
    var count: Int64
    var requestID: String
  }

  private let rowsMax: Int
  private let strangersMax: Int
  private var counts: [Access: Count] = [:]
  private var strangerCount = 0
  /// How many requests found no place, since the beginning.
  public private(set) var droppedCount: Int64 = 0

  /// An empty tally of at most `rowsMax` rows, of which `strangersMax` are of single addresses that
  /// nobody knows.
  public init(rowsMax: Int, strangersMax: Int) {
    self.rowsMax = rowsMax
    self.strangersMax = strangersMax
  }

  /// Counts one request.
  public mutating func note(_ access: Access, requestID: String, at moment: Instant) {
    if count(access, requestID, moment) { return }
    var access = access
    if access.project == nil, access.sourceIP != nil {
      if strangerCount < strangersMax {
        strangerCount += 1
      } else {
        access.sourceIP = nil
        if count(access, requestID, moment) { return }
      }
    }
    guard counts.count < rowsMax else {
      droppedCount &+= 1
      return
    }
    counts[access] = Count(
      firstAt: moment, lastAt: moment, count: 1, requestID: requestID)
  }

  /// Counts a request of a row that is there; a clock set back makes its stretch longer.
  private mutating func count(
    _ access: Access, _ requestID: String, _ moment: Instant
  ) -> Bool {
    guard let index = counts.index(forKey: access) else { return false }
    counts.values[index].firstAt = min(counts.values[index].firstAt, moment)
    counts.values[index].lastAt = max(counts.values[index].lastAt, moment)
    counts.values[index].count &+= 1
    counts.values[index].requestID = requestID
    return true
  }

  /// Counts requests that were gathered and could not be kept.
  public mutating func drop(_ rows: some Sequence<AccessRow>) {
    for row in rows { droppedCount &+= row.count }
  }

  /// Gives the rows, project by project and oldest first, and begins anew.
  public mutating func take() -> [AccessRow] {
    let rows = counts.map { access, count in
      AccessRow(
        access: access, firstAt: count.firstAt, lastAt: count.lastAt, count: count.count,
        requestID: count.requestID)
    }
    counts.removeAll(keepingCapacity: true)
    strangerCount = 0
    return rows.sorted { left, right in
      let projects = (left.access.project?.text ?? "", right.access.project?.text ?? "")
      return projects.0 == projects.1 ? left.lastAt < right.lastAt : projects.0 < projects.1
    }
  }
}
