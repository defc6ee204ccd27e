// Identities: UUIDs of version 7, in their form and in the order they are made.

import Ledger
import LedgerServices
import TestLiterals
import TestSupport
import Testing

@Suite struct IdentitiesTests {
  @Test func `an id is this text`() {
    let zeros = Identities { [UInt8](repeating: 0, count: $0) }
    #expect(
      zeros.uuid(at: instant("1970-01-01T00:00:00Z")) == "00000000-0000-7000-8000-000000000000")
    // The example of RFC 9562, appendix A.6, without its random bits.
    #expect(
      zeros.uuid(at: instant("2022-02-22T14:22:22-05:00")) == "017f22e2-79b0-7000-8000-000000000000"
    )
    let ones = Identities { [UInt8](repeating: 0xFF, count: $0) }
    #expect(
      ones.uuid(at: instant("2022-02-22T19:22:22Z")) == "017f22e2-79b0-7fff-bfff-ffffffffffff")
  }

  @Test(arguments: testSeeds)
  func `every id has the form of version 7`(_ seed: UInt64) {
    var random = SeededGenerator(seed: seed)
    let identities = Identities.seeded(seed)
    for _ in 0..<500 {
      let bytes = Array(identities.uuid(at: random.anyInstant()).utf8)
      #expect(bytes.count == 36)
      for (index, byte) in bytes.enumerated() {
        let isHyphen = index == 8 || index == 13 || index == 18 || index == 23
        let isHex = (0x30...0x39).contains(byte) || (0x61...0x66).contains(byte)
        #expect(isHyphen ? byte == 0x2D : isHex)
      }
      #expect(bytes[14] == UInt8(ascii: "7"))
      #expect(Array("89ab".utf8).contains(bytes[19]))
    }
  }

  @Test func `ids are in the order of their milliseconds`() {
    let identities = Identities.seeded(1)
    var time = second(0)
    var last = identities.uuid(at: time)
    for _ in 0..<500 {
      time = time.advanced(byMicroseconds: 1_000)
      let next = identities.uuid(at: time)
      #expect(last < next)
      last = next
    }
  }

  @Test func `ids of one moment differ`() {
    let ids = (0..<5_000).map { _ in Identities.random.eventID(at: second(0)) }
    #expect(Set(ids).count == ids.count)
  }

  @Test func `a seed gives its ids again`() {
    let one = Identities.seeded(5)
    let two = Identities.seeded(5)
    for _ in 0..<10 { #expect(one.uuid(at: second(0)) == two.uuid(at: second(0))) }
    #expect(Identities.seeded(6).uuid(at: second(0)) != Identities.seeded(5).uuid(at: second(0)))
  }
}
