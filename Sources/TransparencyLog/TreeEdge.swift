// What must be known of a tree to append to it: the roots of its complete subtrees.
//
// Kept with a project's head and called by the planner of appends; calls `MerkleTree`. Invariant:
// one root for each one bit of the size, the largest subtree first.

public import Crypto

/// The right edge of a Merkle tree: its size and the roots of its maximal complete subtrees.
public struct TreeEdge: Hashable, Sendable {
  /// How many leaves the tree has.
  public private(set) var size: UInt64
  /// The root of a complete subtree for each one bit of `size`, the largest first.
  private var subtrees: [Digest]

  /// The edge of the tree without leaves.
  public init() {
    size = 0
    subtrees = []
  }

  /// The edge that was stored as `bytes`.
  ///
  /// Nil unless there are 32 bytes for each one bit of `size`, and `size` is below 2⁶³.
  public init?(size: UInt64, bytes: [UInt8]) {
    guard size <= Int64.max, bytes.count == size.nonzeroBitCount * Digest.byteCount else {
      return nil
    }
    self.size = size
    subtrees = stride(from: 0, to: bytes.count, by: Digest.byteCount).compactMap {
      Digest(bytes: bytes[$0..<$0 + Digest.byteCount])
    }
  }

  /// The roots of the complete subtrees one after the other, the largest first.
  public var bytes: [UInt8] {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(subtrees.count * Digest.byteCount)
    for subtree in subtrees { subtree.append(to: &bytes) }
    return bytes
  }

  /// Adds a leaf; one hash on average.
  ///
  /// Each subtree of the size of what is added joins it, as a one carries in binary addition.
  public mutating func append(_ leaf: Digest) {
    var added = leaf
    for _ in 0..<(~size).trailingZeroBitCount {
      guard let left = subtrees.popLast() else { break }
      added = MerkleTree.nodeHash(left, added)
    }
    subtrees.append(added)
    size &+= 1
  }

  /// The root of the tree; one hash for each subtree but one.
  public var root: Digest {
    guard let last = subtrees.last else { return MerkleTree.emptyRoot }
    return subtrees.dropLast().reversed().reduce(last) { right, left in
      MerkleTree.nodeHash(left, right)
    }
  }
}
