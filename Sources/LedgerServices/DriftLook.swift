// DriftLook: reads one project's cloud and record, once and then once more where they differed.
//
// Called by the reconciler; calls `RecordStore` and `LiveCloud`. For each secret the record is read
// first, then the cloud, then the log is followed to where it ended after the last cloud answer:
// the window that comes out covers every state the record held while the cloud was being read. The
// second look goes on with the windows of the first, so they also cover the grace time. Invariant:
// what failed is a sight that was not seen, never an absence.

import Ledger
import Synchronization

/// One look at one secret.
struct SecretLook: Sendable {
  /// What the cloud showed.
  let sight: CloudSight
  /// When the cloud had answered.
  let seenAt: Instant
  /// What that tells.
  let comparison: DriftComparison
}

/// Everything a run saw of one secret.
struct SecretSighting: Sendable {
  /// What the record held meanwhile.
  let window: LedgerWindow
  /// The first look.
  let first: SecretLook
  /// The second look; nil where the first settled it.
  let second: SecretLook?

  /// The look that counts.
  var final: SecretLook { second ?? first }

  /// Whether the first look settles nothing yet, and another may.
  var needsSecondLook: Bool {
    guard case .unseen(let reason, _) = first.sight else {
      return !first.comparison.differences.isEmpty
    }
    switch reason {
    case .unreachable, .throttled, .unintelligible: return true
    case .forbidden, .deadline, .unsettled: return false
    }
  }
}

/// What a look at a whole project saw.
struct ProjectSighting: Sendable {
  /// The secrets by name.
  var secrets: [SecretName: SecretSighting]
  /// Why some names the cloud listed could not be read.
  let unreadable: [String]
}

/// Reads one project for one run.
struct DriftLook: Sendable {
  let project: ProjectID
  let records: any RecordStore
  let cloud: any LiveCloud
  let clock: Clock
  let settings: Reconciler.Settings
  let deadline: Instant
  let progress: @Sendable (Reconciler.Progress) -> Void

  /// Looks at every secret of the record and of the cloud, and at those named.
  func first(alsoAt others: Set<SecretName>) async throws(ReconcileError) -> ProjectSighting {
    let recorded = try await recordedSecrets()
    let listing: CloudListing
    do { listing = try await cloud.secrets() } catch { throw .cloud(error) }
    let listed = Listed(listing)
    let names = recorded.union(others).union(listed.lives.keys).sorted()
    let done = Atomic(0)
    let read = await eachBounded(names, limit: settings.concurrencyMax) { secret in
      let reading = await readFirst(secret, listed)
      let count = done.add(1, ordering: .relaxed).newValue
      progress(Reconciler.Progress(done: count, total: names.count))
      return reading
    }
    var windows: [SecretName: LedgerWindow] = [:]
    var sights: [SecretName: (sight: CloudSight, seenAt: Instant)] = [:]
    for (secret, result) in zip(names, read) {
      switch result {
      case .success(let reading):
        windows[secret] = reading.window
        sights[secret] = (reading.sight, reading.seenAt)
      case .failure(let error): throw .store(error)
      }
    }
    windows = try await follow(windows)
    var secrets: [SecretName: SecretSighting] = [:]
    for (secret, window) in windows {
      guard let (sight, seenAt) = sights[secret] else { continue }
      let comparison = DriftComparison(window, of: secret, against: sight, at: seenAt)
      secrets[secret] = SecretSighting(
        window: window,
        first: SecretLook(sight: sight, seenAt: seenAt, comparison: comparison), second: nil)
    }
    return ProjectSighting(secrets: secrets, unreadable: listing.unreadable)
  }

  /// Looks again at secrets seen before.
  func second(
    at sightings: [SecretName: SecretSighting]
  ) async throws(ReconcileError) -> [SecretName: SecretSighting] {
    let listed: Result<Listed, CloudError>
    do { listed = .success(Listed(try await cloud.secrets())) } catch { listed = .failure(error) }
    let names = sightings.keys.sorted()
    let read = await eachBounded(names, limit: settings.concurrencyMax) { secret in
      switch listed {
      case .success(let listed):
        (await look(at: secret, listed, sightings[secret]?.window.state), clock.now)
      case .failure(let error): (CloudSight(error), clock.now)
      }
    }
    let windows = try await follow(sightings.mapValues(\.window))
    var secrets: [SecretName: SecretSighting] = [:]
    for (secret, (sight, seenAt)) in zip(names, read) {
      guard let before = sightings[secret], let window = windows[secret] else { continue }
      let comparison = DriftComparison(window, of: secret, against: sight, at: seenAt)
      secrets[secret] = SecretSighting(
        window: window, first: before.first,
        second: SecretLook(sight: sight, seenAt: seenAt, comparison: comparison))
    }
    return secrets
  }

  /// When the labels to be adopted came to their versions, as far as the cloud tells in time.
  func times(of sighting: ProjectSighting) async -> [StageKey: Instant] {
    let labels = sighting.secrets.sorted { $0.key < $1.key }.flatMap { secret, saw in
      saw.labelsToAdopt.map { (key: StageKey(secret: secret, stage: $0.key), version: $0.value) }
    }
    let read = await eachBounded(labels, limit: settings.concurrencyMax) { label in
      guard clock.now < deadline, !Task.isCancelled else { return Instant?.none }
      // A time the cloud does not tell is one nobody knows: the fact is bounded then.
      return try? await cloud.changeTime(
        of: label.key.stage, on: label.version, of: label.key.secret)
    }
    var times: [StageKey: Instant] = [:]
    for (label, time) in zip(labels, read) { times[label.key] = time }
    return times
  }

