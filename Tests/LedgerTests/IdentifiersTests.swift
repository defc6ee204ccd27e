// Identifiers: what each name may hold, exactly at its limits and past them.

import Ledger
import TestLiterals
import TestSupport
import Testing

@Suite struct IdentifiersTests {
  private func error<T: Identifier>(_ type: T.Type, _ text: String) -> IdentifierError? {
    do throws(IdentifierError) {
      let parsed = try T(text)
      #expect(parsed.text.utf8.elementsEqual(text.utf8))
      return nil
    } catch { return error }
  }

  @Test func `no identifier is empty`() {
    #expect(error(ProjectID.self, "") == .empty)
    #expect(error(SecretName.self, "") == .empty)
    #expect(error(StageName.self, "") == .empty)
    #expect(error(VersionID.self, "") == .empty)
    #expect(error(IdempotencyKey.self, "") == .empty)
    #expect(error(EventID.self, "") == .empty)
    #expect(error(FindingID.self, "") == .empty)
  }

  @Test(arguments: ["a", "é", "日", "😀"])
  func `stages and versions count characters, secrets count bytes`(_ character: String) {
    func text(_ count: Int) -> String { String(repeating: character, count: count) }
    let fitting = 512 / character.utf8.count
    #expect(error(SecretName.self, text(fitting)) == nil)
    #expect(error(SecretName.self, text(fitting + 1)) == .tooLong(limit: 512))
    #expect(error(StageName.self, text(256)) == nil)
    #expect(error(StageName.self, text(257)) == .tooLong(limit: 256))
    #expect(error(VersionID.self, text(64)) == nil)
    #expect(error(VersionID.self, text(65)) == .tooLong(limit: 64))
  }

  @Test func `ASCII identifiers have limits too`() {
    func text(_ count: Int) -> String { String(repeating: "a", count: count) }
    #expect(error(ProjectID.self, text(64)) == nil)
    #expect(error(ProjectID.self, text(65)) == .tooLong(limit: 64))
    #expect(error(IdempotencyKey.self, text(255)) == nil)
    #expect(error(IdempotencyKey.self, text(256)) == .tooLong(limit: 255))
    #expect(error(EventID.self, text(128)) == nil)
    #expect(error(EventID.self, text(129)) == .tooLong(limit: 128))
    #expect(error(FindingID.self, text(32)) == nil)
    #expect(error(FindingID.self, text(33)) == .tooLong(limit: 32))
    #expect(error(FindingID.self, text(31)) == .forbidden(offset: 31))
  }

  @Test func `a megabyte is refused without being looked through`() {
    let text = String(repeating: "\u{1}", count: 1 << 20)
    #expect(error(SecretName.self, text) == .tooLong(limit: 512))
  }

  @Test(arguments: Array(UInt8(0)...0x1F) + [0x7F])
  func `no control stands in a name`(_ control: UInt8) {
    let text = "ab" + String(Unicode.Scalar(control)) + "c"
    #expect(error(ProjectID.self, text) == .forbidden(offset: 2))
    #expect(error(SecretName.self, text) == .forbidden(offset: 2))
    #expect(error(StageName.self, text) == .forbidden(offset: 2))
    #expect(error(VersionID.self, text) == .forbidden(offset: 2))
    #expect(error(IdempotencyKey.self, text) == .forbidden(offset: 2))
    #expect(error(EventID.self, text) == .forbidden(offset: 2))
  }

  @Test(arguments: Array(UInt8(0x20)...0x7E))
  func `printable ASCII stands where it may`(_ byte: UInt8) {
    let text = String(Unicode.Scalar(byte))
    let isWord =
      text == "_" || text == "-" || text.first?.isLetter == true || text.first?.isNumber == true
    #expect(error(SecretName.self, text) == nil)
    #expect(error(StageName.self, text) == nil)
    #expect(error(VersionID.self, text) == nil)
    #expect(error(IdempotencyKey.self, text) == nil)
    #expect(error(EventID.self, text) == (byte == 0x20 ? .forbidden(offset: 0) : nil))
    #expect(error(ProjectID.self, text) == (isWord ? nil : .forbidden(offset: 0)))
  }

