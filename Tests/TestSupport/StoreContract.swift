// StoreContract: what every implementation of the ports must do, clause by clause.
//
// Run against `MemoryStore` and against PostgreSQL. Each clause makes projects of its own, so that
// all of them can run at once over one store. Expectations come from `ContractRun`, a plain fold.

import CanonicalJSON
import Crypto
import Ledger
import LedgerServices
import Testing

/// The contract of `AnyStore`.
public struct StoreContract {
  /// One thing a store must do.
  public enum Clause: String, CaseIterable, Sendable, CustomTestStringConvertible {
    case anEmptyProjectHasNothing = "an empty project has nothing"
    case aMissingProjectIsMissing = "a missing project is missing"
    case aRotationCanBeRead = "a rotation can be read"
    case listsComeInPages = "lists come in pages"
    case searchesFindAndSort = "searches find and sort"
    case labelledVersionsAreApart = "labelled versions are apart from the others"
    case livesAreApart = "the lives of a secret are apart"
    case randomHistoriesEqualTheFold = "random histories equal the fold"
    case timeTravelEqualsTheFold = "time travel equals the fold"
    case knowledgeHasExactBounds = "knowledge has exact bounds"
    case lateFactsAnswerByKnowledge = "late facts answer by what was known"
    case repeatedKeysGetTheFirstAnswer = "repeated keys get the first answer"
    case refusalsLeaveNothing = "refusals leave nothing"
    case findingsOpenAndClose = "findings open and close"
    case findingsAreAcknowledged = "findings are acknowledged"
    case runsAreKept = "drift runs are kept"
    case requestsOpenAndClose = "requests open and close, one a secret"
    case projectsAreApart = "projects are apart"
    case awkwardNamesSurvive = "awkward names survive"
    case theLongestNamesFit = "the longest names fit"
    case largeBatchesFit = "large batches fit"
    case concurrentBatchesLineUp = "concurrent batches line up"
    case projectsAreKept = "projects are kept"
    case credentialsAreKept = "credentials are kept"
    case credentialsEnd = "credentials end"
    case secretKeysAreKept = "secret keys are kept sealed"
    case noncesAreTakenOnce = "nonces are taken once"
    case noncesAreForgotten = "nonces are forgotten in pieces"
    case oneOfManyTakesANonce = "one of many takes a nonce"
    case accessesAreKept = "the access log is kept"
    case accessesComeInPages = "the access log comes in pages"
    case coverageEqualsTheFold = "coverage equals the fold"
    case leasesAreHeldByOne = "leases are held by one"
    case webhooksAreKept = "webhooks are kept"
    /// The sentence.
    public var testDescription: String { rawValue }
  }

  let store: any AnyStore

  /// The contract, to be held by `store`.
  public init(store: any AnyStore) { self.store = store }

  /// Checks one clause; failures are recorded with the running test.
  public func check(_ clause: Clause, seed: UInt64 = 1) async throws {
    switch clause {
    case .anEmptyProjectHasNothing: try await anEmptyProjectHasNothing()
    case .aMissingProjectIsMissing: try await aMissingProjectIsMissing()
    case .aRotationCanBeRead: try await aRotationCanBeRead()
    case .listsComeInPages: try await listsComeInPages()
    case .searchesFindAndSort: try await searchesFindAndSort()
    case .labelledVersionsAreApart: try await labelledVersionsAreApart()
    case .livesAreApart: try await livesAreApart()
    case .randomHistoriesEqualTheFold: try await randomHistoriesEqualTheFold(seed)
    case .timeTravelEqualsTheFold: try await timeTravelEqualsTheFold(seed)
    case .knowledgeHasExactBounds: try await knowledgeHasExactBounds()
    case .lateFactsAnswerByKnowledge: try await lateFactsAnswerByKnowledge()
    case .repeatedKeysGetTheFirstAnswer: try await repeatedKeysGetTheFirstAnswer()
    case .refusalsLeaveNothing: try await refusalsLeaveNothing()
    case .findingsOpenAndClose: try await findingsOpenAndClose()
    case .findingsAreAcknowledged: try await findingsAreAcknowledged()
    case .runsAreKept: try await runsAreKept()
    case .requestsOpenAndClose: try await requestsOpenAndClose()
    case .projectsAreApart: try await projectsAreApart()
    case .awkwardNamesSurvive: try await awkwardNamesSurvive()
    case .theLongestNamesFit: try await theLongestNamesFit(seed)
    case .largeBatchesFit: try await largeBatchesFit()
    case .concurrentBatchesLineUp: try await concurrentBatchesLineUp()
    case .projectsAreKept: try await projectsAreKept()
    case .credentialsAreKept: try await credentialsAreKept()
    case .credentialsEnd: try await credentialsEnd()
    case .secretKeysAreKept: try await secretKeysAreKept()
    case .noncesAreTakenOnce: try await noncesAreTakenOnce()
    case .noncesAreForgotten: try await noncesAreForgotten()
    case .oneOfManyTakesANonce: try await oneOfManyTakesANonce()
    case .accessesAreKept: try await accessesAreKept()
    case .accessesComeInPages: try await accessesComeInPages()
    case .coverageEqualsTheFold: try await coverageEqualsTheFold(seed)
    case .leasesAreHeldByOne: try await leasesAreHeldByOne()
    case .webhooksAreKept: try await webhooksAreKept()
    }
  }

