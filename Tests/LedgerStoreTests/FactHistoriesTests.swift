// Ten thousand random histories through the door of the API into PostgreSQL, held against the plain
// fold.
//
// What is sent is late, tied, bounded, repeated and refined. A model beside the service says what
// must become of each fact and where it must stand; the plain fold over the model says what every
// question must be answered with.

import CanonicalJSON
import HTTPWire
import Ledger
import LedgerAPI
import LedgerServices
import LedgerStore
import TestSupport
import Testing

@Suite(.inTurn) struct FactHistoriesTests {
  @Test func `ten thousand histories are answered as the plain fold answers them`() async throws {
    let seed = UInt64.random(in: .min ... .max)
    try await withStore { fixture in
      let run = try await FactHistories(fixture, seed: seed, histories: 10_000)
      for _ in 0..<26 { try await run.sendFacts(1_000) }
      for _ in 0..<2 { _ = try await run.checkSnapshot() }
      var kept = [try await run.checkSnapshot()]
      for _ in 0..<250 { kept.append(try await run.checkAnswer()) }
      // What was answered for a moment of knowledge stays, whatever is learned later.
      try await run.sendFacts(1_000)
      try await run.checkKept(kept, "after more facts")
      let project = try #require(try await fixture.store.project(run.project))
      let report = try await Projector(
        store: fixture.store, clock: fixture.clock.clock, identities: .seeded(seed)
      ).rebuild(project, rules: .huawei) { _ in }
      #expect(report.differing.isEmpty, "seed \(seed)")
      try await run.checkKept(kept, "after a rebuild")
      let audit = try await Auditor(store: fixture.store).verify(run.project) { _ in }
      #expect(audit.isClean, "seed \(seed): \(audit)")
    }
  }
}

/// Many labels of one project, and the model of what is known of each.
private final class FactHistories {
  private struct History {
    var events: [Event] = []
    /// The facts that were sent with an id, which may be sent again.
    var sent: [(id: String, fact: JSONValue, position: Int64)] = []
  }

  let project: ProjectID
  private let api: API
  private let fixture: StoreFixture
  private let token: String
  private let seed: UInt64
  private var random: SeededGenerator
  private var histories: [History]
  private var size: Int64 = 0
  private static let labelsOfSecret = 4
  private static let seconds: ClosedRange<Int64> = 0...12

