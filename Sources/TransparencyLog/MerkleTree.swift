// The hashes of an RFC 9162 Merkle tree, and the plain definition of its root.
//
// Called by `TreeEdge` and by whatever proves or checks; calls `SHA256`. Invariant: a leaf and a
// node never have the same preimage, since their hashes begin with different bytes.

public import Crypto

/// The tree of RFC 9162, section 2.1, with SHA-256.
public enum MerkleTree {
  /// The hash of a leaf: of 0x00 and its data.
  public static func leafHash(_ data: [UInt8]) -> Digest {
    SHA256.hash(domain: 0x00, data)
  }

  /// The hash of a node: of 0x01 and the hashes of its two children.
  public static func nodeHash(_ left: Digest, _ right: Digest) -> Digest {
    SHA256.hash(domain: 0x01, left: left, right: right)
  }

  /// The root of the tree without leaves: the hash of nothing.
  public static let emptyRoot = SHA256.hash([])

  /// The root of the tree over these leaf hashes, by the recursion that defines it.
  ///
  /// Cost: one hash less than there are leaves. The route that audits use; appending uses
  /// `TreeEdge`.
  public static func root(ofLeaves leaves: [Digest]) -> Digest {
    root(of: leaves[...]) ?? emptyRoot
  }

  /// The root over a run of leaves; nil if it is empty.
  private static func root(of leaves: ArraySlice<Digest>) -> Digest? {
    guard leaves.count > 1 else { return leaves.first }
    let middle = leaves.startIndex + split(leaves.count)
    guard let left = root(of: leaves[..<middle]), let right = root(of: leaves[middle...]) else {
      return nil
    }
    return nodeHash(left, right)
  }

  /// The largest power of two below `count`, which is at least two.
  private static func split(_ count: Int) -> Int {
    1 << (Int.bitWidth - 1 - (count - 1).leadingZeroBitCount)
  }
}
