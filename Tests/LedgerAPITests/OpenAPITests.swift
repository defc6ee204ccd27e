// The description of the API: whole, self-contained, always the same, and there for everybody.

import CanonicalJSON
import HTTPWire
import Ledger
import LedgerServices
import Testing

@testable import LedgerAPI

@Suite struct OpenAPITests {
  private let document = OpenAPIDocument(RouteTable.standard).json

  /// Every operation, by method and path.
  private var operations: [String: JSONValue] {
    var operations: [String: JSONValue] = [:]
    for (path, methods) in document["paths"]?.objectValue ?? [:] {
      for (method, operation) in methods.objectValue ?? [:] {
        operations["\(method.uppercased()) \(path)"] = operation
      }
    }
    return operations
  }

  /// Every text under the keyword, however deep.
  private func texts(under keyword: String, in value: JSONValue) -> [String] {
    switch value {
    case .object(let members):
      members.flatMap { name, member in
        (name == keyword ? [member.stringValue].compactMap(\.self) : [])
          + texts(under: keyword, in: member)
      }
    case .array(let elements): elements.flatMap { texts(under: keyword, in: $0) }
    case .null, .bool, .integer, .double, .string: []
    }
  }

  @Test func `the description is served to everybody`() async throws {
    let api = try await TestAPI()
    let reply = await api.send("GET", "/openapi.json", token: nil)
    #expect(reply.status == 200)
    #expect(reply.fields["Content-Type"] == "application/json")
    #expect(reply.body == document.canonicalBytes())
    #expect(reply["openapi"].stringValue?.hasPrefix("3.1.") == true)
    #expect(await api.send("POST", "/openapi.json", "{}", token: nil).status == 405)
  }

  @Test func `two descriptions of a table have the same bytes`() {
    #expect(OpenAPIDocument.standard == OpenAPIDocument(RouteTable.standard).json.canonicalBytes())
  }

  @Test func `it has the routes there are and no others`() {
    let routes = RouteTable.standard.routes.compactMap { route -> String? in
      guard case .path(let method, let template) = route.target else { return nil }
      return "\(method) \(template)"
    }
    #expect(Set(routes).count == routes.count)
    #expect(operations.keys.sorted() == routes.sorted())
  }

  @Test func `every reference leads somewhere and nothing is there that none leads to`() {
    let references = Set(texts(under: "$ref", in: document))
    #expect(references.count > 50)
    for reference in references {
      let target = reference.split(separator: "/").dropFirst().reduce(document) { value, name in
        value[String(name)] ?? .null
      }
      #expect(target.objectValue != nil, "\(reference)")
    }
    for kind in ["schemas", "responses", "headers"] {
      for name in document["components"]?[kind]?.objectValue?.keys.sorted() ?? [] {
        #expect(references.contains("#/components/\(kind)/\(name)"))
      }
    }
  }

  @Test func `every operation has a name of its own, a summary and its parameters`() {
    var names: Set<String> = []
    for (key, operation) in operations {
      let name = operation["operationId"]?.stringValue ?? ""
      #expect(!names.contains(name), "\(key)")
      names.insert(name)
      #expect(operation["summary"]?.stringValue?.hasSuffix(".") == true, "\(key)")
      let parameters = operation["parameters"]?.arrayValue ?? []
      let placed = parameters.filter { $0["in"] == "path" }.compactMap { $0["name"]?.stringValue }
      let template = key.matches(of: /{(\w+)}/).map { String($0.1) }
      #expect(placed == template, "\(key)")
      for parameter in parameters {
        #expect(parameter["required"]?.boolValue == (parameter["in"] == "path"))
        #expect(parameter["schema"]?.objectValue?.isEmpty == false)
      }
    }
  }