  /// What a listing of the cloud says of each secret it names.
  private struct Listed: Sendable {
    let lives: [SecretName: CloudSecret.Life]
    init(_ listing: CloudListing) {
      lives = Dictionary(
        listing.secrets.map { ($0.name, $0.life) }, uniquingKeysWith: { _, latest in latest })
    }
  }

  private struct FirstReading: Sendable {
    let window: LedgerWindow
    let sight: CloudSight
    let seenAt: Instant
  }

  private func readFirst(
    _ secret: SecretName, _ listed: Listed
  ) async -> Result<FirstReading, StoreError> {
    do {
      let window = try await window(of: secret)
      let sight = await look(at: secret, listed, window.state)
      return .success(FirstReading(window: window, sight: sight, seenAt: clock.now))
    } catch {
      return .failure(error)
    }
  }

  /// Reads the record's side: life and labels at one size of the log, versions at that or a later
  /// one.
  private func window(of secret: SecretName) async throws(StoreError) -> LedgerWindow {
    let summary = try await records.secret(secret, in: project)
    var state = summary.value?.state ?? SecretState()
    guard summary.value != nil else { return LedgerWindow(state, at: summary.size) }
    let labels = try await records.stages(
      at: .latest, knownSize: summary.size, of: secret, in: project)
    for stage in labels.value {
      guard let last = stage.answer.last else { continue }
      state.stages[stage.stage] = SecretState.StageState(
        versionID: last.versionID,
        since: SecretState.Moment(effectiveAt: last.since, position: last.decidedBy))
    }
    var after: VersionID?
    repeat {
      let page = try await records.versions(
        of: secret, in: project, .registered, after: after, limit: settings.pageSize)
      for version in page.value { state.versions[version.id] = version.state }
      after = page.value.count < settings.pageSize ? nil : page.value.last?.id
    } while after != nil
    return LedgerWindow(state, at: summary.size)
  }

  /// Reads the cloud's side.
  ///
  /// A secret the record has but the listing lacks is asked for by name: a listing is many answers
  /// put together and may miss one. A secret listed whose versions are not found makes no sense.
  private func look(
    at secret: SecretName, _ listed: Listed, _ state: SecretState?
  ) async -> CloudSight {
    let life = listed.lives[secret]
    if life == .pendingDeletion { return .pendingDeletion }
    if life == nil, !(state?.isExpectedInCloud ?? false) { return .absent }
    guard clock.now < deadline, !Task.isCancelled else { return .unseen(.deadline, detail: nil) }
    do {
      guard let labels = CloudLabels(try await cloud.versions(of: secret)) else {
        return .unseen(.unintelligible, detail: "one label on two versions")
      }
      return .present(labels)
    } catch .notFound where life == nil {
      return .absent
    } catch {
      return CloudSight(error)
    }
  }

  /// Adds to the windows what was appended up to the end the log has at the first page read here.
  private func follow(
    _ windows: [SecretName: LedgerWindow]
  ) async throws(ReconcileError) -> [SecretName: LedgerWindow] {
    guard var next = windows.values.map(\.end).min()?.next else { return windows }
    var windows = windows
    var end: TreeSize?
    do {
      while true {
        let page = try await records.events(in: project, from: next, limit: settings.pageSize)
        let goal = end ?? page.size
        end = goal
        for stored in page.value where stored.position.size <= goal {
          let event = try Self.decode(stored)
          guard let secret = event.secret else { continue }
          windows[secret]?.evolve(event)
        }
        guard let last = page.value.last, last.position.size < goal else {
          for secret in windows.keys { windows[secret]?.reach(goal) }
          return windows
        }
        next = last.position.size.next
      }
    } catch {
      throw .store(error)
    }
  }

  private static func decode(_ stored: StoredEvent) throws(StoreError) -> Event {
    do { return try Event(canonicalBytes: stored.bytes) } catch {
      throw .corrupt("event \(stored.position.index)")
    }
  }

  private func recordedSecrets() async throws(ReconcileError) -> Set<SecretName> {
    var names: Set<SecretName> = []
    var after: SecretName?
    repeat {
      let page: [SecretSummary]
      do {
        page = try await records.secrets(in: project, after: after, limit: settings.pageSize).value
      } catch {
        throw .store(error)
      }
      names.formUnion(page.map(\.name))
      after = page.count < settings.pageSize ? nil : page.last?.name
    } while after != nil
    return names
  }
}

extension CloudSight {
  /// A sight that failed.
  init(_ error: CloudError) {
    switch error {
    case .notFound: self = .unseen(.unintelligible, detail: "listed, but not found")
    case .forbidden(let detail): self = .unseen(.forbidden, detail: detail)
    case .unreachable(let detail): self = .unseen(.unreachable, detail: detail)
    case .throttled(let detail): self = .unseen(.throttled, detail: detail)
    case .unintelligible(let detail): self = .unseen(.unintelligible, detail: detail)
    }
  }
}

extension SecretState {
  /// Whether the cloud should know the secret: it is registered, or facts put labels on it.
  var isExpectedInCloud: Bool {
    switch life {
    case .enabled, .pendingDeletion: true
    case .unregistered: stageCount > 0
    case .deleted: false
    }
  }
}

/// Runs `body` on each item, at most `limit` at once; the results stand in the order of the items.
private func eachBounded<Item: Sendable, Output: Sendable>(
  _ items: [Item], limit: Int, _ body: @escaping @Sendable (Item) async -> Output
) async -> [Output] {
  await withTaskGroup(of: (index: Int, output: Output).self) { group in
    var outputs = [Output?](repeating: nil, count: items.count)
    for (index, item) in items.enumerated() {
      if index >= limit, let done = await group.next() { outputs[done.index] = done.output }
      group.addTask { (index, await body(item)) }
    }
    for await done in group { outputs[done.index] = done.output }
    return outputs.compactMap { $0 }
  }
}
