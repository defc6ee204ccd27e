// Conditions: the header fields that make a request conditional or repeatable.
//
// Called by `Call` for writes (`If-Match`, `Idempotency-Key`) and by `API` for reads (`ETag`,
// `If-None-Match`). Invariant: a field that is there and cannot be understood is refused, never
// passed over, since its sender relies on it.

import Crypto
import HTTPWire
import Ledger
import LedgerServices

/// Reads the conditional header fields.
enum Conditions {
  /// The stream version the secret must have: `If-Match: "7"`.
  static func expectation(of request: HTTPRequest) throws(Failure) -> Expectation {
    guard let text = try only("If-Match", of: request), text != "*" else { return .any }
    guard let number = Query.number(unquoted(text)), let version = StreamVersion(number) else {
      throw .input("If-Match", .malformed("the stream version of the secret, such as \"7\""))
    }
    return .exactly(version)
  }

  /// Goes on only without a condition on a secret, where the request is about none.
  static func refuseExpectation(of request: HTTPRequest) throws(Failure) {
    guard try only("If-Match", of: request) == nil else {
      throw .input("If-Match", .malformed("left out here"))
    }
  }

  /// The caller's own name for the request, with a digest of what it asks.
  static func idempotency(of call: Call) throws(Failure) -> Submission.Idempotency? {
    guard let text = try only("Idempotency-Key", of: call.request) else { return nil }
    let key: IdempotencyKey
    do {
      key = try IdempotencyKey(unquoted(text))
    } catch {
      throw .input("Idempotency-Key", InputFault(error))
    }
    return Submission.Idempotency(key: key, requestDigest: digest(of: call))
  }

  /// SHA-256 over what is asked: what the call is and its parameters, and nothing of its signature.
  ///
  /// With a path: method, path and body, each but the last ended by a line feed. Without one: the
  /// operation, then the body or the parameters by name.
  private static func digest(of call: Call) -> Digest {
    let request = call.request
    let parts: [[UInt8]] =
      switch call.match.route.target {
      case .path: [Array(request.method.utf8), Array(request.path.utf8), request.body]
      case .name:
        [Array(call.match.route.label.utf8)]
          + (call.body == nil ? call.query.texts : [request.body])
      }
    return SHA256.hash(Array(parts.joined(separator: [0x0A])))
  }

  /// The strong tag of an answer's content.
  static func tag(of content: [UInt8]) -> String {
    "\"\(Hex.encode(SHA256.hash(content).bytes.prefix(16)))\""
  }

  /// Whether `If-None-Match` names the tag; weak comparison, as for every GET.
  ///
  /// Source: RFC 9110, section 13.1.2.
  static func matches(_ tag: String, _ request: HTTPRequest) -> Bool {
    request.fields.values("If-None-Match").contains { field in
      field.split(separator: ",").contains { item in
        let known = item.drop { $0 == " " || $0 == "\t" }.prefix { $0 != " " && $0 != "\t" }
        return known == "*" || known == tag || known == "W/\(tag)"
      }
    }
  }

  private static func only(_ name: String, of request: HTTPRequest) throws(Failure) -> String? {
    let values = request.fields.values(name)
    guard values.count <= 1 else { throw .input(name, .repeated) }
    return values.first
  }

  private static func unquoted(_ text: String) -> String {
    guard text.utf8.count >= 2, text.hasPrefix("\""), text.hasSuffix("\"") else { return text }
    return String(text.dropFirst().dropLast())
  }
}
