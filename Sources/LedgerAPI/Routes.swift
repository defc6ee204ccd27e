// Routes: the one table of everything that can be asked, and the search in it.
//
// Called by `API` for each request; names every endpoint of every surface. Invariant: a path is
// split before it is decoded and decoded once, so that nothing encoded in a segment reaches another
// route.

import HTTPWire
import LedgerServices

/// A route, by its place in the table, and the segments of the path that led to it.
struct Match: Sendable {
  let index: Int
  let route: Route
  let segments: [String]
}

/// The table.
struct RouteTable: Sendable {
  let routes: [Route]
  /// The routes with a path, by how many segments it has.
  private let paths: [Int: [Int]]
  /// The routes without one, by surface and name.
  private let names: [Surface: [String: Int]]

  init(_ routes: [Route]) {
    self.routes = routes
    var paths: [Int: [Int]] = [:]
    var names: [Surface: [String: Int]] = [:]
    for (index, route) in routes.enumerated() {
      switch route.target {
      case .path: paths[route.segmentCount, default: []].append(index)
      case .name: names[route.surface, default: [:]][route.name] = index
      }
    }
    self.paths = paths
    self.names = names
  }

  /// The route of a request; the name of a call to `/` may stand in its body.
  func find(_ request: HTTPRequest, on surface: Surface) throws(Failure) -> Match {
    switch surface {
    case .csms, .ledger, .operations: try find(path: request, on: surface)
    case .kms: try find(name: try KMSRequest.action(of: request), on: surface)
    case .aws: try find(name: try AWSRequest.operation(of: request), on: surface)
    }
  }

  private func find(name: String, on surface: Surface) throws(Failure) -> Match {
    guard let index = names[surface]?[name] else { throw .noRoute }
    return Match(index: index, route: routes[index], segments: [])
  }

  /// HEAD is GET without its content, which the server leaves out.
  private func find(path request: HTTPRequest, on surface: Surface) throws(Failure) -> Match {
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
    for index in paths[segments.count] ?? [] where routes[index].matches(segments) {
      let route = routes[index]
      if route.method == method { return Match(index: index, route: route, segments: segments) }
      allowed.append(route.method)
    }
    guard !allowed.isEmpty else { throw .noRoute }
    if allowed.contains("GET") { allowed.append("HEAD") }
    throw .methodNotAllowed(allowed: allowed.sorted())
  }

  /// Everything there is.
  static let standard = RouteTable(csms + kms + aws + ledger + operations)

