// Requests that the official client of the cloud signed, as they were on the wire.
//
// The `vectors.json` files of `Fixtures` hold requests with every step of their signatures, the
// `.http` files whole requests, in a folder for each client but Huawei's, whose stand above. Read
// by the suites of this target. All keys are invented.

import CanonicalJSON
import Foundation
import RequestSigning
import Testing

/// A signed request and every step of its signature.
struct SigningVector: Sendable, CustomTestStringConvertible {
  var name: String
  var request: SignableRequest
  var accessKey: String
  var secretKey: String
  var date: String
  var canonicalRequest: String
  var stringToSign: String
  /// The header, or the parameter where there is none.
  var authorization: String

  var testDescription: String { name }
}

/// A request as it was on the wire, with its signature.
struct RecordedRequest: Sendable, CustomTestStringConvertible {
  /// The key that all of them were signed with.
  static let secretKey = "fakesecretkeyforrecordingsonly0000000001"

  var name: String
  var request: SignableRequest
  /// The header; empty without one.
  var authorization: String

  var testDescription: String { name }
}

extension SignatureFault {
  /// A mismatch, whatever was signed.
  static let mismatch = SignatureFault.signatureMismatch(stringToSign: "")

  /// The fault without the text of a mismatch.
  var withoutText: SignatureFault {
    guard case .signatureMismatch = self else { return self }
    return .mismatch
  }
}

enum SigningFixtures {
  private static let folder = URL(filePath: #filePath).deletingLastPathComponent()
    .appending(path: "Fixtures")

  /// All vectors of a file.
  static func vectors(in file: String = "vectors.json") throws -> [SigningVector] {
    let text = try Data(contentsOf: folder.appending(path: file))
    guard case .array(let rows)? = try JSONValue(parsing: Array(text))["vectors"] else {
      throw CocoaError(.fileReadCorruptFile)
    }
    return try rows.map(vector)
  }

  private static func vector(_ row: JSONValue) throws -> SigningVector {
    func text(_ name: String) throws -> String {
      guard case .string(let text)? = row[name] else { throw CocoaError(.fileReadCorruptFile) }
      return text
    }
    guard case .object(let headers)? = row["headers"] else {
      throw CocoaError(.fileReadCorruptFile)
    }
    let fields: [SignableRequest.Field] = headers.sorted { $0.key < $1.key }.compactMap { header in
      guard case .string(let value) = header.value else { return nil }
      return SignableRequest.Field(name: header.key, value: value)
    }
    return SigningVector(
      name: try text("name"),
      request: SignableRequest(
        method: try text("method"), path: try text("uri"), query: try text("query"),
        fields: fields, body: Array(try text("body").utf8)),
      accessKey: try text("access_key"), secretKey: try text("secret_key"),
      date: try text("date"), canonicalRequest: try text("canonical_request"),
      stringToSign: try text("string_to_sign"),
      authorization: try text(row["authorization"] == nil ? "signature" : "authorization"))
  }

  /// All recorded requests of a client.
  static func recordings(of client: String = "") throws -> [RecordedRequest] {
    let folder = folder.appending(path: client)
    let names = try FileManager.default.contentsOfDirectory(atPath: folder.path)
      .filter { $0.hasSuffix(".http") }.sorted()
    return try names.map { name in
      let text = String(
        decoding: try Data(contentsOf: folder.appending(path: name)), as: UTF8.self)
      let halves = text.components(separatedBy: "\r\n\r\n")
      let lines = halves[0].components(separatedBy: "\r\n")
      let words = lines[0].components(separatedBy: " ")
      let target = words[1].split(separator: "?", maxSplits: 1).map(String.init)
      let fields = lines.dropFirst().map { line in
        let parts = line.split(separator: ":", maxSplits: 1).map(String.init)
        return SignableRequest.Field(name: parts[0], value: parts.count > 1 ? parts[1] : "")
      }
      let authorization = fields.first { $0.name == "Authorization" }?.value ?? ""
      return RecordedRequest(
        name: name,
        request: SignableRequest(
          method: words[0], path: target[0], query: target.count > 1 ? target[1] : nil,
          fields: fields, body: Array(halves[1].utf8)),
        authorization: String(authorization.drop { $0 == " " }))
    }
  }

  /// The parameters of a query and of a form, by another route than the one under test.
  static func parameters(of request: SignableRequest) throws -> [RPCSignature.Parameter] {
    let form = String(decoding: request.body, as: UTF8.self)
    return try [request.query ?? "", form].flatMap { $0.split(separator: "&") }.map { piece in
      let halves = try piece.split(
        separator: "=", maxSplits: 1, omittingEmptySubsequences: false
      ).map { try #require($0.replacing("+", with: " ").removingPercentEncoding) }
      return (halves[0], halves.count > 1 ? halves[1] : "")
    }
  }
}
