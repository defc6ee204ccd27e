// The clauses about nonces.
//
// Called by `StoreContract.check`. Everything is asked of the store alone, batch by batch.

import Ledger
import LedgerServices
import Testing

extension StoreContract {
  /// The texts of those of the nonces that the batch took.
  private func claim(
    _ nonces: [String], of accessKey: String = "AK", in run: ContractRun, now: Int64,
    until: Int64, forgetBefore: Int64 = 0, forgetMax: Int = 0
  ) async throws -> [String] {
    let taken = try await store.claim(
      NonceBatch(
        claims: nonces.map {
          NonceClaim(key: NonceKey($0, of: accessKey), until: second(until))
        },
        now: second(now), forgetBefore: second(forgetBefore), forgetMax: forgetMax),
      in: run.project)
    #expect(taken.isSubset(of: nonces.map { NonceKey($0, of: accessKey) }))
    return nonces.filter { taken.contains(NonceKey($0, of: accessKey)) }
  }

  func noncesAreTakenOnce() async throws {
    let run = try await ContractRun(store, seed: 1)
    let other = try await ContractRun(store, seed: 2)
    #expect(try await claim([], in: run, now: 0, until: 1) == [])
    #expect(try await claim(["a", "b"], in: run, now: 100, until: 200) == ["a", "b"])
    #expect(try await claim(["a", "b"], in: run, now: 100, until: 200) == [])
    #expect(try await claim(["c", "a", "d"], in: run, now: 150, until: 900) == ["c", "d"])
    // A refused claim has not made the time of the nonce longer; its last moment belongs to it.
    #expect(try await claim(["a"], in: run, now: 200, until: 300) == [])
    #expect(try await claim(["a"], in: run, now: 201, until: 300) == ["a"])
    #expect(try await claim(["a"], in: run, now: 300, until: 400) == [])
    // Another key, another project and another case are other nonces.
    #expect(try await claim(["a"], of: "AL", in: run, now: 150, until: 300) == ["a"])
    #expect(try await claim(["a"], in: other, now: 150, until: 300) == ["a"])
    #expect(try await claim(["A"], in: run, now: 150, until: 300) == ["A"])
    // Whatever somebody sends is a nonce.
    let awkward = ["", " ", "'; --", "\u{0}", "\u{1F511}", String(repeating: "n", count: 100_000)]
    #expect(try await claim(awkward, in: run, now: 150, until: 300) == awkward)
    #expect(try await claim(awkward, in: run, now: 150, until: 300) == [])
    let many = (0..<512).map { "n\($0)" }
    #expect(try await claim(many, in: run, now: 150, until: 300) == many)
    #expect(try await claim(many.reversed(), in: run, now: 150, until: 300) == [])
  }

  func noncesAreForgotten() async throws {
    let run = try await ContractRun(store, seed: 1)
    let other = try await ContractRun(store, seed: 2)
    for (index, name) in ["a", "b", "c", "d"].enumerated() {
      let until = 100 + Int64(index)
      #expect(try await claim([name], in: run, now: 0, until: until) == [name])
    }
    #expect(try await claim(["a"], in: other, now: 0, until: 100) == ["a"])
    // The two oldest go, of this project alone. What is taken stays taken, asked with an earlier
    // clock too.
    #expect(
      try await claim(["x"], in: run, now: 500, until: 900, forgetBefore: 103, forgetMax: 2)
        == ["x"])
    #expect(try await claim(["a", "b", "c", "d"], in: run, now: 50, until: 60) == ["a", "b"])
    #expect(try await claim(["a"], in: other, now: 50, until: 60) == [])
    // A nonce claimed in the very batch that would have forgotten it is taken.
    #expect(
      try await claim(["c"], in: run, now: 500, until: 900, forgetBefore: 103, forgetMax: 9)
        == ["c"])
    #expect(try await claim(["c"], in: run, now: 500, until: 900) == [])
    #expect(try await claim(["a", "b", "d"], in: run, now: 50, until: 60) == ["a", "b"])
  }

  func oneOfManyTakesANonce() async throws {
    let run = try await ContractRun(store, seed: 1)
    let project = run.project
    let store = store
    let keys = (0..<20).map { NonceKey("n\($0)", of: "AK") }
    // The first round finds the nonces new, the second finds them over; each claimer forgets what
    // it can meanwhile, and claims in an order of its own.
    for round: Int64 in 0..<2 {
      let taken = await withTaskGroup(
        of: Result<Set<NonceKey>, StoreError>.self,
        returning: [Result<Set<NonceKey>, StoreError>].self
      ) { group in
        for offset in 0..<8 {
          let turned = keys[offset...] + keys[..<offset]
          group.addTask {
            do throws(StoreError) {
              return .success(
                try await store.claim(
                  NonceBatch(
                    claims: turned.map {
                      NonceClaim(key: $0, until: second(1_000 * (round + 1)))
                    },
                    now: second(1_000 * round + 1),
                    forgetBefore: second(1_000 * round + 1), forgetMax: 3),
                  in: project))
            } catch { return .failure(error) }
          }
        }
        return await group.reduce(into: []) { $0.append($1) }
      }
      let winners = try taken.flatMap { Array(try $0.get()) }
      #expect(winners.count == keys.count)
      #expect(Set(winners) == Set(keys))
    }
  }
}