  @Test func `every way to say who asks is described where one must`() {
    let schemes = document["components"]?["securitySchemes"]?.objectValue ?? [:]
    #expect(schemes.keys.sorted() == ["bearer", "signature", "token"])
    for (key, operation) in operations {
      let named = (operation["security"]?.arrayValue ?? []).flatMap {
        $0.objectValue?.keys.map(\.self) ?? []
      }
      #expect(named.isEmpty || named.sorted() == schemes.keys.sorted(), "\(key)")
    }
  }

  @Test func `the cloud's surface reads names of every cloud and changes only its own`() {
    for (key, operation) in operations where key.contains(" /v1/") && key.contains("{secret}") {
      let schema = operation["parameters"]?.arrayValue?.first { $0["name"] == "secret" }?["schema"]
      let name = key.hasPrefix("GET ") ? "SecretInPath" : "CSMSSecretName"
      #expect(schema?["$ref"]?.stringValue == "#/components/schemas/\(name)", "\(key)")
    }
  }

  @Test func `writes can be repeated and made conditional, reads can be asked again`() {
    for (key, operation) in operations {
      let fields = (operation["parameters"]?.arrayValue ?? []).filter { $0["in"] == "header" }
        .compactMap { $0["name"]?.stringValue }
      let responses = operation["responses"]?.objectValue ?? [:]
      if operation["security"]?.arrayValue?.isEmpty != false {
        #expect(fields.isEmpty, "\(key)")
      } else if !key.hasPrefix("GET ") {
        // What speaks of many secrets, or of none, is held against the state of none.
        let isOfMany = key.hasSuffix("/facts")
        let isConditional = !isOfMany && !key.contains("/drift/")
        #expect(fields == ["Idempotency-Key"] + (isConditional ? ["If-Match"] : []), "\(key)")
        #expect(responses["409"] != nil && (responses["412"] != nil) == !isOfMany, "\(key)")
      } else if ["/snapshot", "/diff", "/age", "/timeline"].contains(where: key.hasSuffix) {
        // Made while they are sent.
        #expect(fields.isEmpty && responses["304"] == nil, "\(key)")
        #expect(responses["200"]?["headers"]?["ETag"] == nil, "\(key)")
      } else if key.contains("/ledger/") {
        #expect(fields == ["If-None-Match"], "\(key)")
        #expect(responses["304"] != nil, "\(key)")
        #expect(responses["200"]?["headers"]?["ETag"] != nil, "\(key)")
      } else {
        #expect(fields.isEmpty, "\(key)")
      }
    }
  }

  @Test func `every answer says its header fields`() {
    let shared = document["components"]?["responses"]?.objectValue ?? [:]
    let own = operations.values.flatMap { operation in
      (operation["responses"]?.objectValue ?? [:]).values.filter { $0["$ref"] == nil }
    }
    for response in Array(shared.values) + own {
      #expect(response["headers"]?["X-Request-Id"] != nil, "\(response)")
    }
    #expect(shared["csms503"]?["headers"]?["Retry-After"] != nil)
    #expect(shared["ledger401"]?["headers"]?["WWW-Authenticate"] != nil)
  }

