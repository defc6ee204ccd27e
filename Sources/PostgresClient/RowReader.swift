// Reads the binary columns of one row, in order.
//
// Called by the `decode` closures of statements; reads `RowSet`. Invariant: each column's type and
// length are checked before its bytes are taken, and every value is a copy.

/// Reads the columns of one row, the first one first.
public struct RowReader: Sendable {
  private let set: RowSet
  private let row: Int
  private let statement: String
  private var column = 0

  init(set: RowSet, row: Int, statement: String) {
    self.set = set
    self.row = row
    self.statement = statement
  }

  /// Reads a 64-bit integer.
  public mutating func int8() throws(PostgresError) -> Int64 {
    try present(at: column, int8OrNull())
  }

  /// Reads a 64-bit integer or NULL.
  public mutating func int8OrNull() throws(PostgresError) -> Int64? {
    unsafe try value(.int8) { $0.count == 8 ? unsafe Int64(bitPattern: bigEndian($0)) : nil }
  }

  /// Reads a 32-bit integer.
  public mutating func int4() throws(PostgresError) -> Int32 {
    try present(at: column, int4OrNull())
  }

  /// Reads a 32-bit integer or NULL.
  public mutating func int4OrNull() throws(PostgresError) -> Int32? {
    unsafe try value(.int4) {
      $0.count == 4 ? unsafe Int32(truncatingIfNeeded: bigEndian($0)) : nil
    }
  }

  /// Reads a floating point number.
  public mutating func float8() throws(PostgresError) -> Double {
    try present(at: column, float8OrNull())
  }

  /// Reads a floating point number or NULL.
  public mutating func float8OrNull() throws(PostgresError) -> Double? {
    unsafe try value(.float8) { $0.count == 8 ? unsafe Double(bitPattern: bigEndian($0)) : nil }
  }

  /// Reads a boolean.
  public mutating func bool() throws(PostgresError) -> Bool {
    try present(at: column, boolOrNull())
  }

  /// Reads a boolean or NULL.
  public mutating func boolOrNull() throws(PostgresError) -> Bool? {
    unsafe try value(.bool) { $0.count == 1 ? unsafe $0[0] != 0 : nil }
  }

  /// Reads text.
  public mutating func text() throws(PostgresError) -> String {
    try present(at: column, textOrNull())
  }

  /// Reads text or NULL.
  public mutating func textOrNull() throws(PostgresError) -> String? {
    unsafe try value(.text) { unsafe String(decoding: $0, as: UTF8.self) }
  }

  /// Reads bytes.
  public mutating func bytes() throws(PostgresError) -> [UInt8] {
    try present(at: column, bytesOrNull())
  }

  /// Reads bytes or NULL.
  public mutating func bytesOrNull() throws(PostgresError) -> [UInt8]? {
    unsafe try value(.bytea) { unsafe [UInt8]($0) }
  }

  /// Reads a time in microseconds since 1970 UTC.
  public mutating func timestamptz() throws(PostgresError) -> Int64 {
    try present(at: column, timestamptzOrNull())
  }

  /// Reads a time in microseconds since 1970 UTC or NULL; `infinity` is malformed.
  public mutating func timestamptzOrNull() throws(PostgresError) -> Int64? {
    unsafe try value(.timestamptz) { unsafe localTime($0) }
  }

  /// Reads the 16 bytes of a UUID.
  public mutating func uuid() throws(PostgresError) -> [UInt8] {
    try present(at: column, uuidOrNull())
  }

  /// Reads the 16 bytes of a UUID or NULL.
  public mutating func uuidOrNull() throws(PostgresError) -> [UInt8]? {
    unsafe try value(.uuid) { $0.count == 16 ? unsafe [UInt8]($0) : nil }
  }

  /// Reads an array of 64-bit integers.
  public mutating func int8Array() throws(PostgresError) -> [Int64?] {
    unsafe try present(
      at: column,
      array(.int8Array, of: .int8) {
        $0.count == 8 ? unsafe Int64(bitPattern: bigEndian($0)) : nil
      })
  }

  /// Reads an array of 32-bit integers.
  public mutating func int4Array() throws(PostgresError) -> [Int32?] {
    unsafe try present(
      at: column,
      array(.int4Array, of: .int4) {
        $0.count == 4 ? unsafe Int32(truncatingIfNeeded: bigEndian($0)) : nil
      })
  }

  /// Reads an array of floating point numbers.
  public mutating func float8Array() throws(PostgresError) -> [Double?] {
    unsafe try present(
      at: column,
      array(.float8Array, of: .float8) {
        $0.count == 8 ? unsafe Double(bitPattern: bigEndian($0)) : nil
      })
  }

