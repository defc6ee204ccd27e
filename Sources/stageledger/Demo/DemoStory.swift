// DemoStory: the story the demo tells, each claim of it checked against what the service answers.
//
// Called by `Demo` over a `DemoWorld`. Everything recorded and asked goes over HTTP. Invariant: a
// line that claims something is printed only after it was found to be so.

import CanonicalJSON
import Ledger
import LedgerServices

/// The story.
struct DemoStory: Sendable {
  let world: DemoWorld
  let console: Console
  let calendar: DemoCalendar

  /// The secret the questions are about.
  static let secret = "db-password"

  /// One secret of the story: in which months it was rotated.
  struct Rotation: Sendable {
    let secret: String
    let months: [Int]
  }

  /// What is rotated in the year.
  static let rotations = [
    Rotation(secret: secret, months: Array(1...12)),
    Rotation(secret: "api-signing-key", months: Array(1...12)),
    Rotation(secret: "payments-token", months: Array(1...12)),
    Rotation(secret: "tls-private-key", months: [1, 3, 5, 7, 9, 11]),
    Rotation(secret: "smtp-password", months: [1, 4, 7, 10]),
    Rotation(secret: "legacy-ftp", months: [1, 5, 9]),
  ]

  /// Tells the whole story.
  func tell() async throws(CommandError) {
    chapter("1. A ledger, and a second instance that plays the live cloud")
    line("ledger  \(world.ledger.service.url)")
    line("cloud   \(world.cloud.service.url)")
    line("project \(DemoWorld.projectName)")
    try await recordYear()
    try await askQuestions()
    try await findDrift()
    try await verify()
  }

  // MARK: The year

  private func recordYear() async throws(CommandError) {
    chapter("2. A year of rotations, recorded over HTTP as facts with their own times")
    let begin = ContinuousClock.now
    try await forEachRotation { rotation throws(CommandError) in
      try await record(rotation)
    }
    try await forEachRotation { rotation throws(CommandError) in
      try await playCloud(rotation)
    }
    try await world.readCloud(
      as: "reconciler", policy: try DemoWorld.policy(named: "reader"))
    let count = Self.rotations.map(\.months.count).reduce(0, +)
    let (seconds, attoseconds) = (ContinuousClock.now - begin).components
    let tenths = seconds * 10 + attoseconds / 100_000_000_000_000_000
    let duration = "\(tenths / 10).\(tenths % 10) s"
    let size = try await ledgerSize()
    line("\(Self.rotations.count) secrets, \(count) rotations, \(size) events in the log")
    line("the cloud was brought to the same state through its own API; both took \(duration)")
  }

  private func forEachRotation(
    _ work: @escaping @Sendable (Rotation) async throws(CommandError) -> Void
  ) async throws(CommandError) {
    let results = await withTaskGroup(of: Result<Void, CommandError>.self) { group in
      for rotation in Self.rotations {
        group.addTask {
          do throws(CommandError) {
            return .success(try await work(rotation))
          } catch {
            return .failure(error)
          }
        }
      }
      return await group.reduce(into: []) { $0.append($1) }
    }
    for result in results { try result.get() }
  }

  private func record(_ rotation: Rotation) async throws(CommandError) {
    let secret = rotation.secret
    try await ledger("POST", ["secrets"], ["name": .string(secret)])
    for number in rotation.months.indices.map({ $0 + 1 }) {
      try await ledger(
        "POST", ["secrets", secret, "versions"],
        ["version_id": .string("v\(number)"), "stages": .array([])])
    }
    for (index, month) in rotation.months.enumerated() {
      let time = calendar.moment(month: month, day: 1, time: "03:00:00")
      let ticket = "CHG-\(1_000 + month)"
      try await fact(secret, "SYSCURRENT", "v\(index + 1)", time, "scheduled rotation", ticket)
      guard index > 0 else { continue }
      try await fact(secret, "SYSPREVIOUS", "v\(index)", time, "scheduled rotation", ticket)
    }
    if secret == "api-signing-key" {
      let time = calendar.moment(month: 12, day: 2, time: "09:30:00")
      try await fact(secret, "canary", "v12", time, "try the new key on one node", "CHG-1013")
    }
    if secret == "legacy-ftp" {
      let time = calendar.moment(month: 9, day: 3, time: "16:20:00")
      try await fact(secret, "SYSCURRENT", "v2", time, "v3 did not work", "INC-198")
      try await fact(secret, "SYSPREVIOUS", "v1", time, "v3 did not work", "INC-198")
    }
  }

  private func playCloud(_ rotation: Rotation) async throws(CommandError) {
    let secret = rotation.secret
    try await createInCloud(secret, versions: rotation.months.count)
    if secret == "api-signing-key" { try await label(secret, "canary", "v12") }
    if secret == "legacy-ftp" {
      try await label(secret, "SYSCURRENT", "v2")
      try await label(secret, "SYSPREVIOUS", "v1")
    }
  }

  // MARK: The questions

