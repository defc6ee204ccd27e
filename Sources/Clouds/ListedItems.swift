// ListedItems: the items of a list that comes in pages, and what they say of secrets and versions.
//
// Used by the client of each cloud. Invariant: an item that cannot be read is reported or an error,
// never left out in silence.

import CanonicalJSON
import Ledger
import LedgerServices

/// The items of several pages, each once, as the latest page has it.
struct ListedItems: Sendable {
  /// The items in the order in which they were first seen.
  private(set) var all: [JSONValue] = []
  private let id: String
  private var places: [String: Int] = [:]

  /// No items yet; `id` is the member that names one.
  init(id: String) { self.id = id }

  /// The names of the items that have one.
  var names: Set<String> { Set(places.keys) }

  /// Whether a page has brought an item that was not there before.
  enum News { case some, none }

  /// Adds the items of a page.
  mutating func add(_ items: [JSONValue]) -> News {
    var news = News.none
    for item in items {
      let name = item[id]?.stringValue
      if let name, let place = places[name] {
        all[place] = item
      } else {
        if let name {
          places[name] = all.count
          news = .some
        }
        all.append(item)
      }
    }
    return news
  }
}

extension CloudListing {
  /// Adds a secret, or why it cannot be read.
  mutating func add(name: JSONValue?, life: CloudSecret.Life) {
    guard let text = name?.stringValue else {
      unreadable.append("a secret without a name")
      return
    }
    do {
      secrets.append(CloudSecret(name: try SecretName(text), life: life))
    } catch {
      unreadable.append("a secret's name is ill formed: \(error)")
    }
  }
}

extension CloudVersion {
  /// Reads a version; its labels may be missing when it has none.
  init(id: JSONValue?, stages: JSONValue?) throws(CloudError) {
    guard let text = id?.stringValue else { throw .unintelligible("a version without an id") }
    let labels: [JSONValue]
    switch stages {
    case nil, .null?: labels = []
    case .array(let values)?: labels = values
    case .bool?, .integer?, .double?, .string?, .object?:
      throw .unintelligible("the labels of a version are no list")
    }
    do {
      self.init(id: try VersionID(text), stages: try labels.map { try Self.stage($0) })
    } catch let error as CloudError {
      throw error
    } catch {
      throw .unintelligible("a version or a label is ill formed: \(error)")
    }
  }

  private static func stage(_ value: JSONValue) throws -> StageName {
    guard let text = value.stringValue else {
      throw CloudError.unintelligible("a label is no text")
    }
    return try StageName(text)
  }
}
