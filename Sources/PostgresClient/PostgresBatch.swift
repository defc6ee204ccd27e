// Several statements that succeed or fail together, in one round trip.
//
// Built by the store, run by `PostgresConnection.run`. Invariant: results exist only after the
// server has confirmed the whole batch.

/// Statements sent as one segment: one implicit transaction unless the connection is in one.
public struct PostgresBatch: Sendable {
  private(set) var operations: [Operation] = []

  /// Makes an empty batch.
  public init() {}

  /// How many statements it holds.
  public var count: Int { operations.count }

  /// Adds a statement; the handle finds its rows in the results.
  @discardableResult
  public mutating func add<Input, Output>(
    _ statement: Statement<Input, Output>, _ input: Input
  ) -> PostgresHandle<Output> {
    operations.append(statement.request(input))
    return PostgresHandle(index: operations.count - 1) { set throws(PostgresError) in
      try statement.rows(set)
    }
  }

  /// Adds a statement without input.
  @discardableResult
  public mutating func add<Output>(_ statement: Statement<Void, Output>) -> PostgresHandle<Output> {
    add(statement, ())
  }
}

/// Where a statement's rows are in the results of its batch.
public struct PostgresHandle<Output: Sendable>: Sendable {
  let index: Int
  let decode: @Sendable (RowSet) throws(PostgresError) -> [Output]
}

/// The answers to a batch, all of them.
public struct PostgresResults: Sendable {
  let sets: [RowSet]

  /// The rows of one statement; empty for a handle of another batch.
  public subscript<Output>(handle: PostgresHandle<Output>) -> [Output] {
    get throws(PostgresError) {
      guard sets.indices.contains(handle.index) else { return [] }
      return try handle.decode(sets[handle.index])
    }
  }

  /// How many rows a statement changed or returned; nil for one that counts none.
  public func affected<Output>(_ handle: PostgresHandle<Output>) -> Int? {
    sets.indices.contains(handle.index) ? sets[handle.index].affected : nil
  }
}