  private func askQuestions() async throws(CommandError) {
    let secret = Self.secret
    let moment = calendar.moment(month: 8, day: 20, time: "12:00:00")
    chapter("3. Which version of \(secret) held SYSCURRENT on \(moment.prefix(10))?")
    let first = try await holder(effectiveAt: moment, knownAt: nil)
    try expect(first["version_id"]?.stringValue == "v8", "SYSCURRENT was on v8, as far as known")
    guard let before = first["known_at"]?["recorded_at"]?.stringValue else {
      throw .story("the answer does not say what was known")
    }
    line("asked now:                      \(words(first))")
    let late = calendar.moment(month: 8, day: 15, time: "02:10:00")
    try await fact(
      secret, "SYSCURRENT", "v7", late, "rolled back by on-call, found in the diary", "INC-207")
    line("then a fact arrives late: on \(late) on-call had put it back to v7 (INC-207)")
    let second = try await holder(effectiveAt: moment, knownAt: nil)
    try expect(second["version_id"]?.stringValue == "v7", "the late fact changes the answer to v7")
    line("asked again:                    \(words(second))")
    let third = try await holder(effectiveAt: moment, knownAt: before)
    try expect(third["version_id"]?.stringValue == "v8", "what was known before is still v8")
    line("asked as known before the fact: \(words(third))")
    chapter("4. And now?")
    let present = try await holder(effectiveAt: nil, knownAt: nil)
    try expect(present["version_id"]?.stringValue == "v12", "SYSCURRENT is on v12 now")
    line("SYSCURRENT now: \(words(present))")
    line("a late fact does not disturb the present")
    try await showHistory()
  }

  private func showHistory() async throws(CommandError) {
    let segments = ["secrets", Self.secret, "stages", "SYSCURRENT", "history"]
    let reply = try await ask(segments, [])
    let intervals = reply["intervals"]?.arrayValue ?? []
    try expect(intervals.count == 13, "the history of SYSCURRENT has 13 stretches")
    line("the history of SYSCURRENT has \(intervals.count) stretches; around the late fact:")
    for interval in intervals[6...9] {
      let since = interval["since"]?.stringValue ?? ""
      let version = interval["version_id"]?.stringValue ?? ""
      let position = interval["position"]?.integerValue ?? 0
      line("  \(since.prefix(16)) UTC  \(padded(version, to: 4)) event \(position)")
    }
  }

  private func words(_ answer: JSONValue) -> String {
    let version = answer["version_id"]?.stringValue ?? "none"
    let since = answer["since"]?.stringValue ?? ""
    let certainty = answer["certainty"]?.stringValue ?? ""
    let event = answer["decided_by"]?.arrayValue?.first?.integerValue ?? 0
    return "\(padded(version, to: 3)) since \(since.prefix(16)) (\(certainty), event \(event))"
  }

  // MARK: The proof

  private func verify() async throws(CommandError) {
    chapter("8. Everything read and hashed again")
    let auditor = Auditor(store: world.ledger.backend.audits)
    let report = try await storing { () async throws(StoreError) in
      try await auditor.verify(world.project.id) { _ in }
    }
    try expect(report.isClean, "the log and the projections verify")
    line("\(report.verified.count) events, all of them right; root \(report.rootHash)")
  }

  // MARK: Helpers

  func chapter(_ title: String) { console.print("\n" + console.headline(title)) }

  func line(_ text: String) { console.print("   " + text) }

  func expect(_ isSo: Bool, _ claim: String) throws(CommandError) {
    guard isSo else { throw .story(claim) }
  }

  /// Records a fact about a label in the ledger.
  private func fact(
    _ secret: String, _ stage: String, _ version: String, _ time: String, _ reason: String,
    _ ticket: String
  ) async throws(CommandError) {
    try await ledger(
      "PUT", ["secrets", secret, "stages", stage],
      [
        "version_id": .string(version), "effective_at": .string(time),
        "reason": .string(reason), "ticket": .string(ticket),
      ])
  }

  private func ledger(
    _ method: String, _ segments: [String], _ body: [String: JSONValue]
  ) async throws(CommandError) {
    do {
      _ = try await world.ledger.client.require(
        method, ["ledger", "v1", DemoWorld.projectName] + segments, body: .object(body))
    } catch {
      throw .client(error)
    }
  }

  private func ask(
    _ segments: [String], _ query: [(name: String, value: String)]
  ) async throws(CommandError) -> JSONValue {
    do {
      return try await world.ledger.client.require(
        "GET", ["ledger", "v1", DemoWorld.projectName] + segments, query: query
      ).json
    } catch {
      throw .client(error)
    }
  }

  private func holder(
    effectiveAt: String?, knownAt: String?
  ) async throws(CommandError) -> JSONValue {
    var query: [(name: String, value: String)] = []
    if let effectiveAt { query.append(("effective_at", effectiveAt)) }
    if let knownAt { query.append(("known_at", knownAt)) }
    return try await ask(["secrets", Self.secret, "stages", "SYSCURRENT"], query)
  }

  private func ledgerSize() async throws(CommandError) -> Int64 {
    let answer = try await holder(effectiveAt: nil, knownAt: nil)
    return (answer["known_at"]?["position"]?.integerValue ?? -1) + 1
  }
}
