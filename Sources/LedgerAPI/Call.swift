// Call: one authenticated request on its way to its endpoint, as types.
//
// Made by `API` once the credential and the project are known; read by the endpoints of all
// surfaces. Calls `Changes` for what writes. Invariant: a call exists only for a credential of the
// project, and its body holds no secret value.

import CanonicalJSON
import Crypto
import HTTPWire
import Ledger
import LedgerServices

/// One authenticated request.
struct Call: Sendable {
  let services: Services
  let request: HTTPRequest
  let requestID: String
  let match: Match
  private(set) var credential: Credential
  let project: Project
  let query: Query
  let body: [String: JSONValue]?
  let note: AccessNote

  /// The text of a parameter of the path.
  func parameter(_ name: PathParameter) throws(Failure) -> String {
    guard let text = match.route.value(of: name, in: match.segments) else { throw .noRoute }
    return text
  }

  /// A name in the path.
  func identifier<T: Identifier>(_ name: PathParameter) throws(Failure) -> T {
    let text = try parameter(name)
    do { return try T(text) } catch { throw .input(name.rawValue, InputFault(error)) }
  }

  /// Goes on only if the surface serves projects of this cloud.
  ///
  /// CSMS is there for all of them, and changes only those of its own cloud.
  func checkCloud() throws(Failure) {
    let surface = match.route.surface
    guard let cloud = surface.cloud, cloud.provider != project.provider else { return }
    guard surface == .csms, match.route.isRead else { throw .otherCloud(project.provider) }
  }

  /// The secret in the path; on the cloud's own surface one the cloud could have.
  func secret() throws(Failure) -> SecretName {
    let secret: SecretName = try identifier(.secret)
    guard match.route.surface != .csms || project.provider.rules.acceptsSecret(secret)
    else { throw .rejected(.nameNotAllowed(.secret)) }
    return secret
  }

  /// The label in the path; on the cloud's own surface one the cloud could have.
  func stage() throws(Failure) -> StageName {
    let stage: StageName = try identifier(.stage)
    guard match.route.surface != .csms || project.provider.rules.acceptsStage(stage)
    else { throw .rejected(.nameNotAllowed(.stage)) }
    return stage
  }

  /// Goes on only if the policy allows the route's action on the secret; nil: on the project.
  ///
  /// `stages` are the labels the request names, or asks for without naming them: the policy must
  /// allow the action for each.
  func authorize(on secret: SecretName?, stages: [StageName] = []) throws(Failure) {
    note.concerns(secret, stages.first)
    guard let action = match.route.action else { throw .forbidden }
    var asked = PolicyRequest(
      action, on: secret, stage: nil, from: request.peer, at: services.clock.now)
    guard !stages.isEmpty || credential.policy.allows(asked) else { throw .forbidden }
    for stage in stages {
      asked.stage = stage
      note.concerns(secret, stage)
      guard credential.policy.allows(asked) else { throw .forbidden }
    }
  }

  /// Goes on only if the credential is still in use and its policy still allows the route's action
  /// on the project; a signature is judged as of `moment`.
  func reauthorize(asOf moment: Instant) async throws(Failure) {
    var call = self
    call.credential = try await Authentication.credential(
      of: request, on: match.route.surface, at: moment, services)
    try call.authorize(on: nil)
  }

  /// Reads the record.
  func read<T: Sendable>(
    _ question: () async throws(StoreError) -> Reading<T>
  ) async throws(Failure) -> Reading<T> {
    do { return try await question() } catch { throw .store(error) }
  }

  /// What a change of the secret came to.
  func append(
    _ change: Change, to secret: SecretName, reason: String?, ticket: String?
  ) async throws(Failure) -> AppendOutcome {
    try await append(
      .change(secret, change, try Conditions.expectation(of: request)), reason: reason,
      ticket: ticket)
  }

  /// Who asks, as an event tells it.
  var principal: Principal {
    Principal(
      kind: .credential, id: credential.name, name: credential.name, sourceIP: request.peer)
  }

  /// What became of what was asked for.
  func append(
    _ intent: Intent, reason: String?, ticket: String?
  ) async throws(Failure) -> AppendOutcome {
    let submission = Submission(
      intent: intent,
      provenance: Provenance(
        principal: principal, source: match.route.surface.cloud?.source ?? .ledgerAPI,
        reason: reason, ticket: ticket, requestID: requestID),
      idempotency: try Conditions.idempotency(of: self))
    do {
      return try await services.changes.append(submission, to: project)
    } catch {
      throw Failure(error)
    }
  }
}
