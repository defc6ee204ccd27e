// PageToken: the opaque cursor of a list, which says where the next page begins and what it shows.
//
// Called by the list endpoints whose clients pass on what they were given. A list about time has
// the moment of knowledge it began with, so that all its pages show one and the same record.
// Invariant: a text that is not exactly a cursor of the kind asked for gives nil, never a trap; a
// cursor says nothing that its holder could not ask for with `known_at`, so one that is made up
// tells no lie.

import CanonicalJSON
import Crypto
import Ledger
import LedgerServices

/// The text of a cursor: base 64 of `[1, kind, parts...]`.
enum PageToken {
  /// Which list a cursor belongs to.
  enum Kind: String {
    case secrets
    case stages
    case history
    case search
    case versions
    case findings
    case runs
  }

  private static let schema: Int64 = 1

  static func encode(_ kind: Kind, _ parts: [JSONValue]) -> String {
    let value = JSONValue.array([.integer(schema), .string(kind.rawValue)] + parts)
    return Base64.encode(value.canonicalBytes(), as: .url)
  }

  static func decode(_ text: String, _ kind: Kind) -> ArraySlice<JSONValue>? {
    guard text.utf8.count <= 4_096, let bytes = Base64.decode(text, as: .url),
      let value = try? JSONValue(parsing: bytes),
      case .array(let parts) = value, parts.count >= 2,
      parts[0] == .integer(schema), parts[1] == .string(kind.rawValue)
    else { return nil }
    return parts.dropFirst(2)
  }
}

/// Where the next page of the secrets begins.
struct SecretsCursor {
  var after: SecretName

  init(after: SecretName) { self.after = after }

  init?(_ text: String) {
    guard let parts = PageToken.decode(text, .secrets), parts.count == 1,
      let name = parts.first?.stringValue, let after = try? SecretName(name)
    else { return nil }
    self.after = after
  }

  var text: String { PageToken.encode(.secrets, [.string(after.text)]) }
}

/// Where the next page of the secrets found begins.
struct SearchCursor {
  var order: SecretSearch.Order
  var direction: SecretSearch.Direction
  var after: SecretSearch.Place

  init(order: SecretSearch.Order, direction: SecretSearch.Direction, after: SecretSearch.Place) {
    self.order = order
    self.direction = direction
    self.after = after
  }

  init?(_ text: String) {
    guard let parts = PageToken.decode(text, .search).map({ Array($0) }), parts.count == 4,
      let order = parts[0].stringValue.flatMap({ SecretSearch.Order(rawValue: $0) }),
      let isAscending = parts[1].boolValue, let key = parts[2].integerValue, key >= 0,
      let name = parts[3].stringValue, let after = try? SecretName(name)
    else { return nil }
    self.init(
      order: order, direction: isAscending ? .ascending : .descending,
      after: SecretSearch.Place(key: key, name: after))
  }

  var text: String {
    PageToken.encode(
      .search,
      [
        .string(order.rawValue), .bool(direction == .ascending), .integer(after.key),
        .string(after.name.text),
      ])
  }
}

/// Where the next page of the versions of a secret begins.
struct VersionsCursor {
  var after: VersionID

  init(after: VersionID) { self.after = after }

  init?(_ text: String) {
    guard let parts = PageToken.decode(text, .versions), parts.count == 1,
      let id = parts.first?.stringValue, let after = try? VersionID(id)
    else { return nil }
    self.after = after
  }

  var text: String { PageToken.encode(.versions, [.string(after.text)]) }
}

/// Where the next page of the labels of a secret begins.
struct StagesCursor {
  /// The moment asked about; nil: the present.
  var effectiveAt: Instant?
  /// When the newest event the list shows was recorded.
  var knownAt: Instant
  var after: StageName

  init(effectiveAt: Instant?, knownAt: Instant, after: StageName) {
    self.effectiveAt = effectiveAt
    self.knownAt = knownAt
    self.after = after
  }

  init?(_ text: String) {
    guard let parts = PageToken.decode(text, .stages).map({ Array($0) }), parts.count == 3,
      let name = parts[1].stringValue, let after = try? StageName(name),
      let knownAt = parts[2].stringValue.flatMap({ Instant(rfc3339: $0) })
    else { return nil }
    let effectiveAt = parts[0].stringValue.flatMap { Instant(rfc3339: $0) }
    guard parts[0].isNull || effectiveAt != nil else { return nil }
    self.init(effectiveAt: effectiveAt, knownAt: knownAt, after: after)
  }

  var text: String {
    PageToken.encode(
      .stages,
      [
        effectiveAt.map { .string($0.rfc3339) } ?? .null, .string(after.text),
        .string(knownAt.rfc3339),
      ])
  }
}

/// Where the next page of a history begins.
struct HistoryCursor {
  var after: SecretState.Moment
  /// When the newest event the list shows was recorded.
  var knownAt: Instant

  init(after: SecretState.Moment, knownAt: Instant) {
    self.after = after
    self.knownAt = knownAt
  }

  init?(_ text: String) {
    guard let parts = PageToken.decode(text, .history).map({ Array($0) }), parts.count == 3,
      let effectiveAt = parts[0].stringValue.flatMap({ Instant(rfc3339: $0) }),
      let position = parts[1].integerValue.flatMap({ Position($0) }),
      let knownAt = parts[2].stringValue.flatMap({ Instant(rfc3339: $0) })
    else { return nil }
    self.init(
      after: SecretState.Moment(effectiveAt: effectiveAt, position: position), knownAt: knownAt)
  }

  var text: String {
    PageToken.encode(
      .history,
      [
        .string(after.effectiveAt.rfc3339), .integer(after.position.index),
        .string(knownAt.rfc3339),
      ])
  }
}

/// Where the next page of the findings begins.
struct FindingsCursor {
  var after: FindingID

  init(after: FindingID) { self.after = after }

  init?(_ text: String) {
    guard let parts = PageToken.decode(text, .findings), parts.count == 1,
      let id = parts.first?.stringValue, let after = try? FindingID(id)
    else { return nil }
    self.after = after
  }

  var text: String { PageToken.encode(.findings, [.string(after.text)]) }
}

/// Where the next page of the drift runs begins.
struct RunsCursor {
  var after: RunPlace

  init(after: RunPlace) { self.after = after }

  init?(_ text: String) {
    guard let parts = PageToken.decode(text, .runs).map({ Array($0) }), parts.count == 2,
      let startedAt = parts[0].stringValue.flatMap({ Instant(rfc3339: $0) }),
      let id = parts[1].stringValue, let run = try? RunID(id)
    else { return nil }
    after = RunPlace(startedAt: startedAt, id: run)
  }

  var text: String {
    PageToken.encode(.runs, [.string(after.startedAt.rfc3339), .string(after.id.text)])
  }
}
