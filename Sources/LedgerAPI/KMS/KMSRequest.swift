// KMSRequest: how a call of Alibaba Cloud KMS stands in a request to `/`.
//
// Called by `Surface`, the route table, `Authentication` and `API`. The calls are RPC: a name and
// parameters, in the query, in a form, or in both. What signs a call says where its name is: in
// `x-acs-action` beside an `Authorization`, else among the parameters. Invariant: a parameter is
// there at most once, wherever it stands; nothing of a call is read that its signature leaves out.

import CanonicalJSON
import HTTPWire
import Ledger
import LedgerServices
import RequestSigning

/// Reads calls of the cloud.
enum KMSRequest {
  /// The version of the cloud's API that is spoken here.
  static let version = "2016-01-20"

  /// How many parameters a call may have, which is several times what the longest has.
  private static let parametersMax = 100

  /// Whether a request to `/` is one of this cloud's calls.
  static func isMeant(by head: HTTPRequest) -> Bool {
    if head.fields["x-acs-action"] != nil || head.fields["x-acs-version"] != nil { return true }
    if !isSignedInParameters(head) || isForm(head) { return true }
    // Read before it is decoded: a call that is not well encoded is answered by this cloud too.
    return (head.query ?? "").split(separator: "&").contains { item in
      ["Action", "AccessKeyId", "Signature"].contains(item.prefix { $0 != "=" })
    }
  }

  /// Whether a call is signed in its parameters, some of which may be in the body.
  static func isSignedInParameters(_ head: HTTPRequest) -> Bool {
    head.fields["Authorization"]?.hasPrefix("ACS") != true
  }

  // MARK: - Parameters

  /// The parameters of a call, those of the query before those of the form.
  static func parameters(
    of request: HTTPRequest
  ) throws(Failure) -> [(name: String, value: String)] {
    let items: [(name: String, value: String)]
    do { items = try self.items(of: request) } catch { throw .refused(error) }
    guard !items.contains(where: { SecretValue.isName($0.name) }) else { throw .secretValue }
    try checkBody(of: request)
    var names: Set<String> = []
    for (name, _) in items {
      guard names.insert(name).inserted else { throw .input(name, .repeated) }
    }
    return items
  }

  /// The form in which a call wants its answer; where that cannot be told, JSON.
  static func format(of request: HTTPRequest) -> KMSFormat {
    let items = (try? items(of: request)) ?? []
    return items.first { $0.name == "Format" }.flatMap { KMSFormat($0.value) } ?? .json
  }

  /// The parameters as they stand, those of the query before those of the form.
  ///
  /// More than any call has are not read at all: each costs, and anybody can send them.
  private static func items(
    of request: HTTPRequest
  ) throws(HTTPRefusal) -> [(name: String, value: String)] {
    let isForm = isForm(request)
    let ampersand = UInt8(ascii: "&")
    let separators =
      (request.query ?? "").utf8.count { $0 == ampersand }
      + (isForm ? request.body.count { $0 == ampersand } : 0)
    guard separators < parametersMax else { throw HTTPRefusal(.invalidForm) }
    return try request.queryItems() + (isForm ? request.formItems() : [])
  }

  /// Whether the body of a request is a form.
  private static func isForm(_ head: HTTPRequest) -> Bool {
    guard let type = head.fields["Content-Type"] else { return false }
    return type.prefix { $0 != ";" && $0 != " " }.lowercased()
      == "application/x-www-form-urlencoded"
  }

  /// Refuses a body that is no form: what is not read cannot be passed over, it may be a value.
  private static func checkBody(of request: HTTPRequest) throws(Failure) {
    guard !request.body.isEmpty, !isForm(request) else { return }
    if let value = try? JSONValue(parsing: request.body, limits: .standard),
      SecretValue.isIn(value)
    {
      throw .secretValue
    }
    throw .mediaType
  }

  // MARK: - Name

  /// The name of the call.
  static func action(of request: HTTPRequest) throws(Failure) -> String {
    guard ["GET", "POST"].contains(request.method) else {
      throw .methodNotAllowed(allowed: ["GET", "POST"])
    }
    let parameters = try parameters(of: request)
    if let format = parameters.first(where: { $0.name == "Format" }),
      KMSFormat(format.value) == nil
    {
      throw .input("Format", .malformed("JSON or XML"))
    }
    func value(_ header: String, _ name: String) throws(Failure) -> String {
      let values =
        isSignedInParameters(request)
        ? parameters.filter { $0.name == name }.map(\.value) : request.fields.values(header)
      guard let value = values.first, !value.isEmpty else { throw .input(name, .missing) }
      guard values.count == 1 else { throw .input(name, .repeated) }
      return value
    }
    guard try value("x-acs-version", "Version") == version else {
      throw .input("Version", .malformed(version))
    }
    return try value("x-acs-action", "Action")
  }

  // MARK: - Signature

  /// The signature of a call.
  ///
  /// A session token is passed over: the keys of this service are for good.
  static func signature(
    of request: HTTPRequest, at moment: Instant
  ) throws(Failure) -> ClaimedSignature {
    let parameters = try parameters(of: request)
    let now = SignedRequests.time(moment)
    do throws(SignatureFault) {
      guard isSignedInParameters(request) else {
        return try headerSignature(of: request, now)
      }
      return try parameterSignature(of: request, parameters, now)
    } catch {
      guard error != .parameterMissing("AccessKeyId") else { throw .unauthenticated }
      throw .signature(.fault(error))
    }
  }

  /// The scheme ACS3-HMAC-SHA256, which has a nonce always.
  private static func headerSignature(
    of request: HTTPRequest, _ now: SigningTime
  ) throws(SignatureFault) -> ClaimedSignature {
    let headers = request.fields.values("Authorization")
    guard let header = headers.first, headers.count == 1 else { throw .malformedAuthorization }
    let signable = SignedRequests.signable(request)
    let authorization = try ACS3Authorization(parsing: header)
    let signedAt = try ACS3Signature.check(signable, authorization, now: now)
    guard let nonce = request.fields["x-acs-signature-nonce"], !nonce.isEmpty else {
      throw .headerMissing("x-acs-signature-nonce")
    }
    return ClaimedSignature(
      accessKey: authorization.accessKey, nonce: (nonce, SignedRequests.end(of: signedAt, now))
    ) { secretKey throws(SignatureFault) in
      try ACS3Signature.verify(signable, authorization, secretKey: secretKey, now: now)
    }
  }

  /// The signature version 1.0, whose nonce may be left out.
  private static func parameterSignature(
    of request: HTTPRequest, _ parameters: [RPCSignature.Parameter], _ now: SigningTime
  ) throws(SignatureFault) -> ClaimedSignature {
    let authorization = try RPCAuthorization(parsing: parameters)
    let signedAt = try RPCSignature.check(authorization, now: now)
    let method = request.method
    return ClaimedSignature(
      accessKey: authorization.accessKey,
      nonce: authorization.nonce.map { ($0, SignedRequests.end(of: signedAt, now)) }
    ) { secretKey throws(SignatureFault) in
      try RPCSignature.verify(
        method: method, parameters: parameters, secretKey: secretKey, now: now)
    }
  }
}
