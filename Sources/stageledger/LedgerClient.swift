// LedgerClient: the service as its users reach it, over HTTP.
//
// Called by `at`, `history`, `export` and the demo. Invariant: the token goes to the address it was
// meant for and nowhere else: redirects are not followed.

import CanonicalJSON
import Foundation
import FoundationNetworking

/// Why the service gave no usable answer.
enum ClientError: Error, Hashable, Sendable {
  /// The address is no `http://` or `https://` URL.
  case badAddress(String)
  /// Nothing answered there; says why.
  case unreachable(String, reason: String)
  /// The answer is not what the service gives.
  case unintelligible(status: Int)
  /// The service refused, with its own words.
  case refused(status: Int, text: String)
}

/// An answer of the service.
struct Reply: Sendable {
  /// The status.
  let status: Int
  /// The content; `null` without any.
  let json: JSONValue
  /// The target of the next page; nil on the last.
  let next: String?

  /// The words of a refusal, in any surface's shape.
  var refusal: String {
    let members = ["detail", "error_msg", "title"]
    return members.lazy.compactMap { json[$0]?.stringValue }.first ?? "no reason given"
  }
}

/// A page of the log, as lines.
struct LogPage: Sendable {
  /// The stored bytes of each event.
  let lines: [ArraySlice<UInt8>]
  /// The position of the newest event there is; nil while there is none.
  let newest: Int64?
}

/// A client with one token.
struct LedgerClient: Sendable {
  private static let session = URLSession(
    configuration: {
      let configuration = URLSessionConfiguration.ephemeral
      configuration.timeoutIntervalForRequest = 30
      configuration.httpShouldSetCookies = false
      return configuration
    }(), delegate: RedirectRefusal(), delegateQueue: nil)

  /// The address without a final slash.
  let address: String
  private let token: String

  /// A client of the service at the address.
  init(address: String, token: String) throws(ClientError) {
    guard let url = URL(string: address), url.scheme == "http" || url.scheme == "https",
      url.host != nil, url.query == nil, url.user == nil
    else { throw .badAddress(address) }
    self.address = address.hasSuffix("/") ? String(address.dropLast()) : address
    self.token = token
  }

  /// Sends one request to the path made of the segments.
  func send(
    _ method: String, _ segments: [String], query: [(name: String, value: String)] = [],
    fields: [String: String] = [:], body: JSONValue? = nil
  ) async throws(ClientError) -> Reply {
    try await send(method, target: Self.target(segments, query), fields: fields, body: body)
  }

  private static func target(
    _ segments: [String], _ query: [(name: String, value: String)]
  ) -> String {
    let path = segments.map { "/" + encoded($0) }.joined()
    guard !query.isEmpty else { return path }
    return path + "?"
      + query.map { "\(encoded($0.name))=\(encoded($0.value))" }.joined(separator: "&")
  }

  /// Asks for an answer of lines and gives them to `take` while they arrive.
  func lines(
    _ segments: [String], query: [(name: String, value: String)],
    _ take: @escaping @Sendable ([JSONValue]) -> Void
  ) async throws(ClientError) {
    let target = Self.target(segments, query)
    guard let url = URL(string: address + target) else { throw .badAddress(address + target) }
    var request = URLRequest(url: url)
    request.setValue(token, forHTTPHeaderField: "X-Auth-Token")
    try await LineStream.read(request, take)
  }

  /// Sends one request to a target as it stands, such as the next page's.
  func send(
    _ method: String, target: String, fields: [String: String] = [:], body: JSONValue? = nil
  ) async throws(ClientError) -> Reply {
    guard let url = URL(string: address + target) else { throw .badAddress(address + target) }
    var request = URLRequest(url: url)
    request.httpMethod = method
    request.setValue(token, forHTTPHeaderField: "X-Auth-Token")
    for (name, value) in fields { request.setValue(value, forHTTPHeaderField: name) }
    if let body {
      request.setValue("application/json", forHTTPHeaderField: "Content-Type")
      request.httpBody = Data(body.canonicalBytes())
    }
    let answer = await Self.perform(request)
    let (data, response) = try answer.get()
    let text = response.value(forHTTPHeaderField: "Link") ?? ""
    return Reply(
      status: response.statusCode, json: try Self.parse(data, status: response.statusCode),
      next: Self.nextPage(text))
  }

