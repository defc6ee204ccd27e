// The pool's decisions alone: who gets what, when a try follows, and random histories.

import Testing

@testable import PostgresClient

@Suite struct PoolStateTests {
  private let start = ContinuousClock.now

  private func pool(shared: Int = 1, exclusive: Int = 1, waitersMax: Int = 10) -> PoolState {
    PoolState(sharedCount: shared, exclusiveCount: exclusive, waitersMax: waitersMax)
  }

  @Test func `every connection is made at the start`() {
    var state = pool(shared: 2, exclusive: 1)
    #expect(state.start() == [.connect(slot: 0), .connect(slot: 1), .connect(slot: 2)])
    #expect(!state.isAvailable)
  }

  @Test func `who comes before the first try has ended waits for it`() {
    var state = pool()
    _ = state.start()
    #expect(state.request(.shared, waiter: 1) == .waiting)
    #expect(state.request(.exclusive, waiter: 2) == .waiting)
    #expect(state.connected(0, now: start) == [.grant(waiter: 1, slot: 0)])
    #expect(state.connected(1, now: start) == [.grant(waiter: 2, slot: 1)])
    #expect(state.isAvailable)
  }

  @Test func `a failed try refuses those who wait, and those who come later at once`() {
    var state = pool(shared: 1, exclusive: 0)
    _ = state.start()
    _ = state.request(.shared, waiter: 1)
    let actions = state.failed(0, reason: "refused", jitter: 1)
    #expect(
      actions == [
        .retry(slot: 0, after: .milliseconds(50)), .refuse(waiter: 1, reason: "refused"),
      ])
    #expect(state.request(.shared, waiter: 2) == .refused(reason: "refused"))
    #expect(state.rested(0) == [.connect(slot: 0)])
    #expect(state.request(.shared, waiter: 3) == .refused(reason: "refused"))
    #expect(state.connected(0, now: start) == [])
    #expect(state.request(.shared, waiter: 4) == .granted(slot: 0))
  }

  @Test func `rests double up to a second and are spread`() {
    var state = pool(shared: 1, exclusive: 0)
    _ = state.start()
    var rests: [Duration] = []
    for index in 0..<20 {
      let jitter = index < 10 ? 1.0 : 0.0
      for case .retry(_, let rest) in state.failed(0, reason: "", jitter: jitter) {
        rests.append(rest)
      }
      _ = state.rested(0)
    }
    #expect(rests.count == 20)
    let first = [50, 100, 200, 400, 800, 1_000].map { Duration.milliseconds($0) }
    #expect(Array(rests.prefix(6)) == first)
    #expect(rests[9] == .seconds(1))
    #expect(rests[10] == .milliseconds(500))
  }

  @Test func `a connection that has lived is replaced at once, one that keeps dying rests`() {
    var state = pool(shared: 1, exclusive: 0)
    _ = state.start()
    _ = state.connected(0, now: start)
    #expect(
      state.lost(0, reason: "", now: start + .seconds(5), jitter: 1) == [.connect(slot: 0)])
    #expect(state.request(.shared, waiter: 1) == .waiting)
    #expect(
      state.connected(0, now: start + .seconds(5)) == [.grant(waiter: 1, slot: 0)])
    #expect(
      state.lost(0, reason: "", now: start + .seconds(5), jitter: 1) == [.connect(slot: 0)])
    _ = state.connected(0, now: start + .seconds(5))
    #expect(
      state.lost(0, reason: "", now: start + .seconds(5), jitter: 1)
        == [.retry(slot: 0, after: .milliseconds(100))])
  }

  @Test func `an exclusive connection goes from one to the next in order`() {
    var state = pool(shared: 0, exclusive: 1, waitersMax: 2)
    _ = state.start()
    _ = state.connected(0, now: start)
    #expect(state.request(.exclusive, waiter: 1) == .granted(slot: 0))
    #expect(state.request(.exclusive, waiter: 2) == .waiting)
    #expect(state.request(.exclusive, waiter: 3) == .waiting)
    #expect(
      state.request(.exclusive, waiter: 4) == .refused(reason: "too many wait already"))
    #expect(state.release(0) == [.grant(waiter: 2, slot: 0)])
    let (left, again) = (state.leave(waiter: 3), state.leave(waiter: 3))
    #expect(left && !again)
    #expect(state.release(0) == [])
    #expect(state.request(.exclusive, waiter: 5) == .granted(slot: 0))
  }

  @Test func `closing refuses all who wait and everybody after`() {
    var state = pool()
    _ = state.start()
    _ = state.request(.shared, waiter: 1)
    #expect(state.close() == [.refuse(waiter: 1, reason: "the pool is closed")])
    #expect(state.request(.shared, waiter: 2) == .refused(reason: "the pool is closed"))
    #expect(state.connected(0, now: start) == [])
    #expect(state.rested(0) == [])
  }

  @Test func `a pool without connections of a kind refuses it`() {
    var state = pool(shared: 1, exclusive: 0)
    _ = state.start()
    #expect(
      state.request(.exclusive, waiter: 1) == .refused(reason: "the pool has no such connection"))
  }

  @Test(arguments: 0..<50)
  func `in random histories each waiter has one answer and each connection one user`(_: Int) {
    let seed = UInt64.random(in: .min ... .max)
    var random = SplitMix(state: seed)
    var state = pool(shared: 2, exclusive: 2, waitersMax: 5)
    var now = start
    var connecting: Set<Int> = []
    var resting: Set<Int> = []
    var open: Set<Int> = []
    var leased: Set<Int> = []
    var waiting: Set<Int> = []
    var nextWaiter = 0

    func carryOut(_ actions: [PoolState.Action]) {
      for action in actions {
        switch action {
        case .connect(let slot):
          #expect(connecting.insert(slot).inserted && !open.contains(slot), "seed \(seed)")
          #expect(!resting.contains(slot), "seed \(seed)")
        case .retry(let slot, let rest):
          #expect(resting.insert(slot).inserted && !open.contains(slot), "seed \(seed)")
          #expect(rest > .zero && rest <= .seconds(1), "seed \(seed)")
        case .grant(let waiter, let slot):
          #expect(waiting.remove(waiter) != nil && open.contains(slot), "seed \(seed)")
          if slot >= 2 { #expect(leased.insert(slot).inserted, "seed \(seed)") }
        case .refuse(let waiter, _):
          #expect(waiting.remove(waiter) != nil, "seed \(seed)")
        }
      }
    }

    carryOut(state.start())
    for _ in 0..<500 {
      now += .milliseconds(Int.random(in: 0...600, using: &random))
      switch Int.random(in: 0..<8, using: &random) {
      case 0, 1:
        guard let slot = connecting.randomElement(using: &random) else { continue }
        connecting.remove(slot)
        open.insert(slot)
        carryOut(state.connected(slot, now: now))
      case 2:
        guard let slot = connecting.randomElement(using: &random) else { continue }
        connecting.remove(slot)
        carryOut(state.failed(slot, reason: "x", jitter: Double.random(in: 0...1, using: &random)))
      case 3:
        guard let slot = open.randomElement(using: &random) else { continue }
        open.remove(slot)
        leased.remove(slot)
        carryOut(state.lost(slot, reason: "x", now: now, jitter: 0.5))
      case 4:
        guard let slot = resting.randomElement(using: &random) else { continue }
        resting.remove(slot)
        carryOut(state.rested(slot))
      case 5:
        guard let slot = leased.randomElement(using: &random) else { continue }
        leased.remove(slot)
        carryOut(state.release(slot))
      default:
        nextWaiter += 1
        let role: PoolState.Role = Bool.random(using: &random) ? .shared : .exclusive
        switch state.request(role, waiter: nextWaiter) {
        case .waiting: waiting.insert(nextWaiter)
        case .granted(let slot):
          #expect(open.contains(slot), "seed \(seed)")
          #expect((slot < 2) == (role == .shared), "seed \(seed)")
          if slot >= 2 { #expect(leased.insert(slot).inserted, "seed \(seed)") }
        case .refused: break
        }
      }
      #expect(connecting.count + resting.count + open.count == 4, "seed \(seed)")
      #expect(waiting.count <= 5, "seed \(seed)")
    }
    carryOut(state.close())
    #expect(waiting.isEmpty, "seed \(seed)")
  }
}
