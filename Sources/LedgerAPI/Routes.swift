// Routes: the one table of everything that can be asked, and the search in it.
//
// Called by `API` for each request; names every endpoint of every surface, and is what a
// description of the API is made from. The other clouds' surfaces get their entries here and their
// endpoints in folders of their own (`KMS/`, `AWS/`). Invariant: a path is split before it is
// decoded and decoded once, so that nothing encoded in a segment reaches another route.

import HTTPWire

/// Which API a path belongs to: it decides the shape of answers, also of refusals.
enum Surface: Hashable, Sendable {
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
  /// Whether a request has a body.
  enum Body: Hashable, Sendable {
    case none
    case optional
    case required
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
  let query: [String]
  let body: Body
  let endpoint: Endpoint
  let surface: Surface
  private let pattern: [Part]

  private enum Part: Hashable, Sendable {
    case literal(String)
    case parameter(String)
  }

  init(
    _ method: String, _ template: String, query: [String] = [], body: Body = .none,
    _ endpoint: Endpoint
  ) {
    self.method = method
    self.template = template
    self.query = query
    self.body = body
    self.endpoint = endpoint
    surface = Surface(path: template)
    pattern = template.split(separator: "/").map { part in
      part.hasPrefix("{") ? .parameter(String(part.dropFirst().dropLast())) : .literal(String(part))
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
  func value(of parameter: String, in segments: [String]) -> String? {
    guard let index = pattern.firstIndex(of: .parameter(parameter)), index < segments.count else {
      return nil
    }
    return segments[index]
  }
}

/// A route, by its place in the table, and the segments of the path that led to it.
struct Match: Sendable {
  let index: Int
  let route: Route
  let segments: [String]
}

/// The table.
struct RouteTable: Sendable {
  let routes: [Route]
  private let indices: [Int: [Int]]

  init(_ routes: [Route]) {
    self.routes = routes
    indices = Dictionary(grouping: routes.indices) { routes[$0].segmentCount }
  }

  /// The route of a request; HEAD is GET without its content, which the server leaves out.
  func find(_ request: HTTPRequest) throws(Failure) -> Match {
    let surface = Surface(path: request.path)
    var request = request
    // The cloud's own signers end a path with a slash its clients leave out: both are one route.
    if surface == .csms, request.path.utf8.count > 1, request.path.hasSuffix("/") {
      request.path.removeLast()
    }
    let segments: [String]
    do {
      segments = try request.pathSegments(segmentBytesMax: 256, encodedSlash: .kept)
    } catch {
      throw .refused(error)
    }
    let method = request.method == "HEAD" ? "GET" : request.method
    var allowed: [String] = []
    for index in indices[segments.count] ?? [] where routes[index].matches(segments) {
      let route = routes[index]
      if route.method == method { return Match(index: index, route: route, segments: segments) }
      allowed.append(route.method)
    }
    guard !allowed.isEmpty else { throw .noRoute }
    if allowed.contains("GET") { allowed.append("HEAD") }
    throw .methodNotAllowed(allowed: allowed.sorted())
  }

  /// Everything there is.
  static let standard = RouteTable(csms + ledger + operations)

  private static let csms: [Route] = [
    Route(
      "GET", "/v1/{project}/secrets", query: ["limit", "marker"],
      .tenant(action: "csms:secret:list", on: .project, CSMSSecrets.list)),
    Route(
      "POST", "/v1/{project}/secrets", body: .required,
      .tenant(action: "csms:secret:create", on: .secretInBody, CSMSSecrets.create)),
    Route(
      "GET", "/v1/{project}/secrets/{secret}",
      .tenant(action: "csms:secret:get", on: .secretInPath, CSMSSecrets.show)),
    Route(
      "DELETE", "/v1/{project}/secrets/{secret}",
      .tenant(action: "csms:secret:delete", on: .secretInPath, CSMSSecrets.delete)),
    Route(
      "POST", "/v1/{project}/secrets/{secret}/scheduled-deleted-tasks/create", body: .optional,
      .tenant(
        action: "csms:secret:scheduleDeletion", on: .secretInPath, CSMSSecrets.scheduleDeletion)),
    Route(
      "POST", "/v1/{project}/secrets/{secret}/scheduled-deleted-tasks/cancel", body: .optional,
      .tenant(
        action: "csms:secret:cancelDeletion", on: .secretInPath, CSMSSecrets.cancelDeletion)),
    Route(
      "GET", "/v1/{project}/secrets/{secret}/versions", query: ["limit", "marker"],
      .tenant(action: "csms:version:list", on: .secretInPath, CSMSVersions.list)),
    Route(
      "POST", "/v1/{project}/secrets/{secret}/versions", body: .optional,
      .tenant(action: "csms:version:create", on: .secretInPath, CSMSVersions.create)),
    Route(
      "GET", "/v1/{project}/secrets/{secret}/versions/{version}",
      .tenant(action: "csms:version:get", on: .secretInPath, CSMSVersions.show)),
    Route(
      "POST", "/v1/{project}/secrets/{secret}/stages", body: .required,
      .tenant(action: "csms:secret:updateStage", on: .secretInPath, CSMSStages.create)),
    Route(
      "GET", "/v1/{project}/secrets/{secret}/stages/{stage}",
      query: ["effective_at", "known_at"],
      .tenant(action: "csms:secret:getStage", on: .secretInPath, CSMSStages.show)),
    Route(
      "PUT", "/v1/{project}/secrets/{secret}/stages/{stage}", body: .required,
      .tenant(action: "csms:secret:updateStage", on: .secretInPath, CSMSStages.update)),
    Route(
      "DELETE", "/v1/{project}/secrets/{secret}/stages/{stage}",
      .tenant(action: "csms:secret:deleteStage", on: .secretInPath, CSMSStages.delete)),
  ]

  private static let ledger: [Route] = [
    Route(
      "GET", "/ledger/v1/{project}/secrets", query: ["limit", "cursor"],
      .tenant(action: "ledger:secret:list", on: .project, LedgerSecrets.list)),
    Route(
      "POST", "/ledger/v1/{project}/secrets", body: .required,
      .tenant(action: "ledger:secret:record", on: .secretInBody, LedgerSecrets.register)),
    Route(
      "GET", "/ledger/v1/{project}/secrets/{secret}",
      .tenant(action: "ledger:secret:get", on: .secretInPath, LedgerSecrets.show)),
    Route(
      "POST", "/ledger/v1/{project}/secrets/{secret}/versions", body: .required,
      .tenant(action: "ledger:version:record", on: .secretInPath, LedgerSecrets.registerVersion)),
    Route(
      "GET", "/ledger/v1/{project}/secrets/{secret}/history",
      query: ["known_at", "limit", "cursor"],
      .tenant(action: "ledger:stage:list", on: .secretInPath, LedgerStages.history)),
    Route(
      "GET", "/ledger/v1/{project}/secrets/{secret}/stages",
      query: ["effective_at", "known_at", "limit", "cursor"],
      .tenant(action: "ledger:stage:list", on: .secretInPath, LedgerStages.list)),
    Route(
      "GET", "/ledger/v1/{project}/secrets/{secret}/stages/{stage}",
      query: ["effective_at", "known_at"],
      .tenant(action: "ledger:stage:get", on: .secretInPath, LedgerStages.show)),
    Route(
      "PUT", "/ledger/v1/{project}/secrets/{secret}/stages/{stage}", body: .required,
      .tenant(action: "ledger:stage:record", on: .secretInPath, LedgerStages.assign)),
    Route(
      "DELETE", "/ledger/v1/{project}/secrets/{secret}/stages/{stage}", body: .optional,
      .tenant(action: "ledger:stage:record", on: .secretInPath, LedgerStages.remove)),
    Route(
      "GET", "/ledger/v1/{project}/secrets/{secret}/stages/{stage}/history",
      query: ["known_at", "limit", "cursor"],
      .tenant(action: "ledger:stage:get", on: .secretInPath, LedgerStages.history)),
    Route(
      "GET", "/ledger/v1/{project}/events", query: ["after", "limit"],
      .tenant(action: "ledger:event:list", on: .project, LedgerEvents.list)),
    Route(
      "GET", "/ledger/v1/{project}/events/{position}",
      .tenant(action: "ledger:event:get", on: .project, LedgerEvents.show)),
  ]

  private static let operations: [Route] = [
    Route("GET", "/healthz", .open(Operations.health)),
    Route("GET", "/readyz", .open(Operations.readiness)),
    Route("GET", "/metrics", .open(Operations.metrics)),
  ]
}
