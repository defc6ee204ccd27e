// OpenAPIDocument: the description of everything that can be asked, made from the route table.
//
// Served by `Operations.description`. Calls what the routes say of themselves. Invariant: the
// paths and methods are those of the table, no more and no less, and the bytes of a table are
// always the same.

import CanonicalJSON
import Ledger
import LedgerServices

/// A description of a table of routes as OpenAPI 3.1.
struct OpenAPIDocument {
  /// The bytes for the table that is served, made at the first question and kept.
  static let standard = OpenAPIDocument(RouteTable.standard).json.canonicalBytes()

  /// The document.
  let json: JSONValue

  /// Describes a table.
  init(_ table: RouteTable) {
    var builder = Builder()
    var paths: [String: [String: JSONValue]] = [:]
    for route in table.routes {
      guard case .path(let method, let template) = route.target,
        let description = route.description
      else { continue }
      paths[template, default: [:]][method.lowercased()] = builder.operation(route, description)
    }
    json = [
      "openapi": "3.1.1",
      "info": [
        "title": "stageledger", "version": "1.0.0",
        "summary": "A ledger of secret stage labels.",
        "description": .string(Self.about),
      ],
      "servers": [["url": "/"]],
      "tags": .array(
        Surface.described.map { ["name": .string($0.tag), "description": .string($0.text)] }),
      "paths": .object(paths.mapValues { .object($0) }),
      "components": [
        "schemas": .object(builder.schemas),
        "responses": .object(builder.responses),
        "headers": .object(
          Dictionary(uniqueKeysWithValues: DescribedAnswer.Field.allCases.map(Builder.header))),
        "securitySchemes": [
          "token": ["type": "apiKey", "in": "header", "name": "X-Auth-Token"],
          "bearer": ["type": "http", "scheme": "bearer"],
          "signature": [
            "type": "apiKey", "in": "header", "name": "Authorization",
            "description": .string(Self.signature),
          ],
        ],
      ],
    ]
  }

  private static let about = """
    The surface of Huawei Cloud CSMS under `/v1`, metadata only, and the ledger's own API under \
    `/ledger/v1`. A request that carries the value of a secret anywhere is refused with 400 and \
    nothing of it is kept. HEAD is answered wherever GET is; a method a path does not have is \
    answered with 405 and `Allow`. Every answer has an `X-Request-Id`.
    """

  private static let signature = """
    A request signed with an access key as Huawei Cloud's clients sign it: \
    `SDK-HMAC-SHA256 Access=..., SignedHeaders=..., Signature=...`, with `X-Sdk-Date` within 15 \
    minutes of the server's clock. At least `host` and `x-sdk-date` must be signed.
    """

  /// Describes routes, and collects what they share.
  private struct Builder {
    var schemas: [String: JSONValue] = [:]
    var responses: [String: JSONValue] = [:]

    mutating func use(_ schema: Schema) -> JSONValue {
      schemas.merge(schema.named) { first, _ in first }
      return schema.json
    }

    mutating func operation(_ route: Route, _ description: Route.Description) -> JSONValue {
      var operation: [String: JSONValue] = [
        "operationId": .string(route.surface.tag + route.name),
        "summary": .string(description.summary), "tags": [.string(route.surface.tag)],
        "responses": .object(responses(of: route, description)),
      ]
      let parameters = route.allParameters(description).map { parameter($0) }
      if !parameters.isEmpty { operation["parameters"] = .array(parameters) }
      if let schema = route.body.schema {
        var contents: [String: JSONValue] = ["application/json": ["schema": use(schema)]]
        if case .many = route.body {
          let lines = Schema.text().described("The same, one a line instead of an array.")
          contents[FactBody.lines] = ["schema": use(lines)]
        }
        operation["requestBody"] = [
          "required": .bool(route.body.isRequired), "content": .object(contents),
        ]
      }
      switch route.endpoint {
      case .open: operation["security"] = []
      case .tenant(let action, _, _):
        operation["security"] = [["token": []], ["bearer": []], ["signature": []]]
        operation["description"] = .string(
          "The policy of the credential must allow `\(action.name)`.")
      }
      return .object(operation)
    }

    private mutating func parameter(_ parameter: Parameter) -> JSONValue {
      [
        "name": .string(parameter.name), "in": .string(parameter.place.rawValue),
        "required": .bool(parameter.place == .path), "description": .string(parameter.text),
        "schema": use(parameter.schema),
      ]
    }

    private mutating func responses(
      of route: Route, _ description: Route.Description
    ) -> [String: JSONValue] {
      var described: [String: JSONValue] = [:]
      let statuses = ErrorAnswers.statuses(of: route, description)
      for (status, text) in ErrorAnswers.meanings where statuses.contains(status) {
        let name = "\(route.surface.tag)\(status)"
        let answer = ErrorAnswers.answer(status, text, of: route.surface)
        if responses[name] == nil { responses[name] = response(answer) }
        described["\(status)"] = ["$ref": .string("#/components/responses/\(name)")]
      }
      for var answer in route.allAnswers(description) {
        if statuses.contains(answer.status) {
          answer.contents.append(ErrorAnswers.content(of: route.surface))
        }
        described["\(answer.status)"] = response(answer)
      }
      return described
    }

