// API: from a request to its answer, the same way for every surface.
//
// Called by the HTTP server through the program's wiring. Calls, in this order: the surface, the
// route table, `Authentication`, the reading of query and body, the policy, the endpoint; then the
// surface's error table for what was refused. Invariant: every answer carries an `X-Request-Id`
// made here; nothing about a project is said before its credential is known.

import CanonicalJSON
public import HTTPWire
import Ledger
public import LedgerServices

/// What becomes of a request whose head is there and whose body is not.
public enum Admission: Sendable {
  /// Read the body, of at most so many bytes, then ask for the answer.
  case read(bodyBytesMax: Int)
  /// This is the answer; the body is not wanted.
  case answer(HTTPResponse)
}

/// All surfaces, as one function from a request to its answer.
public final class API: Sendable {
  /// The largest body taken.
  public static let bodyBytesMax = 1 << 20
  /// What policies may speak of: the actions of all operations.
  public static let actions = RouteTable.standard.routes.compactMap(\.action)

  let services: Services
  let requests = RequestMetrics(RouteTable.standard.routes)
  private let table = RouteTable.standard
  private let tell: @Sendable (_ requestID: String, _ trouble: String) -> Void

  /// The surfaces over the use cases.
  ///
  /// `tell` hears, for the operator's log alone, why a request failed for no fault of its own.
  public init(
    services: Services,
    tell: @escaping @Sendable (_ requestID: String, _ trouble: String) -> Void = { _, _ in }
  ) {
    self.services = services
    self.tell = tell
  }

  /// What to do with a request before its body is read: whether it could be answered at all.
  public func admit(_ head: HTTPRequest) -> Admission {
    let surface = Surface(of: head)
    let failure: Failure
    do {
      let isOpen =
        switch surface {
        case .csms, .ledger, .operations: try table.find(head, on: surface).route.isOpen
        case .kms, .aws: false
        }
      if !isOpen { try Authentication.precheck(head, on: surface, at: services.clock.now) }
      return .read(bodyBytesMax: Self.bodyBytesMax)
    } catch {
      failure = error
    }
    return .answer(refuse(failure, head, surface))
  }

  /// The answer to a request.
  public func respond(to request: HTTPRequest) async -> HTTPResponse {
    let begin = services.clock.now
    let requestID = services.identities.uuid(at: begin)
    let surface = Surface(of: request)
    var report = ErrorReport(request: request, surface: surface, requestID: requestID)
    let note = AccessNote()
    var route: Int?
    var failure: Failure?
    let answer: Answer
    do throws(Failure) {
      let match = try Self.match(request, on: surface, in: table)
      route = match.index
      answer = try await serve(request, match, &report, note)
    } catch {
      failure = error
      answer = report.answer(error)
      if let trouble = error.trouble { tell(requestID, trouble) }
    }
    let response = response(answer, to: request, surface, requestID)
    let end = services.clock.now
    requests.count(
      route: route, status: response.status,
      microseconds: max(0, end.microseconds - begin.microseconds))
    if let access = note.access(of: request, on: surface, failure, status: response.status) {
      services.accesses.note(access, requestID: requestID, at: end)
    }
    return response
  }

  /// What logs call the route a request takes; nil when there is none.
  public func label(of request: HTTPRequest) -> String? {
    do { return try table.find(request, on: Surface(of: request)).route.label } catch { return nil }
  }

  /// The answer to a message that is not served, in the shape of the surface it was meant for.
  public func refusal(_ refusal: HTTPRefusal, target: String?) -> HTTPResponse {
    let head = HTTPRequest(method: "GET", target: target ?? "")
    return refuse(.refused(refusal), head, Surface(of: head))
  }

  private func refuse(
    _ failure: Failure, _ head: HTTPRequest, _ surface: Surface
  ) -> HTTPResponse {
    let now = services.clock.now
    let requestID = services.identities.uuid(at: now)
    let answer = ErrorReport(request: head, surface: surface, requestID: requestID).answer(failure)
    requests.count(route: nil, status: answer.status, microseconds: 0)
    if let access = AccessNote().access(of: head, on: surface, failure, status: answer.status) {
      services.accesses.note(access, requestID: requestID, at: now)
    }
    return fields(of: answer, surface, requestID)
  }

  /// The route of a request; whoever sends a secret value must know, also where nothing is served.
  private static func match(
    _ request: HTTPRequest, on surface: Surface, in table: RouteTable
  ) throws(Failure) -> Match {
    do {
      return try table.find(request, on: surface)
    } catch .noRoute where SecretValue.isIn(body: request.body) {
      throw .secretValue
    }
  }