  /// Reads an array of booleans.
  public mutating func boolArray() throws(PostgresError) -> [Bool?] {
    unsafe try present(
      at: column,
      array(.boolArray, of: .bool) { $0.count == 1 ? unsafe $0[0] != 0 : nil })
  }

  /// Reads an array of texts.
  public mutating func textArray() throws(PostgresError) -> [String?] {
    unsafe try present(
      at: column, array(.textArray, of: .text) { unsafe String(decoding: $0, as: UTF8.self) })
  }

  /// Reads an array of byte strings.
  public mutating func bytesArray() throws(PostgresError) -> [[UInt8]?] {
    unsafe try present(at: column, array(.byteaArray, of: .bytea) { unsafe [UInt8]($0) })
  }

  /// Reads an array of times in microseconds since 1970 UTC.
  public mutating func timestamptzArray() throws(PostgresError) -> [Int64?] {
    unsafe try present(
      at: column, array(.timestamptzArray, of: .timestamptz) { unsafe localTime($0) })
  }

  /// Reads an array of UUIDs.
  public mutating func uuidArray() throws(PostgresError) -> [[UInt8]?] {
    unsafe try present(
      at: column,
      array(.uuidArray, of: .uuid) { $0.count == 16 ? unsafe [UInt8]($0) : nil })
  }

  private func failure(
    column: Int, _ problem: PostgresError.DecodingProblem
  ) -> PostgresError {
    .decoding(statement: statement, column: column, problem: problem)
  }

  /// The value read from the column at `index`.
  private func present<Value>(at index: Int, _ value: Value?) throws(PostgresError) -> Value {
    guard let value else { throw failure(column: index, .null) }
    return value
  }

  private mutating func value<Value>(
    _ type: PostgresType, _ read: (UnsafeRawBufferPointer) -> Value?
  ) throws(PostgresError) -> Value? {
    defer { column += 1 }
    guard let found = set.type(column: column) else { throw failure(column: column, .missing) }
    guard type.reads(found) else {
      throw failure(column: column, .type(expected: type.identifier, found: found))
    }
    guard !set.isNull(row: row, column: column) else { return nil }
    guard let value = unsafe set.withBytes(row: row, column: column, read) else {
      throw failure(column: column, .malformed)
    }
    return value
  }

  private mutating func array<Element>(
    _ type: PostgresType, of elementType: PostgresType,
    _ read: (UnsafeRawBufferPointer) -> Element?
  ) throws(PostgresError) -> [Element?]? {
    unsafe try value(type) { unsafe elements($0, of: elementType, read) }
  }
}

/// Reads an array of at most one dimension; nil when the bytes are not one.
private func elements<Element>(
  _ bytes: UnsafeRawBufferPointer, of type: PostgresType,
  _ read: (UnsafeRawBufferPointer) -> Element?
) -> [Element?]? {
  var offset = 0
  func int4() -> Int32? {
    guard offset + 4 <= bytes.count else { return nil }
    defer { offset += 4 }
    return unsafe Int32(
      truncatingIfNeeded: bigEndian(UnsafeRawBufferPointer(rebasing: bytes[offset..<offset + 4])))
  }
  guard let dimensions = int4(), int4() != nil, let found = int4(),
    UInt32(bitPattern: found) == type.identifier
  else { return nil }
  guard dimensions != 0 else { return [] }
  guard dimensions == 1, let count = int4(), int4() != nil, count >= 0,
    Int(count) <= bytes.count / 4
  else { return nil }
  var values: [Element?] = []
  values.reserveCapacity(Int(count))
  for _ in 0..<count {
    guard let length = int4() else { return nil }
    guard length >= 0 else {
      values.append(nil)
      continue
    }
    let end = offset + Int(length)
    guard end <= bytes.count,
      let value = unsafe read(UnsafeRawBufferPointer(rebasing: bytes[offset..<end]))
    else { return nil }
    values.append(value)
    offset = end
  }
  return values
}

/// The number whose bytes these are, the highest first; at most eight.
private func bigEndian(_ bytes: UnsafeRawBufferPointer) -> UInt64 {
  unsafe bytes.reduce(0) { $0 << 8 | UInt64($1) }
}

/// A time of the wire in microseconds since 1970; nil for the infinities and what is out of range.
private func localTime(_ bytes: UnsafeRawBufferPointer) -> Int64? {
  guard bytes.count == 8 else { return nil }
  let wire = unsafe Int64(bitPattern: bigEndian(bytes))
  guard wire != .min, wire != .max else { return nil }
  let (value, overflow) = wire.addingReportingOverflow(postgresEpochMicroseconds)
  return overflow ? nil : value
}