    private mutating func response(_ answer: DescribedAnswer) -> JSONValue {
      var response: [String: JSONValue] = ["description": .string(answer.text)]
      let fields = [.requestID] + answer.fields
      response["headers"] = .object(
        Dictionary(
          uniqueKeysWithValues: fields.map { field in
            let reference = "#/components/headers/\(field.rawValue)"
            return (field.rawValue, ["$ref": .string(reference)])
          }))
      if !answer.contents.isEmpty {
        var contents: [String: JSONValue] = [:]
        for (type, schema) in answer.contents { contents[type] = ["schema": use(schema)] }
        response["content"] = .object(contents)
      }
      return .object(response)
    }

    static func header(_ field: DescribedAnswer.Field) -> (String, JSONValue) {
      let (text, schema, isAlways) = field.form
      return (
        field.rawValue,
        ["description": .string(text), "required": .bool(isAlways), "schema": schema.json]
      )
    }
  }
}

extension DescribedAnswer.Field {
  /// What the field says, its form, and whether it is always there.
  fileprivate var form: (text: String, schema: Schema, isAlways: Bool) {
    switch self {
    case .requestID: ("The id of the request, made by the service.", NameSchemas.uuid, true)
    case .position:
      (
        "The position of the newest event when the answer was made; absent while there is none.",
        NameSchemas.whole, false
      )
    case .tag: ("The tag of the content.", .text(pattern: "^\"[0-9a-f]{32}\"$"), true)
    case .next:
      ("The next page; absent on the last.", .text(pattern: "^<.+>; rel=\"next\"$"), false)
    case .location: ("Where the run is told of.", .text(pattern: "^/"), true)
    case .challenge: ("How to authenticate.", .constant("Bearer"), true)
    case .wait: ("After how many seconds to try again.", NameSchemas.whole, false)
    case .coverage:
      (
        "What is vouched for between two effective times, about the labels without a line too. "
          + Coverage.sentence, LedgerSchemas.coverage, false
      )
    }
  }
}

extension Route {
  /// The parameters of path, query and header, in that order.
  fileprivate func allParameters(_ description: Description) -> [Parameter] {
    let path = parameters.map { Parameter($0.rawValue, in: .path, $0.text, schema(of: $0)) }
    var fields: [Parameter] = []
    if case .tenant(_, let scope, _) = endpoint {
      if !isRead { fields = [.idempotencyKey] }
      // What speaks of many secrets, or of none, is held against the state of none.
      if case .many = body {} else if !isRead, scope.isOfSecret { fields.append(.ifMatch) }
      if isTagged(description) { fields = [.ifNoneMatch] }
    }
    return path + description.query + fields
  }

  /// The form of what the path names.
  ///
  /// The cloud's surface changes what has the cloud's own, narrower names, and reads all.
  private func schema(of parameter: PathParameter) -> Schema {
    switch (surface, effect, parameter) {
    case (_, _, .project): NameSchemas.project
    case (.csms, .writes, .secret): CSMSSchemas.secretName
    case (.csms, .writes, .stage): CSMSSchemas.stageName
    case (_, _, .secret): NameSchemas.secretInPath
    case (_, _, .stage): NameSchemas.stage
    case (_, _, .version): NameSchemas.version
    case (_, _, .position): NameSchemas.position
    case (_, _, .finding): DriftSchemas.findingID
    case (_, _, .run): DriftSchemas.runID
    }
  }

  /// Whether its answers have a tag a client can ask with.
  private func isTagged(_ description: Description) -> Bool {
    isRead && surface == .ledger && description.answers.allSatisfy { $0.delivery == .whole }
  }

  /// The answers of the endpoint, with the fields and the status the surface adds.
  fileprivate func allAnswers(_ description: Description) -> [DescribedAnswer] {
    guard case .tenant = endpoint else { return description.answers }
    let isTagged = isTagged(description)
    let own = description.answers.map { answer in
      var answer = answer
      answer.fields += isTagged ? [.position, .tag] : [.position]
      return answer
    }
    let known = DescribedAnswer(
      304, "The content is what the client has.", fields: [.position, .tag])
    return isTagged ? own + [known] : own
  }
}

extension Route.Scope {
  /// Whether a request of this scope is about one secret, whose stream version it can ask for.
  fileprivate var isOfSecret: Bool {
    switch self {
    case .secretInPath, .stagesInBody, .secretInBody: true
    case .secretOfFinding, .project: false
    }
  }
}

extension PathParameter {
  fileprivate var text: String {
    switch self {
    case .project: "The project the token is for."
    case .secret: "The name of the secret."
    case .stage: "The label."
    case .version: "The id of the version; `latest` is the newest."
    case .position: "The position of the event."
    case .finding: "The id of the finding."
    case .run: "The id of the run."
    }
  }
}

extension Surface {
  /// The surfaces whose operations have paths; the calls to `/` are described by their clouds.
  fileprivate static let described: [Surface] = [.csms, .ledger, .operations]

  fileprivate var text: String {
    switch self {
    case .csms: "Huawei Cloud CSMS, metadata only."
    case .kms: "Alibaba Cloud KMS, its label operations."
    case .aws: "AWS Secrets Manager, its label operations."
    case .ledger: "The ledger's own API."
    case .operations: "Health, metrics and this document; no token is asked for."
    }
  }
}