  private static let csms: [Route] = [
    Route(
      "GET", "/v1/{project}/secrets", "ListSecrets",
      "Lists the secrets, by name.",
      query: [.markerLimit, .secretMarker],
      answers: [.ok(CSMSSchemas.secretPage)],
      .tenant(action: "csms:secret:list", on: .project, CSMSSecrets.list)),
    Route(
      "POST", "/v1/{project}/secrets", "CreateSecret",
      "Registers a secret with its first version.",
      body: .required(CSMSSchemas.newSecret),
      answers: [.ok(CSMSSchemas.secret)],
      .tenant(action: "csms:secret:create", on: .secretInBody, CSMSSecrets.create)),
    Route(
      "GET", "/v1/{project}/secrets/{secret}", "ShowSecret",
      "Shows a secret.",
      answers: [.ok(CSMSSchemas.secret)],
      .tenant(action: "csms:secret:get", on: .secretInPath, CSMSSecrets.show)),
    Route(
      "DELETE", "/v1/{project}/secrets/{secret}", "DeleteSecret",
      "Deletes a secret at once; its record stays.",
      answers: [.done],
      .tenant(action: "csms:secret:delete", on: .secretInPath, CSMSSecrets.delete)),
    Route(
      "POST", "/v1/{project}/secrets/{secret}/scheduled-deleted-tasks/create",
      "CreateSecretDeletionTask",
      "Schedules the deletion of a secret.",
      body: .optional(CSMSSchemas.deletion),
      answers: [.ok(CSMSSchemas.secret)],
      .tenant(
        action: CSMSActions.scheduleDeletion, on: .secretInPath, CSMSSecrets.scheduleDeletion)),
    Route(
      "POST", "/v1/{project}/secrets/{secret}/scheduled-deleted-tasks/cancel",
      "CancelSecretDeletionTask",
      "Calls the deletion of a secret off.",
      body: .optional(CSMSSchemas.nothing),
      answers: [.ok(CSMSSchemas.secret)],
      .tenant(action: CSMSActions.cancelDeletion, on: .secretInPath, CSMSSecrets.cancelDeletion)),
    Route(
      "GET", "/v1/{project}/secrets/{secret}/versions", "ListSecretVersions",
      "Lists the versions of a secret, in order of registration.",
      query: [.markerLimit, .versionMarker],
      answers: [.ok(CSMSSchemas.versionPage)],
      .tenant(action: CSMSActions.listVersions, on: .secretInPath, CSMSVersions.list)),
    Route(
      "POST", "/v1/{project}/secrets/{secret}/versions", "CreateSecretVersion",
      "Registers the next version of a secret.",
      body: .optional(CSMSSchemas.newVersion),
      answers: [.ok(CSMSSchemas.madeVersion)],
      .tenant(action: CSMSActions.createVersion, on: .stagesInBody, CSMSVersions.create)),
    Route(
      "GET", "/v1/{project}/secrets/{secret}/versions/{version}", "ShowSecretVersion",
      "Shows a version.",
      answers: [.ok(CSMSSchemas.version)],
      .tenant(action: CSMSActions.getVersion, on: .secretInPath, CSMSVersions.show)),
    Route(
      "POST", "/v1/{project}/secrets/{secret}/stages", "CreateSecretStage",
      "Puts a label on a version.",
      body: .required(CSMSSchemas.newStage),
      answers: [.ok(CSMSSchemas.stage)],
      .tenant(action: CSMSActions.createStage, on: .stagesInBody, CSMSStages.create)),
    Route(
      "GET", "/v1/{project}/secrets/{secret}/stages/{stage}", "ShowSecretStage",
      "Shows which version carries a label, or carried it.",
      query: [.effectiveAt, .knownAt],
      answers: [.ok(CSMSSchemas.stage)],
      .tenant(action: CSMSActions.getStage, on: .secretInPath, CSMSStages.show)),
    Route(
      "PUT", "/v1/{project}/secrets/{secret}/stages/{stage}", "UpdateSecretStage",
      "Moves a label to a version, or makes it.",
      body: .required(CSMSSchemas.stageChange),
      answers: [.ok(CSMSSchemas.stage)],
      .tenant(action: CSMSActions.updateStage, on: .secretInPath, CSMSStages.update)),
    Route(
      "DELETE", "/v1/{project}/secrets/{secret}/stages/{stage}", "DeleteSecretStage",
      "Takes a label away.",
      answers: [.done],
      .tenant(action: CSMSActions.deleteStage, on: .secretInPath, CSMSStages.delete)),
  ]

  private static let kms: [Route] = [
    Route(
      .kms, "UpdateSecretVersionStage", .writes,
      parameters: ["SecretName", "VersionStage", "MoveToVersion", "RemoveFromVersion"],
      .tenant(action: "kms:UpdateSecretVersionStage", on: .secretInBody, KMSStages.update)),
    Route(
      .kms, "ListSecretVersionIds", .reads,
      parameters: ["SecretName", "IncludeDeprecated", "PageNumber", "PageSize"],
      .tenant(action: "kms:ListSecretVersionIds", on: .secretInBody, KMSSecrets.listVersions)),
    Route(
      .kms, "ListSecrets", .reads,
      parameters: ["Filters", "FetchTags", "PageNumber", "PageSize"],
      .tenant(action: "kms:ListSecrets", on: .project, KMSSecrets.list)),
    Route(
      .kms, "DescribeSecret", .reads, parameters: ["SecretName", "FetchTags"],
      .tenant(action: "kms:DescribeSecret", on: .secretInBody, KMSSecrets.describe)),
  ]

  private static let aws: [Route] = [
    Route(
      .aws, "UpdateSecretVersionStage", .writes, body: .required(.anything),
      .tenant(
        action: "secretsmanager:UpdateSecretVersionStage", on: .secretInBody,
        AWSVersions.updateStage)),
    Route(
      .aws, "ListSecretVersionIds", .reads, body: .required(.anything),
      .tenant(
        action: "secretsmanager:ListSecretVersionIds", on: .secretInBody, AWSVersions.list)),
    Route(
      .aws, "DescribeSecret", .reads, body: .required(.anything),
      .tenant(action: "secretsmanager:DescribeSecret", on: .secretInBody, AWSSecrets.describe)),
    Route(
      .aws, "ListSecrets", .reads, body: .required(.anything),
      .tenant(action: "secretsmanager:ListSecrets", on: .project, AWSSecrets.list)),
  ]

