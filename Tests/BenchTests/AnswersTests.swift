// The end of an answer is found wherever what was received is cut.

import Testing

@testable import Bench

@Suite struct AnswersTests {
  private static let answer = Array(
    "HTTP/1.1 201 Created\r\nDate: x\r\ncontent-Length: 11\r\nA: b\r\n\r\nhello world".utf8)

  @Test func `a whole answer tells its status and its length`() {
    let head = AnswerHead(Self.answer, count: Self.answer.count)
    #expect(head?.status == 201)
    #expect(head?.length == Self.answer.count)
  }

  @Test func `a head that is cut anywhere is not one yet`() {
    let end = Self.answer.count - 11
    for count in 0..<end { #expect(AnswerHead(Self.answer, count: count) == nil) }
    for count in end..<Self.answer.count {
      #expect(AnswerHead(Self.answer, count: count)?.length == Self.answer.count)
    }
  }

  @Test func `an answer without a length has no content`() {
    let bytes = Array("HTTP/1.1 204 No Content\r\nX-Request-Id: 1\r\n\r\n".utf8)
    #expect(AnswerHead(bytes, count: bytes.count)?.length == bytes.count)
  }
}
