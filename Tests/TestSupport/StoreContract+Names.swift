// The clauses of the contract about tenants, names, sizes and callers at once.

import CanonicalJSON
import Crypto
import Ledger
import LedgerServices
import Testing

extension StoreContract {
  func projectsAreApart() async throws {
    let one = try await ContractRun(store, seed: 1)
    let two = try await ContractRun(store, seed: 2)
    let automatic = Change.registerSecret(data: [:], firstVersion: .automatic)
    try await one.change("s", automatic, key: "k", body: "a")
    try await two.change("s", automatic, key: "k", body: "b")
    try await two.change("s", .registerVersion(id: nil, stages: nil, data: [:]))
    try await one.change("t", automatic)
    try await one.checkEverything()
    try await two.checkEverything()
    for run in [one, two] {
      try await run.checkAnswers(about: named("s"), at: run.now, knownSize: run.size)
      try await run.checkHistory(of: named("s"), knownSize: run.size, limit: 10)
      try await run.checkKnown(at: run.now)
    }
  }

  func awkwardNamesSurvive() async throws {
    let run = try await ContractRun(store, seed: 1)
    run.now = second(100)
    let names = [
      "caf\u{E9}", "cafe\u{301}", "NULL", "null", "{}", "{\"a\",b}", "a,b", "a\"b", "a\\b", "a'b",
      "a%b", "%", "_", " ", "  ", "a b", "\\N", "\u{FFFF}", "\u{10FFFF}", "\u{202E}x", "日本", "$1",
      "-- x", "s", "S", "/a/../b", "\u{80}",
    ]
    for name in names {
      try await run.change(name, run.fact(name, String(name.prefix(64)), at: second(5)))
      try await run.change(name, run.fact("SYSCURRENT", "v1", at: second(6)))
    }
    try await run.checkEverything()
    for name in names {
      try await run.checkAnswers(about: named(name), at: second(5), knownSize: run.size)
      try await run.checkHistory(of: named(name), knownSize: run.size, limit: 1)
    }
    let data: [String: JSONValue] = [
      "caf\u{E9}": "\u{0}\u{1}\u{1F}\u{7F}\u{2028}\"\\", "": nil, "deep": [[["x"]]],
      "number": .double(1e-7), "large": .integer(wholeNumberMax), "minus": -0.5,
    ]
    try await run.change("plain", .registerSecret(data: data, firstVersion: .automatic))
    try await run.change("plain", .registerVersion(id: nil, stages: nil, data: data))
    try await run.checkEverything()
  }

  func theLongestNamesFit(_ seed: UInt64) async throws {
    let run = try await ContractRun(store, seed: seed)
    run.now = second(100)
    var random = SeededGenerator(seed: seed)
    func text(_ count: Int) -> String {
      // Four bytes each and nothing that repeats, so that no index can make them shorter.
      String(
        String.UnicodeScalarView(
          (0..<count).compactMap { _ in
            Unicode.Scalar(UInt32.random(in: 0x1_0000...0x10_FFFF, using: &random))
          }))
    }
    for _ in 0..<5 {
      let secret = text(128)
      for _ in 0..<2 {
        try await run.change(secret, run.fact(text(256), text(64), at: second(5)))
      }
      try await run.checkHistory(of: named(secret), knownSize: run.size, limit: 1)
      try await run.checkAnswers(about: named(secret), at: second(5), knownSize: run.size)
    }
    try await run.checkEverything()
  }

  func largeBatchesFit() async throws {
    let run = try await ContractRun(store, seed: 1)
    let automatic = Change.registerSecret(data: [:], firstVersion: .automatic)
    let secrets = (0..<128).map { "secret-\($0)" }
    try await run.append(
      secrets.flatMap { secret in
        [
          run.submission(secret, automatic, key: "make-\(secret)"),
          run.submission(secret, .registerVersion(id: nil, stages: nil, data: [:])),
          run.submission(secret, .assignStage(named("canary"), to: named("v1"))),
          run.submission(secret, run.fact("canary", "v2", at: second(-5))),
        ]
      })
    #expect(run.size.count == 128 * 8)
    try await run.checkLog()
    let again = try await run.append(
      secrets.map { run.submission($0, automatic, key: "make-\($0)") })
    #expect(again.allSatisfy { (try? $0.get().events.count) == 3 })
    #expect(run.size.count == 128 * 8)
    let page = try await store.secrets(in: run.project, after: nil, limit: 1_000)
    #expect(page.value.count == 128)
    try await run.checkAnswers(about: named("secret-77"), at: second(0), knownSize: run.size)
  }