  @Test(arguments: [Surface.csms, .ledger])
  func `every status of the error tables has its meaning`(_ surface: Surface) throws {
    let name: VersionID = try VersionID("v1")
    let stage: StageName = try StageName("s")
    let now = try #require(Instant(microseconds: 0))
    let rejections: [Rejection] = [
      .secretNotFound, .secretExists, .secretPendingDeletion, .secretNotPendingDeletion,
      .versionNotFound(name), .versionExists(name), .versionNumbersExhausted,
      .stageNotFound(stage), .stagePermanent(stage),
      .sourceRequired(stage, holder: name), .sourceNotFound(name),
      .sourceMismatch(stage, holder: nil), .noVersionGiven, .versionIDRequired,
      .tooManyStages(limit: 1),
      .tooManyStagesRequested(limit: 1), .nameNotAllowed(.stage), .recoveryDaysOutOfRange(7...30),
      .effectiveInFuture(now: now), .streamVersionMismatch(expected: .zero, actual: .zero),
      .findingNotOpen, .acknowledgementOver(now: now), .idempotencyKeyReused,
      .eventIDReused(try EventID("e")), .changeNotFound(TreeSize.zero.next),
      .fact(index: 0, .effectiveAfterTooLate), .changeUnderWay(TreeSize.zero.next),
    ]
    let refusals: [HTTPRefusal.Reason] = [
      .malformedRequestLine, .headTimedOut(limit: .seconds(1)), .bodyTooLarge(limitBytes: 1),
      .targetTooLong(limitBytes: 1), .unknownExpectation, .headTooLarge(limitBytes: 1),
      .unsupportedTransferEncoding, .tooManyConnections(limit: 1), .unsupportedVersion,
    ]
    var failures: [Failure] = [
      .unauthenticated, .forbidden, .noRoute, .mediaType, .body(.empty), .secretValue,
      .input("a", .missing), .missing(.secret, size: nil), .missingThen(.stage, size: nil),
      .inDoubt,
      .pendingDeletion, .deletionScheduledAlready, .otherCloud(.huawei), .noCloud, .overloaded,
      .store(.unavailable(reason: "")), .store(.deadlineExceeded), .store(.outcomeUnknown),
      .store(.projectNotFound), .store(.alreadyExists), .store(.corrupt("")),
    ]
    let refusal = { CloudRefusal(status: $0, code: "C", message: "M", requestID: nil) }
    let faults: [ChangeFault.Kind] =
      [400, 401, 403, 404, 409, 429].map { .refused(refusal($0)) } + [
        .notDone, .notSent, .unresolved(.nonsense), .unresolved(.silence), .unrecorded, .unsettled,
        .underWay,
      ]
    failures += faults.map { .change(ChangeFault($0, at: TreeSize.zero.next)) }
    // The cloud's surface serves one type alone, and never looks at what is accepted.
    if surface == .ledger { failures.append(.notAcceptable(offered: [])) }
    failures += rejections.map { .rejected($0) } + refusals.map { .refused(HTTPRefusal($0)) }
    let described = RouteTable.standard.routes.filter { $0.surface == surface }
      .compactMap { route in route.description.map { ErrorAnswers.statuses(of: route, $0) } }
      .reduce(into: Set()) { $0.formUnion($1) }
    let meanings = Set(ErrorAnswers.meanings.map(\.key))
    let request = HTTPRequest(method: "GET", target: "/")
    for failure in failures {
      let answer = ErrorReport(request: request, surface: surface, requestID: "r").answer(failure)
      #expect(described.contains(answer.status), "\(failure)")
      #expect(meanings.contains(answer.status), "\(failure)")
      let type = ErrorAnswers.content(of: surface).type
      #expect(answer.contentType == type)
    }
  }

  @Test func `a schema carries along what it points at`() {
    let inner = Schema.text(1...3).named("Inner")
    let outer = Schema.object(["a": inner], optional: ["b": .list(of: inner.orNull)])
      .named("Outer")
    #expect(outer.json == ["$ref": "#/components/schemas/Outer"])
    #expect(outer.named.keys.sorted() == ["Inner", "Outer"])
    #expect(outer.named["Inner"] == ["type": "string", "minLength": 1, "maxLength": 3])
    #expect(
      outer.named["Outer"] == [
        "type": "object", "required": ["a"], "additionalProperties": false,
        "properties": [
          "a": ["$ref": "#/components/schemas/Inner"],
          "b": [
            "type": "array",
            "items": ["anyOf": [["$ref": "#/components/schemas/Inner"], ["type": "null"]]],
          ],
        ],
      ])
  }

  @Test func `null joins a type, its choices, and nothing else`() {
    #expect(Schema.integer(0...1).orNull.json["type"] == ["integer", "null"])
    #expect(Schema.choice(["a"]).orNull.json["enum"] == ["a", nil])
    #expect(Schema.constant("a").orNull.json["anyOf"]?.arrayValue?.count == 2)
  }
}
