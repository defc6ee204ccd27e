// The types this client speaks in binary, by the numbers PostgreSQL gives them.
//
// Used by `Statement`, `ParameterWriter` and `RowReader`. Source: PostgreSQL's pg_type.dat.

/// A type of a parameter or column.
public enum PostgresType: UInt32, Hashable, Sendable {
  /// A boolean.
  case bool = 16
  /// Bytes.
  case bytea = 17
  /// A 64-bit integer (`bigint`).
  case int8 = 20
  /// A 32-bit integer (`integer`).
  case int4 = 23
  /// UTF-8 text without NUL.
  case text = 25
  /// A 64-bit floating point number (`double precision`).
  case float8 = 701
  /// Microseconds since 2000 UTC on the wire, since 1970 UTC here.
  case timestamptz = 1184
  /// 16 bytes.
  case uuid = 2950
  /// An array of `bool`.
  case boolArray = 1000
  /// An array of `bytea`.
  case byteaArray = 1001
  /// An array of `int4`.
  case int4Array = 1007
  /// An array of `text`.
  case textArray = 1009
  /// An array of `int8`.
  case int8Array = 1016
  /// An array of `float8`.
  case float8Array = 1022
  /// An array of `timestamptz`.
  case timestamptzArray = 1185
  /// An array of `uuid`.
  case uuidArray = 2951

  /// The number of the type, its OID.
  public var identifier: UInt32 { rawValue }

  /// Whether a column of the type numbered `other` has this type's bytes.
  ///
  /// `name`, `varchar` and `character` are text on the wire.
  func reads(_ other: UInt32) -> Bool {
    other == rawValue || (self == .text && [19, 1_042, 1_043].contains(other))
  }
}

/// PostgreSQL's epoch, 2000-01-01 UTC, in microseconds since 1970.
let postgresEpochMicroseconds: Int64 = 946_684_800_000_000