  private func serve(
    _ request: HTTPRequest, _ match: Match, _ report: inout ErrorReport, _ note: AccessNote
  ) async throws(Failure) -> Answer {
    let route = match.route
    let scope: Route.Scope
    let endpoint: @Sendable (Call) async throws(Failure) -> Answer
    switch route.endpoint {
    case .open(let answer): return await answer(self)
    case .tenant(_, let on, let run): (scope, endpoint) = (on, run)
    }
    note.goes(to: route)
    let credential = try await Authentication.credential(
      of: request, on: route.surface, at: services.clock.now, services)
    note.belongs(to: credential)
    let name = route.value(of: .project, in: match.segments)
    if let name { try Authentication.checkProjectHeader(of: request, is: name) }
    let project = try await Authentication.project(name, for: credential, services.tenants)
    report.notFoundStatus = project.notFoundStatus
    let (query, body) = try Self.parameters(of: request, route)
    let call = Call(
      services: services, request: request, requestID: report.requestID, match: match,
      credential: credential, project: project, query: query, body: body, note: note)
    try call.checkCloud()
    switch scope {
    case .secretInPath:
      let stages = route.names(.stage) ? [try call.stage()] : []
      try call.authorize(on: try call.secret(), stages: stages)
    case .project: try call.authorize(on: nil)
    case .secretInBody, .stagesInBody, .secretOfFinding: break
    }
    return try await endpoint(call)
  }

  /// The parameters of a request, wherever its surface has them.
  private static func parameters(
    of request: HTTPRequest, _ route: Route
  ) throws(Failure) -> (query: Query, body: [String: JSONValue]?) {
    switch route.surface {
    case .kms:
      let items = try KMSRequest.parameters(of: request)
      return (try Query(items, names: route.queryNames, strays: .tolerated), nil)
    case .csms, .aws, .ledger, .operations:
      let body = try body(of: request, route)
      let strays: Query.Strays = route.surface == .csms ? .tolerated : .refused
      return (try Query(request, names: route.queryNames, strays: strays), body)
    }
  }

  /// The members of the body; nil where there is none or the route takes none.
  ///
  /// A body nobody asked for is looked at too: if it holds a secret value its sender must know.
  private static func body(
    of request: HTTPRequest, _ route: Route
  ) throws(Failure) -> [String: JSONValue]? {
    // Where a body tells of many things, the endpoint takes it apart.
    if case .many = route.body { return nil }
    guard !request.body.isEmpty else {
      guard !route.body.isRequired else { throw .body(.empty) }
      return nil
    }
    let value: JSONValue
    do {
      value = try JSONValue(parsing: request.body, limits: .standard)
    } catch {
      guard route.body.schema != nil else { return nil }
      guard isJSON(request) || route.surface.isAnyTypeJSON else { throw .mediaType }
      throw .body(.notJSON(error))
    }
    guard !SecretValue.isIn(value) else { throw .secretValue }
    guard route.body.schema != nil else { return nil }
    guard isJSON(request) || route.surface.isAnyTypeJSON else { throw .mediaType }
    guard case .object(let members) = value else { throw .body(.notObject) }
    return members
  }

  /// Whether the type of the body is JSON or not told.
  private static func isJSON(_ request: HTTPRequest) -> Bool {
    request.contentEssence.map { $0 == "application/json" } ?? true
  }

  private func response(
    _ answer: Answer, to request: HTTPRequest, _ surface: Surface, _ requestID: String
  ) -> HTTPResponse {
    var response = fields(of: answer, surface, requestID)
    let isRead = request.method == "GET" || request.method == "HEAD"
    guard isRead, answer.status == 200, surface == .ledger, answer.stream == nil else {
      return response
    }
    let tag = Conditions.tag(of: answer.content)
    response.fields.append("ETag", tag)
    response.fields.append("Cache-Control", "private, no-cache")
    guard Conditions.matches(tag, request) else { return response }
    response.status = 304
    response.fields.remove("Content-Type")
    response.body = .none
    return response
  }

  private func fields(
    of answer: Answer, _ surface: Surface, _ requestID: String
  ) -> HTTPResponse {
    var response = HTTPResponse(status: answer.status)
    response.fields.append("X-Request-Id", requestID)
    if surface == .aws { response.fields.append("x-amzn-RequestId", requestID) }
    if let type = answer.contentType {
      response.fields.append("Content-Type", type)
      response.body = answer.stream.map { .stream($0) } ?? .bytes(answer.content)
    }
    if let last = answer.size?.last {
      response.fields.append("Ledger-Position", String(last.index))
    }
    if let next = answer.next { response.fields.append("Link", "<\(next)>; rel=\"next\"") }
    for field in answer.fields { response.fields.append(field.name, field.value) }
    return response
  }
}

extension HTTPRequest {
  /// The type of the body in small letters, without parameters; nil when it is not told.
  var contentEssence: String? {
    fields["Content-Type"].map { type in
      String(
        type.prefix { $0 != ";" }.lowercased().drop { $0 == " " }.prefix { $0 != " " })
    }
  }
}
