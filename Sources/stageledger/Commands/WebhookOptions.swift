// WebhookOptions: who is told of a project's drift, as `project set` is told.
//
// Called by `ProjectCommand`; calls the store of webhooks.

import Clouds
import Foundation
import Ledger
import LedgerServices

/// The options about the webhook of a project.
enum WebhookOptions {
  /// Their names.
  static let names = ["webhook-url", "webhook-secret-file", "webhook-from"]

  /// Sets what is named; the log tells where a webhook begins that is new.
  static func set(
    _ context: CommandContext, of project: ProjectID, in backend: Backend
  ) async throws(CommandError) {
    guard names.contains(where: { context.option($0) != nil }) else { return }
    let store = backend.webhooks
    let url = context.option("webhook-url")
    if url == "off" {
      return try await storing { () async throws(StoreError) in
        try await store.removeWebhook(of: project)
      }
    }
    if let url, !WebhookSender.isAllowed(url) {
      throw .usage(
        .badValue(of: "--webhook-url", given: url, expected: "https://..., http://127.0.0.1, off"))
    }
    let known = try await storing { () async throws(StoreError) in
      try await store.webhook(of: project)
    }
    let file = context.option("webhook-secret-file").map { path in
      path.hasPrefix("/") ? path : FileManager.default.currentDirectoryPath + "/" + path
    }
    guard let url = url ?? known?.url else {
      throw .usage(.missingOption("--webhook-url", command: "a webhook"))
    }
    guard let file = file ?? known?.secretFile else {
      throw .usage(.missingOption("--webhook-secret-file", command: "a webhook"))
    }
    let next: Position
    if let text = context.option("webhook-from") {
      guard let position = Int64(text).flatMap({ Position($0) }) else {
        throw .usage(
          .badValue(of: "--webhook-from", given: text, expected: "a position of the log"))
      }
      next = position
    } else if let known {
      next = known.next
    } else {
      next = try await storing { () async throws(StoreError) in
        try await backend.size(of: project)
      }.next
    }
    try await storing { () async throws(StoreError) in
      try await store.set(
        Webhook(project: project, url: url, secretFile: file, next: next))
    }
  }
}
