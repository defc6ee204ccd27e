// Webhook: where news of a project's drift goes, and how far it has been told.
//
// Kept by `LedgerStore`, set by the command line, told by whatever delivers. Invariant: the
// position only goes forward by what was delivered, or to where somebody set it.

public import Ledger

/// Where news of a project's drift goes.
public struct Webhook: Hashable, Sendable {
  /// The project.
  public var project: ProjectID
  /// The receiver: https, or http on this machine.
  public var url: String
  /// The file with the secret the news are signed with.
  public var secretFile: String
  /// The position of the next event to tell, if it is one of drift.
  public var next: Position
  /// A webhook with every part named.
  public init(project: ProjectID, url: String, secretFile: String, next: Position) {
    self.project = project
    self.url = url
    self.secretFile = secretFile
    self.next = next
  }
}

/// Where webhooks are kept.
public protocol WebhookStore: Sendable {
  /// The webhook of the project; nil when it has none.
  func webhook(of project: ProjectID) async throws(StoreError) -> Webhook?
  /// At most `limit` webhooks by project, those after `after`.
  func webhooks(after: ProjectID?, limit: Int) async throws(StoreError) -> [Webhook]
  /// Sets the webhook of its project.
  func set(_ webhook: Webhook) async throws(StoreError)
  /// Takes the webhook of the project away; nothing happens when it has none.
  func removeWebhook(of project: ProjectID) async throws(StoreError)
  /// Says that everything before `next` has been told; false when the webhook is not at `position`
  /// any more, since somebody set it.
  func advance(
    webhookOf project: ProjectID, from position: Position, to next: Position
  ) async throws(StoreError) -> Bool
}
