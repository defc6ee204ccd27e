// CloudDialect: how one cloud is signed for, and what its refusals mean.
//
// One conformer a cloud, used by `UpstreamClient`. The text of an error differs between editions
// and languages, so only status and code count, and only a code and a request id that are well
// formed are repeated to anybody.

import CanonicalJSON
import LedgerServices
import RequestSigning

/// How one cloud is spoken to.
protocol CloudDialect: Sendable {
  /// The header, in lower case, in which the cloud tells the id of a request.
  static var requestIDHeader: String { get }
  /// The error code, as the body of a refusal has it.
  static func code(in body: JSONValue) -> String?
  /// The words for people, as the body of a refusal has them; nil when it has none.
  static func message(in body: JSONValue) -> String?
  /// What a refusal means to us.
  static func meaning(of refusal: Refusal) -> CloudError
  /// Adds to a request what shows who asks; it has its `Host`, and its body does not change.
  func sign(_ request: inout SignableRequest, at now: SigningTime) throws(CloudError)
}

extension SignableRequest {
  /// Adds a header field.
  mutating func set(_ name: String, _ value: String) {
    fields.append(Field(name: name, value: value))
  }

  /// A query of these parameters, in their order.
  static func query(_ parameters: [(name: String, value: String)]) -> String {
    parameters.map { "\(encoded($0.name.utf8))=\(encoded($0.value.utf8))" }.joined(separator: "&")
  }
}

/// An answer that is no success.
struct Refusal: Sendable {
  let status: Int
  /// The error code; nil when the body holds none that is well formed.
  let code: String?
  /// The request's id, as the cloud has it; nil when the answer holds none that is well formed.
  let requestID: String?
  /// What is to be said about this machine's clock; nil when that is right.
  let clockRemark: String?

  /// All of it for people.
  var words: String {
    [
      "status \(status)", code, requestID.map { "request \($0)" }, clockRemark,
    ].compactMap { $0 }.joined(separator: ", ")
  }

  /// The text, if it is one of 1 to 64 letters, digits and `-._`.
  static func wellFormed(_ text: String?) -> String? {
    guard let text, 1...64 ~= text.utf8.count else { return nil }
    let isWellFormed = text.utf8.allSatisfy { byte in
      switch byte {
      case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x2D, 0x2E, 0x5F: true
      default: false
      }
    }
    return isWellFormed ? text : nil
  }
}

/// An answer that is a success.
struct CloudAnswer: Sendable {
  let json: JSONValue
  /// The request's id, as the cloud has it; nil when it told none that is well formed.
  let requestID: String?

  /// A member of the answer.
  subscript(name: String) -> JSONValue? { json[name] }

  /// The error that the answer makes no sense, which `words` explain.
  func nonsense(_ words: String) -> CloudError {
    .unintelligible(requestID.map { "\(words), request \($0)" } ?? words)
  }
}

extension CloudError {
  /// What it means that a request had no answer.
  init(_ failure: UpstreamFailure) {
    switch failure {
    case .timedOut: self = .unreachable("no answer in time")
    case .transport(let number): self = .unreachable("connection failed (\(number))")
    case .notHTTP: self = .unreachable("no HTTP answer")
    case .tooLarge(let bytesMax): self = .unintelligible("more than \(bytesMax) bytes")
    case .redirected: self = .unintelligible("a redirect, which is not followed")
    case .cancelled: self = .unreachable("called off")
    }
  }
}