  func concurrentBatchesLineUp() async throws {
    let run = try await ContractRun(store, seed: 1)
    try await run.change("s", .registerSecret(data: [:], firstVersion: .automatic))
    let (store, project) = (store, run.project)
    let results = await withTaskGroup(
      of: Result<AppendPlan, StoreError>.self, returning: [Result<AppendPlan, StoreError>].self
    ) { group in
      for index in 0..<40 {
        let submission = run.submission("s", .registerVersion(id: nil, stages: nil, data: [:]))
        group.addTask {
          do throws(StoreError) {
            return .success(
              try await store.append(to: project, needs: AppendNeeds([submission], rules: .huawei))
              { basis in
                AppendPlan(
                  [submission], project: project, rules: .huawei, basis: basis, now: second(0),
                  identities: .seeded(UInt64(1_000 + index)))
              })
          } catch { return .failure(error) }
        }
      }
      return await group.reduce(into: []) { $0.append($1) }
    }
    let appended = try results.flatMap { try $0.get().events }
    let read = try await store.events(in: project, from: place(0), limit: 1_000)
    let bytes = appended.sorted { $0.event.position < $1.event.position }.map(\.bytes)
    #expect(read.value.dropFirst(3).map(\.bytes) == bytes)
    let events = try read.value.map { try Event(canonicalBytes: $0.bytes) }
    #expect(events.map(\.position.index) == Array(0..<Int64(events.count)))
    #expect(zip(events, events.dropFirst()).allSatisfy { $0.recordedAt < $1.recordedAt })
    #expect(events.compactMap(\.streamVersion?.number) == Array(1...Int64(events.count)))
    let versions = try await store.versions(
      of: named("s"), in: project, .registered, after: nil, limit: 100)
    #expect(versions.value.map(\.id.text) == (1...41).map { "v\($0)" })
  }

  func projectsAreKept() async throws {
    let prefix = "contract-" + Identities.random.uuid(at: second(0))
    func project(_ suffix: String, _ upstream: Upstream? = nil) -> Project {
      Project(
        id: named(prefix + suffix), provider: .huawei, notFoundStatus: .badRequest,
        upstream: upstream, createdAt: instant("2026-01-02T03:04:05.678901Z"))
    }
    let full = Upstream(
      mode: .write, url: "https://csms.example.com:8443", project: "é \"x\"", region: "cn-north-4",
      credential: .token(file: "/run/token"))
    let bare = Upstream(
      mode: .off, url: "http://127.0.0.1", project: nil, region: nil, credential: nil)
    let projects = [project("-B"), project("-a", full), project("-b", bare), project("-c")]
    for one in projects.reversed() { try await store.create(one) }
    for one in projects {
      #expect(try await store.project(one.id) == one)
      await #expect(throws: StoreError.alreadyExists) { try await store.create(one) }
    }
    var seen: [Project] = []
    var after: ProjectID = named(prefix)
    while true {
      let page = try await store.projects(after: after, limit: 2)
      #expect(page.count <= 2)
      seen += page.filter { $0.id.text.hasPrefix(prefix) }
      guard page.count == 2, let last = page.last else { break }
      after = last.id
    }
    #expect(seen == projects)
    var changed = projects[1]
    changed.notFoundStatus = .notFound
    changed.upstream = nil
    try await store.update(changed)
    #expect(try await store.project(changed.id) == changed)
    changed.upstream = Upstream(
      mode: .read, url: "http://127.0.0.1:1", project: "p", region: nil,
      credential: .accessKey("AK", secretKeyFile: "/run/key"))
    try await store.update(changed)
    #expect(try await store.project(changed.id) == changed)
    #expect(try await store.project(projects[0].id) == projects[0])
  }

  private func credential(_ name: String, in run: ContractRun, _ policy: Policy) -> Credential {
    Credential(
      project: run.project, name: name, policy: policy, createdAt: second(7), revokedAt: nil)
  }

