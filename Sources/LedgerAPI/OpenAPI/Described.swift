// Described: what a route says of its parameters and answers, for the description of the API.
//
// Made where the routes are; read by `OpenAPIDocument`. A route cannot be made without them.
// Invariant: the query parameters described are the ones the route reads, for they are one list.

/// A parameter of a request.
struct Parameter: Sendable {
  /// Where a parameter stands.
  enum Place: String {
    case path
    case query
    case header
  }

  let name: String
  let place: Place
  let text: String
  let schema: Schema

  init(_ name: String, in place: Place = .query, _ text: String, _ schema: Schema) {
    self.name = name
    self.place = place
    self.text = text
    self.schema = schema
  }
}

/// An answer a route gives.
struct DescribedAnswer: Sendable {
  /// A header field of an answer.
  enum Field: String, CaseIterable, Sendable {
    case requestID = "X-Request-Id"
    case position = "Ledger-Position"
    case tag = "ETag"
    case next = "Link"
    case location = "Location"
    case challenge = "WWW-Authenticate"
    case wait = "Retry-After"
    case coverage = "Ledger-Coverage"
  }

  /// Whether an answer is there before it is sent, or made while it is sent: then it has no tag.
  enum Delivery: Sendable {
    case whole
    case streamed
  }

  let status: Int
  let text: String
  var delivery = Delivery.whole
  /// The types of content, each with its schema; none without content.
  var contents: [(type: String, schema: Schema)]
  var fields: [Field]

  init(
    _ status: Int, _ text: String, _ contents: [(type: String, schema: Schema)] = [],
    fields: [Field] = []
  ) {
    self.status = status
    self.text = text
    self.contents = contents
    self.fields = fields
  }

  /// What was asked for, as JSON.
  static func ok(_ schema: Schema, _ text: String = "What was asked for.") -> DescribedAnswer {
    DescribedAnswer(200, text, [("application/json", schema)])
  }

  /// A page of a list, as JSON; on another page follows a link.
  static func page(_ schema: Schema) -> DescribedAnswer {
    var answer = ok(schema, "A page of the list.")
    answer.fields = [.next]
    return answer
  }

  /// Done, with nothing to say.
  static let done = DescribedAnswer(204, "It is done.")
}

/// What a path can name.
enum PathParameter: String {
  case project
  case secret
  case stage
  case version
  case position
  case finding
  case run
}