  @Test func `a project is no step in a path`() {
    #expect(error(ProjectID.self, ".") == .forbidden(offset: 0))
    #expect(error(ProjectID.self, "..") == .forbidden(offset: 0))
    #expect(error(ProjectID.self, "...") == nil)
    #expect(error(ProjectID.self, "a.b") == nil)
    #expect(error(ProjectID.self, "a/b") == .forbidden(offset: 1))
    #expect(error(ProjectID.self, "é") == .forbidden(offset: 0))
  }

  @Test(arguments: ["A", "G", "g", "-", " ", "é"])
  func `a finding is spelled in lower-case hex`(_ text: String) {
    let spelled = String(repeating: "0", count: 5) + text + String(repeating: "f", count: 26)
    #expect(error(FindingID.self, spelled) != nil)
  }

  @Test func `names with equal looks and other bytes differ`() throws {
    let composed: SecretName = "caf\u{E9}"
    let decomposed: SecretName = "cafe\u{301}"
    #expect(composed.text == decomposed.text)
    #expect(composed != decomposed)
    #expect(Set([composed, decomposed]).count == 2)
    #expect(decomposed < composed)
    #expect(!(composed < decomposed))
    #expect([composed: 1, decomposed: 2][decomposed] == 2)
    #expect(StageName(stringLiteral: "\u{212B}") != StageName(stringLiteral: "\u{C5}"))
    #expect(VersionID(stringLiteral: "\u{1100}\u{1161}") != VersionID(stringLiteral: "\u{AC00}"))
  }

  @Test func `case and spaces matter`() {
    #expect(StageName(stringLiteral: "current") != "Current")
    #expect(SecretName(stringLiteral: "a") != "a ")
  }

  @Test func `order is that of the bytes`() {
    let names: [SecretName] = ["a", "B", "ab", "é", "Z", "_", "z", "日", "😀", "\u{FFFF}"]
    let sorted = names.sorted().map(\.text)
    #expect(sorted == ["B", "Z", "_", "a", "ab", "z", "é", "日", "\u{FFFF}", "😀"])
  }

  @Test(
    arguments: [
      ("v1", 1), ("v0", 0), ("v007", 7), ("v999999999999999", 999_999_999_999_999),
      ("v1000000000000000", nil), ("v", nil), ("1", nil), ("V1", nil), ("v-1", nil), ("v+1", nil),
      ("v1a", nil), ("v 1", nil), ("v１", nil), ("w1", nil),
    ] as [(String, Int64?)])
  func `a version that was counted has a number`(_ text: String, _ number: Int64?) {
    #expect(VersionID(stringLiteral: text).number == number)
  }
}

@Suite struct PositionTests {
  @Test func `positions, sizes and stream versions are exact in JSON`() {
    let largest = wholeNumberMax
    #expect(largest == 9_007_199_254_740_991)
    for number in [0, 1, largest] {
      #expect(Position(number)?.index == number)
      #expect(TreeSize(number)?.count == number)
      #expect(StreamVersion(number)?.number == number)
    }
    for number in [-1, largest + 1, .min, .max] {
      #expect(Position(number) == nil)
      #expect(TreeSize(number) == nil)
      #expect(StreamVersion(number) == nil)
    }
  }

  @Test func `a size names the next position`() {
    #expect(TreeSize.zero.last == nil)
    #expect(TreeSize.zero.next == 0)
    #expect(TreeSize(integerLiteral: 3).last == 2)
    #expect(TreeSize(integerLiteral: 3).successor == 4)
    #expect(Position(integerLiteral: 2).size == 3)
    #expect(StreamVersion.zero.successor == 1)
    #expect(Position(integerLiteral: 2) < 3)
    #expect(TreeSize(integerLiteral: 2) < 3)
    #expect(StreamVersion(integerLiteral: 2) < 3)
  }
}