  /// Sends one request and insists on a success.
  func require(
    _ method: String, _ segments: [String], query: [(name: String, value: String)] = [],
    fields: [String: String] = [:], body: JSONValue? = nil
  ) async throws(ClientError) -> Reply {
    let reply = try await send(method, segments, query: query, fields: fields, body: body)
    guard (200...299).contains(reply.status) else {
      throw .refused(status: reply.status, text: reply.refusal)
    }
    return reply
  }

  /// A page of the log, from the event after a position on; -1 is before the first.
  func log(
    of project: String, after: Int64, limit: Int
  ) async throws(ClientError) -> LogPage {
    let path = "/ledger/v1/\(Self.encoded(project))/events?limit=\(limit)"
    let target = path + (after < 0 ? "" : "&after=\(after)")
    guard let url = URL(string: address + target) else { throw .badAddress(address + target) }
    let type = "application/x-ndjson"
    var request = URLRequest(url: url)
    request.setValue(token, forHTTPHeaderField: "X-Auth-Token")
    request.setValue(type, forHTTPHeaderField: "Accept")
    let (data, response) = try await Self.perform(request).get()
    let status = response.statusCode
    guard status == 200 else {
      let json = try Self.parse(data, status: status)
      throw .refused(status: status, text: Reply(status: status, json: json, next: nil).refusal)
    }
    guard response.value(forHTTPHeaderField: "Content-Type") == type else {
      throw .unintelligible(status: status)
    }
    let newest = response.value(forHTTPHeaderField: "Ledger-Position")
    return LogPage(
      lines: [UInt8](data).split(separator: 0x0A), newest: newest.flatMap { Int64($0) })
  }

  /// Sends facts, a line of JSON each.
  func record(_ lines: [UInt8], in project: String) async throws(ClientError) -> Reply {
    let target = "\(address)/ledger/v1/\(Self.encoded(project))/facts"
    guard let url = URL(string: target) else { throw .badAddress(target) }
    var request = URLRequest(url: url)
    request.httpMethod = "POST"
    request.setValue(token, forHTTPHeaderField: "X-Auth-Token")
    request.setValue("application/x-ndjson", forHTTPHeaderField: "Content-Type")
    request.httpBody = Data(lines)
    let (data, response) = try await Self.perform(request).get()
    return Reply(
      status: response.statusCode, json: try Self.parse(data, status: response.statusCode),
      next: nil)
  }

  private static func perform(
    _ request: URLRequest
  ) async -> Result<(Data, HTTPURLResponse), ClientError> {
    await withCheckedContinuation { continuation in
      let address = origin(of: request)
      let task = session.dataTask(with: request) { data, response, error in
        guard let response = response as? HTTPURLResponse, let data else {
          let reason = error?.localizedDescription ?? "no answer"
          continuation.resume(returning: .failure(.unreachable(address, reason: reason)))
          return
        }
        continuation.resume(returning: .success((data, response)))
      }
      task.resume()
    }
  }

  private static func parse(_ data: Data, status: Int) throws(ClientError) -> JSONValue {
    guard !data.isEmpty else { return .null }
    do {
      return try JSONValue(
        parsing: [UInt8](data), limits: JSONLimits(depthMax: 32, bytesMax: 64 << 20))
    } catch {
      throw .unintelligible(status: status)
    }
  }

  private static func nextPage(_ link: String) -> String? {
    guard let match = link.firstMatch(of: /<(\/[^>]*)>; rel="next"/) else { return nil }
    return String(match.1)
  }

  /// The text with everything but unreserved characters percent-encoded.
  static func encoded(_ text: String) -> String {
    var encoded = ""
    for byte in text.utf8 {
      switch byte {
      case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x2D, 0x2E, 0x5F, 0x7E:
        encoded.unicodeScalars.append(Unicode.Scalar(byte))
      default:
        let digits = String(byte, radix: 16, uppercase: true)
        encoded += digits.count == 1 ? "%0\(digits)" : "%\(digits)"
      }
    }
    return encoded
  }
}

/// Where the request goes: scheme, host and port.
func origin(of request: URLRequest?) -> String {
  guard let url = request?.url else { return "" }
  return "\(url.scheme ?? "")://\(url.host ?? "")\(url.port.map { ":\($0)" } ?? "")"
}

/// Takes a redirect for the answer instead of following it with the token in hand.
private final class RedirectRefusal: NSObject, URLSessionTaskDelegate {
  func urlSession(
    _ session: URLSession, task: URLSessionTask,
    willPerformHTTPRedirection response: HTTPURLResponse, newRequest request: URLRequest,
    completionHandler: @escaping (URLRequest?) -> Void
  ) {
    completionHandler(nil)
  }
}
