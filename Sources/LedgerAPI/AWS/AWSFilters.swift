// AWSFilters: what `ListSecrets` is asked to find, as a search of the record.
//
// Called by `AWSSecrets`; calls nothing. The record knows the names of secrets and none of their
// other attributes: a filter on one of those finds nothing, and its negation everything. Source:
// AWS, ListSecrets and Filter.

import Ledger
import LedgerServices

/// Reads the filters and the order of a list.
enum AWSFilters {
  private static let keys = [
    "description", "name", "tag-key", "tag-value", "primary-region", "owning-service", "all",
  ]
  private static let orders: [(name: String, order: SecretSearch.Order)] = [
    ("created-date", .registered),
    // The record does not know when a value was last read.
    ("last-accessed-date", .registered),
    ("last-changed-date", .changed), ("name", .name),
  ]

  /// The search a call asks for; nil when nothing can be found.
  ///
  /// Ascending by the date of creation unless said; the cloud leaves the direction open.
  static func search(_ fields: inout Fields) throws(Failure) -> SecretSearch? {
    let isPlannedToo = try fields.bool("IncludePlannedDeletion") ?? false
    let orderName = try fields.choice("SortBy", among: orders.map(\.name))
    let order = orders.first { $0.name == orderName ?? "created-date" }?.order ?? .registered
    let isDescending = try fields.choice("SortOrder", among: ["asc", "desc"]) == "desc"
    let cursor = try fields.awsCursor { SearchCursor($0) }
    var search = SecretSearch(
      life: isPlannedToo ? .registered : .enabled, prefixes: nil, prefixesBarred: [], words: [],
      order: order, direction: isDescending ? .descending : .ascending, after: cursor?.after)
    guard cursor?.order ?? order == order, cursor?.direction ?? search.direction == search.direction
    else { throw .input("NextToken", .badCursor) }
    var canFind = true
    for var filter in try fields.objects("Filters", countMax: 10) ?? []
    where try !narrow(&search, by: &filter) {
      canFind = false
    }
    return canFind ? search : nil
  }

  /// Narrows the search; false when nothing can be found any more.
  private static func narrow(
    _ search: inout SecretSearch, by filter: inout Fields
  ) throws(Failure) -> Bool {
    guard let key = try filter.choice("Key", among: keys) else { throw .input("Key", .missing) }
    guard let values = try filter.texts("Values", countMax: 10, charactersMax: 512) else {
      throw .input("Values", .missing)
    }
    guard !values.isEmpty else { throw .input("Values", .malformed("a list of 1 to 10 items")) }
    let barred = values.filter { $0.hasPrefix("!") }.map { String($0.dropFirst()) }
    let wanted = values.filter { !$0.hasPrefix("!") }
    switch key {
    case "name":
      search.prefixesBarred += barred
      if !wanted.isEmpty { search.narrow(toPrefixes: wanted) }
      return search.prefixes != []
    case "all":
      guard barred.isEmpty else { throw .input("Values", .malformed("free of ! for all")) }
      search.words += wanted.flatMap { $0.split(separator: " ") }.map { $0.lowercased() }
      return true
    default:
      return wanted.isEmpty
    }
  }
}
