// Turns a statement's input into binary parameters, in order.
//
// Called by the `bind` closures of statements. Invariant: all values lie in one buffer, and
// `fields` has one entry for each parameter written.

/// Writes the parameters of one statement, the first one first.
public struct ParameterWriter: Sendable {
  /// Where a parameter lies in `bytes`; `length` -1 is NULL.
  struct Field: Hashable, Sendable {
    var start: Int
    var length: Int32
  }

  private(set) var bytes: [UInt8] = []
  private(set) var fields: [Field] = []

  init() {}

  /// Adds a byte after the last value, so that one of no bytes at the end has an address too.
  mutating func seal() { bytes.append(0) }

  /// Writes a 64-bit integer or NULL.
  public mutating func int8(_ value: Int64?) {
    field(value) { $0.append(bigEndian: $1) }
  }

  /// Writes a 32-bit integer or NULL.
  public mutating func int4(_ value: Int32?) {
    field(value) { $0.append(bigEndian: $1) }
  }

  /// Writes a floating point number or NULL.
  public mutating func float8(_ value: Double?) {
    field(value) { $0.append(bigEndian: $1.bitPattern) }
  }

  /// Writes a boolean or NULL.
  public mutating func bool(_ value: Bool?) {
    field(value) { $0.append($1 ? 1 : 0) }
  }

  /// Writes text or NULL.
  public mutating func text(_ value: String?) {
    field(value) { $0.append(contentsOf: $1.utf8) }
  }

  /// Writes bytes or NULL.
  public mutating func bytes(_ value: [UInt8]?) {
    field(value) { $0.append(contentsOf: $1) }
  }

  /// Writes a time, in microseconds since 1970 UTC, or NULL.
  public mutating func timestamptz(_ value: Int64?) {
    field(value) { $0.append(bigEndian: wireTime($1)) }
  }

  /// Writes the 16 bytes of a UUID or NULL; another count is refused by the server.
  public mutating func uuid(_ value: [UInt8]?) {
    field(value) { $0.append(contentsOf: $1) }
  }

  /// Writes an array of 64-bit integers or NULL.
  public mutating func int8Array(_ values: [Int64?]?) {
    array(values, of: .int8) { $0.append(bigEndian: $1) }
  }

  /// Writes an array of 32-bit integers or NULL.
  public mutating func int4Array(_ values: [Int32?]?) {
    array(values, of: .int4) { $0.append(bigEndian: $1) }
  }

  /// Writes an array of floating point numbers or NULL.
  public mutating func float8Array(_ values: [Double?]?) {
    array(values, of: .float8) { $0.append(bigEndian: $1.bitPattern) }
  }

  /// Writes an array of booleans or NULL.
  public mutating func boolArray(_ values: [Bool?]?) {
    array(values, of: .bool) { $0.append($1 ? 1 : 0) }
  }

  /// Writes an array of texts or NULL.
  public mutating func textArray(_ values: [String?]?) {
    array(values, of: .text) { $0.append(contentsOf: $1.utf8) }
  }

  /// Writes an array of byte strings or NULL.
  public mutating func bytesArray(_ values: [[UInt8]?]?) {
    array(values, of: .bytea) { $0.append(contentsOf: $1) }
  }

  /// Writes an array of times, in microseconds since 1970 UTC, or NULL.
  public mutating func timestamptzArray(_ values: [Int64?]?) {
    array(values, of: .timestamptz) { $0.append(bigEndian: wireTime($1)) }
  }

  /// Writes an array of UUIDs or NULL.
  public mutating func uuidArray(_ values: [[UInt8]?]?) {
    array(values, of: .uuid) { $0.append(contentsOf: $1) }
  }

  private mutating func field<Value>(
    _ value: Value?, _ write: (inout [UInt8], Value) -> Void
  ) {
    let start = bytes.count
    guard let value else {
      fields.append(Field(start: start, length: -1))
      return
    }
    write(&bytes, value)
    fields.append(Field(start: start, length: Int32(clamping: bytes.count - start)))
  }

  /// One dimension, from index 1: dimensions, whether NULLs, element type, count, first index,
  /// then each element with its length.
  private mutating func array<Element>(
    _ values: [Element?]?, of type: PostgresType, _ write: (inout [UInt8], Element) -> Void
  ) {
    field(values) { bytes, values in
      bytes.append(bigEndian: Int32(values.isEmpty ? 0 : 1))
      bytes.append(bigEndian: Int32(values.contains { $0 == nil } ? 1 : 0))
      bytes.append(bigEndian: type.identifier)
      guard !values.isEmpty else { return }
      bytes.append(bigEndian: Int32(clamping: values.count))
      bytes.append(bigEndian: Int32(1))
      for value in values {
        guard let value else {
          bytes.append(bigEndian: Int32(-1))
          continue
        }
        let lengthIndex = bytes.count
        bytes.append(bigEndian: Int32(0))
        write(&bytes, value)
        let length = UInt32(clamping: bytes.count - lengthIndex - 4)
        for offset in 0..<4 {
          bytes[lengthIndex + offset] = UInt8(truncatingIfNeeded: length >> (24 - 8 * offset))
        }
      }
    }
  }
}

/// A time as the wire has it; one that is too early for it becomes one the server refuses.
private func wireTime(_ microseconds: Int64) -> Int64 {
  let (value, overflow) = microseconds.subtractingReportingOverflow(postgresEpochMicroseconds)
  return overflow || value == .min ? .min + 1 : value
}

extension [UInt8] {
  /// Appends a number, its highest byte first.
  fileprivate mutating func append(bigEndian value: some FixedWidthInteger) {
    var shift = value.bitWidth
    while shift > 0 {
      shift -= 8
      append(UInt8(truncatingIfNeeded: value >> shift))
    }
  }
}
