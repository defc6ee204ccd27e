// Route: one line of the route table: what is asked, who answers, and how it is described.
//
// Made in `Routes.swift`; read by `API` for each request and by `OpenAPIDocument` once. Invariant:
// a route with a path has its description: it cannot be made without one.

import LedgerServices

/// One line of the table.
///
/// A class: every request holds one, and none changes it.
final class Route: Sendable {
  /// Whether a request has a body, and its form.
  enum Body: Sendable {
    case none
    case optional(Schema)
    case required(Schema)
    /// Items of this form: an array of them, or one a line.
    case many(Schema, ClosedRange<Int64>)

    /// The form of the body as JSON; nil where none is taken.
    var schema: Schema? {
      switch self {
      case .none: nil
      case .optional(let schema), .required(let schema): schema
      case .many(let item, let count): .list(of: item, count)
      }
    }

    /// Whether there must be one.
    var isRequired: Bool {
      switch self {
      case .none, .optional: false
      case .required, .many: true
      }
    }
  }

  /// On what the policy of a credential must allow the action.
  enum Scope: Hashable, Sendable {
    /// On the secret the path names, and on the label if it names one.
    case secretInPath
    /// On the secret the path names and the labels the body names; the endpoint asks once it has
    /// read it.
    case stagesInBody
    /// On the secret the body names; the endpoint asks once it has read it.
    case secretInBody
    /// On the secret the finding in the path is about; the endpoint asks once it has read it.
    case secretOfFinding
    /// On the project as a whole.
    case project
  }

  /// Who answers.
  enum Endpoint: Sendable {
    /// Answers everybody.
    case open(@Sendable (API) async -> Answer)
    /// Answers the holder of a credential of the project whose policy allows the action.
    case tenant(
      action: PolicyAction, on: Scope, @Sendable (Call) async throws(Failure) -> Answer)
  }

  /// Where a request must go.
  enum Target: Sendable {
    /// To a path, by this method.
    case path(method: String, template: String)
    /// To `/`, under the operation's name.
    case name
  }

  /// What an operation does to the record.
  enum Effect: Hashable, Sendable {
    case reads
    case writes
  }

  /// What the description of the API says of an operation.
  struct Description: Sendable {
    /// What it does, in one sentence.
    let summary: String
    let query: [Parameter]
    /// What it answers, errors aside.
    let answers: [DescribedAnswer]
  }

  let target: Target
  /// What the operation is called, among those of its surface.
  let name: String
  /// What our description says of it; nil where the cloud's own has it already.
  let description: Description?
  /// The names of the parameters in the query.
  let queryNames: [String]
  let body: Body
  let endpoint: Endpoint
  let surface: Surface
  let effect: Effect
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

  /// An operation with a path of its own.
  init(
    _ method: String, _ template: String, _ name: String, _ summary: String,
    query: [Parameter] = [], body: Body = .none, answers: [DescribedAnswer], _ endpoint: Endpoint
  ) {
    target = .path(method: method, template: template)
    self.name = name
    description = Description(summary: summary, query: query, answers: answers)
    queryNames = query.map(\.name)
    self.body = body
    self.endpoint = endpoint
    surface = Surface(path: template)
    effect = method == "GET" ? .reads : .writes
    pattern = template.split(separator: "/").map { Part($0) }
  }

  /// An operation of a cloud whose calls all go to `/`, with the names of its parameters.
  init(
    _ surface: Surface, _ name: String, _ effect: Effect, parameters: [String] = [],
    body: Body = .none, _ endpoint: Endpoint
  ) {
    target = .name
    self.name = name
    description = nil
    queryNames = parameters
    self.body = body
    self.endpoint = endpoint
    self.surface = surface
    self.effect = effect
    pattern = []
  }

  /// What logs and metrics call it: its path as a template, or the surface and its name.
  var label: String {
    switch target {
    case .path(_, let template): template
    case .name: "\(surface.tag):\(name)"
    }
  }

  /// The method by which it is asked; the clouds whose calls go to `/` mean POST.
  var method: String {
    switch target {
    case .path(let method, _): method
    case .name: "POST"
    }
  }

  /// Whether it moves a label, which the project's cloud may be asked for first.
  var movesLabel: Bool { !isRead && pattern.contains(.literal("stages")) }

  /// Whether it only reads.
  var isRead: Bool { effect == .reads }

  /// What policies call it; nil for one that answers everybody.
  var action: PolicyAction? {
    switch endpoint {
    case .open: nil
    case .tenant(let action, _, _): action
    }
  }

  /// Whether it answers everybody.
  var isOpen: Bool { action == nil }

  /// What its path names, in order.
  var parameters: [PathParameter] {
    pattern.compactMap { part in
      guard case .parameter(let parameter) = part else { return nil }
      return parameter
    }
  }

  /// Whether its path names this.
  func names(_ parameter: PathParameter) -> Bool { pattern.contains(.parameter(parameter)) }

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