  func credentialsAreKept() async throws {
    let run = try await ContractRun(store, seed: 1)
    let other = try await ContractRun(store, seed: 2)
    let policies = try [
      Policy([
        "Statement": [
          ["Effect": "Deny", "Action": ["csms:*", "é\"\\"], "Resource": ["prod-*", "*"]],
          ["Effect": "Allow", "Action": "*"],
        ]
      ]),
      Policy([
        "Statement": [
          [
            "Effect": "Allow", "Action": "x",
            "Condition": [
              "StringNotLike": ["csms:VersionStage": ["SYS*", "é\"\\"]],
              "IpAddress": ["g:SourceIp": "10.0.0.0/8"],
            ],
          ]
        ]
      ]),
    ]
    let names = ["B", "a", "b", "caf\u{E9}"]
    for (index, name) in names.enumerated().reversed() {
      let one = credential(name, in: run, policies[index % 2])
      let digest = SHA256.hash(Array((run.project.text + name).utf8)).bytes
      try await store.create(one, tokenDigest: digest, secretKey: nil)
      #expect(try await store.credential(tokenDigest: digest) == one)
      await #expect(throws: StoreError.alreadyExists) {
        try await store.create(
          one, tokenDigest: SHA256.hash(digest).bytes, secretKey: nil)
      }
    }
    let all = names.enumerated().map { credential($1, in: run, policies[$0 % 2]) }
    #expect(try await store.credentials(of: run.project) == all)
    #expect(try await store.credentials(of: other.project).isEmpty)
    #expect(try await store.credential(tokenDigest: [UInt8](repeating: 7, count: 32)) == nil)
    let orphan = Credential(
      project: named("contract-missing"), name: "x", policy: policies[0], createdAt: second(0),
      revokedAt: nil)
    await #expect(throws: StoreError.projectNotFound) {
      try await store.create(
        orphan, tokenDigest: SHA256.hash(Array(run.project.text.utf8)).bytes,
        secretKey: nil)
    }
  }

  func credentialsEnd() async throws {
    let run = try await ContractRun(store, seed: 1)
    let policy = try Policy(["Statement": [["Effect": "Allow", "Action": "*"]]])
    let digests = try await ["a", "b"].asyncMap { name in
      let digest = SHA256.hash(Array((run.project.text + name).utf8)).bytes
      try await store.create(
        credential(name, in: run, policy), tokenDigest: digest, secretKey: nil)
      return digest
    }
    #expect(try await store.revokeCredential(named: "a", of: run.project, at: second(9)))
    #expect(try await !store.revokeCredential(named: "a", of: run.project, at: second(99)))
    #expect(try await !store.revokeCredential(named: "A", of: run.project, at: second(9)))
    #expect(try await store.credential(tokenDigest: digests[0]) == nil)
    #expect(try await store.credential(tokenDigest: digests[1])?.name == "b")
    let listed = try await store.credentials(of: run.project)
    #expect(listed.map(\.name) == ["a", "b"])
    #expect(listed.map(\.revokedAt) == [second(9), nil])
    await #expect(throws: StoreError.alreadyExists) {
      try await store.create(
        credential("a", in: run, policy), tokenDigest: SHA256.hash(digests[0]).bytes,
        secretKey: nil)
    }
  }

  func secretKeysAreKept() async throws {
    let run = try await ContractRun(store, seed: 1)
    let policy = try Policy(["Statement": [["Effect": "Allow", "Action": "*"]]])
    let keyring = try #require(SecretKeyring(key: [UInt8](repeating: 1, count: 32)))
    var signers: [Signer] = []
    for name in ["a", "b", "c"] {
      let digest = SHA256.hash(Array((run.project.text + name).utf8)).bytes
      let accessKey = AccessKey.text(randomBytes: Array(digest.prefix(10)))
      let sealed = keyring.seal("s", accessKey: accessKey, name: name, in: run.project)
      let signer = Signer(credential: credential(name, in: run, policy), secretKey: sealed)
      try await store.create(signer.credential, tokenDigest: digest, secretKey: sealed)
      #expect(try await store.signer(accessKey: accessKey) == signer)
      signers.append(signer)
    }
    let plain = SHA256.hash(Array((run.project.text + "d").utf8)).bytes
    try await store.create(
      credential("d", in: run, policy), tokenDigest: plain, secretKey: nil)
    #expect(try await store.signer(accessKey: "SLAK") == nil)
    #expect(try await store.signers(of: run.project, after: nil, limit: 9) == signers)
    #expect(try await store.signers(of: run.project, after: "a", limit: 1) == [signers[1]])
    let anew = keyring.seal(
      "s", accessKey: signers[0].secretKey.accessKey, name: "a", in: run.project)
    #expect(try await store.replace(signers[0], with: anew))
    #expect(try await !store.replace(signers[0], with: anew))
    #expect(try await store.signer(accessKey: anew.accessKey)?.secretKey == anew)
    #expect(try await store.revokeCredential(named: "b", of: run.project, at: second(9)))
    #expect(try await store.signer(accessKey: signers[1].secretKey.accessKey) == nil)
    #expect(try await store.signers(of: run.project, after: nil, limit: 9).count == 3)
  }
}

extension Array {
  /// The elements after `transform`, one after the other.
  fileprivate func asyncMap<T>(_ transform: (Element) async throws -> T) async throws -> [T] {
    var result: [T] = []
    for element in self { result.append(try await transform(element)) }
    return result
  }
}
