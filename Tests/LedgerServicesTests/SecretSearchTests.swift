// SecretSearch: what is left of the beginnings of names when they are narrowed.

import LedgerServices
import Testing

@Suite struct SecretSearchTests {
  private func narrowed(_ lists: [String]...) -> [String]? {
    var search = SecretSearch(
      life: .registered, prefixes: nil, prefixesBarred: [], words: [], order: .name,
      direction: .ascending, after: nil)
    for list in lists { search.narrow(toPrefixes: list) }
    return search.prefixes
  }

  @Test func `what is left begins as each list asks`() {
    #expect(narrowed() == nil)
    #expect(narrowed(["a", "b"]) == ["a", "b"])
    #expect(narrowed(["a", "c"], ["ab", "ad", "d"]) == ["ab", "ad"])
    #expect(narrowed(["ab", "ad"], ["a"]) == ["ab", "ad"])
    #expect(narrowed(["a"], ["b"]) == [])
    #expect(narrowed([], ["b"]) == [])
    // Bytes, not characters: both spellings of one letter are told apart.
    #expect(narrowed(["e\u{301}"], ["\u{E9}"]) == [])
  }

  @Test func `narrowing again makes no list longer`() {
    let list = Array(repeating: "a", count: 10) + ["ab", "ac"]
    #expect(narrowed(list, list, list, list, list, list)?.sorted() == ["a", "ab", "ac"])
  }
}
