// Route: one line of the route table: what is asked, who answers, and how it is described.
//
// Made in `Routes.swift`; read by `API` for each request and by `OpenAPIDocument` once. Invariant:
// a route has its description: it cannot be made without one.

/// Which API a path belongs to: it decides the shape of answers, also of refusals.
enum Surface: Hashable, CaseIterable, Sendable {
  /// Huawei Cloud CSMS, under `/v1`.
  case csms
  /// The ledger's own API, under `/ledger/v1`.
  case ledger
  /// Health and metrics, and whatever is not known.
  case operations

  /// The surface of a path that is not decoded.
  init(path: String) {
    if path == "/v1" || path.hasPrefix("/v1/") {
      self = .csms
    } else if path == "/ledger" || path.hasPrefix("/ledger/") {
      self = .ledger
    } else {
      self = .operations
    }
  }
}

/// One line of the table.
struct Route: Sendable {
  /// Whether a request has a body, and its form.
  enum Body: Sendable {
    case none
    case optional(Schema)
    case required(Schema)

    /// The form of the body; nil where none is taken.
    var schema: Schema? {
      switch self {
      case .none: nil
      case .optional(let schema), .required(let schema): schema
      }
    }

    /// Whether there must be one.
    var isRequired: Bool {
      guard case .required = self else { return false }
      return true
    }
  }

  /// On what the policy of a credential must allow the action.
  enum Scope: Hashable, Sendable {
    /// On the secret the path names.
    case secretInPath
    /// On the secret the body names; the endpoint asks once it has read it.
    case secretInBody
    /// On the project as a whole.
    case project
  }

  /// Who answers.
  enum Endpoint: Sendable {
    /// Answers everybody.
    case open(@Sendable (API) async -> Answer)
    /// Answers the holder of a credential of the project whose policy allows the action.
    case tenant(
      action: String, on: Scope, @Sendable (Call) async throws(Failure) -> Answer)
  }

  let method: String
  let template: String
  /// What the operation is called, among those of its surface.
  let name: String
  /// What it does, in one sentence.
  let summary: String
  let query: [Parameter]
  /// The names of the parameters in the query.
  let queryNames: [String]
  let body: Body
  /// What it answers, errors aside.
  let answers: [DescribedAnswer]
  let endpoint: Endpoint
  let surface: Surface
  private let pattern: [Part]

  private enum Part: Hashable, Sendable {
    case literal(String)
    case parameter(PathParameter)

    init(_ text: Substring) {
      guard text.hasPrefix("{") else {
        self = .literal(String(text))
        return
      }
      guard let parameter = PathParameter(rawValue: String(text.dropFirst().dropLast())) else {
        preconditionFailure("no parameter of a path is called \(text)")
      }
      self = .parameter(parameter)
    }
  }

  init(
    _ method: String, _ template: String, _ name: String, _ summary: String,
    query: [Parameter] = [], body: Body = .none, answers: [DescribedAnswer], _ endpoint: Endpoint
  ) {
    self.method = method
    self.template = template
    self.name = name
    self.summary = summary
    self.query = query
    queryNames = query.map(\.name)
    self.body = body
    self.answers = answers
    self.endpoint = endpoint
    surface = Surface(path: template)
    pattern = template.split(separator: "/").map { Part($0) }
  }

  /// Whether it only reads.
  var isRead: Bool { method == "GET" }

  /// What its path names, in order.
  var parameters: [PathParameter] {
    pattern.compactMap { part in
      guard case .parameter(let parameter) = part else { return nil }
      return parameter
    }
  }

  /// How many segments a path of this route has.
  var segmentCount: Int { pattern.count }

  /// Whether the segments are a path of this route.
  func matches(_ segments: [String]) -> Bool {
    guard segments.count == pattern.count else { return false }
    for (part, segment) in zip(pattern, segments) {
      guard case .literal(let text) = part else { continue }
      guard text == segment else { return false }
    }
    return true
  }

  /// The segment that stands for the parameter; nil when the route has none of that name.
  func value(of parameter: PathParameter, in segments: [String]) -> String? {
    guard let index = pattern.firstIndex(of: .parameter(parameter)), index < segments.count else {
      return nil
    }
    return segments[index]
  }
}
