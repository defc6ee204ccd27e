// Values of every type go to the server and come back, and what does not fit is an error.

import Foundation
import PostgresClient
import TestSupport
import Testing

@Suite(.inTurn) struct ValueTests {
  private struct Everything: Hashable, Sendable {
    var int8: Int64?
    var int4: Int32?
    var float8: Double?
    var bool: Bool?
    var text: String?
    var bytes: [UInt8]?
    var time: Int64?
    var uuid: [UInt8]?
  }

  private static let everything = Statement<Everything, Everything>(
    name: "everything",
    sql: """
      SELECT $1::bigint, $2::integer, $3::double precision, $4::boolean, $5::text, $6::bytea,
        $7::timestamptz, $8::uuid
      """,
    types: [.int8, .int4, .float8, .bool, .text, .bytea, .timestamptz, .uuid],
    bind: { input, writer in
      writer.int8(input.int8)
      writer.int4(input.int4)
      writer.float8(input.float8)
      writer.bool(input.bool)
      writer.text(input.text)
      writer.bytes(input.bytes)
      writer.timestamptz(input.time)
      writer.uuid(input.uuid)
    },
    decode: { row throws(PostgresError) in
      Everything(
        int8: try row.int8OrNull(), int4: try row.int4OrNull(), float8: try row.float8OrNull(),
        bool: try row.boolOrNull(), text: try row.textOrNull(), bytes: try row.bytesOrNull(),
        time: try row.timestamptzOrNull(), uuid: try row.uuidOrNull())
    })

  private struct Arrays: Hashable, Sendable {
    var int8: [Int64?] = []
    var int4: [Int32?] = []
    var float8: [Double?] = []
    var bool: [Bool?] = []
    var text: [String?] = []
    var bytes: [[UInt8]?] = []
    var time: [Int64?] = []
    var uuid: [[UInt8]?] = []
  }

  private static let arrays = Statement<Arrays, Arrays>(
    name: "arrays",
    sql: """
      SELECT $1::bigint[], $2::integer[], $3::double precision[], $4::boolean[], $5::text[],
        $6::bytea[], $7::timestamptz[], $8::uuid[]
      """,
    types: [
      .int8Array, .int4Array, .float8Array, .boolArray, .textArray, .byteaArray,
      .timestamptzArray, .uuidArray,
    ],
    bind: { input, writer in
      writer.int8Array(input.int8)
      writer.int4Array(input.int4)
      writer.float8Array(input.float8)
      writer.boolArray(input.bool)
      writer.textArray(input.text)
      writer.bytesArray(input.bytes)
      writer.timestamptzArray(input.time)
      writer.uuidArray(input.uuid)
    },
    decode: { row throws(PostgresError) in
      Arrays(
        int8: try row.int8Array(), int4: try row.int4Array(), float8: try row.float8Array(),
        bool: try row.boolArray(), text: try row.textArray(), bytes: try row.bytesArray(),
        time: try row.timestamptzArray(), uuid: try row.uuidArray())
    })

  @Test func `values come back as they went, at their ends and as NULL`() async throws {
    let uuid = [UInt8](0..<16)
    let samples = [
      Everything(),
      Everything(
        int8: .min, int4: .min, float8: -0.0, bool: false, text: "", bytes: [],
        time: -210_866_803_200_000_000, uuid: uuid),
      Everything(
        int8: .max, int4: .max, float8: .greatestFiniteMagnitude, bool: true,
        text: "zażółć 🔑\n\t\u{1}", bytes: [0, 255, 0], time: 1_700_000_000_123_456, uuid: uuid),
      Everything(
        int8: 0, int4: -1, float8: .infinity, bool: true,
        text: String(repeating: "ü", count: 700_000), bytes: [UInt8](repeating: 7, count: 3 << 20),
        time: 0, uuid: [UInt8](repeating: 255, count: 16)),
    ]
    try await withConnection(statements: [Self.everything.erased]) { connection, _ async throws in
      for sample in samples {
        #expect(try await connection.query(Self.everything, sample, deadline: soon) == [sample])
      }
    }
  }