  private func anEmptyProjectHasNothing() async throws {
    let run = try await ContractRun(store, seed: 1)
    try await run.checkEverything()
    try await run.checkKnown(at: second(0))
    let all = try await store.known(at: nil, in: run.project)
    #expect(all.value == KnownAt(size: .zero, recordedAt: nil, isFinal: false))
    let reply = try await store.answer(
      at: second(0), knownSize: .zero, stage: named("a"), of: named("s"), in: run.project)
    #expect(
      reply.value
        == StageReply(
          answer: StageAnswer(last: nil, firstChange: nil), isSecretKnown: false,
          isDeprecated: false, coverage: .notWatched))
    #expect(reply.size == .zero)
  }

  private func aMissingProjectIsMissing() async throws {
    let missing: ProjectID = named("contract-missing")
    #expect(try await store.project(missing) == nil)
    await #expect(throws: StoreError.projectNotFound) {
      try await store.append(to: missing, needs: AppendNeeds([], rules: .huawei)) { basis in
        AppendPlan(
          [], project: missing, rules: .huawei, basis: basis, now: second(0),
          identities: .seeded(1))
      }
    }
    await #expect(throws: StoreError.projectNotFound) {
      try await store.update(
        Project(
          id: missing, provider: .huawei, notFoundStatus: .notFound, upstream: nil,
          createdAt: second(0)))
    }
    #expect(try await store.credentials(of: missing).isEmpty)
    #expect(
      try await !store.revokeCredential(named: "x", of: missing, at: second(0)))
  }

  private func aRotationCanBeRead() async throws {
    let run = try await ContractRun(store, seed: 1)
    run.now = second(10)
    try await run.change(
      "db", .registerSecret(data: ["description": "payments"], firstVersion: .automatic))
    run.now = second(20)
    try await run.change("db", .registerVersion(id: nil, stages: nil, data: ["n": 2]))
    run.now = second(30)
    try await run.change("db", .assignStage(named("canary"), to: named("v1")))
    run.now = second(40)
    try await run.change("db", .removeStage(named("canary")))
    try await run.checkEverything()
    let current = try await store.standing(
      of: named("SYSCURRENT"), of: named("db"), in: run.project)
    #expect(current.value.life == .enabled)
    #expect(current.value.stage?.versionID?.text == "v2")
    #expect(current.value.stage?.since.effectiveAt == second(20))
    let canary = try await store.standing(of: named("canary"), of: named("db"), in: run.project)
    #expect(canary.value.stage?.versionID == nil)
    #expect(canary.value.stage?.since.effectiveAt == second(40))
    let versions = try await store.versions(
      of: named("db"), in: run.project, .registered, after: nil, limit: 10)
    #expect(versions.value.map(\.id.text) == ["v1", "v2"])
    #expect(versions.value.map { $0.stages.map(\.text) } == [["SYSPREVIOUS"], ["SYSCURRENT"]])
    #expect(versions.value.map(\.state.data) == [[:], ["n": 2]])
    let secret = try await store.secret(named("db"), in: run.project)
    #expect(secret.value?.state.data == ["description": "payments"])
    #expect(secret.value?.state.changedAt == second(40))
    for (moment, holder) in [(19, "v1"), (20, "v2"), (99, "v2")] as [(Int64, String)] {
      let reply = try await store.answer(
        at: second(moment), knownSize: run.size, stage: named("SYSCURRENT"), of: named("db"),
        in: run.project)
      #expect(reply.value.answer.versionID?.text == holder)
    }
    try await run.checkHistory(of: named("db"), knownSize: run.size, limit: 100)
  }

  private func listsComeInPages() async throws {
    let run = try await ContractRun(store, seed: 1)
    for name in ["b", "a", "C", "c", "B", "_", "-", "a1", "a-1"] {
      run.now = run.now.successor
      try await run.change(name, .registerSecret(data: [:], firstVersion: .automatic))
    }
    for _ in 0..<12 {
      try await run.change("b", .registerVersion(id: nil, stages: nil, data: [:]))
    }
    try await run.change("c", .deleteSecret)
    let names = ["-", "B", "C", "_", "a", "a-1", "a1", "b"]
    for limit in [1, 2, 3, 8, 9] {
      var secrets: [SecretName] = []
      while true {
        let page = try await store.secrets(in: run.project, after: secrets.last, limit: limit)
        #expect(page.value.count <= limit)
        secrets += page.value.map(\.name)
        guard page.value.count == limit else { break }
      }
      #expect(secrets.map(\.text) == names)
      var versions: [VersionID] = []
      while true {
        let page = try await store.versions(
          of: named("b"), in: run.project, .registered, after: versions.last, limit: limit)
        #expect(page.value.count <= limit)
        versions += page.value.map(\.id)
        guard page.value.count == limit else { break }
      }
      #expect(versions.map(\.text) == (1...13).map { "v\($0)" })
      var events: [StoredEvent] = []
      while true {
        let from = events.last?.position.size.next ?? place(0)
        let page = try await store.events(in: run.project, from: from, limit: limit)
        events += page.value
        guard page.value.count == limit else { break }
      }
      #expect(events.map(\.bytes) == run.recorded.map(\.bytes))
      try await run.checkHistory(of: named("b"), knownSize: run.size, limit: limit)
    }
    let past = try await store.events(in: run.project, from: run.size.next, limit: 5)
    #expect(past.value.isEmpty)
    let other = try await ContractRun(store, seed: 2)
    let sizes = try await store.sizes(of: [run.project, named("nobody-has-it"), other.project])
    #expect(sizes == [run.project: run.size, other.project: .zero])
  }

  private func livesAreApart() async throws {
    let run = try await ContractRun(store, seed: 1)
    let automatic = Change.registerSecret(data: ["life": 1], firstVersion: .automatic)
    run.now = second(10)
    try await run.change("s", automatic)
    try await run.change("s", .registerVersion(id: named("v5"), stages: nil, data: [:]))
    try await run.change("s", .scheduleDeletion(days: 7))
    try await run.checkEverything()
    try await run.change("s", .restoreSecret)
    try await run.change("s", .scheduleDeletion(days: nil))
    try await run.checkEverything()
    run.now = second(20)
    try await run.change("s", .deleteSecret)
    try await run.checkEverything()
    run.now = second(30)
    try await run.change("s", .registerSecret(data: ["life": 2], firstVersion: .automatic))
    try await run.checkEverything()
    try await run.change("s", .registerVersion(id: nil, stages: nil, data: [:]))
    let pruned = Note(
      type: .versionRemoved, secret: named("s"), stage: nil, versionID: named("v1"),
      finding: nil, data: [:])
    try await run.append([
      Submission(intent: .notes([pruned]), provenance: .test, idempotency: nil)
    ])
    try await run.checkEverything()
    try await run.change("s", .registerVersion(id: named("v1"), stages: [], data: ["again": true]))
    try await run.checkEverything()
    for moment in [9, 10, 15, 20, 25, 30, 35] as [Int64] {
      try await run.checkAnswers(about: named("s"), at: second(moment), knownSize: run.size)
    }
  }
}
