// A prepared statement: its text, how its input becomes parameters, how a row becomes output.
//
// Written by the store, prepared by `PostgresConnection` at connect. Invariant: `bind` writes as
// many parameters as `types` names.

/// A statement with typed input and output, prepared on every connection that lists it.
public struct Statement<Input: Sendable, Output: Sendable>: Sendable {
  /// The name it is prepared under; one word, unique on a connection.
  public let name: String
  /// One SQL statement; parameters are numbered from one.
  public let sql: String
  /// The types of the parameters, in order.
  public let types: [PostgresType]
  private let bind: @Sendable (Input, inout ParameterWriter) -> Void
  private let decode: @Sendable (inout RowReader) throws(PostgresError) -> Output

  /// Describes a statement that answers rows.
  public init(
    name: String, sql: String, types: [PostgresType] = [],
    bind: @escaping @Sendable (Input, inout ParameterWriter) -> Void,
    decode: @escaping @Sendable (inout RowReader) throws(PostgresError) -> Output
  ) {
    self.name = name
    self.sql = sql
    self.types = types
    self.bind = bind
    self.decode = decode
  }

  /// The statement as a connection prepares it.
  public var erased: AnyStatement { AnyStatement(name: name, sql: sql, types: types) }

  /// Binds the input.
  func request(_ input: Input) -> Operation {
    var writer = ParameterWriter()
    bind(input, &writer)
    precondition(
      writer.fields.count == types.count,
      "statement \(name): \(writer.fields.count) parameters bound, \(types.count) declared")
    writer.seal()
    return .execute(name: name, parameters: writer)
  }

  /// Decodes all rows of an answer.
  func rows(_ set: RowSet) throws(PostgresError) -> [Output] {
    var outputs: [Output] = []
    outputs.reserveCapacity(set.rows)
    for row in 0..<set.rows {
      var reader = RowReader(set: set, row: row, statement: name)
      outputs.append(try decode(&reader))
    }
    return outputs
  }
}

extension Statement where Output == Void {
  /// Describes a statement whose rows, if any, nobody reads.
  public init(
    name: String, sql: String, types: [PostgresType] = [],
    bind: @escaping @Sendable (Input, inout ParameterWriter) -> Void
  ) {
    self.init(name: name, sql: sql, types: types, bind: bind) { _ throws(PostgresError) in }
  }
}

/// What a connection needs to prepare a statement.
public struct AnyStatement: Hashable, Sendable {
  /// The name it is prepared under.
  public let name: String
  /// Its SQL text.
  public let sql: String
  /// The types of its parameters.
  public let types: [PostgresType]
}

/// One step of a segment.
enum Operation: Sendable {
  /// Runs a prepared statement.
  case execute(name: String, parameters: ParameterWriter)
  /// Prepares a statement.
  case prepare(AnyStatement)
  /// Runs one statement of SQL text without parameters.
  case text(String)

  /// The prepared statement's name, for error reports.
  var statementName: String? {
    switch self {
    case .execute(let name, _): name
    case .prepare(let statement): statement.name
    case .text: nil
    }
  }
}
