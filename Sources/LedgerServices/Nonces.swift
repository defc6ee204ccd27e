// Nonces: a signed request that carries a nonce is good for one use, whoever is asked.
//
// Called by the API once a signature holds; calls `NonceStore`. What comes while a claim is being
// written shares the next transaction (`Batcher`). Invariant: a claim answered true is on disk; of
// any number of claims of one nonce within its time exactly one is answered true, also over several
// instances and a crash of the database.

import Crypto
public import Ledger
import Synchronization

/// Which nonce: those of different access keys have nothing to do with each other.
public struct NonceKey: Hashable, Sendable {
  /// Who signed with it.
  public var accessKey: String
  /// SHA-256 of its text, so that every nonce has one size.
  public var digest: [UInt8]
  /// The nonce of that text.
  public init(_ nonce: String, of accessKey: String) {
    self.accessKey = accessKey
    digest = SHA256.hash(Array(nonce.utf8)).bytes
  }
  /// The nonce of a stored row.
  public init(accessKey: String, digest: [UInt8]) {
    self.accessKey = accessKey
    self.digest = digest
  }
}

/// A nonce somebody wants to use, and when it is free again.
public struct NonceClaim: Hashable, Sendable {
  /// Which nonce.
  public var key: NonceKey
  /// The last moment it is taken.
  public var until: Instant
  /// A claim.
  public init(key: NonceKey, until: Instant) {
    self.key = key
    self.until = until
  }
}

/// What a batch of claims does in one transaction.
public struct NonceBatch: Sendable {
  /// The claims, no two of one nonce.
  public var claims: [NonceClaim]
  /// A nonce taken until before this moment is free.
  public var now: Instant
  /// Nonces taken until before this moment may be forgotten.
  public var forgetBefore: Instant
  /// How many may be forgotten.
  public var forgetMax: Int
  /// A batch of claims.
  public init(claims: [NonceClaim], now: Instant, forgetBefore: Instant, forgetMax: Int) {
    self.claims = claims
    self.now = now
    self.forgetBefore = forgetBefore
    self.forgetMax = forgetMax
  }
}

/// Where nonces are kept.
public protocol NonceStore: Sendable {
  /// Takes those of the nonces that are free, and says which; committed to disk when it returns.
  func claim(
    _ batch: NonceBatch, in project: ProjectID
  ) async throws(StoreError) -> Set<NonceKey>
}

/// The one door for nonces.
public final class Nonces: Sendable {
  /// How many claims may wait in one project's line.
  public static let waitingMax = 4_096
  /// How many claims share one transaction at most.
  public static let batchMax = 512
  /// How long a nonce is taken, in microseconds, from the later of when its request was signed and
  /// when it came: 15 minutes, and the second in which they end, as clocks are read to the second.
  public static let lifetimeMicroseconds: Int64 = 901_000_000
  /// How long a claim may wait for its transaction to begin, in microseconds.
  public static let waitMicroseconds: Int64 = 5_000_000
  /// How long a nonce is remembered after its time, in microseconds: as long as a signature is
  /// good for, so that an instance whose clock is so far ahead that it forgets what another one
  /// needs takes no request of anybody whose clock is right.
  public static let memoryMicroseconds: Int64 = 900_000_000
  /// How many nonces may be forgotten for each that is claimed: more than come.
  private static let forgottenPerClaim = 2

  private struct Waiting: Sendable {
    var claim: NonceClaim
    /// When it was asked for.
    var cameAt: Instant
    /// When its signature was looked at, or earlier: taking long from there makes no nonce free.
    var signedBy: Instant
  }

  private let clock: Clock
  private let batcher: Batcher<ProjectID, Waiting, Result<Bool, StoreError>>
  private let taken = Atomic<Int>(0)
  private let refused = Atomic<Int>(0)

  /// Nonces kept in `store`.
  public init(store: any NonceStore, clock: Clock) {
    self.clock = clock
    batcher = Batcher(waitingMax: Self.waitingMax, batchMax: Self.batchMax) { project, items in
      await Self.claim(items, in: project, store, clock.now)
    }
  }

  /// How many nonces were claimed for the first time.
  public var takenCount: Int { taken.load(ordering: .relaxed) }
  /// How many were claimed that had been used.
  public var refusedCount: Int { refused.load(ordering: .relaxed) }
  /// How many claims wait behind a transaction.
  public var waitingCount: Int { get async { await batcher.waitingCount } }

  /// Takes the nonce for a request of the access key: true, nobody used it before; false, somebody
  /// did.
  ///
  /// It is taken until `until`, a lifetime after the request was looked at or signed. It is free
  /// for a request that was looked at later than that. One transaction, shared with the claims that
  /// come meanwhile.
  public func claim(
    _ nonce: String, of accessKey: String, in project: ProjectID, until: Instant
  ) async throws(StoreError) -> Bool {
    let claim = NonceClaim(key: NonceKey(nonce, of: accessKey), until: until)
    let now = clock.now
    let item = Waiting(
      claim: claim, cameAt: now,
      signedBy: min(now, until.advanced(byMicroseconds: -Self.lifetimeMicroseconds)))
    guard let result = await batcher.submit(item, to: project) else {
      throw .unavailable(reason: "too many signed requests wait for their nonces")
    }
    let isTaken = try result.get()
    guard isTaken else {
      refused.add(1, ordering: .relaxed)
      return false
    }
    taken.add(1, ordering: .relaxed)
    return true
  }

  /// One transaction for all that have not waited too long; of those that claim one nonce the first
  /// may have it.
  private static func claim(
    _ items: [Waiting], in project: ProjectID, _ store: any NonceStore, _ now: Instant
  ) async -> BatchOutcomes<Result<Bool, StoreError>> {
    var firsts: [NonceKey: Int] = [:]
    for (index, item) in items.enumerated() where isInTime(item, at: now) {
      if firsts[item.claim.key] == nil { firsts[item.claim.key] = index }
    }
    var taken: Set<NonceKey> = []
    do throws(StoreError) {
      if let earliest = firsts.values.map({ items[$0].signedBy }).min() {
        taken = try await store.claim(
          NonceBatch(
            claims: firsts.values.sorted().map { items[$0].claim }, now: earliest,
            forgetBefore: earliest.advanced(byMicroseconds: -memoryMicroseconds),
            forgetMax: forgottenPerClaim * firsts.count),
          in: project)
      }
    } catch {
      // What waited behind a dead database fails with it: nobody waits for that twice.
      return BatchOutcomes(
        each: items.map { _ in .failure(error) },
        waiting: error.isOfTheDatabase ? .failure(error) : nil)
    }
    return BatchOutcomes(
      each: items.enumerated().map { index, item in
        guard isInTime(item, at: now) else { return .failure(.deadlineExceeded) }
        return .success(firsts[item.claim.key] == index && taken.contains(item.claim.key))
      }, waiting: nil)
  }

  private static func isInTime(_ item: Waiting, at now: Instant) -> Bool {
    now <= item.cameAt.advanced(byMicroseconds: waitMicroseconds)
  }
}
