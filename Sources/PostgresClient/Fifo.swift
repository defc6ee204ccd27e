// A first-in first-out queue with cheap ends.
//
// Used by `PostgresConnection` for what waits and what is under way.

/// A queue; adding and taking cost a constant time on average.
struct Fifo<Element> {
  private var items: [Element?] = []
  private var head = 0

  /// Whether nothing is queued.
  var isEmpty: Bool { head == items.count }

  /// How many are queued.
  var count: Int { items.count - head }

  /// The oldest.
  var first: Element? { isEmpty ? nil : items[head] }

  /// All of them, the oldest first.
  var elements: some Sequence<Element> { items[head...].lazy.compactMap { $0 } }

  /// Adds one at the end.
  mutating func append(_ element: Element) { items.append(element) }

  /// Takes the oldest.
  mutating func popFirst() -> Element? {
    guard !isEmpty else { return nil }
    let element = items[head]
    items[head] = nil
    head += 1
    if head == items.count {
      items.removeAll(keepingCapacity: items.capacity <= 1_024)
      head = 0
    } else if head >= 1_024, head * 2 >= items.count {
      items.removeFirst(head)
      head = 0
    }
    return element
  }

  /// Takes all, the oldest first.
  mutating func removeAll() -> [Element] {
    let rest = items[head...].compactMap { $0 }
    items = []
    head = 0
    return rest
  }

  /// Takes those that fulfil a condition and keeps the order of the rest.
  mutating func extract(where condition: (Element) -> Bool) -> [Element] {
    let all = removeAll()
    for element in all where !condition(element) { append(element) }
    return all.filter(condition)
  }
}
