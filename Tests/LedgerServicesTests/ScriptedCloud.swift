// ScriptedCloud: a live cloud in memory, which can fail, and change while it is being read.
//
// The double behind `LiveCloud` for the tests of the reconciler. Invariant: `before` runs before
// each answer is put together, so what it changes in the cloud is in that answer.

import Ledger
import LedgerServices
import Synchronization

/// A live cloud in memory.
final class ScriptedCloud: LiveCloud {
  /// What a call asks for.
  enum Call: Hashable, Sendable {
    case secrets
    case versions(SecretName)
  }

  struct Contents: Sendable {
    var lives: [SecretName: CloudSecret.Life] = [:]
    var versions: [SecretName: [VersionID: Set<StageName>]] = [:]
    var times: [SecretName: [StageName: Instant]] = [:]
    var unreadable: [String] = []
    var failures: [Call: [CloudError]] = [:]
    var calls: [Call] = []
    var running = 0
    var runningMax = 0
  }

  private let contents = Mutex(Contents())
  private let hook = Mutex<(@Sendable (Call) async -> Void)?>(nil)

  /// Looks at or changes what the cloud has.
  @discardableResult
  func edit<T: Sendable>(_ body: (inout Contents) -> T) -> T { contents.withLock { body(&$0) } }

  /// Sets what happens before each answer.
  func before(_ body: (@Sendable (Call) async -> Void)?) { hook.withLock { $0 = body } }

  /// Makes the next answers to the call failures, one each.
  func fail(_ call: Call, with errors: CloudError...) {
    edit { $0.failures[call, default: []] += errors }
  }

  /// Puts a label on a version of the cloud, off any other; nil: takes it away.
  func move(_ stage: StageName, of secret: SecretName, to version: VersionID?) {
    edit { contents in
      guard var versions = contents.versions[secret] else { return }
      for other in versions.keys { versions[other]?.remove(stage) }
      if let version { versions[version, default: []].insert(stage) }
      contents.versions[secret] = versions
    }
  }

  func secrets() async throws(CloudError) -> CloudListing {
    try await answer(.secrets) { contents in
      CloudListing(
        secrets: contents.lives.sorted { $0.key < $1.key }
          .map { CloudSecret(name: $0.key, life: $0.value) },
        unreadable: contents.unreadable)
    }
  }

  func versions(of secret: SecretName) async throws(CloudError) -> [CloudVersion] {
    let found = try await answer(.versions(secret)) { contents in
      contents.lives[secret] == nil ? nil : contents.versions[secret] ?? [:]
    }
    guard let found else { throw .notFound }
    return found.sorted { $0.key < $1.key }
      .map { CloudVersion(id: $0.key, stages: $0.value.sorted()) }
  }

  func changeTime(
    of stage: StageName, on version: VersionID, of secret: SecretName
  ) async throws(CloudError) -> Instant? {
    edit { contents in
      guard contents.versions[secret]?[version]?.contains(stage) == true else { return nil }
      return contents.times[secret]?[stage]
    }
  }

  private func answer<T: Sendable>(
    _ call: Call, _ read: @Sendable (Contents) -> T
  ) async throws(CloudError) -> T {
    edit { contents in
      contents.calls.append(call)
      contents.running += 1
      contents.runningMax = max(contents.runningMax, contents.running)
    }
    defer { edit { $0.running -= 1 } }
    if let hook = hook.withLock({ $0 }) { await hook(call) }
    let failure: CloudError? = edit { contents in
      guard contents.failures[call]?.isEmpty == false else { return nil }
      return contents.failures[call]?.removeFirst()
    }
    if let failure { throw failure }
    return edit { read($0) }
  }
}
