// Fields: names without case, order kept.

import HTTPWire
import Testing

@Suite struct HTTPFieldsTests {
  @Test func `fields are found without case and kept in order`() {
    var fields = HTTPFields([("A", "1"), ("b", "2"), ("a", "3")])
    #expect(fields.count == 3)
    #expect(fields["a"] == "1")
    #expect(fields.values("A") == ["1", "3"])
    fields.set("A", "4")
    #expect(fields.pairs.map(\.name) == ["b", "A"])
    fields.remove("B")
    #expect(fields == HTTPFields([("A", "4")]))
    #expect(fields["b"] == nil)
  }

  @Test func `every refusal has a status, a sentence and a fate`() {
    let kept: [HTTPRefusal.Reason] = [.invalidForm, .unknownExpectation, .invalidPathSegment]
    for reason in kept { #expect(!HTTPRefusal(reason).closes) }
    #expect(HTTPRefusal(.bodyTooLarge(limitBytes: 7)).message.contains("7"))
    #expect(HTTPRefusal(.headTimedOut(limit: .seconds(10))).message.contains("10.0 seconds"))
    #expect(HTTPRefusal(.conflictingFraming).status == 400)
  }
}
