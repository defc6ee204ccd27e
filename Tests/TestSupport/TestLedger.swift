// TestLedger: the services over a memory store, with a clock and ids a test has in its hand.
//
// Called by the tests of the services and the API. Invariant: one seed, one run: time moves only
// when the test moves it and ids come from a seeded generator.

import CanonicalJSON
import Crypto
import Ledger
import LedgerServices
import Synchronization

/// The SplitMix64 generator (Steele, Lea and Flood 2014): one seed, one sequence.
public struct SeededGenerator: RandomNumberGenerator, Sendable {
  private var state: UInt64

  /// A generator for the seed.
  public init(seed: UInt64) { state = seed }

  /// The next 64 bits.
  public mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var mixed = state
    mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
    return mixed ^ (mixed >> 31)
  }

  /// The next `count` bytes.
  public mutating func bytes(_ count: Int) -> [UInt8] {
    (0..<count).map { _ in UInt8(truncatingIfNeeded: next()) }
  }
}

/// Two fixed seeds and one of the day; a failure names the seed as the argument of its test.
public let testSeeds: [UInt64] = [1, 2, .random(in: .min ... .max)]

/// A clock that stands still until it is moved.
public final class ManualClock: Sendable {
  private let time: Mutex<Instant>

  /// A clock that shows `start`, 2026-03-04T05:06:07Z unless said.
  public init(start: Instant = instant("2026-03-04T05:06:07Z")) { time = Mutex(start) }

  /// What the clock shows.
  public var now: Instant { time.withLock { $0 } }

  /// The clock as the services take it.
  public var clock: Clock { Clock { self.now } }

  /// Sets the clock, also backwards.
  public func set(_ moment: Instant) { time.withLock { $0 = moment } }

  /// Moves the clock forwards, or backwards by a negative number.
  public func advance(seconds: Int64) { advance(microseconds: seconds * 1_000_000) }

  /// Moves the clock forwards, or backwards by a negative number.
  public func advance(microseconds: Int64) {
    time.withLock { $0 = $0.advanced(byMicroseconds: microseconds) }
  }
}

extension Identities {
  /// Ids from a seeded generator.
  public static func seeded(_ seed: UInt64) -> Identities {
    let generator = SharedGenerator(seed: seed)
    return Identities { generator.bytes($0) }
  }
}

/// A generator several tasks may draw from.
private final class SharedGenerator: Sendable {
  private let generator: Mutex<SeededGenerator>
  init(seed: UInt64) { generator = Mutex(SeededGenerator(seed: seed)) }
  func bytes(_ count: Int) -> [UInt8] { generator.withLock { $0.bytes(count) } }
}

/// The services over a memory store.
public struct TestLedger: Sendable {
  /// Where the record is.
  public let store: MemoryStore
  /// The clock the services read.
  public let time: ManualClock
  /// The use cases.
  public let services: Services

  /// Services over an empty store; without `compare` there is no cloud.
  public init(
    seed: UInt64 = 1, clouds: any CloudGate = NoClouds(),
    changes: Changes.Settings = Changes.Settings(),
    compare:
      @escaping @Sendable (DriftRuns.Order, Appender) async throws(ReconcileError) ->
      DriftReport = { (_, _) async throws(ReconcileError) in
        throw .cloud(.unreachable("no cloud"))
      }
  ) {
    let store = MemoryStore()
    let time = ManualClock()
    self.store = store
    self.time = time
    services = Services(
      appends: store, records: store, tenants: store, nonces: store, accesses: store,
      driftRuns: store, clock: time.clock, identities: .seeded(seed),
      keyring: SecretKeyring(key: Self.sealingKey), clouds: clouds, changes: changes,
      compare: compare, readiness: { [] },
      metrics: { [] })
  }

  /// Makes a project.
  @discardableResult
  public func makeProject(
    _ id: String = "p1", provider: Provider = .huawei,
    notFoundStatus: NotFoundStatus = .badRequest, upstream: Upstream? = nil
  ) async throws -> Project {
    let project = Project(
      id: try ProjectID(id), provider: provider, notFoundStatus: notFoundStatus,
      upstream: upstream, createdAt: time.now)
    try await store.create(project)
    return project
  }

  /// Makes a credential with a built-in policy, or one given as JSON text, and gives its token.
  public func makeToken(
    _ name: String = "tester", project: String = "p1", policy: String = "admin"
  ) async throws -> String {
    let parsed =
      if let builtIn = Policy.builtIn[policy] { builtIn } else {
        try Policy(JSONValue(parsing: Array(policy.utf8)))
      }
    let seed = SHA256.hash(Array("\(project)/\(name)".utf8)).bytes
    let token = Token(randomBytes: Array(seed[..<20]))
    guard let digest = Token.digest(of: token.text) else { throw StoreError.corrupt("token") }
    try await store.create(
      Credential(
        project: try ProjectID(project), name: name, policy: parsed, createdAt: time.now,
        revokedAt: nil),
      tokenDigest: digest, secretKey: nil)
    return token.text
  }

  /// The key the services seal with.
  public static let sealingKey = [UInt8](repeating: 7, count: 32)

  /// Makes a credential that signs, with a policy as above, and gives its two keys.
  public func makeSigner(
    _ name: String = "signer", project: String = "p1", policy: String = "admin",
    accessKey: String? = nil, secretKey: String? = nil
  ) async throws -> (accessKey: String, secretKey: String) {
    let parsed =
      if let builtIn = Policy.builtIn[policy] { builtIn } else {
        try Policy(JSONValue(parsing: Array(policy.utf8)))
      }
    let seed = SHA256.hash(Array("\(project)/\(name)".utf8)).bytes
    let accessKey = accessKey ?? AccessKey.text(randomBytes: Array(seed[..<10]))
    let secretKey = secretKey ?? SecretKey.text(randomBytes: Array(seed[..<30]))
    let id = try ProjectID(project)
    let sealed = SecretKeyring(key: Self.sealingKey)?
      .seal(secretKey, accessKey: accessKey, name: name, in: id)
    try await store.create(
      Credential(project: id, name: name, policy: parsed, createdAt: time.now, revokedAt: nil),
      tokenDigest: SHA256.hash(seed).bytes, secretKey: sealed)
    return (accessKey, secretKey)
  }

  /// Appends one change to a project with Huawei's rules.
  @discardableResult
  public func append(
    _ change: Change, to secret: String, project: String = "p1", expecting: Expectation = .any
  ) async throws -> AppendOutcome {
    try await services.appender.append(
      Submission(
        intent: .change(try SecretName(secret), change, expecting),
        provenance: .test, idempotency: nil),
      to: try ProjectID(project), rules: .huawei)
  }
}

extension Provenance {
  /// A tester at the ledger's own door.
  public static let test = Provenance(
    principal: Principal(kind: .credential, id: "tester", name: "tester"), source: .ledgerAPI)
}
