// The tree's hashes and root against the published vectors and against other routes.

import Crypto
import Testing
import TransparencyLog

/// The leaves of the Certificate Transparency reference tests.
let referenceLeaves = [
  "", "00", "10", "2021", "3031", "40414243", "5051525354555657",
  "606162636465666768696a6b6c6d6e6f",
].compactMap(Hex.decode)

/// The published roots over the first leaves, from none of them to all eight.
let referenceRoots = [
  "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
  "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
  "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
  "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
  "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
  "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
  "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
  "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
  "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]

/// Distinct leaf hashes.
func leaves(_ count: Int) -> [Digest] {
  (0..<count).map { MerkleTree.leafHash(Array("leaf \($0)".utf8)) }
}

@Suite struct MerkleTreeTests {
  /// The root by levels from the bottom up: neighbours pair, a last one without a neighbour rises.
  func rootByLevels(_ leaves: [Digest]) -> Digest {
    var level = leaves
    while level.count > 1 {
      level = stride(from: 0, to: level.count, by: 2).map { index in
        guard index + 1 < level.count else { return level[index] }
        let block = [0x01] + level[index].bytes + level[index + 1].bytes
        return SHA256.hash(block)
      }
    }
    return level.first ?? SHA256.hash([])
  }

  @Test(arguments: 0...8)
  func `the root over the reference leaves is the published one`(_ count: Int) {
    #expect(referenceLeaves.count == 8)
    let leaves = referenceLeaves.prefix(count).map(MerkleTree.leafHash)
    #expect(MerkleTree.root(ofLeaves: leaves).hex == referenceRoots[count])
  }

  @Test func `the inner nodes over the reference leaves are the published ones`() {
    let leaves = referenceLeaves.map(MerkleTree.leafHash)
    #expect(
      leaves[1].hex == "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7")
    #expect(
      leaves[7].hex == "46f6ffadd3d06a09ff3c5860d2755c8b9819db7df44251788c7d8e3180de8eb1")
    let node = MerkleTree.nodeHash(leaves[6], leaves[7])
    #expect(node.hex == "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0")
  }

  @Test func `the empty root is the hash of nothing`() {
    #expect(MerkleTree.emptyRoot.hex == referenceRoots[0])
  }

  @Test func `a leaf with the bytes of a node has another hash`() {
    let pair = leaves(2)
    let preimage = pair[0].bytes + pair[1].bytes
    #expect(MerkleTree.leafHash(preimage) != MerkleTree.nodeHash(pair[0], pair[1]))
    #expect(MerkleTree.nodeHash(pair[0], pair[1]) != MerkleTree.nodeHash(pair[1], pair[0]))
  }

  @Test func `the root of every size to 300 is the same by levels`() {
    let all = leaves(300)
    var roots: Set<Digest> = []
    for count in 0...300 {
      let some = Array(all.prefix(count))
      let root = MerkleTree.root(ofLeaves: some)
      #expect(root == rootByLevels(some), "\(count) leaves")
      roots.insert(root)
    }
    #expect(roots.count == 301)
  }
}
