// WriteThrough: from a request that is recorded to what is recorded of it.

import CanonicalJSON
import Ledger
import LedgerServices
import TestLiterals
import TestSupport
import Testing

@Suite struct WriteThroughTests {
  private let requestedAt = second(10)

  private func change(target: String? = "v2", source: String? = nil) throws -> WriteThrough {
    var data: [String: JSONValue] = ["deadline": .string(second(20).rfc3339)]
    if let source { data["remove_from_version_id"] = .string(source) }
    let event = Event.test(
      .changeRequested, position: 7, stage: "canary", version: target.map { named($0) },
      at: requestedAt, data: data)
    return try #require(WriteThrough(event, grace: .seconds(2)))
  }

  private func settlement(_ step: WriteThrough.Step?) throws -> Settlement {
    guard case .record(let settlement)? = step else {
      throw StoreError.corrupt("to be recorded, not \(String(describing: step))")
    }
    return settlement
  }

  @Test func `a committed request is sent as it was recorded`() throws {
    var change = try change(target: "v2", source: "v1")
    let step = change.next(.committed, at: second(11))
    #expect(
      step
        == .send(
          CloudMove(
            secret: named("s"), stage: named("canary"), target: named("v2"), source: named("v1")))
    )
    #expect(change.stage == .sent)
  }

  @Test func `after its deadline a request is not sent any more`() throws {
    var change = try change()
    let settlement = try settlement(change.next(.committed, at: second(20)))
    #expect(settlement.outcome == .rejected)
    #expect(settlement.data["not_sent"] != nil)
    #expect(change.stage == .settled)
  }

  @Test func `what the cloud did is recorded at its own time, within what can be`() throws {
    let cases: [(said: Instant?, recorded: Instant)] = [
      (nil, second(13)), (second(12), second(12)), (second(9), second(10)),
      (second(99), second(13)),
    ]
    for (said, recorded) in cases {
      var change = try change()
      _ = change.next(.committed, at: second(11))
      let step = change.next(.replied(.done(at: said, requestID: "r-1")), at: second(13))
      let settlement = try settlement(step)
      #expect(settlement.outcome == .done(effectiveAt: recorded, effectiveAfter: nil))
      #expect(settlement.request == place(7))
      #expect(settlement.target == named("v2"))
      #expect(settlement.data["cloud"]?["request_id"]?.stringValue == "r-1")
      #expect(change.stage == .settled)
    }
  }

  @Test func `a refusal is recorded in the cloud's words, and read back as it was`() throws {
    let refusal = CloudRefusal(
      status: 400, code: "CSMS.0005", message: "The resource\u{7} does not exist.",
      requestID: "r-2")
    #expect(refusal.message == "The resource does not exist.")
    var change = try change()
    _ = change.next(.committed, at: second(11))
    let settlement = try settlement(change.next(.replied(.refused(refusal)), at: second(12)))
    #expect(settlement.outcome == .rejected)
    #expect(settlement.data["cloud"]?["code"]?.stringValue == "CSMS.0005")
    #expect(settlement.data["cloud"]?["status"]?.integerValue == 400)
    #expect(settlement.data["cloud"]?["request_id"]?.stringValue == "r-2")
  }

  @Test func `a message is kept up to a bound`() {
    let refusal = CloudRefusal(
      status: 400, code: "C", message: String(repeating: "é", count: 1_000), requestID: nil)
    #expect(refusal.message.count == CloudRefusal.messageCharactersMax)
  }

  @Test func `what was never sent is rejected`() throws {
    var change = try change()
    _ = change.next(.committed, at: second(11))
    let settlement = try settlement(
      change.next(.replied(.notSent("no key")), at: second(12)))
    #expect(settlement.outcome == .rejected)
    #expect(settlement.data == ["not_sent": "no key"])
  }

  @Test(arguments: CloudDoubt.allCases)
  func `a doubt is recorded as one, and ends by reading alone`(_ doubt: CloudDoubt) throws {
    var change = try change()
    _ = change.next(.committed, at: second(11))
    let settlement = try settlement(
      change.next(.replied(.unknown(doubt, requestID: nil)), at: second(12)))
    #expect(settlement.outcome == .unresolved)
    #expect(settlement.data["cloud"]?["doubt"]?.stringValue == doubt.rawValue)
    #expect(change.stage == .unresolved(readings: 0))
    // Neither a late answer nor a second commit is listened to.
    #expect(change.next(.replied(.done(at: nil, requestID: nil)), at: second(13)) == nil)
    #expect(change.next(.committed, at: second(13)) == nil)
    #expect(change.next(.found, at: second(14)) == .read(after: .zero))
  }

  @Test func `a label seen where it was asked to was moved since the request`() throws {
    for (since, outcome): (Instant?, Settlement.Outcome) in [
      (nil, .done(effectiveAt: second(30), effectiveAfter: second(10))),
      (second(15), .done(effectiveAt: second(15), effectiveAfter: nil)),
      (second(3), .done(effectiveAt: second(10), effectiveAfter: nil)),
    ] {
      var change = try change()
      #expect(change.next(.found, at: second(29)) == .read(after: .zero))
      let settlement = try settlement(
        change.next(.holds(named("v2"), since: since), at: second(30)))
      #expect(settlement.outcome == outcome)
      #expect(settlement.data["cloud"]?["settled_by"]?.stringValue == "reading")
    }
  }

  @Test func `that nothing was done takes two readings`() throws {
    var change = try change()
    _ = change.next(.found, at: second(29))
    #expect(
      change.next(.holds(named("v1"), since: nil), at: second(30)) == .read(after: .seconds(2)))
    #expect(change.stage == .unresolved(readings: 1))
    let settlement = try settlement(
      change.next(.holds(named("v1"), since: nil), at: second(32)))
    #expect(settlement.outcome == .rejected)
    #expect(settlement.data["cloud"]?["version_id"]?.stringValue == "v1")
  }

  @Test func `a change that arrives between two readings was done`() throws {
    var change = try change()
    _ = change.next(.found, at: second(29))
    _ = change.next(.holds(nil, since: nil), at: second(30))
    let settlement = try settlement(
      change.next(.holds(named("v2"), since: nil), at: second(32)))
    #expect(settlement.outcome == .done(effectiveAt: second(32), effectiveAfter: second(10)))
  }

  @Test func `a label to be taken away is gone when nothing carries it`() throws {
    var gone = try change(target: nil)
    _ = gone.next(.found, at: second(29))
    let done = try settlement(gone.next(.holds(nil, since: nil), at: second(30)))
    #expect(done.outcome == .done(effectiveAt: second(30), effectiveAfter: second(10)))
    #expect(done.target == nil)
    var there = try change(target: nil, source: "v1")
    _ = there.next(.found, at: second(29))
    #expect(
      there.next(.holds(named("v3"), since: nil), at: second(30)) == .read(after: .seconds(2)))
    let rejected = try settlement(
      there.next(.holds(named("v3"), since: nil), at: second(32)))
    #expect(rejected.outcome == .rejected)
  }

  @Test func `a cloud that cannot be read is read again, ever more seldom`() throws {
    var change = try change()
    _ = change.next(.found, at: second(29))
    var pauses: [Duration] = []
    for _ in 0..<9 {
      guard case .read(let pause)? = change.next(.unreadable, at: second(30)) else { break }
      pauses.append(pause)
    }
    #expect(
      pauses == [0.5, 1, 2, 4, 8, 16, 30, 30, 30].map { Duration.seconds($0) })
    #expect(change.stage == .unresolved(readings: 0))
    _ = change.next(.holds(named("v1"), since: nil), at: second(40))
    #expect(change.next(.unreadable, at: second(41)) == .read(after: .milliseconds(500)))
    #expect(change.stage == .unresolved(readings: 1))
  }

  @Test func `a settled change asks for nothing, whatever happens`() throws {
    var change = try change()
    _ = change.next(.committed, at: second(11))
    _ = change.next(.replied(.done(at: nil, requestID: nil)), at: second(12))
    let inputs: [WriteThrough.Input] = [
      .committed, .found, .replied(.done(at: nil, requestID: nil)), .holds(nil, since: nil),
      .unreadable,
    ]
    for input in inputs { #expect(change.next(input, at: second(13)) == nil) }
  }

  @Test func `before it is committed or found nothing is read or answered`() throws {
    var change = try change()
    for input: WriteThrough.Input in [
      .replied(.done(at: nil, requestID: nil)), .holds(named("v2"), since: nil), .unreadable,
    ] {
      #expect(change.next(input, at: second(11)) == nil)
    }
    #expect(change.stage == .requested)
  }

  @Test func `an event that is no request is no change on its way`() {
    let event = Event.test(.stageAssigned, position: 7, stage: "canary", version: "v1")
    #expect(WriteThrough(event, grace: .zero) == nil)
  }
}