  @Test func `a time is the instant the server understands`() async throws {
    let text = Statement<Int64, String>(
      name: "as_text", sql: "SELECT $1::timestamptz::text", types: [.timestamptz],
      bind: { input, writer in writer.timestamptz(input) },
      decode: { row throws(PostgresError) in try row.text() })
    try await withConnection(statements: [text.erased]) { connection, _ async throws in
      let rows = try await connection.query(text, 1_700_000_000_123_456, deadline: soon)
      #expect(rows == ["2023-11-14 22:13:20.123456+00"])
      for time: Int64 in [.min, .min + 1, -300_000_000_000_000_000] {
        let error = await #expect(throws: PostgresError.self) {
          try await connection.query(text, time, deadline: soon)
        }
        guard case .server(let refused) = error else {
          Issue.record("\(String(describing: error))")
          continue
        }
        #expect(refused.sqlState.hasPrefix("22"))
      }
    }
  }

  @Test func `arrays come back as they went, empty and with NULLs`() async throws {
    let uuid = [UInt8](0..<16)
    let samples = [
      Arrays(),
      Arrays(
        int8: [nil], int4: [nil], float8: [nil], bool: [nil], text: [nil], bytes: [nil],
        time: [nil], uuid: [nil]),
      Arrays(
        int8: [.min, nil, .max], int4: [.min, nil, .max], float8: [1.5, nil],
        bool: [true, nil, false],
        text: ["", nil, "{\"a\",NULL}", "NULL"], bytes: [[], nil, [0]],
        time: [0, nil, 1_700_000_000_123_456], uuid: [uuid, nil]),
      Arrays(
        int8: (0..<20_000).map { $0 }, text: (0..<20_000).map { "text \($0)" }),
    ]
    try await withConnection(statements: [Self.arrays.erased]) { connection, _ async throws in
      for sample in samples {
        #expect(try await connection.query(Self.arrays, sample, deadline: soon) == [sample])
      }
    }
  }

  @Test func `random values come back as they went`() async throws {
    let seed = UInt64.random(in: .min ... .max)
    var random = SplitMix(state: seed)
    let samples = (0..<200).map { _ in
      Arrays(
        int8: (0..<Int.random(in: 0...5, using: &random)).map { _ in
          Bool.random(using: &random) ? Int64.random(in: .min ... .max, using: &random) : nil
        },
        text: (0..<Int.random(in: 0...5, using: &random)).map { _ in
          Bool.random(using: &random)
            ? String((0..<8).map { _ in "aä€😀\" \\,{}".randomElement(using: &random) ?? "a" }) : nil
        },
        bytes: (0..<Int.random(in: 0...5, using: &random)).map { _ in
          (0..<Int.random(in: 0...9, using: &random)).map { _ in
            UInt8.random(in: .min ... .max, using: &random)
          }
        })
    }
    try await withConnection(statements: [Self.arrays.erased]) { connection, _ async throws in
      for sample in samples {
        let rows = try await connection.query(Self.arrays, sample, deadline: soon)
        #expect(rows == [sample], "seed \(seed)")
      }
    }
  }

  @Test func `what a decoder does not expect is named by its column`() async throws {
    func statement(_ sql: String) -> Statement<Void, Int64> {
      Statement(
        name: "odd", sql: sql, bind: { _, _ in },
        decode: { row throws(PostgresError) in
          _ = try row.int8()
          return try row.int8()
        })
    }
    let cases: [(String, PostgresError.DecodingProblem)] = [
      ("SELECT 1::bigint, NULL::bigint", .null),
      ("SELECT 1::bigint", .missing),
      ("SELECT 1::bigint, 'a'::text", .type(expected: 20, found: 25)),
    ]
    for (sql, problem) in cases {
      let odd = statement(sql)
      try await withConnection(statements: [odd.erased]) { connection, _ async throws in
        await #expect(
          throws: PostgresError.decoding(statement: "odd", column: 1, problem: problem)
        ) { try await connection.query(odd, deadline: soon) }
      }
    }
  }

  @Test func `infinity and nested arrays are malformed, not misread`() async throws {
    let infinity = Statement<Void, Int64>(
      name: "infinity", sql: "SELECT '-infinity'::timestamptz", bind: { _, _ in },
      decode: { row throws(PostgresError) in try row.timestamptz() })
    let nested = Statement<Void, [Int64?]>(
      name: "nested", sql: "SELECT '{{1,2},{3,4}}'::bigint[]", bind: { _, _ in },
      decode: { row throws(PostgresError) in try row.int8Array() })
    try await withConnection(statements: [infinity.erased, nested.erased]) {
      connection, _ async throws in
      await #expect(
        throws: PostgresError.decoding(statement: "infinity", column: 0, problem: .malformed)
      ) { try await connection.query(infinity, deadline: soon) }
      await #expect(
        throws: PostgresError.decoding(statement: "nested", column: 0, problem: .malformed)
      ) { try await connection.query(nested, deadline: soon) }
    }
  }
}

/// A small generator that a seed replays.
struct SplitMix: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var mixed = state
    mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
    return mixed ^ (mixed >> 31)
  }
}
