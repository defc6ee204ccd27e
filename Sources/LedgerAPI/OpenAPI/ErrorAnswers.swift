// ErrorAnswers: the errors each route can be answered with, from what the route is.
//
// Called by `OpenAPIDocument`; follows the error tables `CSMSErrors` and `Problem`. Invariant: a
// status those tables give for a route is among those given here.

import CanonicalJSON

/// The errors of the surfaces.
enum ErrorAnswers {
  /// Every status there is an error for, with what it means.
  static let meanings: KeyValuePairs<Int, String> = [
    400: "The request breaks a rule; the text says which.",
    401: "There is no token or signature, or none that holds.",
    403: "The credential does not allow this on this project.",
    404: "What the path names does not exist.",
    406: "None of the types the client accepts is served.",
    408: "The request did not arrive in time.",
    409: "The rules refuse the change as things stand, or the key was used before, or the record "
      + "cannot tell.",
    412: "The secret has changed meanwhile.",
    413: "The body is longer than 1 MiB.",
    414: "The target, or a segment of it, is too long.",
    415: "The body is of a type that is not taken.",
    417: "The only expectation met is 100-continue.",
    429: "The cloud that the change was passed on to asks to come later.",
    431: "The head is longer than 16 KiB or has more than 100 fields.",
    500: "The service cannot answer; the operator must look.",
    501: "The only Transfer-Encoding served is chunked.",
    502:
      "The cloud that the change was passed on to gave an answer that makes no sense; whether it "
      + "did the change is settled by reading it.",
    503: "The service is overloaded or its record cannot be reached; try again shortly.",
    504: "The cloud that the change was passed on to did not answer; whether it did the change is "
      + "settled by reading it.",
    505: "The server speaks HTTP/1.1 and HTTP/1.0.",
  ]

  /// The statuses of errors the route can be answered with.
  static func statuses(of route: Route, _ description: Route.Description) -> Set<Int> {
    // What breaks a rule of HTTP is refused before there is a route.
    var statuses: Set = [400, 408, 413, 414, 417, 431, 501, 503, 505]
    guard case .tenant = route.endpoint else { return statuses }
    statuses.formUnion([401, 403, 500])
    if route.parameters.count > 1 { statuses.insert(404) }
    if !route.isRead { statuses.insert(409) }
    // What speaks of many secrets is held against the state of none.
    if case .many = route.body {} else if !route.isRead { statuses.insert(412) }
    if route.movesLabel { statuses.formUnion([429, 502, 504]) }
    // A stage of the past may be in doubt, which the cloud's object has no words for.
    if route.surface == .csms, description.query.contains(where: { $0.name == "effective_at" }) {
      statuses.insert(409)
    }
    if route.surface == .ledger, route.body.schema != nil { statuses.insert(415) }
    if description.answers.contains(where: { $0.contents.count > 1 }) { statuses.insert(406) }
    return statuses
  }

  /// The answer of a status in the shape of a surface.
  static func answer(_ status: Int, _ text: String, of surface: Surface) -> DescribedAnswer {
    var answer = DescribedAnswer(status, text, [content(of: surface)])
    if status == 401 { answer.fields.append(.challenge) }
    if status == 404 { answer.fields.append(.position) }
    if status == 503 { answer.fields.append(.wait) }
    return answer
  }

  /// How a surface tells of an error.
  static func content(of surface: Surface) -> (type: String, schema: Schema) {
    switch surface {
    case .csms: ("application/json", cloudError)
    case .kms, .aws, .ledger, .operations: ("application/problem+json", problem)
    }
  }

  private static let cloudError = Schema.object(
    [
      "error_code": .text(1...64, pattern: "^[A-Za-z0-9._-]+$")
        .described("Of this service, or of the cloud that a change was passed on to."),
      "error_msg": .text(2...512),
    ],
    optional: [
      "request_id": NameSchemas.uuid.described("The X-Request-Id, in errors of the gateway.")
    ]
  ).named("CSMSError")

  private static let problem = Schema.object(
    [
      "type": .text(pattern: "^urn:stageledger:problem:[a-z_]+$"),
      "title": .text(), "status": .integer(400...599), "detail": .text(),
      "code": .text(pattern: "^[a-z_]+$").described("A stable word for the reason."),
      "request_id": NameSchemas.uuid.described("The X-Request-Id."),
    ],
    optional: [
      "field": .text().described("The parameter, member or header at fault."),
      "index": .integer(0...Int64(LedgerFacts.countMax - 1))
        .described("Which of several facts is at fault."),
    ]
  ).described("RFC 9457 problem details.").named("Problem")
}
