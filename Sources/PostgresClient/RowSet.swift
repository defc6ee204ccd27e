// One statement's answer, owned: the only place that reads libpq's result memory.
//
// Made by `PostgresConnection`, read by `RowReader`. Invariant: row and column are checked against
// the answer's own counts before libpq is asked.

import CPostgres

/// The rows one statement answered.
///
/// `@unchecked Sendable`: libpq does not change a PGresult after handing it out, this object is
/// its only owner, and it is only read until it is cleared here, when nobody refers to it.
@safe final class RowSet: @unchecked Sendable {
  private let result: OpaquePointer
  /// How many rows there are.
  let rows: Int
  /// How many columns each row has.
  let columns: Int

  /// Takes ownership of a libpq result.
  init(owning result: OpaquePointer) {
    unsafe self.result = unsafe result
    rows = unsafe Int(PQntuples(result))
    columns = unsafe Int(PQnfields(result))
  }

  deinit {
    unsafe PQclear(result)
  }

  /// How many rows the statement changed or returned; nil for one that counts none.
  var affected: Int? {
    guard let text = unsafe PQcmdTuples(result) else { return nil }
    return unsafe Int(String(cString: text))
  }

  /// The number of a column's type; nil for a column there is not.
  func type(column: Int) -> UInt32? {
    guard (0..<columns).contains(column) else { return nil }
    return unsafe PQftype(result, Int32(column))
  }

  /// Lends a value's bytes; nil is NULL, or a row or column there is not.
  func withBytes<Value>(
    row: Int, column: Int, _ body: (UnsafeRawBufferPointer) -> Value?
  ) -> Value? {
    guard (0..<rows).contains(row), (0..<columns).contains(column) else { return nil }
    let length = unsafe Int(PQgetlength(result, Int32(row), Int32(column)))
    guard let value = unsafe PQgetvalue(result, Int32(row), Int32(column)) else { return nil }
    return unsafe body(UnsafeRawBufferPointer(start: value, count: length))
  }

  /// Whether a value is NULL; true for a row or column there is not.
  func isNull(row: Int, column: Int) -> Bool {
    guard (0..<rows).contains(row), (0..<columns).contains(column) else { return true }
    return unsafe PQgetisnull(result, Int32(row), Int32(column)) != 0
  }
}
