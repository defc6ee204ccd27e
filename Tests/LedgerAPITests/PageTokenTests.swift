// Cursors: what was written is read back, anything else is none.

import CanonicalJSON
import Crypto
import Ledger
import TestSupport
import Testing

@testable import LedgerAPI

@Suite struct PageTokenTests {
  @Test func `a cursor comes back as it went`() throws {
    let secrets = SecretsCursor(after: named("a/b é"))
    #expect(SecretsCursor(secrets.text)?.after == secrets.after)
    for moment in [Instant.latest, nil] {
      let stages = StagesCursor(effectiveAt: moment, knownAt: second(3), after: named("G"))
      let stagesBack = try #require(StagesCursor(stages.text))
      #expect(stagesBack.effectiveAt == moment)
      #expect(stagesBack.knownAt == second(3))
      #expect(stagesBack.after == stages.after)
    }
    let moment = SecretState.Moment(
      effectiveAt: .earliest, position: try #require(Position(wholeNumberMax)))
    let history = HistoryCursor(after: moment, knownAt: second(3))
    let historyBack = try #require(HistoryCursor(history.text))
    #expect(historyBack.after == moment)
    #expect(historyBack.knownAt == second(3))
  }

  @Test func `a cursor of another list or version is none`() {
    let secrets = SecretsCursor(after: named("a")).text
    #expect(StagesCursor(secrets) == nil)
    #expect(HistoryCursor(secrets) == nil)
    let later = Base64.encode(Array(#"[2,"secrets","a"]"#.utf8), as: .url)
    #expect(SecretsCursor(later) == nil)
  }

  @Test(arguments: testSeeds)
  func `a damaged cursor is refused or reads as some cursor and never traps`(_ seed: UInt64) {
    var generator = SeededGenerator(seed: seed)
    let moment = SecretState.Moment(effectiveAt: second(1), position: Position(3) ?? .first)
    let texts = [
      SecretsCursor(after: named("abc")).text,
      HistoryCursor(after: moment, knownAt: second(3)).text,
      StagesCursor(effectiveAt: second(1), knownAt: second(3), after: named("G")).text,
    ]
    for _ in 0..<2_000 {
      var bytes = Array(texts[Int.random(in: 0..<3, using: &generator)].utf8)
      for _ in 0..<Int.random(in: 1...4, using: &generator) where !bytes.isEmpty {
        let index = Int.random(in: 0..<bytes.count, using: &generator)
        switch Int.random(in: 0..<3, using: &generator) {
        case 0: bytes[index] = UInt8.random(in: 0...255, using: &generator)
        case 1: bytes.remove(at: index)
        default: bytes.insert(UInt8.random(in: 33...126, using: &generator), at: index)
        }
      }
      let text = String(decoding: bytes, as: UTF8.self)
      _ = SecretsCursor(text)
      _ = StagesCursor(text)
      _ = HistoryCursor(text)
    }
  }
}

extension Position {
  fileprivate static let first = TreeSize.zero.next
}
