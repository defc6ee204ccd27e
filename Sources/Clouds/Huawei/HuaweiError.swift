// HuaweiError: what an answer of Huawei Cloud that is not a success means to us.
//
// Called by `HuaweiClient`. The text of an error differs between editions, so only status and code
// count, and only a well-formed code is repeated to anybody.

import CanonicalJSON
import LedgerServices

/// An answer with a status other than 200.
struct HuaweiError: Sendable {
  let status: Int
  /// The error code, such as `CSMS.0005`; nil when the body holds none that is well formed.
  let code: String?

  /// Reads the code where the services of this cloud put it: at the top or inside `error`.
  init(status: Int, body: JSONValue?) {
    self.status = status
    let code = (body?["error_code"] ?? body?["error"]?["error_code"])?.stringValue
    self.code = code.flatMap { Self.isWellFormed($0) ? $0 : nil }
  }

  /// What it means.
  ///
  /// A thing that does not exist is 404, or 400 with one of two codes; a 404 of the gateway in
  /// front says that the operation does not exist, which is no news of the thing.
  var meaning: CloudError {
    let words = code.map { "status \(status), \($0)" } ?? "status \(status)"
    switch status {
    case 404 where code?.hasPrefix("API") == true: return .unintelligible(words)
    case 404: return .notFound
    case 400 where code == "CSMS.0005" || code == "CSMS.0106": return .notFound
    case 400 where Self.refusals.contains(code ?? ""): return .forbidden(words)
    case 401, 403: return .forbidden(words)
    case 429: return .throttled
    case 408, 500...: return .unreachable(words)
    default: return .unintelligible(words)
    }
  }

  /// Codes that come with 400 and refuse: scheduled deletion, an ill token, a key out of reach.
  private static let refusals: Set<String> = [
    "CSMS.0103", "CSMS.0107", "CSMS.0109", "CSMS.0301", "CSMS.0302", "CSMS.0401",
  ]

  private static func isWellFormed(_ code: String) -> Bool {
    !code.isEmpty && code.utf8.count <= 36
      && code.utf8.allSatisfy { byte in
        switch byte {
        case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x2D, 0x2E, 0x5F: true
        default: false
        }
      }
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