  private static let ledger: [Route] = [
    Route(
      "GET", "/ledger/v1/{project}/secrets", "ListSecrets",
      "Lists the registered secrets, by name.",
      query: [.limit, .cursor],
      answers: [.page(LedgerSchemas.secretPage)],
      .tenant(action: "ledger:secret:list", on: .project, LedgerSecrets.list)),
    Route(
      "POST", "/ledger/v1/{project}/secrets", "RegisterSecret",
      "Registers a secret.",
      body: .required(LedgerSchemas.newSecret),
      answers: LedgerSchemas.changed,
      .tenant(action: "ledger:secret:record", on: .secretInBody, LedgerSecrets.register)),
    Route(
      "GET", "/ledger/v1/{project}/secrets/{secret}", "ShowSecret",
      "Shows a secret, also once it is deleted.",
      answers: [.ok(LedgerSchemas.secret)],
      .tenant(action: "ledger:secret:get", on: .secretInPath, LedgerSecrets.show)),
    Route(
      "POST", "/ledger/v1/{project}/secrets/{secret}/versions", "RegisterVersion",
      "Registers a version under its cloud's own id.",
      body: .required(LedgerSchemas.newVersion),
      answers: LedgerSchemas.changed,
      .tenant(action: "ledger:version:record", on: .stagesInBody, LedgerSecrets.registerVersion)),
    Route(
      "GET", "/ledger/v1/{project}/secrets/{secret}/history", "ShowSecretHistory",
      "Lists every stretch of every label of a secret.",
      query: [.knownAt, .limit, .cursor],
      answers: [.page(LedgerSchemas.secretHistory)],
      .tenant(action: "ledger:stage:list", on: .secretInPath, LedgerStages.history)),
    Route(
      "GET", "/ledger/v1/{project}/secrets/{secret}/timeline", "ShowTimeline",
      "Tells every stretch of every label of a secret, and from when to when it was told so.",
      query: [.knownAt],
      answers: [LedgerSchemas.timeline],
      .tenant(action: "ledger:stage:list", on: .secretInPath, LedgerTimeline.show)),
    Route(
      "GET", "/ledger/v1/{project}/secrets/{secret}/stages", "ListStages",
      "Lists the labels of a secret at a moment, as known at a moment.",
      query: [.effectiveAt, .knownAt, .limit, .cursor],
      answers: [.page(LedgerSchemas.stagePage)],
      .tenant(action: "ledger:stage:list", on: .secretInPath, LedgerStages.list)),
    Route(
      "GET", "/ledger/v1/{project}/secrets/{secret}/stages/{stage}", "ShowStage",
      "Tells which version held a label at a moment, as known at a moment.",
      query: [.effectiveAt, .knownAt],
      answers: [.ok(LedgerSchemas.stage)],
      .tenant(action: "ledger:stage:get", on: .secretInPath, LedgerStages.show)),
    Route(
      "PUT", "/ledger/v1/{project}/secrets/{secret}/stages/{stage}", "AssignStage",
      "Records that a label marks a version.",
      body: .required(LedgerSchemas.assignment),
      answers: LedgerSchemas.changed,
      .tenant(action: "ledger:stage:record", on: .secretInPath, LedgerStages.assign)),
    Route(
      "DELETE", "/ledger/v1/{project}/secrets/{secret}/stages/{stage}", "RemoveStage",
      "Records that a label marks nothing.",
      body: .optional(LedgerSchemas.removal),
      answers: LedgerSchemas.changed,
      .tenant(action: "ledger:stage:record", on: .secretInPath, LedgerStages.remove)),
    Route(
      "GET", "/ledger/v1/{project}/secrets/{secret}/stages/{stage}/history", "ShowStageHistory",
      "Lists every stretch of a label.",
      query: [.knownAt, .limit, .cursor],
      answers: [.page(LedgerSchemas.stageHistory)],
      .tenant(action: "ledger:stage:get", on: .secretInPath, LedgerStages.history)),
    Route(
      "POST", "/ledger/v1/{project}/facts", "RecordFacts",
      "Records what happened elsewhere, all of it or nothing.",
      body: .many(LedgerSchemas.fact, 1...Int64(LedgerFacts.countMax)),
      answers: LedgerSchemas.factsRecorded,
      .tenant(action: "ledger:fact:record", on: .secretInBody, LedgerFacts.record)),
    Route(
      "GET", "/ledger/v1/{project}/snapshot", "ShowSnapshot",
      "Tells of every label which version held it at a moment, as known at a moment.",
      query: [.effectiveAt, .knownAt],
      answers: [LedgerSchemas.snapshot],
      .tenant(action: "ledger:stage:list", on: .project, LedgerSnapshot.show)),
    Route(
      "GET", "/ledger/v1/{project}/diff", "ShowDifference",
      "Tells which labels are told of differently at two moments.",
      query: [.from, .to, .axis, .effectiveAt, .knownAt],
      answers: [LedgerSchemas.difference],
      .tenant(action: "ledger:stage:list", on: .project, LedgerSnapshot.diff)),
    Route(
      "GET", "/ledger/v1/{project}/age", "ListAges",
      "Tells which versions hold a label for long.",
      query: [.stage, .olderThan, .effectiveAt, .knownAt],
      answers: [LedgerSchemas.ages],
      .tenant(action: "ledger:stage:list", on: .project, LedgerSnapshot.age)),
    Route(
      "GET", "/ledger/v1/{project}/late", "ListLateFacts",
      "Lists what was recorded long after it was true.",
      query: [.minDelay, .after, .limit],
      answers: [.page(LedgerSchemas.latePage)],
      .tenant(action: "ledger:event:list", on: .project, LedgerLate.list)),
    Route(
      "GET", "/ledger/v1/{project}/drift", "ListDrift",
      "Lists what differs between the record and the cloud, now or as it was known at a moment.",
      query: [.findingState, .knownAt, .limit, .cursor],
      answers: [.page(DriftSchemas.findingPage)],
      .tenant(action: "ledger:drift:list", on: .project, LedgerDrift.list)),
    Route(
      "POST", "/ledger/v1/{project}/drift/{finding}/acknowledge", "AcknowledgeDrift",
      "Records that a finding is known and may stand.",
      body: .required(DriftSchemas.acknowledgement),
      answers: LedgerSchemas.changed,
      .tenant(action: "ledger:drift:acknowledge", on: .secretOfFinding, LedgerDrift.acknowledge)),
    Route(
      "GET", "/ledger/v1/{project}/drift/runs", "ListDriftRuns",
      "Lists the drift runs, the newest first.",
      query: [.limit, .cursor],
      answers: [.page(DriftSchemas.runPage)],
      .tenant(action: "ledger:drift:list", on: .project, LedgerRuns.list)),
    Route(
      "POST", "/ledger/v1/{project}/drift/runs", "StartDriftRun",
      "Starts a drift run, which may take minutes.",
      answers: [DriftSchemas.started],
      .tenant(action: "ledger:drift:run", on: .project, LedgerRuns.start)),
    Route(
      "GET", "/ledger/v1/{project}/drift/runs/{run}", "ShowDriftRun",
      "Shows a drift run and what it found.",
      query: [.reportFormat],
      answers: [DriftSchemas.shown],
      .tenant(action: "ledger:drift:get", on: .project, LedgerRuns.show)),
    Route(
      "GET", "/ledger/v1/{project}/events", "ListEvents",
      "Lists the log.",
      query: [.after, .limit],
      answers: [LedgerSchemas.eventPage],
      .tenant(action: "ledger:event:list", on: .project, LedgerEvents.list)),
    Route(
      "GET", "/ledger/v1/{project}/events/{position}", "ShowEvent",
      "Shows one event.",
      answers: [.ok(LedgerSchemas.event)],
      .tenant(action: "ledger:event:get", on: .project, LedgerEvents.show)),
  ]

  private static let operations: [Route] = [
    Route(
      "GET", "/", "Page",
      "Gives a page for people that says what is served where.",
      answers: [Operations.pageAnswer],
      .open(Operations.page)),
    Route(
      "GET", "/healthz", "Health",
      "Tells whether the process answers.",
      answers: [.ok(Operations.healthSchema)],
      .open(Operations.health)),
    Route(
      "GET", "/readyz", "Readiness",
      "Tells whether requests can be served, and what is in the way.",
      answers: Operations.readinessAnswers,
      .open(Operations.readiness)),
    Route(
      "GET", "/metrics", "Metrics",
      "Gives all counts as Prometheus text.",
      answers: [Operations.metricsAnswer],
      .open(Operations.metrics)),
    Route(
      "GET", "/openapi.json", "Description",
      "Gives this document.",
      answers: [Operations.descriptionAnswer],
      .open(Operations.description)),
  ]
}