  init(_ fixture: StoreFixture, seed: UInt64, histories: Int) async throws {
    self.fixture = fixture
    self.seed = seed
    random = SeededGenerator(seed: seed)
    self.histories = Array(repeating: History(), count: histories)
    project = try await fixture.makeProject().id
    api = API(services: fixture.services)
    let token = Token(randomBytes: random.bytes(20))
    self.token = token.text
    try await fixture.store.create(
      Credential(
        project: project, name: "admin", policy: try #require(Policy.builtIn["admin"]),
        createdAt: fixture.clock.now, revokedAt: nil),
      tokenDigest: try #require(Token.digest(of: token.text)), secretKey: nil)
  }

  private func names(_ index: Int) -> (secret: String, stage: String) {
    ("s\(index / Self.labelsOfSecret)", "l\(index % Self.labelsOfSecret)")
  }

  private func send(
    _ method: String, _ path: String, _ body: [UInt8] = []
  ) async throws -> (status: Int, body: [UInt8]) {
    let request = HTTPRequest(
      method: method, target: "/ledger/v1/\(project)\(path)",
      fields: HTTPFields([("X-Auth-Token", token), ("Content-Type", "application/x-ndjson")]),
      body: body)
    let response = await api.respond(to: request)
    switch response.body {
    case .none: return (response.status, [])
    case .bytes(let bytes): return (response.status, bytes)
    case .stream(let stream):
      let content = Content()
      try await stream.write(
        HTTPBodyWriter { bytes async throws(HTTPStreamError) in await content.add(bytes) })
      return (response.status, await content.bytes)
    }
  }

  // MARK: - Facts

  /// Sends so many facts in one request and holds what became of each against the model.
  func sendFacts(_ count: Int) async throws {
    fixture.clock.advance(seconds: 60)
    var body: [UInt8] = []
    var expected: [String] = []
    for _ in 0..<count {
      let index = Int.random(in: histories.indices, using: &random)
      let (fact, outcome) = anyFact(of: index)
      body += fact.canonicalBytes()
      body.append(0x0A)
      expected.append(outcome)
    }
    let reply = try await send("POST", "/facts", body)
    try #require(reply.status == 201, "\(String(decoding: reply.body, as: UTF8.self))")
    let json = try JSONValue(parsing: reply.body)
    let outcomes = json["results"]?.arrayValue?.map { result in
      "\(result["outcome"]?.stringValue ?? "?") \(result["position"]?.integerValue ?? -1)"
    }
    #expect(outcomes == expected, "seed \(seed)")
    #expect(json["position"]?.integerValue == size - 1, "seed \(seed)")
  }

  /// A fact about the history, what must become of it, and the model after it.
  private func anyFact(of index: Int) -> (JSONValue, outcome: String) {
    if random.oneIn(20), let again = histories[index].sent.last {
      return (again.fact, "duplicate \(again.position)")
    }
    let (secret, stage) = names(index)
    let at = Int64.random(in: Self.seconds, using: &random)
    let after = random.oneIn(4) ? at - Int64.random(in: 1...4, using: &random) : nil
    var fact: [String: JSONValue] = [
      "secret": .string(secret), "stage": .string(stage),
      "effective_at": .string(second(at).rfc3339),
      "effective_after": after.map { .string(second($0).rfc3339) } ?? .null,
    ]
    let id = random.oneIn(8) ? Identities.random.uuid(at: second(0)) : nil
    fact["event_id"] = id.map { .string($0) }
    let event: Event?
    if random.oneIn(6), let told = histories[index].events.randomElement(using: &random) {
      fact["type"] = "change.refined"
      fact["refines"] = .integer(told.position.index)
      event = refinement(of: told.refines ?? told.position, index, at, after)
    } else {
      let version = random.oneIn(5) ? nil : random.pick(["v1", "v2", "v3"])
      fact["type"] = version == nil ? "stage.removed" : "stage.assigned"
      fact["version_id"] = version.map { .string($0) }
      event = change(to: version, index, at, after)
    }
    guard let event else { return (.object(fact), "unchanged -1") }
    histories[index].events.append(event)
    if let id { histories[index].sent.append((id, .object(fact), size)) }
    defer { size += 1 }
    return (.object(fact), "recorded \(size)")
  }

  private func timeline(_ index: Int, knownSize: Int64? = nil) -> StageTimeline {
    StageTimeline(
      events: histories[index].events, knownSize: TreeSize(knownSize ?? size) ?? .zero)
  }

  /// The event of a change, unless the label is said to be there then.
  private func change(to version: String?, _ index: Int, _ at: Int64, _ after: Int64?) -> Event? {
    let version: VersionID? = version.map { named($0) }
    guard timeline(index).answer(at: second(at)).last?.versionID != version else { return nil }
    return .test(
      version == nil ? .stageRemoved : .stageAssigned, position: size,
      stage: named(names(index).stage), version: version, at: second(at),
      after: after.map { second($0) })
  }

  /// The event that knows a change better, unless it knows the same.
  private func refinement(
    of subject: Position, _ index: Int, _ at: Int64, _ after: Int64?
  ) -> Event? {
    let events = histories[index].events
    guard let known = events.last(where: { ($0.refines ?? $0.position) == subject }),
      known.effectiveAt != second(at) || known.effectiveAfter != after.map({ second($0) })
    else { return nil }
    return .test(
      .changeRefined, position: size, stage: known.stage, version: known.versionID,
      at: second(at), after: after.map { second($0) },
      data: ["refines": .integer(subject.index)])
  }

  // MARK: - Questions

  /// A moment near the facts, often the very instant of one or a microsecond beside it.
  private func anyMoment() -> Instant {
    let moment = second(
      Int64.random(
        in: (Self.seconds.lowerBound - 4)...(Self.seconds.upperBound + 1), using: &random))
    return moment.advanced(byMicroseconds: random.pick([-1, 0, 0, 0, 1]))
  }

  /// A moment of the past of knowledge.
  private func anySize() -> Int64 { Int64.random(in: (size / 8)...size, using: &random) }

  /// Holds all labels at a pair of moments against the fold.
  func checkSnapshot() async throws -> (target: String, body: [UInt8]) {
    let (moment, known) = (anyMoment(), anySize())
    let target = "/snapshot?effective_at=\(moment.rfc3339)&known_at=pos:\(known - 1)"
    let reply = try await send("GET", target)
    try #require(reply.status == 200)
    var told: [String: JSONValue] = [:]
    for line in reply.body.split(separator: 0x0A) {
      let json = try JSONValue(parsing: Array(line))
      told["\(json["secret"]?.stringValue ?? "?")/\(json["stage"]?.stringValue ?? "?")"] = json
    }
    var count = 0
    for index in histories.indices {
      let answer = timeline(index, knownSize: known).answer(at: moment)
      guard answer.versionID != nil || answer.doubt != nil else { continue }
      count += 1
      let (secret, stage) = names(index)
      check(told["\(secret)/\(stage)"], is: answer, "\(secret)/\(stage) in \(target)")
    }
    #expect(told.count == count, "seed \(seed): \(target)")
    return (target, reply.body)
  }

  /// Holds one label at a pair of moments against the fold.
  func checkAnswer() async throws -> (target: String, body: [UInt8]) {
    let index = Int.random(in: histories.indices, using: &random)
    let moment =
      random.oneIn(2)
      ? histories[index].events.randomElement(using: &random)?.effectiveAt ?? anyMoment()
      : anyMoment()
    let known = anySize()
    let (secret, stage) = names(index)
    let target =
      "/secrets/\(secret)/stages/\(stage)?effective_at=\(moment.rfc3339)&known_at=pos:\(known - 1)"
    let reply = try await send("GET", target)
    let isKnown = histories[(index - index % Self.labelsOfSecret)...].prefix(Self.labelsOfSecret)
      .contains { $0.events.contains { $0.position.index < known } }
    guard isKnown else {
      #expect(reply.status == 404, "seed \(seed): \(target)")
      return (target, [])
    }
    try #require(reply.status == 200, "\(target)")
    check(
      try JSONValue(parsing: reply.body),
      is: timeline(index, knownSize: known).answer(at: moment), target)
    return (target, reply.body)
  }

  private func check(_ json: JSONValue?, is answer: StageAnswer, _ place: String) {
    let text = { (value: String?) -> JSONValue in value.map { .string($0) } ?? .null }
    let candidates = (answer.doubt?.candidates ?? []).map { text($0?.text) }
    let decidedBy = answer.doubt?.decidedBy ?? answer.interval.map { [$0.decidedBy] } ?? []
    let until = answer.interval.map(\.until) ?? answer.firstChange
    let expected: [String: JSONValue] = [
      "version_id": text(answer.versionID?.text),
      "since": text(answer.interval?.since.rfc3339), "until": text(until?.rfc3339),
      "certainty": answer.doubt == nil ? "exact" : "bounded", "candidates": .array(candidates),
      "decided_by": .array(decidedBy.map { .integer($0.index) }),
    ]
    for (name, value) in expected where json?[name] != value {
      Issue.record("seed \(seed): \(name) of \(place): \(String(describing: json)), not \(value)")
    }
  }

  /// Asks again and holds the answers against those that were kept.
  func checkKept(_ kept: [(target: String, body: [UInt8])], _ when: String) async throws {
    for (target, body) in kept where !body.isEmpty {
      #expect(try await send("GET", target).body == body, "seed \(seed): \(target) \(when)")
    }
  }
}

/// What a stream wrote.
private actor Content {
  private(set) var bytes: [UInt8] = []
  func add(_ more: [UInt8]) { bytes += more }
}
