// FactBody: the facts of a request, taken apart but not read yet.
//
// Called by `LedgerFacts`. Invariant: what is no list at all is refused whole, what is wrong in one
// item is told with that item, and no more items are taken apart than a request may have.

import CanonicalJSON
import HTTPWire

/// The forms of a body with many facts.
enum FactBody {
  /// One fact a line.
  static let lines = "application/x-ndjson"

  /// The items of the body, of which there is at least one.
  static func items(
    of request: HTTPRequest
  ) throws(Failure) -> [Result<JSONValue, Failure>] {
    guard !request.body.isEmpty else { throw .body(.empty) }
    let items =
      switch request.contentEssence {
      case lines: parsed(lines: request.body)
      case nil, "application/json": try parsed(array: request.body)
      default: throw .mediaType
      }
    guard !items.isEmpty, items.count <= LedgerFacts.countMax else {
      throw .body(.factCount(LedgerFacts.countMax))
    }
    return items
  }

  private static func parsed(
    array bytes: [UInt8]
  ) throws(Failure) -> [Result<JSONValue, Failure>] {
    let value: JSONValue
    do { value = try JSONValue(parsing: bytes) } catch { throw .body(.notJSON(error)) }
    guard case .array(let items) = value else {
      throw SecretValue.isIn(value) ? .secretValue : .body(.notArray)
    }
    return items.map { .success($0) }
  }

  private static func parsed(line: [UInt8]) -> Result<JSONValue, Failure> {
    do { return .success(try JSONValue(parsing: line)) } catch {
      return .failure(.body(.notJSON(error)))
    }
  }

  /// A line without anything in it is none; one too many is enough to tell that there are.
  private static func parsed(lines bytes: [UInt8]) -> [Result<JSONValue, Failure>] {
    bytes.split(separator: 0x0A).lazy
      .filter { line in line.contains { $0 != 0x20 && $0 != 0x09 && $0 != 0x0D } }
      .prefix(LedgerFacts.countMax + 1)
      .map { line in parsed(line: Array(line)) }
  }
}
