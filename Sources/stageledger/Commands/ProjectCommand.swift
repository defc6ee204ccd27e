// ProjectCommand: makes, changes and shows projects, in the database itself.
//
// Called by `Main`; calls `Backend` for the store.

import CanonicalJSON
import Foundation
import Ledger
import LedgerServices

/// The commands `project create`, `set`, `list` and `show`.
enum ProjectCommand {
  /// Makes a project.
  static func create(_ context: CommandContext) async throws(CommandError) -> ExitCode {
    let id = try projectID(context.operand("ID"))
    let provider = try provider(context)
    let project = Project(
      id: id, provider: provider,
      notFoundStatus: try notFoundStatus(context) ?? .badRequest,
      upstream: try UpstreamOptions.read(context, of: provider, over: nil), createdAt: systemNow())
    try await Backend.use(context) { backend throws(CommandError) in
      do throws(StoreError) {
        try await backend.tenants.create(project)
      } catch .alreadyExists {
        throw .alreadyThere("project \(id.text)")
      } catch {
        throw .store(error)
      }
    }
    context.console.say("project \(id.text) is made, with the rules of \(provider.rawValue)")
    return .fine
  }

  /// Changes the settings that are named.
  static func set(_ context: CommandContext) async throws(CommandError) -> ExitCode {
    let id = try projectID(context.operand("ID"))
    let status = try notFoundStatus(context)
    let isUpstreamNamed = UpstreamOptions.names.contains { context.option($0) != nil }
    let isWebhookNamed = WebhookOptions.names.contains { context.option($0) != nil }
    guard status != nil || isUpstreamNamed || isWebhookNamed else {
      throw .usage(.missingOption("an option with a setting", command: "project set"))
    }
    try await Backend.use(context) { backend throws(CommandError) in
      let project = try await found(id, in: backend)
      var changed = project
      changed.notFoundStatus = status ?? project.notFoundStatus
      changed.upstream = try UpstreamOptions.read(
        context, of: project.provider, over: project.upstream)
      let settings = changed
      // What was vouched for was the cloud named before.
      if project.isComparable, !changed.isComparable {
        try await backend.stopWatch(over: project, because: "upstream_off")
      } else if changed.isComparable, project.hasOtherCloud(than: changed) {
        try await backend.stopWatch(over: project, because: "upstream_changed")
      }
      try await storing { () async throws(StoreError) in
        try await backend.tenants.update(settings)
      }
      try await WebhookOptions.set(context, of: id, in: backend)
    }
    context.console.say("project \(id.text) is changed")
    return .fine
  }

  /// Lists all projects.
  static func list(_ context: CommandContext) async throws(CommandError) -> ExitCode {
    let format = try context.format()
    let projects = try await Backend.use(context) { backend throws(CommandError) in
      try await backend.projects()
    }
    context.console.print(table(projects), as: format)
    return .fine
  }

  /// Shows one project.
  static func show(_ context: CommandContext) async throws(CommandError) -> ExitCode {
    let format = try context.format()
    let id = try projectID(context.operand("ID"))
    let project = try await Backend.use(context) { backend throws(CommandError) in
      try await found(id, in: backend)
    }
    let table = table([project])
    guard format != .json else {
      context.console.print(table.json.arrayValue?.first?.description ?? "null")
      return .fine
    }
    context.console.print(table, as: format)
    return .fine
  }

  /// The project, which must be there.
  static func found(
    _ id: ProjectID, in backend: Backend
  ) async throws(CommandError) -> Project {
    let project = try await storing { () async throws(StoreError) in
      try await backend.tenants.project(id)
    }
    guard let project else { throw .noProject(id.text) }
    return project
  }

  /// The name of a project as somebody typed it.
  static func projectID(_ text: String) throws(CommandError) -> ProjectID {
    do {
      return try ProjectID(text)
    } catch {
      throw .identifier("the project", given: text, error)
    }
  }

  private static func table(_ projects: [Project]) -> Table {
    Table(
      columns: [
        "id", "provider", "not_found_status", "upstream_mode", "upstream_url", "upstream_project",
        "upstream_region", "upstream_token_file", "upstream_access_key",
        "upstream_secret_key_file", "created_at",
      ],
      rows: projects.map { project in
        let upstream = project.upstream
        return [
          .string(project.id.text), .string(project.provider.rawValue),
          .string(project.notFoundStatus.rawValue),
          .string((upstream?.mode ?? .off).rawValue),
          text(upstream?.url), text(upstream?.project), text(upstream?.region),
        ] + credential(upstream?.credential) + [.string(project.createdAt.rfc3339)]
      })
  }

  /// The token's file, the access key and the secret key's file.
  private static func credential(_ credential: Upstream.Credential?) -> [JSONValue] {
    switch credential {
    case .token(let file)?: [.string(file), .null, .null]
    case .accessKey(let accessKey, let file)?: [.null, .string(accessKey), .string(file)]
    case nil: [.null, .null, .null]
    }
  }

  private static func text(_ text: String?) -> JSONValue { text.map { .string($0) } ?? .null }

  private static func provider(_ context: CommandContext) throws(CommandError) -> Provider {
    guard let text = context.option("provider") else {
      throw .usage(.missingOption("--provider huawei, alibaba or aws", command: "project create"))
    }
    guard let provider = Provider(rawValue: text) else {
      throw .usage(.badValue(of: "--provider", given: text, expected: "huawei, alibaba or aws"))
    }
    return provider
  }

  private static func notFoundStatus(
    _ context: CommandContext
  ) throws(CommandError) -> NotFoundStatus? {
    guard let text = context.option("not-found-status") else { return nil }
    guard let status = NotFoundStatus(rawValue: text) else {
      throw .usage(.badValue(of: "--not-found-status", given: text, expected: "400 or 404"))
    }
    return status
  }
}

extension Project {
  /// Whether the other's cloud is another one: another address, project or region.
  fileprivate func hasOtherCloud(than other: Project) -> Bool {
    [upstream?.url, upstream?.project, upstream?.region]
      != [other.upstream?.url, other.upstream?.project, other.upstream?.region]
  }
}
