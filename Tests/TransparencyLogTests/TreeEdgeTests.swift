// The edge of a growing tree against the whole tree.

import Crypto
import Testing
import TransparencyLog

@Suite struct TreeEdgeTests {
  @Test func `the edge of every size to 300 has the root of the whole tree`() {
    let all = leaves(300)
    var edge = TreeEdge()
    for count in 0...300 {
      #expect(edge.size == UInt64(count))
      #expect(edge.bytes.count == 32 * count.nonzeroBitCount)
      #expect(edge.root == MerkleTree.root(ofLeaves: Array(all.prefix(count))), "\(count) leaves")
      if count < 300 { edge.append(all[count]) }
    }
  }

  @Test func `an edge that was stored goes on as if it had not been`() throws {
    var edge = TreeEdge()
    for leaf in leaves(140) {
      let stored = try #require(TreeEdge(size: edge.size, bytes: edge.bytes))
      #expect(stored == edge)
      edge = stored
      edge.append(leaf)
    }
    #expect(edge.root == MerkleTree.root(ofLeaves: leaves(140)))
  }

  @Test func `the edge holds the roots of its complete subtrees largest first`() {
    let all = leaves(13)
    var edge = TreeEdge()
    for leaf in all { edge.append(leaf) }
    let expected = [all[0..<8], all[8..<12], all[12..<13]].flatMap {
      MerkleTree.root(ofLeaves: Array($0)).bytes
    }
    #expect(edge.bytes == expected)
  }

  @Test(
    arguments: [
      (0, 32), (1, 0), (1, 31), (1, 33), (1, 64), (2, 64), (3, 32), (3, 63), (255, 7 * 32),
    ] as [(UInt64, Int)])
  func `bytes that do not fit the size are refused`(_ size: UInt64, _ count: Int) {
    #expect(TreeEdge(size: size, bytes: [UInt8](repeating: 7, count: count)) == nil)
  }

  @Test func `the largest size takes one leaf more without stopping`() throws {
    let bytes = [UInt8](repeating: 7, count: 63 * 32)
    var edge = try #require(TreeEdge(size: UInt64(Int64.max), bytes: bytes))
    edge.append(SHA256.hash([]))
    #expect(edge.size == 1 << 63)
    #expect(edge.bytes.count == 32)
    #expect(TreeEdge(size: edge.size, bytes: edge.bytes) == nil)
    #expect(TreeEdge(size: .max, bytes: [UInt8](repeating: 7, count: 64 * 32)) == nil)
  }
}
